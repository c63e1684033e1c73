"""From the incident to the reader, when things go wrong on the way."""

import json
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction
from django.db.models import F

from errorqueue import alerts, failpoints
from errorqueue.alerting import planning, sending, words
from errorqueue.models import Alert, FailedRecord, Message
from integrations.operations import checks
from tests.errorqueue.alerting import (
    freeze,
    let_alerts_pass,
    make_channel,
    make_rule,
    make_team,
    raise_one,
)
from tests.errorqueue.listener import Listener
from tests.errorqueue.test_incidents import fail

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
MANY = 40
CLOCKS = (alerts, planning, sending)


@pytest.fixture
def told(mailoutbox):
    """Send what waits; return the mails that left, as name and subject."""

    def send():
        before = len(mailoutbox)
        alerts.send_waiting()
        return [
            (one.to[0].partition("@")[0], one.subject.removeprefix("[Waybill] "))
            for one in mailoutbox[before:]
        ]

    return send


@pytest.fixture
def ann(db):
    return User.objects.create_user("ann", email="ann@example.com", is_staff=True)


@pytest.fixture
def kill_at(monkeypatch):
    """Let the process die at a failpoint, once."""

    def arm(place):
        def die(passed):
            if passed == place:
                monkeypatch.undo()
                raise SystemExit(9)

        monkeypatch.setattr(failpoints, "hit", die)

    return arm


@pytest.mark.parametrize(
    ("place", "copies"), [("alert.plan", 1), ("alert.send", 1), ("alert.sent", 2)]
)
def test_f95_a_killed_alerter_tells_it_and_a_copy_is_known_by_its_number(
    told, kill_at, mailoutbox, place, copies
):
    make_rule(make_team((0, make_channel("First"))))
    raise_one()
    kill_at(place)
    with pytest.raises(SystemExit):
        alerts.send_waiting()
    for _ in range(10):
        let_alerts_pass(10 * MINUTE)
        told()
    message = Message.objects.get()
    assert len(mailoutbox) == copies
    assert {one.extra_headers["Message-ID"] for one in mailoutbox} == {
        f"<msg_{message.pk}@127.0.0.1>"
    }
    mark = f"Incident {message.alert_id}, message {message.pk}\n"
    assert all(one.body.endswith(mark) for one in mailoutbox)


def test_f95_a_worker_killed_as_it_writes_the_incident_leaves_no_half_of_it(
    make_record, kill_at, told
):
    record = make_record(label="#1001")
    kill_at("alert.row")
    with pytest.raises(SystemExit), transaction.atomic():
        fail(record)
    assert not FailedRecord.objects.exists() and not Alert.objects.exists()
    fail(record)  # its lease ends, and another worker comes by here again
    assert len(told()) == 1


def test_an_incident_that_no_rule_can_be_found_for_silences_no_other(told, monkeypatch):
    make_rule(make_team((0, make_channel("First"))))
    raise_one(key="a", title="Broken", about={"money": {"EUR": "1"}})
    raise_one(key="b", title="Sound")
    real = planning.rule_for

    def break_one(alert):
        if alert.title == "Broken":
            raise ArithmeticError("no amount")
        return real(alert)

    monkeypatch.setattr(planning, "rule_for", break_one)
    assert told() == [("operators", "Broken"), ("first", "Sound")]
    assert told() == [] and not alerts.has_waiting()


def test_a_text_that_breaks_silences_no_other_and_is_tried_again(told, monkeypatch):
    raise_one(key="a", title="Broken")
    raise_one(key="b", title="Sound")
    real = words.subject_of

    def break_one(message, carried=()):
        if message.alert.title == "Broken":
            raise KeyError("count")
        return real(message, carried)

    with monkeypatch.context() as patch:
        patch.setattr(words, "subject_of", break_one)
        assert told() == [("operators", "Sound")]
    assert "A fault of Waybill (KeyError)" in Message.objects.get(sent_at=None).error
    let_alerts_pass(MINUTE)
    assert told() == [("operators", "Broken")]


def raise_many(**changes) -> None:
    for number in range(MANY):
        raise_one(key=f"cause:{number}", title=f"Cause {number}", **changes)


def passes(told, minutes: int) -> list[str]:
    """Send once a minute; return the subjects."""
    found = []
    for _ in range(minutes):
        found += [subject for _, subject in told()]
        let_alerts_pass(MINUTE)
    return found


def test_f94_many_causes_that_grow_and_end_together_are_a_few_messages(told):
    make_rule(make_team((0, make_channel("First"))))
    raise_many(about={"count": 1})
    assert len(passes(told, 30)) == 6
    Alert.objects.update(count=250)
    grown = passes(told, 30)
    assert grown[-1].startswith(f"{MANY - 5} incidents have grown, the first: Cause ")
    assert len(grown) == 6
    for alert in Alert.objects.all():
        alerts.close_alert(alert.key)
    over = passes(told, 30)
    assert over[-1].startswith(f"{MANY - 5} incidents are over, the first: Cause ")
    assert len(over) == 6
    assert passes(told, 30) == [] and not alerts.has_waiting()


def test_f94_who_is_called_next_hears_of_many_in_a_few_messages(told, ann, mailoutbox):
    make_rule(make_team((0, make_channel("First")), (15, make_channel("Phone"))))
    raise_many()
    assert len(passes(told, 15)) == 6
    alerts.send_waiting()
    called = [one.subject for one in mailoutbox[6:]]
    assert called == [
        f"[Waybill] Nobody has acknowledged: Cause {number}" for number in range(5)
    ]
    # One of those that wait is answered before the message leaves: the rest is told.
    carrier = Message.objects.unsent().get(why="step", tries=0)
    alerts.acknowledge(carrier.alert, ann)
    let_alerts_pass(MINUTE)
    [(_, subject)] = told()
    left = MANY - 6
    assert subject.startswith(f"Nobody has acknowledged {left} incidents, the first: ")
    assert f"{carrier.alert.title} " not in mailoutbox[-1].body
    assert passes(told, 60) == []


def test_who_answers_before_it_leaves_stops_the_call_and_its_second_way(
    told, ann, monkeypatch
):
    phone, chief = make_channel("Phone"), make_channel("Chief")
    make_rule(make_team((0, make_channel("First")), (5, phone, chief)))
    alert = raise_one()
    told()
    let_alerts_pass(6 * MINUTE)

    def refuse(self, messages):
        raise ConnectionRefusedError("mail server away")

    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", refuse)
        assert told() == []
    alerts.acknowledge(alert, ann)
    let_alerts_pass(5 * MINUTE)
    assert told() == [] and not alerts.has_waiting()


QUIET = {"quiet_from": time(22), "quiet_until": time(7), "zone": "Europe/Berlin"}


def test_a_night_of_growth_and_new_incidents_is_one_message_in_the_morning(
    told, monkeypatch, mailoutbox
):
    make_rule(make_team((0, make_channel("First")), **QUIET))
    evening = datetime(2026, 11, 18, 21, tzinfo=UTC)  # 22:00 in Berlin
    for number in range(6):
        freeze(monkeypatch, *CLOCKS, at=evening + number * 30 * MINUTE)
        raise_one(key=f"cause:{number}", title=f"Cause {number}", about={"count": 1})
        assert told() == []
        Alert.objects.update(count=F("count") * 10)
    freeze(monkeypatch, *CLOCKS, at=datetime(2026, 11, 19, 6, tzinfo=UTC))
    assert told() == [("first", "6 incidents, the first: Cause 0")]
    assert "- Cause 1 · 100,000 records http://" in mailoutbox[-1].body
    # What grew unheard took none of the growths that may be told.
    assert set(Alert.objects.values_list("growths", flat=True)) == {0}
    freeze(monkeypatch, *CLOCKS, at=datetime(2026, 11, 19, 9, tzinfo=UTC))
    Alert.objects.filter(key="cause:0").update(count=10**7)
    assert told() == [("first", "Now 10,000,000 records: Cause 0")]


def test_what_becomes_immediate_in_a_quiet_night_does_not_wait_for_the_morning(
    told, monkeypatch
):
    team = make_team((0, make_channel("First")), (30, make_channel("Phone")), **QUIET)
    make_rule(team, min_amount=10_000, is_immediate=True, order=1)
    make_rule(team, order=9)
    night = datetime(2026, 11, 18, 1, tzinfo=UTC)
    freeze(monkeypatch, *CLOCKS, at=night)
    for key in ("a", "b"):  # the second stands in the text of the first
        raise_one(key=key, title=key, about={"count": 1, "money": {"EUR": "100"}})
    assert told() == []
    Alert.objects.filter(key="b").update(money={"EUR": "12000"})
    for alert in Alert.objects.all():
        planning.pass_on(alert)
    assert told() == [("first", "b")]
    freeze(monkeypatch, *CLOCKS, at=night + 30 * MINUTE)
    assert told() == [("phone", "Nobody has acknowledged: b")]
    freeze(monkeypatch, *CLOCKS, at=datetime(2026, 11, 18, 6, tzinfo=UTC))
    assert told() == [("first", "a")]


def test_a_message_says_since_when_by_the_clock_of_its_readers(
    told, monkeypatch, mailoutbox
):
    make_rule(make_team((0, make_channel("First")), zone="America/New_York"))
    at = datetime(2026, 11, 18, 6, 30, tzinfo=UTC)
    raise_one(about={"began_at": at})
    told()
    assert "\nSince 18 Nov 2026 01:30 (America/New_York)\n" in mailoutbox[-1].body


def test_what_grows_on_in_the_quiet_is_one_message_afterwards(told, monkeypatch):
    make_rule(make_team((0, make_channel("First")), **QUIET))
    freeze(monkeypatch, *CLOCKS, at=datetime(2026, 11, 18, 20, tzinfo=UTC))
    raise_one(about={"count": 1})
    assert len(told()) == 1
    for hour, count in ((22, 10), (23, 100), (24, 1_000)):
        at = datetime(2026, 11, 18, tzinfo=UTC) + timedelta(hours=hour)
        freeze(monkeypatch, *CLOCKS, at=at)
        Alert.objects.update(count=count)
        assert told() == []
    freeze(monkeypatch, *CLOCKS, at=datetime(2026, 11, 19, 6, tzinfo=UTC))
    assert told() == [("first", "Now 1,000 records: Orders stand still")]
    assert Alert.objects.get().growths == 1


@pytest.mark.parametrize(
    ("raised", "called"),
    [
        # 03:30 in the night of eight hours: quiet until 07:00, which is 05:00 UTC.
        (
            datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
            datetime(2026, 3, 29, 5, tzinfo=UTC),
        ),
        # 02:30 for the second time, in the night of ten: 07:00 is 06:00 UTC.
        (
            datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
            datetime(2026, 10, 25, 6, tzinfo=UTC),
        ),
    ],
)
def test_steps_are_counted_from_the_first_word_also_when_clocks_are_changed(
    told, monkeypatch, raised, called
):
    make_rule(
        make_team((0, make_channel("First")), (60, make_channel("Phone")), **QUIET)
    )
    freeze(monkeypatch, *CLOCKS, at=raised)
    raise_one()
    for at, names in (
        (raised, []),
        (called - MINUTE, []),
        (called, ["first"]),
        (called + 59 * MINUTE, []),
        (called + 60 * MINUTE, ["phone"]),
    ):
        freeze(monkeypatch, *CLOCKS, at=at)
        assert [who for who, _ in told()] == names


def test_an_hour_until_the_next_call_is_an_hour_over_a_change_of_clocks(
    told, monkeypatch
):
    make_rule(
        make_team(
            (0, make_channel("First")),
            (60, make_channel("Phone")),
            zone="Europe/Berlin",
        )
    )
    at = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)  # 01:30; clocks skip at 02:00
    for minutes, names in ((0, ["first"]), (59, []), (60, ["phone"])):
        freeze(monkeypatch, *CLOCKS, at=at + minutes * MINUTE)
        if not minutes:
            raise_one()
        assert [who for who, _ in told()] == names


@pytest.mark.parametrize(
    ("day", "who"),
    [(date(2026, 12, 24), "room"), (date(2026, 12, 25), "phone")],
)
def test_on_a_holiday_the_phone_is_called_and_not_the_room(told, monkeypatch, day, who):
    room, phone = make_channel("Room"), make_channel("Phone")
    team = make_team(
        (0, room), (0, phone), zone="Europe/Berlin", holidays="2026-12-25 Christmas"
    )
    team.steps.filter(channel=room).update(duty="work")
    team.steps.filter(channel=phone).update(duty="off")
    make_rule(team)
    freeze(monkeypatch, *CLOCKS, at=datetime.combine(day, time(9), UTC))
    raise_one()
    assert [name for name, _ in told()] == [who]


def test_f93_a_chat_that_is_down_hands_over_to_mail_and_hears_it_later(told, settings):
    with Listener() as chat:
        settings.EXTRA_WEBHOOK_HOSTS = [f"127.0.0.1:{chat.port}"]
        hook = make_channel("Chat", "webhook", chat.url)
        make_rule(make_team((0, hook, make_channel("Second"))))
        alert = raise_one()
        chat.status = 503
        assert told() == []
        let_alerts_pass(2 * MINUTE - timedelta(seconds=20))
        assert told() == [("second", "Orders stand still")]
        chat.status = 200
        let_alerts_pass(2 * MINUTE)
        assert told() == []
        bodies = [json.loads(one.body) for one in chat.heard]
    first = Message.objects.get(why="first")
    marks = [(one["id"], one["incident"], one["subject"]) for one in bodies]
    assert set(marks) == {(f"msg_{first.pk}", alert.pk, "[Waybill] Orders stand still")}
    assert chat.heard[-1].headers["Waybill-Id"] == f"msg_{first.pk}"
    assert first.sent_at and not alerts.has_waiting()


def test_f93_a_channel_known_to_fail_does_not_make_the_others_wait(told):
    ill = make_channel("Ill")
    make_rule(make_team((0, ill), (0, make_channel("First"))))
    type(ill).objects.filter(pk=ill.pk).update(last_error="no answer")
    raise_one()
    assert [who for who, _ in told()] == ["first", "ill"]


def test_f93_who_has_left_is_not_mailed_and_the_second_way_is_taken(told, ann):
    make_rule(make_team((0, ann, make_channel("Second"))))
    type(ann).objects.update(is_active=False)
    raise_one()
    assert told() == []
    assert "ann has left: take them out" in Message.objects.get(why="first").error
    let_alerts_pass(timedelta(seconds=90))
    assert told() == [("second", "Orders stand still")]


def test_a_digest_for_a_dead_address_is_no_alarm_and_is_not_tried_for_ever(
    told, ann, monkeypatch
):
    now = sending.database_time()
    Message.objects.create(
        person=ann, to="ann", why="digest", subject="Daily", text="Words.",
        made_at=now, try_at=now,
    )  # fmt: skip
    real = EmailBackend.send_messages

    def refuse_ann(self, messages):
        if messages[0].to == ["ann@example.com"]:
            raise ConnectionRefusedError("no such address")
        return real(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", refuse_ann)
    told()
    let_alerts_pass(2 * MINUTE)
    assert told() == [("operators", "Daily")]
    let_alerts_pass(10 * MINUTE)
    told()
    assert checks.alerts() == ""
    let_alerts_pass(timedelta(hours=7))
    told()
    assert not Message.objects.unsent().exists()
