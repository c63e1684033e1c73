"""Our own schedules: each slot of time runs at most once, whatever starts twice."""

from django.db import models


class Schedule(models.Model):
    """When a named job runs: every so many minutes, or at a local time of day.

    Slots of time up to `since` are nobody's: it was made, changed or turned on then.
    """

    class Rule(models.TextChoices):
        EVERY = "every", "Every so many minutes"
        DAILY = "daily", "Daily at a local time"

    class Missed(models.TextChoices):
        RUN = "run", "Run once as soon as possible"
        SKIP = "skip", "Skip and say so"

    name = models.CharField(max_length=80, unique=True)
    job = models.CharField(max_length=40)
    rule = models.CharField(max_length=8, choices=Rule, default=Rule.EVERY)
    minutes = models.PositiveIntegerField(default=60)
    at = models.TimeField(null=True, blank=True)
    zone = models.CharField(max_length=60, default="UTC")
    missed = models.CharField(max_length=4, choices=Missed, default=Missed.RUN)
    is_enabled = models.BooleanField(default=True)
    since = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ScheduleSlot(models.Model):
    """One slot of time of a schedule; the unique key lets it run once.

    `key` is the local date and time with its zone for daily rules, the count of
    periods for the others, so that a change of the clocks can neither double nor drop
    a day.
    """

    class State(models.TextChoices):
        STARTED = "started", "Started"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped"

    schedule = models.ForeignKey(
        Schedule, on_delete=models.CASCADE, related_name="slots"
    )
    key = models.CharField(max_length=60)
    due_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State, default=State.STARTED)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=120, blank=True)
    message = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-due_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["schedule", "key"], name="schedule_slot_once"
            )
        ]
        indexes = [
            models.Index(fields=["schedule", "-due_at"], name="schedule_slot_newest"),
            models.Index(
                fields=["started_at"],
                condition=models.Q(state="started"),
                name="schedule_slot_started",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.schedule} {self.key}"
