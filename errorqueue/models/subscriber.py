"""Other programs that hear of the queue by signed webhooks."""

from django.db import models
from django.db.models import Q

from errorqueue.models.failed import FailedRecord


class Subscriber(models.Model):
    """An address that is told when a line opens or is resolved."""

    name = models.CharField(max_length=80, unique=True)
    url = models.URLField(max_length=300)
    sealed_secret = models.TextField(editable=False)
    events = models.JSONField(default=list, help_text='Any of "opened", "resolved".')
    is_active = models.BooleanField(default=True)
    paused_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = "webhook"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Notice(models.Model):
    """One message to one subscriber: written with the change it tells of."""

    subscriber = models.ForeignKey(
        Subscriber, on_delete=models.CASCADE, related_name="notices"
    )
    line = models.ForeignKey(FailedRecord, on_delete=models.PROTECT, related_name="+")
    event = models.CharField(max_length=10)
    body = models.JSONField()
    made_at = models.DateTimeField()
    try_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = "webhook message"
        ordering = ["-pk"]
        indexes = [
            models.Index(
                # By subscriber: what is kept for one that is paused is passed over.
                fields=["subscriber", "try_at"],
                condition=Q(sent_at__isnull=True, given_up_at__isnull=True),
                name="notice_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.line.human_id} to {self.subscriber}"
