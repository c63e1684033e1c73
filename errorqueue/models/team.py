"""Whom alerts reach: channels, teams with their hours and steps, and rules."""

from datetime import time
from typing import Any

from django.conf import settings
from django.db import models

from errorqueue.models.cause import Cause


def workdays() -> list[int]:
    """Return Monday to Friday; Monday is 0."""
    return [0, 1, 2, 3, 4]


def own_zone() -> str:
    return settings.TIME_ZONE


class Channel(models.Model):
    """A way to reach people. Its address is sealed, for it lets anybody write there."""

    class Kind(models.TextChoices):
        MAIL = "mail", "E-mail"
        SLACK = "slack", "Slack"
        TEAMS = "teams", "Microsoft Teams"
        PAGERDUTY = "pagerduty", "PagerDuty"
        SMS = "sms", "Text message (SMS)"
        WEBHOOK = "webhook", "Webhook"
        OTHER = "other", "Another chat or on-call service"
        HEARTBEAT = "heartbeat", "Outside heartbeat"

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    sealed_address = models.TextField(editable=False, blank=True)
    hint = models.CharField(max_length=120, blank=True, editable=False)
    is_active = models.BooleanField(default=True)
    tested_at = models.DateTimeField(null=True, blank=True, editable=False)
    test_said = models.CharField(max_length=300, blank=True, editable=False)
    is_tested = models.BooleanField(default=False, editable=False)
    last_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.CharField(max_length=300, blank=True, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Team(models.Model):
    """People who look after something, when they do so, and who is told after whom."""

    name = models.CharField(max_length=80, unique=True)
    zone = models.CharField(max_length=60, default=own_zone)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="alert_teams"
    )
    days = models.JSONField(default=workdays)
    opens = models.TimeField(default=time(9))
    closes = models.TimeField(default=time(17))
    holidays = models.TextField(blank=True)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    is_quiet_off_days = models.BooleanField(default=False)
    tells_end = models.BooleanField(default=True)
    daily_at = models.TimeField(null=True, blank=True)
    weekly_on = models.PositiveSmallIntegerField(null=True, blank=True)
    weekly_at = models.TimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TeamStep(models.Model):
    """Who is told so many minutes after the first message if nobody acknowledged.

    `second` takes over when the channel fails; `duty` says when the step is taken.
    """

    class Duty(models.TextChoices):
        ALWAYS = "", "At any hour"
        AT_WORK = "work", "In working hours"
        OFF_WORK = "off", "Outside working hours"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="steps")
    after_minutes = models.PositiveSmallIntegerField(default=0)
    channel = models.ForeignKey(
        Channel, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    second = models.ForeignKey(
        Channel, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    duty = models.CharField(max_length=4, choices=Duty, blank=True)

    class Meta:
        verbose_name = "step"
        ordering = ["after_minutes", "pk"]

    def __str__(self) -> str:
        return f"{self.who} after {self.after_minutes} min"

    @property
    def who(self) -> Any:
        return self.channel or self.person or "nobody"


class AlertRule(models.Model):
    """Which incidents go to which team; the first rule that holds decides.

    An empty condition always holds. Counts and rates are looked at again while an
    incident grows, so a rule further up may take it over.
    """

    name = models.CharField(max_length=80, unique=True)
    order = models.PositiveSmallIntegerField(default=10, help_text="Lower goes first.")
    is_active = models.BooleanField(default=True)
    kind = models.CharField(max_length=12, blank=True)
    flow = models.CharField(max_length=120, blank=True)
    connection = models.CharField(max_length=120, blank=True)
    cause = models.ForeignKey(
        Cause, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    min_amount = models.DecimalField(
        max_digits=20, decimal_places=4, null=True, blank=True
    )
    min_count = models.PositiveIntegerField(null=True, blank=True)
    min_rate = models.PositiveIntegerField(null=True, blank=True)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="rules")
    is_immediate = models.BooleanField(default=False)

    class Meta:
        ordering = ["order", "pk"]

    def __str__(self) -> str:
        return self.name
