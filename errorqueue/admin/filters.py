"""How lists are narrowed: tabs with live counts, and by age."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from errorqueue.admin.paging import MOST_COUNTED, counted, number
from errorqueue.clock import database_time
from errorqueue.models import FailedRecord

Status = FailedRecord.Status


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
    tabs: tuple[Tab, ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(tab.key, tab.label) for tab in self.tabs]

    def current(self) -> Tab:
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


class StatusTabs(TabFilter):
    """Open lines first; what is settled stays one click away."""

    title = "status"
    tabs = (
        Tab("open", "Open", Q(status__in=FailedRecord.OPEN), is_sum=True),
        Tab("person", "Needs a person", Q(status=Status.FAILED)),
        Tab("auto", "Retries by itself", Q(status=Status.WAITING)),
        Tab("queued", "Queued", Q(status=Status.RETRYING)),
        Tab("resolved", "Resolved", Q(status=Status.RESOLVED)),
        Tab("excluded", "Excluded", Q(status=Status.EXCLUDED)),
        Tab("all", "All", Q(), is_sum=True),
    )


class AlertTabs(TabFilter):
    """Incidents that last, and those that are over."""

    title = "state"
    tabs = (
        Tab("open", "Open", Q(closed_at=None)),
        Tab("closed", "Closed", Q(closed_at__isnull=False)),
        Tab("all", "All", Q(), is_sum=True),
    )


class RecentValuesFilter(admin.AllValuesFieldListFilter):
    """Offers the values of the newest 10,000 lines; asking all would read them all."""

    def __init__(self, field: Any, request: HttpRequest, *args: Any, **kw: Any) -> None:
        super().__init__(field, request, *args, **kw)
        newest = FailedRecord.objects.order_by("-pk").values("pk")[:MOST_COUNTED]
        found = FailedRecord.objects.filter(pk__in=newest).order_by(field.name)
        self.lookup_choices = found.values_list(field.name, flat=True).distinct()


class AgeFilter(admin.SimpleListFilter):
    """Since when it fails."""

    title = "age"
    parameter_name = "age"
    bounds = {
        "under-1h": ("Under 1 hour", "first_failed_at__gte", timedelta(hours=1)),
        "under-1d": ("Under 1 day", "first_failed_at__gte", timedelta(days=1)),
        "over-4h": ("Over 4 hours", "first_failed_at__lt", timedelta(hours=4)),
        "over-1d": ("Over 1 day", "first_failed_at__lt", timedelta(days=1)),
        "over-7d": ("Over 7 days", "first_failed_at__lt", timedelta(days=7)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(key, label) for key, (label, _, _) in self.bounds.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() not in self.bounds:
            return queryset
        _, lookup, age = self.bounds[str(self.value())]
        return queryset.filter(**{lookup: database_time() - age})
