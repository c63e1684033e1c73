from datetime import timedelta
from threading import Thread

from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from errorqueue.clock import database_time
from integrations.models import GENERATION, Connection, Flow, SyncRecord, WorkerGroup
from integrations.sync.sweeper import free_left_behind

LEASE = timedelta(seconds=20)
State = SyncRecord.State


def claim(account, limit=20, **more):
    return SyncRecord.objects.claim(account, "w", limit, LEASE, **more)


def keys(records):
    return [record.source_key for record in records]


def lapse(*records):
    ended = database_time() - timedelta(seconds=1)
    SyncRecord.objects.filter(pk__in=[record.pk for record in records]).update(
        lease_until=ended
    )


def test_the_oldest_is_claimed_first_across_flows_of_one_rank(
    account, orders, make_flow, enter
):
    refunds = make_flow("refunds")
    enter(orders, "new", age=1)
    enter(refunds, "old", age=60)
    enter(orders, "middle", age=30)
    assert keys(claim(account, 2)) == ["old", "middle"]
    assert keys(claim(account)) == ["new"]


def test_f56_orders_go_before_catalogue_work_however_old(account, orders, bulk, enter):
    enter(bulk, "stock 1", "stock 2", age=3600)
    enter(orders, "order", age=1)
    assert keys(claim(account, 2)) == ["order", "stock 1"]


def test_within_a_lane_the_lower_priority_number_goes_first(account, make_flow, enter):
    enter(make_flow("later", priority=7), "later", age=60)
    enter(make_flow("sooner", priority=2), "sooner", age=1)
    assert keys(claim(account)) == ["sooner", "later"]


def test_bulk_takes_no_more_than_its_room(account, orders, bulk, enter):
    enter(bulk, "a", "b", "c")
    enter(orders, "order")
    assert keys(claim(account, 10, bulk=1)) == ["order", "a"]
    assert keys(claim(account, 10, bulk=0)) == []


def test_what_is_not_due_or_not_wanted_is_left(account, orders, enter):
    enter(orders, "later", age=-60)
    [due] = enter(orders, "due")
    Flow.objects.update(is_enabled=False)
    assert claim(account) == []
    Flow.objects.update(is_enabled=True)
    Connection.objects.update(state=Connection.State.PAUSED)
    assert claim(account) == []
    Connection.objects.update(state=Connection.State.READY, probe_at=database_time())
    assert claim(account) == []
    Connection.objects.update(probe_at=None)
    assert claim(account) == [due]


def test_the_copy_in_hand_tells_what_the_row_tells(account, orders, enter):
    enter(orders, "1")
    [mine] = claim(account)
    row = SyncRecord.objects.get()
    for name in ("state", "token", "crashes", "worker", "lease_until", "source"):
        assert getattr(mine, name) == getattr(row, name)
    assert (row.state, row.token, row.crashes, row.claimed_version) == (
        State.RUNNING,
        1,
        1,
        1,
    )


def test_a_batch_costs_as_many_queries_as_one_record(account, orders, enter):
    enter(orders, *map(str, range(30)))
    with CaptureQueriesContext(connection) as one:
        claim(account, 1)
    with CaptureQueriesContext(connection) as twenty:
        assert len(claim(account, 20)) == 20
    assert len(twenty) == len(one)


def test_two_workers_never_get_the_same_record(account, orders, enter):
    enter(orders, *map(str, range(40)))
    taken = []

    def work():
        try:
            while batch := claim(account, 3):
                taken.extend(keys(batch))
        finally:
            connections.close_all()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    left = keys(claim(account))  # a look may miss what another held locked
    assert sorted(taken + left) == sorted(map(str, range(40)))


def test_f03_a_record_whose_worker_died_once_goes_among_the_others(
    account, orders, enter
):
    enter(orders, "1", "2")
    lost, _ = claim(account)
    lapse(lost)
    assert SyncRecord.objects.claim_suspect(account, "w2", LEASE) is None
    free_left_behind()
    [again] = claim(account)
    assert (again, again.token, again.crashes) == (lost, 2, 2)
    assert not lost.charge()


def test_f08_a_record_that_two_workers_died_of_becomes_a_suspect(
    account, orders, enter
):
    enter(orders, "1", crashes=1)
    [lost] = claim(account)
    assert SyncRecord.objects.claim_suspect(account, "w2", LEASE) is None
    lapse(lost)
    assert claim(account) == []
    suspect = SyncRecord.objects.claim_suspect(account, "w2", LEASE)
    assert suspect == lost
    assert (suspect.token, suspect.crashes) == (2, 2)
    assert suspect.charge()
    assert SyncRecord.objects.get().crashes == 3
    assert not lost.charge()


def test_f08_the_innocent_go_before_the_poison(account, orders, enter):
    poison, neighbour = enter(orders, "poison", "neighbour")
    claim(account)
    lapse(poison, neighbour)
    SyncRecord.objects.filter(pk=poison.pk).update(crashes=3)
    SyncRecord.objects.filter(pk=neighbour.pk).update(crashes=2)
    assert SyncRecord.objects.claim_suspect(account, "w", LEASE) == neighbour


def test_f08_a_waiting_record_that_was_charged_is_laid_aside_for_a_run_alone(
    account, orders, enter
):
    suspect, fresh = enter(orders, "suspect", "fresh")
    SyncRecord.objects.filter(pk=suspect.pk).update(crashes=2)
    assert claim(account) == [fresh]
    taken = SyncRecord.objects.claim_suspect(account, "w", LEASE)
    assert (taken, taken.crashes) == (suspect, 2)


def test_what_was_not_begun_is_given_back_uncharged(account, orders, enter):
    enter(orders, "1")
    [record] = claim(account)
    record.give_back()
    row = SyncRecord.objects.get()
    assert (row.state, row.crashes, row.worker) == (State.WAITING, 0, "")
    [again] = claim(account)
    record.give_back()  # a late worker changes nothing
    row.refresh_from_db()
    assert (row.state, row.token) == (State.RUNNING, again.token)


def test_a_suspect_given_back_stays_a_suspect(account, orders, enter):
    enter(orders, "1", crashes=1)
    lapse(*claim(account))
    suspect = SyncRecord.objects.claim_suspect(account, "w", LEASE)
    suspect.give_back(charge=0)
    assert SyncRecord.objects.claim_suspect(account, "w", LEASE).crashes == 2


def test_a_worker_of_a_dead_group_claims_nothing(account, orders, enter, monkeypatch):
    now = database_time()
    group = WorkerGroup.objects.create(
        generation="g1", host="h", pid=1, started_at=now, seen_at=now
    )
    first, _ = enter(orders, "1", "2")
    monkeypatch.setenv(GENERATION, "g1")
    assert claim(account, 1) == [first]
    lapse(first)
    WorkerGroup.objects.filter(pk=group.pk).update(ended_at=now)
    assert claim(account) == []
    assert SyncRecord.objects.claim_suspect(account, "w", LEASE) is None
