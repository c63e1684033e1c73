"""What was received, byte for byte."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Q

from errorqueue import failpoints
from errorqueue.clock import DatabaseTime, database_time
from errorqueue.failures import Evidence, Labels, PrivatePlaces, RetryChoice
from errorqueue.models import FailedRecord
from errorqueue.services import NotOpen
from errorqueue.text import clean
from integrations.connectors import exact
from integrations.models import ringing
from integrations.models.audit import AuditEntry
from integrations.models.bell import INBOX, ring_inbox
from integrations.models.connection import Connection
from integrations.models.message import Part, send
from integrations.models.privacy import private_places
from mappings.models import MappingVersion

KEEP = """
    INSERT INTO integrations_inboxevent (connection_id, delivery_id, topic, event_id,
        body, headers, digest, received_at, state, reason, tries)
    VALUES (%(connection_id)s, %(delivery_id)s, %(topic)s, %(event_id)s, %(body)s,
        %(headers)s, %(digest)s, clock_timestamp(), 'received', '', 0)
    ON CONFLICT (connection_id, delivery_id, digest) DO NOTHING
"""
TOLD = ("connection_id", "delivery_id", "topic", "event_id", "body", "digest")


class InboxQuerySet(models.QuerySet["InboxEvent"]):
    def keep(self, event: "InboxEvent") -> None:
        """Commit a delivery, received now, with a wake-up; a repeat changes nothing."""
        if connection.vendor == "postgresql":
            self._keep_server(event)
        else:
            self._keep_embedded(event)
        failpoints.hit("inbox.after_commit")

    def _keep_server(self, event: "InboxEvent") -> None:
        told = {name: getattr(event, name) for name in TOLD}
        told["headers"] = json.dumps(event.headers)
        failpoints.hit("inbox.before_commit")
        # The body first: what follows is small and leaves together with its end.
        send(Part(KEEP, told), *ringing.parts(*INBOX))

    @transaction.atomic
    def _keep_embedded(self, event: "InboxEvent") -> None:
        event.received_at = database_time()
        InboxEvent.objects.bulk_create([event], ignore_conflicts=True)
        ring_inbox()
        failpoints.hit("inbox.before_commit")

    def claim(self, limit: int, lease: timedelta) -> list["InboxEvent"]:
        """Take unread events, oldest first; `begin` counts the try of each."""
        now = database_time()
        with transaction.atomic():
            picked = self._pick(now, limit)
            self.filter(pk__in=picked).update(lease_until=now + lease)
        failpoints.hit("inbox.claim")
        found = self.filter(pk__in=picked).select_related("connection")
        return sorted(found, key=lambda event: picked.index(event.pk))

    def _pick(self, now: datetime, limit: int) -> list[int]:
        free = Q(lease_until=None) | Q(lease_until__lt=now)
        unread = self.filter(free, state=InboxEvent.State.RECEIVED)
        locked = unread.select_for_update(skip_locked=True).order_by(
            "received_at", "pk"
        )
        return list(locked.values_list("pk", flat=True)[:limit])


class InboxEvent(models.Model):
    """One delivery: committed before it is acknowledged, parsed afterwards."""

    class State(models.TextChoices):
        RECEIVED = "received", "Received"
        PROCESSED = "processed", "Processed"
        NOT_WANTED = "not_wanted", "Not wanted"
        QUARANTINED = "quarantined", "Quarantined"

    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="events"
    )
    delivery_id = models.CharField(max_length=200)
    topic = models.CharField(max_length=120, blank=True)
    event_id = models.CharField(max_length=200, blank=True)
    body = models.BinaryField()
    headers = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    received_at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=State, default=State.RECEIVED)
    reason = models.CharField(max_length=500, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    processed_at = models.DateTimeField(null=True, blank=True)

    objects = InboxQuerySet.as_manager()

    class Meta:
        ordering = ["-received_at"]
        constraints = [
            models.UniqueConstraint(
                # The id comes in an unsigned header: another body is another event.
                fields=["connection", "delivery_id", "digest"],
                name="delivery_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["received_at"],
                condition=models.Q(state="received"),
                name="inbox_to_do",
            ),
            # For people who look at one state, newest first.
            models.Index(fields=["state", "id"], name="inbox_state"),
        ]

    def __str__(self) -> str:
        return f"{self.topic or 'delivery'} {self.delivery_id}"

    @property
    def raw(self) -> bytes:
        """The body as received; the two databases hand it out differently."""
        return bytes(self.body)

    def begin(self) -> None:
        """Count a try before the work, of this delivery and of none beside it."""
        self.tries += 1
        InboxEvent.objects.filter(pk=self.pk).update(tries=self.tries)

    def close(self, state: str, reason: str = "") -> bool:
        """Note what became of an unread delivery; say whether it was unread still."""
        columns = {"state": state, "reason": clean(reason)[:500]}
        unread = InboxEvent.objects.filter(pk=self.pk, state=self.State.RECEIVED)
        closed = unread.update(**columns, processed_at=DatabaseTime(), lease_until=None)
        self.state, self.reason = state, columns["reason"]
        return bool(closed)

    def labels(self) -> Labels:
        """Return what the error queue copies of this delivery."""
        return Labels(
            subject=f"Delivery {self.delivery_id}",
            source=self.connection.name,
            entity=self.topic,
            reference=self.topic,
        )

    @property
    def progress(self) -> str:
        """Name what it does right now, for the error queue."""
        return "Running" if self.lease_until else ""

    @transaction.atomic
    def enqueue(self, by: Any = None, choice: RetryChoice | None = None) -> None:
        """Read it again."""
        read_again = {"reason": "", "lease_until": None, "tries": 0}
        self._leave_quarantine("retry asked", self.State.RECEIVED, by, **read_again)
        ring_inbox()

    @transaction.atomic
    def take_back(self, by: Any = None) -> bool:
        """Undo `enqueue` while nobody has begun to read it again."""
        unread = InboxEvent.objects.filter(
            pk=self.pk, state=self.State.RECEIVED, tries=0, lease_until=None
        )
        return self._quarantine_again(unread, "retry undone", by)

    @transaction.atomic
    def exclude(self, reason: str, by: Any = None) -> None:
        """Leave it unread for good, with a person's reason.

        Raises NotOpen for one that is being read, or was meanwhile.
        """
        kept = {"reason": reason[:500]}
        if not self._leave_quarantine("excluded", self.State.NOT_WANTED, by, **kept):
            raise NotOpen(
                f"{self} is about to be read again. Wait a moment, then open it anew."
            )

    @transaction.atomic
    def include(self, by: Any = None) -> bool:
        """Undo `exclude`: quarantined again."""
        unwanted = InboxEvent.objects.filter(pk=self.pk, state=self.State.NOT_WANTED)
        return self._quarantine_again(unwanted, "exclusion undone", by)

    def reopen(self, closing: dict[str, Any], by: Any = None) -> bool:
        """Undo that its line was closed because nothing takes it: quarantined again."""
        return self.include(by)

    def _quarantine_again(self, mine: InboxQuerySet, verb: str, by: Any) -> bool:
        """Quarantine it for the reason that its line in the error queue still tells."""
        lines = FailedRecord.objects.about(self).order_by("-pk")
        why = lines.values_list("why", flat=True).first() or ""
        before, quarantined = self.state, self.State.QUARANTINED
        if not mine.update(state=quarantined, reason=why[:500]):
            return False
        AuditEntry.objects.note_delivery(self, verb, before, quarantined, by)
        return True

    def _leave_quarantine(self, verb: str, state: str, by: Any, **columns: Any) -> bool:
        """Do what a person asked for, unless somebody was first, and note who it was."""
        quarantined = self.State.QUARANTINED
        mine = InboxEvent.objects.filter(pk=self.pk, state=quarantined)
        if not mine.update(state=state, **columns):
            return False
        AuditEntry.objects.note_delivery(self, verb, quarantined, state, by)
        return True

    def evidence(self) -> Evidence:
        body = self.raw.decode("utf-8", errors="backslashreplace")
        return Evidence(
            source=body,
            headers=exact.pretty(self.headers),
            private=self.private_places(),
        )

    def private_places(self) -> PrivatePlaces:
        """Return what the mappings of this source keep from most eyes now."""
        read_by = MappingVersion.objects.filter(
            state=MappingVersion.State.PUBLISHED,
            document__in=self.connection.flows_out.values("mapping"),
        )
        return private_places(read_by)

    def edit_url(self) -> str:
        """A delivery stays as it was received."""
        return ""
