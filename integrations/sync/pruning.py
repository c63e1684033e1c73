"""Clears away what nobody needs any more. Ledger, audit and error queue stay."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django_q.models import OrmQ, Task

from errorqueue import notices
from errorqueue.clock import database_time
from errorqueue.models import BulkItem, BulkRun
from integrations.models import (
    Backfill,
    BackfillItem,
    FlowHour,
    Gap,
    GapCheck,
    GapSweep,
    Match,
    MatchItem,
    PrivacyPart,
    ScheduleSlot,
    SlotMinute,
    SlotWait,
    WorkerGroup,
)
from integrations.sync.rhythm.counting import LOOKED_BACK
from integrations.sync.stopping import is_stopping

BATCH = 1000
TASKS_KEPT = timedelta(days=7)
GROUPS_KEPT = timedelta(days=30)
SCHEDULE_SLOTS_KEPT = timedelta(days=90)
SLOT_MINUTES_KEPT = timedelta(days=7)
SLOT_WAITS_KEPT = timedelta(hours=1)
NOTICES_KEPT = timedelta(days=30)
# Comparisons that found something; certificates stay for good.
SWEEPS_KEPT = timedelta(days=90)
# What a pre-flight said of each line: every night notes as many as there are open.
PREFLIGHTS_KEPT = timedelta(days=7)
CLEAN_SWEEPS_KEPT = timedelta(days=2)
BACKFILLS_KEPT = timedelta(days=365)


def prune() -> int:
    """Delete what is old, in small transactions; return how many rows.

    Ends when its time is up, long before the queue would end its worker; the rest
    goes the next time.
    """
    ends_at = time.monotonic() + settings.DRAIN_SECONDS
    return sum(_delete(old, ends_at) for old in _old())


def _old() -> Iterator[QuerySet[Any]]:
    now = database_time()
    yield Task.objects.filter(stopped__lt=now - TASKS_KEPT)
    yield _nobodys_tasks()
    yield WorkerGroup.objects.filter(ended_at__lt=now - GROUPS_KEPT)
    old_slots = ScheduleSlot.objects.filter(due_at__lt=now - SCHEDULE_SLOTS_KEPT)
    # The newest of each schedule stays: it is what tells that its time was used.
    newer = ScheduleSlot.objects.filter(
        schedule=OuterRef("schedule"), due_at__gt=OuterRef("due_at")
    )
    yield old_slots.filter(Exists(newer)).exclude(state=ScheduleSlot.State.STARTED)
    yield SlotMinute.objects.filter(minute__lt=now - SLOT_MINUTES_KEPT)
    yield SlotWait.objects.filter(until__lt=now - SLOT_WAITS_KEPT)
    yield notices.old(now - NOTICES_KEPT)
    looks = BulkRun.objects.filter(verb=BulkRun.Verb.PREFLIGHT)
    old_looks = looks.filter(ended_at__lt=now - PREFLIGHTS_KEPT)
    yield BulkItem.objects.filter(run__in=old_looks, state=BulkItem.State.DONE)
    yield PrivacyPart.objects.filter(request__file_until__lt=now)
    yield FlowHour.objects.filter(hour__lt=now - LOOKED_BACK)
    yield GapSweep.objects.filter(asked_at__lt=now - SWEEPS_KEPT)
    yield _clean_sweeps(now - CLEAN_SWEEPS_KEPT)
    old_fills = Backfill.objects.filter(made_at__lt=now - BACKFILLS_KEPT, try_at=None)
    yield BackfillItem.objects.filter(backfill__in=old_fills)
    yield old_fills
    old_matches = Match.objects.filter(made_at__lt=now - BACKFILLS_KEPT, try_at=None)
    yield MatchItem.objects.filter(match__in=old_matches)
    yield old_matches


def _clean_sweeps(before: datetime) -> QuerySet[Any]:
    """The looks of every quarter of an hour that found nothing."""
    checks = GapCheck.objects.filter(sweep=OuterRef("pk"))
    found = Gap.objects.filter(check_of__sweep=OuterRef("pk"))
    recent = GapSweep.objects.filter(kind=GapSweep.Kind.RECENT, asked_at__lt=before)
    return recent.exclude(Exists(checks.filter(ended_at=None))).exclude(Exists(found))


def _nobodys_tasks() -> QuerySet[Any]:
    """Canaries of clusters that are dead: no worker will ever take them."""
    alive = WorkerGroup.objects.filter(ended_at=None).values("pk")
    return OrmQ.objects.exclude(key=settings.Q_CLUSTER["name"]).exclude(key__in=alive)


def _delete(old: QuerySet[Any], ends_at: float) -> int:
    count = 0
    while not is_stopping() and time.monotonic() < ends_at:
        batch = list(old.order_by().values_list("pk", flat=True)[:BATCH])
        if not batch:
            break
        count += len(batch)
        old.model._default_manager.filter(pk__in=batch).delete()
    return count
