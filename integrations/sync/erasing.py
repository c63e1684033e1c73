"""Erases one customer's personal data, when that customer asks for it.

Keys, order numbers and amounts stay: the books must add up. What is still on its way
is never erased in passing: a person settles it first, or says that it shall be
excluded. The trail notes that it was done, by whom and why, and whose keys it was,
with nothing personal.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Model, Q, QuerySet

from errorqueue import services
from errorqueue.models import (
    Action,
    Alert,
    BulkRun,
    Cause,
    FailedRecord,
    LineKey,
    Message,
    Notice,
    SavedView,
)
from errorqueue.services import NotOpen
from integrations.models import (
    Attempt,
    AuditEntry,
    CachedLookup,
    Gap,
    InboxEvent,
    Link,
    OwnershipConflict,
    RecordKey,
    SyncRecord,
)
from integrations.models.asking import BY_PERSON
from integrations.sync.emptying import empty_events, empty_records, lines_about
from mappings.models import GoldenSample, Scenario, ScenarioRun, SeenValue

User = Any
State = SyncRecord.State
# So many records are erased in one go; for the rest it is asked once more.
MOST = 500
ERASED = "erased"
SHORTEST_NAME = 5
UNSETTLED = (State.WAITING, State.HELD, State.FAILED)
# Deliveries that led to no record.
UNTOLD = (InboxEvent.State.QUARANTINED, InboxEvent.State.NOT_WANTED)
# What goes as a whole where it holds the address.
TYPED: tuple[tuple[str, type[Model], tuple[str, ...]], ...] = (
    ("Golden samples", GoldenSample, ("source",)),
    ("New values", SeenValue, ("value", "example", "because")),
    ("Saved views", SavedView, ("query",)),
)
# Texts that were sent to people, and stay as the story of an incident.
TOLD: tuple[tuple[type[Model], tuple[str, ...]], ...] = (
    (Alert, ("title", "text")),
    (Message, ("subject", "text")),
)


class NotErased(Exception):
    """Nothing was erased; the text says why and what to do."""


@dataclass(frozen=True)
class Traces:
    """What is known of one customer: records and, by kind, what hangs on them.

    `words` name the customer wherever they stand: e-mail addresses, above all. `left`
    are things that people made by hand and that hold one of them: they are named, and
    changed by those who made them.
    """

    records: list[SyncRecord]
    words: frozenset[str]
    counts: list[tuple[str, int]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    is_more: bool = False

    @property
    def is_empty(self) -> bool:
        return not any(count for _, count in self.counts)

    @property
    def unsettled(self) -> list[SyncRecord]:
        """Those that are not delivered and not set aside."""
        return [one for one in self.records if one.state in UNSETTLED]


def find(word: str) -> Traces:
    """Return everything about the customer of an e-mail, an id or an order number."""
    named = _records(word)
    emails = {one.email.casefold() for one in named if one.email}
    if "@" in word:
        emails.add(word.strip().casefold())
    known = {one.pk: one for one in named} | {one.pk: one for one in _of(emails)}
    found = list(known.values())[: MOST + 1]
    traces = Traces(found[:MOST], frozenset(emails), is_more=len(found) > MOST)
    traces.counts.extend(_counts(traces))
    traces.left.extend(left_holding(emails))
    return traces


def _records(word: str) -> list[SyncRecord]:
    bare = word.strip()
    if not bare:
        return []
    number = bare.lstrip("#")
    links = Link.objects.filter(Q(target_id=bare) | Q(external_id=bare))
    linked = links.values_list("source_id", flat=True)
    named = Q(label__in=[bare, number, f"#{number}"]) | Q(
        source_key__in=[bare, *linked[:MOST]]
    )
    return list(_light().filter(named)[: MOST + 1])


def _of(emails: Collection[str]) -> list[SyncRecord]:
    """Records with an e-mail, however it was written; the index is asked first."""
    exact = list(_light().filter(email__in=emails)[: MOST + 1])
    if not emails or len(exact) > MOST:
        return exact
    others = Q()
    for email in emails:
        others |= Q(email__iexact=email)
    return list(_light().filter(others)[: MOST + 1])


def _light() -> QuerySet[SyncRecord]:
    light = SyncRecord.objects.defer("source", "edited").select_related("flow__source")
    return light.order_by("pk")


def _keys(records: Collection[SyncRecord]) -> list[int]:
    return [one.pk for one in records]


def _counts(traces: Traces) -> list[tuple[str, int]]:
    samples = _holding(GoldenSample, ("source",), traces.words)
    found = record_counts(traces, _deliveries(traces))
    return [*found, ("Golden samples", samples.count())]


def record_counts(
    traces: Traces, deliveries: QuerySet[InboxEvent]
) -> list[tuple[str, int]]:
    """Count the records and, by kind, what hangs on them."""
    pks = _keys(traces.records)
    lines = lines_about(pks)
    rows: list[tuple[str, QuerySet[Any]]] = [
        ("Records", SyncRecord.objects.filter(pk__in=pks)),
        ("Tries", Attempt.objects.filter(record__in=pks)),
        ("Lines of the error queue", lines),
        ("Notes and comments on them", Action.objects.filter(failed__in=lines)),
        ("Deliveries", deliveries),
        ("Webhook messages", Notice.objects.filter(line__in=lines)),
        ("Kept look-ups", _lookups(traces)),
        ("Ownership conflicts", OwnershipConflict.objects.filter(record__in=pks)),
    ]
    return [(label, found.count()) for label, found in rows]


def _deliveries(traces: Traces) -> QuerySet[InboxEvent]:
    """Deliveries that told of these records, and others with one of the words."""
    untold = holding(
        InboxEvent.objects.filter(state__in=UNTOLD, removal=None), traces.words
    )
    told = told_of(_keys(traces.records)).values_list("pk", flat=True)
    return InboxEvent.objects.filter(pk__in=[*told, *untold])


def told_of(pks: Collection[int]) -> QuerySet[InboxEvent]:
    """Return the deliveries that told of these records, newer and older ones."""
    own = InboxEvent.objects.filter(records__in=pks)
    return (own | InboxEvent.objects.filter(pk__in=_told_by_key(pks))).distinct()


def holding(events: QuerySet[InboxEvent], words: Collection[str]) -> list[int]:
    """Return which of these deliveries hold one of the words, however it is written."""
    wanted = [word.casefold().encode() for word in words if word]
    if not wanted:
        return []
    return [
        one.pk
        for one in events.only("body").iterator(chunk_size=200)
        if any(word in one.raw.lower() for word in wanted)
    ]


def _told_by_key(pks: Collection[int]) -> list[int]:
    keys = RecordKey.objects.filter(record__in=pks, name=RecordKey.Name.DELIVERY)
    return [int(value) for value in keys.values_list("value", flat=True)]


def _lookups(traces: Traces) -> QuerySet[CachedLookup]:
    wanted = Q(pk=None)
    for word in traces.words:
        wanted |= Q(value__iexact=word)
    for one in traces.records:
        if one.target_id and one.flow.source_entity == "customer":
            wanted |= Q(target_id=one.target_id, record=one.flow.target_record)
    return CachedLookup.objects.filter(wanted)


def _holding(
    model: type[Model], columns: Collection[str], words: Collection[str]
) -> QuerySet[Any]:
    """Rows of which a column holds one of the words, in text or inside JSON."""
    wanted = Q(pk=None)
    for word in words:
        for column in columns:
            wanted |= Q(**{f"{column}__icontains": word})
    return model._default_manager.filter(wanted)


def left_holding(words: Collection[str]) -> list[str]:
    """Name what people made by hand and what holds one of the words."""
    scenarios = _holding(Scenario, ("source",), words)
    runs = _holding(ScenarioRun, ("given", "made", "exchanges"), words)
    named = [f"Acceptance scenario “{one}”" for one in scenarios]
    return named + [f"Evidence: {one}" for one in runs]


# The erasing itself


@transaction.atomic
def erase(
    traces: Traces, by: User, reason: str, *, with_unsettled: bool = False
) -> int:
    """Erase what `find` found; returns how many records. Raises NotErased.

    `reason` is the number of the request, never a name. Records that are not settled
    are excluded first, if a person said so.
    """
    if any(word in reason.casefold() for word in traces.words):
        raise NotErased("The reason would keep the e-mail address: name the request.")
    events = list(_deliveries(traces).values_list("pk", flat=True))
    count = erase_records(traces, by, reason, with_unsettled=with_unsettled)
    erase_deliveries(events, reason, by)
    erase_words(traces.words)
    return count


@transaction.atomic
def erase_records(
    traces: Traces, by: User, reason: str, *, with_unsettled: bool = False
) -> int:
    """Erase records and all that hangs on them; as `erase`."""
    _settle(traces, by, reason, with_unsettled=with_unsettled)
    pks = _keys(traces.records)
    events = list(told_of(pks).values_list("pk", flat=True))
    lookups = list(_lookups(traces).values_list("pk", flat=True))
    _note(traces, by, reason)
    empty_records(pks, on_request(reason))
    _erase_names(traces.records)
    _erase_records(traces.records)
    _erase_lines(lines_about(pks))
    erase_deliveries(events, reason, by)
    CachedLookup.objects.filter(pk__in=lookups).delete()
    OwnershipConflict.objects.filter(record__in=pks).delete()
    return len(pks)


def on_request(reason: str) -> str:
    """Say by whose wish; completes “Payload removed …”."""
    return f"on request {reason}"


def _settle(traces: Traces, by: User, reason: str, *, with_unsettled: bool) -> None:
    """Lock the records, and exclude those on their way, or refuse."""
    locked = SyncRecord.objects.filter(pk__in=_keys(traces.records))
    states = dict(locked.select_for_update().values_list("pk", "state"))
    if State.RUNNING in states.values():
        raise NotErased("A record of this customer is being sent: try in a minute.")
    unsettled = [pk for pk, state in states.items() if state in UNSETTLED]
    if unsettled and not with_unsettled:
        raise NotErased(
            f"{len(unsettled)} records of this customer are not settled. Settle them "
            "first, or tick that they are to be excluded."
        )
    lines = {line.object_id: line for line in lines_about(unsettled) if line.is_open}
    for record in SyncRecord.objects.filter(pk__in=unsettled):
        line = lines.get(str(record.pk))
        try:
            if line:
                services.exclude(line, by, f"erased on request {reason}")
            else:
                record.exclude(f"erased on request {reason}", by)
        except NotOpen as error:
            raise NotErased(str(error)) from error


def _note(traces: Traces, by: User, reason: str) -> None:
    for one in traces.records:
        AuditEntry.objects.note(
            one, "erased", one.state, one.state, on_request(reason), by
        )


def _erase_records(records: Collection[SyncRecord]) -> None:
    pks = _keys(records)
    people = [one.pk for one in records if one.flow.source_entity != "order"]
    SyncRecord.objects.filter(pk__in=pks).update(party="", email="", hold_reason="")
    SyncRecord.objects.filter(pk__in=people).update(label=ERASED)
    by_hand = SyncRecord.objects.filter(pk__in=pks, exclusion__startswith=BY_PERSON)
    by_hand.update(exclusion=f"{BY_PERSON}{ERASED}")
    Attempt.objects.filter(record__in=pks).exclude(message="").update(message=ERASED)


def _erase_lines(lines: QuerySet[FailedRecord]) -> None:
    """Leave number, kind, money, times and who did what; take out every word."""
    keys = (LineKey.Name.EMAIL, LineKey.Name.CUSTOMER)
    LineKey.objects.filter(line__in=lines, name__in=keys).delete()
    Notice.objects.filter(line__in=lines).delete()
    words = {"before": "", "after": ""}
    said = Action.objects.filter(failed__in=lines)
    said.exclude(verb="recipe").update(**words)
    said.exclude(reason="").update(reason=ERASED)
    lines.exclude(entity="order").update(title=ERASED, reference="")
    lines.update(
        party="",
        email="",
        what="– erased on request",
        why="",
        remedy="",
        raw="",
        problems=[],
        first_error={},
        preflight_note="",
    )
    lines.exclude(settled_how="").update(settled_how=ERASED)


def erase_deliveries(events: Collection[int], reason: str, by: User) -> int:
    """Empty them, whatever became of them; an unreadable one is set aside.

    Returns how many were emptied.
    """
    why = on_request(reason)
    unread = InboxEvent.objects.filter(
        pk__in=events, state=InboxEvent.State.QUARANTINED
    )
    for event in unread:
        line = FailedRecord.objects.about(event).open().first()
        if line:
            services.exclude(line, by, f"erased {why}")
        _erase_lines(FailedRecord.objects.about(event))
    return empty_events(events, why)


def erase_words(words: Collection[str]) -> list[tuple[str, int]]:
    """Where people typed the address, or a sample holds it; counts by kind."""
    counts = [
        (label, _delete(_holding(model, columns, words)))
        for label, model, columns in TYPED
    ]
    runs = _holding(BulkRun, ("query",), words).update(query="")
    causes = _holding(Cause, ("value",), words).update(value="")
    told = sum(_take_out(model, names, words) for model, names in TOLD)
    return [*counts, ("Bulk runs", runs), ("Causes", causes), ("Alerts", told)]


def texts_holding(words: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """Return what hangs on no record and holds one of the words, by its kind."""
    others: tuple[tuple[str, type[Model], tuple[str, ...]], ...] = (
        ("Kept look-ups", CachedLookup, ("value", "label")),
        ("Causes", Cause, ("value",)),
        ("Alerts", Alert, ("title", "text")),
        ("Messages", Message, ("subject", "text")),
    )
    return {
        label: list(_holding(model, columns, words).values(*columns))
        for label, model, columns in (*TYPED, *others)
    }


def _delete(found: QuerySet[Any]) -> int:
    count = found.count()
    found.delete()
    return count


def _erase_names(records: Collection[SyncRecord]) -> None:
    """Take the names of these people out of what others were told of them."""
    people = [one for one in records if one.flow.source_entity != "order"]
    names = {one.label for one in people if _is_name(one.label)}
    for model, columns in TOLD:
        _take_out(model, columns, names)
    labels = defaultdict(list)
    for one in people:
        labels[one.flow_id].append(one.source_key)
    for flow, keys in labels.items():
        Gap.objects.filter(flow=flow, source_key__in=keys).update(label="")


def _is_name(label: str) -> bool:
    """Say whether a label is a person's whole name, and no word of every sentence."""
    return " " in label.strip() and len(label) >= SHORTEST_NAME


def _take_out(
    model: type[Model], columns: Collection[str], words: Iterable[str]
) -> int:
    """Write another word for each of these in texts that stay."""
    known = sorted(words, key=len, reverse=True)
    if not known:
        return 0
    any_of = re.compile("|".join(re.escape(word) for word in known), re.IGNORECASE)
    rows = list(_holding(model, columns, known))
    for row in rows:
        for column in columns:
            text = any_of.sub(ERASED, getattr(row, column))
            longest = getattr(model._meta.get_field(column), "max_length", None)
            setattr(row, column, text[:longest])
        row.save(update_fields=list(columns))
    return len(rows)
