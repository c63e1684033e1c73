"""What a delivery asks of the database, and what is kept between two of them."""

from contextlib import nullcontext

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from integrations.inbox import services as inbox
from integrations.models import SyncRecord
from integrations.sync import runner
from integrations.sync.desk import Desk
from tests.flows.test_protocol import LEASE, State, claimed, post_order, target

__all__ = ["claimed", "post_order", "target"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_delivery_asks_the_database_no_more_than_this(post_order, drain, target):
    for number in range(5020, 5023):
        post_order(number=number)
    while inbox.read_waiting():
        pass
    desk, asked = Desk(), []
    while found := SyncRecord.objects.claim(target, "w", 1, LEASE):
        with CaptureQueriesContext(database) as queries:
            runner.run(found[0], nullcontext, desk)
        asked.append(len(queries))
    assert SyncRecord.objects.filter(state=State.DELIVERED).count() >= 4
    assert asked[-1] <= 14


def test_a_desk_keeps_what_was_read_for_a_moment_but_no_miss():
    desk, answers = Desk(), iter([None, "one", "two"])
    read = [desk.keep("key", lambda: next(answers)) for _ in range(3)]
    assert read == [None, "one", "one"]
    desk.clear()
    assert desk.keep("key", lambda: next(answers)) == "two"


def test_a_record_that_a_person_sent_again_is_read_afresh(claimed, monkeypatch):
    record, desk, cleared = claimed(5024), Desk(), []
    monkeypatch.setattr(desk, "clear", lambda: cleared.append(1))
    record.asks_afresh = True
    runner.run(record, nullcontext, desk)
    assert cleared
