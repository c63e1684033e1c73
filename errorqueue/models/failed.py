"""One line of the error queue for each thing that failed, and what it is found by."""

from decimal import Decimal
from typing import Any, Self

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

from errorqueue.clock import database_time
from errorqueue.failures import KIND_CHOICES, LIGHT_CHOICES, FailureKind
from errorqueue.models.cause import Cause

OPEN_STATUSES = ("failed", "waiting", "retrying", "blocked")
# What a list is sorted by when it is sorted by money: nothing at stake comes last.
AT_STAKE = Coalesce("amount", Value(Decimal(0)))
IS_OPEN = Q(status__in=OPEN_STATUSES)


class FailedRecordQuerySet(models.QuerySet["FailedRecord"]):
    def about(self, subject: Any) -> Self:
        kind = ContentType.objects.get_for_model(subject)
        return self.filter(content_type=kind, object_id=str(subject.pk))

    def open(self) -> Self:
        return self.filter(IS_OPEN)

    def awake(self, now: Any) -> Self:
        """Leave out what somebody has put off until later."""
        return self.filter(Q(snoozed_until=None) | Q(snoozed_until__lte=now))


class FailedRecord(models.Model):
    """One line of the error queue. Nothing in it expires.

    `touched_at` moves with each change of the line: whatever is counted elsewhere
    (causes) is counted anew for what was touched, and so never drifts.
    """

    class Status(models.TextChoices):
        FAILED = "failed", "Needs a person"
        WAITING = "waiting", "Retries by itself"
        RETRYING = "retrying", "Queued"
        BLOCKED = "blocked", "Blocked by another"
        RESOLVED = "resolved", "Resolved"
        EXCLUDED = "excluded", "Excluded"

    class Ending(models.TextChoices):
        """How a line was closed; only the first three took a person."""

        BY_HAND = "by_hand", "Resolved by a person"
        EXCLUDED = "excluded", "Excluded by a person"
        RETRIED = "retried", "Delivered after a person's retry"
        DELIVERED = "delivered", "A later try succeeded"
        NEWER = "newer", "A newer version was delivered"
        THERE = "there", "It was there already"
        AT_SOURCE = "at_source", "Fixed at the source"
        BY_RULE = "by_rule", "Kept out by a rule"

    OPEN = OPEN_STATUSES

    content_type = models.ForeignKey(ContentType, on_delete=models.PROTECT)
    object_id = models.CharField(max_length=40)
    subject = GenericForeignKey("content_type", "object_id")

    status = models.CharField(max_length=10, choices=Status, default=Status.FAILED)
    kind = models.CharField(max_length=12, choices=KIND_CHOICES)
    code = models.CharField(max_length=80, blank=True)
    title = models.CharField(max_length=200, blank=True)
    what = models.CharField(max_length=500)
    why = models.TextField(blank=True)
    remedy = models.TextField(blank=True)
    problems = models.JSONField(default=list)
    field = models.CharField(max_length=200, blank=True)
    raw = models.TextField(blank=True)
    is_unknown = models.BooleanField(default=False)
    first_error = models.JSONField(default=dict)

    # `fingerprint` is the line's own; its cause may be another one it was merged into.
    cause = models.ForeignKey(
        Cause, null=True, blank=True, on_delete=models.PROTECT, related_name="lines"
    )
    fingerprint = models.CharField(max_length=64, blank=True)
    blocked_by = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="blocking"
    )

    flow = models.CharField(max_length=120, blank=True)
    source = models.CharField(max_length=120, blank=True)
    target = models.CharField(max_length=120, blank=True)
    entity = models.CharField(max_length=40, blank=True)
    source_id = models.CharField(max_length=200, blank=True)
    reference = models.CharField(max_length=120, blank=True)
    party = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=254, blank=True)
    skus = models.TextField(blank=True)
    amount = models.DecimalField(max_digits=20, decimal_places=4, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)

    # When the order was placed, as far as its source tells; only orders have it.
    placed_at = models.DateTimeField(null=True, blank=True)

    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    due_at = models.DateTimeField(null=True, blank=True)
    # When to tell that it is due soon; empty once that was told, or where nobody asked.
    warn_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    # Woken earlier, as soon as a pre-flight says that it would pass.
    wakes_when_green = models.BooleanField(default=False)
    tags = models.ManyToManyField("errorqueue.Tag", blank=True, related_name="lines")

    preflight = models.CharField(max_length=6, choices=LIGHT_CHOICES, blank=True)
    preflight_at = models.DateTimeField(null=True, blank=True)
    preflight_note = models.CharField(max_length=500, blank=True)

    tries = models.PositiveIntegerField(default=1)
    tries_allowed = models.PositiveIntegerField(default=1)
    next_try_at = models.DateTimeField(null=True, blank=True)
    first_failed_at = models.DateTimeField()
    last_failed_at = models.DateTimeField()
    touched_at = models.DateTimeField(default=database_time)
    retry_asked_at = models.DateTimeField(null=True, blank=True)
    retry_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    settled_how = models.CharField(max_length=300, blank=True)
    ending = models.CharField(max_length=10, choices=Ending, blank=True)

    objects = FailedRecordQuerySet.as_manager()

    class Meta:
        ordering = ["-last_failed_at"]
        permissions = [
            ("retry_failedrecord", "Can retry failed records"),
            ("edit_failedrecord", "Can edit and retry failed records"),
            ("exclude_failedrecord", "Can exclude failed records"),
            ("resolve_failedrecord", "Can resolve failed records by hand"),
            ("assign_failedrecord", "Can assign, tag, snooze and comment"),
            ("see_payload", "Can see payloads with personal fields"),
            ("bulk_failedrecord", "Can run bulk work over failed records"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["content_type", "object_id"],
                condition=IS_OPEN,
                name="one_open_line_per_subject",
            )
        ]
        # The open ones are few among millions that are closed, and every tab is
        # sorted by its own column: each has a small index of its own.
        indexes = [
            models.Index(fields=["status", "-last_failed_at"], name="line_status_age"),
            models.Index("first_failed_at", "id", condition=IS_OPEN, name="open_age"),
            models.Index(
                F("last_failed_at").desc(),
                F("id").desc(),
                condition=IS_OPEN,
                name="open_last",
            ),
            models.Index(
                "due_at",
                "id",
                condition=IS_OPEN,
                name="open_due",
            ),
            models.Index(
                AT_STAKE.desc(),
                F("id").desc(),
                condition=IS_OPEN,
                name="open_money",
            ),
            models.Index(
                F("assignee"),
                F("last_failed_at").desc(),
                condition=IS_OPEN,
                name="open_assignee",
            ),
            models.Index(
                F("last_failed_at").desc(),
                condition=IS_OPEN & Q(is_unknown=True),
                name="open_unknown",
            ),
            models.Index(
                fields=["snoozed_until"],
                condition=IS_OPEN & Q(snoozed_until__isnull=False),
                name="open_snoozed",
            ),
            models.Index(
                fields=["preflight_at"],
                condition=IS_OPEN
                & Q(snoozed_until__isnull=False, wakes_when_green=True),
                name="open_asleep",
            ),
            models.Index(
                "due_at",
                condition=IS_OPEN & Q(due_at__isnull=False, escalated_at__isnull=True),
                name="open_untold",
            ),
            models.Index(
                "warn_at",
                condition=IS_OPEN & Q(warn_at__isnull=False),
                name="open_unwarned",
            ),
            models.Index(fields=["cause", "first_failed_at"], name="line_cause"),
            models.Index(
                fields=["cause", "first_failed_at"],
                condition=IS_OPEN,
                name="open_cause",
            ),
            models.Index(fields=["touched_at"], name="line_touched"),
            # All lines of one subject, also those that are closed (`about`).
            models.Index(fields=["object_id", "content_type"], name="line_subject"),
            models.Index(fields=["fingerprint"], name="line_fingerprint"),
            models.Index(
                "placed_at",
                "id",
                condition=IS_OPEN,
                name="open_placed",
            ),
            models.Index(
                F("preflight"),
                F("last_failed_at").desc(),
                condition=IS_OPEN,
                name="open_light",
            ),
            models.Index(fields=["flow", "-last_failed_at"], name="line_flow"),
            models.Index(fields=["kind", "-last_failed_at"], name="line_kind"),
            models.Index(fields=["amount"], name="line_amount"),
            models.Index(
                fields=["blocked_by"],
                condition=Q(blocked_by__isnull=False),
                name="line_blocked_by",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.human_id} · {self.sentence}"

    @property
    def human_id(self) -> str:
        return f"ERR-{self.pk}"

    @property
    def sentence(self) -> str:
        """Say in business words what failed."""
        return f"{self.title} {self.what}".strip()

    @property
    def tone(self) -> str:
        """Return the colour class of the status."""
        return TONES[FailedRecord.Status(self.status)]

    @property
    def kind_tone(self) -> str:
        return KIND_TONES[FailureKind(self.kind)]

    @property
    def kind_help(self) -> str:
        """Say who or what can help with this kind of failure."""
        return KIND_HELP[FailureKind(self.kind)]

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN


class LineKey(models.Model):
    """One thing people search a line by: a word in lower case, and what it is.

    A line has some ten of them; a search is one look into one index, whatever it
    is for. `is_open` follows the line: most lines are closed, and who searches the
    open ones must not wade through those.
    """

    class Name(models.TextChoices):
        ORDER = "order", "Order number"
        SKU = "sku", "SKU"
        EMAIL = "email", "E-mail"
        CUSTOMER = "customer", "Customer"
        SOURCE_ID = "source", "Id at the source"
        TARGET_ID = "target", "Id at the target"
        EXTERNAL_ID = "external", "External id"
        FIELD = "field", "Field"

    line = models.ForeignKey(
        FailedRecord, on_delete=models.CASCADE, related_name="keys"
    )
    name = models.CharField(max_length=10, choices=Name)
    value = models.CharField(max_length=200)
    is_open = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["line", "name", "value"], name="line_key_once"
            )
        ]
        # Prefixes are searched, whatever the collation of the database.
        indexes = [
            models.Index(
                fields=["name", "value", "line"],
                opclasses=["varchar_ops", "varchar_pattern_ops", "int8_ops"],
                name="line_key_value",
            ),
            models.Index(
                fields=["name", "value", "line"],
                opclasses=["varchar_ops", "varchar_pattern_ops", "int8_ops"],
                condition=models.Q(is_open=True),
                name="open_key_value",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}:{self.value}"


TONES = {
    FailedRecord.Status.FAILED: "bad",
    FailedRecord.Status.WAITING: "wait",
    FailedRecord.Status.RETRYING: "wait",
    FailedRecord.Status.BLOCKED: "mute",
    FailedRecord.Status.RESOLVED: "good",
    FailedRecord.Status.EXCLUDED: "mute",
}
KIND_TONES = {
    FailureKind.TEMPORARY: "wait",
    FailureKind.LIMIT: "wait",
    FailureKind.DATA: "warn",
    FailureKind.MAPPING: "warn",
    FailureKind.DEPENDENCY: "mute",
    FailureKind.ACCESS: "bad",
    FailureKind.CONFLICT: "bad",
    FailureKind.INTERNAL: "bad",
}
KIND_HELP = {
    FailureKind.TEMPORARY: "Passes by itself: the other side could not answer.",
    FailureKind.LIMIT: "Passes by itself: it waits for a free request slot.",
    FailureKind.DATA: "Mend the record here or in its source.",
    FailureKind.MAPPING: "Mend the mapping document or a value table.",
    FailureKind.DEPENDENCY: "Another record has to arrive first.",
    FailureKind.ACCESS: "Mend the connection: its access was refused.",
    FailureKind.CONFLICT: "Compare both sides and decide which one stands.",
    FailureKind.INTERNAL: "A fault of Waybill itself: tell the people who run it.",
}
