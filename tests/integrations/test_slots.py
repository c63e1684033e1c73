import threading
import time

import pytest
from django.db import connections

from integrations.connectors.errors import LimitReached
from integrations.models import Connection, Slot
from integrations.sync import slots


@pytest.fixture
def account(transactional_db):
    return Connection.objects.create(
        name="Account",
        slug="account",
        system="netsuite",
        account_id="1",
        namespace="n",
        auth_method="tba",
        allowance=3,
    )


def test_no_more_slots_than_the_allowance_are_given_out(account):
    first = slots.take(account, "a", 2, 20)
    second = slots.take(account, "b", 5, 20)
    assert [held.number for held in first + second] == [1, 2, 3]
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
