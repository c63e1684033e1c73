"""Worker groups: who is alive, who was declared dead, and whose canary still sings.

A canary is a task for one cluster alone. It passes the broker, the pusher, a worker
and, when it is acknowledged, the monitor; no new one is rung while the last one is
still in the queue. So a cluster that hangs anywhere stops singing.
"""

import logging
import os
import socket
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F
from django_q.models import OrmQ

from errorqueue.clock import database_time
from integrations.models import GENERATION, Bell, SyncRecord, WorkerGroup, ringing

log = logging.getLogger(__name__)

SILENT_LEASES = 3
# A cluster that is still starting may be this much later with its first song.
START_SECONDS = 20
NO_SIGN_OF_LIFE = "No sign of life"


def own_generation() -> str:
    """Return the generation of the cluster this process belongs to, or nothing."""
    return os.environ.get(GENERATION, "")


def host_name() -> str:
    return socket.gethostname()[:120]


def begin() -> str:
    """Write down that a new cluster starts; return its generation."""
    generation, now = uuid.uuid4().hex, database_time()
    WorkerGroup.objects.create(
        generation=generation,
        host=host_name(),
        pid=os.getpid(),
        started_at=now,
        seen_at=now,
    )
    return generation


def note_seen(generation: str) -> bool:
    """Give a sign of life; False when the cluster was declared dead meanwhile."""
    alive = WorkerGroup.objects.filter(pk=generation, ended_at=None)
    return bool(alive.update(seen_at=database_time()))


def end(generation: str, reason: str) -> None:
    """Declare a cluster dead: from now on nothing of it may claim or settle."""
    alive = WorkerGroup.objects.filter(pk=generation, ended_at=None)
    alive.update(ended_at=database_time(), end_reason=reason[:200])
    forget_canaries(generation)
    Bell.objects.take_for_lost()


def let_go(worker: str) -> int:
    """End the leases of records that a process held which is dead for certain.

    `worker` is its name, or the end of the names of a whole cluster. Its slots keep
    their leases: the vendor may still be at work on what was sent last.
    """
    held = SyncRecord.objects.filter(state=SyncRecord.State.RUNNING)
    return held.filter(worker__endswith=worker).update(lease_until=database_time())


def end_silent(but: str = "") -> int:
    """Declare dead whatever gave no sign of life for three leases; return how many."""
    limit = timedelta(seconds=settings.LEASE_SECONDS * SILENT_LEASES)
    now = database_time()
    silent = WorkerGroup.objects.filter(ended_at=None, seen_at__lt=now - limit)
    ended = silent.exclude(pk=but).update(ended_at=now, end_reason=NO_SIGN_OF_LIFE)
    if ended:
        Bell.objects.take_for_lost()
        log.warning("%s worker groups gave no sign of life and were ended", ended)
    return ended


def ring_canary(generation: str) -> bool:
    """Send a canary through this cluster unless one is under way or sang lately."""
    now = database_time()
    if OrmQ.objects.filter(key=generation).exists():
        return False
    every = timedelta(seconds=settings.CANARY_SECONDS / 3)
    group = WorkerGroup.objects.get(pk=generation)
    if group.canary_rung_at and group.canary_rung_at > now - every:
        return False
    WorkerGroup.objects.filter(pk=generation).update(canary_rung_at=now)
    canary = ringing.package("integrations.tasks.sing")
    OrmQ.objects.create(key=generation, payload=canary, lock=now)
    return True


def forget_canaries(generation: str) -> None:
    """Take canaries of this cluster out of the queue."""
    OrmQ.objects.filter(key=generation).delete()


def note_song() -> None:
    """Say that a task went through the cluster this process belongs to."""
    WorkerGroup.objects.filter(pk=own_generation()).update(canary_at=database_time())


def note_all_busy() -> None:
    """Say that every worker of this process's cluster is at work."""
    WorkerGroup.objects.filter(pk=own_generation()).update(busy_at=database_time())


def count_task() -> None:
    """Count one task that this process's cluster has finished."""
    if own_generation():
        WorkerGroup.objects.filter(pk=own_generation()).update(tasks=F("tasks") + 1)


def is_hung(group: WorkerGroup, now: datetime, awake_since: datetime) -> bool:
    """Say whether an idle worker and an unsung canary stood side by side too long.

    While all workers are busy a canary has to wait, and each task ends by its own
    time-out, so that time does not count. Neither does the time before `awake_since`,
    when the supervisor itself could not reach the database or was suspended.
    """
    limit = timedelta(seconds=settings.CANARY_SECONDS)
    if group.canary_at is None:
        limit += timedelta(seconds=START_SECONDS)
    signs = (group.started_at, group.canary_at, group.busy_at, awake_since)
    return now - max(sign for sign in signs if sign) > limit
