"""What a version would change: tried over the last stored records, beside the one in force.

Nothing is written to a target and nothing is sent. Look-ups share one memory and ask
over slots that leave the reserve to orders. A worker takes steps of a few seconds and
commits after each handful of records, so that a killed one loses nothing; its lease is
renewed by the look-ups, so that a slow target never has two of them at one report.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q

from errorqueue.clock import database_time
from integrations.connectors.base import Connector
from integrations.connectors.errors import (
    AccessRefused,
    ConnectorError,
    LimitReached,
    TemporaryError,
)
from integrations.models import EffectCase, EffectReport, Flow, SyncRecord
from integrations.models.removal import HAS_CONTENT
from integrations.models.vault import SealBroken
from integrations.studio.comparison import Trial, differences_of, outcome_of
from integrations.sync import background
from integrations.sync.access import note_failure, why_held
from integrations.sync.lookups import TargetLookups
from integrations.sync.mapping import map_with
from integrations.sync.metadata import Rules, rules_of, too_long, unknown_to
from integrations.sync.preflight import patient_connector
from integrations.sync.stopping import is_stopping
from mappings.engine import Document, Found, Mapped
from mappings.engine.digest import content_digest
from mappings.engine.errors import DocumentError
from mappings.models import MappingVersion
from mappings.moves import digest_of, locked, tell

log = logging.getLogger(__name__)

State = EffectReport.State
USUAL = 1000
MOST = 5000
BATCH = 20
STEP_SECONDS = 5.0
LEASE = timedelta(seconds=60)
RENEWED_AFTER = 10.0
# How long a report waits before it asks an unwilling target again, and how often.
PAUSE = timedelta(seconds=30)
GIVES_UP_AFTER = timedelta(hours=24)
OPEN = (State.WAITING, State.RUNNING)


class NotNow(Exception):
    """The target cannot be asked at the moment."""


class Lost(Exception):
    """Another worker has taken the report over."""


@dataclass
class Tally:
    """What a batch of records adds to a report."""

    cases: list[EffectCase] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    money: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    last: int = 0

    def add(self, record: SyncRecord, outcome: str) -> None:
        """Count a record under its outcome, with its money."""
        self.last = record.pk
        self.counts[outcome] = self.counts.get(outcome, 0) + 1
        if record.amount is not None:
            amounts = self.money.setdefault(outcome, {})
            known = amounts.get(record.currency, Decimal(0))
            amounts[record.currency] = known + record.amount


@transaction.atomic
def ask(version: MappingVersion, by: Any, wanted: int = USUAL) -> EffectReport:
    """Have a report made of a version as it stands now; one at a time of a version."""
    version = locked(version)
    digest = digest_of(version)
    made = EffectReport.objects.filter(version=version, state__in=OPEN)
    standing = made.first()
    if standing and standing.digest == digest:
        return standing
    made.update(state=State.FAILED, note=MOVED, ended_at=database_time())
    live = version.document.published()
    report = EffectReport.objects.create(
        version=version,
        against=live if live and live.pk != version.pk else None,
        digest=digest,
        wanted=max(1, min(wanted, MOST)),
        asked_at=database_time(),
        by=by,
    )
    tell(version, "effect asked", by)
    background.ring()
    return report


MOVED = "The version was changed meanwhile: run it again."
BROKEN = "A record could not be tried; the log of the workers says why."


def is_due() -> bool:
    """Say whether a report waits for a worker."""
    return _waiting(database_time()).exists()


def step() -> None:
    """Work on the oldest waiting report for some seconds, and ring for the rest."""
    now = database_time()
    report = _waiting(now).select_related("version__document", "against").last()
    if report is None or not _claim(report, now):
        return
    try:
        _go_on(report)
    except Lost:
        return
    except NotNow as reason:
        _rest(report, str(reason))
        return
    except Exception:
        log.exception("The effect report %s broke", report.pk)
        _rest(report, BROKEN)
        return
    _free(report)
    if is_due() and not is_stopping():
        background.ring()


def _waiting(now: datetime) -> Any:
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    return EffectReport.objects.filter(free, state__in=OPEN).order_by("-pk")


def _claim(report: EffectReport, now: datetime) -> bool:
    mine = EffectReport.objects.filter(
        pk=report.pk, state=report.state, lease_until=report.lease_until
    )
    report.lease_until = now + LEASE
    return bool(mine.update(state=State.RUNNING, lease_until=report.lease_until))


def _go_on(report: EffectReport) -> None:
    documents = _documents(report)
    if documents is None:
        _end(report, State.FAILED, MOVED)
        return
    bench = _Bench(report, *documents)
    ends_at = time.monotonic() + STEP_SECONDS
    while time.monotonic() < ends_at and not is_stopping():
        room = report.wanted - report.seen
        records = bench.next_records(min(BATCH, room)) if room > 0 else []
        if not records:
            _end(report, State.DONE, "")
            return
        if not _try_batch(report, bench, records, ends_at):
            return


def _try_batch(
    report: EffectReport,
    bench: "_Bench",
    records: list[SyncRecord],
    ends_at: float,
) -> bool:
    """Try some records, at least one; False when another worker has the report now.

    What was found before a target fell silent, or something broke, is kept.
    """
    tally = Tally()
    try:
        for record in records:
            bench.compare(record, tally)
            if time.monotonic() >= ends_at or is_stopping():
                break
    except Lost:
        raise
    except Exception:
        if tally.last:
            _keep(report, tally)
        raise
    return _keep(report, tally)


def _documents(report: EffectReport) -> tuple[Document, Document | None] | None:
    """Return both sides, or None when the version is not what was asked about."""
    try:
        after = report.version.as_document()
    except DocumentError:
        return None
    if content_digest(after) != report.digest:
        return None
    return after, report.against.as_document() if report.against else None


class _Bench:
    """Tries both versions on one record after the other."""

    def __init__(
        self, report: EffectReport, after: Document, before: Document | None
    ) -> None:
        self.report, self.after, self.before = report, after, before
        flows = Flow.objects.filter(mapping=report.version.document)
        related = flows.select_related("source", "target")
        self.flows = related.prefetch_related("dependencies__needs__source").in_bulk()
        self.lookups: dict[int, SharedLookups] = {}
        self.rules: dict[int, Rules] = {}
        self.renewed = time.monotonic()

    def next_records(self, most: int) -> list[SyncRecord]:
        """Return the next older records."""
        stored = SyncRecord.objects.filter(HAS_CONTENT, flow__in=list(self.flows))
        if self.report.last_record:
            stored = stored.filter(pk__lt=self.report.last_record)
        return list(stored.order_by("-pk")[:most])

    def compare(self, record: SyncRecord, tally: Tally) -> None:
        """Try both versions; raises NotNow while the target cannot be asked."""
        record.flow = self.flows[record.flow_id]
        after = self._try(record, self.after)
        before = self._try(record, self.before) if self.before else None
        outcome = outcome_of(before, after)
        tally.add(record, outcome)
        if outcome in EffectCase.Outcome.values:
            tally.cases.append(
                EffectCase(
                    report=self.report,
                    record=record,
                    outcome=outcome,
                    differences=differences_of(before, after),
                    problems=list((after if after.fails else before or after).problems),
                )
            )

    def _try(self, record: SyncRecord, document: Document) -> Trial:
        flow = record.flow
        if not flow.target.is_usable:
            raise NotNow(f"{flow.target} cannot be asked now: {why_held(flow.target)}")
        try:
            return self._tried(record, document)
        except (TemporaryError, LimitReached, AccessRefused, SealBroken) as error:
            note_failure(flow.target, error)
            raise NotNow(f"{flow.target} cannot be asked now: {error}") from error
        except (ConnectorError, ValueError, TypeError) as error:
            return Trial({}, (str(error),))

    def _tried(self, record: SyncRecord, document: Document) -> Trial:
        lookups = self._lookups(record.flow)
        mapped = map_with(record, document, lookups)
        problems = [one for one in mapped.problems if one.kind != "dependency"]
        if not mapped.problems and not mapped.excluded:
            problems = self._against_metadata(record.flow, mapped)
        words = tuple(f"{one.target}: {one.rule}".strip(": ") for one in problems)
        return Trial(mapped.payload, words, mapped.excluded)

    def _against_metadata(self, flow: Flow, mapped: Mapped) -> list[Any]:
        if flow.pk not in self.rules:
            connector = self._lookups(flow).connector
            self.rules[flow.pk] = rules_of(
                flow.target, flow.target_record, lambda: connector
            )
        rules, target = self.rules[flow.pk], flow.target.name
        return too_long(mapped, rules, target) + unknown_to(mapped, rules, target)

    def _lookups(self, flow: Flow) -> "SharedLookups":
        if flow.target_id not in self.lookups:
            made = SharedLookups(flow.target, patient_connector(flow), self._renew)
            self.lookups[flow.target_id] = made
        return self.lookups[flow.target_id]

    def _renew(self) -> None:
        """Keep the report while a target is asked; raises Lost when it is gone."""
        if time.monotonic() - self.renewed < RENEWED_AFTER:
            return
        until = database_time() + LEASE
        if not _mine(self.report).update(lease_until=until):
            raise Lost
        self.report.lease_until, self.renewed = until, time.monotonic()


class SharedLookups(TargetLookups):
    """Remembers every answer for the whole step, and writes none of them down.

    Calls `beat` before each question to the target.
    """

    def __init__(
        self, connection: Any, connector: Connector, beat: Callable[[], None]
    ) -> None:
        super().__init__(connection, connector)
        self._beat = beat
        self._memory: dict[tuple[str, str, str], list[Found]] = {}

    def find(self, record: str, by: str, value: str) -> Sequence[Found]:
        """Return every candidate: from links, from the cache, else from the target."""
        key = (record, by, value)
        if key not in self._memory:
            known = self._linked(*key) or self._cached(*key)
            self._memory[key] = [known] if known else self._told(*key)
        return self._memory[key]

    def _told(self, record: str, by: str, value: str) -> list[Found]:
        self._beat()
        answer = self.connector.find(record, by, value)
        return [Found(one.id, one.label, one.inactive) for one in answer]


@transaction.atomic
def _keep(report: EffectReport, tally: Tally) -> bool:
    """Add a batch to a report while it is ours; all of it or nothing."""
    mine = EffectReport.objects.select_for_update().filter(
        pk=report.pk, state=State.RUNNING, lease_until=report.lease_until
    )
    stored = mine.first()
    if stored is None:
        return False
    EffectCase.objects.bulk_create(tally.cases)
    for outcome, count in tally.counts.items():
        setattr(stored, outcome, getattr(stored, outcome) + count)
    stored.seen += sum(tally.counts.values())
    stored.money = _added(stored.money, tally.money)
    stored.last_record = tally.last
    stored.lease_until = report.lease_until = database_time() + LEASE
    stored.note = ""
    stored.save()
    report.seen, report.last_record = stored.seen, stored.last_record
    return True


def _added(
    stored: dict[str, dict[str, str]], more: dict[str, dict[str, Decimal]]
) -> dict[str, dict[str, str]]:
    money = {outcome: dict(amounts) for outcome, amounts in stored.items()}
    for outcome, amounts in more.items():
        known = money.setdefault(outcome, {})
        for currency, amount in amounts.items():
            known[currency] = str(Decimal(known.get(currency, "0")) + amount)
    return money


def _end(report: EffectReport, state: str, note: str) -> None:
    _mine(report).update(
        state=state, note=note, ended_at=database_time(), lease_until=None
    )
    report.lease_until = None


def _rest(report: EffectReport, reason: str) -> None:
    """Let a report wait until its target may be asked again, for a day at most."""
    now = database_time()
    if now - report.asked_at > GIVES_UP_AFTER:
        _end(report, State.FAILED, reason[:500])
        return
    note = f"{reason} It goes on by itself."
    _mine(report).update(lease_until=now + PAUSE, note=note[:500])


def _free(report: EffectReport) -> None:
    _mine(report).update(lease_until=None)


def _mine(report: EffectReport) -> Any:
    return EffectReport.objects.filter(
        pk=report.pk, state=State.RUNNING, lease_until=report.lease_until
    )
