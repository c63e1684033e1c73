"""Content that was removed on purpose: by a rule of age, or on a customer's request.

Keys, amounts, states and digests stay with the record; only what was said in its
payloads goes. What is open is never touched by a rule.
"""

import hashlib
from typing import TYPE_CHECKING, Any

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Value
from django.db.models.functions import Coalesce

from integrations.connectors import exact
from integrations.models.connection import Connection

if TYPE_CHECKING:
    from integrations.models.record import SyncRecord

# Of what was removed nothing can be mapped.
HAS_CONTENT = models.Q(removal=None)


class PayloadRule(models.Model):
    """For how many days the content of what was delivered is kept.

    Of one source connection, or, without one, of all that have no rule of their own.
    `records_until` and `events_until` are how far the job has come.
    """

    connection = models.OneToOneField(
        Connection,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="payload_rule",
        verbose_name="Records that come from",
        help_text="Leave it empty for every connection without a rule of its own.",
    )
    days = models.PositiveIntegerField(
        "Days after delivery",
        validators=[MinValueValidator(1)],
        help_text="So many days after a record was delivered, the content of its "
        "payloads, requests and answers is removed. Failures that are open keep theirs.",
    )
    records_until = models.DateTimeField(null=True, blank=True, editable=False)
    events_until = models.BigIntegerField(default=0, editable=False)

    class Meta:
        ordering = [models.F("connection").asc(nulls_first=True)]
        constraints = [
            models.UniqueConstraint(
                Coalesce("connection", Value(0)), name="one_payload_rule_each"
            )
        ]

    def __str__(self) -> str:
        where = self.connection or "all other connections"
        return f"{self.days} days for {where}"


class Removal(models.Model):
    """That the content of a record or of a delivery was removed, when and why.

    `digest` is of the record's source as it was: the same content that comes once
    more is known by it. A delivery keeps its own.
    """

    record = models.OneToOneField(
        "integrations.SyncRecord",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="removal",
    )
    event = models.OneToOneField(
        "integrations.InboxEvent",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="removal",
    )
    at = models.DateTimeField()
    why = models.CharField(max_length=200)
    digest = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-pk"]
        permissions = [
            ("erase_customer", "Can erase a customer's personal data"),
        ]

    def __str__(self) -> str:
        return f"Payload removed {self.why}, on {self.at:%d %b %Y}"


def mark_of(payload: Any) -> str:
    """Return a digest of a source: the same content has the same."""
    return hashlib.sha256(exact.dumps(payload, sort_keys=True).encode()).hexdigest()


def removed_from(record: "SyncRecord") -> Removal | None:
    """Return that the content of a record was removed; asks only for an empty one."""
    if record.source:
        return None
    return Removal.objects.filter(record=record).first()


def is_same(record: "SyncRecord", payload: Any) -> bool:
    """Say whether a source is what a record holds, or held before it was removed."""
    removed = removed_from(record)
    if removed is None:
        return bool(record.source == payload)
    return removed.digest == mark_of(payload)
