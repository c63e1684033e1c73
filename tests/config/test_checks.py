import os
from datetime import timedelta

import pytest
from django.core import checks
from django.core.management import call_command
from django.db import connection

from config import checks as ours
from errorqueue.clock import database_time


def ids(found):
    return [message.id for message in found]


def test_the_shipped_settings_pass():
    assert ids(checks.run_checks()) == []


def test_a_timeout_shorter_than_a_drain_and_a_call_is_refused(settings):
    settings.DRAIN_SECONDS = settings.Q_CLUSTER["timeout"]
    assert ids(ours.clockwork_fits(None)) == ["config.E002"]


def test_a_retry_before_the_timeout_is_refused(settings):
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, "retry": 60}
    assert ids(ours.clockwork_fits(None)) == ["config.E002"]


@pytest.mark.parametrize("change", [{"orm": "other"}, {"redis": {"host": "cache"}}])
def test_a_broker_outside_the_database_is_refused(settings, change):
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, **change}
    assert ids(ours.wake_ups_are_in_our_database(None)) == ["config.E003"]


def test_failpoints_are_refused_in_production_only(settings):
    settings.FAILPOINTS = "/tmp/armed"
    assert ids(ours.no_strikes_in_production(None)) == []
    settings.PRODUCTION = True
    assert ids(ours.no_strikes_in_production(None)) == ["config.E004"]


@pytest.mark.django_db
@pytest.mark.skipif(
    "postgres" not in os.environ.get("DATABASE_URL", ""), reason="PostgreSQL"
)
def test_f25_a_database_that_may_forget_commits_is_refused_in_production(settings):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
    [found] = ours._weak_commits()
    assert found.id == "config.E005" and found.level == checks.WARNING
    settings.PRODUCTION = True
    [found] = ours.database_is_sound(None, databases=["default"])
    assert found.level == checks.ERROR and "synchronous_commit" in found.msg


@pytest.mark.django_db
def test_a_clock_that_is_off_is_told(monkeypatch):
    monkeypatch.setattr(
        ours, "database_time", lambda: database_time() + timedelta(seconds=9)
    )
    [found] = ours.database_is_sound(None, databases=["default"])
    assert found.id == "config.W001" and "differ by 9 s" in found.msg


@pytest.mark.django_db
def test_the_command_of_the_workers_asks_the_database(monkeypatch):
    from integrations.management.commands import work

    asked = []
    monkeypatch.setattr(work, "supervise", lambda: None)
    monkeypatch.setattr(ours, "_skew", lambda: asked.append(1) or [])
    call_command("work")
    assert asked


def test_a_network_that_is_none_and_a_token_to_be_guessed_are_told(settings):
    settings.METRICS_ADDRESSES = ["10.2.0.0/16", "192.0.2.7", "office"]
    settings.METRICS_TOKEN = "hunter2"
    settings.LOG_FORMAT = "yaml"
    found = ours.probes_are_set_up(None)
    assert ids(found) == ["config.E006", "config.W002", "config.E007"]
    assert "hunter2" not in str(found) and "'office'" in found[0].msg
    settings.METRICS_ADDRESSES, settings.METRICS_TOKEN = [], ""
    settings.LOG_FORMAT = "json"
    assert ids(ours.probes_are_set_up(None)) == []
