"""The page of an effect report: asked for, followed, read field by field."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.http import require_POST

from errorqueue.wording import money
from integrations.admin.studio.common import readable, worded
from integrations.models import EffectCase, EffectReport
from integrations.studio import effect
from mappings.engine import DocumentError
from mappings.engine.building import without_places
from mappings.engine.explanation import full_target
from mappings.models import MappingVersion
from mappings.moves import digest_of

TEMPLATE = "admin/integrations/effect.html"
State = EffectReport.State
Outcome = EffectCase.Outcome
TONES = {
    State.WAITING: "wait",
    State.RUNNING: "wait",
    State.DONE: "good",
    State.FAILED: "bad",
}
SHOWN_VALUES = 5
SHOWN_RECORDS = 3
SHOWN_CASES = 50
# Who may have a report made: those who write versions, sign or publish them.
MAKERS = (
    "mappings.change_mappingversion",
    "mappings.sign_mappingversion",
    "mappings.sign_money",
    "mappings.publish_mappingversion",
)


@dataclass
class Change:
    """One pair of values of one field, with records that show it."""

    before: str
    after: str
    count: int = 0
    records: list[Any] = field(default_factory=list)


@dataclass
class Group:
    """One target field and what became of it in how many records."""

    name: str
    records: set[int] = field(default_factory=set)
    changes: dict[tuple[str, str], Change] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return len(self.records)

    @property
    def shown(self) -> Sequence[Change]:
        """The most frequent pairs of values."""
        ordered = sorted(self.changes.values(), key=lambda one: -one.count)
        return ordered[:SHOWN_VALUES]

    @property
    def more(self) -> int:
        return max(0, len(self.changes) - SHOWN_VALUES)


def effect_view(request: HttpRequest, version_id: int) -> HttpResponse:
    """Show the latest report of a version."""
    if not request.user.has_perm("mappings.view_mappingversion"):
        raise PermissionDenied
    version = _version(version_id)
    report = _latest(version)
    context = {
        **admin.site.each_context(request),
        "opts": MappingVersion._meta,
        "title": f"Effect of {version}",
        "version": version,
        "report": report,
        "may_ask": _may_ask(request),
        "wanted": effect.USUAL,
        "most": effect.MOST,
        **(_told(report, request) if report else {}),
    }
    return TemplateResponse(request, TEMPLATE, context)


@require_POST
def ask_view(request: HttpRequest, version_id: int) -> HttpResponse:
    """Have a report made by the workers."""
    if not _may_ask(request):
        raise PermissionDenied
    version = _version(version_id)
    number = request.POST.get("wanted", "")
    if not number.isdecimal() or not 1 <= int(number[:6]) <= effect.MOST:
        messages.error(request, f"Choose 1 to {effect.MOST:,} records.")
    else:
        try:
            effect.ask(version, request.user, int(number))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
    return redirect("admin:integrations_effect", version.pk)


def progress_view(request: HttpRequest, report_id: int) -> HttpResponse:
    """Answer how far a report is, for the page that follows it."""
    if not request.user.has_perm("mappings.view_mappingversion"):
        raise PermissionDenied
    return JsonResponse(progress_of(get_object_or_404(EffectReport, pk=report_id)))


def progress_of(report: EffectReport) -> dict[str, Any]:
    """Say how far a report is, in the words of its page."""
    is_moving = report.state in effect.OPEN
    share = report.seen * 100 // max(1, report.wanted) if is_moving else 100
    return {
        "percent": share,
        "label": report.get_state_display(),
        "tone": TONES[State(report.state)],
        "sentence": f"{report.seen:,} of up to {report.wanted:,} records tried"
        if is_moving
        else f"{report.seen:,} record{'s' * (report.seen != 1)} tried",
        "note": report.note,
        "is_moving": is_moving,
    }


def _told(report: EffectReport, request: HttpRequest) -> dict[str, Any]:
    # Records may be large, and only their names are shown.
    named = report.cases.select_related("record__flow")
    cases = list(named.defer("record__source", "record__edited"))
    by_outcome = {
        outcome: [case for case in cases if case.outcome == outcome]
        for outcome in Outcome.values
    }
    kept = _sensitive(report)
    return {
        "progress": progress_of(report),
        "is_old": report.state == State.DONE and not _is_current(report),
        "counts": _counts(report),
        "groups": groups_of(by_outcome[Outcome.CHANGED], request.user, kept),
        "failing": _problems(by_outcome[Outcome.FAILING], request.user, kept),
        "passing": by_outcome[Outcome.PASSING][:SHOWN_CASES],
        "passing_more": max(0, len(by_outcome[Outcome.PASSING]) - SHOWN_CASES),
    }


def _is_current(report: EffectReport) -> bool:
    """Say whether a report is about both versions as they stand now."""
    version = report.version
    if version.state in MappingVersion.ON_ITS_WAY:
        live = version.document.published()
        if live and live.pk != report.against_id:
            return False
    try:
        return digest_of(version) == report.digest
    except ValidationError:
        return False


def _counts(report: EffectReport) -> list[tuple[str, int, str, str]]:
    """Return label, count, money and tone of each outcome."""
    names = (
        ("same", "Same", "mute"),
        ("changed", "Changed", "wait"),
        ("failing", "Newly failing", "bad"),
        ("passing", "Newly passing", "good"),
        ("still_failing", "Still failing", "mute"),
    )
    return [
        (label, getattr(report, name), _money(report.money.get(name, {})), tone)
        for name, label, tone in names
    ]


def _money(amounts: dict[str, str]) -> str:
    return ", ".join(
        money(Decimal(amount), code) for code, amount in sorted(amounts.items())
    )


def _sensitive(report: EffectReport) -> dict[str, str]:
    """Return how sensitive each target field is that a row of a version marks."""
    found: dict[str, str] = {}
    for version in filter(None, (report.version, report.against)):
        try:
            document = version.as_document()
        except DocumentError:
            continue
        rows = (row for row in document.rows if row.sensitivity)
        found |= {full_target(document, row): row.sensitivity for row in rows}
    return found


def groups_of(
    cases: Iterable[EffectCase], user: Any, kept: Mapping[str, str]
) -> list[Group]:
    """Return what changed by field, the most frequent first, as this person may read it."""
    groups: dict[str, Group] = {}
    for case in cases:
        for target, *values in case.differences:
            name = without_places(target)
            before, after = (
                readable(value, user, name, sensitivity=kept.get(name, ""))
                for value in values
            )
            group = groups.setdefault(name, Group(name))
            group.records.add(case.record_id)
            change = group.changes.setdefault((before, after), Change(before, after))
            change.count += 1
            if len(change.records) < SHOWN_RECORDS:
                change.records.append(case.record)
    return sorted(groups.values(), key=lambda one: (-one.count, one.name))


def _problems(
    cases: Iterable[EffectCase], user: Any, kept: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return newly failing records by the first thing that is wrong with each."""
    found: dict[str, list[Any]] = {}
    counts: Counter[str] = Counter()
    for case in cases:
        text = _problem(case.problems[0], user, kept) if case.problems else "–"
        counts[text] += 1
        found.setdefault(text, []).append(case.record)
    return [
        {"text": text, "count": count, "records": found[text][:SHOWN_RECORDS]}
        for text, count in counts.most_common(SHOWN_CASES)
    ]


def _problem(text: str, user: Any, kept: Mapping[str, str]) -> str:
    name = without_places(text.partition(": ")[0])
    return worded(text, user, name, sensitivity=kept.get(name, ""))


def _latest(version: MappingVersion) -> EffectReport | None:
    reports = EffectReport.objects.filter(version=version)
    return reports.select_related("version__document", "against", "by").first()


def _version(pk: int) -> MappingVersion:
    versions = MappingVersion.objects.select_related("document")
    return get_object_or_404(versions, pk=pk)


def _may_ask(request: HttpRequest) -> bool:
    return any(request.user.has_perm(right) for right in MAKERS)


urlpatterns = [
    path(
        "effect/<int:version_id>/",
        admin.site.admin_view(effect_view),
        name="integrations_effect",
    ),
    path(
        "effect/<int:version_id>/ask/",
        admin.site.admin_view(ask_view),
        name="integrations_effect_ask",
    ),
    path(
        "effect/progress/<int:report_id>/",
        admin.site.admin_view(progress_view),
        name="integrations_effect_progress",
    ),
]
