"""What was received, byte for byte."""

from django.db import models

from integrations.models.connection import Connection


class InboxEvent(models.Model):
    """One delivery: committed before it is acknowledged, parsed afterwards."""

    class State(models.TextChoices):
        RECEIVED = "received", "Received"
        PROCESSED = "processed", "Processed"
        NOT_WANTED = "not_wanted", "Not wanted"
        QUARANTINED = "quarantined", "Quarantined"

    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="events"
    )
    delivery_id = models.CharField(max_length=200)
    topic = models.CharField(max_length=120, blank=True)
    event_id = models.CharField(max_length=200, blank=True)
    body = models.BinaryField()
    headers = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    received_at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=State, default=State.RECEIVED)
    reason = models.CharField(max_length=500, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-received_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "delivery_id"], name="delivery_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["received_at"],
                condition=models.Q(state="received"),
                name="inbox_to_do",
            )
        ]

    def __str__(self) -> str:
        return f"{self.topic or 'delivery'} {self.delivery_id}"
