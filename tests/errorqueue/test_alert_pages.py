"""Pages of alerts: what is open, who was told, one press to answer, the report."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

from errorqueue import alerts
from errorqueue.alerting import channels, report
from errorqueue.clock import database_time
from errorqueue.models import Alert, AlertRule, Channel, Message, Team
from tests.errorqueue.alerting import (
    let_alerts_pass,
    make_channel,
    make_rule,
    make_team,
    raise_one,
)
from tests.errorqueue.pages import ALERTS, text_of

pytestmark = pytest.mark.django_db

READS = ("view_alert",)
ANSWERS = (*READS, "acknowledge_alert", "assign_failedrecord", "view_failedrecord")
MODELS = ("channel", "team", "teamstep", "alertrule")
SETS = tuple(f"{verb}_{one}" for one in MODELS for verb in ("view", "add", "change"))


@pytest.fixture
def browse(make_person, browser_of):
    def log_in(name, *codes):
        person = make_person(name)
        person.user_permissions.set(Permission.objects.filter(codename__in=codes))
        return browser_of(User.objects.get(pk=person.pk))

    return log_in


@pytest.fixture
def told_alert():
    make_rule(make_team((0, make_channel("Ops room"))))
    about = {"count": 12, "money": {"EUR": "14880.00"}, "flow": "Orders"}
    alert = raise_one(title="Orders: postcode too long", about=about)
    alerts.send_waiting()
    return alert


def page(alert, verb="change") -> str:
    return f"{ALERTS}{alert.pk}/{verb}/"


def test_the_list_says_how_many_how_much_who_was_told_and_who_answered(
    browse, told_alert, cost_of
):
    client = browse("ann", *ANSWERS)
    said = text_of(client.get(ALERTS))
    for word in ("Orders: postcode too long", "12", "14,880.00 EUR", "Ops room"):
        assert word in said
    client.post(page(told_alert, "acknowledge"))
    assert "ann" in text_of(client.get(ALERTS))


def test_the_list_costs_the_same_for_many_incidents(told_alert, cost_of, olga):
    olga.user_permissions.add(Permission.objects.get(codename="view_alert"))
    before = cost_of(ALERTS)
    for number in range(8):
        raise_one(key=f"more:{number}")
    alerts.send_waiting()
    assert cost_of(ALERTS) == before


def test_a_link_changes_nothing_before_the_press(browse, told_alert):
    client = browse("ann", *ANSWERS)
    answer = client.get(page(told_alert, "acknowledge"))
    assert "Nobody else is called" in text_of(answer)
    told_alert.refresh_from_db()
    assert told_alert.acknowledged_at is None
    client.post(page(told_alert, "acknowledge"))
    told_alert.refresh_from_db()
    assert str(told_alert.acknowledged_by) == "ann"


def test_a_link_asks_for_the_log_in_and_comes_back(client, told_alert):
    answer = client.get(page(told_alert, "take"))
    assert answer.status_code == 302
    assert answer.url == f"/admin/login/?next={page(told_alert, 'take')}"


def test_taking_an_alert_assigns_what_nobody_has_of_its_cause(
    browse, make_line, make_person
):
    line, theirs = make_line(), make_line()
    theirs.assignee = make_person("bob")
    theirs.save()
    raise_one(about={"cause_id": line.cause_id, "line_id": line.pk})
    client = browse("ann", *ANSWERS)
    client.post(page(Alert.objects.get(), "take"))
    for one in (line, theirs):
        one.refresh_from_db()
    assert (str(line.assignee), str(theirs.assignee)) == ("ann", "bob")
    assert str(Alert.objects.get().taken_by) == "ann"


def test_readers_see_no_button_and_cannot_answer(browse, told_alert):
    client = browse("aurelia", *READS)
    body = client.get(page(told_alert)).content.decode()
    assert "acknowledge/" not in body
    assert client.post(page(told_alert, "acknowledge")).status_code == 403
    told_alert.refresh_from_db()
    assert told_alert.seen_at is None  # a reader is not somebody who looks after it


def test_without_rights_nothing_is_shown(browse, told_alert):
    client = browse("zoe", "view_cause")
    for address in (
        ALERTS,
        page(told_alert),
        f"{ALERTS}report/",
        f"{ALERTS}report.csv",
    ):
        assert client.get(address).status_code == 403


def test_the_page_tells_the_story_in_order(browse, told_alert):
    client = browse("ann", *ANSWERS)
    client.get(page(told_alert))
    client.post(page(told_alert, "acknowledge"))
    alerts.close_alert(told_alert.key)
    alerts.send_waiting()
    said = text_of(client.get(page(told_alert))).partition("Time line")[2]
    words = ["First failure", "Told Ops room", "First seen", "Acknowledged", "Fixed"]
    places = [said.index(word) for word in words]
    assert places == sorted(places)
    assert "It is over" in said and "by ann" in said


def test_the_report_answers_who_when_and_how_fast(browse, told_alert):
    ann = User.objects.create_user("ann2")
    let_alerts_pass(timedelta(minutes=30))
    alerts.acknowledge(told_alert, ann)
    Alert.objects.update(
        sent_at=Alert.objects.get().raised_at + timedelta(seconds=40),
        closed_at=Alert.objects.get().raised_at + timedelta(hours=3),
    )
    said = text_of(browse("aurelia", *READS).get(f"{ALERTS}report/"))
    for word in ("Ops room", "after 40 s", "after 30 min", "after 3.0 h", "ann2"):
        assert word in said


def test_the_report_comes_out_as_csv_without_formulas(browse, told_alert):
    Alert.objects.update(title='=HYPERLINK("http://evil.example")')
    answer = browse("aurelia", *READS).get(f"{ALERTS}report.csv?months=1")
    [head, row] = csv.reader(io.StringIO(answer.content.decode()))
    found = dict(zip(head, row, strict=True))
    assert found["Title"].startswith("'=")
    assert found["Told whom, when"].startswith("Ops room ")
    assert found["Money"] == "14,880.00 EUR" and found["Fixed"] == ""


def test_median_and_ninth_tenth_are_measured_values():
    spans = [timedelta(minutes=number) for number in range(1, 11)]
    found = report.spread([*spans, None])
    assert found == report.Spread(timedelta(minutes=5), timedelta(minutes=9))
    assert report.spread([None]) == report.Spread(None, None)


def keep_incident(key, began, told=None, seen=None, answered=None, fixed=None):
    """Keep an incident of which each thing happened so many seconds after it began."""
    alert = raise_one(key=key, title=key, about={"began_at": began})
    times = {
        "sent_at": told,
        "seen_at": seen,
        "acknowledged_at": answered,
        "closed_at": fixed,
    }
    known = {
        name: began + timedelta(seconds=seconds)
        for name, seconds in times.items()
        if seconds is not None
    }
    at = {"raised_at": began, "planned_at": began}
    Alert.objects.filter(pk=alert.pk).update(**at, **known)


@pytest.fixture
def autumn(db):
    """Four incidents of a made-up autumn, reckoned by hand in the tests below."""
    november = datetime(2026, 11, 3, 9, tzinfo=UTC)
    keep_incident("a", november, 30, 300, 720, 3600)
    # Half past midnight on the first of November in Berlin.
    keep_incident("b", datetime(2026, 10, 31, 23, 30, tzinfo=UTC), 50, 60, 1800, 7200)
    keep_incident("c", november + timedelta(days=9), 20)
    keep_incident("d", datetime(2026, 10, 31, 22, 30, tzinfo=UTC), 65, 70, 300, 14400)


def test_the_figures_of_a_month_are_those_reckoned_by_hand(autumn):
    with timezone.override("Europe/Berlin"):
        found = report.months(datetime(2026, 10, 1, tzinfo=UTC))
    assert [(one.begin.month, one.count) for one in found] == [(11, 3), (10, 1)]
    seconds = [
        tuple(
            int(span.total_seconds())
            for part in (one.to_alert, one.to_acknowledge, one.to_resolve)
            for span in (part.median, part.p90)
        )
        for one in found
    ]
    assert seconds == [
        # 20, 30, 50 s; 12 and 30 min; 1 and 2 h: half and nine tenths are at or below.
        (30, 50, 720, 1800, 3600, 7200),
        (65, 65, 300, 300, 14400, 14400),
    ]


def test_the_table_tells_of_each_incident_when_what_happened(autumn):
    rows = csv.DictReader(io.StringIO(report.as_csv(datetime(2026, 10, 1, tzinfo=UTC))))
    found = {row["Title"]: row for row in rows}
    assert list(found) == ["c", "a", "b", "d"]
    assert [found["a"][name] for name in report.COLUMNS[7:9]] == [
        "2026-11-03T09:00:00+00:00",
        "2026-11-03T09:00:30+00:00",
    ]
    assert [found["a"][name] for name in ("First seen", "Acknowledged", "Fixed")] == [
        "2026-11-03T09:05:00+00:00",
        "2026-11-03T09:12:00+00:00",
        "2026-11-03T10:00:00+00:00",
    ]
    minutes = [[row[name] for name in report.COLUMNS[-3:]] for row in found.values()]
    assert minutes == [
        ["0.3", "", ""],
        ["0.5", "12.0", "60.0"],
        ["0.8", "30.0", "120.0"],
        ["1.1", "5.0", "240.0"],
    ]


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://evil.example")',
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        " =1+1",
        "\uff1d1+1",
    ],
)
def test_no_cell_of_the_table_is_a_formula(told_alert, text):
    made = {"title": text, "flow": text, "connection": text}
    Alert.objects.update(**made)
    Message.objects.update(to=text)
    [head, row] = csv.reader(io.StringIO(report.as_csv(told_alert.raised_at)))
    cells = dict(zip(head, row, strict=True))
    for name in ("Title", "Flow", "Connection", "Told whom, when"):
        assert cells[name].startswith(f"'{text}")


def channel_form(**changes):
    values = {"name": "Ops", "kind": "mail", "address": "ops@example.com", "secret": ""}
    return {**values, "is_active": "on", **changes}


def test_a_channel_keeps_its_address_sealed_and_shows_it_masked(browse):
    client = browse("ian", *SETS)
    client.post(reverse("admin:errorqueue_channel_add"), channel_form())
    channel = Channel.objects.get()
    assert "ops@example.com" not in channel.sealed_address
    assert channels.opened(channel)[0] == "ops@example.com"
    address = reverse("admin:errorqueue_channel_change", args=[channel.pk])
    body = client.get(address).content.decode()
    assert "ops@example.com" not in body and "op•••@example.com" in body
    client.post(address, channel_form(address="", name="Room"))
    channel.refresh_from_db()
    assert channel.name == "Room"
    assert channels.opened(channel)[0] == "ops@example.com"


@pytest.mark.parametrize(
    ("kind", "address", "said"),
    [
        ("mail", "nobody", "is no e-mail address"),
        ("mail", "", "Enter the address"),
        ("webhook", "http://127.0.0.1/x", "inside this network"),
        ("heartbeat", "ftp://example.com", "no plain web address"),
        ("slack", "https://example.com/nothing", "no address of such a service"),
        ("slack", "discord://1234567890/abcdefghijklmnop", "is not of this kind"),
        ("other", "json://example.com", "is not of this kind"),
        ("other", "file:///etc/passwd", "no address of such a service"),
    ],
)
def test_an_address_that_cannot_be_is_refused_with_the_remedy(
    browse, kind, address, said
):
    client = browse("ian", *SETS)
    form = channel_form(kind=kind, address=address)
    answer = client.post(reverse("admin:errorqueue_channel_add"), form)
    assert said in text_of(answer)
    assert not Channel.objects.exists()


def test_the_test_button_sends_and_says_what_came_of_it(browse, mailoutbox):
    channel = make_channel("Ops")
    client = browse("ian", *SETS)
    address = reverse("admin:errorqueue_channel_test", args=[channel.pk])
    assert "The test was taken." in text_of(client.post(address, follow=True))
    assert mailoutbox[0].to == ["ops@example.com"]
    assert client.get(address).status_code == 405


def test_only_who_may_change_channels_can_test_them(browse):
    channel = make_channel("Ops")
    address = reverse("admin:errorqueue_channel_test", args=[channel.pk])
    client = browse("ann", *ANSWERS, "view_channel")
    assert client.post(address).status_code == 403


def team_form(channel, **changes):
    values = {
        "name": "Operations",
        "zone": "Europe/Berlin",
        "days": ["0", "1", "2", "3", "4"],
        "opens": "08:00",
        "closes": "18:00",
        "holidays": "2026-12-25 Christmas",
        "quiet_from": "22:00",
        "quiet_until": "07:00",
        "tells_end": "on",
        "steps-TOTAL_FORMS": "1",
        "steps-INITIAL_FORMS": "0",
        "steps-0-after_minutes": "0",
        "steps-0-channel": str(channel.pk),
    }
    return {**values, **changes}


def test_a_team_is_entered_in_plain_words(browse):
    client = browse("ian", *SETS)
    channel = make_channel("Ops")
    client.post(reverse("admin:errorqueue_team_add"), team_form(channel))
    team = Team.objects.get()
    assert team.steps.get().channel == channel and team.days == [0, 1, 2, 3, 4]
    said = text_of(client.get(reverse("admin:errorqueue_team_changelist")))
    assert "22:00–07:00" in said and "Ops after 0 min" in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"zone": "Mars/Olympus"}, "There is no time zone"),
        ({"holidays": "Christmas"}, "Begin each line with a date"),
        ({"quiet_until": ""}, "both ends"),
        ({"quiet_until": "22:00"}, "Leave some of the day"),
        ({"weekly_on": "1"}, "a day and a time"),
        ({"steps-0-channel": ""}, "Choose a channel or a person"),
    ],
)
def test_a_team_that_makes_no_sense_is_refused(browse, changes, said):
    client = browse("ian", *SETS)
    form = team_form(make_channel("Ops"), **changes)
    if changes.get("steps-0-channel") == "":
        form["steps-0-after_minutes"] = "5"
    answer = client.post(reverse("admin:errorqueue_team_add"), form)
    assert said in text_of(answer)


def test_a_rule_reads_as_a_sentence(browse):
    client = browse("ian", *SETS)
    team = make_team(name="Night watch")
    form = {
        "name": "Big",
        "order": "5",
        "is_active": "on",
        "kind": "data",
        "flow": "Orders",
        "min_amount": "5000",
        "team": str(team.pk),
        "is_immediate": "on",
    }
    client.post(reverse("admin:errorqueue_alertrule_add"), form)
    assert AlertRule.objects.get().team == team
    said = text_of(client.get(reverse("admin:errorqueue_alertrule_changelist")))
    assert (
        "Incidents of the kind “Wrong data” of Orders worth 5,000 or more go to "
        "Night watch, at any hour." in said
    )


def test_a_message_that_failed_shows_its_reason_without_secrets(browse, told_alert):
    Message.objects.update(sent_at=None, error="refused by mail.example.com", tries=2)
    said = text_of(browse("ann", *ANSWERS).get(page(told_alert)))
    assert "not reached yet" in said and "Tried 2 times" in said
    assert database_time() > told_alert.raised_at
