"""Keeps an own write from coming back as somebody's change, where flows go both ways.

What Waybill wrote to a system comes back from there as a change. Such an echo is told
by its values, laid beside what this console wrote and read last, field by field; times
only tell the echo of an earlier write from a change back to that value. A field that
says nothing new is left out, so a real change beside an echo goes on alone, and a
record of nothing but echoes is not sent.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import F, Q

from errorqueue.clock import database_time
from errorqueue.failures import Start
from integrations.connectors.base import Connector, Payload
from integrations.models import Attempt, Flow, Link, SyncRecord
from integrations.models.account import keyless_of
from integrations.sync.confirming import late_limit
from integrations.sync.delivery import (
    ECHO,
    NO_NEWS,
    OVERTAKEN,
    Delivery,
    Echo,
    NotYet,
)
from integrations.sync.fields import leaves, same, without
from integrations.sync.mapping import facts_of, lookups_for
from mappings import engine

Outcome = Attempt.Outcome
# What may have reached the other side, whether its answer came or not.
WRITTEN = (Outcome.OPEN, Outcome.UNKNOWN, Outcome.DELIVERED)
MOST_WRITES = 10
MOST_SENT = 20
# Clocks of vendors and ours differ by so much at most.
SKEW = timedelta(seconds=2)
# So long a change may be on its way from a source that tells of it by itself.
WORD = timedelta(minutes=1)


@dataclass(frozen=True)
class Pair:
    """The record of the other flow that stands for the same thing."""

    record: SyncRecord
    target_id: str


@dataclass(frozen=True)
class Said:
    """What one try told about the fields, in the words of this flow's target."""

    at: datetime
    until: datetime
    fields: dict[str, Any]
    is_ours: bool


@dataclass
class Sifted:
    """The fields of a payload by what they are: news, echoes, or known already.

    `stale` are those among the news that we wrote over since the source told them;
    with `unsure`, clocks do not tell whether we did, and until when that may be so.
    """

    news: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    unsure: dict[str, datetime] = field(default_factory=dict)
    echoes: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)


def sift(delivery: Delivery, connector: Connector, payload: Payload) -> Payload:
    """Return what is news of a payload; raises Echo when nothing of it is.

    Costs nothing but a kept look where no flow goes the other way. Raises NotYet
    while the record may be the answer to a first write that has not ended.
    """
    flows, record = _ways_back(delivery), delivery.record
    if not flows:
        return payload
    if record.retry_start == Start.AGAIN:
        _part(record)
        return payload
    pair = _pair(record, flows) or _pair_after_first_writes(record, flows)
    if pair is None:
        return payload
    delivery.partner, delivery.pair = pair.target_id, pair.record
    if _is_sent_whole(delivery):
        return payload
    sifted = _sift(delivery, connector, payload, pair)
    delivery.overtaken = _overtaken(delivery, sifted)
    news = [path for path in sifted.news if path not in delivery.overtaken]
    if not news:
        raise Echo(pair.target_id, _rule_of(sifted, delivery.overtaken))
    delivery.news = frozenset(news)
    delivery.stale = frozenset(sifted.stale)
    for path in (*sifted.echoes, *sifted.known, *delivery.overtaken):
        payload = without(payload, path)
    return payload


def _rule_of(sifted: Sifted, overtaken: tuple[str, ...]) -> str:
    """Name the rule that keeps a record out of which nothing is left to tell."""
    if overtaken:
        return f"{OVERTAKEN} ({', '.join(overtaken)})"
    return ECHO if sifted.echoes else NO_NEWS


def refuse_own(delivery: Delivery) -> None:
    """Raise Echo for an object that a create-only flow of ours made at the source.

    What stands on the other side already is never made there again; nothing that such
    a flow made is told back. Raises NotYet while a first write of it has not ended.
    """
    record = delivery.record
    if record.target_id or record.retry_start == Start.AGAIN:
        return
    flow = record.flow
    key = ("made there", flow.pk)
    flows = delivery.desk.keep(key, partial(_back, flow, Flow.Mode.CREATE))
    if not flows:
        return
    under_way = _first_writes(record, flows)
    if _is_made_by_us(record):
        raise Echo("")
    if under_way:
        raise NotYet("a first write to its source has not ended; it may be its echo")


def _is_made_by_us(record: SyncRecord) -> bool:
    flow = record.flow
    ids = keyless_of(flow.source).ids_of(flow.source_entity, record.source_key)
    made = Link.objects.filter(
        source_connection=flow.target_id,
        target_connection=flow.source_id,
        target_record__iexact=flow.source_entity,
        target_id__in=ids,
    )
    return made.exists()


def _is_sent_whole(delivery: Delivery) -> bool:
    """Say whether a person wants it sent, or a version that was delivered is repeated."""
    record = delivery.record
    is_repeat = record.delivered_version == record.claimed_version
    return record.asks_afresh or delivery.mapped is None or is_repeat


# Who stands for the same thing


def _ways_back(delivery: Delivery) -> tuple[int, ...]:
    """Return the flows that carry the same kind of record in the other direction."""
    flow = delivery.record.flow
    ways: tuple[int, ...] = delivery.desk.keep(
        ("ways back", flow.pk), partial(ways_back, flow)
    )
    return ways


def ways_back(flow: Flow) -> tuple[int, ...]:
    """Find the flows whose writes come back on this one."""
    return _back(flow, Flow.Mode.UPSERT)


def _back(flow: Flow, mode: str) -> tuple[int, ...]:
    back = Flow.objects.filter(
        Q(target_record__iexact=flow.source_entity)
        | Q(source_entity__iexact=flow.target_record),
        source=flow.target_id,
        target=flow.source_id,
        mode=mode,
    )
    return tuple(back.exclude(pk=flow.pk).values_list("pk", flat=True))


def _pair(record: SyncRecord, flows: tuple[int, ...]) -> Pair | None:
    """Return the record of the other direction, known by its link or by our own id."""
    flow = record.flow
    links = Link.objects.filter(
        source_connection=flow.target_id,
        target_connection=flow.source_id,
        target_id=record.source_key,
    )
    keys = {*links.values_list("source_id", flat=True)[:5], *_named(record)}
    found = SyncRecord.objects.filter(flow__in=flows, source_key__in=keys)
    latest = F("delivered_at").desc(nulls_last=True)
    other = found.defer("source", "edited").order_by(latest, "pk").first()
    return Pair(other, other.source_key) if other else None


def _part(record: SyncRecord) -> None:
    """Forget the pair of a record that a person wants created again: it is gone."""
    Link.objects.filter(
        source_connection=record.flow.target_id,
        target_connection=record.flow.source_id,
        target_id=record.source_key,
    ).delete()


def _named(record: SyncRecord) -> Iterator[str]:
    """Yield the source id that our own external id on the record names, if it has one."""
    told = record.payload.get("externalId")
    prefix = f"{record.flow.target.namespace}-{record.flow.target_record}-".lower()
    if isinstance(told, str) and told.lower().startswith(prefix):
        yield told[len(prefix) :]


def _pair_after_first_writes(record: SyncRecord, flows: tuple[int, ...]) -> Pair | None:
    """Wait while a first write is under way: this may be its echo, not a new record.

    One that ended since the pair was looked for has left the pair behind.
    """
    if record.target_id:
        return None
    if _first_writes(record, flows):
        raise NotYet("a first write to its source has not ended; it may be its echo")
    return _pair(record, flows)


def _first_writes(record: SyncRecord, flows: tuple[int, ...]) -> bool:
    """Say whether one of these flows may be writing something new right now."""
    since = database_time() - late_limit(record.flow.source)
    begun = Attempt.objects.filter(
        record__flow__in=flows,
        record__target_id="",
        outcome__in=Attempt.UNSETTLED,
        started_at__gte=since,
    )
    return begun.exists()


# What both sides changed at once


def _overtaken(delivery: Delivery, sifted: Sifted) -> tuple[str, ...]:
    """Return the fields without an owner that both sides changed, the other one first.

    We have written the value of the other side over what the source tells here. So
    both sides hold that one already; to send the other value on would swap them for
    good, since each write comes back as an echo.

    Raises NotYet while clocks cannot tell: what stands at the source now comes in
    with its next word, and is news only when we did not write over it.
    """
    free = _free_fields(delivery)
    for path, until in sifted.unsure.items():
        if path in free and database_time() < until + _next_word(delivery.record.flow):
            raise NotYet(f"both sides changed {path} at one moment; it is read again")
    return tuple(path for path in sifted.stale if path in free)


def _free_fields(delivery: Delivery) -> set[str]:
    """Return the fields that nobody owns and that no guard looks at."""
    assert delivery.document is not None  # noqa: S101 (for the type checker)
    rows = delivery.document.rows
    owned = {row.target for row in rows if row.owner or row.updaters}
    return {row.target for row in rows if not row.section} - owned


def _next_word(flow: Flow) -> timedelta:
    """Return how long a source may take to tell what stands there now."""
    return timedelta(minutes=flow.poll_minutes) + WORD


# What is new


def _sift(
    delivery: Delivery, connector: Connector, payload: Payload, pair: Pair
) -> Sifted:
    record = delivery.record
    standing = _mapped(delivery, connector, {})
    written = _written(delivery, connector, pair, standing)
    said = sorted([*written, *_sent(record)], key=lambda one: one.at)
    found = Sifted()
    for path, value in leaves(payload):
        about = [one for one in said if path in one.fields]
        is_fixed = path in standing and same(standing[path], value)
        if is_fixed and (not about or same(about[-1].fields[path], value)):
            continue  # a constant or a fact, which is nobody's change
        _sort_in(found, path, value, about, record.changed_at)
    return found


def _sort_in(
    found: Sifted, path: str, value: Any, about: list[Said], changed_at: datetime | None
) -> None:
    last = about[-1] if about else None
    if last is not None and same(last.fields[path], value):
        (found.echoes if last.is_ours else found.known).append(path)
    elif _is_late_echo(path, value, about, changed_at):
        found.echoes.append(path)
    else:
        found.news.append(path)
        if _was_overwritten(about, changed_at):
            found.stale.append(path)
        elif until := _perhaps_overwritten(about, changed_at):
            found.unsure[path] = until


def _was_overwritten(about: list[Said], changed_at: datetime | None) -> bool:
    """Say whether we wrote to the field after the source changed."""
    if changed_at is None:
        return False
    return any(one.is_ours and changed_at < one.at - SKEW for one in about)


def _perhaps_overwritten(
    about: list[Said], changed_at: datetime | None
) -> datetime | None:
    """Return when we ended writing to the field, if it was just when the source changed."""
    if changed_at is None:
        return None
    ends = [one.until for one in about if one.is_ours and changed_at < one.until + SKEW]
    return max(ends, default=None)


def _is_late_echo(
    path: str, value: Any, about: list[Said], changed_at: datetime | None
) -> bool:
    """Say whether this is an earlier write of ours, seen only after the next one.

    It is when the source changed before that next write; afterwards somebody went
    back to the old value, and that is news. So it is when the source itself told
    another value in between, unless it changed no later than by our write.
    """
    if changed_at is None:
        return False
    return any(
        one.is_ours
        and same(one.fields[path], value)
        and changed_at < following.at - SKEW
        and (following.is_ours or changed_at < one.until + SKEW)
        for one, following in zip(about, about[1:], strict=False)
    )


def _sent(record: SyncRecord) -> Iterator[Said]:
    """Yield what this flow carried over, so what the source said then."""
    tries = record.attempts.filter(outcome=Outcome.DELIVERED, payload__isnull=False)
    for attempt in tries.order_by("-number")[:MOST_SENT]:
        yield _said(attempt, dict(leaves(attempt.payload)), is_ours=False)


def _said(
    attempt: Attempt,
    fields: dict[str, Any],
    *,
    is_ours: bool,
    limit: timedelta = timedelta(0),
) -> Said:
    """Return what a try told; one under way may land until now, within `limit`."""
    began = attempt.started_at
    ended = began + timedelta(milliseconds=attempt.milliseconds or 0)
    if attempt.outcome == Outcome.OPEN:
        ended = min(database_time(), began + limit)
    return Said(began, ended, fields, is_ours)


def _written(
    delivery: Delivery, connector: Connector, pair: Pair, standing: dict[str, Any]
) -> Iterator[Said]:
    """Yield what the other flow wrote, as it would read coming back.

    What the document gives for nothing at all (`standing`) was not written by it,
    unless that is what it makes of a field that was emptied.
    """
    flow = delivery.record.flow
    source = keyless_of(flow.source)
    tries = pair.record.attempts.filter(outcome__in=WRITTEN, payload__isnull=False)
    for attempt in tries.exclude(external_id="").order_by("-number")[:MOST_WRITES]:
        written: Any = attempt.payload
        back = source.as_read(flow.source_entity, dict(written))
        mapped = _mapped(delivery, connector, back)
        emptied = _emptied(delivery, connector, back, mapped)
        fields = {
            path: value
            for path, value in mapped.items()
            if path in emptied
            or path not in standing
            or not same(standing[path], value)
        }
        limit = late_limit(flow.source)
        yield _said(attempt, fields, is_ours=True, limit=limit)


def _emptied(
    delivery: Delivery, connector: Connector, back: Payload, mapped: dict[str, Any]
) -> set[str]:
    """Return the fields whose value comes from what was written empty.

    They are told by giving those another value: then they differ, or cannot be.
    """
    filled = _filled(back)
    if filled == back:
        return set()
    other = _mapped(delivery, connector, filled)
    return {
        path
        for path, value in mapped.items()
        if path not in other or not same(other[path], value)
    }


def _filled(value: Any) -> Any:
    """Return what was written with a value in every empty place."""
    if isinstance(value, dict):
        return {name: _filled(inner) for name, inner in value.items()}
    return "1" if value in (None, "") else value


def _mapped(
    delivery: Delivery, connector: Connector, source: Payload
) -> dict[str, Any]:
    """Map a source by this delivery's document; what cannot be mapped is left out."""
    assert delivery.document is not None  # noqa: S101 (for the type checker)
    record = delivery.record
    lookups = lookups_for(record, connector, delivery.desk.keep, delivery.needed)
    facts = {**facts_of(record), "derived": {}}
    found = engine.apply(delivery.document, source, facts=facts, lookups=lookups)
    return dict(leaves(found.payload))
