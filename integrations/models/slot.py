"""The shared allowance of an account: one row per request it allows at once."""

from typing import NamedTuple

from django.db import models

from integrations.models.connection import Connection


class Limits(NamedTuple):
    """How many requests may be in flight at once, and how many of them by bulk flows.

    `limit` is what the account allows, or less while the vendor refuses that many.
    One slot at least is common, so that a reserve never stops bulk flows for good.
    """

    limit: int
    common: int


def limits_of(connection: Connection) -> Limits:
    """Return the limits of a connection as they were when it was read."""
    learnt = connection.learnt or connection.allowance
    limit = min(connection.allowance, learnt)
    return Limits(limit, max(limit - connection.reserve, min(limit, 1)))


class Slot(models.Model):
    """One of the requests a vendor allows at once, free when its lease has ended."""

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="slots"
    )
    number = models.PositiveSmallIntegerField()
    holder = models.CharField(max_length=120, blank=True)
    token = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    lane = models.CharField(max_length=12, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["connection", "number"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "number"], name="slot_once")
        ]

    def __str__(self) -> str:
        return f"Slot {self.number} of {self.connection}"


class SlotWait(models.Model):
    """Somebody who waits for a slot of a connection; counts until `until`."""

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="slot_waits"
    )
    holder = models.CharField(max_length=120)
    lane = models.CharField(max_length=12, blank=True)
    since = models.DateTimeField()
    until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.holder} waits for {self.connection}"


class SlotMinute(models.Model):
    """What one minute of a connection's slots was used for."""

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="slot_minutes"
    )
    minute = models.DateTimeField()
    calls = models.PositiveIntegerField(default=0)
    busy_ms = models.PositiveBigIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-minute"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "minute"], name="slot_minute_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.connection} {self.minute:%H:%M}"
