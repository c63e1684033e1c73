"""Runs: asked for by people, taken by workers one at a time, ended with a verdict.

A run is a row. A worker that takes it keeps a lease; when it dies the run is taken
again with a name of its own at the sandbox, and after three deaths it has failed.
"""

import logging
import os
import secrets
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q, QuerySet

from errorqueue.clock import database_time
from errorqueue.text import clean, clean_tree
from integrations.connectors import exact
from integrations.connectors.errors import ConnectorError
from integrations.models import Bell, Flow
from integrations.models.vault import SealBroken
from integrations.studio.acceptance import payloads, plays, sandboxes, scratch
from integrations.studio.acceptance.child import Child, Tell
from integrations.studio.acceptance.faults import Line, lay
from integrations.studio.acceptance.rehearsal import NotAtRest, Rehearsal
from integrations.sync import slots
from integrations.sync.outbound import connector_for
from integrations.sync.stopping import is_stopping
from mappings import changes
from mappings.engine.digest import content_digest
from mappings.models import MappingVersion, Scenario, ScenarioRun
from mappings.moves import digest_of

log = logging.getLogger(__name__)

LANE = ("acceptance", "integrations.tasks.run_scenarios")
State = ScenarioRun.State
OPEN = (State.WAITING, State.RUNNING)
MOST_DEATHS = 3
# A run is killed after so long; a worker begins another only early in its task, so
# that both together end before the queue's own limit.
SECONDS = 70.0
BEGIN_WITHIN = 15.0
SPARE = 15.0
LEFT_OVER_SECONDS = 3600.0
# What keeps a run from beginning at all, with its reason in words.
CANNOT = (
    ValueError,
    ValidationError,
    ConnectorError,
    SealBroken,
    Flow.DoesNotExist,
)


@transaction.atomic
def ask(
    version: MappingVersion,
    scenarios: Iterable[Scenario],
    flow: Flow,
    sku: str,
    by: Any,
) -> list[ScenarioRun]:
    """Ask for one run of each scenario, unless it waits already.

    Raises NotAllowed for a production account, ValidationError for a version that
    cannot be read.
    """
    sandboxes.refuse_production(scratch.flows_needed(flow))
    digest = digest_of(version)
    waiting = set(
        ScenarioRun.objects.filter(version=version, state__in=OPEN).values_list(
            "scenario", flat=True
        )
    )
    made = [
        ScenarioRun.objects.create(
            scenario=scenario,
            version=version,
            digest=digest,
            connection=flow.target.slug,
            account=flow.target.account_id,
            flow=flow.slug,
            sku=sku,
            asked_at=database_time(),
            by=by,
        )
        for scenario in scenarios
        if scenario.pk not in waiting
    ]
    if made:
        ring()
    return made


def ring() -> None:
    """Wake whoever runs scenarios; commits or vanishes with the caller."""
    Bell.objects.ring(*LANE)


def has_due() -> bool:
    """Say whether a run waits, or was left behind by a worker that died."""
    return due().exists()


def due() -> QuerySet[ScenarioRun]:
    left = Q(state=State.RUNNING, lease_until__lt=database_time())
    return ScenarioRun.objects.filter(Q(state=State.WAITING) | left)


def step() -> None:
    """Run what waits, one after the other, for a while."""
    Bell.objects.answer(LANE[0])
    ends_at = time.monotonic() + BEGIN_WITHIN
    while time.monotonic() < ends_at and not is_stopping():
        run = claim()
        if run is None or not Carrier(run).carry():
            return
    if has_due():
        ring()


def claim() -> ScenarioRun | None:
    """Take the run that was asked for first; None when there is none."""
    for run in due().order_by("asked_at", "pk")[:5]:
        if run.token >= MOST_DEATHS:
            _bury(run)
            continue
        taken = due().filter(pk=run.pk, token=run.token)
        if taken.update(
            state=State.RUNNING,
            token=F("token") + 1,
            worker=slots.worker_name(),
            lease_until=_lease(),
            steps=[],
        ):
            return ScenarioRun.objects.select_related(
                "scenario", "version__document"
            ).get(pk=run.pk)
    return None


def _lease() -> Any:
    return database_time() + timedelta(seconds=settings.LEASE_SECONDS)


def _bury(run: ScenarioRun) -> None:
    words = "The worker died three times while it ran this scenario. See its log."
    if (
        due()
        .filter(pk=run.pk, token=run.token)
        .update(
            state=State.FAILED,
            verdict=words,
            ended_at=database_time(),
            lease_until=None,
        )
    ):
        _note(run, False, words)


def _note(run: ScenarioRun, passed: bool, verdict: str) -> None:
    """Put the end into the audit trail; nobody has written the version by that."""
    told = f"{run.scenario}, run {run.pk}: {verdict}"
    verb = "scenario passed" if passed else "scenario failed"
    changes.tell(changes.Change("mapping", run.version_id, verb, after=told), None)


class Carrier:
    """A worker with a run in hand: starts its process, watches it, writes it down."""

    def __init__(self, run: ScenarioRun) -> None:
        self.run = run
        self.steps: list[dict[str, str]] = []
        self.end: dict[str, Any] | None = None

    def carry(self) -> bool:
        """Carry the run out; False when it has to wait for a slot of the account."""
        run = self.run
        try:
            flow, child_work = self._prepare()
        except CANNOT as error:
            told = getattr(error, "messages", [str(error)])
            self._finish(False, f"It could not be run. {' '.join(told)}")
            return True
        held = slots.take(flow.target, slots.worker_name(), 1, settings.LEASE_SECONDS)
        if not held:
            self._give_back()
            return False
        child = Child(child_work)
        try:
            verdict = self._watch(child, held[0])
        finally:
            child.end()
            slots.give_back(held[0])
            shutil.rmtree(folder_of(run), ignore_errors=True)
        if verdict is None:
            self._give_back()
            return False
        self._finish(*verdict)
        return True

    def _prepare(self) -> tuple[Flow, Any]:
        """Read all that the run needs; raises ValueError with the reason in words."""
        run = self.run
        flow = Flow.objects.select_related("source", "target").get(slug=run.flow)
        flows = scratch.flows_needed(flow)
        sandboxes.refuse_production(flows)
        flows = [flow if one.pk == flow.pk else one for one in flows]
        mark = f"uat-{run.pk}-{secrets.token_hex(2)}"
        given = payloads.changed(
            run.scenario.source,
            run.scenario.changes,
            payloads.words_for(run.sku, mark),
        )
        version = MappingVersion.objects.get(pk=run.version_id)
        run.namespace, run.digest, run.given = mark, digest_of(version), given
        if not self._save(namespace=mark, digest=run.digest, given=given):
            raise scratch.Unfit("Another worker has taken it.")
        host = scratch.host_of(connector_for(flow.target))
        secret = scratch.new_secret()
        rows = scratch.rows_for(run, flow, flows, secret)
        self._refuse_other(rows, version)
        folder = _new_folder(run)
        return flow, partial(_perform, run, flow.pk, rows, host, secret, folder)

    def _refuse_other(self, rows: list[Any], version: MappingVersion) -> None:
        """Raise Unfit unless what was copied for the run is what its digest names.

        A draft may be saved, and saved back, while it is copied.
        """
        if content_digest(scratch.copied(rows, version)) != self.run.digest:
            raise scratch.Unfit("The draft was changed just now. Run it once more.")

    def _watch(self, child: Child, held: slots.Held) -> tuple[bool, str] | None:
        """Write down what the child tells; None when the run must be given back."""
        seconds = min(SECONDS, settings.Q_TIMEOUT - BEGIN_WITHIN - SPARE)
        try:
            for message in child.messages(seconds):
                self._take(message)
                slots.renew(held, settings.LEASE_SECONDS)
                if is_stopping() or not self._save(steps=self.steps):
                    return None
        except TimeoutError:
            return False, f"It was ended: it took longer than {seconds:g} seconds."
        if self.end is None:
            return False, "Its process ended before there was a verdict. See the log."
        return bool(self.end["passed"]), str(self.end["words"])

    def _take(self, message: dict[str, Any] | None) -> None:
        if message and message["kind"] == "step":
            at = database_time().isoformat(timespec="milliseconds")
            self.steps.append({"at": at, "words": clean(message["words"])})
        elif message:
            self.end = message

    def _save(self, **columns: Any) -> bool:
        """Write down what happened and keep the lease; False when it was lost."""
        return bool(self._mine().update(lease_until=_lease(), **columns))

    def _mine(self) -> QuerySet[ScenarioRun]:
        run = self.run
        return ScenarioRun.objects.filter(
            pk=run.pk, token=run.token, state=State.RUNNING
        )

    def _give_back(self) -> None:
        """Let it wait again; giving back is no death."""
        self._mine().update(
            state=State.WAITING, token=F("token") - 1, lease_until=None, steps=[]
        )

    @transaction.atomic
    def _finish(self, passed: bool, verdict: str) -> None:
        end = self.end or {}
        if self._mine().update(
            state=State.PASSED if passed else State.FAILED,
            verdict=clean(verdict)[:500],
            steps=self.steps,
            made=clean_tree(end.get("made")),
            exchanges=clean_tree(end.get("exchanges", [])),
            links=end.get("links", []),
            lease_until=None,
            ended_at=database_time(),
        ):
            _note(self.run, passed, verdict)


def folder_of(run: ScenarioRun) -> Path:
    return Path(settings.VAR_DIR) / "acceptance" / f"run-{run.pk}-{os.getpid()}"


def _new_folder(run: ScenarioRun) -> Path:
    """Return an empty folder; what dead workers left behind is thrown away."""
    folder = folder_of(run)
    old = time.time() - LEFT_OVER_SECONDS
    for other in folder.parent.glob("run-*"):
        is_mine = other.name.startswith(f"run-{run.pk}-")
        with suppress(OSError):
            if is_mine or other.stat().st_mtime < old:
                shutil.rmtree(other)
    folder.mkdir(parents=True)
    return folder


def _perform(
    run: ScenarioRun,
    flow_id: int,
    rows: list[Any],
    host: str,
    secret: str,
    folder: Path,
    tell: Tell,
) -> None:
    """Play the scenario in this process, which is the run's own."""
    scenario, given = run.scenario, run.given
    scratch.move_into(folder / "ledger.sqlite3", rows)
    line = Line(host)
    lay(line)
    flow = Flow.objects.select_related("source", "target").get(pk=flow_id)
    scene = Rehearsal(flow, line, tell, secret, folder)
    try:
        verdict = plays.perform(scene, scenario, given)
    except NotAtRest as error:
        verdict = plays.Verdict(False, scenario.expected, str(error))
    made = scene.made(given)
    tell(
        "end",
        passed=verdict.passed,
        words=verdict.words,
        made=None if made is None else exact.dumps(made),
        exchanges=scene.all_exchanges(),
        links=scene.links(),
    )
