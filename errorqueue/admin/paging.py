"""Lists that stay quick whatever they hold: nothing is counted or paged without end."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

MOST_COUNTED = 10_000


def counted(rows: QuerySet[Any], most: int = MOST_COUNTED) -> int:
    """Count rows, never more than one past `most`: a list that long costs no more."""
    return rows.order_by().values("pk")[: most + 1].count()


def number(count: int, most: int = MOST_COUNTED) -> str:
    """Return a count as people read it: "10,000+" when it was cut."""
    return f"{most:,}+" if count > most else f"{count:,}"


class BoundedPaginator(Paginator):
    """Pages through the first 10,000 rows; what lies behind is found by narrowing."""

    object_list: Any

    @property
    def most(self) -> int:
        """Return how many rows can be paged through."""
        return MOST_COUNTED

    @cached_property
    def found(self) -> int:
        if isinstance(self.object_list, QuerySet):
            return counted(self.object_list, self.most)
        return len(self.object_list)

    @cached_property
    def count(self) -> int:
        return min(self.found, self.most)

    @property
    def is_cut(self) -> bool:
        """Whether there are more rows than can be paged through."""
        return self.found > self.most

    @property
    def told(self) -> str:
        """Return the honest count."""
        return number(self.found, self.most)
