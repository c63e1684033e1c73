"""The story of one source object: one time line over all systems it passed.

Gathers what inbox, ledger, trail and error queue noted, with the same number of
queries however long it is, and hands it to `telling` to be put into words.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.utils import timezone

from errorqueue.models import Action, FailedRecord
from integrations.models import (
    Attempt,
    AuditEntry,
    InboxEvent,
    Link,
    RecordKey,
    SyncRecord,
)
from integrations.models.account import keyless_of
from integrations.sync import telling
from integrations.sync.telling import TWINS, Entry, Names, Place

State = SyncRecord.State
# What one page shows; a story has ten to thirty lines as a rule.
MOST = 500
MOST_RELATED = 25
MOST_LINES = 50
MOST_DELIVERIES = 100
LONG = timedelta(minutes=1)
# The verbs of the trail that name what was waited for.
WAITS = ("held", "waits again")
_AWAITED = re.compile(r"^(?:.*waits for )?record (\d+)")
_HEAVY = ("source", "edited")
FIXES = ("edit", "adopt")
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Told:
    """An entry, and how long nothing happened before it, when that was long."""

    entry: Entry
    gap: str = ""


@dataclass(frozen=True)
class Related:
    """Another record, and what it is to this one."""

    record: SyncRecord
    how: str


@dataclass(frozen=True)
class Story:
    """What a page shows; `lines` are oldest first, the newest ones when `is_cut`."""

    record: SyncRecord
    sentence: str
    lines: tuple[Told, ...]
    is_cut: bool = False
    related: tuple[Related, ...] = ()
    links: tuple[Link, ...] = ()
    queue: tuple[FailedRecord, ...] = ()
    places: tuple[Place, ...] = ()


@dataclass
class Facts:
    """Everything that was noted about one record, oldest first."""

    record: SyncRecord
    events: Sequence[InboxEvent] = ()
    attempts: Sequence[Attempt] = ()
    trail: Sequence[AuditEntry] = ()
    landings: Sequence[AuditEntry] = ()
    lines: Sequence[FailedRecord] = ()
    actions: Sequence[Action] = ()
    needed: dict[int, SyncRecord] = field(default_factory=dict)

    @property
    def names(self) -> Names:
        flow = self.record.flow
        named = {pk: str(one) for pk, one in self.needed.items()}
        return Names(named, flow.source.name, flow.target.name)

    @property
    def target_name(self) -> str:
        """What it is called at the target: "sales order 1234"."""
        record = self.record
        kind = spaced(record.flow.target_record)
        return f"{kind} {record.target_id}" if record.target_id else kind


def records() -> QuerySet[SyncRecord]:
    """Return the ledger with what a story needs, and without payloads."""
    found = SyncRecord.objects.select_related(
        "flow__source", "flow__target", "held_on__flow"
    )
    return found.defer(*_HEAVY, *(f"held_on__{name}" for name in _HEAVY))


def story_of(record: SyncRecord) -> Story:
    """Tell the story of a record read by `records`."""
    facts = gather(record)
    told = sorted(entries_of(facts), key=attrgetter("at"))
    return Story(
        record,
        sentence_of(facts),
        tuple(with_gaps(told[-MOST:])),
        len(told) > MOST,
        tuple(related_to(facts)),
        tuple(_links(record)),
        tuple(line for line in facts.lines if line.object_id == str(record.pk)),
        (*_place_at_source(record), *_place_at_target(record)),
    )


# Gathering


def gather(record: SyncRecord) -> Facts:
    """Ask once for each kind of note."""
    events = _events(record)
    trail = _newest(_trail(record, events))
    lines = _lines(record, events)
    needed = _needed(record, trail)
    return Facts(
        record,
        events,
        _newest(
            record.attempts.select_related("mapping__document")
            .defer("payload", "exchanges")
            .order_by("-number")
        ),
        trail,
        _landings(record, needed),
        lines,
        _newest(
            Action.objects.filter(failed__in=[line.pk for line in lines])
            .exclude(verb="mend")
            .select_related("by")
            .defer("undo")
        ),
        needed,
    )


def _newest(found: QuerySet[Any]) -> list[Any]:
    """Return the newest ones, oldest first; one more than is shown tells of the rest."""
    return list(found[: MOST + 1])[::-1]


def _events(record: SyncRecord) -> list[InboxEvent]:
    keys = record.keys.filter(name=RecordKey.Name.DELIVERY).order_by("-pk")
    named = {int(value) for value in keys.values_list("value", flat=True)[:MOST]}
    if record.event_id:
        named.add(record.event_id)
    newest = sorted(named, reverse=True)[:MOST_DELIVERIES]
    found = InboxEvent.objects.filter(pk__in=newest).defer("body", "headers")
    return list(found.order_by("pk"))


def _trail(
    record: SyncRecord, events: Sequence[InboxEvent]
) -> QuerySet[AuditEntry, AuditEntry]:
    ours = Q(subject="record", subject_id=record.pk)
    if events:
        ours |= Q(subject="inbox", subject_id__in=[event.pk for event in events])
    return AuditEntry.objects.filter(ours).select_related("by").order_by("-pk")


def _lines(record: SyncRecord, events: Sequence[InboxEvent]) -> list[FailedRecord]:
    kinds = ContentType.objects.get_for_models(SyncRecord, InboxEvent)
    ours = Q(content_type=kinds[SyncRecord], object_id=str(record.pk))
    if events:
        read = [str(event.pk) for event in events]
        ours |= Q(content_type=kinds[InboxEvent], object_id__in=read)
    found = FailedRecord.objects.filter(ours).order_by("-pk")
    return list(found.defer("raw", "problems", "why", "remedy")[:MOST_LINES])[::-1]


def _needed(record: SyncRecord, trail: Sequence[AuditEntry]) -> dict[int, SyncRecord]:
    """Return the records that this one waited for."""
    named = [_AWAITED.search(entry.detail) for entry in trail if entry.verb in WAITS]
    pks = {int(match[1]) for match in named if match}
    if record.held_on_id:
        pks.add(record.held_on_id)
    return {one.pk: one for one in records().filter(pk__in=sorted(pks)[:MOST_RELATED])}


def _landings(
    record: SyncRecord, needed: dict[int, SyncRecord]
) -> Sequence[AuditEntry]:
    let_go = AuditEntry.objects.filter(
        subject="record",
        subject_id__in=list(needed),
        verb="let go",
        at__gte=record.created_at,
    )
    return list(let_go.order_by("-pk")[:MOST_RELATED])[::-1]


# Putting together


def entries_of(facts: Facts) -> Iterator[Entry]:
    """Yield every line; those of one moment in the order in which they follow."""
    trail = [entry for entry in facts.trail if entry.subject == "record"]
    tried = {attempt.token for attempt in facts.attempts}
    notes = {one.token: one for one in trail if one.token in tried and not one.by_id}
    twins = frozenset(_twins(facts.actions))
    yield from telling.received(facts.events)
    yield telling.entered(facts.record)
    yield from telling.tried(
        facts.attempts, notes, tuple(_place_at_target(facts.record)), facts.target_name
    )
    yield from telling.noted(facts.trail, frozenset(tried), twins, facts.names)
    yield from (telling.landed(one, facts.names) for one in facts.landings)
    yield from telling.queued(facts.lines)
    yield from telling.done(facts.actions)


def _twins(actions: Iterable[Action]) -> Iterator[tuple[int, str]]:
    for action in actions:
        for verb in TWINS.get(action.verb, ()):
            if action.by_id:
                yield action.by_id, verb


def with_gaps(told: Sequence[Entry]) -> Iterator[Told]:
    """Name the time between two lines where it is long, and what was waited for."""
    before, waited_for = None, ""
    for entry in told:
        gap = ""
        if before is not None and entry.at - before >= LONG:
            gap = gap_words(entry.at - before, waited_for)
        yield Told(entry, gap)
        before = entry.at
        waited_for = waited_for if entry.then is None else entry.then


def gap_words(lasted: timedelta, waited_for: str) -> str:
    """Say a gap: "waited 3 h 12 min for customer Mia Berg", or "2 d 4 h later"."""
    if waited_for:
        return f"waited {lasted_words(lasted)} {waited_for}"
    return f"{lasted_words(lasted)} later"


def lasted_words(lasted: timedelta) -> str:
    """Write a span in its two largest units."""
    minutes, seconds = divmod(int(lasted.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s"))
    shown = [f"{count} {unit}" for count, unit in parts if count]
    return " ".join(shown[:2]) or "0 s"


def spaced(name: str) -> str:
    """Write a record type as words: "salesOrder" is a sales order."""
    return re.sub(r"(?<=[a-z])([A-Z])", r" \1", name).lower()


# The sentence on top


def sentence_of(facts: Facts) -> str:
    """Say where the record stands now, and what it took."""
    record = facts.record
    work = ", ".join(part for part in (_tries(facts), _people(facts)) if part)
    stands = STANDS[State(record.state)](facts)
    return f"{record} {stands}{f'; {work}' if work else ''}."


def _tries(facts: Facts) -> str:
    count = len(facts.attempts)
    if not count:
        return ""
    many = "more than " if count > MOST else ""
    return f"{many}{in_words(min(count, MOST))} {'try' if count == 1 else 'tries'}"


def _people(facts: Facts) -> str:
    """Name who fixed it; who only asked for a retry is named when nobody did."""
    for verbs, one, many in ((FIXES, "fix", "fixes"), (("retry",), "retry", "retries")):
        who = [str(act.by) for act in facts.actions if act.by_id and act.verb in verbs]
        if who:
            names = " and ".join(dict.fromkeys(who))
            return f"{in_words(len(who))} {one if len(who) == 1 else many} by {names}"
    return ""


def in_words(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else f"{count:,}"


def short_time(at: datetime | None) -> str:
    """Write a moment to the minute, with its zone; the year when it is another one."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    year = "" if local.year == timezone.localtime().year else "%Y "
    return local.strftime(f"%-d %b {year}%H:%M %Z")


def _waiting(facts: Facts) -> str:
    record, target = facts.record, facts.record.flow.target
    known = f"is in {target} as {facts.target_name}; a newer version "
    head = known if record.target_id else ""
    if record.due_at > timezone.now():
        return f"{head}waits: next try {short_time(record.due_at)}"
    return f"{head}waits for its turn to go to {target}"


def _held(facts: Facts) -> str:
    record = facts.record
    until = f", until {short_time(record.hold_until)}" if record.hold_until else ""
    if record.held_on:
        return f"waits for {_lower(str(record.held_on))}{until}"
    return f"is held: {record.hold_reason or record.flow.target}{until}"


def _delivered(facts: Facts) -> str:
    record = facts.record
    since = f" since {short_time(record.delivered_at)}" if record.delivered_at else ""
    return f"is in {record.flow.target} as {facts.target_name}{since}"


def _failed(facts: Facts) -> str:
    own = str(facts.record.pk)
    lines = [one for one in facts.lines if one.is_open and one.object_id == own]
    if not lines:
        return "failed and needs a person"
    line = lines[-1]
    since = short_time(line.first_failed_at)
    return f"needs a person since {since} as {line.human_id}: {_bare(line.what)}"


def _excluded(facts: Facts) -> str:
    record = facts.record
    return f"is not sent to {record.flow.target}: {_lower(_bare(record.exclusion))}"


def _running(facts: Facts) -> str:
    return f"is being sent to {facts.record.flow.target} right now"


STANDS = {
    State.WAITING: _waiting,
    State.RUNNING: _running,
    State.HELD: _held,
    State.DELIVERED: _delivered,
    State.FAILED: _failed,
    State.EXCLUDED: _excluded,
}


def _lower(text: str) -> str:
    return f"{text[:1].lower()}{text[1:]}"


def _bare(text: str) -> str:
    return text.removeprefix("– ").rstrip(". ")


# What is related


def related_to(facts: Facts) -> Iterator[Related]:
    """Yield the records around this one, each once, the nearest first."""
    record, seen = facts.record, {facts.record.pk}
    for how, found in (
        ("it waited for this", facts.needed.values()),
        ("waits for this record", _newest_few(records().filter(held_on=record))),
        ("the same on another flow", _same_object(record)),
        ("came in the same delivery", _same_delivery(record)),
    ):
        for one in found:
            if one.pk not in seen:
                seen.add(one.pk)
                yield Related(one, how)


def _newest_few(found: QuerySet[SyncRecord]) -> list[SyncRecord]:
    return list(found.order_by("-pk")[:MOST_RELATED])


def _same_object(record: SyncRecord) -> list[SyncRecord]:
    flow = record.flow
    return _newest_few(
        records().filter(
            source_key=record.source_key,
            flow__source=flow.source_id,
            flow__source_entity=flow.source_entity,
        )
    )


def _same_delivery(record: SyncRecord) -> list[SyncRecord]:
    if record.event_id is None:
        return []
    return _newest_few(records().filter(event=record.event_id))


def _links(record: SyncRecord) -> QuerySet[Link]:
    flow = record.flow
    found = Link.objects.filter(
        source_connection=flow.source_id,
        source_entity=flow.source_entity,
        source_id=record.source_key,
    )
    return found.select_related("target_connection")[:MOST_RELATED]


def _place_at_source(record: SyncRecord) -> Iterator[Place]:
    source = record.flow.source
    key, entity = record.source_key, record.flow.source_entity
    url = keyless_of(source).record_url(entity, key)
    if url:
        yield Place(f"Open in {source}", url)


def _place_at_target(record: SyncRecord) -> Iterator[Place]:
    if not record.target_id:
        return
    flow = record.flow
    url = keyless_of(flow.target).record_url(flow.target_record, record.target_id)
    if url:
        yield Place(f"Open in {flow.target}", url)
