"""One wake-up per lane while one is pending."""

from datetime import timedelta

from django.db import models
from django_q.tasks import async_task

from errorqueue.clock import database_time

STALE = timedelta(seconds=15)


class BellManager(models.Manager["Bell"]):
    def ring(self, lane: str, task: str, *args: int) -> bool:
        """Queue `task` unless the lane was rung and not answered yet.

        The wake-up commits or vanishes with the caller's transaction. A bell that
        nobody answered within 15 s is taken for lost and rung again.
        """
        now = database_time()
        self.get_or_create(lane=lane)
        silent = models.Q(rung_at=None) | models.Q(rung_at__lt=now - STALE)
        rung = self.filter(silent, lane=lane).update(rung_at=now)
        if rung:
            async_task(task, *args)
        return bool(rung)

    def answer(self, lane: str) -> None:
        """Say that the work has begun: whatever comes now must ring again."""
        self.filter(lane=lane).update(rung_at=None)


class Bell(models.Model):
    """Says whether a lane was rung and not answered yet."""

    lane = models.CharField(max_length=80, primary_key=True)
    rung_at = models.DateTimeField(null=True, blank=True)

    objects = BellManager()

    def __str__(self) -> str:
        return self.lane


def ring_inbox() -> None:
    """Wake whoever reads the inbox."""
    Bell.objects.ring("inbox", "integrations.tasks.drain_inbox")


def ring_connection(connection_id: int) -> None:
    """Wake whoever delivers to a connection."""
    Bell.objects.ring(
        f"deliver:{connection_id}", "integrations.tasks.drain_connection", connection_id
    )


def ring_alerts() -> None:
    """Wake whoever sends alerts."""
    Bell.objects.ring("alerts", "integrations.tasks.send_alerts")
