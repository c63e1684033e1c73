"""`manage.py status`: one screen in words, and an exit code for scripts."""

import json
from datetime import timedelta

import pytest
import requests
from django.core.management import call_command
from django.db import OperationalError
from django.db.models import F

from errorqueue.clock import database_time
from errorqueue.models import Alert, FailedRecord
from integrations.models import InboxEvent, SyncRecord, WorkerGroup
from integrations.operations import checks, report
from integrations.sync import clusters

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alive(db) -> str:
    generation = clusters.begin()
    WorkerGroup.objects.update(canary_at=database_time())
    return generation


@pytest.fixture
def status(capsys):
    """Run the command; return its exit code and what it wrote."""

    def run(*flags: str) -> tuple[int, str]:
        code = 0
        try:
            call_command("status", "--no-web", *flags)
        except SystemExit as end:
            code = int(end.code or 0)
        return code, capsys.readouterr().out

    return run


def test_all_is_well(alive, orders, enter, status):
    enter(orders, "1", state=SyncRecord.State.DELIVERED, delivered_at=database_time())
    code, said = status()
    assert code == 0
    assert said.startswith("All is well.")
    assert (
        "orders: last success just now; 0 waiting, 0 running, 0 held, 0 failed" in said
    )
    assert "Account: ready; 0 of 3 slots in use, 0 waiting" in said
    assert "None is unsent." in said


def test_f39_a_refused_connection_needs_a_person(alive, account, status):
    account.move("refused", "invalid_login")
    code, said = status()
    assert code == 1
    assert "Waybill works; something needs a person." in said
    assert "!  connections  Account: Access refused, just now (invalid_login)" in said


def test_f44_what_a_person_paused_needs_nobody(alive, account, status):
    account.move("paused", "maintenance (olga)")
    code, said = status()
    assert (code, "Paused by a person" in said) == (0, True)


def test_lines_that_wait_for_a_person_are_counted(alive, orders, enter, status):
    (record,) = enter(orders, "1", state=SyncRecord.State.FAILED)
    kind = {"kind": "data", "what": "odd", "object_id": str(record.pk)}
    now = database_time()
    from django.contrib.contenttypes.models import ContentType

    about = ContentType.objects.get_for_model(record)
    FailedRecord.objects.create(
        content_type=about, first_failed_at=now, last_failed_at=now, **kind
    )
    code, said = status()
    assert code == 1
    assert "1 need a person." in said and "0 held, 1 failed" in said


def test_deliveries_that_cannot_be_read_need_a_person(alive, account, status):
    InboxEvent.objects.create(
        connection=account,
        delivery_id="1",
        body=b"",
        digest="",
        received_at=database_time(),
        state=InboxEvent.State.QUARANTINED,
    )
    code, said = status()
    assert (code, "1 could not be read (quarantined)." in said) == (1, True)


def test_f95_dead_workers_and_untold_alerts_are_broken(alive, status):
    WorkerGroup.objects.update(seen_at=F("seen_at") - timedelta(minutes=5))
    code, said = status()
    assert code == 2
    assert f"!! workers      {checks.NOBODY}" in said


def test_a_canary_that_is_late_is_broken(alive, status, settings):
    long = timedelta(seconds=settings.CANARY_SECONDS + 60)
    WorkerGroup.objects.update(
        canary_at=F("canary_at") - long, started_at=F("started_at") - long
    )
    code, said = status()
    assert (code, checks.LATE in said) == (2, True)


def test_one_of_two_clusters_that_hangs_is_told_and_work_goes_on(
    alive, status, settings
):
    long = timedelta(seconds=settings.CANARY_SECONDS + 60)
    WorkerGroup.objects.update(
        canary_at=F("canary_at") - long, started_at=F("started_at") - long
    )
    second = clusters.begin()
    WorkerGroup.objects.filter(pk=second).update(canary_at=database_time())
    code, said = status()
    assert code == 1
    assert ", late" in said and checks.LATE not in said


def test_an_installation_whose_workers_never_ran_is_told_to_start_them(db, status):
    code, said = status()
    assert (code, "None has run yet. Start `work`." in said) == (1, True)


def test_f16_without_a_database_it_says_that_and_no_more(status, monkeypatch):
    def gone() -> str:
        raise OperationalError("connection refused")

    monkeypatch.setitem(checks.CHECKS, "database", gone)
    code, said = status()
    assert code == 2
    assert checks.AWAY in said and "flows" not in said and "refused" not in said


def test_f27_without_its_tables_it_says_what_to_do(status, monkeypatch):
    monkeypatch.setattr(checks, "missing_migrations", lambda: ["errorqueue 0099_new"])

    def no_table(*given) -> None:
        raise OperationalError("no such table")

    monkeypatch.setattr(report.ledger, "flow_figures", no_table)
    code, said = status()
    assert code == 2
    assert "manage.py migrate" in said and "The figures could not be read." in said


def test_a_database_that_hangs_does_not_hang_the_shell(status, monkeypatch):
    import time

    monkeypatch.setattr(report, "MOST_SECONDS", 0.2)
    monkeypatch.setattr(checks, "look", lambda: time.sleep(1.5) or [])
    code, said = status()
    assert (code, "did not answer within 0.2 s" in said) == (2, True)
    time.sleep(1.6)


def test_what_is_before_the_newest_deliveries_is_not_called_never(
    alive, orders, bulk, enter, status, monkeypatch
):
    monkeypatch.setattr(report.recent, "MOST", 2)
    hour = timedelta(hours=1)
    enter(bulk, "old", state="delivered", delivered_at=database_time() - 5 * hour)
    enter(orders, "1", "2", state="delivered", delivered_at=database_time() - 3 * hour)
    _, said = status()
    assert "bulk: last success before 3 hours ago" in said
    assert "orders: last success 3 hours ago" in said


def test_as_json_for_scripts(alive, account, status):
    account.move("unreachable", "timed out")
    code, said = status("--json")
    found = json.loads(said)
    assert (code, found["status"], found["code"]) == (1, "person", 1)
    told = [one for one in found["lines"] if one["about"] == "connections"]
    assert told[0]["level"] == "person"
    assert "timed out" in told[0]["text"]


def test_it_fits_one_screen_and_tells_no_personal_data(alive, orders, enter, status):
    enter(orders, *map(str, range(30)), party="Ada Byron", email="ada@x.example")
    _, said = status()
    assert len(said.splitlines()) < 24
    assert "Ada" not in said and "ada@" not in said


@pytest.mark.parametrize(
    ("answer", "level", "words"),
    [
        (200, report.Level.WELL, "https://waybill.example.com/healthz answers."),
        (302, report.Level.PERSON, "answers 302"),
        (None, report.Level.BROKEN, "does not answer"),
    ],
)
def test_the_web_server_is_asked_whether_it_lives(
    settings, monkeypatch, answer, level, words
):
    settings.SITE_URL = "https://waybill.example.com"

    def get(url: str, **given) -> requests.Response:
        if answer is None:
            raise requests.ConnectionError
        found = requests.Response()
        found.status_code = answer
        return found

    monkeypatch.setattr(report.requests, "get", get)
    line = report.web()
    assert (line.level, words in line.text) == (level, True)


def test_alerts_on_their_way_are_counted(alive, account, status):
    now = database_time()
    Alert.objects.create(key="a", title="T", text="t", raised_at=now, try_at=now)
    code, said = status()
    assert (code, "1 on the way." in said) == (0, True)
