"""The breaker of a flow: what fails for one cause is not sent on and on.

A flow most of whose records fail for one and the same cause goes on hold by itself
(open). After a wait a few of the oldest records try (half-open): delivered, they close
it again, and all the others go, oldest first; failed, it stays open and the next wait
is longer, as it is when it had to open again soon after its probes had closed it. What
is on hold uses up no try; a probe is a try like any other.

An account that is away or refuses the log-in is the connection's matter (`access`): its
records have no line in the error queue and are not counted here.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from errorqueue import notices
from errorqueue.alerts import CALM, About, raise_alert
from errorqueue.clock import DatabaseTime, database_time
from errorqueue.failures import FailureKind
from errorqueue.models import FailedRecord
from errorqueue.text import one_line
from integrations.models import (
    Attempt,
    Flow,
    Opening,
    SyncRecord,
    Watch,
    ring_alerts,
)
from integrations.sync import flows
from integrations.sync.holds import mark_probes, unmark_probes
from integrations.sync.isolation import isolated

State = SyncRecord.State
Hold = Flow.Hold
Status = FailedRecord.Status
Outcome = Attempt.Outcome
PROBES = 3
# Probes that told nothing by then are not waited for any more: others may try.
LONGEST_ROUND = timedelta(minutes=15)
# Within so long of having been closed by its probes it has not been mended.
FLAPPING = timedelta(hours=1)
# Of so many failures nothing more is learnt by reading further ones.
MOST = 2000
# These say nothing of the flow: the one waits for a slot, the other for a record.
NOT_ITS_OWN = (FailureKind.LIMIT, FailureKind.DEPENDENCY)
# What the watch of a new version judges while it lasts (`studio.watching`).
WATCHED = (FailureKind.DATA, FailureKind.MAPPING)


class Failed(NamedTuple):
    """One line of the error queue, as far as a breaker looks at it."""

    pk: int
    flow: str
    cause: int | None
    kind: str
    at: datetime


class Finding(NamedTuple):
    """What opens a breaker: how many of how many failed, and a line of the cause."""

    failed: int
    finished: int
    line: int


# Closed: look at what failed lately


def open_failing() -> None:
    """Put flows on hold whose records fail for one cause: two questions, if none do."""
    now = database_time()
    closed = Flow.objects.filter(
        is_enabled=True, held_at=None, breaker_percent__gt=0
    ).select_related("source", "target")
    by_name = {flow.name: flow for flow in closed}
    for name, lines in _failed_lately(by_name, now).items():
        with isolated(f"judge the failures of {name}"):
            finding = _judge(by_name[name], lines, now)
            if finding:
                _open(by_name[name], finding)


def _failed_lately(by_name: dict[str, Flow], now: datetime) -> dict[str, list[Failed]]:
    if not by_name:
        return {}
    longest = max(flow.breaker_minutes for flow in by_name.values())
    lately = FailedRecord.objects.open().filter(
        last_failed_at__gte=now - timedelta(minutes=longest),
        status__in=(Status.FAILED, Status.WAITING),
        flow__in=by_name,
    )
    rows = lately.exclude(kind__in=NOT_ITS_OWN).order_by("-last_failed_at", "-pk")
    lines = rows.values_list("pk", "flow", "cause", "kind", "last_failed_at")
    newest = list(lines[:MOST])
    if len(newest) == MOST:  # what one flow has in plenty hides no other flow
        newest = [row for name in by_name for row in lines.filter(flow=name)[:MOST]]
    found: dict[str, list[Failed]] = {}
    for row in newest:
        line = Failed(*row)
        found.setdefault(line.flow, []).append(line)
    return found


def _judge(flow: Flow, lines: list[Failed], now: datetime) -> Finding | None:
    """Say whether one cause fails most of what was finished; None when it does not."""
    since = _since(flow, now)
    recent = [line for line in lines if line.at >= since]
    if not _may_be_enough(flow, recent) or not flow.target.is_usable:
        return None
    if Watch.objects.filter(flow=flow, state=Watch.State.WATCHING).exists():
        recent = [line for line in recent if line.kind not in WATCHED]
    lead = _lead(recent)
    if lead is None:
        return None
    cause, failed = lead
    finished = len(recent) + _delivered(flow, min(line.at for line in recent), failed)
    if finished < flow.breaker_least or failed * 100 < flow.breaker_percent * finished:
        return None
    return Finding(
        failed, finished, max(one.pk for one in recent if one.cause == cause)
    )


def _since(flow: Flow, now: datetime) -> datetime:
    """Return from when on failures count: not before it was let go, or its target was."""
    window = now - timedelta(minutes=flow.breaker_minutes)
    return max(window, flow.breaker_since or window, flow.target.state_since)


def _may_be_enough(flow: Flow, lines: list[Failed]) -> bool:
    return len(lines) * 100 >= flow.breaker_percent * flow.breaker_least


def _lead(lines: Iterable[Failed]) -> tuple[int, int] | None:
    """Return the cause that fails most, and how many; a line without one is alone."""
    causes = Counter(line.cause for line in lines if line.cause is not None)
    return next(iter(causes.most_common(1)), None)


def _delivered(flow: Flow, since: datetime, failed: int) -> int:
    """Count what was delivered since then, as far as it matters to the share."""
    enough = failed * 100 // flow.breaker_percent + 1
    done = flow.records.filter(state=State.DELIVERED, delivered_at__gte=since)
    return done.order_by()[:enough].count()


@transaction.atomic
def _open(flow: Flow, finding: Finding) -> None:
    line = FailedRecord.objects.get(pk=finding.line)
    said = one_line(notices.sentence_of(line), 160)
    reason = (
        f"{finding.failed} of the last {finding.finished} records failed for one "
        f"cause: {said}"
    )
    probe_at = database_time() + _wait(flow, 0)
    if flows.hold(flow, reason, kind=Hold.BREAKER, probe_at=probe_at):
        _tell(flow, line, reason, finding.failed)


def _tell(flow: Flow, line: FailedRecord, reason: str, count: int) -> None:
    raise_alert(
        flows.breaker_key(flow),
        f"{flow} is on hold: {count} records failed for one cause",
        f"{reason}.\n{one_line(line.remedy, 500)}\n\nNew events are taken in and wait "
        f"without using up a try. From time to time the {PROBES} oldest try; once they "
        "are delivered, everything goes on by itself, oldest first.",
        f"/admin/integrations/flow/{flow.pk}/change/",
        calm=CALM,
        about=About(
            kind=line.kind,
            flow=str(flow),
            source=str(flow.source),
            connection=str(flow.target),
            line_id=line.pk,
            began_at=line.first_failed_at,
            count=count,
        ),
    )
    ring_alerts()


# Half-open: a few records try


def probe_wait(rounds: int) -> timedelta:
    """Return the wait before the next probes after so many rounds that failed."""
    waits = settings.BREAKER_SECONDS
    return timedelta(seconds=waits[min(rounds, len(waits) - 1)])


def _wait(flow: Flow, rounds: int) -> timedelta:
    """Return the wait of a flow, longer for each time that its probes were mistaken."""
    opened_at = flow.held_at or database_time()
    lately = Opening.objects.of(flow).filter(
        kind=Hold.BREAKER,
        opened_at__lt=opened_at,
        closed_at__gte=opened_at - FLAPPING,
        closed_by=None,
    )
    return probe_wait(rounds + lately.count())


def begin_probes() -> None:
    """Let records try for each breaker whose wait is over and whose target answers."""
    hurry_probes()
    due = Flow.objects.filter(
        hold_kind=Hold.BREAKER,
        probing_since=None,
        probe_at__lte=database_time(),
        is_enabled=True,
    )
    for flow in due.select_related("target"):
        with isolated(f"let records of {flow} try"):
            if flow.target.is_usable:
                half_open(flow)


def hurry_probes() -> None:
    """Wait no longer where something was delivered since the last round: a retry that
    a person asked for, which says that the flow works again."""
    waiting = Flow.objects.filter(hold_kind=Hold.BREAKER, probing_since=None)
    for flow in waiting.filter(probe_at__gt=database_time()):
        if _works_again(flow):
            waiting.filter(pk=flow.pk).update(probe_at=DatabaseTime())


def _works_again(flow: Flow) -> bool:
    opening = Opening.objects.of(flow).filter(closed_at=None).first()
    if opening is None or flow.probe_at is None or flow.held_at is None:
        return False
    since = max(flow.held_at, flow.probe_at - _wait(flow, opening.rounds))
    done = flow.records.filter(state=State.DELIVERED, delivered_at__gt=since)
    last = done.order_by("-delivered_at").first()
    if last is None:
        return False
    sent = last.attempts.filter(outcome=Outcome.DELIVERED, started_at__gt=since)
    return sent.exists()


@transaction.atomic
def half_open(flow: Flow) -> list[int]:
    """Choose the probes of a round, once for all processes; return them.

    With nothing on hold there is nothing to try: the first record that comes is.
    """
    now = database_time()
    mine = Flow.objects.filter(pk=flow.pk, hold_kind=Hold.BREAKER)
    due = mine.filter(probing_since=None, probe_at__lte=now)
    if not due.update(probing_since=now):
        return []
    picked = mark_probes(flow, PROBES)
    if picked:
        Opening.objects.of(flow).filter(closed_at=None).update(probes=picked)
    else:
        mine.update(probing_since=None)
    return picked


def settle_probes() -> None:
    """Close or open again every breaker whose probes have all told something."""
    probing = Flow.objects.filter(probing_since__isnull=False)
    for flow in probing.select_related("target"):
        with isolated(f"settle the probes of {flow}"):
            settle(flow)


def settle(flow: Flow) -> None:
    """Act on what the probes of a round told; nothing while one is under way."""
    told = _verdicts(flow, flows.probes_of(flow))
    good, bad = told.count(True), told.count(False)
    if "pending" in told and flow.target.is_usable and not _is_overdue(flow):
        return
    if good > bad:
        _close(flow, f"{good} of {len(told)} probes were delivered.")
    else:
        _open_again(flow, failed=bool(bad))


def _is_overdue(flow: Flow) -> bool:
    """Say whether a round has lasted too long: its probes are kept from going."""
    since = flow.probing_since
    return since is not None and database_time() - since > LONGEST_ROUND


@transaction.atomic
def _close(flow: Flow, how: str) -> None:
    """End the hold by this round of probes, unless another process ended the round."""
    if _round_of(flow).update(probing_since=None):
        flows.resume(flow, how, unless=(Hold.WATCH, Hold.PERSON))


@transaction.atomic
def _open_again(flow: Flow, *, failed: bool) -> None:
    """Wait for the next round, longer if this one failed; probes not sent wait too.

    A round that told nothing is followed by the next one at once, with other records.
    """
    opening = Opening.objects.of(flow).filter(closed_at=None)
    rounds = (opening.values_list("rounds", flat=True).first() or 0) + failed
    wait = _wait(flow, rounds) if failed else timedelta(0)
    if _round_of(flow).update(probing_since=None, probe_at=database_time() + wait):
        opening.update(rounds=F("rounds") + int(failed))
        unmark_probes(flows.probes_of(flow))


def _round_of(flow: Flow) -> QuerySet[Flow]:
    """The flow's row, while the round of probes that was looked at is under way."""
    return Flow.objects.filter(pk=flow.pk, probing_since=flow.probing_since)


def _verdicts(flow: Flow, probes: list[int]) -> list[Any]:
    """Return for each probe: True, False, "pending", or None when it told nothing."""
    records = SyncRecord.objects.in_bulk(probes, field_name="pk")
    tries = Attempt.objects.filter(
        record__in=probes, started_at__gte=flow.probing_since
    ).order_by("pk")
    last = {
        record: (outcome, kind)
        for record, outcome, kind in tries.values_list("record", "outcome", "kind")
    }
    return [
        _verdict(records[pk], *last.get(pk, ("", ""))) for pk in probes if pk in records
    ]


def _verdict(record: SyncRecord, outcome: str, kind: str) -> Any:
    """Judge one probe by its last try of this round and by where it stands now."""
    is_waiting = record.state == State.WAITING
    waits_with_all = record.state == State.HELD and record.hold == SyncRecord.Hold.FLOW
    if outcome == Outcome.DELIVERED:
        return True
    if record.state == State.FAILED and outcome:
        return False
    if kind == FailureKind.TEMPORARY and (is_waiting or waits_with_all):
        return False
    is_probe = record.hold == SyncRecord.Hold.PROBE
    if record.state == State.RUNNING or (is_waiting and is_probe):
        return "pending"
    return None
