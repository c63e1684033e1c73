"""The business audit: one row per change of state, in the same transaction."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models

from errorqueue.clock import DatabaseTime
from integrations.models import statements

if TYPE_CHECKING:
    from integrations.models.inbox import InboxEvent
    from integrations.models.record import SyncRecord

User = Any


class AuditSeal(models.Model):
    """One link of the chain: the digest of a block of entries and of the link before.

    No two links follow the same one, so the chain cannot fork.
    """

    previous = models.CharField(max_length=64, blank=True, unique=True)
    digest = models.CharField(max_length=64)
    entries = models.PositiveIntegerField()
    sealed_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Seal {self.pk} over {self.entries} entries"


class AuditWalk(models.Model):
    """How far the check of the chain has come: it goes on behind this seal.

    One row. Zero is the beginning: a walk that ended starts anew.
    """

    seal = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    seals = models.BigIntegerField(default=0)
    entries = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.seals} seals checked"


class AuditTrail(models.Manager["AuditEntry"]):
    """Notes what happened, in the transaction of the caller."""

    def note(
        self,
        record: "SyncRecord",
        verb: str,
        before: str,
        after: str,
        detail: str = "",
        by: User = None,
    ) -> None:
        """Write down one step of one record; `detail` names keys, never people."""
        statements.run(self.entry(record, verb, before, after, detail, by))

    def entry(
        self,
        record: "SyncRecord",
        verb: str,
        before: str,
        after: str,
        detail: str = "",
        by: User = None,
    ) -> statements.Step:
        """Return what `note` would write, to travel with other statements."""
        step = {
            "record": record.pk,
            "verb": verb,
            "before": before,
            "after": after,
            "token": record.token,
            "version": record.claimed_version or record.version,
            "worker": record.worker,
            "by": by and by.pk,
            "detail": detail[:300],
        }
        return statements.Step(statements.NOTE, step)

    def note_delivery(
        self, event: "InboxEvent", verb: str, before: str, after: str, by: User = None
    ) -> None:
        """Write down what a person did with a delivery."""
        self.create(
            at=DatabaseTime(),
            subject="inbox",
            subject_id=event.pk,
            verb=verb,
            before=before,
            after=after,
            by=by,
        )

    def note_change(
        self, subject: str, subject_id: int, verb: str, detail: str, by: User = None
    ) -> None:
        """Write down what a person changed in the set-up, field by field."""
        self.create(
            at=DatabaseTime(),
            subject=subject,
            subject_id=subject_id,
            verb=verb[:20],
            detail=detail[:300],
            by=by,
        )

    def note_many(
        self, subject: str, subject_id: int, verb: str, count: int, detail: str = ""
    ) -> None:
        """Write down a step that many records took at once, with their number."""
        self.create(
            at=DatabaseTime(),
            subject=subject,
            subject_id=subject_id,
            verb=verb,
            detail=f"{count} records. {detail}".strip()[:300],
        )


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

    objects = AuditTrail()

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
