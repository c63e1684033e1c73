"""What the page of one payout shows: the sentence, the waterfall, its lines."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from errorqueue.admin.closed_links import may_open
from errorqueue.admin.paging import BoundedPaginator
from errorqueue.models import FailedRecord
from integrations.admin.waterfall import Bar, bars_of, height, steps_of
from integrations.connectors.payouts import Kind
from integrations.models import AuditEntry, SyncRecord
from integrations.reconciliation import words
from integrations.reconciliation.keeping import SUBJECT
from integrations.reconciliation.models import Payout, PayoutLine
from integrations.reconciliation.sums import (
    FEES,
    ODD,
    ORDER,
    PART_KINDS,
    Share,
    parts_of,
)

PER_PAGE = 50
MOST_STEPS = 20
GONE = "gone"
NAMES = {key: label for key, label, _ in ORDER} | {
    ODD: "Net other than amount less fee",
    GONE: "Listed no more",
}


@dataclass(frozen=True)
class Shown:
    """One bar as the page writes it: its money, and the address of its lines."""

    bar: Bar
    money: str
    url: str

    @property
    def told(self) -> str:
        """Say what somebody hears who does not see the bar."""
        step = self.bar.step
        if step.count is None:
            return f"{step.label}: {self.money}"
        return f"{step.label}: {self.money}, {step.count:,} lines"


@dataclass(frozen=True)
class Row:
    """One line with what is known here of its order."""

    line: PayoutLine
    amount: str
    fee: str
    net: str
    record: SyncRecord | None = None
    story_url: str = ""
    record_url: str = ""
    failed: FailedRecord | None = None
    failed_url: str = ""


def context_of(payout: Payout, request: HttpRequest) -> dict[str, Any]:
    """Return what the page needs; as many questions for ten lines as for 10,000."""
    part, asked = request.GET.get("part", ""), request.GET.get("q", "").strip()
    found = _lines(payout, part, asked)
    page = BoundedPaginator(found, PER_PAGE).get_page(request.GET.get("p"))
    shown = _shown(payout)
    told, tone = words.status(payout)
    return {
        "payout": payout,
        "sentence": words.sentence(payout),
        "status": told,
        "status_tone": tone,
        "bars": shown,
        "chart_height": height([one.bar.step for one in shown]),
        "part": part if part in NAMES else "",
        "part_name": NAMES.get(part, ""),
        "asked": asked,
        "page": page,
        "rows": _rows(payout, list(page.object_list), request.user),
        "gone": payout.lines.exclude(gone_at=None).count(),
        "kept": urlencode({"part": part, "q": asked}),
        "steps": _steps(payout),
    }


def _shown(payout: Payout) -> list[Shown]:
    if payout.lines_net is None:
        return []
    kinds = {kind: Share.of_json(kept) for kind, kept in payout.kinds.items()}
    steps = steps_of(parts_of(kinds), payout.net, payout.lines_net)
    return [
        Shown(
            bar,
            words.amount(bar.step.money, payout.currency),
            f"?part={bar.step.key}#lines" if bar.step.count else "",
        )
        for bar in bars_of(steps)
    ]


def _lines(payout: Payout, part: str, asked: str) -> QuerySet[PayoutLine]:
    found = payout.lines.exclude(kind=Kind.PAYOUT)
    found = found.exclude(gone_at=None) if part == GONE else found.filter(gone_at=None)
    if part == FEES:
        found = found.filter(Q(kind=Kind.FEE) | ~Q(fee=0))
    elif part == ODD:
        found = found.filter(is_odd=True)
    elif part in PART_KINDS:
        found = found.filter(kind__in=PART_KINDS[part])
    if asked:
        exact = Q(order_id=asked) | Q(vendor_id=asked)
        found = found.filter(exact | Q(order_name__icontains=asked))
    return found.order_by("at", "pk")


def _rows(payout: Payout, lines: list[PayoutLine], user: Any) -> list[Row]:
    records = _records(payout, lines) if may_open(user, SyncRecord) else {}
    failed = _failed(records) if may_open(user, FailedRecord) else {}
    return [_row(line, records.get(line.order_id), failed) for line in lines]


def _records(payout: Payout, lines: list[PayoutLine]) -> dict[str, SyncRecord]:
    """Return the ledger's line of each order, by the id of the order at the shop."""
    keys = {line.order_id for line in lines if line.order_id}
    found = SyncRecord.objects.filter(
        flow__source=payout.connection_id,
        flow__source_entity="order",
        source_key__in=keys,
    )
    newest_first = found.select_related("flow").order_by("-pk")
    return {record.source_key: record for record in newest_first}


def _failed(records: dict[str, SyncRecord]) -> dict[str, FailedRecord]:
    lines = FailedRecord.objects.open().filter(
        content_type=ContentType.objects.get_for_model(SyncRecord),
        object_id__in=[str(record.pk) for record in records.values()],
    )
    return {line.object_id: line for line in lines}


def _row(
    line: PayoutLine, record: SyncRecord | None, failed: dict[str, FailedRecord]
) -> Row:
    row = Row(
        line,
        words.amount(line.amount, line.currency),
        words.amount(line.fee, line.currency),
        words.amount(line.net, line.currency),
    )
    if record is None:
        return row
    problem = failed.get(str(record.pk))
    return replace(
        row,
        record=record,
        story_url=reverse("admin:story_record", args=[record.pk]),
        record_url=reverse("admin:integrations_syncrecord_change", args=[record.pk]),
        failed=problem,
        failed_url=_queue_url(problem) if problem else "",
    )


def _queue_url(line: FailedRecord) -> str:
    return reverse("admin:errorqueue_failedrecord_change", args=[line.pk])


def _steps(payout: Payout) -> list[AuditEntry]:
    entries = AuditEntry.objects.filter(subject=SUBJECT, subject_id=payout.pk)
    return list(entries.select_related("by").order_by("-pk")[:MOST_STEPS])
