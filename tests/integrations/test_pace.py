from datetime import timedelta

import pytest

from errorqueue.clock import database_time
from errorqueue.workbench import seconds_for
from integrations.models import Connection, SlotMinute


@pytest.fixture
def target(db):
    return Connection.objects.create(
        name="NetSuite", slug="ns", system="netsuite", namespace="ns", allowance=5
    )


def test_the_calls_of_the_last_day_and_the_slots_tell_how_long_it_takes(target):
    minute = database_time() - timedelta(hours=1)
    SlotMinute.objects.create(
        connection=target, minute=minute, calls=100, busy_ms=30_000
    )
    # 2 calls of 0.3 s each over 5 slots, 500 times.
    assert seconds_for({"NetSuite": 500}) == pytest.approx(60)
    Connection.objects.update(learnt=1)
    assert seconds_for({"NetSuite": 500}) == pytest.approx(300)


def test_without_calls_nobody_guesses(target):
    old = database_time() - timedelta(days=2)
    SlotMinute.objects.create(connection=target, minute=old, calls=9, busy_ms=900)
    assert seconds_for({"NetSuite": 500}) is None
    assert seconds_for({"": 3}) is None
