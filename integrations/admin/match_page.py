"""What the page of one match shows: figures by kind, and a page of things by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.safestring import SafeString

from integrations.admin.links import vendor_link
from integrations.models import Match, MatchItem
from integrations.sync.backfill.counting import Progress
from mappings.spreadsheet import to_csv
from mappings.spreadsheet.sheets import Sheet

State = Match.State
Side = MatchItem.Side
Verdict = MatchItem.Verdict
AT_ONCE = 100
TONES = {
    State.SOURCE: "wait",
    State.TARGET: "wait",
    State.COMPARING: "wait",
    State.READY: "good",
    State.LINKING: "wait",
    State.CANCELLED: "mute",
    State.FAILED: "bad",
}
PERCENT = {State.SOURCE: 10, State.TARGET: 50, State.COMPARING: 90, State.LINKING: 50}
# Words for the one who decides: what a kind means, and what is to do.
MEANS = {
    Verdict.SKU: "the first sync changes the variant that is there",
    Verdict.BARCODE: "once linked, the variant gets the source's SKU",
    Verdict.SPELLING: "once linked, the SKU is written as the source has it",
    Verdict.CLASH: "mend SKU or barcode on one side, then look again",
    Verdict.TWICE: "give one of them another SKU at the source, then look again",
    Verdict.TWICE_THERE: "give one of them another SKU at the target, then look again",
    Verdict.SPLIT: "each is changed where it stands; a new sibling needs a person",
    Verdict.NO_SKU: "not matched, and not sent",
    Verdict.NEW: "the first sync makes a draft of it",
    Verdict.ALONE: "the flow never touches it",
    Verdict.PAIRED: "linked before this look",
}
GROUPS = (
    ("Proposed pairs", MatchItem.PROPOSED),
    ("Conflicts", MatchItem.CONFLICTS),
    ("On one side only", MatchItem.ORPHANS),
    ("Known already", (Verdict.PAIRED,)),
)
# Of the target only what nothing stands for is shown.
SHOWN = Q(side=Side.SOURCE) | Q(verdict=Verdict.ALONE)
HEADINGS = (
    "Found",
    "SKU at the source",
    "Barcode at the source",
    "Name at the source",
    "Id at the source",
    "SKU at the target",
    "Barcode at the target",
    "Name at the target",
    "Id at the target",
    "Linked",
    "Note",
)


@dataclass(frozen=True)
class Line:
    """One kind, how many there are of it, and how many of those are linked."""

    verdict: str
    label: str
    means: str
    count: int
    linked: int
    is_shown: bool

    @property
    def is_proposed(self) -> bool:
        return self.verdict in MatchItem.PROPOSED

    @property
    def left(self) -> int:
        return self.count - self.linked


@dataclass(frozen=True)
class Row:
    """One thing of the source beside what stands for it, or one of the target."""

    item: MatchItem
    ours: MatchItem | None
    theirs: MatchItem | None
    there: SafeString | str


def context_of(match: Match, asked: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page needs; as many questions for ten things as for 20,000."""
    counts = _counts(match)
    shown = _shown(asked.get("show", ""), counts)
    groups = [
        (name, [_line(one, counts, shown) for one in kinds if one in counts])
        for name, kinds in GROUPS
    ]
    line = next((x for _, lines in groups for x in lines if x.is_shown), None)
    after = asked.get("after", "")
    rows = _rows(match, shown, int(after) if after.isdecimal() else 0)
    return {
        "match": match,
        "progress": progress_of(match),
        "groups": [(name, lines) for name, lines in groups if lines],
        "line": line,
        "rows": rows[:AT_ONCE],
        "next": rows[AT_ONCE - 1].item.pk if len(rows) > AT_ONCE else None,
        "may_link": match.state == State.READY and shown in MatchItem.PROPOSED,
    }


def _counts(match: Match) -> dict[str, tuple[int, int]]:
    """Count things by kind, and those that are linked; one question."""
    items = match.items.filter(SHOWN).exclude(verdict=Verdict.OPEN).order_by()
    rows = items.values_list("verdict").annotate(
        count=Count("pk"), linked=Count("linked_at")
    )
    return {verdict: (count, linked) for verdict, count, linked in rows}


def _shown(asked: str, counts: Mapping[str, Any]) -> str:
    """Return the kind that is shown: the one asked for, else the most telling."""
    first = (*MatchItem.CONFLICTS, *MatchItem.PROPOSED, *MatchItem.ORPHANS)
    return next((one for one in (asked, *first) if one in counts), "")


def _line(verdict: str, counts: Mapping[str, tuple[int, int]], shown: str) -> Line:
    one = Verdict(verdict)
    count, linked = counts[verdict]
    return Line(one, str(one.label), MEANS[one], count, linked, verdict == shown)


def _rows(match: Match, shown: str, after: int) -> list[Row]:
    """Return a page of things and one more, which tells that there is a next page."""
    if not shown:
        return []
    items = _items(match).filter(verdict=shown, pk__gt=after).order_by("pk")
    return [_row(match, item) for item in items[: AT_ONCE + 1]]


def _items(match: Match) -> QuerySet[MatchItem]:
    light = match.items.filter(SHOWN).defer("content", "partner__content")
    return light.select_related("partner")


def _row(match: Match, item: MatchItem) -> Row:
    ours, theirs = _sides(item)
    there = ""
    if theirs:
        there = vendor_link(match.flow.target, match.flow.target_record, theirs.key)
    return Row(item, ours, theirs, there)


def _sides(item: MatchItem) -> tuple[MatchItem | None, MatchItem | None]:
    if item.side == Side.TARGET:
        return None, item
    return item, item.partner


def progress_of(match: Match) -> Progress:
    """Say how far it is; one question."""
    state = State(match.state)
    sides = match.items.order_by().values_list("side").annotate(count=Count("pk"))
    read = dict(sides)
    ours, theirs = read.get(Side.SOURCE, 0), read.get(Side.TARGET, 0)
    flow = match.flow
    sentence = f"{ours:,} read from {flow.source}, {theirs:,} from {flow.target}."
    if state == State.LINKING:
        left = match.items.filter(is_chosen=True, linked_at=None).count()
        sentence = f"{left:,} pairs to link."
    return Progress(
        percent=PERCENT.get(state, 100),
        label=match.get_state_display(),
        tone=TONES[state],
        sentence=sentence,
        note=match.note,
        is_moving=state in Match.MOVING,
    )


def as_csv(match: Match) -> bytes:
    """Return all that was found as a file; no spreadsheet runs what stands in it."""
    items = _items(match).order_by("verdict", "pk")
    lines = tuple(_told(item) for item in items.iterator(chunk_size=1000))
    return to_csv(Sheet("Match", HEADINGS, lines))


def _told(item: MatchItem) -> tuple[str, ...]:
    ours, theirs = _sides(item)
    linked = f"{item.linked_at:%Y-%m-%d %H:%M:%S}" if item.linked_at else ""
    found = item.get_verdict_display() if item.verdict else "Not compared"
    return (str(found), *_named(ours), *_named(theirs), linked, item.note)


def _named(item: MatchItem | None) -> tuple[str, ...]:
    if item is None:
        return ("", "", "", "")
    return (item.sku, item.barcode, item.label, item.part)
