"""On-call services: they call people, once for an incident, and hear of its end."""

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
import requests

from errorqueue import alerts
from errorqueue.alerting import apprise_child, channels, outside
from errorqueue.alerting.outside import NotSent
from errorqueue.models import Alert
from tests.errorqueue.alerting import (
    let_alerts_pass,
    make_channel,
    make_rule,
    make_team,
    raise_one,
)

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
OPSGENIE = ("other", "opsgenie://8b799edf-6f98-4d3a-9be7-2862fb4e5752")
SPLUNK = ("other", "splunk://ops@8b799edf-6f98-4d3a-9be7-2862fb4e5752")
PAGERDUTY = ("pagerduty", "pagerduty://A1BRTD4JDABCDEFG@TIiajkdnlazkcOXrIdevi7F")
PUSHOVER = ("other", f"pover://{'a' * 30}@{'b' * 30}")


@pytest.fixture
def heard(monkeypatch):
    """What services hear; the work of the child is done in this process."""
    found = []

    def post(url, data=None, **more):
        found.append(json.loads(data) if isinstance(data, str | bytes) else data)
        said = b'{"requestId": "r1", "status": 1}'
        return SimpleNamespace(
            status_code=200, content=said, text=said.decode(), headers={}
        )

    def ask(kind, address, more):
        asked = {"url": address, "schemes": outside.SCHEMES[kind], "is_plain_ok": True}
        if problem := apprise_child.run({**asked, **more}):
            raise NotSent(problem)

    monkeypatch.setattr(requests, "post", post)
    monkeypatch.setattr(outside, "_ask", ask)
    return found


@pytest.fixture
def on_call(heard):
    """Let a service be the first who is told."""

    def arrange(kind, address):
        make_rule(make_team((0, make_channel("Pager", kind, address))))

    return arrange


def pass_and_send(by=2 * MINUTE):
    let_alerts_pass(by)
    alerts.send_waiting()


def test_opsgenie_opens_an_alert_and_does_not_merely_note_it(on_call, heard):
    on_call(*OPSGENIE)
    alert = raise_one()
    alerts.send_waiting()
    [told] = heard
    assert told["message"] == "[Waybill] Orders stand still"
    assert told["alias"].startswith(f"waybill-{alert.pk}-")


def test_splunk_and_pagerduty_call_people(on_call, heard):
    on_call(*SPLUNK)
    raise_one()
    alerts.send_waiting()
    assert heard[0]["message_type"] == "CRITICAL"
    channels.test(make_channel("Other", *PAGERDUTY))
    assert heard[1]["payload"]["severity"] == "critical"
    assert heard[1]["event_action"] == "trigger"


def test_one_incident_is_one_alert_of_pagerduty_which_its_end_resolves(on_call, heard):
    on_call(*PAGERDUTY)
    raise_one(about={"count": 1})
    alerts.send_waiting()
    Alert.objects.update(count=100)
    pass_and_send()
    alerts.close_alert("test:1")
    alerts.send_waiting()
    assert [one["event_action"] for one in heard] == ["trigger", "trigger", "resolve"]
    assert len({one["dedup_key"] for one in heard}) == 1


def test_the_end_of_one_incident_ends_no_other_at_splunk(on_call, heard):
    on_call(*SPLUNK)
    for key in ("a", "b"):
        raise_one(key=key, title=key)
    alerts.send_waiting()
    alerts.close_alert("a")
    alerts.send_waiting()
    said = [(one["message_type"], one["entity_id"]) for one in heard]
    (_, first), (_, second), end = said
    assert end == ("RECOVERY", first) and first != second


def test_what_tells_of_many_is_ended_by_none_of_them(on_call, heard):
    on_call(*PAGERDUTY)
    for number in range(8):
        raise_one(key=f"test:{number}", title=f"Incident {number}")
    alerts.send_waiting()
    pass_and_send()
    shared = heard[-1]["dedup_key"]
    assert "3 incidents" in heard[-1]["payload"]["summary"]
    for number in range(8):
        alerts.close_alert(f"test:{number}")
    alerts.send_waiting()
    pass_and_send()
    ended = [one["dedup_key"] for one in heard if one["event_action"] == "resolve"]
    assert ended and shared not in ended


@pytest.mark.parametrize(
    ("service", "size_of"),
    [
        (PAGERDUTY, lambda told: len(told["payload"]["summary"])),
        (PUSHOVER, lambda told: len(told["message"])),
    ],
)
def test_many_incidents_at_once_are_no_longer_than_a_service_takes(
    on_call, heard, service, size_of
):
    on_call(*service)
    for number in range(40):
        title = f"Incident {number} {'with many words ' * 9}"
        raise_one(key=f"test:{number}", title=title, text="A sentence. " * 60)
    alerts.send_waiting()
    pass_and_send()
    assert max(map(size_of, heard)) <= 1024
    assert "35 incidents" in json.dumps(heard[-1])
    assert "acknowledge/" in json.dumps(heard[-1])
