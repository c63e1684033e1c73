"""One solitary probe stands between a refused log-in and everybody who would be told."""

from datetime import timedelta

import pytest

from errorqueue.models import Alert, FailedRecord
from integrations.inbox import services as inbox
from integrations.models import Connection, SyncRecord
from integrations.sync import access, slots
from integrations.sync.drain import Drain, Passage
from integrations.sync.drain import drain as empty
from tests.flows.test_maintenance import fresh, states, target
from tests.flows.test_orders import post_order

__all__ = ["post_order", "target"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State


def test_f38_a_record_in_hand_is_not_sent_once_the_log_in_is_in_doubt(
    target, post_order, netsuite
):
    post_order(number=4481)
    inbox.read_waiting()
    at_work = Drain(target)
    at_work.pool.add(slots.take(target, "w", 1, 20.0))
    lease = timedelta(seconds=20)
    [record] = SyncRecord.objects.claim(target, "w", 1, lease)
    record.flow = at_work.desk.flow(record.flow_id)
    with at_work._gate(Passage(record)):
        pass  # so far it may be
    shared = at_work.desk.flow(record.flow_id).target
    access.suspect(shared)  # by whoever had another record of the flow in hand
    with pytest.raises(slots.SlotLost), at_work._gate(Passage(record)):
        raise AssertionError("It was sent.")


def test_f38_a_revoked_access_costs_a_few_calls_however_many_wait(
    target, post_order, netsuite, drain
):
    Connection.objects.filter(pk=target.pk).update(allowance=1, reserve=0)
    for number in range(4461, 4469):
        post_order(number=number, email=f"p{number}@example.com")
    inbox.read_waiting()
    assert SyncRecord.objects.filter(state=State.WAITING).count() == 16
    netsuite.revoke_access()
    before = len(netsuite.journal)
    empty(target.pk)
    assert 1 <= len(netsuite.journal) - before <= 4
    assert not Alert.objects.exists() and not FailedRecord.objects.exists()
    assert fresh(target).probe_at is not None
    drain()  # the probe, alone
    assert fresh(target).state == Connection.State.REFUSED
    assert Alert.objects.count() == 1 and not FailedRecord.objects.exists()


def test_f39_a_role_that_lost_everything_fails_no_record(
    target, post_order, netsuite, drain, let_pass
):
    """The first 403 is a doubt as well: the log-in is probed before people are told."""
    post_order(number=4471)
    inbox.read_waiting()
    netsuite.role_permissions = set(netsuite.role_permissions) - {"customer"}
    empty(target.pk)
    assert not Alert.objects.exists() and not FailedRecord.objects.exists()
    assert fresh(target).probe_at is not None
    netsuite.revoke_access()
    drain()
    assert fresh(target).state == Connection.State.REFUSED
    assert Alert.objects.get().kind == "access" and not FailedRecord.objects.exists()
    netsuite.restore_access()
    netsuite.role_permissions = set(netsuite.role_permissions) | {"customer"}
    let_pass(130)
    drain()
    assert states() == {State.DELIVERED} and not FailedRecord.objects.exists()


def test_a_right_that_is_missing_is_told_after_the_probe_passed(
    target, post_order, netsuite, drain
):
    netsuite.role_permissions = set(netsuite.role_permissions) - {"salesOrder"}
    post_order(number=4472)
    drain()
    [line] = FailedRecord.objects.open()
    assert (line.kind, line.status, line.tries) == ("access", "failed", 2)
    assert Alert.objects.filter(key__startswith="permission:").count() == 1
    assert fresh(target).is_usable
    post_order(number=4473, email="second@example.com")
    drain()  # it is known by now: no other doubt, no other alert
    second = SyncRecord.objects.get(label="#4473")
    assert second.state == State.FAILED and second.attempts.count() == 1
    assert Alert.objects.filter(key__startswith="permission:").count() == 1
