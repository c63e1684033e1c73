"""How people work together on the queue."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from errorqueue.failures import KIND_CHOICES
from errorqueue.models.cause import Cause
from errorqueue.models.failed import FailedRecord
from errorqueue.models.team import Team


class Action(models.Model):
    """What was done about a failed record, by a person or by Waybill itself.

    Only `undone_at` is ever set afterwards. `undo` holds what `undo.take_back` needs
    to restore; an action without it cannot be undone.
    """

    failed = models.ForeignKey(
        FailedRecord, on_delete=models.PROTECT, related_name="actions"
    )
    verb = models.CharField(max_length=20)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    at = models.DateTimeField(auto_now_add=True)
    reason = models.TextField(blank=True)
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)
    undo = models.JSONField(default=dict)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.verb} {self.failed.human_id}"


class Tag(models.Model):
    """A word that people put on lines, in lower case."""

    name = models.SlugField(max_length=40, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Presence(models.Model):
    """Who has a line open right now; a row counts for half a minute.

    `is_claimed` says that the person pressed "I am on this".
    """

    line = models.ForeignKey(
        FailedRecord, on_delete=models.CASCADE, related_name="presences"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    is_claimed = models.BooleanField(default=False)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line", "user"], name="presence_once")
        ]

    def __str__(self) -> str:
        return f"{self.user} at {self.line.human_id}"


class RoutingRule(models.Model):
    """Who gets new failures, until when they are due, and which tags they carry.

    Rules are tried in order; each of the three is taken from the first rule that
    matches and gives it. An empty condition matches everything.
    """

    name = models.CharField(max_length=80, unique=True)
    order = models.PositiveSmallIntegerField(default=10, help_text="Lower goes first.")
    is_active = models.BooleanField(default=True)
    kind = models.CharField(max_length=12, choices=KIND_CHOICES, blank=True)
    flow = models.CharField(max_length=120, blank=True, help_text="Its exact name.")
    entity = models.CharField(max_length=40, blank=True)
    field = models.CharField(
        max_length=200, blank=True, help_text="The field path begins so."
    )
    cause = models.ForeignKey(
        Cause, null=True, blank=True, on_delete=models.CASCADE, related_name="rules"
    )
    min_amount = models.DecimalField(
        max_digits=20, decimal_places=4, null=True, blank=True
    )
    assign_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    due_hours = models.DecimalField(
        max_digits=6,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="A failure is due so many hours after it first failed.",
    )
    team = models.ForeignKey(
        Team,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The hours are counted in its working time, and it is warned before.",
    )
    tags = models.ManyToManyField(Tag, blank=True, related_name="+")

    class Meta:
        ordering = ["order", "pk"]

    def __str__(self) -> str:
        return self.name


class SavedView(models.Model):
    """A tab, a search and an order that somebody keeps, for themselves or for all."""

    name = models.CharField(max_length=60)
    query = models.CharField(
        max_length=500, help_text="The address after the question mark."
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    is_shared = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="view_name_once")
        ]

    def __str__(self) -> str:
        return self.name


def mine_or_shared(user: Any) -> Q:
    """Return the condition for views that `user` may open."""
    return Q(owner=user) | Q(is_shared=True)
