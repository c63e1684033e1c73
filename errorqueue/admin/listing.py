"""The list of the error queue: its order, what its rows need, what stands above it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.templatetags.admin_list import result_headers
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, Prefetch, QuerySet, prefetch_related_objects
from django.http import HttpRequest, QueryDict
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from errorqueue import values
from errorqueue.admin.filters import Figure
from errorqueue.admin.paging import BoundedPaginator
from errorqueue.admin.rows import rows_of
from errorqueue.admin.search import search_of
from errorqueue.failures import LIGHT_CHOICES, FailureKind
from errorqueue.masking import veil
from errorqueue.models import FailedRecord, SavedView
from errorqueue.models.people import mine_or_shared
from errorqueue.query import value_in, with_term
from errorqueue.tabs import ORDERS, Tab, order_of, tab_of

Status = FailedRecord.Status
# Their record may be at work right now, and the row says what it does.
MOVING = (Status.RETRYING, Status.WAITING)
# Hits that can be paged through when nobody knows how many there are.
MOST_PAGED = 500
# Whole answers of the other side: no row shows them.
UNSHOWN = ("raw", "first_error")
# What an address of the list is made of; the page number is left out on purpose.
PARTS = ("tab", "q", "o")
AGES = (
    ("<1h", "Under 1 hour"),
    ("<1d", "Under 1 day"),
    (">4h", "Over 4 hours"),
    (">1d", "Over 1 day"),
    (">1w", "Over a week"),
)


@dataclass(frozen=True)
class Choice:
    """One entry of a menu above the list."""

    label: str
    query: str
    is_on: bool


@dataclass(frozen=True)
class Menu:
    """A menu that puts one qualifier into the search, for who does not type."""

    title: str
    choices: list[Choice]

    @property
    def chosen(self) -> str:
        """Return what is chosen, or nothing for "Any"."""
        return next((each.label for each in self.choices[1:] if each.is_on), "")


class QueuePages(BoundedPaginator):
    """Pages of a tab: its figure is known, or is counted along the list's own order.

    Of the hits of a common word only the first ones are paged through: each further
    one costs a walk over what lies between.
    """

    figure: Figure | None = None

    @property
    def most(self) -> int:
        is_known = self.figure is not None and not self.figure.is_least
        return super().most if is_known else min(super().most, MOST_PAGED)

    @cached_property
    def found(self) -> int:
        if self.figure is not None and not self.figure.is_least:
            return self.figure.count
        return len(self.object_list.values_list("pk", flat=True)[: self.most + 1])


class QueueList(ChangeList):
    """What the template of the error queue asks for; a constant number of queries."""

    request: HttpRequest

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        self.request = request
        super().__init__(request, *args)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> Any:
        return order_of(self.tab, request.GET.get("o"))

    def get_results(self, request: HttpRequest) -> None:
        self.queryset = self.queryset.defer(*UNSHOWN)
        super().get_results(request)
        self.result_list = dressed(list(self.result_list))
        veil(self.result_list, request.user)

    @property
    def headers(self) -> list[dict[str, Any]]:
        return list(result_headers(self))

    @property
    def rows(self) -> Iterator[SafeString]:
        return rows_of(self)

    @property
    def tab(self) -> Tab:
        return tab_of(self.request.GET.get("tab"))

    @property
    def problems(self) -> tuple[str, ...]:
        """Say what in the search could not be read."""
        return search_of(self.request).problems

    @property
    def words(self) -> list[str]:
        return search_of(self.request).words

    @cached_property
    def address(self) -> str:
        """Return the address of this list, as it is saved, shared and planned by."""
        return address_of(self.request.GET)

    @property
    def is_plain(self) -> bool:
        """Whether this is the queue as it is opened: then nothing here is nothing."""
        return self.tab.key == "open" and not self.query

    @property
    def orders(self) -> list[Choice]:
        """Return the orders of this tab; what is settled has only one."""
        if self.tab.is_settled:
            return []
        chosen = self.request.GET.get("o", "last")
        return [
            Choice(order.label, self._with(o=order.key), order.key == chosen)
            for order in ORDERS
        ]

    @property
    def order_label(self) -> str:
        chosen = (order.label for order in self.orders if order.is_on)
        return next(chosen, ORDERS[0].label)

    @property
    def menus(self) -> list[Menu]:
        kinds = [(kind.value, kind.value.capitalize()) for kind in FailureKind]
        flows = [(flow, flow) for flow in values.flows()[:30]]
        return [
            self._menu("Kind", "kind", kinds),
            self._menu("Flow", "flow", flows),
            self._menu("Age", "age", list(AGES)),
            self._menu(
                "Pre-flight", "light", [*LIGHT_CHOICES, ("none", "Not looked at")]
            ),
        ]

    @cached_property
    def views(self) -> list[dict[str, Any]]:
        """Return the saved views this person may open, their own first."""
        user = self.request.user
        found = SavedView.objects.filter(mine_or_shared(user)).select_related("owner")
        return sorted(
            (
                {
                    "view": view,
                    "is_mine": view.owner_id == user.pk,
                    "is_on": view.query == self.address,
                }
                for view in found[:100]
            ),
            key=lambda each: (not each["is_mine"], each["view"].name.casefold()),
        )

    @property
    def view_name(self) -> str:
        """Return the name of the saved view that is shown, or nothing."""
        chosen = (each["view"].name for each in self.views if each["is_on"])
        return next(chosen, "")

    def _menu(self, title: str, name: str, choices: list[tuple[str, str]]) -> Menu:
        text = self.request.GET.get("q", "")
        now = value_in(text, name)
        offered = [("", "Any"), *choices]
        return Menu(
            title,
            [
                Choice(label, self._with(q=with_term(text, name, value)), value == now)
                for value, label in offered
            ],
        )

    def _with(self, **changes: str) -> str:
        return "?" + address_of(self.request.GET, **changes)


def address_of(asked: QueryDict, **changes: str) -> str:
    """Return the parts of a list's address that say what it shows."""
    told = {part: changes.get(part, asked.get(part, "")) for part in PARTS}
    return urlencode({part: value for part, value in told.items() if value})


def dressed(lines: list[FailedRecord]) -> list[FailedRecord]:
    """Fetch what rows show besides their own columns: four queries for any number."""
    tags = Prefetch("tags", to_attr="shown_tags")
    prefetch_related_objects(lines, tags, "assignee", "cause")
    prefetch_related_objects(
        [line for line in lines if line.status in MOVING], "subject"
    )
    behind = dict(
        FailedRecord.objects.filter(blocked_by__in=[line.pk for line in lines])
        .order_by()
        .values_list("blocked_by")
        .annotate(count=Count("pk"))
    )
    for line in lines:
        line.behind = behind.get(line.pk, 0)  # type: ignore[attr-defined]
    return lines


def lines_of(request: HttpRequest, ids: list[int]) -> list[FailedRecord]:
    """Return these lines as rows, for a page that is open already."""
    lines = dressed(list(FailedRecord.objects.filter(pk__in=ids)))
    veil(lines, request.user)
    return lines
