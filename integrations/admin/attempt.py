"""Every try to deliver a record, with what went over the line."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from errorqueue.admin.detail import shown_exchange
from errorqueue.admin.readonly import LongListAdmin
from errorqueue.masking import Eye
from integrations.admin.columns import json_text, moment, state_pill
from integrations.admin.filters import KindFilter, needs_me
from integrations.admin.links import openable, row_link
from integrations.admin.record_search import MOST_RECORDS, whole
from integrations.models import Attempt, SyncRecord
from integrations.models.removal import removed_from


@admin.register(Attempt)
class AttemptAdmin(LongListAdmin):
    list_display = [
        "number",
        "record_shown",
        "started_shown",
        "outcome_shown",
        "kind",
        "message",
        "mapping",
        "milliseconds",
    ]
    list_filter = [
        needs_me(Q(outcome=Attempt.Outcome.UNKNOWN)),
        "outcome",
        KindFilter,
    ]
    list_select_related = ["record__flow", "mapping__document"]
    search_fields = ["record__label"]
    search_help_text = "Whole order number, e-mail, or id of either side."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Attempt]:
        heavy = ["payload", "exchanges", "record__source", "record__edited"]
        may_open = openable(request.user, SyncRecord)
        return super().get_queryset(request).defer(*heavy).annotate(may_open=may_open)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        records = SyncRecord.objects.filter(whole(search_term)).order_by()
        found = list(records.values_list("pk", flat=True)[:MOST_RECORDS])
        return queryset.filter(record__in=found), False

    @admin.display(description="Record", ordering="record")
    def record_shown(self, attempt: Any) -> SafeString | str:
        return row_link(attempt.record, attempt.may_open)

    @admin.display(description="Started", ordering="started_at")
    def started_shown(self, attempt: Attempt) -> str:
        return moment(attempt.started_at)

    @admin.display(description="Outcome", ordering="outcome")
    def outcome_shown(self, attempt: Attempt) -> SafeString:
        return state_pill(attempt, "outcome")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        attempt = context["original"]
        private = attempt.record.private_places([attempt.mapping])
        context["attempt"] = shown(attempt, Eye(request.user, places=private.targets))
        return super().render_change_form(request, context, *args, **kwargs)


def shown(
    attempt: Attempt, eye: Eye, record: SyncRecord | None = None
) -> dict[str, Any]:
    """Return what the pages show of a try to one person."""
    emptied = not attempt.exchanges and attempt.payload is None
    return {
        "removed": removed_from(record or attempt.record) if emptied else None,
        "row": attempt,
        "pill": state_pill(attempt, "outcome"),
        "payload": eye.reads(json_text(attempt.payload)),
        "exchanges": [shown_exchange(one, eye) for one in attempt.exchanges],
    }
