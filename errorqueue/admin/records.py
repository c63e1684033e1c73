"""What people did, and whom the console told: to read, never to change."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from errorqueue.admin.filters import AlertTabs
from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.models import Action, Alert
from errorqueue.templatetags.console import moment, pill


@admin.register(Action)
class ActionAdmin(ReadOnlyAdmin):
    list_display = ["done_at", "by", "verb", "failed", "reason"]
    list_filter = ["verb"]
    list_select_related = ["by", "failed"]
    search_fields = ["reason", "failed__reference", "by__username"]
    search_help_text = "Reason, order number or person"

    @admin.display(description="When", ordering="at")
    def done_at(self, action: Action) -> SafeString | str:
        return moment(action.at)


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    list_display = ["title", "state", "raised", "sent", "tries", "error"]
    list_filter = [AlertTabs]
    search_fields = ["title", "text"]
    search_help_text = "Words of the alert"
    fields = ["title", "text", "about", "state", "raised", "sent", "tries", "error"]

    @admin.display(description="State", ordering="closed_at")
    def state(self, alert: Alert) -> SafeString:
        return pill("Open", "bad") if alert.is_open else pill("Closed", "mute")

    @admin.display(description="Raised", ordering="raised_at")
    def raised(self, alert: Alert) -> SafeString | str:
        return moment(alert.raised_at)

    @admin.display(description="Sent", ordering="sent_at")
    def sent(self, alert: Alert) -> SafeString | str:
        return moment(alert.sent_at) if alert.sent_at else pill("Not yet", "warn")

    @admin.display(description="About")
    def about(self, alert: Alert) -> SafeString | str:
        if not alert.link.startswith("/"):
            return alert.link
        return format_html('<a href="{}">Open the page</a>', alert.link)
