"""The day page: the sum of each flow, its money, and every object that was missing."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.urls import reverse

from errorqueue.wording import money
from integrations.admin.columns import state_pill
from integrations.admin.completeness_words import (
    Words,
    of_certificate,
    words_of,
)
from integrations.models import Certificate, Flow, Gap, GapCheck, SyncRecord
from integrations.sync.completeness.comparing import lacks, records_of
from integrations.sync.completeness.days import bounds
from integrations.sync.completeness.removed import removed_of

MOST_SHOWN = 200
LABELS = {
    "delivered": "Delivered",
    "waiting": "Waiting, on hold or being sent",
    "queued": "In the error queue",
    "by_rule": "Excluded by a rule",
    "by_person": "Excluded by a person, with a reason",
    "gone": "Deleted at the source meanwhile",
    "missing": "Missing",
}


@dataclass(frozen=True)
class Line:
    """One part of the sum, with its money."""

    label: str
    count: int
    moneys: list[str]
    tone: str = ""


@dataclass(frozen=True)
class Missed:
    """One object on which list and ledger differ, and where it is now."""

    gap: Gap
    record: SyncRecord | None
    url: str
    state: Any


@dataclass(frozen=True)
class Section:
    """One flow's day."""

    name: str
    words: Words
    made: Certificate | None
    lines: list[Line]
    differences: list[str]
    missed: list[Missed]
    more: int
    removed: list[Missed]
    more_removed: int
    history: list[tuple[Certificate, Words]]


def sections_of(day: date, user: Any) -> list[Section]:
    """Return every flow that was compared for this day, or could not be."""
    by_flow: dict[str, list[Certificate]] = {}
    certificates = Certificate.objects.filter(day=day).select_related("flow")
    for one in certificates.order_by("-pk"):
        by_flow.setdefault(one.flow_slug, []).append(one)
    checks = GapCheck.objects.filter(day=day).select_related("flow").order_by("pk")
    last_check = {check.flow.slug: check for check in checks}
    slugs = sorted(by_flow.keys() | last_check.keys())
    return [
        _section(day, by_flow.get(slug, []), last_check.get(slug), user)
        for slug in slugs
    ]


def _section(
    day: date, made: list[Certificate], check: GapCheck | None, user: Any
) -> Section:
    newest = made[0] if made else None
    flow = newest.flow if newest else check and check.flow
    missed = _missed(day, flow, user) if flow else []
    removed = _removed(newest, user) if newest else []
    return Section(
        newest.flow_name if newest else str(flow),
        words_of(newest, check),
        newest,
        _lines(newest) if newest else [],
        _differences(newest) if newest else [],
        missed[:MOST_SHOWN],
        max(0, len(missed) - MOST_SHOWN),
        removed,
        max(0, (newest and newest.removed or 0) - len(removed)),
        [(one, of_certificate(one)) for one in made[1:]],
    )


def _lines(made: Certificate) -> list[Line]:
    parts = [
        Line(
            LABELS[part],
            getattr(made, part),
            _moneys(made, part),
            "bad" if part == "missing" and made.missing else "",
        )
        for part in Certificate.PARTS
    ]
    count = made.source_count
    total = Line("The source lists", count, _moneys(made, "source"), "total")
    if not made.removed:
        return [*parts, total]
    removed = Line("No longer listed", made.removed, _moneys(made, "removed"))
    both = Line("Of this day in all", count + made.removed, [], "total")
    return [*parts, total, removed, both]


def _moneys(made: Certificate, part: str) -> list[str]:
    return [
        money(made.amount(currency, part), currency)
        for currency, sums in sorted(made.money.items())
        if part in sums
    ]


def _differences(made: Certificate) -> list[str]:
    found = made.money_differences
    return [money(found[currency], currency) for currency in sorted(found)]


def _missed(day: date, flow: Flow, user: Any) -> list[Missed]:
    """Return what was found missing or older, each once, the latest finding of each."""
    since, until = bounds(day)
    gaps = Gap.objects.filter(flow=flow, changed_at__gte=since, changed_at__lt=until)
    gaps = gaps.exclude(kind=Gap.Kind.REMOVED)
    latest = {gap.source_key: gap for gap in gaps.order_by("pk")}
    records = records_of(flow, latest)
    may_open = user.has_perm("integrations.view_syncrecord")
    return [_missed_one(gap, flow, records, may_open) for gap in latest.values()]


def _missed_one(
    gap: Gap, flow: Flow, records: dict[str, SyncRecord], may_open: bool
) -> Missed:
    """Return one with its state, unless the ledger lacks it or its version still."""
    one = _one(gap, records.get(gap.source_key), may_open)
    is_lacking = lacks(flow, one.record, gap.changed_at)
    return replace(one, state="") if is_lacking else one


def _removed(made: Certificate, user: Any) -> list[Missed]:
    """Return what the source listed no more when this certificate was made."""
    checks = GapCheck.objects.filter(
        flow=made.flow, day=made.day, ended_at__isnull=False
    )
    check = checks.filter(phase=GapCheck.Phase.DONE).order_by("-pk").first()
    if not made.removed or check is None:
        return []
    found = list(removed_of(check).order_by("pk")[:MOST_SHOWN])
    records = records_of(check.flow, [gap.source_key for gap in found], "label")
    may_open = user.has_perm("integrations.view_syncrecord")
    return [_one(gap, records.get(gap.source_key), may_open) for gap in found]


def _one(gap: Gap, record: SyncRecord | None, may_open: bool) -> Missed:
    url = reverse("admin:story_record", args=[record.pk]) if record and may_open else ""
    return Missed(gap, record, url, state_pill(record) if record else "")
