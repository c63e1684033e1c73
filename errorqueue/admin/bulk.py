"""The pages of bulk work: the plan, the progress, what failed again."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from errorqueue import undo
from errorqueue.admin.bulk_form import NotMeant, PlanForm, Wish, wish_of
from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.bulk import running
from errorqueue.bulk.plan import Plan, plan_of
from errorqueue.bulk.progress import Progress, progress_of
from errorqueue.bulk.rights import may_run
from errorqueue.masking import veil
from errorqueue.models import BulkItem, BulkRun, Cause, FailedRecord
from errorqueue.query import Unreadable
from errorqueue.templatetags.console import moment
from errorqueue.text import number_of

State = BulkRun.State
SHOWN = 50
TONES = {
    State.PLANNED: "mute",
    State.PICKING: "wait",
    State.CANARY: "wait",
    State.RUNNING: "wait",
    State.PAUSED: "warn",
    State.STOPPED: "bad",
    State.UNDOING: "warn",
    State.CANCELLED: "mute",
    State.DONE: "good",
}
BUTTONS = {
    "pause": running.pause,
    "resume": running.resume,
    "cancel": running.cancel,
}


@admin.register(BulkRun)
class BulkRunAdmin(ReadOnlyAdmin):
    """Runs, newest first; each has a page that follows it."""

    list_display = ["run", "state_pill", "done_of_all", "asked_by", "asked_at"]
    list_filter = ["state", "verb"]
    ordering = ["-pk"]
    list_select_related = ["by"]

    @admin.display(description="Bulk run")
    def run(self, run: BulkRun) -> SafeString:
        return format_html(
            '<span class="quiet-line">Bulk {}</span> {}', run.pk, run.title
        )

    @admin.display(description="State")
    def state_pill(self, run: BulkRun) -> SafeString:
        return format_html(
            '<span class="pill pill-{}">{}</span>',
            TONES[State(run.state)],
            run.get_state_display(),
        )

    @admin.display(description="Records")
    def done_of_all(self, run: BulkRun) -> str:
        failed = getattr(run, "failed", 0)
        told = f"{run.total - getattr(run, 'unsettled', 0):,} of {run.total:,}"
        return f"{told}, {failed:,} failed again" if failed else told

    @admin.display(description="Started by")
    def asked_by(self, run: BulkRun) -> str:
        return str(run.by or "Waybill")

    @admin.display(description="Started", ordering="pk")
    def asked_at(self, run: BulkRun) -> SafeString | str:
        return moment(run.made_at)

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkRun]:
        """Count by index, for the rows that are shown: a run may hold a million."""
        found: QuerySet[BulkRun] = super().get_queryset(request)
        return found.annotate(
            unsettled=_items("waiting", "queued"), failed=_items("failed")
        )

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "errorqueue_bulkrun"
        own = [
            path("plan/", view(require_POST(self.plan_view)), name=f"{name}_plan"),
            path(
                "<int:pk>/progress/", view(self.progress_view), name=f"{name}_progress"
            ),
            *(
                path(
                    f"<int:pk>/{verb}/",
                    view(require_POST(self.button_view)),
                    {"verb": verb},
                    name=f"{name}_{verb}",
                )
                for verb in (*BUTTONS, "undo")
            ),
        ]
        return [*own, *super().get_urls()]

    def plan_view(self, request: HttpRequest) -> HttpResponse:
        """Show what would be done to which lines; the second press starts it."""
        wish = wish_of(request)
        _refuse_without_right(request, wish.verb)
        try:
            wish.check()
            plan = plan_of(wish.lines())
        except (Unreadable, NotMeant) as problem:
            self.message_user(request, str(problem), messages.ERROR)
            return redirect(_queue_url(wish.query))
        veil(plan.sample, request.user)
        is_answer = "seen" in request.POST
        form = PlanForm(wish, plan, request.POST if is_answer else None)
        if is_answer and form.is_valid():
            try:
                return self._start(request, wish, form)
            except running.MoreMatch as reason:
                self.message_user(request, str(reason), messages.WARNING)
                form = form.renewed()
        return self._show_plan(request, wish, plan, form)

    def _show_plan(
        self, request: HttpRequest, wish: Wish, plan: Plan, form: PlanForm
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{wish.label} {plan.count:,} record{'s' * (plan.count != 1)}",
            "wish": wish,
            "plan": plan,
            "form": form,
            "queue_url": _queue_url(wish.query),
        }
        return TemplateResponse(request, "admin/errorqueue/bulkrun/plan.html", context)

    def _start(self, request: HttpRequest, wish: Wish, form: PlanForm) -> HttpResponse:
        run = running.start(
            wish.verb,
            request.user,
            query=wish.query,
            chosen=wish.chosen,
            cause=wish.cause,
            options=form.options(),
            reason=form.cleaned_data.get("reason", ""),
            with_canary=form.cleaned_data.get("with_canary", False),
            seen=form.cleaned_data["seen"],
            newest=form.cleaned_data["newest"],
        )
        return redirect("admin:errorqueue_bulkrun_change", run.pk)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a run: how far it is, what failed again and why."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = get_object_or_404(self._runs(), pk=number_of(object_id))
        progress = progress_of(run)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(run),
            "run": run,
            "tone": TONES[State(run.state)],
            "progress": progress,
            "undo_words": _undo_words(run, progress),
            "again": _failed_again(run),
            "again_url": _queue_url(f"tab=all&q=bulk:{run.pk}"),
            "skipped": run.items.filter(state="skipped").select_related("line")[:SHOWN],
            "money": run.plan.get("money", []),
            "may_run": _may(request, run.verb),
        }
        return TemplateResponse(request, "admin/errorqueue/bulkrun/run.html", context)

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer how far a run is, for the page that follows it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = get_object_or_404(BulkRun, pk=pk)
        told = progress_of(run).as_dict()
        return JsonResponse({**told, "tone": TONES[State(run.state)]})

    def button_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        """Pause, resume, cancel or take back a run."""
        run = get_object_or_404(BulkRun, pk=pk)
        _refuse_without_right(request, run.verb)
        try:
            _press(verb, run, request.user)
        except (running.NotNow, undo.TooLate) as reason:
            self.message_user(request, str(reason), messages.WARNING)
        return redirect("admin:errorqueue_bulkrun_change", run.pk)

    def _runs(self) -> QuerySet[BulkRun]:
        return BulkRun.objects.select_related("by", "cause")


def _undo_words(run: BulkRun, progress: Progress) -> str:
    """Return the words of the button that takes a run back; "" when nobody can.

    One under way is stopped and taken back whenever that is asked.
    """
    if run.verb not in undo.VERBS or run.state == State.UNDOING:
        return ""
    if run.ended_at is None:
        return "Take it all back"
    is_possible = progress.undo_seconds and (progress.done or progress.queued)
    return f"Undo (within {progress.undo_seconds} s)" if is_possible else ""


def _press(verb: str, run: BulkRun, by: Any) -> None:
    if verb == "undo":
        undo.take_back_run(run, by)
    else:
        BUTTONS[verb](run, by)


def _items(*states: str) -> Coalesce:
    """Return the count of a run's items in these states, asked for each row."""
    mine = BulkItem.objects.filter(run=OuterRef("pk"), state__in=states)
    counts = mine.order_by().values("run").annotate(count=Count("pk"))
    return Coalesce(Subquery(counts.values("count")), 0)


def _may(request: HttpRequest, verb: str) -> bool:
    return may_run(request.user, verb)


def _refuse_without_right(request: HttpRequest, verb: str) -> None:
    if not _may(request, verb):
        raise PermissionDenied


def _queue_url(query: str) -> str:
    address = reverse("admin:errorqueue_failedrecord_changelist")
    return f"{address}?{query}" if query else address


def _again_query(run: BulkRun, cause: int | None) -> str:
    of_cause = f"+cause:{cause}" if cause else ""
    return f"tab=all&q=bulk:{run.pk}{of_cause}"


def _failed_again(run: BulkRun) -> list[dict[str, Any]]:
    """Group what failed again by its cause as it is now, the largest first."""
    again = FailedRecord.objects.filter(
        bulk_items__run=run, bulk_items__state=BulkItem.State.FAILED
    )
    rows = again.values("cause", "kind").annotate(count=Count("pk"))
    largest = list(rows.order_by("-count")[:SHOWN])
    causes = Cause.objects.in_bulk([row["cause"] for row in largest if row["cause"]])
    return [
        {
            "text": causes.get(row["cause"], "Without a cause"),
            "kind": row["kind"],
            "count": row["count"],
            "url": _queue_url(_again_query(run, row["cause"])),
        }
        for row in largest
    ]
