"""What the page of one back-fill shows: sums of both sides, and records by name."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest
from django.urls import reverse

from errorqueue.admin.closed_links import may_open
from errorqueue.masking import masked, veil
from errorqueue.models import FailedRecord
from errorqueue.wording import money
from integrations.admin.links import vendor_link
from integrations.models import Backfill, BackfillItem, SyncRecord
from integrations.sync.backfill import counting
from integrations.sync.backfill.counting import LegCount
from integrations.sync.backfill.digest import why_stale

State = Backfill.State
ItemState = BackfillItem.State
Verdict = BackfillItem.Verdict
MOST_SHOWN = 100
# What a person looks at first, before and after.
FIRST_SHOWN = ("fails", "unsure", "gone", "pair", "there", "new", "newer")
FIRST_ENDED = ("failed", "left", "linked", "delivered")
# Words for the one who decides: what happens to a record of each kind.
MEANS = {
    Verdict.NEW: "made at the target",
    Verdict.NEWER: "sent again, unless it was delivered for good",
    Verdict.THERE: "linked, and brought up to date where the flow updates",
    Verdict.PAIR: "linked as it stands; nothing is sent",
    Verdict.IN_STEP: "nothing is sent",
    Verdict.KNOWN: "goes its own way",
    Verdict.EXCLUDED: "noted in the ledger, not sent",
    Verdict.FAILS: "left out, unless you bring it to the error queue",
    Verdict.UNSURE: "left out: nothing is linked or made on a guess",
    Verdict.GONE: "left out",
}


@dataclass(frozen=True)
class Line:
    """One line of a table of sums: a number for each flow."""

    name: str
    label: str
    numbers: list[int]
    means: str = ""
    is_shown: bool = False


@dataclass(frozen=True)
class Row:
    """One record by its name."""

    item: BackfillItem
    url: str
    there: Any
    amount: str
    note: str


def context_of(backfill: Backfill, request: HttpRequest) -> dict[str, Any]:
    """Return what the page needs; as many questions for ten records as for 10,000."""
    counts = counting.counts_of(backfill)
    counting.add_money(backfill, counts)
    is_ready = backfill.state == State.READY
    lines, became = _found(counts), _became(counts) if backfill.started_at else []
    shown = _shown(request.GET.get("show", ""), lines, became)
    return {
        "backfill": backfill,
        "counts": counts,
        "progress": counting.progress_of(backfill, counts),
        "lines": _marked(lines, shown),
        "became": _marked(became, shown),
        "totals": [one.total for one in counts],
        "goes": sum(one.goes for one in counts),
        "fails": sum(one.fails for one in counts),
        "minutes": counting.minutes(counts) if is_ready else None,
        "stale": why_stale(backfill) if is_ready else "",
        "shown": shown,
        "shown_label": next((x.label for x in lines + became if x.name == shown), ""),
        "rows": _rows(backfill, shown, request.user),
        "most_shown": MOST_SHOWN,
        "queue_url": _queue_url(backfill, request.user),
        "failed": _of(became, ItemState.FAILED),
        "healed": counting.delivered_since(backfill),
        "is_over": backfill.state in Backfill.OVER,
    }


def _found(counts: list[LegCount]) -> list[Line]:
    """Return what the dry run found; lines without any number are left out."""
    lines = [
        Line(one, one.label, [leg.verdicts.get(one, 0) for leg in counts], MEANS[one])
        for one in counting.VERDICTS
    ]
    return [line for line in lines if any(line.numbers)]


def _became(counts: list[LegCount]) -> list[Line]:
    lines = [
        Line(f"is-{one.value}", one.label, [leg.states.get(one, 0) for leg in counts])
        for one in ItemState
    ]
    return [line for line in lines if any(line.numbers)]


def _of(lines: list[Line], state: str) -> int:
    return sum(sum(line.numbers) for line in lines if line.name == f"is-{state}")


def _shown(asked: str, lines: list[Line], became: list[Line]) -> str:
    """Return which records are named: those asked for, else the most telling."""
    there = {line.name for line in [*lines, *became]}
    after = [f"is-{name}" for name in FIRST_ENDED] if became else []
    wanted = [asked, *after, *FIRST_SHOWN]
    return next((name for name in wanted if name in there), "")


def _marked(lines: list[Line], shown: str) -> list[Line]:
    return [
        Line(line.name, line.label, line.numbers, line.means, line.name == shown)
        for line in lines
    ]


def _rows(backfill: Backfill, shown: str, user: Any) -> list[Row]:
    if not shown:
        return []
    state = shown.removeprefix("is-")
    chosen = {"state": state} if shown.startswith("is-") else {"verdict": shown}
    chosen_items = backfill.items.filter(**chosen).select_related("leg__flow__target")
    items = list(chosen_items.order_by("pk")[:MOST_SHOWN])
    said = _said([item for item in items if item.state == ItemState.FAILED], user)
    is_open = may_open(user, SyncRecord)
    return [
        _row(item, is_open, said.get(str(item.record_id), ""), user) for item in items
    ]


def _said(failed: list[BackfillItem], user: Any) -> dict[str, str]:
    """Return what the error queue says of records that failed, by their ids."""
    if not failed or not may_open(user, FailedRecord):
        return {}
    lines = FailedRecord.objects.filter(
        content_type=ContentType.objects.get_for_model(SyncRecord),
        object_id__in=[str(item.record_id) for item in failed],
    )
    found = list(lines.order_by("pk"))
    veil(found, user)
    return {
        line.object_id: f"{line.human_id}: {line.what} {line.why}" for line in found
    }


def _row(item: BackfillItem, is_open: bool, said: str, user: Any) -> Row:
    flow = item.leg.flow
    story = is_open and item.record_id
    return Row(
        item,
        reverse("admin:story_record", args=[item.record_id]) if story else "",
        vendor_link(flow.target, flow.target_record, item.target_id),
        money(item.amount, item.currency) if item.amount is not None else "",
        said or masked(item.note, user),
    )


def _queue_url(backfill: Backfill, user: Any) -> str:
    if not may_open(user, FailedRecord):
        return ""
    asked = urlencode({"tab": "all", "q": f"tag:{backfill.tag}"})
    return f"{reverse('admin:errorqueue_failedrecord_changelist')}?{asked}"
