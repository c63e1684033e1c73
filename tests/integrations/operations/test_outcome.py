"""What came of deliveries: exact counts of days and hours, and what they are worth."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext

from errorqueue.clock import database_time
from errorqueue.models import BulkItem, BulkRun, Cause, FailedRecord
from integrations.models import (
    Assumption,
    Attempt,
    AuditEntry,
    BacklogHour,
    Flow,
    FlowHour,
    HandledDay,
    InboxEvent,
    OutcomeDay,
    SlotMinute,
    SyncRecord,
)
from integrations.operations.home import (
    assuming,
    backlog,
    counting,
    fixes,
    handled,
    hours,
    outcome,
    scale,
)
from integrations.operations.home.periods import period_of
from integrations.sync.completeness.days import ONE_DAY, today
from integrations.sync.rhythm.counting import hour_of

pytestmark = pytest.mark.django_db(transaction=True)
Outcome, State, Ending = Attempt.Outcome, SyncRecord.State, FailedRecord.Ending


def attempt(record, ago=60.0, number=1, how=Outcome.DELIVERED, **columns) -> Attempt:
    """Enter a try that ended so many seconds ago, after one second."""
    told = {"message": "written, id 7", "version": 1, "token": number} | columns
    return Attempt.objects.create(
        record=record,
        number=number,
        outcome=how,
        started_at=database_time() - timedelta(seconds=ago + 1),
        milliseconds=1000,
        **told,
    )


def days() -> dict[str, tuple[int, int, int, Decimal]]:
    """Return what was counted, by currency."""
    return {
        one.currency: (one.created, one.straight, one.prevented, one.amount)
        for one in OutcomeDay.objects.all()
    }


def line(record, ending=Ending.RETRIED, ago=600.0, **columns) -> FailedRecord:
    """Enter a line of the error queue that ended so many seconds ago."""
    at = database_time() - timedelta(seconds=ago)
    told = {
        "status": FailedRecord.Status.RESOLVED,
        "kind": "mapping",
        "what": "– no row",
        "flow": record.flow.name,
        "first_failed_at": at,
        "last_failed_at": at,
        "touched_at": at,
        "settled_at": at,
        "ending": ending,
    }
    kind = ContentType.objects.get_for_model(SyncRecord)
    return FailedRecord.objects.create(
        content_type=kind, object_id=str(record.pk), **(told | columns)
    )


# Orders, and the money in them


def test_an_order_that_was_written_is_counted_once_with_its_money(orders, enter):
    money = {"amount": Decimal("19.90"), "currency": "EUR"}
    one, other = enter(orders, "1", "2", **money)
    (dollars,) = enter(orders, "3", amount=Decimal("5"), currency="USD")
    for record in (one, other, dollars):
        attempt(record)
    counting.count()
    counting.count()
    assert days() == {
        "EUR": (2, 2, 0, Decimal("39.80")),
        "USD": (1, 1, 0, Decimal("5")),
    }


def test_only_what_was_written_for_the_first_time_counts(orders, enter):
    there, idle, failed, again = enter(orders, "1", "2", "3", "4")
    attempt(there, message="found there already, id 7")
    attempt(idle, message="nothing to write, id 7")
    attempt(failed, how=Outcome.FAILED, kind="data", message="refused")
    attempt(again, ago=90)
    attempt(again, ago=60, number=2)
    counting.count()
    assert days() == {"": (1, 1, 0, Decimal(0))}


def test_one_that_is_written_again_later_is_not_a_new_one(orders, enter):
    (record,) = enter(orders, "1")
    attempt(record, ago=90)
    counting.count()
    attempt(record, ago=30, number=2)
    counting.count()
    assert days() == {"": (1, 1, 0, Decimal(0))}


def test_an_order_that_failed_before_or_has_a_line_did_not_pass_at_once(orders, enter):
    retried, blocked = enter(orders, "1", "2")
    attempt(retried, ago=90, how=Outcome.FAILED, kind="temporary", message="away")
    attempt(retried, ago=60, number=2)
    line(blocked)
    attempt(blocked)
    counting.count()
    assert days() == {"": (2, 0, 0, Decimal(0))}


def test_one_in_flight_makes_those_behind_it_wait(orders, enter):
    flying, landed = enter(orders, "1", "2")
    open_one = attempt(flying, how=Outcome.OPEN, message="")
    attempt(landed)
    counting.count()
    assert days() == {}
    Attempt.objects.filter(pk=open_one.pk).update(
        outcome=Outcome.DELIVERED, message="written, id 8"
    )
    counting.count()
    assert days() == {"": (2, 2, 0, Decimal(0))}


def test_a_day_is_a_day_of_this_installation(orders, enter, settings):
    is_late = database_time().hour >= 12
    settings.TIME_ZONE = "Pacific/Kiritimati" if is_late else "Pacific/Pago_Pago"
    (record,) = enter(orders, "1")
    attempt(record)
    counting.count()
    day = OutcomeDay.objects.get().day
    assert day == today(database_time()) != database_time().date()


# Errors prevented


@pytest.fixture
def mended(orders, enter):
    """A shipping method that orders failed on, until somebody mapped it."""
    (failed,) = enter(orders, "failed")
    at = database_time() - timedelta(hours=2)
    cause = Cause.objects.create(
        fingerprint="f",
        kind="mapping",
        text="no row",
        value="Drone",
        first_seen_at=at,
        last_seen_at=at,
    )
    problem = {"target": "shipMethod", "source": "shipping_lines[0].title"}
    return line(failed, ago=3600, cause=cause, problems=[{**problem, "value": "Drone"}])


def shipped(enter, flow, key, *titles):
    (record,) = enter(flow, key)
    record.source = {"shipping_lines": [{"title": title} for title in titles]}
    record.save()
    return record


def test_an_order_with_the_value_that_was_mended_before_is_one_prevented(
    orders, enter, mended
):
    attempt(shipped(enter, orders, "1", "Post", "Drone"))
    attempt(shipped(enter, orders, "2", "Post"))
    attempt(shipped(enter, orders, "3", "Drone deluxe"))
    counting.count()
    assert days()[""] == (3, 3, 1, Decimal(0))


def test_only_what_was_sent_after_the_fix_and_at_once_is_prevented(
    orders, enter, mended
):
    early, late = (shipped(enter, orders, key, "Drone") for key in "12")
    attempt(early, ago=4000)
    attempt(late, ago=90, how=Outcome.FAILED, kind="temporary", message="away")
    attempt(late, ago=60, number=2)
    counting.count()
    assert days()[""][2] == 0


def test_a_fix_of_another_flow_prevents_nothing_here(orders, bulk, enter, mended):
    attempt(shipped(enter, bulk, "1", "Drone"))
    counting.count()
    assert days()[""][2] == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"ending": Ending.DELIVERED},  # it passed without a person
        {"ending": Ending.BY_HAND},
        {"kind": "temporary"},
        {"problems": []},
        {"problems": [{"source": "", "value": "Drone"}]},
        {"problems": [{"source": "a b c", "value": "Drone"}]},
        {"settled_at": None},
    ],
)
def test_what_was_not_mended_by_a_person_is_no_fix(changes, mended):
    assert fixes.standing(database_time())
    FailedRecord.objects.filter(pk=mended.pk).update(**changes)
    assert fixes.standing(database_time()) == {}


def test_a_fix_ends_after_thirty_days_or_when_it_fails_again(mended):
    now = database_time()
    assert fixes.standing(now + timedelta(days=31)) == {}
    Cause.objects.update(last_seen_at=now)
    assert fixes.standing(now) == {}


# How long it took, and what waits


def test_how_long_orders_took_is_kept_by_the_hour(orders, enter):
    for key, seconds in (("1", 2), ("2", 4), ("3", 600)):
        (record,) = enter(orders, key)
        at = database_time() - timedelta(seconds=60 + seconds)
        record.event = InboxEvent.objects.create(
            connection=orders.source,
            delivery_id=key,
            body=b"{}",
            digest=key,
            received_at=at,
        )
        record.save()
        attempt(record)
    counting.count()
    [hour] = [one for one in hours.records(database_time(), 24) if one.median]
    assert hour.median == pytest.approx(4, rel=0.1)
    assert hour.slowest == pytest.approx(600, rel=0.1)
    assert hour.median >= 4 and hour.slowest >= 600


def test_only_orders_have_a_time_from_receipt_to_delivery(bulk, enter):
    Flow.objects.filter(pk=bulk.pk).update(source_entity="product")
    (record,) = enter(bulk, "1")
    attempt(record)
    counting.count()
    assert not FlowHour.objects.exists()


def test_a_later_version_that_nobody_knows_the_receipt_of_is_left_out(orders, enter):
    (record,) = enter(orders, "1")
    attempt(record, version=2)
    counting.count()
    assert not FlowHour.objects.exists()


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.11, 1, 59.9, 3600, 86_400 * 40])
def test_a_step_is_never_shorter_than_what_lies_in_it(seconds):
    end = scale.end_of(scale.step_of(seconds))
    assert seconds <= end * (1 + 1e-6)
    assert end <= max(seconds * 1.1, 0.1)


def test_percentiles_of_sums_are_those_of_all():
    kept = scale.added(scale.added(None, {1: 3}), {1: 1, 9: 1})
    counts = scale.summed([kept, None, {"20": 5}])
    assert counts == {1: 4, 9: 1, 20: 5}
    assert scale.percentile(counts, 0.5) == scale.end_of(9)
    assert scale.percentile(counts, 0.4) == scale.end_of(1)
    assert scale.percentile(counts, 1) == scale.end_of(20)
    assert scale.percentile({}, 0.5) is None


def test_the_worst_wait_of_an_hour_is_kept(orders, enter):
    now = database_time()
    enter(orders, "1", age=100)
    enter(orders, "2", age=-50)
    backlog.note(now)
    SyncRecord.objects.filter(source_key="1").delete()
    backlog.note(now)
    row = BacklogHour.objects.get()
    assert (row.hour, row.oldest_seconds) == (hour_of(now), pytest.approx(100, abs=5))
    InboxEvent.objects.create(
        connection=orders.source,
        delivery_id="d",
        body=b"{}",
        digest="d",
        received_at=now - timedelta(seconds=30),
    )
    backlog.note(now)
    assert BacklogHour.objects.get().unread_seconds == pytest.approx(30, abs=2)


def test_old_hours_of_the_backlog_go(db):
    now = database_time()
    BacklogHour.objects.create(hour=hour_of(now - timedelta(days=40)))
    backlog.note(now)
    assert [one.hour for one in BacklogHour.objects.all()] == [hour_of(now)]


def test_the_busiest_minute_of_an_hour_is_told_against_the_allowance(account):
    hour = hour_of(database_time())
    for minute, busy in ((0, 90_000), (1, 45_000)):
        SlotMinute.objects.create(
            connection=account,
            minute=hour + timedelta(minutes=minute),
            calls=10,
            busy_ms=busy,
            refused=minute,
        )
    [found] = hours.accounts(database_time(), 24)
    assert (found.limit, found.calls) == (3, 20)
    use = found.uses[-1]
    assert (use.calls, use.refused, use.peak) == (20, 1, pytest.approx(0.5))
    assert sum(one.calls for one in found.uses[:-1]) == 0


def test_the_hours_are_read_in_four_questions_however_many_flows(orders, bulk, account):
    now = database_time()
    for flow in (orders, bulk):
        for back in range(30):
            at = hour_of(now - timedelta(hours=back))
            FlowHour.objects.create(flow=flow, hour=at, delivered=2, waits={"9": 2})
    SlotMinute.objects.create(connection=account, minute=hour_of(now), calls=1)
    with CaptureQueriesContext(connection) as asked:
        found = hours.records(now, 168)
        hours.accounts(now, 168)
    assert len(asked) == 4
    assert sum(one.delivered for one in found) == 120
    assert len(found) == 168


# Decisions


def test_a_bulk_run_is_one_decision_and_each_other_line_one(orders, enter):
    olga = User.objects.create_user("olga")
    records = enter(orders, *"123456")
    now = database_time()
    run = BulkRun.objects.create(verb="retry", by=olga, made_at=now, started_at=now)
    for position, record in enumerate(records[:3]):
        BulkItem.objects.create(
            run=run, line=line(record), position=position, state="done"
        )
    line(records[3], Ending.EXCLUDED)
    line(records[4], Ending.BY_HAND)
    line(records[5], Ending.DELIVERED)
    handled.count(now)
    day = HandledDay.objects.get(day=today(now))
    assert (day.decisions, day.by_person, day.alone) == (3, 5, 1)


def test_a_look_ahead_by_night_is_nobodys_decision(orders, enter):
    now = database_time()
    BulkRun.objects.create(verb="preflight", made_at=now, started_at=now)
    line(*enter(orders, "1"), Ending.DELIVERED)
    handled.count(now)
    assert HandledDay.objects.get(day=today(now)).decisions == 0


def test_a_line_that_opens_again_leaves_its_day(orders, enter):
    ended = line(*enter(orders, "1"), Ending.BY_HAND, ago=5)
    handled.count(database_time())
    FailedRecord.objects.filter(pk=ended.pk).update(
        ending="", settled_at=None, touched_at=database_time()
    )
    handled.count(database_time())
    assert set(HandledDay.objects.values_list("by_person", flat=True)) == {0}


def test_nothing_is_counted_while_no_line_moves(orders, enter):
    line(*enter(orders, "1"), ago=3600)
    now = database_time()
    handled.count(now)
    with CaptureQueriesContext(connection) as asked:
        handled.count(now)
    assert len(asked) == 2


# A period, and what it is worth


@pytest.mark.parametrize(
    ("key", "first", "last"),
    [
        ("month", "2026-03-01", "2026-03-31"),
        ("last-month", "2026-02-01", "2026-02-28"),
        ("90-days", "2026-01-01", "2026-03-31"),
        ("nonsense", "2026-03-01", "2026-03-31"),
    ],
)
def test_periods_are_whole_days(key, first, last):
    from datetime import date

    found = period_of(key, date(2026, 3, 31))
    assert (str(found.first), str(found.last)) == (first, last)


def test_a_period_adds_up_its_own_days_and_only_orders_into_netsuite(orders, bulk):
    now = today(database_time())
    Flow.objects.filter(pk=bulk.pk).update(source_entity="refund")
    period = period_of("90-days", now)
    for flow, day, created in (
        (orders, now, 5),
        (orders, period.first, 2),
        (orders, period.first - ONE_DAY, 100),
        (bulk, now, 7),
    ):
        OutcomeDay.objects.create(
            flow=flow,
            day=day,
            currency="EUR",
            created=created,
            straight=created - 1,
            prevented=1,
            amount=Decimal(created),
        )
    HandledDay.objects.create(day=now, decisions=3, by_person=9, alone=4)
    found = outcome.outcome_of(period)
    assert (found.orders, found.straight, found.prevented) == (7, 5, 3)
    assert (found.decisions, found.by_person, found.alone) == (3, 9, 4)
    assert found.money == {"EUR": Decimal(7)}
    assert found.counted_from is None


def test_a_period_that_was_not_counted_from_its_beginning_says_so(orders):
    day = today(database_time())
    OutcomeDay.objects.create(flow=orders, day=day)
    assert outcome.outcome_of(period_of("90-days", day)).counted_from == day


@pytest.fixture
def ada(db):
    return User.objects.create_user("ada")


def assume(by, **changes):
    told = {"order_minutes": Decimal("6"), "error_minutes": Decimal("5")}
    return assuming.assume(Assumption(**(told | changes)), by)


def test_decisions_are_deducted_and_more_spent_than_saved_is_told(orders, ada):
    day = today(database_time())
    OutcomeDay.objects.create(flow=orders, day=day, created=2)
    HandledDay.objects.create(day=day, decisions=9)
    assume(ada, hour_cost=Decimal("30"), currency="EUR")
    found = outcome.outcome_of(period_of("month", day))
    worth = outcome.worth_of(found, outcome.assumed())
    assert (worth.gained, worth.spent, worth.minutes) == (12, 45, -33)
    assert worth.cost == Decimal("-16.50")


def test_nothing_is_worth_anything_while_nobody_assumed(db):
    found = outcome.outcome_of(period_of("month", today(database_time())))
    assert outcome.worth_of(found, outcome.assumed()) is None


def test_each_change_is_kept_and_stands_in_the_audit_trail(ada):
    assert assume(ada)
    assert assume(ada) is None
    assert assume(ada, order_minutes=Decimal("4.5"))
    assert Assumption.objects.count() == 2
    assert outcome.assumed().order_minutes == Decimal("4.5")
    entry = AuditEntry.objects.filter(subject="assumption").first()
    assert entry.by == ada
    assert entry.detail == "minutes per typed order 6 → 4.5"
