"""What deliveries carry: whether they still differ, and whether they still are full.

A mapping that lost its source, or a constant in the wrong place, delivers without an
error and forever. The digests that attempts have anyway tell what is the very same;
of a few payloads of each batch the values are counted.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from integrations.models import Attempt, FlowRhythm

# Payloads read of one flow and batch, and records named as examples.
WEIGHED = 20
EXAMPLES = 3
NOTHING: tuple[Any, ...] = (None, "", [], {})

Sums = Counter[tuple[int, datetime, str]]


class Sent(NamedTuple):
    """One delivery: the attempt, whose it was, its hour, the digest of what was sent."""

    pk: int
    flow_id: int
    record_id: int
    hour: datetime
    digest: str


def count_contents(delivered: Iterable[Sent]) -> Sums:
    """Count what deliveries carried, in their order; remember the last of each flow."""
    by_flow: dict[int, list[Sent]] = {}
    for one in delivered:
        by_flow.setdefault(one.flow_id, []).append(one)
    sums: Sums = Counter()
    known = FlowRhythm.objects.filter(flow__in=by_flow)
    for rhythm in known.order_by("flow"):
        mine = by_flow[rhythm.flow_id]
        _compare(rhythm, mine, sums)
        _weigh(mine[-WEIGHED:], sums)
    return sums


def _compare(rhythm: FlowRhythm, delivered: list[Sent], sums: Sums) -> None:
    """Lay each beside the one before; a record that is sent again tells nothing."""
    last, digest = rhythm.last_records or [], rhythm.last_digest
    for one in delivered:
        if one.record_id not in last[:1]:
            if digest and one.digest:
                sums[one.flow_id, one.hour, "compared"] += 1
                sums[one.flow_id, one.hour, "alike"] += one.digest == digest
            others = [pk for pk in last if pk != one.record_id]
            last = [one.record_id, *others][:EXAMPLES]
        digest = one.digest
    FlowRhythm.objects.filter(pk=rhythm.pk).update(
        last_records=last, last_digest=digest
    )


def _weigh(delivered: list[Sent], sums: Sums) -> None:
    """Count the values in a few payloads; those that were removed weigh nothing."""
    attempts = Attempt.objects.only("payload").in_bulk([one.pk for one in delivered])
    for one in delivered:
        attempt = attempts.get(one.pk)
        if attempt and attempt.payload:
            sums[one.flow_id, one.hour, "weighed"] += 1
            sums[one.flow_id, one.hour, "filled"] += filled(attempt.payload)


def filled(value: Any) -> int:
    """Count the values that say something; no and 0 do."""
    if isinstance(value, dict):
        return sum(filled(one) for one in value.values())
    if isinstance(value, list):
        return sum(filled(one) for one in value)
    return int(value not in NOTHING)
