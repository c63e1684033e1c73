"""One wake-up per lane while one is pending."""

from datetime import timedelta

from django.conf import settings
from django.db import OperationalError, connection, models, transaction
from django_q.models import OrmQ

from errorqueue import failpoints
from errorqueue.clock import database_time
from integrations.models import ringing
from integrations.models.message import send

# So long an answer waits for writers about to commit; one that takes longer, or is
# frozen, is left to the sweeper, and the others must not wait behind us.
PATIENCE = "100ms"
DELIVER = "deliver:"


class BellManager(models.Manager["Bell"]):
    def ring(self, lane: str, task: str, *args: int) -> bool:
        """Queue `task` unless the lane was rung and not answered yet.

        The wake-up commits or vanishes with the caller's transaction. A bell that
        nobody answered within BELL_SECONDS is taken for lost and rung again.
        """
        on_server = connection.vendor == "postgresql"
        rung = (_ring_server if on_server else _ring_embedded)(lane, task, *args)
        failpoints.hit("bell.ring")
        return rung

    def answer(self, lane: str) -> None:
        """Say that the work has begun: whatever comes now must ring again.

        Call it before the look for work: whoever found the bell rung has committed
        when this returns (see `ringing`).
        """
        if connection.vendor != "postgresql":
            self._silence(lane)  # one writer at a time: the lock is the database's
            return
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
                cursor.execute(ringing.STAND_ALONE, {"lane": lane})
                self._silence(lane)
        except OperationalError:
            self._silence(lane)

    def take_for_lost(self) -> None:
        """Silence all bells: a dead cluster may have taken their wake-ups along.

        Where one was not lost after all, ringing again costs one needless look.
        """
        self.exclude(rung_at=None).update(rung_at=None)

    def pending_deliveries(self) -> list[int]:
        """Return the connections whose bell was rung and not answered yet."""
        rung = self.filter(lane__startswith=DELIVER, rung_at__isnull=False)
        lanes = rung.order_by("rung_at").values_list("lane", flat=True)
        return [int(lane.removeprefix(DELIVER)) for lane in lanes]

    def _silence(self, lane: str) -> None:
        self.filter(lane=lane, rung_at__isnull=False).update(rung_at=None)


def _ring_server(lane: str, task: str, *args: int) -> bool:
    return send(*ringing.parts(lane, task, *args))[-1] > 0


@transaction.atomic
def _ring_embedded(lane: str, task: str, *args: int) -> bool:
    now = database_time()
    _, is_new = Bell.objects.get_or_create(lane=lane, defaults={"rung_at": now})
    lost = now - timedelta(seconds=settings.BELL_SECONDS)
    silent = models.Q(rung_at=None) | models.Q(rung_at__lt=lost)
    if not is_new and not Bell.objects.filter(silent, lane=lane).update(rung_at=now):
        return False
    queue = settings.Q_CLUSTER["name"]
    package = ringing.package(task, *args)
    OrmQ.objects.create(key=queue, payload=package, lock=now)
    return True


class Bell(models.Model):
    """Says whether a lane was rung and not answered yet."""

    lane = models.CharField(max_length=80, primary_key=True)
    rung_at = models.DateTimeField(null=True, blank=True)

    objects = BellManager()

    def __str__(self) -> str:
        return self.lane


INBOX = ("inbox", "integrations.tasks.drain_inbox")


def ring_inbox() -> None:
    """Wake whoever reads the inbox."""
    Bell.objects.ring(*INBOX)


def ring_connection(connection_id: int) -> None:
    """Wake whoever delivers to a connection."""
    Bell.objects.ring(
        f"{DELIVER}{connection_id}",
        "integrations.tasks.drain_connection",
        connection_id,
    )


def ring_alerts() -> None:
    """Wake whoever sends alerts."""
    Bell.objects.ring("alerts", "integrations.tasks.send_alerts")


def ring_chores() -> None:
    """Wake whoever does the chores of the error queue."""
    Bell.objects.ring("chores", "integrations.tasks.do_chores")
