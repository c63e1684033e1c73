"""Taking records from the ledger: oldest first, orders before catalogue work.

Only two questions are asked of the ledger, each answered from an index however much
waits: the oldest due records of one flow, and running records whose lease has ended.
"""

import time
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, Self

from django.db import models, transaction
from django.db.models import F, Q

from errorqueue import failpoints
from errorqueue.clock import DatabaseTime, database_time
from integrations.models.claim_sql import ALONE_FROM, can_claim_at_once, claim_at_once
from integrations.models.cluster import may_write
from integrations.models.connection import Connection
from integrations.models.flow import Flow

if TYPE_CHECKING:
    from integrations.models.record import SyncRecord


class Turn(NamedTuple):
    """When a flow's records go: orders first, then by the flow's priority.

    Of a flow that its breaker holds only probes go, and what a person retries.
    """

    is_bulk: bool
    priority: int
    flow: int
    is_probing: bool = False

    @property
    def rank(self) -> tuple[bool, int]:
        return self.is_bulk, self.priority


def turns(target: int) -> list[Turn]:
    """Return the flows that may deliver to a connection now, in the order in which they go."""
    able = Flow.objects.filter(
        _is_over("target__limited_until"),
        _is_over("target__window_until"),
        Q(held_at=None) | Q(hold_kind=Flow.Hold.BREAKER),
        is_enabled=True,
        target=target,
        target__state=Connection.State.READY,
        target__probe_at=None,
    )
    rows = able.order_by().values_list("lane", "priority", "pk", "held_at")
    return sorted(
        Turn(lane == Flow.Lane.BULK, priority, pk, held_at is not None)
        for lane, priority, pk, held_at in rows
    )


def _is_over(until: str) -> Q:
    """Say that a wait of the target was never begun or has ended."""
    return Q(**{until: None}) | Q(**{f"{until}__lte": DatabaseTime()})


class ClaimingQuerySet(models.QuerySet["SyncRecord"]):
    """The part of the ledger's query set that gives records to workers."""

    def claim(
        self,
        target: Connection,
        worker: str,
        limit: int,
        lease: timedelta,
        *,
        bulk: int | None = None,
    ) -> list["SyncRecord"]:
        """Take up to `limit` due records for `worker` until the lease ends.

        At most `bulk` of them come from bulk flows. The token grows and the crash
        count goes up before any work, so a worker that dies leaves its trace and a
        late one can no longer write. A record that two workers died of is not among
        them: it becomes a suspect, see `claim_suspect`.
        """
        good_until = time.monotonic() + lease.total_seconds()
        most_bulk = limit if bulk is None else bulk
        if can_claim_at_once():
            failpoints.hit("claim.before_commit")  # the statement commits itself
            claimed = claim_at_once(
                self.model, target.pk, worker, limit, lease, most_bulk
            )
        else:
            with transaction.atomic():
                claimed = self._claim_by_steps(target, worker, limit, lease, most_bulk)
                failpoints.hit("claim.before_commit")
        failpoints.hit("claim.after_commit")
        for record in claimed:
            record.good_until = good_until
        return claimed

    def claim_suspect(
        self, target: Connection, worker: str, lease: timedelta
    ) -> "SyncRecord | None":
        """Take one record that two workers died of, to be run with none beside it.

        It is not charged yet: call its `charge` when it runs alone. Those that were
        charged least come first, so that the innocent go before the poison.
        """
        good_until, now = time.monotonic() + lease.total_seconds(), database_time()
        with transaction.atomic():
            lapsed = self.suspects(target, now).order_by("crashes", "due_at", "pk")
            locked = lapsed.select_for_update(skip_locked=True, of=("self",))
            record = locked.first()
            if record is None:
                return None
            self._take([record], worker, now + lease, charge=0)
            failpoints.hit("claim.before_commit")
        failpoints.hit("claim.after_commit")
        record.good_until = good_until
        return record

    def suspects(self, target: Connection, now: datetime) -> Self:
        """Records that were in the hands of a dying worker for the second time."""
        able = turns(target.pk)
        free = Q(flow__in=[turn.flow for turn in able if not turn.is_probing])
        probing = Q(flow__in=[turn.flow for turn in able if turn.is_probing])
        probes = probing & Q(hold=self.model.Hold.PROBE)
        left = self.left_behind(now).filter(crashes__gte=ALONE_FROM)
        return left.filter(free | probes, may_write())

    def left_behind(self, now: datetime) -> Self:
        """Records that were in the hands of a worker when its lease ended."""
        return self.filter(state=self.model.State.RUNNING, lease_until__lt=now)

    def due(self, turn: Turn, now: datetime) -> Self:
        """The waiting records of a flow that may go, oldest first."""
        waiting = self.filter(
            state=self.model.State.WAITING, flow=turn.flow, due_at__lte=now
        )
        if turn.is_probing:
            waiting = waiting.filter(hold=self.model.Hold.PROBE)
        return waiting.order_by("due_at", "pk")

    def count_due(self, target: Connection, most: int) -> tuple[int, int]:
        """Count what waits for a connection, of orders and of bulk, each to `most`."""
        now, counts = database_time(), [0, 0]
        for turn in turns(target.pk):
            room = most - counts[turn.is_bulk]
            if room > 0:
                counts[turn.is_bulk] += self.due(turn, now)[:room].count()
        return counts[False], counts[True]

    def has_due(self, target: Connection) -> bool:
        """Say whether anything may be claimed for a connection now."""
        waits = any(self.count_due(target, 1))
        return waits or self.suspects(target, database_time()).exists()

    def _claim_by_steps(
        self, target: Connection, worker: str, limit: int, lease: timedelta, bulk: int
    ) -> list["SyncRecord"]:
        now = database_time()
        picked = self._pick(turns(target.pk), now, limit, bulk)
        claimed = [record for record in picked if record.crashes < ALONE_FROM]
        feared = [record for record in picked if record.crashes >= ALONE_FROM]
        self._lay_aside(feared, now)
        self._take(claimed, worker, now + lease)
        return claimed

    def _pick(
        self, able: list[Turn], now: datetime, limit: int, bulk: int
    ) -> list["SyncRecord"]:
        """Lock the records that go next; flows of one rank take turns by age."""
        picked: list[SyncRecord] = []
        for (is_bulk, _), flows in groupby(able, key=attrgetter("rank")):
            room = min(limit - len(picked), bulk if is_bulk else limit)
            found = self._oldest(list(flows), now, max(room, 0))
            picked += found
            bulk -= len(found) * is_bulk
        return picked

    def _oldest(
        self, flows: list[Turn], now: datetime, limit: int
    ) -> list["SyncRecord"]:
        found: list[SyncRecord] = [
            record
            for turn in (flows if limit else [])
            for record in self.due(turn, now)
            .filter(may_write())
            .select_for_update(skip_locked=True, of=("self",))[:limit]
        ]
        if len(flows) > 1:
            found.sort(key=attrgetter("due_at", "pk"))
        return found[:limit]

    def _take(
        self,
        records: list["SyncRecord"],
        worker: str,
        until: datetime,
        charge: int = 1,
    ) -> None:
        """Write the claim of locked rows, and the same into their copies here."""
        if not records:
            return
        state = self.model.State.RUNNING
        self.filter(pk__in=[record.pk for record in records]).update(
            state=state,
            token=F("token") + 1,
            crashes=F("crashes") + charge,
            claimed_version=F("version"),
            worker=worker,
            lease_until=until,
        )
        for record in records:
            record.state, record.worker, record.lease_until = state, worker, until
            record.token += 1
            record.crashes += charge
            record.claimed_version = record.version

    def _lay_aside(self, records: list["SyncRecord"], now: datetime) -> None:
        if records:
            self.filter(pk__in=[record.pk for record in records]).update(
                state=self.model.State.RUNNING, worker="", lease_until=now
            )
