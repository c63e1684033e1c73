"""Keeps payouts and their lines: each once, each change with its audit entry."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from integrations.connectors.base import Connector
from integrations.connectors.errors import UnreadablePayload
from integrations.connectors.payouts import LineFound, PayoutFound
from integrations.models import AuditEntry
from integrations.reconciliation import words
from integrations.reconciliation.models import Payout, PayoutFetch, PayoutLine
from integrations.reconciliation.sums import Sums, sum_up

SUBJECT = "payout"
FACTS = ("status", "net", "currency", "issued_at", "is_withdrawal", "trace")
LINE_FACTS = (
    *("type", "kind", "amount", "fee", "net", "currency", "at"),
    *("order_id", "order_name", "reason", "is_test"),
)
# As many keys as every database takes in one question.
HANDFUL = 500
# A payout as young as this may still get other lines.
YOUNG = timedelta(days=7)
Standing = Payout.Standing


def keep(fetch: PayoutFetch, found: PayoutFound, zone: Any, now: datetime) -> Payout:
    """Enter a payout or bring it up to date, and note whether to read its lines.

    Called within a transaction.
    """
    known = Payout.objects.filter(
        connection=fetch.connection, vendor_id=found.id
    ).first()
    payout = known or Payout(
        connection=fetch.connection, vendor_id=found.id, found_at=now
    )
    changes = [] if known is None else _changes(payout, found)
    for name in FACTS:
        setattr(payout, name, getattr(found, name))
    payout.day = found.issued_at.astimezone(zone).date()
    payout.raw = found.raw
    if known is None or changes or _is_to_read(payout, fetch, now):
        payout.wanted_by, payout.cursor = fetch, ""
    if payout.lines_net is not None:
        payout.standing = _standing_of(payout)
    payout.save()
    payout.pages.all().delete()
    if changes:
        _note(payout, "payout changed", "; ".join(changes), fetch)
    elif known is None:
        _note(payout, "payout found", f"{payout.net} {payout.currency}", fetch)
    return payout


def _changes(payout: Payout, found: PayoutFound) -> list[str]:
    """Say what a payout is now that it was not before."""
    pairs = [(name, getattr(payout, name), getattr(found, name)) for name in FACTS]
    return [f"{name} {old} → {new}" for name, old, new in pairs if old != new]


def _is_to_read(payout: Payout, fetch: PayoutFetch, now: datetime) -> bool:
    return (
        fetch.asked_by_id is not None
        or payout.wanted_by_id is not None
        or payout.standing != Standing.TIES
        or payout.status not in words.FINAL
        or now - payout.issued_at < YOUNG
    )


def apply(
    payout: Payout, fetch: PayoutFetch, connector: Connector, now: datetime
) -> int:
    """Lay the pages that were read over the lines; return how many changed.

    Called within a transaction, so nobody sees a payout half read. What cannot be read
    leaves the lines as they were and is named on the payout.
    """
    try:
        rows = _read(payout, connector)
    except UnreadablePayload as error:
        settle(payout, f"A line cannot be read: {error}")
        return 0
    changed = _lay(payout, rows, now)
    was_read, before = payout.lines_read_at is not None, payout.lines_net
    _keep_sums(payout, sum_up([found for found, _ in rows.values()], payout.currency))
    payout.lines_read_at = now
    settle(payout, "")
    told = _told(changed)
    if told and was_read:
        sums = f"lines now {payout.lines_net} {payout.currency}, before {before}"
        _note(payout, "lines changed", f"{told}; {sums}", fetch)
    elif told:
        _note(payout, "lines read", told, fetch)
    return sum(changed.values())


def settle(payout: Payout, problem: str) -> None:
    """End the reading of a payout's lines, with what was wrong or nothing."""
    payout.problem, payout.wanted_by, payout.cursor = problem[:300], None, ""
    payout.save()
    payout.pages.all().delete()


Rows = dict[str, tuple[LineFound, dict[str, Any]]]


def _read(payout: Payout, connector: Connector) -> Rows:
    """Read every row; one that came on two pages counts once, as it came last."""
    found: Rows = {}
    for page in payout.pages.all():
        for raw in page.rows:
            line = connector.read_payout_line(raw)
            found[line.id] = (line, raw)
    return found


def _lay(payout: Payout, rows: Rows, now: datetime) -> dict[str, int]:
    known = _known(payout, rows)
    fresh = [_line(payout, *rows[key]) for key in rows if key not in known]
    moved = {line.payout_id for line in known.values() if line.payout_id != payout.pk}
    changed = [line for key, line in known.items() if _update(payout, line, *rows[key])]
    PayoutLine.objects.bulk_create(fresh, batch_size=HANDFUL)
    fields = ["payout", "raw", "gone_at", "is_odd", *LINE_FACTS]
    PayoutLine.objects.bulk_update(changed, fields, batch_size=HANDFUL)
    gone = _let_go(payout, rows, now)
    for other in Payout.objects.filter(pk__in=moved):
        sum_again(other)
    return {"new": len(fresh), "changed": len(changed), "listed no more": gone}


def _known(payout: Payout, rows: Iterable[str]) -> dict[str, PayoutLine]:
    keys = list(rows)
    mine = PayoutLine.objects.filter(connection=payout.connection_id)
    handfuls = [keys[at : at + HANDFUL] for at in range(0, len(keys), HANDFUL)]
    return {
        line.vendor_id: line
        for some in handfuls
        for line in mine.filter(vendor_id__in=some)
    }


def _line(payout: Payout, found: LineFound, raw: Any) -> PayoutLine:
    facts = {name: getattr(found, name) for name in LINE_FACTS}
    return PayoutLine(
        payout=payout,
        connection=payout.connection,
        vendor_id=found.id,
        raw=raw,
        is_odd=found.is_odd,
        **facts,
    )


def _update(
    payout: Payout, line: PayoutLine, found: LineFound, raw: dict[str, Any]
) -> bool:
    """Bring a line up to date; say whether it was otherwise before."""
    facts = {name: getattr(found, name) for name in LINE_FACTS}
    facts |= {"payout_id": payout.pk, "gone_at": None}
    differs = any(getattr(line, name) != value for name, value in facts.items())
    for name, value in facts.items():
        setattr(line, name, value)
    line.raw, line.is_odd = raw, found.is_odd
    return differs


def _let_go(payout: Payout, rows: Rows, now: datetime) -> int:
    """Mark the lines that this payout had and that are listed no more."""
    had = payout.lines.filter(gone_at=None).values_list("pk", "vendor_id")
    gone = [pk for pk, key in had if key not in rows]
    for at in range(0, len(gone), HANDFUL):
        some = PayoutLine.objects.filter(pk__in=gone[at : at + HANDFUL])
        some.update(gone_at=now)
    return len(gone)


def sum_again(payout: Payout) -> None:
    """Add up a payout that lost a line to another one."""
    held = payout.lines.filter(gone_at=None)
    _keep_sums(payout, sum_up((_found(line) for line in held), payout.currency))
    payout.save()
    detail = f"lines now {payout.lines_net} {payout.currency}"
    AuditEntry.objects.note_change(SUBJECT, payout.pk, "line moved away", detail)


def _found(line: PayoutLine) -> LineFound:
    facts = {name: getattr(line, name) for name in LINE_FACTS}
    return LineFound(id=line.vendor_id, **facts)


def _keep_sums(payout: Payout, sums: Sums) -> None:
    payout.line_count, payout.lines_net = sums.count, sums.net
    payout.kinds = {kind: share.as_json() for kind, share in sums.kinds.items()}
    payout.unmapped, payout.strangers = dict(sums.unmapped), dict(sums.strangers)
    payout.standing = _standing_of(payout)


def _standing_of(payout: Payout) -> str:
    """Say where a payout stands; what nobody can add up comes first."""
    if payout.strangers:
        return Standing.MIXED
    if payout.difference:
        return Standing.DIFFERS
    return Standing.UNMAPPED if payout.unmapped else Standing.TIES


def _told(changed: dict[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in changed.items() if count)


def _note(payout: Payout, verb: str, detail: str, fetch: PayoutFetch) -> None:
    by = fetch.asked_by
    AuditEntry.objects.note_change(SUBJECT, payout.pk, verb, detail, by)
