"""Which worker groups are alive, and how the others ended."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.safestring import SafeString

from errorqueue.admin.filters import Tab, TabFilter
from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.templatetags.console import moment, pill
from integrations.admin.columns import with_note
from integrations.models import WorkerGroup

SILENT = timedelta(seconds=30)
BUSY = timedelta(seconds=5)


class AliveOrEnded(TabFilter):
    title = "state"
    tabs = (
        Tab("alive", "Alive", Q(ended_at=None)),
        Tab("ended", "Ended", Q(ended_at__isnull=False)),
        Tab("all", "All", Q()),
    )


@admin.register(WorkerGroup)
class WorkerGroupAdmin(ReadOnlyAdmin):
    list_display = ["machine", "state", "started", "proven", "seen", "tasks_done"]
    list_display_links = None
    list_filter = [AliveOrEnded]
    search_fields = ["host"]

    def has_view_permission(
        self, request: HttpRequest, obj: WorkerGroup | None = None
    ) -> bool:
        return obj is None and super().has_view_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkerGroup]:
        return super().get_queryset(request).annotate(now=Now())

    @admin.display(description="Machine", ordering="host")
    def machine(self, group: WorkerGroup) -> SafeString | str:
        return with_note(group.host, f"process {group.pid}")

    @admin.display(description="State")
    def state(self, group: Any) -> SafeString | str:
        if group.ended_at:
            return with_note(pill("Ended", "mute"), group.end_reason)
        if group.now - group.seen_at > SILENT:
            note = "gives no sign of life; others take over its work"
            return with_note(pill("Silent", "bad"), note)
        if group.canary_at is None:
            return pill("Starting", "wait")
        if group.busy_at and group.now - group.busy_at < BUSY:
            return pill("All workers busy", "wait")
        return pill("Working", "good")

    @admin.display(description="Started", ordering="started_at")
    def started(self, group: WorkerGroup) -> SafeString | str:
        return moment(group.started_at)

    @admin.display(description="Last test passed", ordering="canary_at")
    def proven(self, group: WorkerGroup) -> SafeString | str:
        return moment(group.canary_at)

    @admin.display(description="Last sign of life", ordering="seen_at")
    def seen(self, group: WorkerGroup) -> SafeString | str:
        return moment(group.ended_at or group.seen_at)

    @admin.display(description="Tasks finished", ordering="tasks")
    def tasks_done(self, group: WorkerGroup) -> str:
        return f"{group.tasks:,}"
