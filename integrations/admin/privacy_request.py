"""Privacy requests: by when, how far, the receipt, and what a person does about them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from errorqueue.admin.closed_links import may_open
from errorqueue.admin.filters import Tab, TabFilter
from errorqueue.admin.readonly import LongListAdmin
from errorqueue.clock import DatabaseTime, database_time
from errorqueue.masking import masked_email
from errorqueue.templatetags.console import pill
from integrations.admin.columns import day, moment, with_note
from integrations.admin.links import row_url
from integrations.models import AuditEntry, PrivacyRequest, SyncRecord
from integrations.models.privacy_request import SUBJECT
from integrations.sync.privacy import answering
from integrations.sync.privacy.answering import Refused
from integrations.sync.privacy.scope import under_way
from integrations.sync.privacy.telling import WARNING

State = PrivacyRequest.State
SETTLES, READS = "integrations.settle_privacyrequest", "integrations.read_privacyfile"
TONES = {
    State.OPEN: "wait",
    State.WAITING: "warn",
    State.PERSON: "bad",
    State.DONE: "good",
}
MOST_STEPS = 30


class RequestTabs(TabFilter):
    """What is not done comes first."""

    title = "state"
    tabs = (
        Tab("open", "Not done", Q(done_at=None)),
        Tab("person", "Needs a person", Q(state=State.PERSON)),
        Tab("all", "All", Q(pk__isnull=False), is_sum=True),
    )


@admin.register(PrivacyRequest)
class PrivacyRequestAdmin(LongListAdmin):
    list_display = ["number", "due_shown", "asked", "whose", "state_shown", "received"]
    list_display_links = ["number"]
    list_filter = [RequestTabs, "connection"]
    list_select_related = ["connection"]
    search_fields = ["=customer", "=mark"]
    search_help_text = "Whole customer id, or the shop's own number of the request."
    change_form_template = "admin/integrations/privacyrequest/change_form.html"
    fields = ["connection", "asked", "customer_shown", "orders_shown", "received"]
    readonly_fields = ["asked", "customer_shown", "orders_shown", "received"]

    class Media:
        css = {"all": ["console/pages.css", "console/environments.css"]}

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        asked: PrivacyRequest = context["original"]
        may = request.user.has_perm
        context |= {
            "state_pill": state_pill(asked),
            "due_pill": due_pill(asked, database_time()),
            "email": masked_email(asked.email, request.user),
            "may_settle": may(SETTLES),
            "may_hurry": may(SETTLES) and _can_hurry(asked),
            "may_read": may(READS) and asked.parts.exists(),
            "under_way": under_way(asked) if _can_hurry(asked) else 0,
            "receipt": asked.receipt,
            "counts": [(k, n) for k, n in asked.receipt.get("counts", {}).items() if n],
            "opens_records": may_open(request.user, SyncRecord),
            "steps": _steps(asked),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="Request", ordering="pk")
    def number(self, asked: PrivacyRequest) -> str:
        return asked.number

    @admin.display(description="Asked")
    def asked(self, asked: PrivacyRequest) -> str:
        return asked.get_wish_display()

    @admin.display(description="Of")
    def whose(self, asked: PrivacyRequest) -> SafeString | str:
        who = f"Customer {asked.customer}" if asked.customer else "Everybody"
        return with_note(who, str(asked.connection))

    def get_queryset(self, request: HttpRequest) -> Any:
        """Ask the clock with the rows, not once for each."""
        return super().get_queryset(request).annotate(now=DatabaseTime())

    @admin.display(description="State")
    def state_shown(self, asked: PrivacyRequest) -> SafeString | str:
        return with_note(state_pill(asked), asked.said)

    @admin.display(description="Due")
    def due_shown(self, asked: Any) -> SafeString | str:
        return with_note(day(asked.due_at), due_pill(asked, asked.now))

    @admin.display(description="Received")
    def received(self, asked: PrivacyRequest) -> str:
        return moment(asked.received_at)

    @admin.display(description="Customer")
    def customer_shown(self, asked: PrivacyRequest) -> str:
        return asked.customer or "everybody of this shop"

    @admin.display(description="Orders named")
    def orders_shown(self, asked: PrivacyRequest) -> str:
        return ", ".join(asked.orders) or "none"

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<int:pk>/<str:verb>/",
            self.admin_site.admin_view(require_POST(verb_view)),
            name="integrations_privacyrequest_verb",
        )
        # Behind the model's own: `<pk>/change/` and `<pk>/history/` are theirs.
        return [*super().get_urls(), own]


def state_pill(asked: PrivacyRequest) -> SafeString:
    return pill(asked.get_state_display(), TONES[State(asked.state)])


def due_pill(asked: PrivacyRequest, now: datetime) -> SafeString | str:
    """Say how near its day is, while it is not done."""
    if not asked.is_open:
        return ""
    if now >= asked.due_at:
        return pill("Overdue", "bad")
    left = (asked.due_at - now).days
    tone = "warn" if now >= asked.due_at - WARNING else "mute"
    return pill(f"{left} day{'' if left == 1 else 's'} left", tone)


def _can_hurry(asked: PrivacyRequest) -> bool:
    return not asked.is_for_data and asked.state in (State.OPEN, State.WAITING)


def _steps(asked: PrivacyRequest) -> list[AuditEntry]:
    noted = AuditEntry.objects.filter(subject=SUBJECT, subject_id=asked.pk)
    return list(noted.select_related("by").order_by("-pk")[:MOST_STEPS])


def verb_view(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Carry out an erasure now, settle a request, or hand out its file."""
    asked = get_object_or_404(PrivacyRequest, pk=pk)
    if verb not in VERBS:
        raise Http404
    right, act = VERBS[verb]
    if not request.user.has_perm(right):
        raise PermissionDenied
    try:
        return act(request, asked)
    except Refused as error:
        messages.error(request, str(error))
        return redirect(row_url(asked))


def _carry_out(request: HttpRequest, asked: PrivacyRequest) -> HttpResponse:
    if not request.POST.get("confirmed"):
        raise Refused("Tick that what is not settled is excluded and erased.")
    answering.carry_out_now(asked.pk, request.user, request.POST.get("reason", ""))
    messages.success(request, f"{asked} is carried out now, within a minute.")
    return redirect(row_url(asked))


def _settle(request: HttpRequest, asked: PrivacyRequest) -> HttpResponse:
    answering.settle(asked.pk, request.user, request.POST.get("reason", ""))
    messages.success(request, f"{asked} is done.")
    return redirect(row_url(asked))


def _file(request: HttpRequest, asked: PrivacyRequest) -> HttpResponse:
    content = answering.download(asked.pk, request.user)
    headers = {"Content-Disposition": f'attachment; filename="{asked}.json"'}
    return HttpResponse(content, content_type="application/json", headers=headers)


Verb = Callable[[HttpRequest, PrivacyRequest], HttpResponse]
VERBS: dict[str, tuple[str, Verb]] = {
    "carry-out": (SETTLES, _carry_out),
    "settle": (SETTLES, _settle),
    "file": (READS, _file),
}
