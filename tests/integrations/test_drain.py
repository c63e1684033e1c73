import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event, Lock, Thread

import pytest
from django.db import (
    InterfaceError,
    OperationalError,
    connection,
    connections,
    transaction,
)

from errorqueue.clock import database_time
from integrations.models import Bell, Connection, Flow, Slot, SlotMinute, SyncRecord
from integrations.sync import drain as drain_module
from integrations.sync import returns, slots
from integrations.sync.drain import Drain, Passage, drain
from integrations.sync.heartbeat import renew_records

State = SyncRecord.State
A_DAY_AHEAD = datetime.now(UTC) + timedelta(days=1)
pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Vendor:
    """Stands for the delivery of a record: one call of so many seconds."""

    seconds: float = 0.02
    lock: Lock = field(default_factory=Lock)
    in_flight: list = field(default_factory=list)
    most: int = 0
    order: list = field(default_factory=list)
    beside: dict = field(default_factory=dict)
    broken: str = ""

    def run(self, record, gate, desk):
        key = record.source_key
        if key == self.broken:
            raise ValueError("broken")
        with gate():
            with self.lock:
                self.in_flight.append(key)
                self.order.append(key)
                self.most = max(self.most, len(self.in_flight))
                for one in self.in_flight:
                    others = {other for other in self.in_flight if other != one}
                    self.beside.setdefault(one, set()).update(others)
            time.sleep(self.seconds)
            with self.lock:
                self.in_flight.remove(key)
        record.settle(State.DELIVERED)


@pytest.fixture
def vendor(monkeypatch):
    vendor = Vendor()
    monkeypatch.setattr(drain_module, "run", vendor.run)
    return vendor


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(drain_module, "LOOK_SECONDS", 0.1)


def in_background(work, *arguments):
    def live():
        try:
            work(*arguments)
        finally:
            connections.close_all()

    thread = Thread(target=live)
    thread.start()
    return thread


def states():
    return set(SyncRecord.objects.values_list("state", flat=True))


def left_behind(records, **columns):
    SyncRecord.objects.filter(pk__in=[record.pk for record in records]).update(
        state=State.RUNNING,
        lease_until=database_time() - timedelta(seconds=1),
        crashes=2,
        **columns,
    )


def test_everything_due_is_delivered_and_every_slot_is_given_back(
    account, orders, enter, vendor
):
    enter(orders, *map(str, range(30)))
    assert drain(account.pk) == 30
    assert states() == {State.DELIVERED}
    assert vendor.most == 3
    assert not Slot.objects.exclude(lease_until=None).exists()
    minutes = SlotMinute.objects.values_list("calls", flat=True)
    assert sum(minutes) == 30


def test_two_drains_never_have_more_in_flight_than_the_allowance(
    account, orders, enter, vendor
):
    enter(orders, *map(str, range(40)))
    threads = [in_background(drain, account.pk) for _ in range(3)]
    for thread in threads:
        thread.join()
    drain(account.pk)
    assert vendor.most <= 3
    assert states() == {State.DELIVERED}
    assert len(vendor.order) == 40


def test_f56_an_order_that_comes_late_passes_the_catalogue(
    account, orders, bulk, enter, vendor
):
    enter(bulk, *(f"stock {number}" for number in range(30)), age=600)
    working = in_background(drain, account.pk)
    while len(vendor.order) < 4:
        time.sleep(0.005)
    enter(orders, "order", age=1)
    working.join()
    assert vendor.order.index("order") < 20
    assert len(vendor.order) == 31


def test_f56_catalogue_work_leaves_the_reserve_free(account, bulk, enter, vendor):
    enter(bulk, *map(str, range(12)))
    drain(account.pk)
    assert vendor.most == 2
    assert states() == {State.DELIVERED}


def test_f08_records_that_two_workers_died_of_run_alone(account, orders, enter, vendor):
    suspects = enter(orders, "a", "b", "c")
    left_behind(suspects)
    enter(orders, *map(str, range(10)))
    drain(account.pk)
    assert states() == {State.DELIVERED}
    assert [vendor.beside[key] for key in "abc"] == [set(), set(), set()]
    assert set(SyncRecord.objects.values_list("crashes", flat=True)) == {0}


def test_f08_a_running_drain_sees_a_new_suspect_and_runs_it_alone(
    account, orders, enter, vendor
):
    vendor.seconds = 0.05
    enter(orders, *map(str, range(40)))
    [late] = enter(orders, "late", age=-600)
    working = in_background(drain, account.pk)
    while len(vendor.order) < 4:
        time.sleep(0.005)
    left_behind([late])
    working.join()
    assert vendor.beside["late"] == set()
    assert vendor.order.index("late") < 30
    assert states() == {State.DELIVERED}


def test_a_stop_lets_calls_end_and_gives_the_rest_back(
    account, orders, enter, vendor, monkeypatch
):
    enter(orders, *map(str, range(30)))
    monkeypatch.setattr(drain_module, "is_stopping", lambda: len(vendor.order) >= 3)
    monkeypatch.setattr(vendor, "seconds", 0.05)
    drain(account.pk)
    assert vendor.in_flight == []
    unbegun = SyncRecord.objects.filter(state=State.WAITING)
    assert unbegun.count() >= 20
    assert set(unbegun.values_list("crashes", "worker")) == {(0, "")}
    assert not Slot.objects.exclude(lease_until=None).exists()


def test_a_drain_whose_time_is_up_rings_for_the_next(
    account, orders, enter, vendor, settings
):
    settings.DRAIN_SECONDS = 0.1
    enter(orders, *map(str, range(60)))
    assert 0 < drain(account.pk) < 60
    assert Bell.objects.get(lane=f"deliver:{account.pk}").rung_at is not None
    assert states() == {State.DELIVERED, State.WAITING}


def test_a_fault_of_ours_stops_no_neighbour(account, orders, enter, vendor):
    vendor.broken = "3"
    enter(orders, *map(str, range(10)))
    drain(account.pk)
    assert SyncRecord.objects.filter(state=State.DELIVERED).count() == 9
    assert SyncRecord.objects.get(source_key="3").state == State.RUNNING


def test_a_page_gets_a_slot_while_orders_fill_them_all(account, orders, enter, vendor):
    vendor.seconds = 0.05
    enter(orders, *map(str, range(60)))
    working = in_background(drain, account.pk)
    while len(vendor.order) < 4:
        time.sleep(0.005)
    with slots.one_request(account):
        assert len(vendor.order) < 55
    working.join()
    assert states() == {State.DELIVERED}
    assert vendor.most <= 3


def test_a_drain_ends_when_its_connection_is_paused(account, orders, enter, vendor):
    enter(orders, *map(str, range(60)))
    working = in_background(drain, account.pk)
    while len(vendor.order) < 4:
        time.sleep(0.005)
    Connection.objects.update(state=Connection.State.PAUSED)
    working.join()
    assert State.WAITING in states()


def test_other_work_that_waits_for_a_worker_ends_a_drain(
    account, orders, enter, vendor, monkeypatch
):
    monkeypatch.setattr(drain_module, "MAKE_WAY_AFTER", 0.0)
    monkeypatch.setattr(drain_module.random, "random", lambda: 0.0)
    rung = database_time() - timedelta(seconds=4)
    Bell.objects.create(lane="inbox", rung_at=rung)
    vendor.seconds = 0.05
    enter(orders, *map(str, range(60)))
    assert drain(account.pk) < 60


def test_the_last_slot_lost_sends_no_request(account, orders, enter, vendor):
    enter(orders, "1")
    Flow.objects.update(lane=Flow.Lane.BULK)
    held = slots.take(account, "another", 3, 20)
    assert drain(account.pk) == 0
    assert vendor.order == []
    slots.give_back(held[-1])
    assert drain(account.pk) == 1


def test_f23_a_row_that_somebody_locked_keeps_no_other_lease_from_its_renewal(
    account, orders, enter
):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite locks no single row.")
    enter(orders, "locked", "free")
    lease = timedelta(seconds=20)
    records = SyncRecord.objects.claim(account, "w", 2, lease)
    before = {record.source_key: record.lease_until for record in records}
    is_locked, may_go = Event(), Event()

    def hold():
        with transaction.atomic():
            list(SyncRecord.objects.select_for_update().filter(source_key="locked"))
            is_locked.set()
            may_go.wait(10)

    holder = in_background(hold)
    is_locked.wait(5)
    renew_records(records, 60)
    may_go.set()
    holder.join()
    after = dict(SyncRecord.objects.values_list("source_key", "lease_until"))
    assert after["free"] > before["free"] + timedelta(seconds=30)
    assert after["locked"] == before["locked"]
    assert all(record.good_until for record in records)


# What is in hand when the connection or the database goes away


def charged():
    return SyncRecord.objects.filter(crashes__gt=0).count()


@pytest.mark.parametrize(
    "change",
    [
        {"state": Connection.State.PAUSED},
        {"probe_at": A_DAY_AHEAD},
        {"limited_until": A_DAY_AHEAD},
    ],
    ids=["paused", "suspected", "limited"],
)
def test_f28_what_was_not_begun_goes_back_when_the_connection_is_not_to_be_used(
    account, orders, enter, vendor, change
):
    vendor.seconds = 1.0  # a thread for each slot, and more in hand behind them
    enter(orders, *map(str, range(30)))
    working = in_background(drain, account.pk)
    while len(vendor.order) < 3:
        time.sleep(0.005)
    assert SyncRecord.objects.filter(state=State.RUNNING).count() > 3
    Connection.objects.update(**change)
    working.join()
    begun = len(vendor.order)
    assert begun < 8  # which were in hand
    back = SyncRecord.objects.filter(state=State.WAITING)
    assert back.count() == 30 - begun
    assert set(back.values_list("crashes", "worker", "lease_until")) == {(0, "", None)}
    assert not Slot.objects.exclude(lease_until=None).exists()
    assert not SyncRecord.objects.has_due(account)


@pytest.mark.parametrize(
    "change",
    [{"held_at": A_DAY_AHEAD, "hold_kind": "person"}, {"is_enabled": False}],
    ids=["held", "off"],
)
def test_what_was_not_begun_goes_back_when_its_flow_is_stopped(
    account, orders, enter, vendor, change
):
    vendor.seconds = 1.0
    enter(orders, *map(str, range(30)))
    working = in_background(drain, account.pk)
    while len(vendor.order) < 3:
        time.sleep(0.005)
    Flow.objects.update(**change)
    working.join()
    begun = len(vendor.order)
    assert begun < 8  # which were in hand
    back = SyncRecord.objects.filter(state=State.WAITING)
    assert back.count() == 30 - begun
    assert set(back.values_list("crashes", "worker", "lease_until")) == {(0, "", None)}
    assert not SyncRecord.objects.has_due(account)


def test_a_record_in_hand_sends_nothing_once_its_flow_is_on_hold(
    account, orders, enter
):
    at_work = Drain(account)
    at_work.pool.add(slots.take(account, "w", 1, 20.0))
    [record] = enter(orders, "1")
    record.good_until, record.flow = time.monotonic() + 20, orders
    with at_work._gate(Passage(record)):
        pass  # so far it may be
    orders.held_at, orders.hold_kind = database_time(), Flow.Hold.BREAKER
    record.hold = SyncRecord.Hold.PROBE
    with at_work._gate(Passage(record)):
        pass  # a breaker lets its probes go
    for kind, hold in ((Flow.Hold.PERSON, "probe"), (Flow.Hold.BREAKER, "")):
        orders.hold_kind, record.hold = kind, hold
        with pytest.raises(slots.SlotLost), at_work._gate(Passage(record)):
            raise AssertionError("It was sent.")


@pytest.fixture
def away(monkeypatch, vendor):
    """A database that refuses the first so many tries to give back."""
    give_back, left = SyncRecord.give_back, [0]

    def refuse(record, *args):
        if left[0]:
            left[0] -= 1
            raise OperationalError("the database is starting up")
        give_back(record, *args)

    monkeypatch.setattr(SyncRecord, "give_back", refuse)
    monkeypatch.setattr(returns, "PAUSE_SECONDS", 0.01)
    return left


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_f17_a_record_that_the_database_let_nobody_begin_goes_back_uncharged(
    account, orders, enter, vendor, away, monkeypatch, error
):
    falls = {str(number): 2 for number in range(6)}

    def run(record, gate, desk):
        if falls[record.source_key]:
            falls[record.source_key] -= 1
            raise error("the line is gone")
        vendor.run(record, gate, desk)

    monkeypatch.setattr(drain_module, "run", run)
    enter(orders, *falls)
    away[0] = 3
    while SyncRecord.objects.exclude(state=State.DELIVERED).exists():
        drain(account.pk)
    assert sorted(vendor.order) == sorted(falls)
    assert charged() == 0


def test_f17_a_suspect_that_the_database_let_nobody_begin_is_not_charged_again(
    account, orders, enter, vendor, away, monkeypatch
):
    falls = [1, 1]

    def run(record, gate, desk):
        if falls:
            falls.pop()
            raise OperationalError("the line is gone")
        assert record.crashes == 3
        vendor.run(record, gate, desk)

    monkeypatch.setattr(drain_module, "run", run)
    left_behind(enter(orders, "feared"))
    away[0] = 2
    while SyncRecord.objects.exclude(state=State.DELIVERED).exists():
        drain(account.pk)
    assert vendor.order == ["feared"]


def test_a_record_whose_request_was_begun_keeps_its_charge(
    account, orders, enter, vendor, monkeypatch
):
    def run(record, gate, desk):
        with gate():
            pass
        raise OperationalError("the line is gone")

    monkeypatch.setattr(drain_module, "run", run)
    enter(orders, "sent")
    drain(account.pk)
    record = SyncRecord.objects.get()
    assert (record.state, record.crashes) == (State.RUNNING, 1)


def test_f08_a_record_whose_own_statements_are_refused_is_charged_in_the_end(
    account, orders, enter, vendor, monkeypatch
):
    tries = []

    def run(record, gate, desk):
        tries.append(record.source_key)
        raise OperationalError("canceling statement due to statement timeout")

    monkeypatch.setattr(drain_module, "run", run)
    enter(orders, "poison")
    drain(account.pk)
    assert len(tries) == returns.MOST_EXCUSES + 1
    assert charged() == 1


def test_f17_a_drain_that_loses_the_database_gives_back_what_it_has_not_begun(
    account, orders, enter, vendor, away, monkeypatch
):
    vendor.seconds = 0.1
    enter(orders, *map(str, range(30)))
    look = Drain._look_around

    def lost(self):
        if len(vendor.order) >= 3:
            raise OperationalError("server closed the connection unexpectedly")
        look(self)

    monkeypatch.setattr(Drain, "_look_around", lost)
    away[0] = 5
    with pytest.raises(OperationalError):
        drain(account.pk)
    assert states() == {State.DELIVERED, State.WAITING}
    assert charged() == 0
    assert not Slot.objects.exclude(lease_until=None).exists()


def test_f17_a_record_that_waits_again_after_its_lease_is_still_given_back_its_charge(
    account, orders, enter
):
    enter(orders, "freed", "claimed")
    lease = timedelta(seconds=20)
    freed, claimed = SyncRecord.objects.claim(account, "w", 2, lease)
    SyncRecord.objects.update(state=State.WAITING, worker="", lease_until=None)
    SyncRecord.objects.filter(pk=claimed.pk).update(token=claimed.token + 1)
    for record in (freed, claimed):
        record.give_back()
        record.refresh_from_db()
    assert (freed.crashes, claimed.crashes) == (0, 1)
    freed.give_back()
    freed.refresh_from_db()
    assert freed.crashes == 0
