"""What is overdue is told once, and never one alert per record."""

from datetime import timedelta

import pytest

from errorqueue import alerts, chores, escalation, people, services
from errorqueue.clock import database_time
from errorqueue.models import Alert, FailedRecord
from errorqueue.query import lines_for
from tests.errorqueue.alerting import let_alerts_pass


@pytest.fixture
def ann(make_person):
    return make_person("ann", "view", "assign")


@pytest.fixture
def make_late(make_line):
    def make(assignee=None, minutes=-1, **changes):
        line = make_line()
        due = database_time() + timedelta(minutes=minutes)
        changes = {"due_at": due, "assignee": assignee, **changes}
        FailedRecord.objects.filter(pk=line.pk).update(**changes)
        return line

    return make


@pytest.fixture
def heard(monkeypatch):
    """What alerts are raised of, in order."""
    found, tell = [], escalation.alert

    def listen(incident):
        found.append(incident)
        tell(incident)

    monkeypatch.setattr(escalation, "alert", listen)
    return found


def overdue_alerts():
    return Alert.objects.filter(key__startswith="overdue:", closed_at=None)


def test_what_is_not_due_yet_or_never_is_not_told(make_late, make_line, heard):
    make_late(minutes=5)
    make_line()
    assert not escalation.has_due()
    chores.run()
    assert heard == []


def test_many_late_lines_of_one_person_and_flow_are_one_alert(make_late, ann, heard):
    lines = [make_late(ann) for _ in range(3)]
    other = make_late()
    assert escalation.has_due()
    chores.run()
    told = {one.who: [line.pk for line in one.lines] for one in heard}
    assert told == {"ann": [line.pk for line in lines], "nobody": [other.pk]}
    titles = sorted(overdue_alerts().values_list("title", flat=True))
    assert titles == [
        "1 failure is overdue: Orders to NetSuite, with nobody",
        "3 failures are overdue: Orders to NetSuite, with ann",
    ]


def test_each_line_is_told_once_and_says_so(make_late, ann, heard):
    line = make_late(ann)
    chores.run()
    chores.run()
    assert len(heard) == 1
    line.refresh_from_db()
    assert line.escalated_at is not None
    assert line.actions.get().verb == "escalate"
    later = make_late(ann)
    chores.run()
    assert [one.pk for one in heard[1].lines] == [later.pk]
    assert overdue_alerts().count() == 1


def test_the_alert_leads_to_exactly_these_lines(make_late, ann):
    mine = make_late(ann)
    make_late()
    make_late(ann, minutes=30)
    chores.run()
    link = overdue_alerts().get(title__contains="ann").link
    found = lines_for(link.partition("?")[2], ann)
    assert [line.pk for line in found] == [mine.pk]


def test_the_incident_ends_when_nothing_is_late_any_more(make_late, ann, olga):
    line, other = make_late(ann), make_late(ann)
    chores.run()
    services.resolve_by_hand(line, olga, "by phone")
    chores.run()
    assert overdue_alerts().exists()
    services.resolve_by_hand(other, olga, "by phone")
    assert escalation.has_due()
    chores.run()
    assert not overdue_alerts().exists()
    make_late(ann)
    chores.run()
    assert overdue_alerts().count() == 1


def test_what_is_put_off_is_told_when_it_wakes(make_late, ann, heard):
    line = make_late(ann)
    people.snooze(line, database_time() + timedelta(hours=1), ann)
    chores.run()
    assert heard == []
    people.wake(line)
    chores.run()
    assert len(heard) == 1


def test_an_alert_that_cannot_be_raised_loses_no_line(make_late, ann, monkeypatch):
    line = make_late(ann)

    def break_down(incident):
        raise RuntimeError("no database")

    with monkeypatch.context() as patch:
        patch.setattr(escalation, "alert", break_down)
        chores.run()
    line.refresh_from_db()
    assert line.escalated_at is None
    assert not overdue_alerts().exists()
    chores.run()
    line.refresh_from_db()
    assert line.escalated_at is not None


def test_f97_the_mail_names_the_oldest_lines_and_nobodys_address(
    make_late, ann, mailoutbox
):
    line = make_late(ann, what="has no customer for jane@example.com")
    chores.run()
    alerts.send_waiting()
    [told] = [one for one in mailoutbox if "overdue" in one.subject]
    assert "has no customer for •••" in told.body
    assert line.human_id in told.body
    assert "Orders to NetSuite, with ann" in told.subject


def test_what_becomes_late_afterwards_is_counted_and_told_when_ten_times_as_many(
    make_late, ann, mailoutbox
):
    make_late(ann)
    chores.run()
    alerts.send_waiting()
    for _ in range(11):
        make_late(ann)
    chores.run()
    told = overdue_alerts().get()
    assert told.count == 12 and told.title.startswith("12 failures are overdue")
    let_alerts_pass(timedelta(minutes=2))
    alerts.send_waiting()
    subjects = [one.subject for one in mailoutbox]
    assert any(one.startswith("[Waybill] Now 12 records: 12 fail") for one in subjects)


def test_what_is_overdue_is_told_with_the_money_that_waits(make_late, ann, mailoutbox):
    for _ in range(2):
        make_late(ann)
    chores.run()
    alerts.send_waiting()
    [told] = [one for one in mailoutbox if "overdue" in one.subject]
    assert "2 records · 2,480.00 EUR" in told.body
