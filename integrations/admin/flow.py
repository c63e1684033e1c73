"""The page of a flow: its ends, its mapping, its rules, and what stands in it."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from errorqueue.templatetags.console import pill
from integrations.admin.filters import needs_me
from integrations.admin.flow_form import FlowForm
from integrations.admin.links import list_link
from integrations.admin.saving import save_entered
from integrations.models import Dependency, Flow, SyncRecord
from integrations.studio import watching
from integrations.sync import flows
from mappings.models import MappingVersion

State = SyncRecord.State
ENDS = ["source", "source_entity", "target", "target_record"]
STILL = Q(is_enabled=False) | Q(held_at__isnull=False)
BROKEN = Q(pk__in=SyncRecord.objects.filter(state=State.FAILED).values("flow"))


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
class FlowAdmin(PlainChoices, admin.ModelAdmin):
    list_display = [
        "name",
        "moves",
        "mode",
        "enabled_shown",
        "version_shown",
        "waiting",
        "held",
        "failed",
    ]
    list_filter = [needs_me(BROKEN | STILL), "is_enabled"]
    list_select_related = ["source", "target", "mapping"]
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
        return ENDS if obj and obj.records.exists() else []

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
                waiting=Count("records", filter=Q(records__state=State.WAITING)),
                held=Count("records", filter=Q(records__state=State.HELD)),
                failed=Count("records", filter=Q(records__state=State.FAILED)),
            )
            .prefetch_related(in_force)
        )

    @admin.display(description="Source → target")
    def moves(self, flow: Flow) -> str:
        start = f"{flow.source} {flow.source_entity}"
        return f"{start} → {flow.target} {flow.target_record}"

    @admin.display(description="On", ordering="is_enabled")
    def enabled_shown(self, flow: Flow) -> SafeString:
        if not flow.is_enabled:
            return pill("Off", "mute")
        return pill("On hold", "bad") if flow.held_at else pill("On", "good")

    @admin.display(description="Mapping in force")
    def version_shown(self, flow: Flow) -> SafeString | str:
        found = getattr(flow.mapping, "in_force", [])
        return str(found[0]) if found else pill("None published", "bad")

    @admin.display(description="Waiting", ordering="waiting")
    def waiting(self, flow: Any) -> SafeString | str:
        return count_link(flow, flow.waiting, State.WAITING)

    @admin.display(description="On hold", ordering="held")
    def held(self, flow: Any) -> SafeString | str:
        return count_link(flow, flow.held, State.HELD)

    @admin.display(description="Failed", ordering="failed")
    def failed(self, flow: Any) -> SafeString | str:
        return count_link(flow, flow.failed, State.FAILED)

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


def count_link(flow: Flow, count: int, state: str) -> SafeString | str:
    if not count:
        return "0"
    return list_link(SyncRecord, count, flow__id__exact=flow.pk, state__exact=state)
