"""Incidents that people are told of, and each message about them: rows first."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q

from errorqueue.models.cause import Cause
from errorqueue.models.failed import FailedRecord
from errorqueue.models.team import AlertRule, Channel, Team


class Alert(models.Model):
    """An incident that people are told of: a row first, its messages are sent later.

    One incident (`key`) has one open alert; it is closed when the cause is gone.
    `count` and `money` are what it concerned at its height. `planned_at` is when its
    first messages were written, `sent_at` when the first of all of them left.
    """

    class Kind(models.TextChoices):
        """What it is about: kinds of failures, and troubles of another sort."""

        INVENTORY = "inventory", "Inventory failure"
        ACCESS = "access", "Access refused"
        DATA = "data", "Wrong data"
        MAPPING = "mapping", "Mapping"
        CONFLICT = "conflict", "Both sides changed"
        DEPENDENCY = "dependency", "Another record is missing"
        TEMPORARY = "temporary", "Tries used up"
        LIMIT = "limit", "Limit of a vendor"
        INTERNAL = "internal", "Fault of Waybill"
        CONNECTION = "connection", "Connection away"
        SILENCE = "silence", "Silence or gap"
        DEADLINE = "deadline", "Due or overdue"
        OTHER = "other", "Anything else"

    key = models.CharField(max_length=200)
    title = models.CharField(max_length=200)
    text = models.TextField()
    link = models.CharField(max_length=300, blank=True)
    raised_at = models.DateTimeField()
    try_at = models.DateTimeField()
    planned_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    kind = models.CharField(max_length=12, choices=Kind, default=Kind.OTHER)
    flow = models.CharField(max_length=120, blank=True)
    source = models.CharField(max_length=120, blank=True)
    connection = models.CharField(max_length=120, blank=True)
    cause = models.ForeignKey(
        Cause, null=True, blank=True, on_delete=models.PROTECT, related_name="alerts"
    )
    line = models.ForeignKey(
        FailedRecord, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    is_urgent = models.BooleanField(default=False)
    began_at = models.DateTimeField(null=True, blank=True)
    count = models.PositiveIntegerField(default=0)
    money = models.JSONField(default=dict)
    # How many powers of ten were told, in how many messages, and when the last left.
    grown = models.PositiveSmallIntegerField(default=0)
    growths = models.PositiveSmallIntegerField(default=0)
    grown_at = models.DateTimeField(null=True, blank=True)

    rule = models.ForeignKey(
        AlertRule, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    steps_done = models.PositiveSmallIntegerField(default=0)
    step_at = models.DateTimeField(null=True, blank=True)
    owes_end = models.BooleanField(default=False)

    seen_at = models.DateTimeField(null=True, blank=True)
    seen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        ordering = ["-raised_at"]
        permissions = [("acknowledge_alert", "Can acknowledge and take alerts")]
        constraints = [
            models.UniqueConstraint(
                fields=["key"],
                condition=models.Q(closed_at__isnull=True),
                name="one_open_alert_per_incident",
            )
        ]
        indexes = [
            models.Index(
                fields=["try_at"],
                condition=Q(planned_at__isnull=True),
                name="alert_unplanned",
            ),
            models.Index(
                fields=["closed_at"],
                condition=Q(owes_end=True),
                name="alert_owes_end",
            ),
            models.Index(fields=["-raised_at"], name="alert_raised"),
            models.Index(fields=["key", "closed_at"], name="alert_key"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def began(self) -> datetime:
        """Return when what it tells of began to fail."""
        return self.began_at or self.raised_at


class MessageQuerySet(models.QuerySet["Message"]):
    def unsent(self) -> "MessageQuerySet":
        return self.filter(sent_at=None, dropped_at=None, carried_by=None)

    def due(self, now: datetime) -> "MessageQuerySet":
        return self.unsent().filter(try_at__lte=now)

    @transaction.atomic
    def drop(self, now: datetime) -> None:
        """Have these not be sent, but for those in whose text others stand.

        They are locked first, as whoever puts another one into a text does.
        """
        locked = list(self.unsent().select_for_update().values_list("pk", flat=True))
        alone = Message.objects.filter(pk__in=locked, carries__isnull=True)
        alone.update(dropped_at=now)


class Message(models.Model):
    """One message to one channel or person; without either, to ALERT_EMAILS.

    What is `carried_by` another one stood in its text: many incidents at once are one
    message. A message that nobody needs any more is `dropped_at`.
    """

    class Why(models.TextChoices):
        FIRST = "first", "First message"
        GROWTH = "growth", "It grew"
        STEP = "step", "Nobody acknowledged"
        SECOND = "second", "The channel before it failed"
        END = "end", "It is over"
        DIGEST = "digest", "Digest"

    alert = models.ForeignKey(
        Alert, null=True, blank=True, on_delete=models.CASCADE, related_name="messages"
    )
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    channel = models.ForeignKey(
        Channel,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="messages",
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    second = models.ForeignKey(
        Channel, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    second_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="seconds"
    )
    carried_by = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="carries"
    )
    to = models.CharField(max_length=200)
    why = models.CharField(max_length=8, choices=Why)
    count = models.PositiveIntegerField(default=0)
    subject = models.CharField(max_length=200, blank=True)
    text = models.TextField(blank=True)
    made_at = models.DateTimeField()
    try_at = models.DateTimeField()
    tries = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    dropped_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = "alert message"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["second_of"],
                condition=Q(second_of__isnull=False),
                name="one_second_message",
            )
        ]
        indexes = [
            models.Index(
                F("try_at"),
                condition=Q(
                    sent_at__isnull=True,
                    dropped_at__isnull=True,
                    carried_by__isnull=True,
                ),
                name="message_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_why_display()} to {self.to}"

    @property
    def origin(self) -> "Message":
        """Return the message that this one is another way of, or itself."""
        return self.second_of.origin if self.second_of else self

    @property
    def told_at(self) -> Any:
        """Return when this was told, by itself or in the text of another one."""
        return self.carried_by.sent_at if self.carried_by else self.sent_at


class Digest(models.Model):
    """One digest of one team for one day or week: the row makes it at most one."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="digests")
    slot = models.CharField(max_length=30)
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["-made_at"]
        constraints = [
            models.UniqueConstraint(fields=["team", "slot"], name="digest_once")
        ]

    def __str__(self) -> str:
        return f"{self.slot} for {self.team}"
