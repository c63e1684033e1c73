"""Services outside: by kind, to public addresses only, and nothing of ours with them."""

import hashlib
import hmac
import json
from datetime import timedelta

import pytest

from errorqueue import alerts
from errorqueue.alerting import channels, outside, sending
from errorqueue.alerting.outside import NotSent, Told
from errorqueue.clock import database_time
from errorqueue.models import Channel
from integrations.models import WorkerGroup
from integrations.operations import lifesign
from integrations.sync import clusters
from tests.errorqueue.alerting import let_alerts_pass, make_channel, raise_one
from tests.errorqueue.listener import Listener

Kind = Channel.Kind


@pytest.fixture
def listener(settings):
    with Listener() as running:
        settings.EXTRA_WEBHOOK_HOSTS = [f"127.0.0.1:{running.port}"]
        yield running


def chat(listener) -> str:
    """Return the address of a Mattermost room on this machine."""
    return f"mmost://127.0.0.1:{listener.port}/abcdefgh12345678"


def test_apprise_delivers_to_a_chat(listener):
    outside.send(Kind.OTHER, chat(listener), Told("[Waybill] Test", "A <b>line</b>."))
    [heard] = listener.heard
    assert "A <b>line</b>." in json.loads(heard.body)["text"]


def test_a_service_that_refuses_is_named_with_its_answer(listener):
    listener.status = 503
    with pytest.raises(NotSent, match="503"):
        outside.send(Kind.OTHER, chat(listener), Told("[Waybill] Test", "Text"))


def test_what_a_service_answers_shows_no_address(listener, monkeypatch):
    address = chat(listener)
    monkeypatch.setattr(
        outside.subprocess,
        "run",
        lambda *args, **more: type(
            "Ended", (), {"stdout": json.dumps({"problem": f"No: {address}"}).encode()}
        ),
    )
    with pytest.raises(NotSent) as told:
        outside.send(Kind.OTHER, address, Told("s", "b"))
    assert "abcdefgh" not in str(told.value)


def test_an_address_inside_this_network_is_never_called(listener, settings):
    settings.EXTRA_WEBHOOK_HOSTS = []
    with pytest.raises(NotSent):
        outside.send(Kind.OTHER, chat(listener), Told("[Waybill] Test", "Text"))
    assert listener.heard == []


def test_a_redirect_to_the_inside_is_not_followed(listener, settings):
    with Listener() as hidden:
        listener.status, listener.location = 307, hidden.url
        with pytest.raises(NotSent):
            outside.send(Kind.OTHER, chat(listener), Told("[Waybill] Test", "Text"))
        assert hidden.heard == []


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        (
            Kind.SLACK,
            "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlaz",
        ),
        (Kind.PAGERDUTY, "pagerduty://A1BRTD4JDABCDEFG@TIiajkdnlazkcOXrIdevi7F"),
        (
            Kind.TEAMS,
            "https://prod-12.westeurope.logic.azure.com:443/workflows/643e69f83c8944438d"
            "68119179a10a64/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ft"
            "riggers%2Fmanual%2Frun&sv=1.0&sig=abcdefg",
        ),
        (
            Kind.SMS,
            "twilio://AC735c307c62944b5a5e3b7c6c1c53aaaa:abcdef0123456789abcdef01234567"
            "89@+15551234567/+15557654321",
        ),
    ],
)
def test_addresses_are_taken_as_the_services_show_them(kind, address):
    outside.check(kind, address)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mmosts://chat.example.com/abcdefgh12345678?verify=no", "verify=no"),
        ("jsons://example.com/x", "not of this kind"),
        ("syslog://localhost", "not of this kind|no address"),
        ("dbus://", "no address"),
    ],
)
def test_what_could_do_more_than_send_is_refused(address, said):
    with pytest.raises(NotSent, match=said):
        outside.check(Kind.OTHER, address)


def test_in_production_nothing_is_sent_in_the_clear(settings):
    settings.PRODUCTION = True
    with pytest.raises(NotSent, match="in the clear"):
        outside.check(Kind.OTHER, "mmost://chat.example.com/abcdefgh12345678")


def test_the_sender_gets_nothing_of_our_environment(monkeypatch):
    seen = {}

    def run(command, **more):
        seen.update(more)
        return type("Ended", (), {"stdout": b'{"problem": ""}'})

    monkeypatch.setattr(outside.subprocess, "run", run)
    outside.check(Kind.SLACK, "https://hooks.slack.com/services/T/A/T")
    assert seen["env"] == {} and seen["timeout"] == outside.SECONDS


def test_a_webhook_is_signed(db, listener):
    channel = Channel.objects.create(name="Own", kind=Kind.WEBHOOK)
    channels.keep(channel, listener.url, "shh")
    channels.send(channel, Told("[Waybill] Test", "Text"))
    [heard] = listener.heard
    told = dict(
        part.split("=") for part in heard.headers["Waybill-Signature"].split(",")
    )
    signed = told["t"].encode() + b"." + heard.body
    assert told["v1"] == hmac.new(b"shh", signed, hashlib.sha256).hexdigest()
    assert json.loads(heard.body) == {"subject": "[Waybill] Test", "text": "Text"}


def test_f95_the_outside_watcher_hears_of_us_while_people_could_be_told(
    db, listener, monkeypatch
):
    make_channel("Watcher", Kind.HEARTBEAT, listener.url)
    lifesign.give()
    assert len(listener.heard) == 1
    monkeypatch.setattr(lifesign, "trouble", lambda: "Alerts could not be sent.")
    lifesign.give()
    assert len(listener.heard) == 1


def test_f95_a_canary_that_does_not_come_back_stops_the_sign_of_life(db, listener):
    make_channel("Watcher", Kind.HEARTBEAT, listener.url)
    clusters.begin()
    lifesign.give()
    assert len(listener.heard) == 1
    # The supervisor still gives signs of life; no task comes through any more.
    now = database_time()
    long_ago = now - timedelta(minutes=10)
    WorkerGroup.objects.update(started_at=long_ago, canary_at=long_ago, seen_at=now)
    lifesign.give()
    assert len(listener.heard) == 1
    WorkerGroup.objects.update(canary_at=now)
    lifesign.give()
    assert len(listener.heard) == 2


def test_f95_messages_that_do_not_leave_stop_the_sign_of_life(
    db, listener, monkeypatch
):
    make_channel("Watcher", Kind.HEARTBEAT, listener.url)
    monkeypatch.setattr(sending, "_tell", _refuse)
    raise_one()
    alerts.send_waiting()
    lifesign.give()
    assert len(listener.heard) == 1
    let_alerts_pass(timedelta(minutes=6))
    lifesign.give()
    assert len(listener.heard) == 1
    monkeypatch.undo()
    alerts.send_waiting()
    lifesign.give()
    assert len(listener.heard) == 2


def _refuse(message):
    raise NotSent("mail server away")


def test_a_watcher_that_does_not_answer_is_seen_on_its_page(db, listener):
    channel = make_channel("Watcher", Kind.HEARTBEAT, listener.url)
    listener.status = 500
    lifesign.give()
    channel.refresh_from_db()
    assert "500" in channel.last_error


def test_an_address_does_not_open_on_another_row(db):
    first, second = make_channel("First"), make_channel("Second")
    Channel.objects.filter(pk=second.pk).update(sealed_address=first.sealed_address)
    second.refresh_from_db()
    with pytest.raises(NotSent, match="enter it again"):
        channels.send(second, Told("s", "b"))


def test_what_goes_wrong_is_told_without_any_part_of_the_address(db, listener):
    listener.status, listener.text = 404, b"no route for /hooks/s3cr3t-t0ken, oh"
    url = f"http://127.0.0.1:{listener.port}/hooks/s3cr3t-t0ken"
    channel = make_channel("Own", Kind.WEBHOOK, url)
    said = channels.test(channel)
    assert "Answered 404: no route for /hooks/•••, oh" in said
    room = make_channel("Room", Kind.OTHER, chat(listener))
    assert "abcdefgh12345678" not in channels.test(room)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (
            "https://chat.example.com/hooks/s3cr3t-t0ken",
            "https://chat.example.com/…ken",
        ),
        ("https://chat.example.com?key=s3cr3t-t0ken", "https://chat.example.com/…ken"),
        ("slack://s3cr3t-t0ken", "slack://•••/…ken"),
    ],
)
def test_of_an_address_only_the_host_and_its_end_are_shown(address, shown):
    assert channels.hint_of(Kind.WEBHOOK, address) == shown
