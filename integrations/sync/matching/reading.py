"""Reads both sides page by page, and writes down what people tell things by."""

from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction

from errorqueue.text import clean
from integrations.connectors.base import SourceObject
from integrations.connectors.matching import Part
from integrations.models import Link, Match, MatchItem
from integrations.sync.backfill.lease import minding
from integrations.sync.matching.comparing import Judged, Thing, compare
from integrations.sync.matching.lease import keep
from integrations.sync.preflight import patient_to

Side = MatchItem.Side
State = Match.State
# What one person can look through, and a worker hold in memory while it compares.
MOST = 100_000
AT_ONCE = 500
IsOver = Callable[[], bool]


class TooMany(Exception):
    """More than one match can take."""


def read_source(match: Match, is_over: IsOver) -> bool:
    """Read on where the last step ended; say whether the source is read whole."""
    flow = match.flow
    found: list[SourceObject] = []
    with minding(flow.source):
        source = patient_to(flow.source)
        for one, cursor in source.changes(flow.source_entity, match.cursor):
            found.append(one)
            if cursor == match.cursor:
                continue
            _save(match, _items_of(match, source, found), cursor=cursor)
            found = []
            if is_over():
                return False
    _save(match, _items_of(match, source, found), cursor="", state=State.TARGET)
    return True


def _items_of(
    match: Match, source: Any, found: Iterable[SourceObject]
) -> list[MatchItem]:
    """Return an item for each part; the first of a record keeps its content."""
    items = []
    for one in found:
        for place, part in enumerate(source.parts(one)):
            item = _item(match, Side.SOURCE, part)
            if place == 0:
                content: Any = one.payload
                item.content, item.changed_at = content, one.changed_at
            items.append(item)
    return items


def _item(match: Match, side: str, part: Part) -> MatchItem:
    return MatchItem(
        match=match,
        side=side,
        key=part.key,
        part=part.id,
        sku=clean(part.sku)[:255],
        barcode=clean(part.barcode)[:255],
        label=clean(part.label)[:200],
    )


def read_target(match: Match, is_over: IsOver) -> bool:
    """Read on where the last step ended; say whether the target is read whole."""
    flow = match.flow
    while not is_over():
        with minding(flow.target):
            target = patient_to(flow.target)
            page = target.shelf(flow.target_record, match.cursor)
        items = [_item(match, Side.TARGET, part) for part in page.parts]
        state = State.TARGET if page.cursor else State.COMPARING
        _save(match, items, cursor=page.cursor, state=state)
        if not page.cursor:
            return True
    return False


def _save(match: Match, items: list[MatchItem], **columns: Any) -> None:
    with transaction.atomic():
        MatchItem.objects.bulk_create(items, AT_ONCE, ignore_conflicts=True)
        keep(match, note="", **columns)
    if match.items.count() > MOST:
        raise TooMany(
            f"Both sides together have more than {MOST:,}. Match such a catalogue by a "
            "file, or ask for help."
        )


def compare_sides(match: Match) -> None:
    """Write what was found of each; a worker that dies compares once more."""
    found = compare(
        _things(match, Side.SOURCE), _things(match, Side.TARGET), _linked(match)
    )
    rows = list(found.items())
    for start in range(0, len(rows), AT_ONCE):
        judged = [_judged(pk, one) for pk, one in rows[start : start + AT_ONCE]]
        MatchItem.objects.bulk_update(judged, ["verdict", "partner", "note"])
        keep(match)


def _things(match: Match, side: str) -> list[Thing]:
    items = match.items.filter(side=side).order_by("pk")
    rows = items.values_list("pk", "key", "sku", "barcode", "label")
    return [Thing(*row) for row in rows]


def _judged(pk: int, one: Judged) -> MatchItem:
    partner = one.partner.pk if one.partner else None
    note = one.note[:300]
    return MatchItem(pk=pk, verdict=one.verdict, partner_id=partner, note=note)


def _linked(match: Match) -> set[str]:
    """Return the records of the source whose pair is known."""
    flow = match.flow
    links = Link.objects.filter(
        source_connection=flow.source_id,
        source_entity=flow.source_entity,
        target_connection=flow.target_id,
        target_record=flow.target_record,
    )
    return set(links.values_list("source_id", flat=True))
