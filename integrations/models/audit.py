"""The business audit: one row per change of state, in the same transaction."""

from django.conf import settings
from django.db import models


class AuditSeal(models.Model):
    """One link of the chain: the digest of a block of entries and of the link before."""

    previous = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)
    entries = models.PositiveIntegerField()
    sealed_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Seal {self.pk} over {self.entries} entries"


class AuditEntry(models.Model):
    """What happened to one subject. Never changed; sealed within a minute.

    Holds keys and no personal data, so an erasure leaves the chain whole. `subject`
    names the kind ("record", "inbox"), `subject_id` its primary key.
    """

    at = models.DateTimeField()
    subject = models.CharField(max_length=20)
    subject_id = models.BigIntegerField()
    verb = models.CharField(max_length=20)
    before = models.CharField(max_length=12, blank=True)
    after = models.CharField(max_length=12, blank=True)
    token = models.BigIntegerField(default=0)
    version = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=120, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    detail = models.CharField(max_length=300, blank=True)
    seal = models.ForeignKey(
        AuditSeal, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "audit trail"
        indexes = [
            models.Index(fields=["subject", "subject_id"], name="audit_subject"),
            models.Index(
                fields=["id"],
                condition=models.Q(seal__isnull=True),
                name="audit_unsealed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.subject_id}: {self.verb}"
