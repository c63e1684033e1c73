"""Who is told of what: rules, steps, quiet times, growth, bursts, the second channel."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.mail.backends.locmem import EmailBackend

from errorqueue import alerts, failpoints
from errorqueue.alerting import planning, rules, sending
from errorqueue.models import Alert, Message
from tests.errorqueue.alerting import (
    freeze,
    let_alerts_pass,
    make_channel,
    make_rule,
    make_team,
    raise_one,
)

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def told(mailoutbox):
    """Send what waits; return whom this reached, with the subjects."""

    def send():
        before = len(mailoutbox)
        alerts.send_waiting()
        return [
            (one.to[0].partition("@")[0], one.subject) for one in mailoutbox[before:]
        ]

    return send


@pytest.fixture
def refusing(monkeypatch):
    """Mail servers that refuse mail to these names."""
    names = set()
    real = EmailBackend.send_messages

    def pick(self, messages):
        if names & {one.to[0].partition("@")[0] for one in messages}:
            raise ConnectionRefusedError("mail server away")
        return real(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", pick)
    return names


@pytest.fixture
def person(db):
    return User.objects.create_user("ann", email="ann@example.com", is_staff=True)


def test_the_first_rule_that_holds_decides_and_no_rule_means_the_operators(told):
    make_rule(make_team((0, make_channel("Stock")), name="Stock"), kind="inventory")
    make_rule(make_team((0, make_channel("Web")), name="Web"), flow="Orders", order=5)
    raise_one(key="a", about={"kind": "inventory", "flow": "Orders"})
    raise_one(key="b", about={"kind": "inventory", "flow": "Stock"})
    raise_one(key="c", about={"kind": "data", "flow": "Refunds"})
    assert [who for who, _ in told()] == ["web", "stock", "operators"]


@pytest.mark.parametrize(
    ("condition", "about", "holds"),
    [
        ({"kind": "data"}, {"kind": "data"}, True),
        ({"kind": "data"}, {"kind": "mapping"}, False),
        ({"flow": "Orders"}, {"flow": "Orders"}, True),
        ({"flow": "Orders"}, {"flow": "Order"}, False),
        ({"connection": "NetSuite"}, {"connection": "NetSuite"}, True),
        ({"connection": "Shop"}, {"source": "Shop"}, True),
        ({"connection": "Shop"}, {"connection": "NetSuite"}, False),
        ({"min_amount": Decimal(500)}, {"money": {"EUR": "500.00"}}, True),
        ({"min_amount": Decimal(500)}, {"money": {"EUR": "400", "USD": "400"}}, False),
        ({"min_count": 10}, {"count": 10}, True),
        ({"min_count": 10}, {"count": 9}, False),
        ({"min_rate": 1}, {"flow": "Orders"}, False),
        ({"is_active": False}, {}, False),
    ],
)
def test_each_condition_of_a_rule_is_kept(condition, about, holds):
    rule = make_rule(make_team(), **condition)
    alert = raise_one(about=about)
    assert rules.rule_for(alert) == (rule if holds else None)


def test_a_rule_by_rate_counts_what_failed_within_the_hour(make_line):
    lines = [make_line() for _ in range(3)]
    rule = make_rule(make_team(), min_rate=3)
    alert = raise_one(about={"flow": lines[0].flow})
    assert rules.holds(rule, alert)
    rule.min_rate = 4
    assert not rules.holds(rule, alert)


def test_steps_call_the_next_until_somebody_acknowledges(told, person):
    late, last = make_channel("Late"), make_channel("Last")
    make_rule(
        make_team((0, make_channel("First")), (15, person), (15, late), (60, last))
    )
    alert = raise_one()
    assert [who for who, _ in told()] == ["first"]
    let_alerts_pass(14 * MINUTE)
    assert told() == []
    let_alerts_pass(2 * MINUTE)
    assert {who for who, _ in told()} == {"ann", "late"}
    assert alerts.acknowledge(alert, person) and not alerts.acknowledge(alert, person)
    let_alerts_pass(90 * MINUTE)
    assert told() == []
    alert.refresh_from_db()
    assert alert.acknowledged_by == person and alert.seen_by == person


def test_the_last_step_is_the_end_of_the_calls(told):
    make_rule(make_team((0, make_channel("First")), (10, make_channel("Last"))))
    raise_one()
    told()
    let_alerts_pass(11 * MINUTE)
    assert [who for who, _ in told()] == ["last"]
    let_alerts_pass(500 * MINUTE)
    assert told() == [] and not alerts.has_waiting()


@pytest.mark.parametrize(
    ("hour", "names"), [(10, ["room", "chief"]), (3, ["phone", "chief"])]
)
def test_each_step_can_be_for_working_hours_or_for_the_time_outside(
    told, monkeypatch, hour, names
):
    at = datetime(2026, 11, 18, hour, tzinfo=UTC)
    modules = (alerts, planning, sending)
    freeze(monkeypatch, *modules, at=at)
    room, phone = make_channel("Room"), make_channel("Phone")
    chief = make_channel("Chief")
    team = make_team((0, room), (0, phone), (5, room), (10, chief), zone="UTC")
    team.steps.filter(channel=room).update(duty="work")
    team.steps.filter(channel=phone).update(duty="off")
    team.steps.filter(after_minutes=5).update(duty="off" if hour == 10 else "work")
    make_rule(team)
    raise_one()
    found = [who for who, _ in told()]
    for minutes in (6, 11):
        freeze(monkeypatch, *modules, at=at + minutes * MINUTE)
        found += [who for who, _ in told()]
    assert found == names


def test_a_team_with_nobody_on_duty_means_the_operators(told, monkeypatch):
    freeze(
        monkeypatch,
        *(alerts, planning, sending),
        at=datetime(2026, 11, 18, 3, tzinfo=UTC),
    )
    team = make_team((0, make_channel("Room")), zone="UTC")
    team.steps.update(duty="work")
    make_rule(team)
    raise_one()
    assert [who for who, _ in told()] == ["operators"]


def test_the_end_is_told_to_who_heard_the_beginning(told):
    make_rule(make_team((0, make_channel("First")), (10, make_channel("Last"))))
    raise_one()
    told()
    alerts.close_alert("test:1")
    assert told() == [("first", "[Waybill] Over: Orders stand still")]
    let_alerts_pass(60 * MINUTE)
    assert told() == []


def test_a_quiet_night_holds_back_what_is_not_urgent(told, monkeypatch):
    night = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # clocks change at 01:00 UTC
    modules = (alerts, planning, sending)
    freeze(monkeypatch, *modules, at=night)
    quiet = {"quiet_from": time(22), "quiet_until": time(7), "zone": "Europe/Berlin"}
    make_rule(make_team((0, make_channel("First")), **quiet))
    raise_one(key="a", about={"kind": "data"})
    raise_one(key="b", title="Stock", about={"kind": "inventory"})
    raise_one(key="c", title="Access", about={"kind": "access"})
    assert [subject for _, subject in told()] == ["[Waybill] Stock", "[Waybill] Access"]
    freeze(monkeypatch, *modules, at=datetime(2026, 10, 25, 5, 59, tzinfo=UTC))
    assert told() == []
    freeze(monkeypatch, *modules, at=datetime(2026, 10, 25, 6, 0, tzinfo=UTC))
    assert told() == [("first", "[Waybill] Orders stand still")]


def test_a_rule_can_break_the_quiet(told, monkeypatch):
    night = datetime(2026, 11, 18, 2, tzinfo=UTC)
    freeze(monkeypatch, alerts, planning, sending, at=night)
    team = make_team(
        (0, make_channel("First")), quiet_from=time(22), quiet_until=time(7), zone="UTC"
    )
    make_rule(team, is_immediate=True)
    raise_one(about={"kind": "data"})
    assert [who for who, _ in told()] == ["first"]


def grow(count: int) -> None:
    Alert.objects.update(count=count)


def test_growth_is_told_at_powers_of_ten_and_five_messages_are_the_most(told):
    make_rule(make_team((0, make_channel("First"))))
    raise_one(about={"count": 1})
    subjects = [subject for _, subject in told()]
    for count in (7, 10, 40, 99, 100, 1_000, 4_000, 10_000, 10_000, 200_000):
        grow(count)
        let_alerts_pass(2 * MINUTE)
        subjects += [subject for _, subject in told()]
    alerts.close_alert("test:1")
    subjects += [subject for _, subject in told()]
    assert subjects == [
        "[Waybill] Orders stand still",
        "[Waybill] Now 10 records: Orders stand still",
        "[Waybill] Now 100 records: Orders stand still",
        "[Waybill] Now 1,000 records: Orders stand still",
        "[Waybill] Over: Orders stand still",
    ]


def test_growth_within_a_minute_is_one_message_with_the_latest_count(told):
    raise_one(about={"count": 1})
    told()
    for count in (10, 100, 1_000, 10_000):
        grow(count)
        assert told() == []
    let_alerts_pass(2 * MINUTE)
    [(_, subject)] = told()
    assert subject.startswith("[Waybill] Now 10,000 records")


def test_what_grows_past_a_rule_goes_to_the_team_of_that_rule_and_stays_there(told):
    make_rule(make_team((0, make_channel("Chief")), name="Chiefs"), min_count=100)
    make_rule(make_team((0, make_channel("First"))), order=20)
    raise_one(about={"count": 1})
    assert [who for who, _ in told()] == ["first"]
    for count, called in ((99, []), (150, ["chief"]), (400, []), (50, [])):
        Alert.objects.update(count=count, grown=4)
        planning.pass_on(Alert.objects.get())
        assert [who for who, _ in told()] == called


def test_what_grows_by_money_goes_to_who_looks_after_money(told):
    make_rule(make_team((0, make_channel("Cfo")), name="Money"), min_amount=10_000)
    raise_one(about={"count": 1, "money": {"EUR": "9000"}})
    told()
    Alert.objects.update(money={"EUR": "12000"})
    planning.pass_on(Alert.objects.get())
    assert [who for who, _ in told()] == ["cfo"]


def test_many_incidents_at_once_share_messages(told):
    for number in range(40):
        raise_one(key=f"test:{number}", title=f"Incident {number}")
    assert len(told()) == planning.MOST_ALONE
    let_alerts_pass(MINUTE)
    [(_, subject)] = told()
    assert subject == "[Waybill] 35 incidents, the first: Incident 5"
    assert not Alert.objects.filter(sent_at=None).exists()
    assert Message.objects.filter(carried_by=None).count() == 6


def test_f93_a_dead_channel_hands_over_to_the_second_within_two_minutes(told, refusing):
    refusing.add("first")
    team = make_team((0, make_channel("First"), make_channel("Second")))
    make_rule(team)
    raise_one()
    assert told() == []
    assert "mail server away" in Message.objects.get(why="first").error
    let_alerts_pass(2 * MINUTE - timedelta(seconds=20))
    assert told() == [("second", "[Waybill] Orders stand still")]
    assert Alert.objects.get().sent_at
    refusing.clear()
    let_alerts_pass(MINUTE)
    assert [who for who, _ in told()] == ["first"]  # its own tries went on
    assert not Message.objects.unsent().exists()


def test_f93_a_channel_that_recovers_in_time_needs_no_second(told, refusing):
    refusing.add("first")
    make_rule(make_team((0, make_channel("First"), make_channel("Second"))))
    raise_one()
    told()
    refusing.clear()
    let_alerts_pass(timedelta(seconds=40))
    assert [who for who, _ in told()] == ["first"]
    let_alerts_pass(5 * MINUTE)
    assert told() == []


def test_f93_without_a_second_channel_the_operators_hear_it(told, refusing):
    refusing.add("first")
    make_rule(make_team((0, make_channel("First"))))
    raise_one()
    told()
    let_alerts_pass(timedelta(seconds=90))
    assert [who for who, _ in told()] == ["operators"]


def test_f93_a_channel_that_was_taken_out_of_use_falls_back_to_the_operators(told):
    channel = make_channel("First")
    make_rule(make_team((0, channel)))
    raise_one()
    planning.plan()
    type(channel).objects.update(is_active=False)
    assert [who for who, _ in told()] == ["operators"]


def test_f95_an_alerter_killed_between_claim_and_send_tells_it_all_the_same(
    told, monkeypatch
):
    make_rule(make_team((0, make_channel("First"))))
    raise_one()

    def die(place):
        if place == "alert.send":
            raise SystemExit(9)

    monkeypatch.setattr(failpoints, "hit", die)
    with pytest.raises(SystemExit):
        alerts.send_waiting()
    monkeypatch.undo()
    assert told() == []  # still claimed
    let_alerts_pass(MINUTE)
    assert [who for who, _ in told()] == ["first"]
    let_alerts_pass(5 * MINUTE)
    assert told() == []


def test_f95_an_alerter_killed_after_it_sent_tells_it_once_more_at_most(
    told, monkeypatch, mailoutbox
):
    raise_one()

    def die(message):
        raise SystemExit(9)

    with monkeypatch.context() as patch:
        patch.setattr(sending, "_taken", die)
        with pytest.raises(SystemExit):
            alerts.send_waiting()
    let_alerts_pass(MINUTE)
    assert len(told()) == 1 and len(mailoutbox) == 2
    let_alerts_pass(60 * MINUTE)
    assert told() == []


def test_planning_twice_at_once_writes_each_message_once():
    make_rule(make_team((0, make_channel("First"))))
    alert = raise_one()
    now = planning.database_time()
    planning._tell_first(alert, now)
    planning._tell_first(alert, now)
    assert Message.objects.count() == 1


SECOND_DUE = timedelta(seconds=80)


def test_f93_when_the_second_channel_fails_as_well_the_operators_hear_it(
    told, refusing
):
    refusing.update({"first", "second"})
    make_rule(make_team((0, make_channel("First"), make_channel("Second"))))
    raise_one()
    assert told() == []
    let_alerts_pass(SECOND_DUE)
    assert told() == []
    let_alerts_pass(SECOND_DUE)
    assert told() == [("operators", "[Waybill] Orders stand still")]
    assert Alert.objects.get().sent_at
    refusing.clear()
    let_alerts_pass(10 * MINUTE)
    assert {who for who, _ in told()} == {"first", "second"}
    assert not alerts.has_waiting()


def test_f93_who_hears_it_the_second_way_hears_of_growth_and_the_end_too(
    told, refusing
):
    refusing.add("first")
    make_rule(make_team((0, make_channel("First"), make_channel("Second"))))
    raise_one(about={"count": 1})
    found = told()
    let_alerts_pass(SECOND_DUE)
    found += told()
    grow(100)
    for _ in range(2):
        let_alerts_pass(SECOND_DUE)
        found += told()
    alerts.close_alert("test:1")
    for _ in range(2):
        found += told()
        let_alerts_pass(SECOND_DUE)
    assert found == [
        ("second", "[Waybill] Orders stand still"),
        ("second", "[Waybill] Now 100 records: Orders stand still"),
        ("second", "[Waybill] Over: Orders stand still"),
    ]


def test_f93_all_that_waits_for_a_dead_channel_goes_the_second_way_in_time(
    told, refusing
):
    refusing.add("first")
    make_rule(make_team((0, make_channel("First"), make_channel("Second"))))
    for number in range(4):
        raise_one(key=f"test:{number}", title=f"Incident {number}")
    assert told() == []
    # A channel that hangs is not asked again and again, a worker's seat each time.
    assert Message.objects.filter(tries=1).count() == 1 and not alerts.has_waiting()
    let_alerts_pass(SECOND_DUE)
    assert sorted(told()) == [
        ("second", f"[Waybill] Incident {number}") for number in range(4)
    ]


def test_f93_what_is_acknowledged_before_it_calls_nobody_the_second_way(
    told, refusing, person
):
    refusing.add("first")
    make_rule(make_team((0, make_channel("First"), make_channel("Second"))))
    alert = raise_one()
    told()
    alerts.acknowledge(alert, person)
    let_alerts_pass(SECOND_DUE)
    assert told() == []
    refusing.clear()
    let_alerts_pass(MINUTE)
    assert [who for who, _ in told()] == ["first"]  # it was told nothing at all so far


def test_what_joined_a_message_that_nobody_needs_any_more_is_told(
    told, person, monkeypatch
):
    make_rule(make_team((0, make_channel("First")), (5, make_channel("Phone"))))
    for key in ("a", "b"):
        raise_one(key=key, title=key)
    told()
    let_alerts_pass(6 * MINUTE)
    planning.plan()
    first, second = Message.objects.filter(why="step").order_by("pk")
    alerts.acknowledge(first.alert, person)
    Message.objects.filter(pk=first.pk).update(dropped_at=None)
    real, before = sending._is_needless, iter([True])

    def join(message):
        """Put the other one into its text just after it was looked at."""
        if message == first and next(before, False):
            Message.objects.filter(pk=second.pk).update(carried_by=first)
            return True
        return real(message)

    monkeypatch.setattr(sending, "_is_needless", join)
    assert ("phone", "[Waybill] Nobody has acknowledged: b") in told()
