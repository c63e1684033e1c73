"""How these lists are narrowed."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from errorqueue.admin.filters import Tab, TabFilter
from errorqueue.failures import KIND_CHOICES


def needs_me(wanted: Q) -> type[TabFilter]:
    """Make tabs for a list whose rows need a person when `wanted` holds."""
    tabs = (Tab("all", "All", Q()), Tab("person", "Needs a person", wanted))
    return type("NeedsMe", (TabFilter,), {"title": "need", "tabs": tabs})


class KindFilter(admin.SimpleListFilter):
    """Offers every kind of failure; asking which ones occur would read all rows."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return KIND_CHOICES

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        known = self.value() in dict(KIND_CHOICES)
        return queryset.filter(kind=self.value()) if known else queryset
