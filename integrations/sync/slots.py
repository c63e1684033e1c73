"""Slots: no request leaves without one, across all processes and machines."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import get_ident

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from errorqueue.clock import database_time
from integrations.connectors.errors import LimitReached
from integrations.models import Connection, Slot

WAIT_SECONDS = 10.0
PAUSE_SECONDS = 0.1


class SlotLost(LimitReached):
    """The lease of this slot ended; somebody else may hold it."""


@dataclass
class Held:
    """A slot in our hands, good until `good_until` on this process's own clock.

    The lease in the database is counted from before the request for it, so this
    clock always gives up first.
    """

    pk: int
    number: int
    token: int
    good_until: float = field(compare=False)

    @contextmanager
    def gate(self) -> Iterator[None]:
        """Let a request pass only while the slot is ours."""
        if time.monotonic() >= self.good_until:
            raise SlotLost(sent=False)
        yield


def worker_name() -> str:
    """Return who this thread is, for people who look at leases."""
    return f"{socket.gethostname()}:{os.getpid()}:{get_ident() % 100_000}"


def take(connection: Connection, holder: str, most: int, seconds: float) -> list[Held]:
    """Take up to `most` free slots for `seconds`; an empty list when all are busy."""
    _lay_out(connection)
    good_until = time.monotonic() + seconds
    with transaction.atomic():
        now = database_time()
        free = Q(lease_until=None) | Q(lease_until__lt=now)
        mine = Slot.objects.filter(
            free, connection=connection, number__lte=connection.allowance
        )
        locked = mine.select_for_update(skip_locked=True).order_by("number")
        picked = list(locked.values_list("pk", "number", "token")[:most])
        Slot.objects.filter(pk__in=[pk for pk, _, _ in picked]).update(
            holder=holder,
            token=F("token") + 1,
            lease_until=now + timedelta(seconds=seconds),
        )
    return [Held(pk, number, token + 1, good_until) for pk, number, token in picked]


def renew(held: Held, seconds: float) -> bool:
    """Keep a slot for longer; False when it was lost meanwhile."""
    good_until, now = time.monotonic() + seconds, database_time()
    kept = Slot.objects.filter(
        pk=held.pk, token=held.token, lease_until__gte=now
    ).update(lease_until=now + timedelta(seconds=seconds))
    if kept:
        held.good_until = good_until
    return bool(kept)


def give_back(held: Held) -> None:
    """Free a slot, if it is still ours."""
    held.good_until = 0.0
    Slot.objects.filter(pk=held.pk, token=held.token).update(
        holder="", lease_until=None, token=F("token") + 1
    )


@contextmanager
def one_request(connection: Connection) -> Iterator[None]:
    """Hold a slot around a single request of a page or a poll.

    Waits up to 10 s for a free one; raises LimitReached then.
    """
    held = _wait_for_one(connection)
    try:
        with held.gate():
            yield
    finally:
        give_back(held)


def _wait_for_one(connection: Connection) -> Held:
    seconds = settings.CALL_TIMEOUT_SECONDS + settings.LEASE_SECONDS
    give_up = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < give_up:
        found = take(connection, worker_name(), 1, seconds)
        if found:
            return found[0]
        time.sleep(PAUSE_SECONDS)
    raise LimitReached(
        f"All {connection.allowance} slots of {connection} are busy.", sent=False
    )


def _lay_out(connection: Connection) -> None:
    """Make the rows that the allowance asks for; rows above it stay unused."""
    known = Slot.objects.filter(connection=connection).count()
    if known < connection.allowance:
        Slot.objects.bulk_create(
            [
                Slot(connection=connection, number=number)
                for number in range(1, connection.allowance + 1)
            ],
            ignore_conflicts=True,
        )
