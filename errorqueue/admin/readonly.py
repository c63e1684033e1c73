"""What pages about machine-made rows share."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from errorqueue.admin.closed_links import LinksForReaders
from errorqueue.admin.paging import BoundedPaginator


class ReadOnlyAdmin(LinksForReaders, admin.ModelAdmin):
    """Rows that nobody adds, edits or deletes by hand."""

    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions: Any = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LongListAdmin(ReadOnlyAdmin):
    """A list that grows for ever: newest first, sorted by nothing without an index."""

    sortable_by = ()
    ordering = ("-pk",)
