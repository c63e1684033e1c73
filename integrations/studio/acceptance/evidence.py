"""What was shown for a version: the latest run of each scenario on its very content."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet

from errorqueue.clock import database_time
from integrations.models import Connection
from integrations.studio.acceptance.library import Weakening, weakenings_of
from mappings import changes
from mappings.models import MappingVersion, Scenario, ScenarioRun, Signature
from mappings.moves import digest_of
from mappings.requirements import Requirement, latest_runs, required_of

State = ScenarioRun.State
TONES = {
    State.WAITING: "wait",
    State.RUNNING: "wait",
    State.PASSED: "good",
    State.FAILED: "bad",
    State.STALE: "warn",
}
HEAVY = ("given", "made", "exchanges", "steps", "links")
# What of a scenario a verdict rests on.
PLAYED = ("key", "source", "changes", "outcome")


@dataclass(frozen=True)
class Proof:
    """One scenario and its latest run on this content, if there is one.

    `problem` says why no run of a required scenario counts for this version.
    """

    scenario: Scenario
    run: ScenarioRun | None = None
    is_required: bool = False
    problem: str = ""

    @property
    def state(self) -> str:
        if self.run is None:
            return "Not run yet"
        is_stale = self.run.state == State.STALE
        return "Stale" if is_stale else self.run.get_state_display()

    @property
    def tone(self) -> str:
        return TONES[State(self.run.state)] if self.run else "mute"

    @property
    def is_open(self) -> bool:
        """Say whether it waits or runs."""
        return self.run is not None and self.run.ended_at is None

    @property
    def passed(self) -> bool:
        has_passed = self.run is not None and self.run.state == State.PASSED
        return has_passed and not self.problem


@dataclass(frozen=True)
class Evidence:
    """All scenarios that fit a version, with what came of them."""

    version: MappingVersion
    digest: str
    proofs: tuple[Proof, ...]
    problem: str = ""
    weakenings: tuple[Weakening, ...] = ()

    @property
    def required(self) -> list[Proof]:
        return [one for one in self.proofs if one.is_required]

    @property
    def lacking(self) -> list[Proof]:
        """The required ones that have not passed."""
        return [one for one in self.required if not one.passed]

    @property
    def is_moving(self) -> bool:
        return any(one.is_open for one in self.proofs)

    @property
    def words(self) -> str:
        """Say in one sentence how far it is."""
        if not self.proofs:
            return "The library has no scenario for this kind of record."
        if not self.required:
            return "No scenario is required: nothing has to pass before it is signed."
        passed = len(self.required) - len(self.lacking)
        told = f"{passed} of {len(self.required)} required scenarios passed on this content."
        return f"{told} The rest is under way." if self.is_moving else told


def scenarios_for(version: MappingVersion) -> list[Scenario]:
    """Return the scenarios of this kind of record, and those it was sent with."""
    document = version.document
    asked = Q(pk__in=[one["scenario"] for one in version.asks])
    fitting = Scenario.objects.filter(
        asked
        | Q(
            source_system=document.source_system,
            source_entity=document.source_entity,
        )
    )
    order = [Scenario.Group.EDGE, Scenario.Group.BREAK, Scenario.Group.OWN]
    found = fitting.select_related("made_by").defer("source")
    return sorted(
        found, key=lambda one: (order.index(Scenario.Group(one.group)), one.pk)
    )


def evidence_for(version: MappingVersion) -> Evidence:
    """Return what was shown for the content that a version has now; six queries.

    A draft has no digest of its own yet: it is reckoned from its rows.
    """
    scenarios = scenarios_for(version)
    required = {one.scenario: one for one in required_of(version)}
    weaker = tuple(weakenings_of(version, scenarios, required.keys()))
    digest, problem = _digest(version)
    known: dict[int, ScenarioRun] = {}
    if digest:
        runs = latest_runs(version, digest, scenarios).select_related("by")
        known = {one.scenario_id: one for one in runs.defer(*HEAVY)}
    proofs = tuple(_proof(one, known.get(one.pk), required) for one in scenarios)
    return Evidence(version, digest, proofs, problem, weaker)


def _digest(version: MappingVersion) -> tuple[str, str]:
    """Return the digest of a content, or why it has none."""
    if version.is_frozen and version.digest:
        return version.digest, ""
    try:
        return digest_of(version), ""
    except ValidationError as error:
        return "", " ".join(error.messages)


def _proof(
    scenario: Scenario, run: ScenarioRun | None, required: dict[int, Requirement]
) -> Proof:
    asked = required.get(scenario.pk)
    return Proof(scenario, run, asked is not None, asked.problem if asked else "")


@transaction.atomic
def make_stale(connection: Connection, reason: str) -> int:
    """Say that a sandbox is no longer what scenarios were run at; return how many.

    Signatures that rest on those runs count no more, so what was signed and is not
    live yet cannot go live before it is run and signed again. Nor is it saved by being
    taken back meanwhile and sent again as it was.
    """
    now = database_time()
    runs = _take_back(ScenarioRun.objects.filter(connection=connection.slug), reason)
    rests = Q(runs__in=runs) | Q(digest__in=set(runs.values()))
    signed = Signature.objects.filter(
        rests,
        answer=Signature.Answer.SIGNED,
        stale_at=None,
        version__state__in=MappingVersion.ON_ITS_WAY,
    )
    stale = {one.pk: one for one in signed.select_related("version", "by")}
    Signature.objects.filter(pk__in=stale).update(
        stale_at=now, stale_reason=reason[:200]
    )
    for one in stale.values():
        told_in_words = f"signature of {one.by} for {one.version}: {reason}"
        changes.tell(
            changes.Change(
                "mapping", one.version_id, "gone stale", after=told_in_words
            ),
            None,
        )
    return len(runs)


def says_another(scenario: Scenario, now: Mapping[str, Any]) -> bool:
    """Say whether what was run before is no proof of what a scenario says now."""
    return any(
        getattr(scenario, name) != value
        for name, value in now.items()
        if name in PLAYED
    )


def make_worthless(scenario: Scenario) -> int:
    """Take back what a scenario has shown, because it says something else now."""
    mine = ScenarioRun.objects.filter(scenario=scenario)
    return len(_take_back(mine, "the scenario was changed"))


def _take_back(runs: QuerySet[ScenarioRun], reason: str) -> dict[int, str]:
    """Make runs stale, but for those that wait; return the digest of each."""
    begun = runs.exclude(state__in=(State.STALE, State.WAITING))
    found = dict(begun.values_list("pk", "digest"))
    mine = ScenarioRun.objects.filter(pk__in=found)
    mine.filter(ended_at=None).update(
        ended_at=database_time(),
        lease_until=None,
        verdict=f"Ended early: {reason}"[:500],
    )
    mine.update(state=State.STALE)
    return found
