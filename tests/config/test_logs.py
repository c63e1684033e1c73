"""What the log says, and what it never does."""

import json
import logging
import sys

import pytest
import structlog
from django.test import Client
from django.urls import reverse

from config.log_cleaning import clean, own_secrets
from config.logs import Lines, through_logging
from integrations.connectors.secret import (
    Secret,
)
from integrations.models import Attempt, Flow, SyncRecord
from integrations.sync.in_hand import note_attempt, working_on

CANARY = "canary-5f0c-9d-secret"
JANE = {
    "name": "#1001",
    "email": "jane@quackenbush.example",
    "customer": {"first_name": "Zebulon", "last_name": "Quackenbush"},
    "shipping_address": {"address1": "12 Canary Lane", "zip": "90210", "city": "Ely"},
}


class Kept(logging.Handler):
    """Keeps the lines that would have been written."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.setFormatter(Lines(form))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    @property
    def last(self) -> dict:
        return json.loads(self.lines[-1])


def keep(form: str):
    kept, root = Kept(form), logging.getLogger()
    level = root.level
    root.addHandler(kept)
    root.setLevel("INFO")
    yield kept
    root.removeHandler(kept)
    root.setLevel(level)


@pytest.fixture
def kept():
    yield from keep("json")


@pytest.fixture
def shown():
    yield from keep("text")


@pytest.fixture
def log():
    return logging.getLogger("integrations.anything")


@pytest.fixture
def order() -> SyncRecord:
    flow = Flow(pk=3, slug="orders", source_entity="order")
    return SyncRecord(
        pk=77,
        flow=flow,
        token=5,
        label="#1001",
        source=JANE,
        party="Zebulon Quackenbush",
    )


def test_a_line_is_one_json_object_with_time_level_logger_and_event(kept, log):
    log.warning("%s was refused", "Connection 1", extra={"seconds": 2.5})
    assert (
        kept.last.items()
        >= {
            "level": "warning",
            "logger": "integrations.anything",
            "event": "Connection 1 was refused",
            "seconds": 2.5,
        }.items()
    )
    assert list(kept.last)[:4] == ["time", "level", "logger", "event"]
    assert kept.last["time"].endswith("Z")


def test_work_on_a_record_names_it_its_flow_claim_and_try(kept, log, order):
    with working_on(order):
        log.info("claimed")
        assert "attempt" not in kept.last
        note_attempt(Attempt(pk=9, number=2))
        log.info("sent")
    assert kept.last["event"] == "sent"
    named = {"record": 77, "flow": "orders", "token": 5, "attempt": 9, "try": 2}
    assert kept.last.items() >= named.items()
    log.info("done")
    assert not {*named} & {*kept.last}


def test_a_try_without_a_record_in_hand_is_not_remembered(kept, log):
    note_attempt(Attempt(pk=9, number=2))
    log.info("else")
    assert "attempt" not in kept.last


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x85", "\u2028", "\x1b[2K\r", "\x0b"])
def test_f100_foreign_text_cannot_forge_an_entry_or_move_the_cursor(
    kept, shown, log, order, end
):
    forged = f"x{end}2026-01-01T00:00:00.000Z INFO root paid"
    with working_on(order):
        try:
            raise ValueError(forged)
        except ValueError:
            log.exception("Said: %s", forged, extra={"more": forged})
    assert kept.lines[-1].isascii() and kept.lines[-1].isprintable()
    first, *below = shown.lines[-1].split("\n")
    assert " ERROR integrations.anything Said: x" in first and first.isprintable()
    assert below and all(
        one.startswith("    | ") and one.isprintable() for one in below
    )


@pytest.mark.parametrize(
    "said",
    [
        f"Authorization: Bearer {CANARY}",
        f'{{"access_token": "{CANARY}"}}',
        f"{{'client_secret': '{CANARY}', 'n': 1}}",
        f"https://x.example/a?access_token={CANARY}&page=2",
        f"postgres://waybill:{CANARY}@db/waybill is away",
        f"X-Shopify-Access-Token: {CANARY}",
        f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----",
        f"password={CANARY}",
    ],
)
def test_f100_what_looks_like_a_secret_is_starred_wherever_it_is_said(kept, log, said):
    try:
        raise RuntimeError(said)
    except RuntimeError:
        log.exception("It said %s", said, extra={"answer": {"text": [said]}})
    assert CANARY not in kept.lines[-1]
    assert "RuntimeError" in kept.last["exception"]


def test_f100_a_secret_that_was_opened_is_starred_in_any_words(kept, log, settings):
    settings.METRICS_TOKEN = "hunter2-hunter2"
    Secret(CANARY)
    log.info("odd %s and %s, %r", CANARY, "hunter2-hunter2", {"kept": CANARY})
    structlog.contextvars.bind_contextvars(request_id=CANARY)
    log.info("more", extra={"password": "abc", "pin_token": ["x"]})
    structlog.contextvars.clear_contextvars()
    assert CANARY not in "".join(kept.lines) and "hunter2" not in "".join(kept.lines)
    assert kept.last["password"] == kept.last["pin_token"] == "•••"


def test_f100_the_keys_of_the_installation_are_among_them(settings, monkeypatch):
    database = settings.DATABASES["default"]
    monkeypatch.setitem(database, "PASSWORD", "of-the-database")
    known = {secret.reveal() for secret in own_secrets()}
    assert {settings.SECRET_KEY, *settings.FIELD_KEYS, "of-the-database"} <= known


def test_f100_what_is_personal_in_the_record_in_hand_is_hidden(kept, log, order):
    with working_on(order):
        try:
            raise KeyError("Zebulon")
        except KeyError:
            log.exception("%s of 12 Canary Lane met a fault", order)
    line = kept.lines[-1]
    assert not [word for word in ("Zebulon", "Quackenbush", "Canary") if word in line]
    assert kept.last["event"] == "Order #1001 of ••• met a fault"


def test_f100_a_record_that_is_only_named_is_named_without_the_person(kept, log):
    flow = Flow(pk=3, slug="customers", source_entity="customer")
    ada = SyncRecord(
        pk=1, flow=flow, label="Ada Byron", party="Ada Byron", source={"id": "5"}
    )
    log.warning(
        "%s could not be measured: %s", ada, "ada@byron.example wrote +44 20 7946 0958"
    )
    assert kept.last["event"] == "Customer ••• could not be measured: ••• wrote •••"


def test_a_line_that_cannot_be_cleaned_is_not_shown(kept, log):
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError(CANARY)

    log.info("fine", extra={"odd": Odd()})
    assert "could not be cleaned" in kept.last["odd"]
    assert CANARY not in kept.lines[-1]


def test_sentences_and_ids_stay_as_they_are():
    said = "GET https://vendor.example/records 200 in 12 ms op-5"
    assert clean(said) == said
    assert clean("Check the credentials: they were refused") == (
        "Check the credentials: they were refused"
    )


def test_loggers_of_structlog_go_the_same_way(kept):
    through_logging()
    structlog.get_logger("elsewhere").warning("told", secret=CANARY, record=4)
    assert (kept.last["event"], kept.last["secret"]) == ("told", "•••")
    try:
        raise ValueError("odd")
    except ValueError:
        structlog.get_logger("elsewhere").exception("broke")
    assert "ValueError: odd" in kept.last["exception"]


def test_an_entry_without_an_exception_in_hand_is_a_line_all_the_same(kept, log):
    log.error("no error", exc_info=sys.exc_info())
    assert "exception" not in kept.last


@pytest.mark.django_db
def test_a_request_has_an_id_in_the_log_and_in_the_answer(kept, client):
    answer = client.get("/nowhere/")
    assert kept.last["request_id"] == answer.headers["X-Request-ID"]
    given = client.get("/nowhere/", headers={"X-Request-ID": "proxy-4711.a"})
    assert given.headers["X-Request-ID"] == "proxy-4711.a" == kept.last["request_id"]
    assert "request" not in kept.last
    logging.getLogger("x").info("afterwards")
    assert "request_id" not in kept.last


@pytest.mark.django_db
@pytest.mark.parametrize(
    "forged", ["a\tb 12345678", "x" * 65, "short", 'a"b":12345678']
)
def test_an_id_that_could_forge_a_line_is_replaced(client, forged):
    answer = client.get("/nowhere/", headers={"X-Request-ID": forged})
    assert answer.headers["X-Request-ID"] != forged


@pytest.mark.django_db
def test_f100_what_people_searched_for_is_not_in_the_log_of_a_broken_page(
    kept, monkeypatch, admin_client
):
    def broken(*given):
        raise RuntimeError("odd")

    monkeypatch.setattr("config.home.page.sections_for", broken)
    browser = Client(raise_request_exception=False)
    browser.cookies = admin_client.cookies
    answer = browser.get(reverse("admin:index"), {"q": CANARY})
    assert answer.status_code == 500
    assert CANARY not in "".join(kept.lines)
    assert "RuntimeError: odd" in kept.last["exception"]


def test_f100_a_key_that_was_opened_is_starred_whole(kept, log):
    key = f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----"
    Secret("-----BEGIN PRIVATE KEY-----\nanother-one\n-----END PRIVATE KEY-----")
    log.warning("it said %s", key)
    assert kept.last["event"] == "it said •••"


def test_what_another_handler_left_at_an_entry_is_not_said_twice(kept, log):
    kept.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    second = Kept("json")
    log.addHandler(kept)
    log.addHandler(second)
    log.warning("once")
    log.handlers.clear()
    assert not {"message", "asctime"} & second.last.keys()
