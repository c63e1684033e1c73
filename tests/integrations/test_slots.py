import threading
import time
from datetime import timedelta

import pytest
from django.db import connections

from errorqueue.clock import database_time
from integrations.connectors.errors import LimitReached
from integrations.models import (
    Connection,
    Limits,
    Slot,
    SlotMinute,
    SlotWait,
    limits_of,
)
from integrations.sync import allowance, slots
from integrations.sync.slot_pool import SlotPool

BULK = "bulk"


def numbers(held):
    return [slot.number for slot in held]


def pass_time(account, seconds):
    Connection.objects.filter(pk=account.pk).update(
        learnt_at=database_time() - timedelta(seconds=seconds)
    )
    account.refresh_from_db()


def test_no_more_slots_than_the_allowance_are_given_out(account):
    first = slots.take(account, "a", 2, 20)
    second = slots.take(account, "b", 5, 20)
    assert sorted(held.number for held in first + second) == [1, 2, 3]
    assert slots.take(account, "c", 1, 20) == []


def test_a_slot_given_back_is_free_at_once(account):
    [held] = slots.take(account, "a", 1, 20)
    slots.give_back(held)
    assert Slot.objects.get(number=held.number).holder == ""
    assert len(slots.take(account, "b", 3, 20)) == 3


def test_a_dead_holders_slot_is_free_after_its_lease(account):
    [held] = slots.take(account, "dead", 1, 0.05)
    time.sleep(0.1)
    taken = slots.take(account, "next", 3, 20)
    assert held.number in [one.number for one in taken]
    assert slots.renew(held, 20) is False


def test_no_request_passes_on_a_slot_whose_lease_has_ended(account):
    [held] = slots.take(account, "a", 1, 0.01)
    time.sleep(0.02)
    with pytest.raises(LimitReached), held.gate():
        raise AssertionError("a request left without a slot")


def test_a_smaller_allowance_leaves_the_higher_slots_unused(account):
    slots.take(account, "a", 3, 0)
    account.allowance = 1
    account.save()
    assert [held.number for held in slots.take(account, "b", 3, 20)] == [1]


def test_twenty_threads_never_hold_more_than_the_allowance_together(account):
    holding, most, lock = [], [], threading.Lock()

    def work() -> None:
        try:
            for _ in range(5):
                try:
                    with slots.one_request(account):
                        with lock:
                            holding.append(1)
                            most.append(len(holding))
                        time.sleep(0.005)
                        with lock:
                            holding.pop()
                except LimitReached:
                    continue
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 < max(most) <= 3
    assert not Slot.objects.exclude(lease_until=None).exists()


def test_f56_bulk_work_never_takes_a_reserved_slot(account):
    assert numbers(slots.take(account, "stock", 3, 20, BULK)) == [1, 2]
    assert numbers(slots.take(account, "orders", 3, 20)) == [3]


def test_orders_take_the_reserve_first_and_leave_the_rest_to_bulk(account):
    assert numbers(slots.take(account, "orders", 1, 20)) == [3]
    assert numbers(slots.take(account, "stock", 3, 20, BULK)) == [1, 2]


def test_a_reserve_never_stops_bulk_work_for_good(account):
    account.allowance, account.reserve = 1, 5
    account.save()
    assert limits_of(account) == Limits(1, 1)
    assert numbers(slots.take(account, "stock", 3, 20, BULK)) == [1]


def test_f37_a_refusal_shrinks_the_limit_by_one_a_second_at_most(account):
    assert allowance.shrink(account.pk)
    assert not allowance.shrink(account.pk)
    account.refresh_from_db()
    assert limits_of(account).limit == 2
    assert len(slots.take(account, "a", 3, 20)) == 2


def test_f37_the_limit_never_falls_below_one(account):
    for _ in range(5):
        allowance.shrink(account.pk)
        pass_time(account, 2)
    assert limits_of(account) == Limits(1, 1)


def test_f37_each_quiet_minute_gives_one_slot_back_until_all_are_in_use(account):
    Connection.objects.filter(pk=account.pk).update(learnt=1)
    pass_time(account, 30)
    allowance.grow(account.pk)
    account.refresh_from_db()
    assert account.learnt == 1
    pass_time(account, 61)
    allowance.grow(account.pk)
    allowance.grow(account.pk)
    account.refresh_from_db()
    assert account.learnt == 2
    pass_time(account, 61)
    allowance.grow(account.pk)
    account.refresh_from_db()
    assert (account.learnt, account.learnt_at) == (None, None)


def test_refusals_are_counted_by_the_minute(account):
    allowance.refuse(account)
    allowance.refuse(account)
    allowance.count_minute(account.pk, 3, 0.9)
    rows = SlotMinute.objects.values_list("calls", "busy_ms", "refused")
    assert [sum(column) for column in zip(*rows, strict=True)] == [3, 900, 2]


def test_a_page_that_waits_says_so_and_takes_the_first_free_slot(account):
    held = slots.take(account, "drain", 3, 20)
    passed = threading.Event()

    def page():
        try:
            with slots.one_request(account):
                passed.set()
        finally:
            connections.close_all()

    waiting = threading.Thread(target=page)
    waiting.start()
    for _ in range(100):
        if slots.count_waiting(account):
            break
        time.sleep(0.02)
    assert slots.count_waiting(account) == 1
    slots.give_back(held[0])
    waiting.join(5)
    assert passed.is_set()
    assert not SlotWait.objects.exists()


def test_the_lease_of_a_long_call_of_a_page_is_kept(account, settings):
    settings.LEASE_SECONDS = 0.4
    with slots.one_request(account):
        time.sleep(0.7)
        assert slots.free_slots(account, 3).count() == 2


def test_a_pool_lends_reserved_slots_to_orders_only(account):
    pool = SlotPool(limits_of(account))
    pool.add(slots.take(account, "d", 3, 20))
    now, later = time.monotonic(), time.monotonic() + 5
    with pool.lend(True, later), pool.lend(True, later):
        with pytest.raises(slots.SlotLost), pool.lend(True, now + 0.05):
            raise AssertionError("bulk work took the reserve")
        with pool.lend(False, later):
            pass


def test_a_pool_uses_no_slot_above_a_smaller_limit(account):
    pool = SlotPool(limits_of(account))
    pool.add(slots.take(account, "d", 3, 20))
    pool.keep(Limits(2, 1))
    assert numbers(pool.aside()) == [3]
    assert pool.size == 2


def test_a_pool_gives_up_slots_but_never_its_last(account):
    pool = SlotPool(limits_of(account))
    pool.add(slots.take(account, "d", 3, 20))
    pool.give_up(5)
    assert len(pool.aside()) == 2
    assert pool.size == 1


def test_no_request_passes_on_a_pool_whose_leases_have_ended(account):
    pool = SlotPool(limits_of(account))
    pool.add(slots.take(account, "d", 3, 0))
    with pytest.raises(slots.SlotLost), pool.lend(False, time.monotonic() + 5):
        raise AssertionError("a request left without a slot")
