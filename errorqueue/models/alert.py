"""Messages to people: rows first, sent by a worker afterwards."""

from django.db import models


class Alert(models.Model):
    """A message to people: a row first, sent by a worker afterwards.

    One incident (`key`) has one open alert; it is closed when the cause is gone.
    """

    key = models.CharField(max_length=200)
    title = models.CharField(max_length=200)
    text = models.TextField()
    link = models.CharField(max_length=300, blank=True)
    raised_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    try_at = models.DateTimeField()
    error = models.CharField(max_length=300, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-raised_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["key"],
                condition=models.Q(closed_at__isnull=True),
                name="one_open_alert_per_incident",
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.closed_at is None
