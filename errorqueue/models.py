"""What failed and is not settled yet, what people did about it, whom we told."""

from typing import Any, Self

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models

from errorqueue.failures import FailureKind


class FailedRecordQuerySet(models.QuerySet["FailedRecord"]):
    def about(self, subject: Any) -> Self:
        kind = ContentType.objects.get_for_model(subject)
        return self.filter(content_type=kind, object_id=str(subject.pk))

    def open(self) -> Self:
        return self.filter(status__in=FailedRecord.OPEN)


class FailedRecord(models.Model):
    """One line of the error queue. Nothing in it expires."""

    class Status(models.TextChoices):
        FAILED = "failed", "Needs a person"
        WAITING = "waiting", "Retries by itself"
        RETRYING = "retrying", "Queued"
        RESOLVED = "resolved", "Resolved"
        EXCLUDED = "excluded", "Excluded"

    OPEN = (Status.FAILED, Status.WAITING, Status.RETRYING)

    content_type = models.ForeignKey(ContentType, on_delete=models.PROTECT)
    object_id = models.CharField(max_length=40)
    subject = GenericForeignKey("content_type", "object_id")

    status = models.CharField(max_length=10, choices=Status, default=Status.FAILED)
    kind = models.CharField(
        max_length=12,
        choices=[(kind.value, kind.value.capitalize()) for kind in FailureKind],
    )
    code = models.CharField(max_length=80, blank=True)
    title = models.CharField(max_length=200, blank=True)
    what = models.CharField(max_length=500)
    why = models.TextField(blank=True)
    remedy = models.TextField(blank=True)
    problems = models.JSONField(default=list)
    field = models.CharField(max_length=200, blank=True)
    raw = models.TextField(blank=True)
    is_unknown = models.BooleanField(default=False)

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

    tries = models.PositiveIntegerField(default=1)
    tries_allowed = models.PositiveIntegerField(default=1)
    next_try_at = models.DateTimeField(null=True, blank=True)
    first_failed_at = models.DateTimeField()
    last_failed_at = models.DateTimeField()
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

    objects = FailedRecordQuerySet.as_manager()

    class Meta:
        ordering = ["-last_failed_at"]
        permissions = [
            ("retry_failedrecord", "Can retry failed records"),
            ("edit_failedrecord", "Can edit and retry failed records"),
            ("exclude_failedrecord", "Can exclude failed records"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["content_type", "object_id"],
                condition=models.Q(status__in=["failed", "waiting", "retrying"]),
                name="one_open_line_per_subject",
            )
        ]
        indexes = [
            models.Index(fields=["status", "-last_failed_at"], name="line_status_age"),
            models.Index(fields=["reference"], name="line_reference"),
            models.Index(fields=["email"], name="line_email"),
            models.Index(fields=["source_id"], name="line_source_id"),
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


TONES = {
    FailedRecord.Status.FAILED: "bad",
    FailedRecord.Status.WAITING: "wait",
    FailedRecord.Status.RETRYING: "wait",
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


class Action(models.Model):
    """What a person did about a failed record; never changed afterwards."""

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

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.verb} {self.failed.human_id}"


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
