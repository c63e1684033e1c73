"""What a source said only the fact of: it is read when a worker comes to it."""

from collections.abc import Iterable

from django.db import models
from django.db.models import Q

from errorqueue.clock import database_time
from integrations.connectors.notices import Noticed
from integrations.models.bell import Bell
from integrations.models.connection import Connection
from integrations.models.inbox import InboxEvent


class ChangeNoticeQuerySet(models.QuerySet["ChangeNotice"]):
    def enter(self, event: InboxEvent, told: Iterable[Noticed]) -> int:
        """Keep what a delivery wants read; return how many. The caller rings."""
        now = database_time()
        rows = [
            ChangeNotice(
                connection=event.connection,
                entity=one.entity,
                key=one.key[:200],
                event=event,
                due_at=now,
            )
            for one in told
        ]
        return len(ChangeNotice.objects.bulk_create(rows))


class ChangeNotice(models.Model):
    """One thing to read at the source; gone once what it led to is in the ledger.

    Several about the same thing are read once.
    """

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="change_notices"
    )
    entity = models.CharField(max_length=40)
    key = models.CharField(max_length=200)
    event = models.ForeignKey(
        InboxEvent, on_delete=models.PROTECT, related_name="change_notices"
    )
    due_at = models.DateTimeField()

    objects = ChangeNoticeQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        default_permissions = ()
        indexes = [
            models.Index(
                fields=["connection", "due_at", "id"], name="change_notice_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.entity} {self.key}"


def is_due() -> Q:
    """Return the condition of notices that may be read now."""
    return Q(due_at__lte=database_time())


def ring_notices(connection_id: int) -> None:
    """Wake whoever reads what a source gave notice of."""
    Bell.objects.ring(
        f"notices:{connection_id}", "integrations.tasks.read_notices", connection_id
    )
