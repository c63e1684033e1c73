"""Every try to deliver a record."""

from django.db import models
from django.db.models import Q

from errorqueue.failures import Try
from integrations.models.exact import ExactJSONField
from integrations.models.record import SyncRecord
from mappings.models import MappingVersion


class Attempt(models.Model):
    """One try to deliver a record, written before its request leaves."""

    class Outcome(models.TextChoices):
        OPEN = "open", "In flight"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"
        UNKNOWN = "unknown", "Unknown: settled by look-up"

    # Nobody knows what these did at the target.
    UNSETTLED = (Outcome.OPEN, Outcome.UNKNOWN)

    record = models.ForeignKey(
        SyncRecord, on_delete=models.PROTECT, related_name="attempts"
    )
    number = models.PositiveIntegerField()
    token = models.BigIntegerField()
    version = models.PositiveIntegerField()
    mapping = models.ForeignKey(
        MappingVersion, null=True, on_delete=models.PROTECT, related_name="+"
    )
    external_id = models.CharField(max_length=200, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    payload = ExactJSONField(null=True, blank=True)
    worker = models.CharField(max_length=120, blank=True)
    started_at = models.DateTimeField()
    # How long it waited for a slot, and which credentials it went with.
    waited_ms = models.PositiveIntegerField(null=True, blank=True)
    # An older version beside this one writes neither, hence the default there.
    credentials = models.CharField(max_length=40, blank=True, db_default="")
    milliseconds = models.PositiveIntegerField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.OPEN)
    kind = models.CharField(max_length=12, blank=True)
    message = models.TextField(blank=True)
    exchanges = models.JSONField(default=list)

    class Meta:
        ordering = ["record", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["record", "number"], name="attempt_number_once"
            )
        ]
        indexes = [
            # For people who look at what did not go well, newest first.
            models.Index(
                fields=["outcome", "id"],
                condition=~Q(outcome="delivered"),
                name="attempt_outcome",
            ),
            models.Index(
                fields=["kind", "id"], condition=~Q(kind=""), name="attempt_kind"
            ),
        ]

    def __str__(self) -> str:
        return f"Try {self.number} of {self.record}"

    def as_try(self) -> Try:
        return Try(
            number=self.number,
            started_at=self.started_at,
            milliseconds=self.milliseconds,
            outcome=self.get_outcome_display(),
            message=self.message,
            mapping=str(self.mapping or ""),
            exchanges=self.exchanges,
            worker=self.worker,
            waited_ms=self.waited_ms,
            credentials=self.credentials,
        )
