"""F95: whoever sends alerts is dead, so somebody else must see it."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.db.models import F
from django.urls import reverse

from errorqueue.alerts import raise_alert
from errorqueue.models import Alert
from integrations.models import WorkerGroup
from integrations.operations import asking, checks
from integrations.sync import clusters
from tests.errorqueue.pages import text_of

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)


@pytest.fixture
def alive(db) -> str:
    return clusters.begin()


@pytest.fixture
def watcher(client):
    """Ask as a watcher outside does, who has no log-in."""
    return lambda: client.get("/readyz")


@pytest.fixture(autouse=True)
def _asked_anew(monkeypatch):
    monkeypatch.setattr(asking, "FRESH_SECONDS", -1)


def said(answer) -> dict[str, str]:
    """Return the checks that do not hold."""
    found = answer.json()["checks"].items()
    return {name: problem for name, problem in found if problem != "ok"}


def pass_time(by: timedelta) -> None:
    WorkerGroup.objects.update(seen_at=F("seen_at") - by)
    Alert.objects.update(raised_at=F("raised_at") - by, try_at=F("try_at") - by)


def test_f95_dead_workers_are_seen_from_outside_and_on_the_front_page(
    alive, watcher, admin_client
):
    front = reverse("admin:index")
    cache.clear()
    assert watcher().status_code == 200
    assert checks.NOBODY not in text_of(admin_client.get(front))
    pass_time(4 * MINUTE)
    cache.clear()
    answer = watcher()
    assert (answer.status_code, said(answer)) == (503, {"workers": checks.NOBODY})
    assert checks.NOBODY in text_of(admin_client.get(front))
    clusters.note_seen(alive)
    cache.clear()
    assert watcher().status_code == 200


def test_f95_workers_that_were_declared_dead_do_not_count(alive, watcher):
    clusters.end(alive, "Stood still")
    assert watcher().status_code == 503


def test_f95_workers_that_live_and_send_no_alert_are_seen_too(alive, watcher):
    raise_alert("a", "Title", "Text")
    pass_time(4 * MINUTE)
    clusters.note_seen(alive)
    assert watcher().status_code == 200
    pass_time(2 * MINUTE)
    clusters.note_seen(alive)
    assert said(watcher()) == {"alerts": checks.UNTOLD}


def test_f95_an_alert_that_waits_on_purpose_is_no_trouble(alive, watcher):
    raise_alert("a", "Title", "Text", quiet=20 * MINUTE)
    pass_time(10 * MINUTE)
    clusters.note_seen(alive)
    assert watcher().status_code == 200


def test_f95_without_a_database_the_watcher_hears_it(alive, watcher, monkeypatch):
    def gone() -> str:
        raise OperationalError("password authentication failed for user waybill")

    monkeypatch.setitem(checks.CHECKS, "database", gone)
    answer = watcher()
    assert answer.status_code == 503
    assert said(answer)["database"] == checks.AWAY
    assert "waybill" not in answer.text


def test_f95_watchers_that_ask_at_the_former_address_hear_the_same(
    alive, watcher, client
):
    pass_time(4 * MINUTE)
    assert client.get("/health/workers/").json() == watcher().json()
    assert client.get("/health/").status_code == 200
