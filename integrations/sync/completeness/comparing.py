"""Lays a page of the source's list beside the ledger."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from integrations.connectors.listed import Listed
from integrations.models import BY_RULE, Flow, Gap, GapCheck, SyncRecord

State = SyncRecord.State
Kind = Gap.Kind
# What of a record is looked at.
COLUMNS = (
    "source_key",
    "state",
    "exclusion",
    "changed_at",
    "delivered_version",
    "amount",
    "currency",
    "flow_id",
)


@dataclass
class Sums:
    """How many objects, and how much money, are in which part of the ledger."""

    counts: dict[str, int] = field(default_factory=dict)
    money: dict[str, dict[str, str]] = field(default_factory=dict)

    def count(
        self, part: str, amount: Decimal | None = None, currency: str = ""
    ) -> None:
        """Add one object to a part, with its money where it has some."""
        self.counts[part] = self.counts.get(part, 0) + 1
        self.add_money(part, amount, currency)

    def add_money(self, part: str, amount: Decimal | None, currency: str) -> None:
        if amount is not None:
            sums = self.money.setdefault(currency, {})
            total = Decimal(sums.get(part, "0")) + amount
            # One sum has one text, whichever side wrote how many zeros.
            sums[part] = f"{total.normalize():f}"


def part_of(record: SyncRecord) -> str:
    """Return which part of the sum a record belongs to."""
    if record.state == State.DELIVERED:
        return "delivered"
    if record.state == State.FAILED:
        return "queued"
    if record.state == State.EXCLUDED:
        return "by_rule" if record.exclusion.startswith(BY_RULE) else "by_person"
    return "waiting"


def records_of(flow: Flow, keys: Iterable[str], *more: str) -> dict[str, SyncRecord]:
    """Return the ledger's lines of these objects, light, in one question.

    They are read with `more` columns than a comparison needs.
    """
    found = SyncRecord.objects.filter(flow=flow, source_key__in=list(keys))
    return {one.source_key: one for one in found.only(*COLUMNS, *more).order_by()}


def is_behind(flow: Flow, record: SyncRecord, changed_at: datetime) -> bool:
    """Say whether the ledger holds an older version that still could be sent."""
    if flow.mode == Flow.Mode.CREATE and record.delivered_version:
        return False
    if record.changed_at is None:
        return False
    return record.changed_at.replace(microsecond=0) < changed_at.replace(microsecond=0)


def lacks(flow: Flow, record: SyncRecord | None, changed_at: datetime) -> bool:
    """Say whether the ledger has not what the source lists, or an older version."""
    return record is None or is_behind(flow, record, changed_at)


def compare(
    check: GapCheck, rows: Iterable[Listed], now: datetime, sums: Sums
) -> list[Gap]:
    """Count what the ledger has into `sums`; return what it lacks or holds older."""
    listed = {row.key: row for row in rows}
    records = records_of(check.flow, listed)
    gaps = []
    for key, row in listed.items():
        sums.add_money("source", row.amount, row.currency)
        record = records.get(key)
        if record is None:
            gaps.append(_gap(check, row, Kind.MISSING, now))
        elif is_behind(check.flow, record, row.changed_at):
            gaps.append(_gap(check, row, Kind.BEHIND, now))
        else:
            count_record(sums, record)
    return gaps


def count_record(sums: Sums, record: SyncRecord) -> None:
    sums.count(part_of(record), record.amount, record.currency)


def _gap(check: GapCheck, row: Listed, kind: str, now: datetime) -> Gap:
    return Gap(
        check_of=check,
        flow=check.flow,
        kind=kind,
        source_key=row.key,
        label=row.label,
        changed_at=row.changed_at,
        amount=row.amount,
        currency=row.currency,
        found_at=now,
    )


def edge_of(rows: Sequence[Listed], before: Iterable[str]) -> list[str]:
    """Return the keys of the newest second, which the next pages may repeat.

    A page of one second goes on with the edge of the page `before` it.
    """
    newest = max((row.changed_at for row in rows), default=None)
    edge = [row.key for row in rows if row.changed_at == newest]
    return [*dict.fromkeys([*before, *edge])] if len(edge) == len(rows) else edge
