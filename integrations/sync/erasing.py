"""Erases one customer's personal data, when that customer asks for it.

Keys, order numbers and amounts stay: the books must add up. What is still on its way
is never erased in passing: a person settles it first, or says that it shall be
excluded. The trail notes that it was done, by whom and why, and whose keys it was,
with nothing personal.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Model, Q, QuerySet

from errorqueue import services
from errorqueue.models import (
    Action,
    BulkRun,
    Cause,
    FailedRecord,
    LineKey,
    Notice,
    SavedView,
)
from errorqueue.services import NotOpen
from integrations.models import (
    Attempt,
    AuditEntry,
    CachedLookup,
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
UNSETTLED = (State.WAITING, State.HELD, State.FAILED)


class NotErased(Exception):
    """Nothing was erased; the text says why and what to do."""


@dataclass(frozen=True)
class Traces:
    """What is known of one customer: records and, by kind, what hangs on them.

    `left` are things that people made by hand and that hold the e-mail address:
    they are named, and changed by those who made them.
    """

    records: list[SyncRecord]
    emails: frozenset[str]
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
    traces.left.extend(_left(emails))
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
    pks = _keys(traces.records)
    lines = lines_about(pks)
    rows: list[tuple[str, QuerySet[Any]]] = [
        ("Records", SyncRecord.objects.filter(pk__in=pks)),
        ("Tries", Attempt.objects.filter(record__in=pks)),
        ("Lines of the error queue", lines),
        ("Notes and comments on them", Action.objects.filter(failed__in=lines)),
        ("Deliveries", _deliveries(traces)),
        ("Webhook messages", Notice.objects.filter(line__in=lines)),
        ("Kept look-ups", _lookups(traces)),
        ("Ownership conflicts", OwnershipConflict.objects.filter(record__in=pks)),
        ("Golden samples", _holding(GoldenSample, ("source",), traces.emails)),
    ]
    return [(label, found.count()) for label, found in rows]


def _deliveries(traces: Traces) -> QuerySet[InboxEvent]:
    """Deliveries that told of these records, and unreadable ones with the e-mail."""
    pks = _keys(traces.records)
    told = InboxEvent.objects.filter(records__in=pks) | InboxEvent.objects.filter(
        pk__in=_told_by_key(pks)
    )
    unread = InboxEvent.objects.filter(state=InboxEvent.State.QUARANTINED)
    holding = [
        one.pk
        for one in unread.only("body").iterator()
        if any(email.encode() in one.raw.lower() for email in traces.emails)
    ]
    return (told | InboxEvent.objects.filter(pk__in=holding)).distinct()


def _told_by_key(pks: Collection[int]) -> list[int]:
    keys = RecordKey.objects.filter(record__in=pks, name=RecordKey.Name.DELIVERY)
    return [int(value) for value in keys.values_list("value", flat=True)]


def _lookups(traces: Traces) -> QuerySet[CachedLookup]:
    wanted = Q(pk=None)
    for email in traces.emails:
        wanted |= Q(value__iexact=email)
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


def _left(emails: Collection[str]) -> list[str]:
    scenarios = _holding(Scenario, ("source",), emails)
    runs = _holding(ScenarioRun, ("given", "made", "exchanges"), emails)
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
    if any(email in reason.casefold() for email in traces.emails):
        raise NotErased("The reason would keep the e-mail address: name the request.")
    _settle(traces, by, reason, with_unsettled=with_unsettled)
    pks = _keys(traces.records)
    why = f"on request {reason}"
    events = list(_deliveries(traces).values_list("pk", flat=True))
    lookups = list(_lookups(traces).values_list("pk", flat=True))
    _note(traces, by, reason)
    empty_records(pks, why)
    _erase_records(traces.records)
    _erase_lines(lines_about(pks))
    _erase_deliveries(events, why, by)
    CachedLookup.objects.filter(pk__in=lookups).delete()
    OwnershipConflict.objects.filter(record__in=pks).delete()
    _erase_words(traces.emails)
    return len(pks)


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
            one, "erased", one.state, one.state, f"on request {reason}", by
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


def _erase_deliveries(events: Collection[int], why: str, by: User) -> None:
    """Empty them, whatever became of them; an unreadable one is set aside."""
    unread = InboxEvent.objects.filter(
        pk__in=events, state=InboxEvent.State.QUARANTINED
    )
    for event in unread:
        line = FailedRecord.objects.about(event).open().first()
        if line:
            services.exclude(line, by, f"erased {why}")
        _erase_lines(FailedRecord.objects.about(event))
    empty_events(events, why)


def _erase_words(emails: Collection[str]) -> None:
    """Where people typed the address, or a sample holds it."""
    _holding(GoldenSample, ("source",), emails).delete()
    _holding(SeenValue, ("value", "example", "because"), emails).delete()
    _holding(SavedView, ("query",), emails).delete()
    _holding(BulkRun, ("query",), emails).update(query="")
    _holding(Cause, ("value",), emails).update(value="")
