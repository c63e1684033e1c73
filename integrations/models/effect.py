"""What a draft would change, and what a version did change in its first hours."""

from django.conf import settings
from django.db import models

from integrations.models.flow import Flow
from integrations.models.record import SyncRecord
from mappings.models import MappingVersion


class EffectReport(models.Model):
    """A version tried over the last stored records, beside the one in force.

    Made by workers; nothing is sent. `money` holds the amounts by outcome and
    currency: {"failing": {"USD": "183.00"}}.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Could not be made"

    version = models.ForeignKey(
        MappingVersion, on_delete=models.CASCADE, related_name="effects"
    )
    against = models.ForeignKey(
        MappingVersion, null=True, on_delete=models.PROTECT, related_name="+"
    )
    digest = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    wanted = models.PositiveIntegerField(default=1000)
    seen = models.PositiveIntegerField(default=0)
    same = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    failing = models.PositiveIntegerField(default=0)
    passing = models.PositiveIntegerField(default=0)
    still_failing = models.PositiveIntegerField(default=0)
    money = models.JSONField(default=dict)
    note = models.CharField(max_length=500, blank=True)
    last_record = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Effect of {self.version}"


class EffectCase(models.Model):
    """One record on which the two versions differ; the differences field by field.

    `differences` is a list of [target field, before, after]; `problems` of sentences.
    """

    class Outcome(models.TextChoices):
        CHANGED = "changed", "Changed"
        FAILING = "failing", "Newly failing"
        PASSING = "passing", "Newly passing"

    report = models.ForeignKey(
        EffectReport, on_delete=models.CASCADE, related_name="cases"
    )
    record = models.ForeignKey(SyncRecord, on_delete=models.CASCADE, related_name="+")
    outcome = models.CharField(max_length=8, choices=Outcome)
    differences = models.JSONField(default=list)
    problems = models.JSONField(default=list)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["report", "record"], name="effect_once")
        ]

    def __str__(self) -> str:
        return f"{self.record}: {self.get_outcome_display()}"


class Watch(models.Model):
    """The first live records after a version went live on a flow.

    When more than `limit_percent` of them fail, the flow goes on hold by itself.
    """

    class State(models.TextChoices):
        WATCHING = "watching", "Watching"
        PASSED = "passed", "Passed"
        HELD = "held", "Put the flow on hold"
        ENDED = "ended", "Ended by another version"

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="watches")
    version = models.ForeignKey(
        MappingVersion, on_delete=models.CASCADE, related_name="watches"
    )
    state = models.CharField(max_length=8, choices=State, default=State.WATCHING)
    size = models.PositiveIntegerField(default=50)
    limit_percent = models.PositiveIntegerField(default=10)
    seen = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "watches"
        constraints = [
            models.UniqueConstraint(fields=["flow", "version"], name="watch_once")
        ]

    def __str__(self) -> str:
        return f"Watch of {self.version} on {self.flow}"
