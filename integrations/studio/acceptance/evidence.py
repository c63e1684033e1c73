"""What was shown for a version: the latest run of each scenario on its very content."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, Q, QuerySet

from errorqueue.clock import database_time
from integrations.models import Connection
from mappings import changes
from mappings.models import MappingVersion, Scenario, ScenarioRun, Signature
from mappings.moves import digest_of

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
# What is signed, but not live: only these can still be kept from going live.
ON_ITS_WAY = (MappingVersion.State.REVIEW, MappingVersion.State.SCHEDULED)


@dataclass(frozen=True)
class Proof:
    """One scenario and its latest run on this content, if there is one."""

    scenario: Scenario
    run: ScenarioRun | None = None

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
        return self.run is not None and self.run.state == State.PASSED


@dataclass(frozen=True)
class Evidence:
    """All scenarios that fit a version, with what came of them."""

    version: MappingVersion
    digest: str
    proofs: tuple[Proof, ...]
    problem: str = ""

    @property
    def required(self) -> list[Proof]:
        return [one for one in self.proofs if one.scenario.is_required]

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
        passed = len(self.required) - len(self.lacking)
        told = f"{passed} of {len(self.required)} required scenarios passed on this content."
        return f"{told} The rest is under way." if self.is_moving else told


def scenarios_for(version: MappingVersion) -> list[Scenario]:
    """Return the scenarios of this kind of record."""
    document = version.document
    fitting = Scenario.objects.filter(
        source_system=document.source_system, source_entity=document.source_entity
    )
    order = [Scenario.Group.EDGE, Scenario.Group.BREAK, Scenario.Group.OWN]
    found = fitting.select_related("made_by").defer("source")
    return sorted(
        found, key=lambda one: (order.index(Scenario.Group(one.group)), one.pk)
    )


def evidence_for(version: MappingVersion) -> Evidence:
    """Return what was shown for the content that a version has now; three queries.

    A draft has no digest of its own yet: it is reckoned from its rows.
    """
    scenarios = scenarios_for(version)
    try:
        digest = version.digest if version.is_frozen else ""
        digest = digest or digest_of(version)
    except ValidationError as error:
        proofs = tuple(Proof(one) for one in scenarios)
        return Evidence(version, "", proofs, " ".join(error.messages))
    runs = ScenarioRun.objects.filter(digest=digest, scenario__in=scenarios)
    latest = runs.order_by().values("scenario").annotate(last=Max("pk"))
    chosen = ScenarioRun.objects.filter(pk__in=latest.values("last"))
    known = {one.scenario_id: one for one in chosen.select_related("by").defer(*HEAVY)}
    proofs = tuple(Proof(one, known.get(one.pk)) for one in scenarios)
    return Evidence(version, digest, proofs)


@transaction.atomic
def make_stale(connection: Connection, reason: str) -> int:
    """Say that a sandbox is no longer what scenarios were run at; return how many.

    Signatures that rest on those runs count no more, so what was signed and is not
    live yet cannot go live before it is run and signed again.
    """
    now = database_time()
    runs = _take_back(ScenarioRun.objects.filter(connection=connection.slug), reason)
    rests = Q(runs__in=runs) | Q(digest__in=set(runs.values()))
    signed = Signature.objects.filter(
        rests,
        answer=Signature.Answer.SIGNED,
        stale_at=None,
        version__state__in=ON_ITS_WAY,
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
