"""What machines ask: alive, ready, and the figures."""

import threading
import time

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from config import views
from integrations.operations import asking, checks, metrics

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "a-token-of-some-length"


@pytest.fixture(autouse=True)
def _asked_anew(monkeypatch):
    monkeypatch.setattr(asking, "FRESH_SECONDS", -1)


@pytest.fixture
def figures(settings):
    settings.METRICS_TOKEN = TOKEN


def test_alive_touches_nothing(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert client.post("/healthz").status_code == 405


def test_ready_says_of_each_check_that_it_holds(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "checks": dict.fromkeys(("database", "schema", "workers", "alerts"), "ok"),
        "standing_still": {
            "connections_open": 0,
            "connections_half_open": 0,
            "flows_open": 0,
            "flows_half_open": 0,
            "connections_in_maintenance": 0,
        },
    }


def test_a_probe_may_ask_by_the_address_of_the_machine(client, settings):
    """An orchestrator asks by an address that is none of ALLOWED_HOSTS."""
    settings.ALLOWED_HOSTS = ["waybill.example.com"]
    for address in ("/healthz", "/readyz", "/health/"):
        assert client.get(address, headers={"host": "10.1.2.3"}).status_code == 200


@pytest.mark.parametrize("address", ["healthz", "readyz", "metrics", "health/workers/"])
def test_probes_are_not_sent_on_to_https(address):
    import re
    import subprocess
    import sys

    code = "import config.settings as s; print('\\n'.join(s.SECURE_REDIRECT_EXEMPT))"
    keys = {"SECRET_KEY": "x", "WAYBILL_FIELD_KEYS": "y", "WAYBILL_PRODUCTION": "1"}
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=keys,
        capture_output=True,
        text=True,
        check=True,
    )
    assert any(re.search(one, address) for one in found.stdout.split())


def test_missing_migrations_are_named(client, monkeypatch):
    monkeypatch.setattr(checks, "missing_migrations", lambda: ["integrations 0099_new"])
    answer = client.get("/readyz")
    assert answer.status_code == 503
    said = answer.json()["checks"]["schema"]
    assert "lacks 1 migrations (first: integrations 0099_new)" in said
    assert "manage.py migrate" in said


def test_a_load_balancer_leaves_out_what_is_no_reason_to_send_elsewhere(
    client, monkeypatch
):
    monkeypatch.setitem(checks.CHECKS, "workers", lambda: checks.NOBODY)
    assert client.get("/readyz").status_code == 503
    answer = client.get("/readyz?exclude=workers,alerts")
    assert (answer.status_code, [*answer.json()["checks"]]) == (
        200,
        ["database", "schema"],
    )
    wrong = client.get("/readyz?exclude=worker")
    assert wrong.status_code == 400
    assert "Leave out any of: database, schema, workers" in wrong.json()["problem"]


def test_a_database_that_is_away_is_said_without_its_words(client, monkeypatch):
    def gone() -> str:
        raise OperationalError("connection to 10.0.0.5 failed for user waybill")

    monkeypatch.setitem(checks.CHECKS, "database", gone)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {
        "database": checks.AWAY,
        **dict.fromkeys(("schema", "workers", "alerts"), checks.NOT_ASKED),
    }


def test_f32_a_database_that_hangs_holds_up_one_thread_and_no_probe(
    client, settings, monkeypatch
):
    settings.READY_SECONDS = 0.2
    thawed, asked = threading.Event(), []

    def frozen() -> list[checks.Check]:
        asked.append(1)
        thawed.wait(20)
        return [checks.Check("database")]

    monkeypatch.setattr(views, "_all_checks", asking.Asking(frozen))
    began = time.monotonic()
    answers = [client.get("/readyz") for _ in range(3)]
    assert time.monotonic() - began < 5
    assert [one.status_code for one in answers] == [503] * 3
    assert answers[0].json()["checks"]["database"] == views.NOT_IN_TIME
    assert client.get("/healthz").status_code == 200
    assert len(asked) == 1
    thawed.set()
    settings.READY_SECONDS = 10
    assert client.get("/readyz").status_code == 200


def test_many_probes_cost_as_much_as_one(client, monkeypatch):
    asked = []
    ask = asking.Asking(lambda: asked.append(1) or [checks.Check("database")])
    monkeypatch.setattr(views, "_all_checks", ask)
    monkeypatch.setattr(asking, "FRESH_SECONDS", 60)
    for _ in range(5):
        client.get("/readyz")
    assert len(asked) == 1


def test_without_a_token_or_addresses_there_are_no_figures(client):
    assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize(
    "sent", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN]
)
def test_figures_are_for_those_with_the_token(client, figures, sent):
    answer = client.get("/metrics", headers={"Authorization": sent} if sent else {})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert not answer.content


def test_with_the_token_they_come_as_text_for_prometheus(client, figures):
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert b"# TYPE waybill_records gauge" in answer.content


@pytest.mark.parametrize(
    ("asker", "more", "status"),
    [
        ("10.2.3.4", {}, 200),
        ("10.3.3.4", {}, 401),
        ("2001:db8::7", {}, 200),
        ("", {}, 401),
        ("10.2.3.4", {"X-Forwarded-For": "10.2.3.4"}, 401),
        ("10.2.3.4", {"Forwarded": "for=10.2.3.4"}, 401),
    ],
)
def test_an_allowed_network_needs_no_token_but_a_proxy_does(
    client, settings, asker, more, status
):
    """Behind a proxy everybody has the address of the proxy."""
    settings.METRICS_ADDRESSES = ["10.2.0.0/16", "2001:db8::/32"]
    answer = client.get("/metrics", headers=more, REMOTE_ADDR=asker)
    assert answer.status_code == status


def test_an_empty_token_opens_nothing(client, settings):
    settings.METRICS_ADDRESSES = ["10.2.0.0/16"]
    answer = client.get("/metrics", headers={"Authorization": "Bearer "})
    assert answer.status_code == 401


def test_figures_of_a_database_that_is_away_are_none(client, figures, monkeypatch):
    def gone() -> None:
        raise OperationalError("connection to 10.0.0.5 failed")

    monkeypatch.setattr(metrics, "database_time", gone)
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.content) == (503, b"The database is away.")


def test_being_ready_costs_few_questions():
    with CaptureQueriesContext(connection) as asked:
        checks.look()
    assert len(asked) <= 12
