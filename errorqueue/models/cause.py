"""Many failed records with one reason."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from errorqueue.failures import KIND_CHOICES


class Cause(models.Model):
    """What failures have in common: kind, field path, text and offending value.

    The counts are taken from the lines by `causes.refresh`, for every cause with a
    line that was touched since: nothing adds and subtracts, so nothing drifts.
    `money` maps a currency to the sum of the open lines, as text; `trend` holds the
    new lines of each of the last 14 days, oldest first.
    """

    fingerprint = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=12, choices=KIND_CHOICES)
    field = models.CharField(max_length=200, blank=True)
    text = models.CharField(max_length=500)
    value = models.CharField(max_length=200, blank=True)
    remedy = models.TextField(blank=True)

    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged"
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    open_count = models.PositiveIntegerField(default=0)
    total_count = models.PositiveIntegerField(default=0)
    money = models.JSONField(default=dict)
    most_money = models.DecimalField(max_digits=20, decimal_places=4, default=0)
    trend = models.JSONField(default=list)
    oldest_open_at = models.DateTimeField(null=True, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    counted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-open_count", "-last_seen_at"]
        permissions = [
            ("merge_cause", "Can merge causes and undo it"),
            ("own_cause", "Can set the owner of a cause"),
        ]
        indexes = [
            models.Index(
                F("open_count").desc(),
                F("last_seen_at").desc(),
                condition=Q(open_count__gt=0),
                name="cause_open",
            ),
            models.Index(fields=["-last_seen_at"], name="cause_last_seen"),
        ]

    def __str__(self) -> str:
        return self.sentence

    @property
    def sentence(self) -> str:
        """Say what these records share: as in theirs, without what each is called."""
        said = self.text.removeprefix("– ")
        return said[:1].upper() + said[1:]

    @property
    def human_id(self) -> str:
        return f"CAUSE-{self.pk}"


class CauseMerge(models.Model):
    """The rule, in words, by which one cause counts as another; it can be undone."""

    cause = models.ForeignKey(Cause, on_delete=models.PROTECT, related_name="merges")
    into = models.ForeignKey(Cause, on_delete=models.PROTECT, related_name="+")
    rule = models.TextField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return self.rule


class Watermark(models.Model):
    """Until when something that is counted from time to time was counted."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} until {self.at:%d %b %H:%M:%S}"
