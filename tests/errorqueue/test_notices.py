"""Webhooks are written with what they tell of, and sent once."""

import hashlib
import hmac
import json
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from errorqueue import alerts, chores, notices, services, signing, undo
from errorqueue.clock import database_time
from errorqueue.models import Alert, FailedRecord, Notice, Subscriber, Watermark
from errorqueue.outgoing import NotTaken
from tests.errorqueue.listener import Listener


@pytest.fixture(autouse=True)
def _asked_anew():
    notices.forget()
    yield
    notices.forget()


@pytest.fixture
def listener(settings):
    with Listener() as running:
        settings.EXTRA_WEBHOOK_HOSTS = ["127.0.0.1"]
        yield running


@pytest.fixture
def make_subscriber(db, listener):
    def make(name="Tickets", events=("opened", "resolved"), **changes):
        values = {"name": name, "url": listener.url, "events": list(events)}
        subscriber = Subscriber.objects.create(**{**values, **changes})
        signing.renew_secret(subscriber)
        notices.forget()
        return subscriber

    return make


@pytest.fixture
def subscriber(make_subscriber):
    return make_subscriber()


def events():
    return list(Notice.objects.order_by("pk").values_list("event", flat=True))


def later(**time):
    """Let so much time pass for all that is planned."""
    for notice in Notice.objects.filter(sent_at=None):
        Notice.objects.filter(pk=notice.pk).update(
            try_at=notice.try_at - timedelta(**time),
        )
    for rest in Watermark.objects.all():
        Watermark.objects.filter(pk=rest.pk).update(at=rest.at - timedelta(**time))


def test_a_line_that_needs_a_person_is_told_once(subscriber, make_line):
    line = make_line()
    make_line(record=line.subject)
    make_line(record=line.subject)
    assert events() == ["opened"]


def test_a_line_that_retries_by_itself_disturbs_nobody(subscriber, make_line):
    line = make_line(waits=True)
    services.resolve(line.subject, "Delivered.")
    assert events() == []


def test_a_line_that_gives_up_retrying_is_told_then(subscriber, make_line):
    line = make_line(waits=True)
    make_line(record=line.subject)
    assert events() == ["opened"]


@pytest.mark.parametrize("way", ["delivered", "exclude", "resolve"])
def test_its_end_is_told_however_it_came(subscriber, make_line, olga, way):
    line = make_line()
    if way == "delivered":
        services.resolve(line.subject, "Delivered.")
        services.resolve(line.subject, "Delivered.")
    elif way == "exclude":
        services.exclude(line, olga, "a test order")
    else:
        services.resolve_by_hand(line, olga, "entered by hand")
    assert events() == ["opened", "resolved"]
    body = Notice.objects.get(event="resolved").body
    ending = {"delivered": "delivered", "exclude": "excluded", "resolve": "by_hand"}
    assert body["ending"] == ending[way]


def test_what_is_taken_back_is_told_as_open_again(subscriber, make_line, olga):
    line = make_line()
    undo.take_back(services.exclude(line, olga, "a test order"), olga)
    assert events() == ["opened", "resolved", "opened"]


def test_who_came_later_hears_of_no_end_without_a_beginning(make_subscriber, make_line):
    line = make_line()
    make_subscriber("both")
    make_subscriber("ends", ["resolved"])
    make_subscriber("openings", ["opened"])
    make_subscriber("off", is_active=False)
    services.resolve(line.subject, "Delivered.")
    told = Notice.objects.values_list("subscriber__name", "event")
    assert list(told) == [("ends", "resolved")]


def test_a_notice_is_gone_with_what_it_told_of(subscriber, make_record):
    from tests.errorqueue.conftest import failure

    record = make_record()
    with pytest.raises(RuntimeError), transaction.atomic():
        services.capture(record, record.labels(), failure())
        assert Notice.objects.count() == 1
        raise RuntimeError("the outcome was not kept")
    assert not Notice.objects.exists() and not FailedRecord.objects.exists()


def test_f97_nothing_personal_travels(subscriber, make_record):
    from tests.errorqueue.conftest import failure

    record = make_record(label="jane@example.com", party="Jane Doe")
    labels = record.labels()
    told = failure(what="says that Jane Doe, jane@example.com is unknown")
    services.capture(record, labels, told)
    body = Notice.objects.get().body
    shown = json.dumps(body)
    assert "jane" not in shown.lower() and "SW1A" not in shown
    assert set(body) == {
        *("id", "sentence", "kind", "status", "ending", "flow", "money", "links")
    }
    assert body["money"] == {"amount": "1240.00", "currency": "EUR"}


def test_without_a_subscriber_no_query_more_is_spent(make_line, olga):
    """The question whether there is one is asked once for many lines."""
    make_line()
    line = make_line()
    with CaptureQueriesContext(connection) as queries:
        make_line(record=line.subject)
        services.resolve(line.subject, "Delivered.")
    asked = [each["sql"] for each in queries]
    tables = (Subscriber._meta.db_table, Notice._meta.db_table)
    assert not [sql for sql in asked if any(name in sql for name in tables)]


def test_a_message_is_signed_over_time_and_body(subscriber, make_line, listener):
    line = make_line()
    assert chores.has_due()
    assert notices.send_due() == 1
    heard = listener.heard[0]
    told = json.loads(heard.body)
    notice = Notice.objects.get()
    assert told["id"] == heard.headers["Waybill-Id"] == f"ntc_{notice.pk}"
    assert told["event"] == heard.headers["Waybill-Event"] == "opened"
    assert told["record"]["id"] == line.human_id
    assert told["record"]["links"]["api"].endswith(f"/{line.pk}/")
    moment, mark = heard.headers["Waybill-Signature"].split(",")
    key = signing.secrets_of(subscriber)[0].encode()
    signed = moment.removeprefix("t=").encode() + b"." + heard.body
    assert mark == "v1=" + hmac.new(key, signed, hashlib.sha256).hexdigest()
    assert abs(int(moment[2:]) - database_time().timestamp()) < 5
    assert notice.sent_at and not notices.has_due()
    assert notices.send_due() == 0 and len(listener.heard) == 1


def test_a_new_secret_signs_beside_the_old_one_for_a_day(subscriber):
    old = signing.secrets_of(subscriber)[0]
    new = signing.renew_secret(subscriber)
    assert signing.secrets_of(subscriber) == [new, old]
    assert signing.signature([new, old], 5, b"x").count("v1=") == 2
    if connection.vendor == "sqlite":
        with time_machine.travel(database_time() + timedelta(days=1, seconds=5)):
            assert signing.secrets_of(subscriber) == [new]


def test_a_message_that_is_not_taken_comes_again_and_again(
    subscriber, make_line, listener
):
    make_line()
    listener.status = 500
    waits = []
    for _ in range(6):
        notices.send_due()
        notice = Notice.objects.get()
        waits.append(notice.try_at - database_time())
        later(hours=7)
    minutes = [round(wait.total_seconds() / 60) for wait in waits[:5]]
    assert minutes == [1, 5, 30, 120, 360]
    notice.refresh_from_db()
    assert notice.given_up_at and notice.tries == 6
    assert "500" in notice.error
    assert len(listener.heard) == 6
    assert len({heard.headers["Waybill-Id"] for heard in listener.heard}) == 1
    subscriber.refresh_from_db()
    assert "500" in subscriber.paused_reason
    assert Alert.objects.get().key == f"webhook:{subscriber.pk}"


def test_one_bad_message_does_not_pause_who_takes_the_others(
    subscriber, make_line, listener
):
    make_line()
    for _ in range(6):
        listener.status = 500
        notices.send_due()
        later(hours=7)
    Subscriber.objects.update(paused_reason="")
    bad = Notice.objects.get()
    Notice.objects.filter(pk=bad.pk).update(given_up_at=None, tries=5)
    make_line()
    listener.status = 200
    good = Notice.objects.latest("pk")
    assert notices.send(good, subscriber)
    listener.status = 400
    later(hours=7)
    bad.refresh_from_db()
    notices.send(bad, subscriber)
    bad.refresh_from_db()
    subscriber.refresh_from_db()
    assert bad.given_up_at and subscriber.paused_reason == ""


def test_what_happens_while_it_is_paused_is_kept_and_sent(
    subscriber, make_line, listener
):
    notices.pause(subscriber, "It took nothing.")
    make_line()
    assert not notices.has_due() and notices.send_due() == 0
    alerts.raise_alert(f"webhook:{subscriber.pk}", "Tickets", "Text")
    assert notices.resume(subscriber) and not notices.resume(subscriber)
    assert notices.send_due() == 1
    assert not Alert.objects.filter(closed_at=None).exists()


def test_who_is_gone_for_good_is_paused_at_once(subscriber, make_line, listener):
    make_line()
    listener.status = 410
    notices.send_due()
    subscriber.refresh_from_db()
    assert "gone" in subscriber.paused_reason


def test_two_workers_never_send_one_message_at_once(subscriber, make_line, listener):
    make_line()
    first, second = Notice.objects.get(), Notice.objects.get()
    assert notices.send(first, subscriber)
    assert not notices.send(second, subscriber)
    assert len(listener.heard) == 1


def test_a_worker_that_died_while_sending_leaves_it_due_again(
    subscriber, make_line, listener, monkeypatch
):
    make_line()

    def die(*given):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(notices, "deliver", die)
        notices.send_due()
    assert notices.send_due() == 0
    later(minutes=1, seconds=1)
    assert notices.send_due() == 1


def test_the_end_of_a_line_waits_for_its_beginning(subscriber, make_line, listener):
    line = make_line()
    listener.status = 500
    notices.send_due()
    services.resolve(line.subject, "Delivered.")
    listener.status = 200
    assert notices.send_due() == 0
    later(minutes=2)
    notices.send_due()
    notices.send_due()
    told = [heard.headers["Waybill-Event"] for heard in listener.heard]
    assert told == ["opened", "opened", "resolved"]


def test_who_does_not_answer_holds_nobody_else_up(
    make_subscriber, make_line, listener, settings
):
    make_subscriber("Away", url="http://127.0.0.1:9/")
    make_subscriber("There")
    for _ in range(3):
        make_line()
    assert notices.send_due() == 3
    away = Notice.objects.filter(subscriber__name="Away")
    assert list(away.order_by("pk").values_list("tries", flat=True)) == [1, 0, 0]
    assert not notices.has_due()


def test_a_secret_that_no_key_opens_is_said(subscriber, make_line, settings):
    from cryptography.fernet import Fernet

    make_line()
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    notices.send_due()
    assert "WAYBILL_FIELD_KEYS" in Notice.objects.get().error


def test_old_messages_of_settled_lines_are_cleared_away(subscriber, make_line):
    kept, gone = make_line(), make_line()
    services.resolve(gone.subject, "Delivered.")
    long_ago = database_time() - timedelta(days=40)
    Notice.objects.update(sent_at=long_ago)
    old = notices.old(database_time() - timedelta(days=30))
    assert {notice.line_id for notice in old} == {gone.pk} != {kept.pk}


def test_a_test_tells_of_nothing_and_leaves_no_row(subscriber, listener):
    notices.test(subscriber)
    assert json.loads(listener.heard[0].body)["event"] == "test"
    listener.status = 404
    with pytest.raises(NotTaken, match="404"):
        notices.test(subscriber)
    assert not Notice.objects.exists()


def test_a_webhook_that_takes_nothing_rests_and_its_other_messages_stay(
    subscriber, make_line, listener
):
    for _ in range(3):
        make_line()
    before = dict(Notice.objects.values_list("pk", "try_at"))
    listener.status = 500
    notices.send_due()
    tried = Notice.objects.get(tries=1)
    others = Notice.objects.exclude(pk=tried.pk)
    assert all(one.try_at == before[one.pk] for one in others)
    assert not notices.has_due()
    notices.send_due()
    assert len(listener.heard) == 1
    listener.status = 200
    later(minutes=1, seconds=1)
    assert notices.send_due() == 3
