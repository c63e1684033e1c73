"""What look-ups found, and a way to ask again."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from errorqueue.admin.readonly import ReadOnlyAdmin
from integrations.admin.links import vendor_link
from integrations.models import CachedLookup


@admin.register(CachedLookup)
class CachedLookupAdmin(ReadOnlyAdmin):
    list_display = [
        "record",
        "by",
        "value",
        "target_shown",
        "label",
        "connection",
        "age",
    ]
    list_filter = ["connection", "record"]
    list_select_related = ["connection"]
    search_fields = ["value", "label", "target_id"]
    ordering = ["-found_at"]

    fields = [
        "connection",
        "record",
        "by",
        "value",
        "target_shown",
        "label",
        "found_at",
    ]

    actions = ["forget"]

    def has_forget_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("integrations.delete_cachedlookup")

    @admin.display(description="Found", ordering="target_id")
    def target_shown(self, found: CachedLookup) -> SafeString | str:
        return vendor_link(found.connection, found.record, found.target_id)

    @admin.display(description="Age", ordering="found_at")
    def age(self, found: CachedLookup) -> str:
        return timesince(found.found_at, depth=1)

    @admin.action(description="Forget selected look-ups", permissions=["forget"])
    def forget(self, request: HttpRequest, queryset: QuerySet[CachedLookup]) -> None:
        forgotten, _ = queryset.delete()
        text = f"Forgotten: {forgotten}. The target is asked again when needed."
        self.message_user(request, text, messages.SUCCESS)
