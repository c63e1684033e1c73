"""The page of a flow: its ends, its mapping, its rules, and what stands in it."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from errorqueue.admin.closed_links import LinksForReaders
from errorqueue.templatetags.console import pill
from integrations.admin import flow_breaker, standing
from integrations.admin.columns import with_note
from integrations.admin.filters import needs_me
from integrations.admin.flow_form import FlowForm
from integrations.admin.links import list_link, openable
from integrations.admin.rhythm import examples_of, rhythm_pill
from integrations.admin.saving import save_entered
from integrations.models import Dependency, Flow, SyncRecord, Watch
from integrations.operations import ledger
from integrations.studio import watching
from integrations.sync import flows
from mappings.models import MappingVersion

State = SyncRecord.State
SHOWN = (State.WAITING, State.HELD, State.FAILED)
ENDS = ["source", "source_entity", "target", "target_record"]
# The watch that put a flow on hold last.
HOLDING = Watch.objects.filter(flow=OuterRef("pk"), state=Watch.State.HELD)
STILL = Q(is_enabled=False) | Q(held_at__isnull=False)
FAILED = SyncRecord.objects.filter(state=State.FAILED).order_by()
# Looked for as far as failed records are counted.
BROKEN = Q(pk__in=FAILED.values("flow")[: ledger.MOST])


class OnOff(admin.SimpleListFilter):
    """Offers flows that are on, and those that are off."""

    title = "state"
    parameter_name = "is_enabled__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "On"), ("0", "Off")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() not in ("0", "1"):
            return queryset
        return queryset.filter(is_enabled=self.value() == "1")


class FlowList(ChangeList):
    """The list of flows, each with how many records it has where.

    They are counted beside the list and to a limit: joined in, they would read the
    whole ledger.
    """

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        figures = ledger.flow_figures()
        told = {state: ledger.told(figures, state) for state in SHOWN}
        self.result_list: list[Any] = list(self.result_list)
        for flow in self.result_list:
            flow.told = {state: told[state].get(flow.pk, "0") for state in SHOWN}


class PlainChoices:
    """Leaves out the icons beside choices that edit what is chosen."""

    def formfield_for_dbfield(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Any:
        field = super().formfield_for_dbfield(  # type: ignore[misc]
            db_field, request, **kwargs
        )
        if isinstance(getattr(field, "widget", None), RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field


class DependencyInline(PlainChoices, admin.TabularInline):
    """Which records must come first."""

    model = Dependency
    fk_name = "flow"
    extra = 0
    verbose_name = "record that must come first"
    verbose_name_plural = "records that must come first"


@admin.register(Flow)
class FlowAdmin(LinksForReaders, PlainChoices, admin.ModelAdmin):
    list_display = [
        "name",
        "moves",
        "mode",
        "enabled_shown",
        "rhythm_shown",
        "version_shown",
        "waiting",
        "held",
        "failed",
    ]
    list_filter = [needs_me(BROKEN | STILL), OnOff]
    list_select_related = ["source", "target", "mapping", "rhythm"]
    search_fields = ["name", "slug"]

    form = FlowForm
    fieldsets = [
        (None, {"fields": ["name", "slug", "is_enabled"]}),
        ("What moves", {"fields": [*ENDS, "mode", "mapping"]}),
        (
            "When",
            {
                "fields": [
                    "lane",
                    "priority",
                    "poll_minutes",
                    "hold_hours",
                    "retry_schedule",
                ]
            },
        ),
        ("Alerts", {"fields": ["alert_at_once"]}),
        (
            "Breaker",
            {"fields": ["breaker_percent", "breaker_least", "breaker_minutes"]},
        ),
    ]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [DependencyInline]

    actions = ["turn_on", "turn_off"]

    class Media:
        css = {"all": ["console/pages.css"]}

    def has_delete_permission(
        self, request: HttpRequest, obj: Flow | None = None
    ) -> bool:
        if obj is None or obj.records.exists():  # a used flow is turned off instead
            return False
        return super().has_delete_permission(request, obj)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Flow | None = None
    ) -> list[str]:
        shown = ["rhythm_shown", "examples_shown"] if obj else []
        return [*ENDS, *shown] if obj and obj.records.exists() else shown

    def get_fieldsets(self, request: HttpRequest, obj: Flow | None = None) -> Any:
        found = list(super().get_fieldsets(request, obj))
        if obj:
            found.insert(1, ("Rhythm", {"fields": rhythm_fields(obj)}))
        return found

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Flow | None = None
    ) -> dict[str, Any]:
        return {} if obj else dict(self.prepopulated_fields)

    def save_model(
        self, request: HttpRequest, obj: Flow, form: FlowForm, change: bool
    ) -> None:
        if change:
            save_entered(obj, form)
            if "mapping" in form.changed_data:
                watching.took_document(obj, request.user)
        else:
            super().save_model(request, obj, form, change)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        flow = context.get("original")
        if flow:
            context["breaker"] = breaker_shown(flow, request.user)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Flow]:
        published = MappingVersion.objects.filter(state=MappingVersion.State.PUBLISHED)
        in_force = Prefetch(
            "mapping__versions",
            queryset=published.select_related("document"),
            to_attr="in_force",
        )
        return (
            super()
            .get_queryset(request)
            .annotate(
                watch=Subquery(HOLDING.order_by("-pk").values("pk")[:1]),
                may_open_watch=openable(request.user, MappingVersion),
                may_open_records=openable(request.user, SyncRecord),
            )
            .prefetch_related(in_force)
        )

    @admin.display(description="Source → target")
    def moves(self, flow: Flow) -> str:
        start = f"{flow.source} {flow.source_entity}"
        return f"{start} → {flow.target} {flow.target_record}"

    @admin.display(description="On", ordering="is_enabled")
    def enabled_shown(self, flow: Flow) -> SafeString | str:
        if not flow.is_enabled:
            return pill("Off", "mute")
        return held_pill(flow) if flow.held_at else pill("On", "good")

    @admin.display(description="Rhythm")
    def rhythm_shown(self, flow: Flow) -> SafeString | str:
        return rhythm_pill(flow)

    @admin.display(description="Sent last")
    def examples_shown(self, flow: Any) -> SafeString | str:
        return examples_of(flow, flow.may_open_records)

    @admin.display(description="Mapping in force")
    def version_shown(self, flow: Flow) -> SafeString | str:
        found = getattr(flow.mapping, "in_force", [])
        return str(found[0]) if found else pill("None published", "bad")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[FlowList]:
        return FlowList

    @admin.display(description="Waiting")
    def waiting(self, flow: Any) -> SafeString | str:
        return count_link(flow, State.WAITING)

    @admin.display(description="On hold")
    def held(self, flow: Any) -> SafeString | str:
        return count_link(flow, State.HELD)

    @admin.display(description="Failed")
    def failed(self, flow: Any) -> SafeString | str:
        return count_link(flow, State.FAILED)

    @admin.action(description="Turn on", permissions=["change"])
    def turn_on(self, request: HttpRequest, queryset: QuerySet[Flow]) -> None:
        self._turn(request, queryset, flows.turn_on, "on")

    @admin.action(description="Turn off", permissions=["change"])
    def turn_off(self, request: HttpRequest, queryset: QuerySet[Flow]) -> None:
        self._turn(request, queryset, flows.turn_off, "off")

    def _turn(
        self,
        request: HttpRequest,
        queryset: QuerySet[Flow],
        verb: Callable[[Flow], bool],
        word: str,
    ) -> None:
        turned = 0
        for flow in queryset:
            try:
                if verb(flow):
                    self.log_change(request, flow, f"Turned {word}.")
                    turned += 1
            except flows.NoMapping as error:
                self.message_user(request, str(error), messages.ERROR)
        self.message_user(request, f"Turned {word}: {turned} of {len(queryset)}.")


def rhythm_fields(flow: Flow) -> Any:
    """Return what of the rhythm is shown: examples only beside a hint."""
    rhythm = getattr(flow, "rhythm", None)
    return ["rhythm_shown", *(["examples_shown"] if rhythm and rhythm.hint else [])]


def breaker_shown(flow: Flow, user: Any) -> dict[str, Any]:
    """Return what the page of a flow says of its breaker, and who may act."""
    state = standing.breaker_of(flow)
    return {
        "state": state,
        "tone": standing.TONES[state],
        "why": f"{flow.hold_reason.rstrip('.')}.",
        "next": standing.next_step(flow),
        "rule": standing.rule_in_words(flow),
        "waiting": standing.waiting_behind(flow) if flow.held_at else 0,
        "is_watch": is_of_watch(flow),
        "may_act": user.has_perm(flow_breaker.RIGHT),
        "openings": standing.openings_of(flow),
    }


def is_of_watch(flow: Flow) -> bool:
    """Say whether a watch put it on hold; an earlier version named nobody else."""
    return flow.held_at is not None and flow.hold_kind in ("", Flow.Hold.WATCH)


def held_pill(flow: Any) -> SafeString | str:
    """Say that a flow is on hold, with the page where a person answers."""
    if not is_of_watch(flow):
        tone = "warn" if flow.probing_since else "bad"
        half = " (half-open)" if flow.probing_since else ""
        shown = pill(f"On hold{half}", tone)
        return with_note(shown, standing.next_step(flow))
    shown = pill("On hold", "bad")
    if not (flow.watch and flow.may_open_watch):
        return shown
    address = reverse("admin:integrations_watch", args=[flow.watch])
    return format_html('{} <a class="quiet-line" href="{}">Decide</a>', shown, address)


def count_link(flow: Any, state: str) -> SafeString | str:
    count = flow.told.get(state, "0")
    if count == "0":
        return count
    only = {"flow__id__exact": flow.pk, "state__exact": state}
    return list_link(SyncRecord, count, flow.may_open_records, **only)
