"""Due times by kind and flow, counted in a team's working time, warned of and told."""

from datetime import UTC, datetime, time, timedelta

import pytest

from errorqueue import alerts, chores, escalation, routing
from errorqueue.alerting import report
from errorqueue.alerting.timeline import timeline_of
from errorqueue.clock import database_time
from errorqueue.failures import FailureKind
from errorqueue.models import Alert, FailedRecord, RoutingRule
from tests.errorqueue.alerting import make_team

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def team():
    return make_team(zone="Europe/Berlin", opens=time(9), closes=time(17))


@pytest.fixture
def all_day():
    return make_team(days=list(range(7)), opens=time(0), closes=time(0), zone="UTC")


def make_rule(**changes) -> RoutingRule:
    name = f"rule {RoutingRule.objects.count()}"
    rule = RoutingRule.objects.create(**{"name": name, "due_hours": 4, **changes})
    rule.refresh_from_db()
    return rule


def test_each_kind_and_flow_has_its_own_time(make_line):
    make_rule(kind="data", flow="Orders to NetSuite", due_hours=4, order=1)
    make_rule(kind="mapping", due_hours=8, order=2)
    data, mapping = make_line(), make_line(FailureKind.MAPPING)
    conflict = make_line(FailureKind.CONFLICT)
    first = FailedRecord.objects.in_bulk()
    for line, hours in ((data, 4), (mapping, 8)):
        wait = first[line.pk].due_at - first[line.pk].last_failed_at
        assert wait == hours * HOUR
    assert conflict.due_at is None and data.warn_at is None


def test_the_clock_of_a_team_stands_still_outside_its_hours(team):
    rule = make_rule(team=team)
    friday = datetime(2026, 11, 20, 15, tzinfo=UTC)  # 16:00 in Berlin
    assert routing.due_by(rule, friday) == datetime(2026, 11, 23, 11, tzinfo=UTC)
    assert routing.warned_by(rule, friday) == datetime(2026, 11, 23, 10, tzinfo=UTC)


def test_the_clock_goes_on_over_a_change_of_clocks(team):
    rule = make_rule(team=team)
    friday = datetime(2026, 3, 27, 15, tzinfo=UTC)  # 16:00; Monday is summer time
    assert routing.due_by(rule, friday) == datetime(2026, 3, 30, 10, tzinfo=UTC)


def test_a_rule_says_whose_time_it_counts(team):
    said = routing.sentence(make_rule(team=team))
    assert "are due in 4 h of the working time of Operations" in said


def make_nearly(make_line, **changes) -> FailedRecord:
    line = make_line()
    now = database_time()
    columns = {"due_at": now + HOUR, "warn_at": now - HOUR, **changes}
    FailedRecord.objects.filter(pk=line.pk).update(**columns)
    return line


def incidents_of(head: str) -> list[str]:
    found = Alert.objects.filter(key__startswith=head, closed_at=None)
    return list(found.values_list("title", flat=True))


def test_what_is_due_soon_is_told_once_and_together(make_line):
    make_nearly(make_line)
    make_nearly(make_line)
    assert escalation.has_due()
    chores.run()
    assert incidents_of("soon:") == [
        "2 failures are due soon: Orders to NetSuite, with nobody"
    ]
    assert not escalation.has_due()
    assert Alert.objects.get(key__startswith="soon:").kind == "deadline"


def test_a_warning_began_when_it_was_given_and_not_in_the_future(make_line):
    make_nearly(make_line)
    chores.run()
    alerts.send_waiting()
    alert = Alert.objects.get(key__startswith="soon:")
    assert alert.began == alert.raised_at
    took = report.to_alert(alert)
    assert took is not None and timedelta(0) <= took < timedelta(minutes=1)
    assert [one.label for one in timeline_of(alert)][0] == "First failure"


def test_a_breach_ends_the_warning_and_is_told_itself(make_line):
    line = make_nearly(make_line)
    chores.run()
    late = database_time() - timedelta(seconds=1)
    FailedRecord.objects.filter(pk=line.pk).update(due_at=late)
    chores.run()
    assert incidents_of("soon:") == []
    assert incidents_of("overdue:") == [
        "1 failure is overdue: Orders to NetSuite, with nobody"
    ]


def test_what_was_late_before_anybody_looked_is_not_called_soon(make_line):
    make_nearly(make_line, due_at=database_time() - HOUR)
    chores.run()
    assert incidents_of("soon:") == [] and len(incidents_of("overdue:")) == 1
    assert not escalation.has_due()


def test_a_warning_is_over_when_it_is_settled_in_time(make_line):
    line = make_nearly(make_line)
    chores.run()
    FailedRecord.objects.filter(pk=line.pk).update(status="resolved")
    chores.run()
    assert incidents_of("soon:") == []


def test_a_line_of_a_team_is_warned_of_by_its_own_rule(make_line, all_day):
    make_rule(team=all_day)
    line = make_line()
    assert line.due_at - line.warn_at == HOUR
