"""What a try keeps of its circumstances: the wait for a slot, its credentials."""

import threading
import time
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client

from errorqueue.models import FailedRecord
from integrations.models import Attempt, Connection, Limits, statements, vault
from integrations.models.account import account_of, version_of
from integrations.sync import runner
from integrations.sync.desk import Desk
from integrations.sync.slot_pool import SlotPool
from integrations.sync.slots import Held
from tests.errorqueue.pages import text_of
from tests.flows.test_protocol import claimed, post_order, target

__all__ = ["claimed", "post_order", "target"]

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def slow_gate():
    time.sleep(0.12)
    yield


def last_try() -> Attempt:
    return Attempt.objects.order_by("-pk")[0]


def test_a_try_keeps_how_long_it_stood_in_line_and_with_what_it_went(claimed, target):
    record = claimed(7101)
    runner.run(record, slow_gate, Desk())
    kept = record.attempts.get()
    assert kept.outcome == Attempt.Outcome.DELIVERED
    assert 120 <= kept.waited_ms <= kept.milliseconds
    assert kept.credentials == version_of(list(target.credentials.all()))
    assert kept.credentials.startswith("set 20") and len(kept.credentials) <= 40


def test_a_busy_slot_is_the_wait_and_the_call_is_not(claimed):
    record = claimed(7102)
    pool = SlotPool(Limits(1, 1))
    pool.add([Held(1, 1, 1, time.monotonic() + 60)])
    freed = []

    def gate():
        """The first request meets a slot that is busy for 0.3 s."""
        if not freed:
            busy = pool.lend(False, time.monotonic() + 10)
            busy.__enter__()
            freed.append(threading.Timer(0.3, busy.__exit__, [None, None, None]))
            freed[0].start()
        return pool.lend(False, time.monotonic() + 10)

    runner.run(record, gate, Desk())
    kept = record.attempts.get()
    assert 280 <= kept.waited_ms <= kept.milliseconds
    assert kept.outcome == Attempt.Outcome.DELIVERED


def test_a_failed_try_keeps_both_as_well(claimed, netsuite):
    record = claimed(7103)
    netsuite.fail_next(503)
    runner.run(record, slow_gate, Desk())
    kept = last_try()
    assert kept.outcome != Attempt.Outcome.DELIVERED
    assert kept.waited_ms >= 120 and kept.credentials


def test_new_credentials_have_another_name_and_their_text_is_in_none(target, demo):
    before = account_of(target)
    secret = target.credentials.order_by("name")[0]
    text = secret.open().reveal()
    secret.put(text)
    secret.save()
    after = account_of(Connection.objects.get(pk=target.pk))
    assert before.credentials_version != after.credentials_version
    for version in (before.credentials_version, after.credentials_version):
        assert text not in version
        assert all(one.reveal() not in version for one in after.credentials.values())


def test_the_key_that_seals_is_changed_and_the_name_stays(target, demo):
    before = account_of(target).credentials_version
    for one in target.credentials.all():
        anew = vault.seal(one.context, one.open().reveal())
        assert anew != one.sealed
        type(one).objects.filter(pk=one.pk).update(sealed=anew)
    assert account_of(target).credentials_version == before


@pytest.fixture
def prepared(monkeypatch) -> list[str]:
    """The ledger's own statements; of PostgreSQL's Django keeps no list."""
    said: list[str] = []
    for name in ("_at_once", "_singly"):
        send = getattr(statements, name)

        def told(base, ready, send=send):
            said.extend(text for text, _ in ready)
            return send(base, ready)

        monkeypatch.setattr(statements, name, told)
    return said


def test_keeping_them_costs_no_statement(claimed, prepared):
    """The bound of what a delivery asks, of one record; see test_desk.py too."""
    record = claimed(7104)
    prepared.clear()
    runner.run(record, slow_gate, Desk())
    touching = [sql for sql in prepared if "waited_ms" in sql]
    assert len(touching) == 1 and "milliseconds" in touching[0]
    naming = [sql for sql in prepared if "credentials" in sql]
    wrote = [sql for sql in naming if "integrations_attempt" in sql]
    assert len(wrote) == 1 and "INSERT INTO integrations_attempt" in wrote[0]


def test_an_older_version_that_writes_neither_still_can(claimed):
    record = claimed(7105)
    with database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO integrations_attempt (record_id, number, token, version, "
            "external_id, digest, worker, started_at, outcome, kind, message, "
            "exchanges) VALUES (%s, 1, 1, 1, '', '', '', %s, 'open', '', '', '[]')",
            [record.pk, record.created_at],
        )
    assert record.attempts.get().credentials == ""


def test_both_stand_on_the_page_of_the_try_and_in_the_comparison(
    post_order, drain, let_pass, netsuite
):
    post_order(number=7106)
    netsuite.fail_next(503, times=2)
    drain()
    let_pass(60)
    drain()
    line = FailedRecord.objects.get()
    record = line.subject
    chosen = record.attempts.order_by("number")
    for number, one in enumerate(chosen):
        Attempt.objects.filter(pk=one.pk).update(waited_ms=41 + number)
    browser = Client()
    browser.force_login(User.objects.create_superuser("ada"))
    page = browser.get(f"/admin/integrations/attempt/{chosen[0].pk}/change/")
    told = text_of(page)
    assert "Of it in line for a slot 41 ms" in told
    assert f"Credentials {chosen[0].credentials}" in told
    compared = browser.get(
        f"/admin/errorqueue/failedrecord/{line.pk}/compare/", {"a": 1, "b": 2}
    )
    told = text_of(compared)
    assert "Waited for a slot 41 ms 42 ms" in told
    assert f"Credentials {chosen[0].credentials} {chosen[1].credentials}" in told
