from datetime import UTC, datetime, timedelta

import pytest
from django_q.models import OrmQ, Task

from integrations import tasks
from integrations.management import group as supervised
from integrations.models import (
    GENERATION,
    SyncRecord,
    WorkerGroup,
    may_write,
    ring_inbox,
)
from integrations.sync import clusters, pruning

NOW = datetime.now(UTC)
SECOND = timedelta(seconds=1)


def group(**ago):
    """A worker group whose times lie so many seconds back."""
    times = {name: NOW - seconds * SECOND for name, seconds in ago.items()}
    return WorkerGroup(generation="g", host="vm", pid=1, **times)


@pytest.mark.parametrize(
    ("ago", "awake", "hung"),
    [
        ({"started_at": 500, "canary_at": 29}, 400, False),
        ({"started_at": 500, "canary_at": 31}, 400, True),
        ({"started_at": 500, "canary_at": 60, "busy_at": 5}, 400, False),
        ({"started_at": 500, "canary_at": 60, "busy_at": 31}, 400, True),
        ({"started_at": 49}, 400, False),
        ({"started_at": 51}, 400, True),
        ({"started_at": 500, "canary_at": 300}, 5, False),
    ],
)
def test_f06_a_cluster_is_hung_when_an_idle_worker_does_not_sing(ago, awake, hung):
    assert clusters.is_hung(group(**ago), NOW, NOW - awake * SECOND) is hung


@pytest.fixture
def generation(db, monkeypatch):
    generation = clusters.begin()
    monkeypatch.setenv(GENERATION, generation)
    return generation


def test_a_canary_sings_for_its_own_cluster_and_is_not_sent_twice(generation):
    assert clusters.ring_canary(generation)
    assert OrmQ.objects.get().key == generation
    assert not clusters.ring_canary(generation)
    tasks.sing()
    assert WorkerGroup.objects.get(pk=generation).canary_at


def test_a_canary_that_was_never_acknowledged_is_followed_by_no_other(generation):
    clusters.ring_canary(generation)
    tasks.sing()
    WorkerGroup.objects.update(canary_rung_at=NOW - 60 * SECOND)
    assert not clusters.ring_canary(generation)
    clusters.forget_canaries(generation)
    assert clusters.ring_canary(generation)


def test_f07_nothing_of_a_cluster_declared_dead_may_write(generation):
    assert WorkerGroup.objects.filter(may_write()).exists()
    clusters.end(generation, "Stood still; started again")
    assert not SyncRecord.objects.filter(may_write()).exists()
    assert not WorkerGroup.objects.filter(may_write()).exists()
    assert not clusters.note_seen(generation)


def test_f07_a_group_without_sign_of_life_is_declared_dead(generation, settings):
    other = clusters.begin()
    long_ago = NOW - (settings.LEASE_SECONDS * 3 + 1) * SECOND
    WorkerGroup.objects.update(seen_at=long_ago)
    assert clusters.end_silent(but=generation) == 1
    assert WorkerGroup.objects.get(pk=other).end_reason == "No sign of life"
    assert clusters.note_seen(generation)


def test_pruning_keeps_what_is_young_or_alive(generation):
    clusters.ring_canary(generation)
    OrmQ.objects.create(key="f" * 32, payload="", lock=NOW)
    OrmQ.objects.create(key="waybill", payload="", lock=NOW)
    old = clusters.begin()
    clusters.end(old, "Stopped on purpose")
    WorkerGroup.objects.filter(pk=old).update(ended_at=NOW - timedelta(days=31))
    for days in (1, 8):
        at = NOW - timedelta(days=days)
        Task.objects.create(id=str(days), name="t", func="f", started=at, stopped=at)
    assert pruning.prune() == 3
    assert {task.key for task in OrmQ.objects.all()} == {generation, "waybill"}
    assert WorkerGroup.objects.count() == Task.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_f15_wake_ups_that_died_with_a_cluster_are_rung_again_at_once():
    generation = clusters.begin()
    ring_inbox()
    OrmQ.objects.all().delete()
    ring_inbox()
    assert not OrmQ.objects.exists()
    clusters.end(generation, "killed")
    ring_inbox()
    assert OrmQ.objects.count() == 1


def test_what_a_dead_cluster_held_is_free_before_its_leases_end(orders, enter):
    lease = datetime.now(UTC) + timedelta(minutes=5)
    for name in ("vm:7:aaaaaaaa", "vm:8:bbbbbbbb"):
        enter(orders, name, state="running", worker=name, lease_until=lease)
    assert clusters.let_go(":aaaaaaaa") == 1
    [free] = SyncRecord.objects.filter(lease_until__lt=lease)
    assert free.worker == "vm:7:aaaaaaaa"


def test_a_long_pass_gives_one_sign_of_life_a_second(generation, monkeypatch):
    tick, told = [100.0], []
    monkeypatch.setattr(supervised.time, "monotonic", lambda: tick[0])
    monkeypatch.setattr(supervised.clusters, "note_seen", told.append)
    watched = supervised.Group()
    watched.generation = generation
    for _ in range(20):
        watched.note_seen()
        tick[0] += 0.1
    assert told == [generation] * 2
