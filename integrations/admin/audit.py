"""The audit trail: who or what moved which record, and when."""

from django.contrib import admin
from django.db.models import Case, F, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Concat, NullIf
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.templatetags.console import pill
from integrations.admin.columns import TONES, moment
from integrations.models import AuditEntry, Connection, InboxEvent, SyncRecord
from integrations.models.privacy_request import SUBJECT

PAGES = {
    "record": "integrations_syncrecord",
    "inbox": "integrations_inboxevent",
    "connection": "integrations_connection",
    "payout": "reconciliation_payout",
    SUBJECT: "integrations_privacyrequest",
}
STATES = {state.value: state.label for state in (*InboxEvent.State, *SyncRecord.State)}
WORD_TONES = {str(state): tone for state, tone in TONES.items()}


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["at_shown", "story", "state_shown", "who", "detail", "seal_shown"]
    list_filter = ["verb", "subject", "at"]
    list_select_related = ["by"]
    search_fields = ["=subject_id", "detail", "by__username"]
    search_help_text = "A record's number in Waybill, an id at the target, or a user."
    ordering = ["-pk"]
    fields = [
        "at",
        "story",
        "before",
        "after",
        "detail",
        "by",
        "worker",
        "token",
        "version",
        "seal_shown",
    ]
    readonly_fields = ["story", "seal_shown"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        return super().get_queryset(request).annotate(**_names())

    @admin.display(description="When", ordering="pk")
    def at_shown(self, entry: AuditEntry) -> str:
        return moment(entry.at)

    @admin.display(description="What happened")
    def story(self, entry: AuditEntry) -> SafeString:
        name = str(entry.name or f"{entry.subject} {entry.subject_id}")  # type: ignore[attr-defined]
        page = f"admin:{PAGES.get(entry.subject, '')}_change"
        if entry.subject not in PAGES:
            return format_html("{}: {}", name, entry.verb)
        address = reverse(page, args=[entry.subject_id])
        shown = name[:1].upper() + name[1:]
        return format_html('<a href="{}">{}</a>: {}', address, shown, entry.verb)

    @admin.display(description="State now")
    def state_shown(self, entry: AuditEntry) -> SafeString | str:
        if not entry.after:
            return ""
        return pill(
            STATES.get(entry.after, entry.after), WORD_TONES.get(entry.after, "mute")
        )

    @admin.display(description="By")
    def who(self, entry: AuditEntry) -> str:
        return str(entry.by or "Waybill")

    @admin.display(description="Sealed", boolean=True)
    def seal_shown(self, entry: AuditEntry) -> bool:
        return entry.seal_id is not None


def _names() -> dict[str, Coalesce]:
    """Name what an entry is about in words, without a question for each row."""
    title = Coalesce(NullIf(F("label"), Value("")), F("source_key"))
    record = SyncRecord.objects.filter(pk=OuterRef("subject_id")).annotate(
        title=Concat(F("flow__source_entity"), Value(" "), title)
    )
    connection = Connection.objects.filter(pk=OuterRef("subject_id"))
    return {
        "name": Coalesce(
            _when("record", Subquery(record.values("title")[:1])),
            _when("connection", Subquery(connection.values("name")[:1])),
        )
    }


def _when(subject: str, name: Subquery) -> Case:
    return Case(When(subject=subject, then=name), default=None)
