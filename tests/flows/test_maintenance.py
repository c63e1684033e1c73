"""Maintenance windows: work is held, its own cause is not told, all else is."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db.models import F

from errorqueue import escalation
from errorqueue import services as queue
from errorqueue.alerts import raise_alert, send_waiting
from errorqueue.clock import database_time
from errorqueue.models import Alert, FailedRecord
from integrations.connectors.errors import ServerFault
from integrations.inbox import services as inbox
from integrations.models import (
    AuditEntry,
    Connection,
    Flow,
    MaintenanceTime,
    MaintenanceWindow,
    SyncRecord,
)
from integrations.sync import (
    access,
    accounts,
    incidents,
    polling,
    probing,
    silence,
)
from integrations.sync.maintenance import windows
from integrations.sync.rhythm import counting
from integrations.sync.sweeper import sweep
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State
HOUR = timedelta(hours=1)


@pytest.fixture
def target(demo):
    return Connection.objects.get(slug="netsuite")


@pytest.fixture
def anna(db):
    return User.objects.create_user("anna")


@pytest.fixture
def maintain(target, anna):
    """Enter a window of an account, from and to in hours from now."""

    def go(begins=-1.0, ends=4.0, connection=None, **columns):
        now = database_time()
        window = MaintenanceWindow(
            connection=connection or target,
            starts_at=now + begins * HOUR,
            ends_at=now + ends * HOUR,
            reason="NetSuite release",
            **columns,
        )
        windows.enter(window, anna)
        return window

    return go


@pytest.fixture
def let_windows_pass(let_pass):
    """Let time go by for windows as well."""

    def let(hours):
        by = hours * HOUR
        let_pass(by.total_seconds())
        for rows in (MaintenanceWindow.objects, MaintenanceTime.objects):
            rows.update(starts_at=F("starts_at") - by, ends_at=F("ends_at") - by)
        Connection.objects.update(window_until=F("window_until") - by)
        Alert.objects.update(try_at=F("try_at") - by, raised_at=F("raised_at") - by)

    return let


def fresh(connection):
    return Connection.objects.get(pk=connection.pk)


def states():
    return set(SyncRecord.objects.values_list("state", flat=True))


def time_of(window):
    return window.times.select_related("window__connection").get()


# Work


def test_f44_a_window_holds_all_work_without_a_try_and_lets_it_go_by_itself(
    maintain, post_order, netsuite, drain, let_windows_pass, target
):
    maintain()
    netsuite.fail_next(503, body="<html>maintenance</html>", times=5000)
    calls = len(netsuite.journal)
    for number in (4401, 4402):
        post_order(number=number, email=f"m{number}@example.com")
    drain()
    let_windows_pass(2)
    drain()
    held = SyncRecord.objects.all()
    assert states() == {State.HELD} and not held.exclude(tries=0).exists()
    assert all("is maintained until" in one.hold_reason for one in held)
    assert all("NetSuite release" in one.hold_reason for one in held)
    assert len(netsuite.journal) == calls and not Alert.objects.exists()
    netsuite._faults.clear()
    let_windows_pass(2.1)
    drain()
    assert states() == {State.DELIVERED}
    assert fresh(target).strikes == 0 and fresh(target).is_usable
    assert time_of(MaintenanceWindow.objects.get()).closed_at


def test_f44_the_oldest_go_first_after_a_window(
    maintain, post_order, target, let_windows_pass
):
    for number in (4411, 4412, 4413):
        post_order(number=number)
    inbox.read_waiting()
    maintain()
    sweep()
    assert states() == {State.HELD}
    ages = {"#4412": 30, "#4413": 20, "#4411": 10}
    for label, age in ages.items():
        at = database_time() - timedelta(minutes=age)
        SyncRecord.objects.filter(label=label).update(due_at=at)
    let_windows_pass(4.1)
    sweep()
    waiting = SyncRecord.objects.filter(flow__slug="shopify-orders", state="waiting")
    labels = waiting.order_by("due_at", "pk").values_list("label", flat=True)
    assert list(labels) == ["#4412", "#4413", "#4411"]


def test_f44_calls_in_flight_when_it_begins_count_against_nothing(maintain, target):
    stale = fresh(target)
    maintain()
    for _ in range(access.STRIKES_ALLOWED + 1):
        assert access.note_failure(stale, ServerFault("down", status=503))
    access.suspect(stale)
    now = fresh(target)
    assert (now.strikes, now.state, now.probe_at) == (0, "ready", None)
    assert access.why_held(now).startswith(f"{target} is maintained until")


def test_f44_an_account_that_was_away_before_is_not_probed_until_the_end(
    maintain, target, netsuite, let_windows_pass, drain
):
    for _ in range(access.STRIKES_ALLOWED):
        access.note_failure(fresh(target), ServerFault("down", status=503))
    window = maintain()
    calls = len(netsuite.journal)
    let_windows_pass(1)
    drain()
    probing.probe(target.pk)
    assert len(netsuite.journal) == calls
    windows.end_now(time_of(window), None)
    drain()
    assert fresh(target).is_usable


def test_f44_a_window_of_a_source_stops_its_polls_and_no_others(
    maintain, target, monkeypatch
):
    polls = []
    monkeypatch.setattr(polling, "_enter_all", lambda flow: polls.append(flow) or 0)
    flow = Flow.objects.get(slug="netsuite-inventory")
    Flow.objects.filter(pk=flow.pk).update(is_enabled=True)
    window = maintain()
    polling.poll(flow.pk)
    assert polls == []
    windows.cancel(window, None)
    polling.poll(flow.pk)
    assert polls == [flow]


def test_f44_one_window_holds_every_flow_to_its_account_and_none_to_another(
    maintain, post_order, target, drain, netsuite
):
    maintain(connection=Connection.objects.get(slug="shopify"))
    post_order(number=4421)
    drain()
    assert len(netsuite.orders) == 1  # what goes to NetSuite is not the shop's matter
    maintain()
    post_order(number=4422, email="both@example.com")
    drain()
    held = SyncRecord.objects.filter(state=State.HELD)
    flows = set(held.values_list("flow__slug", flat=True))
    assert flows == {"shopify-orders", "shopify-customers"}


# People


def test_windows_overlap_and_the_latest_end_counts(maintain, target, anna):
    short, long = maintain(ends=1), maintain(ends=3)
    until = fresh(target).window_until
    assert until == time_of(long).ends_at
    windows.end_now(time_of(long), anna)
    assert fresh(target).window_until == time_of(short).ends_at
    assert not fresh(target).is_usable
    windows.end_now(time_of(short), anna)
    assert fresh(target).is_usable


def test_it_is_ended_early_and_does_not_begin_again(maintain, target, anna, drain):
    window = maintain(is_weekly=True, zone="Europe/Berlin")
    assert windows.end_now(time_of(window), anna)
    assert not windows.end_now(time_of(window), anna)
    drain()
    assert fresh(target).is_usable and window.times.count() == 1
    assert windows.next_span(window, database_time() + 4 * HOUR) is not None
    verbs = AuditEntry.objects.filter(subject="connection", by=anna)
    assert list(verbs.order_by("pk").values_list("verb", flat=True)) == [
        "window entered",
        "window ended early",
    ]


def test_it_lasts_longer_by_hand(maintain, target, anna, let_windows_pass):
    window = maintain(ends=1)
    windows.extend(time_of(window), database_time() + 3 * HOUR, anna)
    let_windows_pass(2)
    sweep()
    assert not fresh(target).is_usable
    with pytest.raises(windows.Refused, match="over already"):
        windows.extend(time_of(window), database_time() - HOUR, anna)
    let_windows_pass(1.1)
    sweep()
    assert fresh(target).is_usable
    with pytest.raises(windows.Refused, match="ended meanwhile"):
        windows.extend(time_of(window), database_time() + HOUR, anna)


def test_one_that_was_ended_early_is_over(maintain, anna):
    once, weekly = maintain(), maintain(is_weekly=True, zone="Europe/Berlin")
    for window in (once, weekly):
        windows.end_now(time_of(window), anna)
    now = database_time()
    assert windows.next_span(once, now) is None
    assert windows.next_span(weekly, now).starts_at > now


def test_one_that_is_cancelled_while_a_sweep_looks_does_not_begin(
    maintain, target, anna
):
    window = maintain(begins=1, ends=2)
    span = windows.plan_of(window).first
    windows.cancel(window, anna)
    windows._begin(window, span)  # by a process that read it before
    assert fresh(target).is_usable and not window.times.exists()


@pytest.mark.parametrize(
    ("begins", "ends", "says"),
    [(-3, -1, "over already"), (2, 1, "end after its start"), (0, 200, "a week")],
)
def test_a_window_that_makes_no_sense_is_refused(maintain, begins, ends, says):
    with pytest.raises(windows.Refused, match=says):
        maintain(begins, ends)


def test_a_window_to_come_begins_by_itself_once(maintain, target, let_windows_pass):
    window = maintain(begins=1, ends=2)
    sweep()
    assert fresh(target).is_usable
    let_windows_pass(1)
    for _ in range(3):
        sweep()
    assert not fresh(target).is_usable and window.times.count() == 1


# What people hear


def tell_refused(target):
    incidents.tell_refused(fresh(target), "The vendor said: INVALID_LOGIN")


def test_f44_what_the_account_itself_causes_is_told_once_at_the_end_if_it_stands(
    maintain, target, let_windows_pass
):
    window = maintain()
    tell_refused(target)
    sweep()
    send_waiting()
    [alert] = Alert.objects.all()
    assert mail.outbox == [] and alert.planned_at is None
    assert "Muted: maintenance of NetSuite (Northwind)" in alert.text
    assert "NetSuite release" in alert.text and "anna" in alert.text
    assert time_of(window).muted == [{"alert": alert.pk, "title": alert.title}]
    let_windows_pass(4.01)
    sweep()
    send_waiting()
    assert mail.outbox == []  # the first calls have a minute to show that all is well
    Alert.objects.update(try_at=F("try_at") - timedelta(minutes=1))
    for _ in range(3):
        sweep()
        send_waiting()
    assert len(mail.outbox) == 1


def test_f44_what_ended_with_the_window_is_never_told(
    maintain, target, let_windows_pass
):
    window = maintain()
    tell_refused(target)
    sweep()
    windows.end_now(time_of(window), None)
    access.resume(fresh(target))
    let_windows_pass(1)
    send_waiting()
    assert mail.outbox == [] and not Alert.objects.filter(closed_at=None).exists()


def test_f44_a_cause_that_is_another_one_is_told_during_the_window(maintain, target):
    maintain()
    shop = Connection.objects.get(slug="shopify")
    raise_alert("cause:7", "Order #1 has an unknown SKU", "Add it.")
    incidents.tell_refused(shop, "The vendor said: no")
    sweep()
    send_waiting()
    subjects = " ".join(one.subject for one in mail.outbox)
    assert "unknown SKU" in subjects and "refuses our log-in" in subjects


def test_f44_an_incident_told_before_calls_nobody_else_meanwhile(maintain, target):
    tell_refused(target)
    Alert.objects.update(planned_at=database_time(), step_at=database_time())
    window = maintain()
    sweep()
    alert = Alert.objects.get()
    assert alert.step_at > time_of(window).ends_at
    windows.end_now(time_of(window), None)
    alert.refresh_from_db()
    assert alert.step_at < database_time() + timedelta(minutes=2)


def test_f44_what_a_person_ended_is_not_muted_again_by_a_sweep_that_looked_before(
    maintain, target, anna
):
    window = maintain()
    tell_refused(target)
    sweep()
    seen = time_of(window)
    windows.end_now(time_of(window), anna)
    windows._hold_back(seen)
    assert Alert.objects.get().try_at < database_time() + timedelta(minutes=2)


def test_f44_silence_of_a_shop_in_maintenance_is_no_silence(
    maintain, let_windows_pass, monkeypatch
):
    flow = Flow.objects.get(slug="shopify-orders")
    rhythm = counting.rhythm_of(flow)
    rhythm.last_at = database_time() - 5 * HOUR
    rhythm.save()
    seen = []
    judge = silence.habit.judge

    def judged(hours, since, last_at, now, *more):
        seen.append(now - last_at)
        return judge(hours, since, last_at, now, *more)

    monkeypatch.setattr(silence.habit, "judge", judged)
    shop = Connection.objects.get(slug="shopify")
    window = maintain(connection=shop)
    windows.end_now(time_of(window), None)
    silence.tell_of_silence()
    assert min(seen) < timedelta(minutes=1)


def test_waiting_for_a_day_of_planned_maintenance_is_no_news(
    maintain, post_order, drain, let_windows_pass
):
    post_order(number=4431)
    maintain(ends=40)
    drain()
    let_windows_pass(30)
    drain()
    assert not Alert.objects.exists() and states() == {State.HELD}


def test_deadlines_run_on_and_are_told_at_the_end_of_the_window(
    maintain, post_order, drain, order_line, target
):
    post_order(number=4441, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    Alert.objects.all().delete()
    late = database_time() - HOUR
    FailedRecord.objects.update(due_at=late)
    window = maintain()
    queue.retry(order_line("#4441"))  # from now on it only waits for the window
    escalation.escalate()
    assert not Alert.objects.exists() and not escalation.has_due()
    windows.end_now(time_of(window), None)
    assert escalation.has_due()
    escalation.escalate()
    assert Alert.objects.get().key.startswith("overdue:")


def test_a_late_line_that_needs_a_person_is_told_during_the_window(
    maintain, post_order, drain
):
    post_order(number=4442, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    FailedRecord.objects.update(due_at=database_time() - HOUR)
    maintain()
    escalation.escalate()
    assert Alert.objects.filter(key__startswith="overdue:").exists()


def test_a_check_by_a_person_is_still_possible(maintain, target):
    maintain()
    assert accounts.check(fresh(target)).is_good
    assert not fresh(target).is_usable


def test_a_wait_for_a_record_is_not_used_up_by_a_window(
    maintain, post_order, target, let_windows_pass, drain
):
    post_order(number=4451)
    inbox.read_waiting()
    record = SyncRecord.objects.get(label="#4451")
    customer = SyncRecord.objects.get(flow__slug="shopify-customers")
    SyncRecord.objects.filter(pk=record.pk).update(
        state=State.HELD,
        hold="record",
        held_on=customer,
        hold_until=database_time() + 24 * HOUR,
    )
    maintain(ends=26)
    sweep()
    let_windows_pass(26.1)
    drain()
    record.refresh_from_db()
    assert record.state == State.DELIVERED
    assert not FailedRecord.objects.exists()
