"""Would a retry pass now? Found out as a delivery would go, without writing anything.

Look-ups, metadata and the record with our external id are asked over slots that leave
the reserve to orders, so that thousands of pre-flights hold up nobody.
"""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from errorqueue.clock import database_time
from errorqueue.failures import FieldProblem, Light, Preflight
from errorqueue.models import FailedRecord
from integrations.connectors.base import Compared, Connector
from integrations.connectors.errors import (
    AccessRefused,
    ConnectorError,
    LimitReached,
    TemporaryError,
)
from integrations.failures import NotPublished, Unmappable, as_field_problem, describe
from integrations.models import Attempt, Connection, Flow, SyncRecord, limits_of
from integrations.models.vault import SealBroken
from integrations.sync.access import note_failure, why_held
from integrations.sync.attempts import digest_of
from integrations.sync.choosing import last_sent, refuse_unsigned
from integrations.sync.confirming import ends_at
from integrations.sync.editing import open_line
from integrations.sync.lookups import TargetLookups
from integrations.sync.mapping import external_id_of, map_with
from integrations.sync.metadata import rules_of, too_long, unknown_to
from integrations.sync.outbound import connector_for
from integrations.sync.routes import missing
from integrations.sync.slots import one_request
from mappings.engine import Found, Mapped, Problem
from mappings.models import MappingVersion

State = SyncRecord.State
# So long what was found is good for the next record of a long list. What was missing
# is asked for again sooner: a person has just created it.
FOUND_FOR = 15.0
MISSED_FOR = 2.0
MOST_KEPT = 5000
# Kinds of a refusal that says: this content, and no other.
ABOUT_CONTENT = ("data", "mapping", "conflict")


class _Memory:
    """Answers of the last moments, shared by all pre-flights of this process."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[float, list[Found]]] = {}
        self._lock = threading.Lock()

    def keep(self, key: Hashable, read: Callable[[], list[Found]]) -> list[Found]:
        until, known = self._kept.get(key, (0.0, []))
        if time.monotonic() < until:
            return known
        found = read()
        with self._lock:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            seconds = FOUND_FOR if found else MISSED_FOR
            self._kept[key] = (time.monotonic() + seconds, found)
        return found

    def clear(self) -> None:
        self._kept.clear()


memory = _Memory()


class FreshLookups(TargetLookups):
    """Asks the target itself, as a retry would, and keeps nothing beyond a moment."""

    def find(self, record: str, by: str, value: str) -> Sequence[Found]:
        known = self._linked(record, by, value)
        if known:
            return [known]
        key = (self.connection.pk, record, by, value)
        return memory.keep(key, partial(self._told, record, by, value))

    def _told(self, record: str, by: str, value: str) -> list[Found]:
        answer = self.connector.find(record, by, value)
        return [Found(one.id, one.label, one.inactive) for one in answer]


@dataclass(frozen=True)
class Look:
    """One pre-flight under way."""

    record: SyncRecord
    connector: Connector
    version: MappingVersion

    @property
    def flow(self) -> Flow:
        return self.record.flow

    @property
    def target(self) -> str:
        return self.record.flow.target.name


def preflight(record: SyncRecord) -> Preflight:
    """Say whether a retry would pass now, and what would still fail."""
    try:
        return _not_now(record) or _asked(record)
    except (TemporaryError, LimitReached, AccessRefused, SealBroken) as error:
        note_failure(record.flow.target, error)
        failure = describe(error, target=record.flow.target.name)
        return _amber(f"It could not be found out now. {failure.why}")
    except (ConnectorError, NotPublished, Unmappable, ValueError) as error:
        failure = describe(error, target=record.flow.target.name)
        return Preflight(
            Light.RED, f"Would fail: it {failure.what}. {failure.why}", failure.problems
        )


def _amber(note: str, **facts: Any) -> Preflight:
    return Preflight(Light.AMBER, note, **facts)


def _not_now(record: SyncRecord) -> Preflight | None:
    """Say what keeps the record from going, before anybody is asked."""
    flow = record.flow
    if record.state == State.RUNNING:
        return _amber("It is being sent right now.")
    if record.state == State.DELIVERED:
        return Preflight(Light.GREEN, f"It was delivered as {record.target_id}.")
    if record.state == State.EXCLUDED:
        return _amber(f"It is set aside: {record.exclusion}")
    if not flow.is_enabled:
        return _amber(f"The flow {flow} is off; it goes when the flow is on.")
    if flow.held_at and flow.hold_kind != Flow.Hold.BREAKER:  # that lets a retry go
        return _amber(f"The flow {flow} is on hold. {flow.hold_reason}")
    if not flow.target.is_usable:
        return _amber(f"{flow.target} cannot be asked now: {why_held(flow.target)}")
    needed = next(missing(record), None)
    return _behind(needed) if needed else None


def _behind(needed: SyncRecord) -> Preflight:
    """Say of a record that has to wait for another one whether that one will come."""
    line = open_line(needed)
    if line and line.status in (
        FailedRecord.Status.FAILED,
        FailedRecord.Status.BLOCKED,
    ):
        note = f"{needed} has to arrive first and has failed itself ({line.human_id})."
        return Preflight(Light.RED, note)
    return _amber(f"{needed} has to arrive first; it goes by itself then.")


def _asked(record: SyncRecord) -> Preflight:
    look = look_of(record)
    lookups = FreshLookups(record.flow.target, look.connector)
    mapped = map_with(record, look.version.as_document(), lookups)
    if mapped.excluded:
        note = f"The rule {mapped.excluded} keeps it out; a retry closes this line."
        return Preflight(Light.GREEN, note)
    problems = list(mapped.problems) or against_metadata(look, mapped)
    if problems:
        return _would_fail(problems)
    return _verdict(look, mapped)


def look_of(record: SyncRecord) -> Look:
    """Prepare to look at a record; raises NotPublished and ForeignMapping."""
    flow = record.flow
    version = flow.mapping.published()
    if version is None:
        raise NotPublished(f"The mapping document {flow.mapping} was never published.")
    refuse_unsigned(flow)
    return Look(record, patient_connector(flow), version)


def patient_connector(flow: Flow) -> Connector:
    """Return a connector to a flow's target that leaves the reserve to orders."""
    return patient_to(flow.target)


def patient_to(connection: Connection) -> Connector:
    """Return a connector whose requests leave the reserved slots to orders."""
    has_common = limits_of(connection).common > 0
    lane = Flow.Lane.BULK if has_common else Flow.Lane.INTERACTIVE
    return connector_for(connection, gate=partial(one_request, connection, lane))


def against_metadata(look: Look, mapped: Mapped) -> list[Problem]:
    """Return what the target's own rules of its fields say against a payload."""
    flow = look.flow
    rules = rules_of(flow.target, flow.target_record, lambda: look.connector)
    long = too_long(mapped, rules, look.target)
    return long + unknown_to(mapped, rules, look.target)


def _would_fail(problems: Sequence[Problem]) -> Preflight:
    shown = tuple(as_field_problem(problem) for problem in problems)
    more = f" (and {len(shown) - 1} more)" if len(shown) > 1 else ""
    if all(problem.kind == "dependency" for problem in problems):
        return _amber(f"Has to wait: {shown[0].rule}{more}.", problems=shown)
    return Preflight(Light.RED, f"Would fail again: {shown[0].rule}{more}.", shown)


def _verdict(look: Look, mapped: Mapped) -> Preflight:
    """Compare with what stands there already, and with what was refused before."""
    flow, payload = look.flow, mapped.payload
    key = external_id_of(flow, look.record.source_key)
    there = (
        look.connector.compare(flow.target_record, payload, key)
        if look.connector.finds_written(flow.target_record)
        else None
    )
    if there:
        return _already_there(look, there, key)
    return _may_land_late(look) or _refused_before(look, mapped) or _passes(look)


def _already_there(look: Look, there: Compared, key: str) -> Preflight:
    target, found = look.target, there.target_id
    if there.agrees:
        return Preflight(
            Light.GREEN,
            f"{target} has it already, with the same content, as {found}.",
            target_id=found,
            is_same=True,
            proof=proof_of(look.record, found, key),
        )
    if there.differences is None:
        note = f"{target} has a record under our id, {found}; compare both."
        return _amber(note, target_id=found)
    problems = as_problems(there)
    if look.flow.mode == Flow.Mode.CREATE:
        note = f"Would fail: {target} has another record under our id, {found}."
        return Preflight(Light.RED, note, problems, target_id=found)
    note = f"Would pass: {target} has it as {found}, {len(problems)} fields change."
    return Preflight(Light.GREEN, note, target_id=found)


def as_problems(there: Compared) -> tuple[FieldProblem, ...]:
    """Return what differs at the target, field by field."""
    told = (there.differences or {}).items()
    return tuple(FieldProblem(target=path, rule=words) for path, words in told)


def proof_of(record: SyncRecord, target_id: str, key: str) -> str:
    """Say what was found where, and when its content was compared."""
    at = f"{database_time():%Y-%m-%d %H:%M} UTC"
    flow = record.flow
    return (
        f"{flow.target} has {record} as {flow.target_record} {target_id} (external id "
        f"{key}); version {record.version} compared on {at}: no difference."
    )


def _may_land_late(look: Look) -> Preflight | None:
    """A request without an answer may still be at work where doubles are possible."""
    if look.connector.refuses_doubles(look.flow.target_record):
        return None
    unsettled = look.record.attempts.filter(outcome__in=Attempt.UNSETTLED)
    ends = [ends_at(one, look.flow.target) for one in unsettled.defer("payload")]
    if not ends or max(ends) <= database_time():
        return None
    return _amber(f"An earlier request may still arrive until {max(ends):%H:%M} UTC.")


def _refused_before(look: Look, mapped: Mapped) -> Preflight | None:
    """The very content that was refused may be refused again: only sending tells."""
    sent = last_sent(look.record, look.record.version)
    if sent is None or sent.outcome != Attempt.Outcome.FAILED:
        return None
    if sent.kind not in ABOUT_CONTENT or sent.digest != digest_of(mapped.payload):
        return None
    return _amber(
        f"Mapping and look-ups pass, but {look.target} refused the same content on "
        f"{sent.started_at:%d %B at %H:%M} UTC: {sent.message}. Only a retry tells "
        "whether that was mended there."
    )


def _passes(look: Look) -> Preflight:
    how = "Asked the mapping, the look-ups and the rules of its fields"
    return Preflight(Light.GREEN, f"Would pass now. {how}; {look.version}.")
