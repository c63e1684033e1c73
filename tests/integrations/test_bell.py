from datetime import timedelta
from functools import partial
from threading import Event, Thread

import pytest
from django.db import connection, connections, transaction
from django.utils.module_loading import import_string
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from errorqueue.clock import database_time
from integrations.models import (
    Bell,
    Connection,
    InboxEvent,
    bell,
    ring_alerts,
    ring_connection,
    ring_inbox,
)
from integrations.sync.sweeper import wake_inbox


def test_many_rings_of_one_lane_queue_one_wake_up(db):
    for _ in range(5):
        ring_connection(7)
    assert OrmQ.objects.count() == 1


def test_an_answered_bell_can_be_rung_again(db):
    ring_inbox()
    Bell.objects.answer("inbox")
    ring_inbox()
    assert OrmQ.objects.count() == 2


def test_f15_a_lost_wake_up_is_rung_again_after_a_while(db, settings):
    ring_inbox()
    OrmQ.objects.all().delete()
    ring_inbox()
    assert OrmQ.objects.count() == 0
    rung_at = Bell.objects.get().rung_at
    Bell.objects.update(rung_at=rung_at - timedelta(seconds=settings.BELL_SECONDS + 1))
    ring_inbox()
    assert OrmQ.objects.count() == 1


def test_a_wake_up_vanishes_with_the_transaction_that_rang_it(transactional_db):
    with pytest.raises(RuntimeError), transaction.atomic():
        ring_inbox()
        raise RuntimeError
    assert OrmQ.objects.count() == 0
    assert not Bell.objects.exclude(rung_at=None).exists()


def test_every_bell_rings_a_function_that_exists_with_integers_only(db):
    ring_inbox()
    ring_connection(7)
    ring_alerts()
    for row in OrmQ.objects.all():
        task = SignedPackage.loads(row.payload)
        assert callable(import_string(task["func"]))
        assert all(type(value) is int for value in task["args"])


# The answer and a commit cross each other


@pytest.fixture
def source(transactional_db):
    return Connection.objects.create(
        name="Shop",
        slug="shop",
        system="shopify",
        account_id="shop",
        namespace="s",
        auth_method="client_credentials",
    )


def enter(source, delivery_id):
    return InboxEvent.objects.create(
        connection=source,
        delivery_id=delivery_id,
        body=b"{}",
        digest="0",
        received_at=database_time(),
    )


def in_background(work):
    def live():
        try:
            work()
        finally:
            connections.close_all()

    thread = Thread(target=live)
    thread.start()
    return thread


class Writer:
    """Enters an event and rings, and commits when it is told to."""

    def __init__(self, source):
        self.source, self.rang, self.may_commit = source, Event(), Event()
        self.thread = in_background(self.write)
        assert self.rang.wait(20)

    @transaction.atomic
    def write(self):
        enter(self.source, "late")
        ring_inbox()
        self.rang.set()
        assert self.may_commit.wait(20)

    def commit(self):
        self.may_commit.set()
        self.thread.join()


def test_f15_an_answer_waits_for_who_found_the_bell_rung_and_so_sees_its_event(
    source, monkeypatch
):
    monkeypatch.setattr(bell, "PATIENCE", "20s")
    ring_inbox()
    writer, seen = Writer(source), []

    def read():
        Bell.objects.answer("inbox")
        seen.append(InboxEvent.objects.count())

    reader = in_background(read)
    reader.join(0.3)
    assert reader.is_alive() and seen == []
    writer.commit()
    reader.join()
    assert seen == [1]
    assert OrmQ.objects.count() == 1  # no second wake-up was needed


def test_f15_a_frozen_writer_keeps_no_answer_and_its_event_is_rung_for_by_the_sweep(
    source, monkeypatch
):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets one write at a time.")
    monkeypatch.setattr(bell, "PATIENCE", "50ms")
    ring_inbox()
    OrmQ.objects.all().delete()
    writer = Writer(source)
    Bell.objects.answer("inbox")
    assert not InboxEvent.objects.exists()
    writer.commit()
    assert not OrmQ.objects.exists()
    wake_inbox()
    assert OrmQ.objects.count() == 1


def test_f15_whoever_rings_after_the_answer_rings_anew_though_it_began_before(source):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets one write at a time.")
    ring_inbox()
    OrmQ.objects.all().delete()
    with transaction.atomic():
        enter(source, "early")  # begun before the answer, rung after it
        in_background(partial(Bell.objects.answer, "inbox")).join()
        ring_inbox()
    assert OrmQ.objects.count() == 1


def test_f15_no_event_of_many_writers_is_missed_without_any_sweep(source, monkeypatch):
    monkeypatch.setattr(bell, "PATIENCE", "20s")
    writers, each = 4, 15

    def write(number):
        for count in range(each):
            with transaction.atomic():
                enter(source, f"{number}-{count}")
                ring_inbox()

    threads = [in_background(partial(write, number)) for number in range(writers)]
    seen: set[str] = set()
    while any(thread.is_alive() for thread in threads) or OrmQ.objects.exists():
        wake_up = OrmQ.objects.first()
        if wake_up is None:
            continue
        wake_up.delete()
        Bell.objects.answer("inbox")
        seen |= set(InboxEvent.objects.values_list("delivery_id", flat=True))
    assert len(seen) == writers * each
