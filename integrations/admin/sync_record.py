"""The ledger: every source object on its way, and where it stands."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from errorqueue.admin.closed_links import may_open
from errorqueue.admin.readonly import LongListAdmin
from errorqueue.masking import Eye, masked_email, may_see, veil
from errorqueue.models import FailedRecord
from errorqueue.services import NotOpen
from errorqueue.wording import exact_time, money
from integrations.admin.attempt import shown
from integrations.admin.columns import json_text, moment, state_pill, with_note
from integrations.admin.editing import edit_view
from integrations.admin.filters import needs_me
from integrations.admin.links import row_link, row_url, vendor_link
from integrations.admin.record_search import whole
from integrations.models import InboxEvent, SyncRecord
from integrations.models.removal import removed_from
from integrations.sync.editing import NotEditable, try_now

State = SyncRecord.State
MENDABLE = (State.WAITING, State.HELD, State.FAILED)
STUCK = (*MENDABLE, State.EXCLUDED)


@admin.register(SyncRecord)
class SyncRecordAdmin(LongListAdmin):
    list_display = [
        "title_shown",
        "state_shown",
        "amount_shown",
        "flow",
        "target_shown",
        "tries_shown",
        "changed_shown",
    ]
    list_filter = [
        needs_me(Q(state=State.FAILED) | Q(state=State.HELD)),
        "state",
        "flow",
        "target_connection",
    ]
    list_select_related = [
        "flow__source",
        "flow__target",
        "target_connection",
        "held_on__flow",
    ]
    search_fields = ["label"]
    search_help_text = "Whole order number, e-mail, or id of either side."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return queryset.filter(whole(search_term)), False

    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncRecord]:
        heavy = ["source", "edited", "held_on__source", "held_on__edited"]
        return super().get_queryset(request).defer(*heavy)

    @admin.display(description="Record", ordering="label")
    def title_shown(self, record: SyncRecord) -> SafeString | str:
        return with_note(str(record), record.party)

    @admin.display(description="State", ordering="state")
    def state_shown(self, record: SyncRecord) -> SafeString | str:
        return with_note(state_pill(record), state_note(record))

    @admin.display(description="Amount", ordering="amount")
    def amount_shown(self, record: SyncRecord) -> str:
        return money(record.amount, record.currency)

    @admin.display(description="Target id", ordering="target_id")
    def target_shown(self, record: SyncRecord) -> SafeString | str:
        return target_link(record)

    @admin.display(description="Changed", ordering="changed_at")
    def changed_shown(self, record: SyncRecord) -> str:
        return moment(record.changed_at)

    @admin.display(description="Tries", ordering="tries")
    def tries_shown(self, record: SyncRecord) -> int:
        return record.tries

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        name = "integrations_syncrecord"
        return [
            path("<int:pk>/edit/", view(edit_view), name=f"{name}_edit"),
            path("<int:pk>/try/", view(self.try_view), name=f"{name}_try"),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context |= record_context(context["original"], request)
        return super().render_change_form(request, context, *args, **kwargs)

    @method_decorator(require_POST)
    def try_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not request.user.has_perm("errorqueue.retry_failedrecord"):
            raise PermissionDenied
        record = get_object_or_404(SyncRecord, pk=pk)
        try:
            try_now(record, request.user)
        except (NotOpen, NotEditable) as error:
            self.message_user(request, str(error), messages.WARNING)
        else:
            self.message_user(request, f"{record} is due now.", messages.SUCCESS)
        return redirect(row_url(record))


def state_note(record: SyncRecord) -> str:
    """Say in words what a record waits for, when it goes again, or why it does not."""
    if record.state == State.HELD:
        until = f", until {moment(record.hold_until)}" if record.hold_until else ""
        return hold_words(record) + until
    if record.state == State.WAITING and record.tries:
        return f"next try {moment(record.due_at)}, {record.tries} so far"
    return record.exclusion if record.state == State.EXCLUDED else ""


def hold_words(record: SyncRecord) -> str:
    if record.hold == SyncRecord.Hold.RECORD and record.held_on:
        return f"waits for {record.held_on}"
    return record.hold_reason or record.get_hold_display()


def target_link(record: SyncRecord) -> SafeString | str:
    flow = record.flow
    return vendor_link(flow.target, flow.target_record, record.target_id)


def record_context(record: SyncRecord, request: HttpRequest) -> dict[str, Any]:
    """Gather what the page of a record shows, and what this person may do."""
    may = request.user.has_perm
    lines = list(FailedRecord.objects.about(record).order_by("-pk"))
    veil(lines, request.user)
    tries = record.attempts.select_related("mapping__document").order_by("-number")
    private = record.private_places(one.mapping for one in tries)
    at_source = Eye(request.user, places=private.sources)
    at_target = at_source.but_for(private.targets)
    return {
        "record": record,
        "removed": removed_from(record),
        "state_pill": state_pill(record),
        "state_note": state_note(record),
        "facts": [fact for fact in facts_of(record, request.user) if fact[1]],
        "lines": lines,
        "attempts": [shown(attempt, at_target, record) for attempt in tries],
        "source_json": at_source.reads(json_text(record.source)),
        "edited_json": at_source.reads(json_text(record.edited)),
        "may_try": record.state in STUCK and may("errorqueue.retry_failedrecord"),
        "may_edit": any(line.is_open for line in lines)
        and record.state in MENDABLE
        and may("errorqueue.edit_failedrecord")
        and may_see(request.user),
    }


def facts_of(record: SyncRecord, user: Any) -> list[tuple[str, Any]]:
    """Return what people ask first about a record: business facts, then ids."""
    flow = record.flow
    delivered = f"{exact_time(record.delivered_at)}, version {record.delivered_version}"
    return [
        ("Customer", record.party),
        ("E-mail", masked_email(record.email, user)),
        ("Amount", money(record.amount, record.currency)),
        ("SKUs", record.skus),
        ("From → to", f"{flow.source} → {flow.target}"),
        (f"{flow.target} id", target_link(record) or "not delivered yet"),
        ("Delivered", delivered if record.delivered_at else ""),
        ("Changed", exact_time(record.changed_at)),
        ("Version", record.version),
        ("Source id", record.source_key),
        ("External id", record.external_id),
        ("Received as", row_link(record.event, may_open(user, InboxEvent))),
    ]
