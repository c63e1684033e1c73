"""Slots: no request leaves without one, across all processes and machines."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connections, transaction
from django.db.models import F, Q, QuerySet

from errorqueue import failpoints
from errorqueue.clock import database_time
from integrations.connectors.errors import LimitReached
from integrations.models import Connection, Flow, Limits, Slot, SlotWait, limits_of
from integrations.models.cluster import GENERATION_SHOWN, generation
from integrations.sync.allowance import count_minute, grow

WAIT_SECONDS = 10.0
PAUSE_SECONDS = 0.1


class SlotLost(LimitReached):
    """The lease of this slot ended; somebody else may hold it."""


@dataclass(eq=False)
class Held:
    """A slot in our hands, good until `good_until` on this process's own clock.

    The lease in the database is counted from before the request for it, so this
    clock always gives up first.
    """

    pk: int
    number: int
    token: int
    good_until: float

    @property
    def is_good(self) -> bool:
        return time.monotonic() < self.good_until

    @contextmanager
    def gate(self) -> Iterator[None]:
        """Let a request pass only while the slot is ours."""
        if not self.is_good:
            raise SlotLost(sent=False)
        yield


def worker_name(pid: int | None = None) -> str:
    """Return which process this is, or which one `pid` of this cluster is.

    Host, process and the first letters of the cluster's generation, so that what a
    dead cluster left behind can be told from what its successor holds.
    """
    shown = generation()[:GENERATION_SHOWN]
    words = [socket.gethostname(), str(pid or os.getpid()), shown]
    return ":".join(word for word in words if word)


def limits_now(connection: Connection) -> Limits:
    """Return the limits as they stand in the database now."""
    return limits_of(Connection.objects.get(pk=connection.pk))


def take(
    connection: Connection,
    holder: str,
    most: int,
    seconds: float,
    lane: str = Flow.Lane.INTERACTIVE,
) -> list[Held]:
    """Take up to `most` free slots for `seconds`; an empty list when all are busy.

    Orders and pages take the reserved ones first, so that the others stay common;
    bulk work never takes a reserved one.
    """
    limit, common = limits_now(connection)
    is_bulk = lane == Flow.Lane.BULK
    _lay_out(connection, limit)
    good_until = time.monotonic() + seconds
    with transaction.atomic():
        now = database_time()
        mine = free_slots(connection, common if is_bulk else limit)
        locked = mine.select_for_update(skip_locked=True)
        ordered = locked.order_by("number" if is_bulk else "-number")
        picked = list(ordered.values_list("pk", "number", "token")[: max(most, 0)])
        Slot.objects.filter(pk__in=[pk for pk, _, _ in picked]).update(
            holder=holder,
            lane=lane,
            token=F("token") + 1,
            taken_at=now,
            lease_until=now + timedelta(seconds=seconds),
        )
    if picked:
        failpoints.hit("slot.taken")
    return [Held(pk, number, token + 1, good_until) for pk, number, token in picked]


def free_slots(connection: Connection, limit: int) -> QuerySet[Slot]:
    """The slots up to number `limit` that nobody holds."""
    free = Q(lease_until=None) | Q(lease_until__lt=database_time())
    return Slot.objects.filter(free, connection=connection, number__lte=limit)


def renew(held: Held, seconds: float) -> bool:
    """Keep a slot for longer; False when it was lost meanwhile."""
    good_until, now = time.monotonic() + seconds, database_time()
    kept = Slot.objects.filter(
        pk=held.pk, token=held.token, lease_until__gte=now
    ).update(lease_until=now + timedelta(seconds=seconds))
    # A slot that was given back meanwhile must not come to life again.
    held.good_until = good_until if kept and held.good_until else 0.0
    return bool(kept)


def give_back(held: Held) -> None:
    """Free a slot, if it is still ours."""
    held.good_until = 0.0
    Slot.objects.filter(pk=held.pk, token=held.token).update(
        holder="", lane="", taken_at=None, lease_until=None, token=F("token") + 1
    )


def count_waiting(connection: Connection) -> int:
    """Count the pages and polls that wait for a slot of a connection."""
    now = database_time()
    return SlotWait.objects.filter(connection=connection, until__gt=now).count()


@contextmanager
def one_request(
    connection: Connection, lane: str = Flow.Lane.INTERACTIVE
) -> Iterator[None]:
    """Hold a slot around a single request of a page or a poll.

    Waits up to 10 s for a free one, which running drains give up for it; raises
    LimitReached then. A request of the bulk lane leaves the reserve to orders.
    """
    held = _wait_for_one(connection, lane)
    started = time.monotonic()
    try:
        with _kept(held), held.gate():
            yield
    finally:
        give_back(held)
        count_minute(connection.pk, 1, time.monotonic() - started)
        if connection.learnt is not None:
            grow(connection.pk)


@contextmanager
def _kept(held: Held) -> Iterator[None]:
    """Renew the lease while a long call runs, so that a short one is enough."""
    done = threading.Event()
    heart = threading.Thread(target=_beat, args=(held, done), daemon=True)
    heart.start()
    try:
        yield
    finally:
        done.set()
        heart.join()


def _beat(held: Held, done: threading.Event) -> None:
    last = time.monotonic() + settings.CALL_TIMEOUT_SECONDS
    try:
        while not done.wait(settings.LEASE_SECONDS / 4) and time.monotonic() < last:
            renew(held, settings.LEASE_SECONDS)
    finally:
        connections.close_all()


def _wait_for_one(connection: Connection, lane: str) -> Held:
    if found := _take_one(connection, lane):
        return found
    give_up = time.monotonic() + WAIT_SECONDS
    with _announced(connection):
        while time.monotonic() < give_up:
            time.sleep(PAUSE_SECONDS)
            if found := _take_one(connection, lane):
                return found
    raise LimitReached(
        f"All {limits_now(connection).limit} slots of {connection} are busy.",
        sent=False,
    )


def _take_one(connection: Connection, lane: str) -> Held | None:
    found = take(connection, worker_name(), 1, settings.LEASE_SECONDS, lane)
    return found[0] if found else None


@contextmanager
def _announced(connection: Connection) -> Iterator[None]:
    """Let the drains see that somebody waits, so that one gives a slot up."""
    now = database_time()
    wait = SlotWait.objects.create(
        connection=connection,
        holder=worker_name(),
        lane=Flow.Lane.INTERACTIVE,
        since=now,
        until=now + timedelta(seconds=WAIT_SECONDS + 1),
    )
    try:
        yield
    finally:
        wait.delete()
        # What killed pages left behind.
        SlotWait.objects.filter(until__lt=now).delete()


def _lay_out(connection: Connection, limit: int) -> None:
    """Make the rows that the limit asks for; rows above it stay unused."""
    known = Slot.objects.filter(connection=connection).count()
    if known < limit:
        numbers = range(1, limit + 1)
        Slot.objects.bulk_create(
            [Slot(connection=connection, number=number) for number in numbers],
            ignore_conflicts=True,
        )
