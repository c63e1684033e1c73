"""Which scenarios have to pass before a version is signed.

What was required when a version was sent stays required of it, and as it was then:
to ask for less afterwards does not help. What is asked for since counts as well.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, Q, QuerySet

from mappings.models import MappingVersion, Scenario, ScenarioRun

# What of a scenario a signer relies on.
JUDGED = ("key", "source", "changes", "outcome", "expected")
CHANGED = (
    "it was changed after the version was sent: take the version back and send it again"
)
DELETED = (
    "it was deleted after the version was sent: take the version back and send it again"
)


@dataclass(frozen=True)
class Requirement:
    """One scenario that a version has to pass; no run counts while it has a `problem`."""

    scenario: int
    name: str
    problem: str = ""

    @property
    def words(self) -> str:
        """Name it for a person, with what is in its way."""
        name = f"“{self.name}”"
        return f"{name} ({self.problem})" if self.problem else name


def pinned(version: MappingVersion) -> list[dict[str, Any]]:
    """Return what is required now, as a version keeps it from when it is sent."""
    return [
        {"scenario": one.pk, "name": one.name, "mark": _mark(one)}
        for one in _required_now(version.document).order_by("pk")
    ]


def required_of(version: MappingVersion) -> list[Requirement]:
    """Return every scenario that a version has to pass: as sent, and as of now."""
    pins = {one["scenario"]: one for one in version.asks}
    asked = Q(pk__in=pins) | Q(pk__in=_required_now(version.document).values("pk"))
    found = Scenario.objects.filter(asked).order_by("pk")
    known = {one.pk: one for one in (found if pins else found.defer("source"))}
    gone = [Requirement(pk, pins[pk]["name"], DELETED) for pk in pins.keys() - known]
    return gone + [_requirement(one, pins.get(one.pk)) for one in known.values()]


def _requirement(scenario: Scenario, pin: dict[str, Any] | None) -> Requirement:
    is_another = pin is not None and pin["mark"] != _mark(scenario)
    return Requirement(scenario.pk, scenario.name, CHANGED if is_another else "")


def lacking(version: MappingVersion) -> list[Requirement]:
    """Return what a version has to pass and has not passed on its content."""
    return unproven(version, required_of(version))


def unproven(
    version: MappingVersion, required: Iterable[Requirement]
) -> list[Requirement]:
    """Return those of the requirements that have not passed on its content."""
    passed = set(passed_runs(version).values_list("scenario", flat=True))
    return [one for one in required if one.problem or one.scenario not in passed]


def passed_runs(version: MappingVersion) -> QuerySet[ScenarioRun]:
    """Return the passed runs on this content: the latest of each scenario counts."""
    return latest_runs(version, version.digest).filter(state=ScenarioRun.State.PASSED)


def latest_runs(
    version: MappingVersion, digest: str, among: Iterable[Scenario] | None = None
) -> QuerySet[ScenarioRun]:
    """Return the latest run of each scenario on a content, into the same record.

    The content names its systems, but not the record that it fills: what passed as
    another kind of record is no proof.
    """
    runs = ScenarioRun.objects.filter(
        digest=digest,
        version__document__source_entity=version.document.source_entity,
        version__document__target_record=version.document.target_record,
    )
    if among is not None:
        runs = runs.filter(scenario__in=among)
    latest = runs.order_by().values("scenario").annotate(last=Max("pk"))
    return ScenarioRun.objects.filter(pk__in=latest.values("last"))


def stamp_of(version: MappingVersion) -> str:
    """Name what is signed: the content, and what had to pass when it was sent."""
    return f"{version.digest}-{_digest(version.asks)[:16]}" if version.digest else ""


def _required_now(document: Any) -> QuerySet[Scenario]:
    return Scenario.objects.filter(
        is_required=True,
        source_system=document.source_system,
        source_entity=document.source_entity,
    )


def _mark(scenario: Scenario) -> str:
    return _digest([getattr(scenario, name) for name in JUDGED])


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
