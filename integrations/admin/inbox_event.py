"""Deliveries as they were received."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from errorqueue.admin.readonly import LongListAdmin
from errorqueue.masking import Eye
from integrations.admin.columns import body_text, json_text, moment, state_pill
from integrations.admin.filters import needs_me
from integrations.admin.links import list_link, openable
from integrations.models import Connection, InboxEvent, Removal, SyncRecord

WORDS = {
    InboxEvent.State.RECEIVED: "It is safe with us and will be read in a moment.",
    InboxEvent.State.PROCESSED: "It was read and entered into the ledger.",
    InboxEvent.State.NOT_WANTED: "It was read and set aside: no flow wants it.",
    InboxEvent.State.QUARANTINED: (
        "It could not be read. It stays here untouched, with a line in the error "
        "queue, until a person retries or excludes it."
    ),
}


@admin.register(InboxEvent)
class InboxEventAdmin(LongListAdmin):
    list_display = [
        "received_shown",
        "state_shown",
        "topic",
        "reason",
        "connection",
        "delivery_id",
        "records_shown",
    ]
    list_filter = [
        needs_me(Q(state=InboxEvent.State.QUARANTINED)),
        "state",
        "connection",
    ]
    list_select_related = ["connection"]
    search_fields = ["delivery_id"]
    search_help_text = "Whole delivery id."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if term:  # one index knows them, by connection
            known = list(Connection.objects.values_list("pk", flat=True))
            queryset = queryset.filter(connection__in=known, delivery_id=term)
        return queryset, False

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboxEvent]:
        ours = SyncRecord.objects.filter(event=OuterRef("pk")).order_by()
        counted = ours.values("event").annotate(count=Count("pk")).values("count")
        found = super().get_queryset(request).defer("body", "headers")
        may_open = openable(request.user, SyncRecord)
        return found.annotate(records_count=Subquery(counted), may_open=may_open)

    @admin.display(description="Received", ordering="received_at")
    def received_shown(self, event: InboxEvent) -> str:
        return moment(event.received_at)

    @admin.display(description="State", ordering="state")
    def state_shown(self, event: InboxEvent) -> SafeString:
        return state_pill(event)

    @admin.display(description="Records")
    def records_shown(self, event: Any) -> SafeString | str:
        if not event.records_count:
            return "–"
        only = {"event__id__exact": event.pk}
        return list_link(SyncRecord, event.records_count, event.may_open, **only)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        event = context["original"]
        eye = Eye(request.user, places=event.private_places().sources)
        context |= {
            "state_pill": state_pill(event),
            "explanation": WORDS[event.state],
            "headers": eye.reads(json_text(event.headers)),
            "body": eye.reads(body_text(event.raw)),
            "removed": Removal.objects.filter(event=event).first(),
            "size": len(event.raw),
            "records": event.records.select_related("flow"),
        }
        return super().render_change_form(request, context, *args, **kwargs)
