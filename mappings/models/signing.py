"""Signatures under versions, and the scenarios that a signer saw run."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from mappings.models.document import MappingVersion


class Scenario(models.Model):
    """One thing the business wants to see before it signs.

    `key` names the code that plays it; `source` is the record it starts from, and
    `changes` are made to it before it is sent: a path, a value and why, each in words.
    """

    class Outcome(models.TextChoices):
        DELIVERED = "delivered", "It stands at the target, once and as mapped"
        STOPPED = "stopped", "It is stopped before anything is written, with a reason"

    class Group(models.TextChoices):
        EDGE = "edge", "Edge case"
        BREAK = "break", "Break test"
        OWN = "own", "Own case"

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    group = models.CharField(max_length=6, choices=Group)
    source_system = models.CharField(max_length=20)
    source_entity = models.CharField(max_length=40)
    key = models.CharField(max_length=40)
    what = models.TextField(help_text="What is done, in words.")
    expected = models.TextField(help_text="What must come of it, in words.")
    outcome = models.CharField(
        max_length=10, choices=Outcome, default=Outcome.DELIVERED
    )
    source = models.JSONField(null=True, blank=True)
    changes = models.JSONField(default=list, blank=True)
    is_required = models.BooleanField(default=True)
    origin = models.CharField(max_length=200, blank=True)
    made_at = models.DateTimeField(null=True, blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        ordering = ["group", "name"]

    def __str__(self) -> str:
        return self.name


class ScenarioRun(models.Model):
    """One run of a scenario with one version: the evidence, kept as it was.

    `connection` is the slug of the sandbox. A worker holds it by `token` until
    `lease_until`; what has ended never changes, but that it may go stale.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        PASSED = "passed", "Passed"
        FAILED = "failed", "Failed"
        STALE = "stale", "Stale: the sandbox was refreshed"

    scenario = models.ForeignKey(
        Scenario, on_delete=models.PROTECT, related_name="runs"
    )
    version = models.ForeignKey(
        MappingVersion, on_delete=models.PROTECT, related_name="runs"
    )
    digest = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    connection = models.CharField(max_length=80, blank=True)
    account = models.CharField(max_length=120, blank=True)
    flow = models.CharField(max_length=60, blank=True)
    sku = models.CharField(max_length=120, blank=True)
    namespace = models.CharField(max_length=40, blank=True)
    given = models.JSONField(null=True, blank=True)
    made = models.JSONField(null=True, blank=True)
    exchanges = models.JSONField(default=list, help_text="All that went over the line.")
    steps = models.JSONField(default=list, help_text="What happened: time, words.")
    links = models.JSONField(default=list, help_text="Label and address of each.")
    verdict = models.CharField(max_length=500, blank=True)
    asked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    token = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        permissions = [("run_scenario", "Can run acceptance scenarios")]
        indexes = [
            models.Index(
                fields=["asked_at"],
                condition=models.Q(state__in=["waiting", "running"]),
                name="run_unfinished",
            )
        ]

    def __str__(self) -> str:
        return f"{self.scenario} with {self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self._refuse_ended()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        self._refuse_ended()
        return super().delete(*args, **kwargs)

    def _refuse_ended(self) -> None:
        """Raise ValidationError when it has ended: evidence is never rewritten."""
        ended = ScenarioRun.objects.filter(pk=self.pk, ended_at__isnull=False)
        if self.pk and ended.exists():
            raise ValidationError(f"Run {self.pk} has ended. Run the scenario again.")


class Signature(models.Model):
    """Who signed or refused a version, over which content, having seen what."""

    class Role(models.TextChoices):
        BUSINESS = "business", "Business"
        FINANCE = "finance", "Finance"

    class Answer(models.TextChoices):
        SIGNED = "signed", "Signed"
        REFUSED = "refused", "Refused"

    version = models.ForeignKey(
        MappingVersion, on_delete=models.PROTECT, related_name="signatures"
    )
    role = models.CharField(max_length=8, choices=Role, default=Role.BUSINESS)
    answer = models.CharField(max_length=8, choices=Answer)
    digest = models.CharField(max_length=64)
    note = models.CharField(max_length=500, blank=True)
    runs = models.ManyToManyField(ScenarioRun, blank=True, related_name="+")
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    # Set when what was seen is no longer true, as after a refresh of the sandbox.
    stale_at = models.DateTimeField(null=True, blank=True)
    stale_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.get_answer_display()} by {self.by}"

    @property
    def counts(self) -> bool:
        """Say whether it still speaks for the content of its version."""
        current = self.stale_at is None and self.digest == self.version.digest
        return current and self.answer == self.Answer.SIGNED
