"""What was received, byte for byte."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Q

from errorqueue import failpoints
from errorqueue.clock import database_time
from errorqueue.failures import Evidence, Labels
from errorqueue.text import clean
from integrations.connectors import exact
from integrations.models import ringing
from integrations.models.bell import INBOX, ring_inbox
from integrations.models.connection import Connection

# Insert, ring and commit are one message to the server: nobody can be killed or
# frozen half-way, and a writer keeps its locks for the length of one commit.
KEEP = f"""
    INSERT INTO integrations_inboxevent (connection_id, delivery_id, topic, event_id,
        body, headers, digest, received_at, state, reason, tries)
    VALUES (%(connection_id)s, %(delivery_id)s, %(topic)s, %(event_id)s, %(body)s,
        %(headers)s::jsonb, %(digest)s, clock_timestamp(), 'received', '', 0)
    ON CONFLICT (connection_id, delivery_id, digest) DO NOTHING;
    {ringing.RING}
"""  # noqa: S608 (constants only)
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
        with connection.cursor() as cursor:
            cursor.execute(KEEP, told | ringing.values(*INBOX))

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
        closed = unread.update(
            **columns, processed_at=database_time(), lease_until=None
        )
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

    def enqueue(self, by: Any = None) -> None:
        """Read it again."""
        InboxEvent.objects.filter(pk=self.pk, state=self.State.QUARANTINED).update(
            state=self.State.RECEIVED, reason="", lease_until=None, tries=0
        )
        ring_inbox()

    def exclude(self, reason: str, by: Any = None) -> None:
        """Leave it unread for good, with a person's reason."""
        InboxEvent.objects.filter(pk=self.pk, state=self.State.QUARANTINED).update(
            state=self.State.NOT_WANTED, reason=reason[:500]
        )

    def evidence(self) -> Evidence:
        body = self.raw.decode("utf-8", errors="backslashreplace")
        return Evidence(source=body, headers=exact.pretty(self.headers))

    def edit_url(self) -> str:
        """A delivery stays as it was received."""
        return ""
