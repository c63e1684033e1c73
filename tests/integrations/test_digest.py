"""The digest: everything that is not in step, once a day or week, at a local time."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.contrib.auth.models import User

from errorqueue import alerts, tally
from errorqueue.alerting import sending
from errorqueue.clock import database_time
from errorqueue.models import Digest, FailedRecord, Message
from integrations.models import SyncRecord
from integrations.operations import digest
from tests.errorqueue.alerting import freeze, make_team
from tests.errorqueue.conftest import flow, make_line, make_record

__all__ = ["flow", "make_line", "make_record"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    made = make_team(zone="Europe/Berlin", daily_at=time(8))
    made.members.add(User.objects.create_user("ann", email="ann@example.com"))
    return made


@pytest.fixture
def at(monkeypatch):
    def go(*parts):
        freeze(monkeypatch, digest, alerts, sending, at=datetime(*parts, tzinfo=UTC))
        digest.send_due()

    return go


def test_it_names_causes_with_count_and_money_overdue_held_and_unsent(
    team, make_line, make_record, mailoutbox
):
    lines = [make_line() for _ in range(3)]
    late = database_time() - timedelta(hours=1)
    FailedRecord.objects.filter(pk=lines[0].pk).update(due_at=late)
    make_record(state=SyncRecord.State.HELD)
    make_record(state=SyncRecord.State.WAITING, due_at=late)
    stuck = Message.objects.create(
        to="Ops", why="first", made_at=late, try_at=database_time() + late.resolution
    )
    Message.objects.filter(pk=stuck.pk).update(tries=3, try_at="2999-01-01T00:00Z")
    tally.refresh()
    text = "\n".join(digest._lines("Daily digest", database_time()))
    for words in (
        "3 × Has a postcode that is too long",
        "3,720.00 EUR",
        "oldest 5 minutes ago",
        "Overdue: 1",
        "On hold:\n- 1 of Orders to NetSuite",
        "Waiting to be sent:\n- 1 of Orders to NetSuite",
        "Messages that reached nobody yet: 1",
    ):
        assert words in text
    assert "jane@example.com" not in text and "Acme Outdoor" not in text


def test_nothing_to_tell_is_told_as_well(team, at, mailoutbox):
    at(2026, 11, 23, 7, 1)
    alerts.send_waiting()
    [mail] = mailoutbox
    assert mail.to == ["ann@example.com"]
    assert "everything is in step" in mail.body
    assert mail.subject == "[Waybill] Daily digest 2026-11-23: Operations"


def test_each_day_is_told_once_at_the_local_time(team, at):
    at(2026, 11, 23, 6, 59)
    assert not Digest.objects.exists()
    for minute in (0, 5, 10):
        at(2026, 11, 23, 7, minute)
    assert Digest.objects.count() == 1 and Message.objects.count() == 1
    at(2026, 11, 24, 7, 0)
    assert Digest.objects.count() == 2


def test_the_local_time_is_kept_when_clocks_change(team, at):
    at(2026, 3, 28, 7, 0)  # winter: 08:00 in Berlin
    at(2026, 3, 29, 5, 59)
    assert Digest.objects.count() == 1
    at(2026, 3, 29, 6, 0)  # summer: 08:00 in Berlin
    assert Digest.objects.count() == 2


def test_a_time_that_the_clock_skips_is_told_after_it(team, at):
    type(team).objects.update(daily_at=time(2, 30))
    at(2026, 3, 29, 1, 5)  # 03:05; 02:30 never was
    assert Digest.objects.count() == 1


def test_a_time_that_comes_twice_is_told_once(team, at):
    type(team).objects.update(daily_at=time(2, 30))
    at(2026, 10, 25, 0, 30)
    at(2026, 10, 25, 1, 30)
    assert Digest.objects.count() == 1


def test_one_of_late_evening_is_told_after_midnight_if_workers_were_away(team, at):
    type(team).objects.update(
        daily_at=time(23, 30), weekly_on=0, weekly_at=time(23, 30)
    )
    at(2026, 11, 23, 23, 10)  # ten past midnight in Berlin, on Tuesday
    at(2026, 11, 24, 4, 0)
    slots = sorted(one.slot for one in Digest.objects.all())
    assert slots == ["Daily digest 2026-11-23", "Weekly digest 2026-W48"]


def test_a_worker_that_was_away_all_day_leaves_it_to_the_next(team, at):
    at(2026, 11, 23, 20, 0)
    assert not Digest.objects.exists()


def test_the_week_has_its_own(team, at):
    type(team).objects.update(daily_at=None, weekly_on=0, weekly_at=time(9))
    at(2026, 11, 23, 8, 0)
    at(2026, 11, 24, 8, 0)
    assert [one.slot for one in Digest.objects.all()] == ["Weekly digest 2026-W48"]


def test_a_team_without_addresses_has_the_operators(at, mailoutbox):
    make_team(zone="UTC", daily_at=time(8))
    at(2026, 11, 23, 8, 0)
    alerts.send_waiting()
    assert mailoutbox[0].to == ["operators@example.com"]


def test_a_digest_that_cannot_be_sent_is_tried_again(team, at, monkeypatch):
    at(2026, 11, 23, 7, 1)

    def refuse(*args):
        raise ConnectionRefusedError("mail server away")

    monkeypatch.setattr(sending, "_tell", refuse)
    alerts.send_waiting()
    assert Message.objects.get(second_of=None).error == "mail server away"
