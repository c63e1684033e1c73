"""What each scenario does, and how it is judged: by what stands at the target."""

import copy
import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from textwrap import shorten
from typing import Any

from integrations.models import Attempt, SyncRecord
from integrations.studio.acceptance.faults import (
    Die,
    DropAnswer,
    Refuse429,
    SpoilToken,
)
from integrations.studio.acceptance.rehearsal import Rehearsal
from mappings.models import Scenario

State = SyncRecord.State
# What a person changes at the source between two events, by entity.
RENAMED = {"order": "name", "customer": "last_name"}
LATER = "changed"
STORM = 5
BATCH = 4
DIES_AFTER = 2
# A verdict is one sentence: so much of what the error queue says has room in it.
SAID = 220


@dataclass(frozen=True)
class Verdict:
    """What was expected, what came, and whether that is the same."""

    passed: bool
    expected: str
    got: str

    @property
    def words(self) -> str:
        return f"Expected: {self.expected} Got: {self.got}"


class Unexpected(Exception):
    """Something else came of it than was expected; says what."""


Play = Callable[[Rehearsal, Scenario, Any], str]


def as_it_is(scene: Rehearsal, scenario: Scenario, payload: Any) -> str:
    """Bring the record and see whether it ends as the scenario says."""
    scene.bring(payload)
    scene.work()
    if scenario.outcome == Scenario.Outcome.STOPPED:
        return stopped(scene, payload)
    return standing_once(scene, payload)


def zero_value(scene: Rehearsal, scenario: Scenario, payload: Any) -> str:
    """An order of nothing is an order: it stands at the target, for nothing."""
    scene.bring(payload)
    scene.work()
    told = standing_once(scene, payload)
    record = _record(scene, payload)
    if record.amount:
        raise Unexpected(f"the record was brought with the amount {record.amount}.")
    return f"{told} Its total is 0."


def unknown_sku(scene: Rehearsal, scenario: Scenario, payload: Any) -> str:
    """An article that the target lacks stops the order, and the queue names it."""
    scene.bring(payload)
    scene.work()
    told = stopped(scene, payload)
    line = scene.failure(_record(scene, payload))
    said = "" if line is None else f"{line.what} {line.why} {line.problems}"
    unknown = [sku for sku in _record(scene, payload).skus.split() if sku in said]
    if not unknown:
        raise Unexpected(f"the reason names no article of the record: {said}")
    return told


def long_address(scene: Rehearsal, scenario: Scenario, payload: Any) -> str:
    """A line that is too long is stopped with its field named, or cut by a rule.

    Never refused by the target in its own words, never cut by the target in silence.
    """
    scene.bring(payload)
    scene.work()
    record = _record(scene, payload)
    if record.state == State.DELIVERED:
        return f"{standing_once(scene, payload)} A rule of the mapping cut the line."
    told = stopped(scene, payload)
    line = scene.failure(record)
    fields = [str(one.get("target", "")) for one in line.problems] if line else []
    if not any("addr" in name.lower() for name in fields):
        raise Unexpected(f"the reason names no field of the address: {told}")
    return f"{told} Field: {', '.join(sorted(set(fields)))}."


def timeout_after_commit(scene: Rehearsal, scenario: Scenario, payload: Any) -> str:
    """The target took the record and its answer was lost: one stands there after all."""
    record_type = scene.flow.target_record
    scene.line.faults.append(DropAnswer(1, record_type))
    scene.bring(payload)
    scene.work()
    told = standing_once(scene, payload)
    _struck(scene)
    tries = _record(scene, payload).attempts.count()
    return f"{told} It took {tries} tries; the first had an unknown outcome."


def storm_429(scene: Rehearsal, scenario: Scenario, payload: Any) -> str:
    """The target refuses request after request: the record waits and goes later."""
    scene.line.faults.append(Refuse429(STORM))
    scene.bring(payload)
    scene.work()
    told = standing_once(scene, payload)
    _struck(scene)
    return f"{told} {STORM} requests were refused before."


def expired_token(scene: Rehearsal, scenario: Scenario, payload: Any) -> str:
    """The log-in ran out: a new one is fetched and nothing is lost."""
    scene.line.faults.append(SpoilToken(1, scene.flow.target_record))
    scene.bring(payload)
    scene.work()
    told = standing_once(scene, payload)
    _struck(scene)
    return f"{told} The target refused the old log-in once."


def half_batch(scene: Rehearsal, scenario: Scenario, payload: Any) -> str:
    """A worker dies in the middle of a batch: each record stands there once."""
    batch = [_numbered(payload, number) for number in range(1, BATCH + 1)]

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    scene.line.faults.append(Die(DIES_AFTER, scene.flow.target_record, die))
    for one in batch:
        scene.bring(one)
    if not scene.work_until_killed():
        raise Unexpected("the worker was not killed, so nothing was shown.")
    stood = len(scene.landed(scene.flow.target_record))
    scene.step(
        f"The worker was killed; {stood} of {BATCH} stood at the target by then."
    )
    scene.work()
    for one in batch:
        standing_once(scene, one, among=BATCH)
    return f"all {BATCH} stand at the target, each exactly once and as mapped."


def duplicate_webhook(scene: Rehearsal, scenario: Scenario, payload: Any) -> str:
    """The same event comes four times, in two ways: one record stands there."""
    first = scene.bring(payload)
    scene.bring(payload, delivery=first)
    scene.bring(payload)
    scene.work()
    scene.bring(payload)
    scene.work()
    return f"{standing_once(scene, payload)} The event came 4 times."


def reversed_order(scene: Rehearsal, scenario: Scenario, payload: Any) -> str:
    """The older event comes after the newer one: the newer content stands there."""
    newer = _renamed(payload, scene.flow.source_entity)
    scene.bring(newer, updated=True)
    scene.bring(payload)
    scene.work()
    scene.bring(payload, updated=True)
    scene.work()
    told = standing_once(scene, newer)
    name = newer[RENAMED[scene.flow.source_entity]]
    if str(name) not in str(scene.made(newer)):
        raise Unexpected(f"the older content was sent: “{name}” is not in it.")
    return f"{told} It holds the newer content, “{name}”."


PLAYS: dict[str, Play] = {
    play.__name__: play
    for play in (
        as_it_is,
        zero_value,
        unknown_sku,
        long_address,
        timeout_after_commit,
        storm_429,
        expired_token,
        half_batch,
        duplicate_webhook,
        reversed_order,
    )
}


def perform(scene: Rehearsal, scenario: Scenario, payload: Any) -> Verdict:
    """Play a scenario and judge it."""
    try:
        got = PLAYS[scenario.key](scene, scenario, payload)
    except Unexpected as other:
        return Verdict(False, scenario.expected, _sentence(str(other)))
    return Verdict(True, scenario.expected, _sentence(got))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


# Judging


def standing_once(scene: Rehearsal, payload: Any, *, among: int = 1) -> str:
    """Read the target: exactly one record, with the content that was mapped.

    `among` is how many records of this kind the scenario is about in all.
    """
    record = _record(scene, payload)
    record_type = scene.flow.target_record
    if record.state != State.DELIVERED:
        raise Unexpected(f"the record is {_state_words(scene, record)}")
    _none_more(scene, among)
    attempt = record.attempts.filter(outcome=Attempt.Outcome.DELIVERED).last()
    if attempt is None:
        raise Unexpected("no try is noted as delivered.")
    target = scene.target()
    sent: Any = attempt.payload
    found = target.compare(record_type, sent, attempt.external_id)
    if found is None:
        raise Unexpected(
            f"no {record_type} {attempt.external_id} stands at the target."
        )
    if found.differences:
        fields = "; ".join(
            f"{name}: {text}" for name, text in found.differences.items()
        )
        raise Unexpected(f"{record_type} {found.target_id} differs: {fields}.")
    if found.target_id != record.target_id:
        raise Unexpected(
            f"the ledger knows {record.target_id}, the target {found.target_id}."
        )
    return f"exactly one {record_type} stands at the target, id {found.target_id}, as mapped."


def _none_more(scene: Rehearsal, wanted: int) -> None:
    """Raise Unexpected when the target took more records than there are."""
    record_type = scene.flow.target_record
    taken = [one.target_id for one in scene.landed(record_type)]
    if len(taken) > wanted:
        ids = ", ".join(taken)
        raise Unexpected(
            f"{len(taken)} records of {record_type} stand at the target instead of "
            f"{wanted}: {ids}."
        )


def stopped(scene: Rehearsal, payload: Any) -> str:
    """See that nothing of the record was written and that a person is told why."""
    record = _record(scene, payload)
    taken = scene.landed(scene.flow.target_record)
    if taken:
        raise Unexpected(f"{taken[0].record_type} {taken[0].target_id} was written.")
    line = scene.failure(record)
    if record.state != State.FAILED or line is None:
        raise Unexpected(f"the record is {_state_words(scene, record)}")
    if not line.remedy:
        raise Unexpected(f"it stopped, but nobody is told what to do: {line.what}")
    why = f"{line.what.strip('– ')}. {line.why}"
    return f"nothing was written; the error queue says: {shorten(why, SAID)}"


def _record(scene: Rehearsal, payload: Any) -> SyncRecord:
    record = scene.record(payload)
    if record is None:
        raise Unexpected("the record never reached the ledger.")
    return record


def _state_words(scene: Rehearsal, record: SyncRecord) -> str:
    line = scene.failure(record)
    state = record.get_state_display().lower()
    why = line.why if line else record.exclusion or record.hold_reason
    return f"{state}: {why}" if why else f"{state}."


def _struck(scene: Rehearsal) -> None:
    if not scene.line.is_used_up:
        raise Unexpected("the fault never struck, so nothing was shown.")


def _numbered(payload: Any, number: int) -> Any:
    """Return a copy that is another record: its own id and its own name."""
    found = copy.deepcopy(payload)
    for name in ("id", "admin_graphql_api_id"):
        if name in found:
            found[name] = _added(found[name], number)
    if "name" in found:
        found["name"] = f"{payload['name']}-{number}"
    return found


def _added(value: Any, number: int) -> Any:
    """Add to a number, or to the one at the end of a text."""
    if isinstance(value, int):
        return value + number
    return re.sub(r"\d+$", lambda last: str(int(last[0]) + number), str(value))


def _renamed(payload: Any, entity: str) -> Any:
    """Return what the source holds an hour later."""
    found = copy.deepcopy(payload)
    name = RENAMED[entity]
    found[name] = f"{payload.get(name) or ''} {LATER}".strip()
    later = datetime.fromisoformat(payload["updated_at"]) + timedelta(hours=1)
    found["updated_at"] = later.isoformat()
    return found
