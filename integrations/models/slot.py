"""The shared allowance of an account: one row per request it allows at once."""

from django.db import models

from integrations.models.connection import Connection


class Slot(models.Model):
    """One of the requests a vendor allows at once, free when its lease has ended."""

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="slots"
    )
    number = models.PositiveSmallIntegerField()
    holder = models.CharField(max_length=120, blank=True)
    token = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["connection", "number"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "number"], name="slot_once")
        ]

    def __str__(self) -> str:
        return f"Slot {self.number} of {self.connection}"
