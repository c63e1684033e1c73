from datetime import timedelta

import pytest

from errorqueue.models import FailedRecord
from integrations.models import Attempt, Connection, SyncRecord
from integrations.sync import runner
from integrations.sync.drain import drain as drain_connection
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

LEASE = timedelta(seconds=20)


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


@pytest.fixture
def claimed(post_order, drain):
    """An order whose customer is delivered, claimed by a worker."""

    def claim(number):
        from integrations.inbox.services import read_waiting

        post_order(number=number)
        read_waiting()
        target = Connection.objects.get(slug="netsuite")
        [customer] = SyncRecord.objects.claim(target, "w1", 1, LEASE)
        runner.run(customer)
        [record] = SyncRecord.objects.claim(target, "w1", 1, LEASE)
        assert record.label == f"#{number}"
        return record

    return claim


def test_f03_a_worker_killed_after_its_claim_is_followed_by_another(
    claimed, netsuite, drain, let_pass
):
    claimed(2001)
    drain()
    assert netsuite.orders == {}
    let_pass(25)
    drain()
    assert len(netsuite.orders) == 1
    assert SyncRecord.objects.get(label="#2001").crashes == 0


def test_f05_a_worker_killed_after_the_vendor_committed_doubles_nothing(
    claimed, netsuite, drain, let_pass, monkeypatch
):
    record = claimed(2002)
    with monkeypatch.context() as patch:
        patch.setattr(runner.outcome, "succeed", _killed)
        with pytest.raises(Killed):
            runner.run(record)
    assert len(netsuite.orders) == 1
    assert Attempt.objects.filter(outcome=Attempt.Outcome.OPEN).count() == 1
    let_pass(25)
    drain()
    assert len(netsuite.orders) == 1
    assert SyncRecord.objects.get(label="#2002").state == SyncRecord.State.DELIVERED
    assert not Attempt.objects.filter(outcome=Attempt.Outcome.OPEN).exists()


def test_f08_a_record_that_kills_three_workers_goes_to_the_queue(
    claimed, drain, let_pass
):
    record = claimed(2003)
    SyncRecord.objects.filter(pk=record.pk).update(crashes=3)
    let_pass(25)
    drain()
    line = FailedRecord.objects.open().get(reference="#2003")
    assert line.kind == "internal"
    assert "three" in line.what


def test_f09_a_worker_that_lost_its_lease_changes_nothing(
    claimed, netsuite, drain, let_pass
):
    late = claimed(2004)
    let_pass(25)
    drain()
    assert SyncRecord.objects.get(pk=late.pk).state == SyncRecord.State.DELIVERED
    before = SyncRecord.objects.get(pk=late.pk)
    runner.run(late)
    after = SyncRecord.objects.get(pk=late.pk)
    assert (after.state, after.token) == (before.state, before.token)
    assert len(netsuite.orders) == 1


def test_a_create_only_order_changed_during_its_call_is_not_sent_twice(
    claimed, netsuite, drain
):
    record = claimed(2005)
    SyncRecord.objects.filter(pk=record.pk).update(version=2)
    runner.run(record)
    drain()
    after = SyncRecord.objects.get(pk=record.pk)
    assert (after.state, after.delivered_version) == (SyncRecord.State.DELIVERED, 1)
    assert len(netsuite.orders) == 1
    assert not FailedRecord.objects.exists()


def test_two_drains_at_once_never_exceed_the_allowance(post_order, netsuite, drain):
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    from integrations.inbox.services import read_waiting

    Connection.objects.filter(slug="netsuite").update(allowance=2)
    netsuite.allowance = 2
    netsuite.latency = 0.02
    for number in range(2010, 2022):
        post_order(number=number)
    while read_waiting():
        pass
    target = Connection.objects.get(slug="netsuite")

    def work(_):
        try:
            return drain_connection(target.pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(work, range(3)))
    drain()
    assert len(netsuite.orders) == 12
    assert netsuite.over_allowance == 0
    assert netsuite.most_in_flight <= 2


def test_a_token_can_be_fetched_while_every_slot_is_held(demo, netsuite):
    from integrations.sync import slots
    from integrations.sync.outbound import connector_for

    target = Connection.objects.get(slug="netsuite")
    [held, *_] = slots.take(target, "a drain", target.allowance, 20)
    connector_for(target, gate=held.gate).probe()
    paths = [call.path for call in netsuite.journal]
    assert "/services/rest/auth/oauth2/v1/token" in paths


def _killed(*args):
    raise Killed
