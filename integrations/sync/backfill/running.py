"""Takes the steps of back-fills: list, judge, enter, settle.

A worker has one for a minute at a time and saves after each page and each record, so
one that dies loses nothing. Requests leave the reserve of an account to orders; and
no more records are under way than its common slots, so a live order never stands
behind the past.
"""

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction

from errorqueue.clock import database_time
from integrations.connectors.base import Connector
from integrations.connectors.errors import ConnectorError
from integrations.failures import NotPublished
from integrations.models import (
    AuditEntry,
    Backfill,
    BackfillItem,
    BackfillLeg,
    limits_of,
)
from integrations.sync import background
from integrations.sync.backfill import looking
from integrations.sync.backfill.entering import enter
from integrations.sync.backfill.judging import Judge
from integrations.sync.backfill.lease import PAUSE, Lost, NotNow, claim, keep, minding
from integrations.sync.backfill.listing import TooMany, list_more
from integrations.sync.backfill.settling import in_flight, settle
from integrations.sync.preflight import patient_to
from integrations.sync.stopping import is_stopping

log = logging.getLogger(__name__)

State = Backfill.State
Phase = BackfillLeg.Phase
ItemState = BackfillItem.State
# How long a step waits for records under way before it gives its worker away.
PATIENCE = 1.0
BLINK = 0.1
# When what is under way is looked at again.
BRIEFLY = timedelta(seconds=1)


def _refuse_idle(leg: BackfillLeg) -> None:
    """Raise NotNow while nothing of a flow is delivered: the ledger is no store."""
    flow = leg.flow
    if not flow.is_enabled:
        raise NotNow(f"{flow} is off.")
    if flow.held_at:
        raise NotNow(f"{flow} is on hold. {flow.hold_reason}".strip())
    if not flow.target.is_usable:
        raise NotNow(f"{flow.target} is not in use at the moment.")


def has_due() -> bool:
    return Backfill.objects.filter(try_at__lte=database_time()).exists()


def step() -> None:
    """Go on with back-fills that are due until the time is up."""
    ends_at = time.monotonic() + settings.DRAIN_SECONDS
    while time.monotonic() < ends_at and not is_stopping():
        backfill = claim()
        if backfill is None:
            return
        try:
            _go_on(backfill, ends_at)
        except Lost:
            log.info("%s was taken over, or stopped by a person", backfill)
    background.ring()


def _go_on(backfill: Backfill, ends_at: float) -> None:
    """The one place that settles a step, hence the broad except."""
    try:
        Steps(backfill, ends_at).go()
    except (Lost, OperationalError, InterfaceError):
        raise  # a database that is busy or away says nothing of the accounts
    except NotNow as error:
        later = database_time() + error.wait
        keep(backfill, note=str(error)[:300], try_at=later)
    except (ConnectorError, NotPublished, TooMany) as error:
        _stop(backfill, str(error))
    except Exception as error:
        log.exception("%s could not go on", backfill)
        _stop(backfill, f"{type(error).__name__}: {error}")


def _stop(backfill: Backfill, why: str) -> None:
    """A dry run that cannot go on has failed; a run is paused, for a person to see."""
    if backfill.state == State.LOOKING:
        now = database_time()
        keep(backfill, state=State.FAILED, note=why[:300], ended_at=now, try_at=None)
        return
    if backfill.state == State.RUNNING:
        keep(backfill, state=State.PAUSED, note=why[:300])
    else:
        keep(backfill, note=why[:300], try_at=database_time() + PAUSE)


class Steps:
    """The steps of one back-fill for as long as this worker has it."""

    def __init__(self, backfill: Backfill, ends_at: float) -> None:
        self.backfill, self.ends_at = backfill, ends_at
        self.sources: dict[int, Connector] = {}
        self.judges: dict[int, Judge] = {}

    def go(self) -> None:
        step = self._look if self.backfill.state == State.LOOKING else self._bring
        while time.monotonic() < self.ends_at and not is_stopping():
            if not step():
                return
        keep(self.backfill, try_at=database_time())

    def _legs(self) -> list[BackfillLeg]:
        """Return the legs with accounts and flows as they are now."""
        legs = self.backfill.legs.select_related(
            "flow__source", "flow__target", "flow__mapping"
        )
        found = list(legs)
        for leg in found:
            leg.backfill = self.backfill
        return found

    def _source(self, leg: BackfillLeg) -> Connector:
        source = leg.flow.source
        if source.pk not in self.sources:
            with minding(source):
                self.sources[source.pk] = patient_to(source)
        return self.sources[source.pk]

    def _judge(self, leg: BackfillLeg) -> Judge:
        if leg.pk not in self.judges:
            self.judges[leg.pk] = Judge(leg)
        return self.judges[leg.pk]

    # The dry run

    def _look(self) -> bool:
        """List each leg, then judge: last what the others turn out to need."""
        legs = self._legs()
        for leg in legs:
            if leg.phase == Phase.LISTING:
                list_more(leg, self._source(leg))
                return True
        for leg in reversed(legs):
            if leg.phase == Phase.JUDGING:
                looking.look_more(leg, self._source(leg), self._judge(leg))
                return True
        looking.finish(self.backfill)
        return False

    # The run

    def _bring(self) -> bool:
        settle(self.backfill)
        if self.backfill.state != State.RUNNING:
            return self._rest_when_settled()
        for leg in self._legs():
            waiting = leg.items.filter(state=ItemState.WAITING)
            if waiting.exists():
                return self._bring_of(leg)
        return self._rest_when_settled()

    def _bring_of(self, leg: BackfillLeg) -> bool:
        _refuse_idle(leg)
        room = self._room(leg)
        if not room:
            return self._wait_for_room(leg)
        waiting = leg.items.filter(state=ItemState.WAITING).order_by("pk")
        source, judge = self._source(leg), self._judge(leg)
        for item in list(waiting[:room]):
            enter(leg, item, source, judge)
        if self.backfill.note:
            keep(self.backfill, note="")
        return True

    def _room(self, leg: BackfillLeg) -> int:
        """Say how many more may be under way; none while an earlier leg still is."""
        entered = self.backfill.items.filter(state=ItemState.ENTERED)
        moving = in_flight(entered)
        if moving.filter(leg__position__lt=leg.position).exists():
            return 0
        return max(0, limits_of(leg.flow.target).common - moving.count())

    def _wait_for_room(self, leg: BackfillLeg) -> bool:
        """Wait a moment; whoever delivers may need this very worker for it."""
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            time.sleep(BLINK)
            if self._room(leg):
                return True
        keep(self.backfill, try_at=database_time() + BRIEFLY)
        return False

    def _rest_when_settled(self) -> bool:
        """End it when all is settled; look again later at what is under way."""
        entered = self.backfill.items.filter(state=ItemState.ENTERED)
        if entered.exists():
            later = BRIEFLY if in_flight(entered).exists() else PAUSE
            keep(self.backfill, try_at=database_time() + later)
        elif self.backfill.state == State.PAUSED:
            keep(self.backfill, try_at=None)
        else:
            self._end()
        return False

    @transaction.atomic
    def _end(self) -> None:
        over = State.DONE if self.backfill.state == State.RUNNING else State.CANCELLED
        now = database_time()
        note = "" if over == State.DONE else self.backfill.note
        keep(self.backfill, state=over, ended_at=now, try_at=None, note=note)
        AuditEntry.objects.note_change("back-fill", self.backfill.pk, "ended", over)
