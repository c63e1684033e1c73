"""Takes the steps of a comparison: list, compare, fetch, wait, certify.

A worker keeps a check for a minute at a time and saves after each page and each
handful, so one that dies loses nothing; requests go through the slots of the account
and leave its reserve to orders.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F

from errorqueue.clock import database_time
from integrations.connectors.base import Connector
from integrations.connectors.errors import (
    AccessRefused,
    ConnectorError,
    LimitReached,
    TemporaryError,
)
from integrations.models import Flow, FlowRhythm, Gap, GapCheck, InboxEvent
from integrations.models.vault import SealBroken
from integrations.sync import background
from integrations.sync.access import note_answer, note_failure, suspect
from integrations.sync.allowance import rest
from integrations.sync.completeness import certifying, removed, telling
from integrations.sync.completeness.comparing import (
    Sums,
    compare,
    count_record,
    edge_of,
    lacks,
    records_of,
)
from integrations.sync.completeness.fetching import fetch, id_of, note_problem
from integrations.sync.outbound import connector_for
from integrations.sync.slots import one_request
from integrations.sync.stopping import is_stopping

log = logging.getLogger(__name__)

Phase = GapCheck.Phase
LEASE = timedelta(seconds=60)
HANDFUL = 10
# How long until an unwilling source is asked again, and until it is given up.
PAUSE = timedelta(seconds=30)
GIVEN_UP = timedelta(hours=20)
# How long deliveries that were handed in may wait to be read.
LOOK_AGAIN = timedelta(seconds=2)
LONGEST_READING = timedelta(minutes=15)
# Where a delivery is counted that brought what the ledger lacks still.
READ_AS: dict[str, str] = {
    InboxEvent.State.RECEIVED: "waiting",
    InboxEvent.State.QUARANTINED: "queued",
    # A flow takes it, so a person set it aside.
    InboxEvent.State.NOT_WANTED: "by_person",
}


class Lost(Exception):
    """Another worker has taken this check over."""


class NotNow(Exception):
    """The source cannot be asked at the moment."""


def has_due() -> bool:
    return _open().filter(try_at__lte=database_time()).exists()


def _open() -> Any:
    return GapCheck.objects.filter(ended_at=None)


def step() -> None:
    """Go on with checks that are due until the time is up."""
    ends_at = time.monotonic() + settings.DRAIN_SECONDS
    while time.monotonic() < ends_at and not is_stopping():
        check = _claim()
        if check is None:
            return
        try:
            _go_on(check, ends_at)
        except Lost:
            log.info("%s was taken over by another worker", check)
    background.ring()


def _claim() -> GapCheck | None:
    """Take the check that is due longest, for as long as a lease."""
    now = database_time()
    due = _open().filter(try_at__lte=now).order_by("try_at", "pk")
    check: GapCheck | None = due.select_related(
        "sweep__asked_by", "flow__source", "flow__target"
    ).first()
    if check is None:
        return None
    mine = _open().filter(pk=check.pk, try_at=check.try_at)
    check.try_at = now + LEASE
    return check if mine.update(try_at=check.try_at) else None


def _go_on(check: GapCheck, ends_at: float) -> None:
    """The one place that settles a check, hence the broad except."""
    source = check.flow.source
    try:
        if not source.is_usable:
            raise NotNow
        _work(check, ends_at)
    except (Lost, OperationalError, InterfaceError):
        raise  # a database that is busy or away says nothing of the source
    except (AccessRefused, SealBroken) as error:
        suspect(source)
        _wait(check, str(error))
    except LimitReached as error:
        # A bucket that we emptied ourselves fills while we pause; orders go on.
        if (error.retry_after or 0) > PAUSE.total_seconds():
            rest(source, error)
        _wait(check, "")
    except TemporaryError as error:
        note_failure(source, error)
        _wait(check, str(error))
    except NotNow:
        _wait(check, f"{source} is not in use at the moment.")
    except ConnectorError as error:
        _fail(check, str(error))
    except Exception as error:
        log.exception("%s could not be compared", check)
        _fail(check, f"{type(error).__name__}: {error}")


def _work(check: GapCheck, ends_at: float) -> None:
    gate = partial(one_request, check.flow.source, Flow.Lane.BULK)
    connector = connector_for(check.flow.source, gate=gate)
    steps: dict[str, Callable[[GapCheck, Connector], bool]] = {
        Phase.LISTING: _list,
        Phase.FETCHING: _fetch,
        Phase.SETTLING: _settle,
    }
    while check.is_open and time.monotonic() < ends_at and not is_stopping():
        if not steps[check.phase](check, connector):
            return
    if check.is_open:
        _save(check, try_at=database_time())


def _save(check: GapCheck, **columns: Any) -> None:
    """Keep a step and renew the lease; raises Lost."""
    now = database_time()
    columns = {"try_at": now + LEASE, "tries": 0, **columns}
    if columns.get("phase", check.phase) != check.phase:
        columns["phase_at"] = now
    if not _open().filter(pk=check.pk, try_at=check.try_at).update(**columns):
        raise Lost
    for name, value in columns.items():
        setattr(check, name, value)


def _wait(check: GapCheck, problem: str) -> None:
    """Leave it for later; what cannot be asked for a day is told as such."""
    now = database_time()
    if now - check.sweep.asked_at > GIVEN_UP:
        _fail(check, problem or "No slot of the account was free for a day.")
        return
    later = {"try_at": now + PAUSE, "problem": problem[:300]}
    _open().filter(pk=check.pk, try_at=check.try_at).update(
        **later, tries=F("tries") + 1
    )


def _fail(check: GapCheck, problem: str) -> None:
    _save(check, phase=Phase.FAILED, problem=problem[:300], ended_at=database_time())
    telling.tell_failed(check)


# The steps; each says whether the next one may follow at once


def _list(check: GapCheck, connector: Connector) -> bool:
    flow = check.flow
    page = connector.listing(flow.source_entity, check.since, check.until, check.cursor)
    note_answer(flow.source)
    fresh = [row for row in page.rows if row.key not in set(check.edge)]
    sums = Sums(check.counts, check.money)
    with transaction.atomic():
        # Only a day is certified, so only there it matters what is listed no more.
        until = removed.note_unlisted(check, page) if check.day else None
        gaps = compare(check, fresh, database_time(), sums)
        Gap.objects.bulk_create(gaps, ignore_conflicts=True)
        _save(
            check,
            cursor=page.cursor,
            listed_until=until,
            edge=edge_of(page.rows, check.edge),
            listed=check.listed + len({row.key for row in fresh}),
            counts=sums.counts,
            money=sums.money,
            problem="",
            phase=Phase.LISTING if page.cursor else Phase.FETCHING,
        )
    return True


def _fetch(check: GapCheck, connector: Connector) -> bool:
    if removed.ask_after(check, connector):
        _save(check)
        return True
    waiting = check.gaps.filter(fetched_at=None, problem="")
    handful = list(waiting.select_related("flow__source")[:HANDFUL])
    for gap in handful:
        _fetch_one(gap, connector)
    _save(check, phase=Phase.FETCHING if handful else Phase.SETTLING)
    return True


def _fetch_one(gap: Gap, connector: Connector) -> None:
    """Fetch one object; one that cannot be had stops no other."""
    try:
        fetch(gap, connector)
    except (AccessRefused, LimitReached, TemporaryError):
        raise
    except ConnectorError as error:
        note_problem(gap, str(error))


def _settle(check: GapCheck, connector: Connector) -> bool:
    """Wait until what was handed in was read, then close the sum."""
    listed = check.gaps.exclude(kind=Gap.Kind.REMOVED)
    gaps = list(listed.select_related("flow__source"))
    if _is_being_read(check, gaps):
        _save(check, try_at=database_time() + LOOK_AGAIN)
        return False
    sums = Sums(check.counts, check.money)
    missing = _close(check, gaps, sums)
    for gap in removed.removed_of(check):
        sums.count("removed", gap.amount, gap.currency)
    with transaction.atomic():
        _save(
            check,
            phase=Phase.DONE,
            ended_at=database_time(),
            counts=sums.counts,
            money=sums.money,
        )
        if check.day:
            certifying.certify(check, sums, _found(check, gaps))
        elif not check.is_asked_by_key:
            _note_swept(check)
    telling.tell_done(check, gaps, missing)
    return False


def _is_being_read(check: GapCheck, gaps: list[Gap]) -> bool:
    if database_time() - check.phase_at > LONGEST_READING:
        return False
    handed_in = [gap for gap in gaps if gap.fetched_at and not gap.is_gone]
    return InboxEvent.State.RECEIVED in _deliveries(check, handed_in).values()


def _deliveries(check: GapCheck, gaps: list[Gap]) -> dict[str, str]:
    """Return how the deliveries stand by which these were handed in."""
    events = InboxEvent.objects.filter(
        connection=check.flow.source, delivery_id__in=[id_of(gap) for gap in gaps]
    )
    return dict(events.values_list("delivery_id", "state"))


def _close(check: GapCheck, gaps: list[Gap], sums: Sums) -> list[Gap]:
    """Count what was lacking by where it is now; return what still is missing.

    What is held older than the source has it is missing, too: its newer version is
    not in the ledger.
    """
    records = records_of(check.flow, [gap.source_key for gap in gaps])
    lacking = [
        gap
        for gap in gaps
        if lacks(check.flow, records.get(gap.source_key), gap.changed_at)
    ]
    parts = _parts_of(check, lacking)
    for gap in gaps:
        if gap.pk in parts:
            sums.count(parts[gap.pk], gap.amount, gap.currency)
        else:
            count_record(sums, records[gap.source_key])
    return [gap for gap in lacking if parts[gap.pk] == "missing"]


def _parts_of(check: GapCheck, lacking: list[Gap]) -> dict[int, str]:
    """Return where each is that the ledger lacks: gone, in our inbox, or missing."""
    states, parts = _deliveries(check, lacking), {}
    for gap in lacking:
        parts[gap.pk] = READ_AS.get(states.get(id_of(gap), ""), "missing")
        if gap.is_gone:
            parts[gap.pk] = "gone"
    return parts


def _found(check: GapCheck, gaps: list[Gap]) -> dict[str, int]:
    """Count what the sweeps found of this day, now and before."""
    mine = {gap.source_key for gap in gaps if gap.kind == Gap.Kind.MISSING}
    before = Gap.objects.filter(
        flow=check.flow,
        kind=Gap.Kind.MISSING,
        changed_at__gte=check.since,
        changed_at__lt=check.until,
    ).exclude(check_of=check)
    keys = set(before.values_list("source_key", flat=True)) - mine
    return {
        "found": len(mine),
        "behind": sum(gap.kind == Gap.Kind.BEHIND for gap in gaps),
        "fetched": sum(bool(gap.fetched_at) and not gap.is_gone for gap in gaps),
        "found_before": len(keys),
    }


def _note_swept(check: GapCheck) -> None:
    """Everything that changed until then was compared; never go back."""
    mine = FlowRhythm.objects.filter(flow=check.flow)
    behind = mine.exclude(swept_until__gte=check.until)
    behind.update(swept_until=check.until)
