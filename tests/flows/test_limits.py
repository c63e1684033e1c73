"""An account that asks for a wait, or has used up its requests of the day."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from errorqueue.clock import database_time
from errorqueue.models import Alert, FailedRecord
from integrations.connectors.errors import DailyLimitReached, LimitReached
from integrations.connectors.netsuite.connector import NetSuite
from integrations.inbox import services as inbox
from integrations.models import Attempt, AuditEntry, Connection, Flow, SyncRecord
from integrations.sync import access, accounts, allowance, polling, probing
from integrations.sync.slots import SlotLost
from integrations.sync.sweeper import sweep
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State
LEASE = timedelta(seconds=20)
MINUTE = 60


@pytest.fixture
def target(demo):
    return Connection.objects.get(slug="netsuite")


def fresh(connection):
    return Connection.objects.get(pk=connection.pk)


def asks_for(seconds):
    return LimitReached("Too many requests.", status=429, retry_after=seconds)


def orders_at_work(netsuite):
    calls = [call for call in netsuite.journal if call.method == "POST"]
    return len([call for call in calls if call.path.endswith("/salesOrder")])


def wait_left(connection):
    return (fresh(connection).limited_until - database_time()).total_seconds()


# What is held, and how it ends


def test_f37_an_account_that_asks_for_a_wait_is_left_alone_until_it_is_over(
    post_order, netsuite, drain, let_pass, target
):
    netsuite.fail_next(429, retry_after=600, path="salesOrder", times=10)
    for number in range(7001, 7011):
        post_order(number=number, email=f"l{number}@example.com")
    drain()
    refused = orders_at_work(netsuite)
    assert 1 <= refused <= 7  # one for each thread that was under way
    assert 590 < wait_left(target) <= 600
    held = SyncRecord.objects.filter(state=State.HELD, hold="connection")
    assert held.count() >= 10
    until = timezone.localtime(fresh(target).limited_until)
    reason = f"{target} asked us to wait until {until:%H:%M}"
    assert set(held.values_list("hold_reason", flat=True)) == {reason}
    let_pass(9 * MINUTE)
    drain()
    assert orders_at_work(netsuite) == refused

    netsuite._faults.clear()
    let_pass(MINUTE + 5)
    drain()
    assert set(SyncRecord.objects.values_list("state", flat=True)) == {State.DELIVERED}
    assert len(netsuite.orders) == 10
    assert not FailedRecord.objects.exists()
    assert set(SyncRecord.objects.values_list("tries", "crashes")) == {(0, 0)}
    assert not Attempt.objects.exclude(outcome=Attempt.Outcome.DELIVERED).exists()


def test_f37_people_hear_once_of_a_long_wait_and_it_closes_itself(
    post_order, netsuite, drain, let_pass, target
):
    netsuite.fail_next(429, retry_after=600, path="salesOrder", times=3)
    post_order(number=7011)
    for _ in range(3):  # refused again and again, half an hour
        drain()
        let_pass(601)
    alert = Alert.objects.get()
    assert alert.key == f"limited:{target.pk}"
    assert "takes no requests until" in alert.title
    assert "429" in alert.text or "NetSuite" in alert.text
    drain()
    assert len(netsuite.orders) == 1 and fresh(target).limited_since is not None
    let_pass(MINUTE + 1)
    drain()
    assert (fresh(target).limited_until, fresh(target).limited_since) == (None, None)
    assert Alert.objects.get().closed_at is not None
    assert len(mail.outbox) == 1
    netsuite.fail_next(429, retry_after=600, path="salesOrder")
    post_order(number=7012)
    drain()
    assert Alert.objects.filter(closed_at=None).count() == 1  # a new incident


def test_f37_waits_of_a_minute_each_are_told_when_they_last_for_five(
    target, let_pass, drain
):
    told = []
    for _ in range(7):
        allowance.rest(fresh(target), asks_for(55))
        sweep()
        told.append(Alert.objects.count())
        let_pass(MINUTE)
    assert told == [0, 0, 0, 0, 0, 1, 1]


def test_f37_a_wait_of_four_minutes_wakes_nobody(post_order, netsuite, drain, let_pass):
    netsuite.fail_next(429, retry_after=4 * MINUTE, path="salesOrder")
    post_order(number=7013)
    drain()
    let_pass(4 * MINUTE + 1)
    drain()
    let_pass(2 * MINUTE)
    drain()
    assert len(netsuite.orders) == 1
    assert not Alert.objects.exists()


def test_f37_a_wait_of_seconds_moves_no_record_to_hold(
    post_order, netsuite, drain, let_pass, target
):
    netsuite.fail_next(429, retry_after=20, path="salesOrder")
    for number in (7014, 7015):
        post_order(number=number, email=f"s{number}@example.com")
    drain()
    assert fresh(target).is_limited
    sent = orders_at_work(netsuite)
    drain()
    assert orders_at_work(netsuite) == sent
    assert not AuditEntry.objects.filter(subject="connection", verb="held").exists()
    let_pass(21)
    drain()
    assert len(netsuite.orders) == 2


def test_f37_a_crowded_moment_shrinks_the_slots_and_holds_nobody(
    post_order, netsuite, drain, let_pass, target
):
    netsuite.fail_as("CONCURRENCY_LIMIT_EXCEEDED", path="salesOrder")
    post_order(number=7016)
    drain()
    after = fresh(target)
    assert after.learnt == target.allowance - 1
    assert (after.limited_until, after.is_usable) == (None, True)
    let_pass(5)
    drain()
    assert len(netsuite.orders) == 1


def test_f37_a_spent_day_waits_a_quarter_of_an_hour_when_nobody_says_how_long(
    post_order, netsuite, drain, let_pass, target, monkeypatch
):
    def spent(self, *given):
        raise DailyLimitReached("TotalRequests Limit exceeded.", status=403)

    with monkeypatch.context() as patch:
        patch.setattr(NetSuite, "create", spent)
        post_order(number=7017)
        drain()
    assert 14 * MINUTE < wait_left(target) <= 15 * MINUTE
    order = SyncRecord.objects.get(label="#7017")
    assert (order.state, order.tries, order.attempts.count()) == (State.HELD, 0, 0)
    assert "TotalRequests" in Alert.objects.get().text
    let_pass(15 * MINUTE + 1)
    drain()
    assert len(netsuite.orders) == 1


# Who asks the connection, and what is believed


def test_f37_nothing_is_claimed_of_a_limited_account_and_all_of_it_afterwards(
    post_order, target
):
    post_order(number=7018)
    inbox.read_waiting()
    Connection.objects.update(limited_until=database_time() + timedelta(seconds=30))
    assert not SyncRecord.objects.has_due(target)
    assert SyncRecord.objects.claim(target, "w", 5, LEASE) == []
    assert target in Connection.objects.filter(access.unusable())
    Connection.objects.update(limited_until=database_time() - timedelta(seconds=1))
    assert not Connection.objects.filter(access.unusable()).exists()
    assert len(SyncRecord.objects.claim(target, "w", 5, LEASE)) >= 1


def test_f37_a_source_that_asks_for_a_wait_is_not_polled_meanwhile(
    demo, drain, let_pass, monkeypatch
):
    flow, asked = Flow.objects.get(slug="netsuite-inventory"), []

    def limited(self, *given):
        asked.append(1)
        raise asks_for(900)
        yield

    monkeypatch.setattr(NetSuite, "changes", limited)
    Flow.objects.filter(pk=flow.pk).update(is_enabled=True)
    for _ in range(3):
        drain()
        polling.poll(flow.pk)
    assert len(asked) == 1
    assert [alert.key for alert in Alert.objects.all()] == [f"limited:{flow.source_id}"]
    let_pass(901)
    drain()
    assert len(asked) == 2


@pytest.mark.parametrize(
    "error",
    [
        asks_for(5),
        asks_for(None),
        SlotLost(sent=False),
        LimitReached("All slots are busy.", retry_after=60, sent=False),
        ValueError("no limit at all"),
    ],
)
def test_f37_what_is_no_wish_of_the_vendor_limits_nothing(target, error):
    assert allowance.rest(target, error) is False
    assert fresh(target).limited_until is None


def test_f37_an_absurd_wait_is_not_believed_for_longer_than_two_hours(target):
    assert allowance.rest(target, asks_for(10**9))
    assert wait_left(target) <= 7200


def test_f37_many_refusals_of_one_moment_write_once_and_a_shorter_one_never(target):
    allowance.rest(target, asks_for(200))
    until = fresh(target).limited_until
    for seconds in (202, 30):
        allowance.rest(fresh(target), asks_for(seconds))
        assert fresh(target).limited_until == until
    allowance.rest(fresh(target), asks_for(280))
    assert fresh(target).limited_until > until


def test_f37_a_probe_that_is_told_to_wait_decides_nothing(target, monkeypatch):
    def limited(self):
        raise asks_for(600)

    access.suspect(target)
    monkeypatch.setattr(NetSuite, "probe", limited)
    probing.probe(target.pk)
    assert fresh(target).is_limited and fresh(target).probe_at is not None
    assert fresh(target).state == Connection.State.READY


def test_f37_a_check_that_is_answered_ends_the_wait_and_its_incident(
    target, post_order, netsuite, drain
):
    allowance.rest(target, asks_for(3600))
    post_order(number=7019)
    drain()
    assert netsuite.orders == {}
    assert accounts.check(fresh(target)).is_good
    assert fresh(target).is_usable
    assert not Alert.objects.filter(closed_at=None).exists()
    drain()
    assert len(netsuite.orders) == 1


def test_records_of_a_limited_account_are_not_told_of_as_waiting_for_years(
    target, post_order, drain, let_pass
):
    let_pass(40 * 3600)
    allowance.rest(fresh(target), asks_for(3600))
    post_order(number=7020)
    drain()
    assert [alert.key for alert in Alert.objects.all()] == [f"limited:{target.pk}"]


def test_an_unlimited_account_costs_no_query(target):
    with CaptureQueriesContext(database) as queries:
        assert target.is_usable
    assert len(queries) == 0


# What people see


def test_the_pages_say_until_when_an_account_wants_nothing(
    target, admin_client, post_order, drain
):
    allowance.rest(target, asks_for(3600))
    post_order(number=7021)
    drain()
    until = timezone.localtime(fresh(target).limited_until)
    words = f"{target} asked us to wait until {until:%H:%M}"
    page = f"/admin/integrations/connection/{target.pk}/change/"
    shown = admin_client.get(page).content.decode()
    assert f"{words}; nothing is sent before." in shown
    assert "records wait for it" in shown
    assert words in admin_client.get("/admin/integrations/slot/").content.decode()
    shown = admin_client.get("/admin/integrations/connection/").content.decode()
    assert "Asked us to wait" in shown
    assert f"Nothing is sent before {until:%H:%M}." in shown
    Connection.objects.update(limited_until=None)
    for page in ("connection", "slot", f"connection/{target.pk}/change"):
        shown = admin_client.get(f"/admin/integrations/{page}/").content.decode()
        assert "sked us to wait" not in shown
