"""The rows of the queue's list.

Django finds out anew for each cell which field it shows, whether it is a link and what
the list was filtered by: on a page of 50 lines that took more than the cells themselves.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.utils.safestring import SafeString

from errorqueue.admin.numbered import Address, numbered
from errorqueue.markup import filled, joined
from errorqueue.models import FailedRecord

# What shows one thing of a line; text is escaped, markup is not.
Draw = Callable[[FailedRecord], str]
CHECKBOX = "action_checkbox"
LINE = "admin:errorqueue_failedrecord_change"


@dataclass(frozen=True)
class Column:
    """One column of a page: what draws it, and the markup around each of its cells."""

    draw: Draw
    around: str

    def cell(self, line: FailedRecord, empty: str) -> SafeString:
        return filled(self.around, self.draw(line) or empty)


def rows_of(changelist: ChangeList) -> Iterator[SafeString]:
    """Draw the cells of each line, as Django's own list does; the first leads to it."""
    columns = list(_columns(changelist))
    empty = changelist.model_admin.get_empty_value_display()
    for line in changelist.result_list:
        yield joined("", (column.cell(line, empty) for column in columns))


def _columns(changelist: ChangeList) -> Iterator[Column]:
    links: Any = changelist.list_display_links
    for name in changelist.list_display:
        draw: Any = name if callable(name) else getattr(changelist.model_admin, name)
        if name == CHECKBOX:
            yield Column(draw, '<td class="action-checkbox">{}</td>')
        elif name in links:
            linked = _linked(draw, numbered(LINE, changelist.preserved_filters))
            yield Column(linked, f'<th class="field-{draw.__name__}">{{}}</th>')
        else:
            yield Column(draw, f'<td class="field-{draw.__name__}">{{}}</td>')


def _linked(draw: Draw, address: Address) -> Draw:
    def link(line: FailedRecord) -> SafeString:
        return filled('<a href="{}">{}</a>', address(line.pk), draw(line))

    return link
