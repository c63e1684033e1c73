"""One verb over many failed records, run by workers."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from errorqueue.models.cause import Cause
from errorqueue.models.failed import FailedRecord

ACTIVE_STATES = ("picking", "canary", "running", "undoing")


class BulkRun(models.Model):
    """A plan that a person saw and started: what, over which lines, how far it is.

    `query` is the filter as it stood in the address, asked again at the start;
    `seen` is how many lines the person was shown, `newest` the highest line then.
    Items are picked once, at the start, oldest first. Every step is a short
    transaction: a worker killed between two loses nothing.
    """

    class Verb(models.TextChoices):
        RETRY = "retry", "Retry"
        EXCLUDE = "exclude", "Exclude"
        RESOLVE = "resolve", "Resolve"
        PREFLIGHT = "preflight", "Pre-flight"
        ASSIGN = "assign", "Assign"
        TAG = "tag", "Tag"
        SNOOZE = "snooze", "Snooze"
        MEND = "mend", "Fix and retry"

    class State(models.TextChoices):
        PLANNED = "planned", "Not started"
        PICKING = "picking", "Choosing the records"
        CANARY = "canary", "Trying ten first"
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        STOPPED = "stopped", "Stopped: the first ten failed again"
        UNDOING = "undoing", "Being taken back"
        CANCELLED = "cancelled", "Cancelled"
        DONE = "done", "Done"

    ACTIVE = ACTIVE_STATES

    verb = models.CharField(max_length=10, choices=Verb)
    query = models.TextField(blank=True)
    chosen = models.JSONField(default=list)
    cause = models.ForeignKey(
        Cause, null=True, blank=True, on_delete=models.PROTECT, related_name="runs"
    )
    title = models.CharField(max_length=200, blank=True)
    options = models.JSONField(default=dict)
    reason = models.CharField(max_length=300, blank=True)
    plan = models.JSONField(default=dict)
    seen = models.PositiveIntegerField(default=0)
    newest = models.BigIntegerField(default=0)

    state = models.CharField(max_length=10, choices=State, default=State.PLANNED)
    note = models.CharField(max_length=300, blank=True)
    with_canary = models.BooleanField(default=False)
    # Where the picking has come to: lines are taken in order of arrival.
    picked_until = models.CharField(max_length=80, blank=True)
    total = models.PositiveIntegerField(default=0)

    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    made_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # One worker steps a run at a time, for as long as this lease lasts.
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(state__in=ACTIVE_STATES),
                name="bulk_active",
            )
        ]

    def __str__(self) -> str:
        return f"Bulk {self.pk} · {self.title}"

    @property
    def is_active(self) -> bool:
        return self.state in self.ACTIVE


class BulkItem(models.Model):
    """One line of a bulk run and what became of it."""

    class State(models.TextChoices):
        WAITING = "waiting", "Not yet"
        QUEUED = "queued", "Queued"
        DONE = "done", "Done"
        FAILED = "failed", "Failed again"
        SKIPPED = "skipped", "Skipped"
        UNDONE = "undone", "Taken back"

    run = models.ForeignKey(BulkRun, on_delete=models.CASCADE, related_name="items")
    line = models.ForeignKey(
        FailedRecord, on_delete=models.PROTECT, related_name="bulk_items"
    )
    position = models.PositiveIntegerField()
    is_canary = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    note = models.CharField(max_length=300, blank=True)
    queued_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "line"], name="bulk_line_once")
        ]
        indexes = [
            models.Index(F("run"), F("state"), F("position"), name="bulk_item_state"),
        ]

    def __str__(self) -> str:
        return f"{self.line.human_id} in bulk {self.run_id}"
