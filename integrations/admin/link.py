"""Which ids belong together on both sides."""

from django.contrib import admin
from django.utils.safestring import SafeString

from errorqueue.admin.readonly import ReadOnlyAdmin
from integrations.admin.columns import moment
from integrations.admin.links import vendor_link
from integrations.models import Link


@admin.register(Link)
class LinkAdmin(ReadOnlyAdmin):
    list_display = [
        "source_connection",
        "source_entity",
        "source_id",
        "target_connection",
        "target_record",
        "target_shown",
        "external_id",
        "made_shown",
    ]
    list_filter = ["source_connection", "target_connection", "source_entity"]
    list_select_related = ["source_connection", "target_connection"]
    search_fields = ["source_id", "target_id", "external_id"]
    ordering = ["-made_at"]

    fields = [
        "source_connection",
        "source_entity",
        "source_id",
        "target_connection",
        "target_record",
        "target_shown",
        "external_id",
        "made_shown",
    ]

    @admin.display(description="Target id", ordering="target_id")
    def target_shown(self, link: Link) -> SafeString | str:
        return vendor_link(link.target_connection, link.target_record, link.target_id)

    @admin.display(description="Made", ordering="made_at")
    def made_shown(self, link: Link) -> str:
        return moment(link.made_at)
