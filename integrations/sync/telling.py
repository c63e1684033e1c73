"""Turns what was noted about a record into the lines of its story; asks nobody."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from errorqueue.models import Action, FailedRecord
from integrations.models import Attempt, AuditEntry, InboxEvent, SyncRecord
from integrations.sync.routes import page_of

Outcome = Attempt.Outcome
_RECORD = re.compile(r"^(?:.*waits for )?record (\d+)")
_TRY = re.compile(r", try \d+$")


class Lane(StrEnum):
    """Where something happened."""

    SOURCE = "source"
    WAYBILL = "waybill"
    TARGET = "target"
    PEOPLE = "people"


@dataclass(frozen=True)
class Place:
    """A page to go to: of this console, for who has the right `needs`, or outside."""

    text: str
    url: str
    needs: str = ""

    @property
    def is_outside(self) -> bool:
        return not self.needs


@dataclass(frozen=True)
class Entry:
    """One line of a story.

    `then` completes "waited 3 h …" for the time that follows; empty when nothing is
    waited for any more, None when the line changes nothing about that.
    """

    at: datetime
    lane: Lane
    what: str
    detail: str = ""
    tone: str = ""
    places: tuple[Place, ...] = ()
    then: str | None = None


def inside(row: Any, text: str) -> Place:
    """Return the place of a row in this console."""
    meta = row._meta
    return Place(text, page_of(row), f"{meta.app_label}.view_{meta.model_name}")


# What came in


def received(events: Iterable[InboxEvent]) -> Iterator[Entry]:
    """Tell what the source sent, and what became of it."""
    for event in events:
        yield Entry(
            event.received_at,
            Lane.SOURCE,
            f"Sent {event.topic or 'a delivery'}",
            f"Delivery {event.delivery_id}",
            places=(inside(event, "What was received"),),
        )
        if event.processed_at:
            yield Entry(
                event.processed_at,
                Lane.WAYBILL,
                READ[InboxEvent.State(event.state)],
                event.reason,
                tone="bad" if event.state == InboxEvent.State.QUARANTINED else "",
            )


READ = {
    InboxEvent.State.RECEIVED: "Received",
    InboxEvent.State.PROCESSED: "Read the delivery",
    InboxEvent.State.NOT_WANTED: "Read the delivery, which no flow wants",
    InboxEvent.State.QUARANTINED: "Could not read the delivery",
}


def entered(record: SyncRecord) -> Entry:
    """Tell when the record came into the ledger."""
    return Entry(
        record.created_at,
        Lane.WAYBILL,
        "Entered the ledger as version 1",
        f"Flow {record.flow}",
        then="for its turn",
    )


# What was tried


def tried(
    attempts: Iterable[Attempt],
    notes: Mapping[int, AuditEntry],
    there: tuple[Place, ...],
    target_name: str,
) -> Iterator[Entry]:
    """Tell each try, oldest first, and by which mapping when that changed.

    `notes` are the trail's lines by the token of the claim, `there` the place where
    the record stands at the target, `target_name` what it is called there.
    """
    mapping = ""
    for attempt in attempts:
        now = str(attempt.mapping or "")
        if now and now != mapping:
            yield Entry(attempt.started_at, Lane.WAYBILL, f"Mapped with {now}")
        mapping = now or mapping
        yield _try(attempt, notes.get(attempt.token), there, target_name)


def _try(
    attempt: Attempt, note: AuditEntry | None, there: tuple[Place, ...], name: str
) -> Entry:
    words, tone = TRIES[Outcome(attempt.outcome)]
    is_delivered = attempt.outcome == Outcome.DELIVERED
    what = f"Try {attempt.number} {words}"
    took = lasted_ms(attempt.milliseconds)
    then = "" if is_delivered else AFTER_A_TRY.get(note.verb if note else "")
    return Entry(
        attempt.started_at,
        Lane.TARGET,
        f"{what} {name}" if is_delivered and name else what,
        " · ".join(part for part in (attempt.message, took) if part),
        tone,
        there if is_delivered else (),
        then,
    )


TRIES = {
    Outcome.OPEN: ("is on its way", "wait"),
    Outcome.DELIVERED: ("delivered it as", "good"),
    Outcome.FAILED: ("failed", "bad"),
    Outcome.UNKNOWN: ("ended without an answer", "warn"),
}
AFTER_A_TRY = {
    "failed": "for a person",
    "waits again": "for the next try",
    "held": "for the connection",
}


def lasted_ms(milliseconds: int | None) -> str:
    """Say how long a call took."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    return f"{milliseconds / 1000:.1f} s"


# What the trail says


@dataclass(frozen=True)
class Names:
    """How the trail's keys are called: records by their id, the two connections."""

    records: Mapping[int, str]
    source: str
    target: str


def noted(
    trail: Iterable[AuditEntry],
    tokens: frozenset[int],
    twins: frozenset[tuple[int, str]],
    names: Names,
) -> Iterator[Entry]:
    """Tell what moved the record, but for what a try or a person's action tells.

    `tokens` are the claims with a try, `twins` what people did: (who, trail's verb).
    """
    for entry in trail:
        if not _is_told(entry, tokens, twins):
            yield _noted(entry, names)


def _is_told(
    entry: AuditEntry, tokens: frozenset[int], twins: frozenset[tuple[int, str]]
) -> bool:
    if entry.by_id:
        return (entry.by_id, entry.verb) in twins
    if entry.verb == "delivered":
        return entry.token in tokens
    return entry.verb in ("failed", "waits again") and bool(_TRY.search(entry.detail))


def _noted(entry: AuditEntry, names: Names) -> Entry:
    if entry.verb == "held":
        return _held(entry, names)
    if entry.verb == "let go":
        return _let_go(entry)
    if entry.verb == "waits again" and entry.detail.endswith("has just landed"):
        return _just_landed(entry, names)
    said = SAID.get(entry.verb, Said(entry.verb.capitalize()))
    return Entry(
        entry.at,
        Lane.PEOPLE if entry.by_id else said.lane,
        f"{entry.by}: {said.what.lower()}" if entry.by_id else said.what,
        entry.detail,
        said.tone,
        then=said.then,
    )


def _held(entry: AuditEntry, names: Names) -> Entry:
    named = _RECORD.search(entry.detail)
    other = names.records.get(int(named[1]), "another record") if named else ""
    awaited = f"{other[:1].lower()}{other[1:]}" if other else names.target
    why = f"Held: {awaited} must be in {names.target} first"
    if not other:
        why = f"Held: {names.target} is not ready"
    return Entry(entry.at, Lane.WAYBILL, why, tone="warn", then=f"for {awaited}")


def _just_landed(entry: AuditEntry, names: Names) -> Entry:
    named = _RECORD.search(entry.detail)
    other = names.records.get(int(named[1]), "") if named else ""
    what = f"{other or 'The record before it'} has just landed: it goes on"
    return Entry(entry.at, Lane.WAYBILL, what, then="for its turn")


def _let_go(entry: AuditEntry) -> Entry:
    many = re.match(r"(\d+) records\.", entry.detail)
    count = int(many[1]) if many else 0
    what = "Let go: it no longer has to wait"
    if count:
        who = "the record that" if count == 1 else f"the {count} records that"
        what = f"Let {who} waited for it go"
    return Entry(entry.at, Lane.WAYBILL, what, then=None if count else "for its turn")


def landed(entry: AuditEntry, names: Names) -> Entry:
    """Tell that what the record waited for stands at the target."""
    name = names.records.get(entry.subject_id, "What it waited for")
    return Entry(
        entry.at,
        Lane.WAYBILL,
        f"{name} is in {names.target}: what waited for it goes on",
        then="for its turn",
    )


@dataclass(frozen=True)
class Said:
    """How the story tells a verb of the trail."""

    what: str
    lane: Lane = Lane.WAYBILL
    tone: str = ""
    then: str | None = None


SAID = {
    "newer version": Said("A newer version came in", Lane.SOURCE, then="for its turn"),
    "delivered": Said("Delivered", Lane.TARGET, "good", ""),
    "failed": Said("Needs a person", tone="bad", then="for a person"),
    "back-filled": Said("Brought over", Lane.SOURCE, then="for its turn"),
    "waits again": Said("Waits again", then="for its turn"),
    "excluded": Said("Excluded", tone="mute", then=""),
    "adopted": Said("Taken over as it stands there", Lane.TARGET, "good", ""),
    "disowned": Said("Take-over undone", then="for a person"),
    "reopened": Said("Opened again", then="for a person"),
    "retry asked": Said("Retry asked", then="for its turn"),
    "retry undone": Said("Retry taken back", then="for a person"),
    "exclusion undone": Said("Exclusion taken back", then="for a person"),
    "read again": Said("Read again from the source", Lane.SOURCE),
    "edited": Said("Edited"),
    "parked": Said("Parked a field that somebody else owns", tone="warn"),
    "conflict answered": Said("Answered an ownership conflict"),
    "judged anew": Said("Goes again: another version of its mapping is live"),
    "conflict settled": Said("Closed an ownership conflict: another version is live"),
}


# What stood in the error queue, and what people did


def queued(lines: Iterable[FailedRecord]) -> Iterator[Entry]:
    """Tell when a line of the error queue was opened and how it was closed."""
    for line in lines:
        first = str(line.first_error.get("what") or line.what)
        title = f"{line.title} {first}".strip()
        place = (inside(line, line.human_id),)
        opened = f"{line.human_id} opened in the error queue"
        yield Entry(line.first_failed_at, Lane.WAYBILL, opened, title, "bad", place)
        if line.settled_at and not line.is_open:
            closed = f"{line.human_id} closed: {line.get_ending_display().lower()}"
            how = line.settled_how
            yield Entry(line.settled_at, Lane.WAYBILL, closed, how, "good", place)


def done(actions: Iterable[Action]) -> Iterator[Entry]:
    """Tell what people, or Waybill for them, did about the lines."""
    for action in actions:
        if action.verb == "close":  # the line itself tells how it was closed
            continue
        said = DID.get(action.verb, action.verb)
        told = [action.reason]
        if action.verb in WITH_RESULT:
            told.insert(0, action.after or action.before)
        if action.undone_at:
            told.append("Taken back afterwards.")
        yield Entry(
            action.at,
            Lane.PEOPLE if action.by_id else Lane.WAYBILL,
            f"{action.by or 'Waybill'} {said}",
            " · ".join(part for part in told if part),
            then=THEN.get(action.verb),
        )


DID = {
    "retry": "asked for a retry",
    "edit": "fixed the record",
    "adopt": "took over what stands there",
    "exclude": "excluded it",
    "resolve": "resolved it by hand",
    "assign": "assigned it",
    "hand over": "handed it over",
    "tag": "tagged it",
    "untag": "took a tag off",
    "comment": "wrote",
    "snooze": "put it off",
    "wake": "woke it up",
    "undo": "took a step back",
    "recipe": "applied a known fix",
}
WITH_RESULT = ("assign", "hand over", "tag", "untag", "snooze")
THEN = {"retry": "for its turn", "exclude": "", "resolve": "", "adopt": ""}
# The trail's verbs that go with a person's action.
TWINS = {
    "retry": ("retry asked",),
    "edit": ("edited", "read again", "retry asked"),
    "mend": ("edited", "retry asked"),
    "exclude": ("excluded",),
    "adopt": ("adopted",),
    "undo": ("retry undone", "exclusion undone", "disowned", "reopened"),
}
