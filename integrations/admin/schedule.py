"""What runs by the clock: when next, how the last time went, what is wrong."""

from typing import Any

from django.contrib import admin
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.safestring import SafeString

from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.clock import database_time
from errorqueue.templatetags.console import due, moment, pill
from integrations.admin.columns import with_note
from integrations.admin.filters import needs_me
from integrations.admin.saving import save_entered
from integrations.admin.schedule_form import ScheduleForm, in_words
from integrations.models import Schedule, ScheduleSlot
from integrations.sync.schedules import JOBS, rule_of

State = ScheduleSlot.State
SHOWN = 20
LATEST = ScheduleSlot.objects.filter(schedule=OuterRef("pk")).order_by("-due_at")
TONES = {
    State.STARTED: "wait",
    State.DONE: "good",
    State.FAILED: "bad",
    State.SKIPPED: "warn",
}


def slot_pill(state: str) -> SafeString:
    return pill(State(state).label, TONES[State(state)])


class SlotInline(admin.TabularInline):
    """The last times this schedule was due."""

    model = ScheduleSlot
    fields = ["due", "state_shown", "started", "ended", "message"]
    readonly_fields = ["due", "state_shown", "started", "ended", "message"]
    extra = 0
    can_delete = False
    verbose_name_plural = f"the last {SHOWN} times"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScheduleSlot]:
        found = request.resolver_match
        schedule_id = found.kwargs.get("object_id") if found else None
        slots = super().get_queryset(request).filter(schedule=schedule_id)
        return slots.filter(pk__in=list(slots.values_list("pk", flat=True)[:SHOWN]))

    @admin.display(description="Due")
    def due(self, slot: ScheduleSlot) -> SafeString | str:
        return moment(slot.due_at)

    @admin.display(description="State")
    def state_shown(self, slot: ScheduleSlot) -> SafeString:
        return slot_pill(slot.state)

    @admin.display(description="Started")
    def started(self, slot: ScheduleSlot) -> SafeString | str:
        return moment(slot.started_at)

    @admin.display(description="Ended")
    def ended(self, slot: ScheduleSlot) -> SafeString | str:
        return moment(slot.ended_at)


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    list_display = ["name", "state", "when", "next_run", "last_run"]
    search_fields = ["name"]
    list_filter = [needs_me(Q(is_enabled=False) | ~Q(problem=""))]

    form = ScheduleForm
    readonly_fields = ["what", "next_run", "trouble"]
    fieldsets = [
        (None, {"fields": ["what", "is_enabled", "next_run", "trouble"]}),
        ("When", {"fields": ["rule", "minutes", "at", "zone", "missed"]}),
    ]
    inlines = [SlotInline]

    actions = ["turn_on", "turn_off"]

    class Media:
        css = {"all": ["console/pages.css"]}

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Schedule]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                last_state=Subquery(LATEST.values("state")[:1]),
                last_due_at=Subquery(LATEST.values("due_at")[:1]),
                now=Now(),
            )
        )

    def save_model(
        self, request: HttpRequest, obj: Schedule, form: ScheduleForm, change: bool
    ) -> None:
        obj.since = database_time()
        save_entered(obj, form, "since")

    @admin.display(description="What it does")
    def what(self, schedule: Schedule) -> str:
        job = JOBS.get(schedule.job)
        return job.label if job else f"Unknown job “{schedule.job}”"

    @admin.display(description="State", ordering="is_enabled")
    def state(self, schedule: Schedule) -> SafeString | str:
        if not schedule.is_enabled:
            return pill("Off", "mute")
        if schedule.problem:
            return with_note(pill("Problem", "bad"), schedule.problem)
        return pill("On", "good")

    @admin.display(description="When")
    def when(self, schedule: Schedule) -> str:
        return in_words(schedule)

    @admin.display(description="Next run")
    def next_run(self, schedule: Any) -> SafeString | str:
        if not schedule.is_enabled:
            return "–"
        try:
            return due(next(rule_of(schedule).after(schedule.now)).due_at)
        except (ValueError, OverflowError):
            return "never, see the problem"

    @admin.display(description="Last run", ordering=F("last_due_at"))
    def last_run(self, schedule: Any) -> SafeString | str:
        if schedule.last_state is None:
            return "not yet"
        return with_note(slot_pill(schedule.last_state), moment(schedule.last_due_at))

    @admin.display(description="Problem")
    def trouble(self, schedule: Schedule) -> str:
        return schedule.problem or "none"

    @admin.action(description="Turn on", permissions=["change"])
    def turn_on(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """What was due while it was off is nobody's."""
        turned = queryset.filter(is_enabled=False).values_list("pk", flat=True)
        self._turn(request, queryset, list(turned), True)

    @admin.action(description="Turn off", permissions=["change"])
    def turn_off(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        turned = queryset.filter(is_enabled=True).values_list("pk", flat=True)
        self._turn(request, queryset, list(turned), False)

    def _turn(
        self,
        request: HttpRequest,
        queryset: QuerySet[Schedule],
        turned: list[int],
        on: bool,
    ) -> None:
        word = "on" if on else "off"
        chosen = len(queryset)
        for schedule in Schedule.objects.filter(pk__in=turned):
            self.log_change(request, schedule, f"Turned {word}.")
        Schedule.objects.filter(pk__in=turned).update(
            is_enabled=on, since=database_time()
        )
        self.message_user(request, f"Turned {word}: {len(turned)} of {chosen}.")
