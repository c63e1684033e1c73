"""The state of Waybill in words, one screen of them: for whoever sits at a shell."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

import requests
from django.conf import settings
from django.db import DatabaseError, InterfaceError

from errorqueue.clock import database_time
from errorqueue.failures import FailureKind
from errorqueue.models import FailedRecord
from errorqueue.wording import ago, next_try
from integrations.models import Connection, Flow, WorkerGroup
from integrations.operations import accounts, checks, ledger, recent
from integrations.operations.asking import Asking
from integrations.sync.maintenance import windows

# Whoever sits at a shell waits no longer for a database that hangs.
MOST_SECONDS = 20
# A person who paused a connection knows of it.
NO_NEWS = (Connection.State.READY, Connection.State.PAUSED)
WEB_SECONDS = 5


class Level(IntEnum):
    """How bad it is; the exit code of the command."""

    WELL = 0
    PERSON = 1
    BROKEN = 2


HEADLINES = {
    Level.WELL: "All is well.",
    Level.PERSON: "Waybill works; something needs a person.",
    Level.BROKEN: "Something is broken.",
}


GOOD = {
    "database": "It answers.",
    "schema": "It has every migration of this version.",
    "workers": "Nothing is late.",
    "alerts": "Nothing is late.",
}


@dataclass(frozen=True)
class Line:
    """One sentence of the report, and what it stands under."""

    about: str
    text: str
    level: Level = Level.WELL


def report() -> list[Line]:
    """Return what is to be said; never raises, whatever the database does."""
    try:
        return Asking(_report).answer(MOST_SECONDS)
    except TimeoutError:
        late = f"It did not answer within {MOST_SECONDS} s. See whether it is locked."
        return [Line(checks.DATABASE, late, Level.BROKEN)]


def web() -> Line:
    """Ask the web server at the address that people use whether it is alive."""
    url = f"{settings.SITE_URL}/healthz"
    try:
        answer = requests.get(url, timeout=WEB_SECONDS, allow_redirects=False)
    except requests.RequestException:
        text = f"{url} does not answer. Start the web server, or see what is in front."
        return Line("web", text, Level.BROKEN)
    if answer.status_code == 200:
        return Line("web", f"{url} answers.")
    text = (
        f"{url} answers {answer.status_code}. Let a proxy in front pass it on as it is."
    )
    return Line("web", text, Level.PERSON)


def _report() -> list[Line]:
    found = checks.look()
    lines = [_checked(check) for check in found]
    if any(check.name == checks.DATABASE and check.problem for check in found):
        return lines
    try:
        return [*lines, *_figures()]
    except (DatabaseError, InterfaceError):
        # Without its migrations a table may be missing; that was said already.
        broken = Line("database", "The figures could not be read.", Level.BROKEN)
        return [*lines, broken]


def worst(lines: list[Line]) -> Level:
    return max((line.level for line in lines), default=Level.WELL)


def as_data(lines: list[Line]) -> dict[str, Any]:
    """Return the report as what JSON is made of."""
    level = worst(lines)
    return {
        "status": level.name.lower(),
        "code": int(level),
        "lines": [{**asdict(line), "level": line.level.name.lower()} for line in lines],
    }


def _checked(check: checks.Check) -> Line:
    level = Level.BROKEN if check.problem else Level.WELL
    return Line(check.name, check.problem or GOOD[check.name], level)


def _figures() -> Iterator[Line]:
    now = database_time()
    yield from _groups(now)
    yield from _connections(now)
    yield from _flows(now)
    yield from _inbox(now)
    yield from _queue()
    unsent = accounts.unsent_alerts(now)
    yield Line("alerts", f"{unsent} on the way." if unsent else "None is unsent.")


def _groups(now: datetime) -> Iterator[Line]:
    alive = checks.alive_groups(now)
    for group in alive:
        text = (
            f"{group} started {ago(group.started_at)}, canary {_when(group.canary_at)}"
        )
        late = checks.is_late(group, now)
        yield Line("workers", text + (", late" if late else ""), _person(late))
    if not alive and not WorkerGroup.objects.exists():
        yield Line("workers", "None has run yet. Start `work`.", Level.PERSON)


def _connections(now: datetime) -> Iterator[Line]:
    for one in accounts.account_figures(now):
        text = f"{one.connection}: {_circuit(one, now)}; {_slots(one)}"
        yield Line("connections", text, _person(one.connection.state not in NO_NEWS))


def _circuit(one: accounts.AccountFigures, now: datetime) -> str:
    """Say whether records may be sent there, and if not since when and why."""
    connection = one.connection
    rest = ", but it asked for a wait" if one.rests(now) else ""
    if one.is_maintained(now):
        rest = f", {windows.in_words(connection).removeprefix(f'{connection} is ')}"
    elif connection.is_ready and connection.probe_at is not None:
        rest = ", but its log-in is in doubt: one probe decides (half-open)"
    if connection.is_ready:
        return f"ready{rest}"
    state = connection.get_state_display()
    why = f" ({connection.state_reason})" if connection.state_reason else ""
    return f"{state}, {ago(connection.state_since)}{why}{rest}"


def _slots(one: accounts.AccountFigures) -> str:
    learnt = one.connection.learnt
    lower = f" (learnt; {one.connection.allowance} allowed)" if learnt else ""
    return f"{one.used} of {one.limit} slots in use{lower}, {one.waiting} waiting"


def _flows(now: datetime) -> Iterator[Line]:
    figures, done = ledger.flow_figures(), recent.deliveries(now)
    for one in figures:
        last = _last(done.last_at.get(one.flow.pk), done.known_since)
        text = f"{_name(one.flow)}: last success {last}; {_in_hand(one, now)}"
        yield Line("flows", text, _person(one.flow.held_at is not None))
    full = [state for state in ledger.COUNTED if ledger.is_full(figures, state)]
    if full:
        yield Line(
            "flows", f"Counted to {ledger.MOST:,}, there are more: {', '.join(full)}."
        )


def _name(flow: Flow) -> str:
    return f"{flow}{'' if flow.is_enabled else ', off'}{_hold(flow)}"


def _hold(flow: Flow) -> str:
    """Say since when a flow is on hold, why, and when records try."""
    if flow.held_at is None:
        return ""
    step = "half-open, records try now" if flow.probing_since else "on hold"
    tries = f"; next try {next_try(flow.probe_at)}" if flow.probe_at else ""
    tries = "" if flow.probing_since else tries
    return f", {step}, {ago(flow.held_at)} ({flow.hold_reason}){tries}"


def _in_hand(one: ledger.FlowFigures, now: datetime) -> str:
    counts = [f"{_number(one.counts[state])} {state}" for state in ledger.COUNTED]
    late = f" (due {ago(one.oldest_due_at)})" if one.overdue(now) else ""
    return ", ".join([counts[0] + late, *counts[1:]])


def _last(at: datetime | None, known_since: datetime | None) -> str:
    if at is not None:
        return ago(at)
    # Only the newest deliveries of all flows are looked at.
    return f"before {ago(known_since)}" if known_since else "never"


def _inbox(now: datetime) -> Iterator[Line]:
    found = ledger.backlog()
    oldest = f", the oldest came {ago(found.oldest_at)}" if found.oldest_at else ""
    yield Line("inbox", f"{_number(found.unread)} unread{oldest}.")
    if found.quarantined:
        text = f"{_number(found.quarantined)} could not be read (quarantined)."
        yield Line("inbox", text, Level.PERSON)


def _queue() -> Iterator[Line]:
    """Say what is open, by kind, and how much of it waits for a person."""
    failed = FailedRecord.objects.filter(status=FailedRecord.Status.FAILED)
    person = ledger.count(failed)
    kinds = accounts.open_by_kind()
    known = [kind.value for kind in FailureKind if kind.value in kinds]
    shown = ", ".join(f"{kinds[kind]:,} {kind}" for kind in known)
    yield Line(
        "error queue", f"Open by kind: {shown}." if shown else "Nothing is open."
    )
    if person:
        yield Line("error queue", f"{_number(person)} need a person.", Level.PERSON)


def _person(needed: bool) -> Level:
    return Level.PERSON if needed else Level.WELL


def _when(at: datetime | None) -> str:
    return ago(at) if at else "not yet"


def _number(count: int) -> str:
    return f"{count:,}+" if count >= ledger.MOST else f"{count:,}"
