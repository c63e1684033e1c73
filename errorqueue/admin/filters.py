"""How lists are narrowed: tabs with live counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest

from errorqueue.admin import paging
from errorqueue.admin.paging import counted, number
from errorqueue.admin.search import asker_of, search_of
from errorqueue.models import FailedRecord
from errorqueue.models.failed import IS_OPEN
from errorqueue.query import Parsed
from errorqueue.tabs import BY_KEY, ORDERS, TABS, Asker
from errorqueue.tabs import Tab as QueueTab

# How many of the newest lines are walked for a figure that no index gives.
NEAR = 20_000
# A tab with so few lines is gone through line by line.
FEW = 2_000
NEWEST = ORDERS[0].by
# Of a tab that shows everything.
EVERY = Q(pk__isnull=False)
# Where a request keeps its counts: the page shows them in two places.
_COUNTS = "_queue_counts"


@dataclass(frozen=True)
class Tab:
    """One tab above a list: its key in the address, its name, what it shows.

    `is_sum` says that other tabs show the same rows in parts.
    """

    key: str
    label: str
    where: Q
    is_sum: bool = False


class TabFilter(admin.SimpleListFilter):
    """Tabs with live counts above a list; the first one is shown by default.

    The counts obey the other filters and the search, and stop at 10,000.
    """

    title = "tab"
    parameter_name = "tab"
    template = "admin/tabs.html"
    is_tabs = True
    tabs: tuple[Any, ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(tab.key, tab.label) for tab in self.tabs]

    def current(self) -> Any:
        """Return the chosen tab; an unknown one counts as the first."""
        chosen = (tab for tab in self.tabs if tab.key == self.value())
        return next(chosen, self.tabs[0])

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(self.current().where)

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        counts = self._counts(changelist)
        current = self.current()
        for tab in self.tabs:
            yield {
                "selected": tab == current,
                "query_string": changelist.get_query_string(
                    {self.parameter_name: tab.key}
                ),
                "display": tab.label,
                "count": counts[tab.key],
                "told": number(counts[tab.key]),
                "is_sum": tab.is_sum,
            }

    def _counts(self, changelist: ChangeList) -> dict[str, int]:
        others = changelist.get_queryset(
            self.request, exclude_parameters=self.expected_parameters()
        )
        return {tab.key: counted(others.filter(tab.where)) for tab in self.tabs}


class QueueTabs(TabFilter):
    """The tabs of the error queue: what they show depends on who looks, and when."""

    template = "admin/errorqueue/failedrecord/tabs.html"
    tabs = TABS

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(self.current().where(asker_of(request)))

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        found = tab_counts(self.request)
        current = self.current()
        for tab in TABS:
            yield {
                "key": tab.key,
                "selected": tab == current,
                "query_string": changelist.get_query_string(
                    {self.parameter_name: tab.key}, ["p"]
                ),
                "display": tab.label,
                "help": tab.help,
                "count": found[tab.key].count,
                "told": found[tab.key].told,
                "is_sum": tab.is_sum,
            }


@dataclass(frozen=True)
class Figure:
    """How many lines a tab holds; `is_least` says that there may be more."""

    count: int
    is_least: bool

    @property
    def told(self) -> str:
        shown = number(self.count, paging.MOST_COUNTED)
        return f"{shown}+" if self.is_least and not shown.endswith("+") else shown


def tab_counts(request: HttpRequest) -> dict[str, Figure]:
    """Count each tab for the search of a request; no figure costs more than 10,000 rows.

    A figure is exact when the search finds few lines, or the tab holds few; of what
    is many on both sides it is the least there is.
    """
    known: dict[str, Figure] | None = getattr(request, _COUNTS, None)
    if known is None:
        is_plain = not search_of(request).terms
        known = _plain(asker_of(request)) if is_plain else _searched(request)
        setattr(request, _COUNTS, known)
    return known


def _plain(asker: Asker) -> dict[str, Figure]:
    """Count without a search: each tab has an index of its own."""
    lines = FailedRecord.objects
    return {
        tab.key: Figure(counted(lines.filter(tab.where(asker))), is_least=False)
        for tab in TABS
    }


def _searched(request: HttpRequest) -> dict[str, Figure]:
    """Count the hits of a search, the open ones and all of them, in two looks."""
    settled = [tab for tab in TABS if tab.is_settled]
    others = [tab for tab in TABS if not tab.is_settled]
    found = _figures(request, settled, BY_KEY["all"])
    found |= _figures(request, others, BY_KEY["open"])
    parsed, asker = search_of(request, tab=BY_KEY["open"]), asker_of(request)
    for tab in others:
        if tab.is_small and found[tab.key].is_least:
            found[tab.key] = _within(tab, parsed, asker) or found[tab.key]
    return found


def _figures(
    request: HttpRequest, tabs: list[QueueTab], whole: QueueTab
) -> dict[str, Figure]:
    """Count tabs whose lines are all shown by the tab `whole`."""
    parsed, asker = search_of(request, tab=whole), asker_of(request)
    hits = FailedRecord.objects.filter(parsed.where)
    if whole.is_settled:
        floor = 0 if parsed.is_narrow else _floor()
        near = hits.filter(pk__gt=floor).order_by() if floor else hits.order_by()
        return _parts(near, tabs, asker, whole.key, bool(floor))
    if parsed.is_wide and not parsed.is_narrow:
        near = hits.filter(IS_OPEN, pk__gt=_floor()).order_by()
        return _parts(near, tabs, asker, whole.key, is_least=True)
    near = hits.filter(IS_OPEN).order_by(*NEWEST)
    return _parts(near, tabs, asker, whole.key, is_least=False)


def _parts(
    hits: QuerySet, tabs: list[QueueTab], asker: Asker, whole: str, is_least: bool
) -> dict[str, Figure]:
    """Count the tabs among so many hits; the tab `whole` shows all of them."""
    most = paging.MOST_COUNTED
    # Closed lines are many, stand in no order here, and nobody works on them.
    most = min(most, FEW) if whole == "all" else most
    told = hits[: most + 1].aggregate(
        hits=Count("pk"),
        **{tab.key: Count("pk", filter=tab.where(asker) or EVERY) for tab in tabs},
    )
    is_cut = told["hits"] > most
    found = {tab.key: Figure(told[tab.key], is_least or is_cut) for tab in tabs}
    if is_cut:
        found[whole] = Figure(most, is_least=True)
    return found


def _within(tab: QueueTab, parsed: Parsed, asker: Asker) -> Figure | None:
    """Count the hits among the lines of a tab, if it holds few."""
    lines = FailedRecord.objects.filter(tab.where(asker)).order_by()
    few = list(lines.values_list("pk", flat=True)[: FEW + 1])
    if len(few) > FEW:
        return None
    among = FailedRecord.objects.filter(parsed.where, pk__in=few)
    return Figure(among.count(), is_least=False)


def _floor() -> int:
    """Return the line behind which hits are counted.

    What only a walk over millions of lines could count is counted among the newest.
    """
    newest = FailedRecord.objects.order_by("-pk").values_list("pk", flat=True).first()
    return max(0, (newest or 0) - NEAR)


class AlertTabs(TabFilter):
    """Incidents that last, and those that are over."""

    title = "state"
    tabs = (
        Tab("open", "Open", Q(closed_at=None)),
        Tab("closed", "Closed", Q(closed_at__isnull=False)),
        Tab("all", "All", Q(), is_sum=True),
    )
