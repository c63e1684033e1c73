"""Clocks that are wrong or jump: leases count by the database's clock alone."""

import ast
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.core import mail
from django.db import connection

from errorqueue.clock import database_time
from errorqueue.models import FailedRecord
from integrations.inbox import services as inbox
from integrations.models import Attempt, Connection, Slot, SyncRecord
from integrations.sync import runner
from tests.flows.test_orders import post_order
from tests.flows.test_protocol import claimed, creates, order_of, target

__all__ = ["claimed", "post_order", "target"]

ROOT = Path(__file__).parent.parent.parent
State = SyncRecord.State
LEASE = timedelta(seconds=20)
walks = pytest.mark.django_db(transaction=True)
on_server = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="an embedded database has our own clock"
)
# Who may ask the clock of the host, and what for.
HOST_CLOCK = {
    "errorqueue/clock.py": "the embedded database has no clock of its own",
    "errorqueue/wording.py": "how long ago, on a page",
    "errorqueue/admin/columns.py": "what is late or put off, on a page",
    "errorqueue/admin/people_panel.py": "what is late or put off, on a page",
    "errorqueue/admin/recipe.py": "what has expired, on a page",
    "errorqueue/admin/tokens.py": "what has expired, on a page",
    "integrations/admin/rhythm.py": "how long ago, on a page",
    "integrations/sync/story.py": "what is still to come, on a page",
    "config/checks.py": "tells how far the host is off",
    "integrations/connectors/answers.py": "tells how far the host is off",
    "integrations/connectors/auth.py": "when a token ends, which the vendor counts",
    "integrations/connectors/netsuite/auth.py": "a signature's date",
    "integrations/connectors/netsuite/checks.py": "tells how far the host is off",
    "integrations/management/demo/keys.py": "the dates of the demo's certificate",
    "integrations/models/ringing.py": "a date in a wake-up that nobody reads",
    "integrations/studio/acceptance/runs.py": "how old a folder of this machine is",
    "integrations/studio/acceptance/scratch.py": "a date in a copy that a test reads",
    "mappings/scheduling.py": "whether the date on a form is still to come",
    "mappings/services.py": "when a version was published, on a page",
    "mappings/signing.py": "when a version was sent and signed, on a page",
}


def off_by(**off):
    """Let this machine's clock be off; the vendor's and the database's are not."""
    return time_machine.travel(datetime.now(UTC) + timedelta(**off), tick=True)


@walks
def test_f73_a_wrong_clock_is_named_holds_everything_and_goes_on_once_it_is_right(
    post_order, netsuite, drain, let_pass, target
):
    netsuite.now = lambda: datetime.now(UTC) - timedelta(minutes=10)
    post_order(number=7001)
    drain()
    target.refresh_from_db()
    assert target.state == Connection.State.REFUSED
    assert "10 minutes ahead of NetSuite" in target.state_reason
    [told] = mail.outbox
    assert "10 minutes ahead of NetSuite" in told.body
    assert not FailedRecord.objects.open().exists()
    netsuite.now = lambda: datetime.now(UTC)
    let_pass(130)
    drain()
    assert order_of(7001).state == State.DELIVERED
    assert len(mail.outbox) == 1


@walks
@on_server
@pytest.mark.parametrize("minutes", [-10, 10])
def test_f73_leases_and_slots_do_not_hear_of_a_clock_that_is_off(
    post_order, netsuite, drain, target, minutes
):
    now = datetime.now(UTC)
    # A vendor would refuse a signature of ten minutes hence; here it is as wrong.
    netsuite.now = database_time if minutes < 0 else netsuite.now
    with off_by(minutes=minutes):
        post_order(number=7002)
        inbox.read_waiting()
        [customer] = SyncRecord.objects.claim(target, "w1", 1, LEASE)
        claim = SyncRecord.objects.get(pk=customer.pk)
        assert abs(claim.lease_until - now - LEASE) < timedelta(seconds=10)
        others = SyncRecord.objects.claim(target, "w2", 9, LEASE)
        assert customer not in others
        for other in others:
            other.give_back()
        runner.run(customer)
        drain()
    assert order_of(7002).state == State.DELIVERED
    assert set(Attempt.objects.values_list("number", flat=True)) == {1}


@walks
@on_server
def test_f74_a_clock_that_jumps_in_every_call_ends_no_lease_and_doubles_nothing(
    post_order, netsuite, drain, target, monkeypatch
):
    handle, jumps, here = netsuite.handle, [3600, -7200, 86400, -86400], []
    netsuite.now = database_time

    def jump(request):
        here[0].shift(jumps[len(netsuite.journal) % len(jumps)])
        return handle(request)

    netsuite.handle = jump
    with time_machine.travel(datetime.now(UTC), tick=True) as traveller:
        here.append(traveller)
        for number in (7011, 7012, 7013):
            post_order(number=number, email=f"c{number}@example.com")
        drain()
    records = SyncRecord.objects.all()
    assert {record.state for record in records} == {State.DELIVERED}
    assert len(creates(netsuite)) == 3
    assert not Slot.objects.filter(lease_until__gt=database_time()).exists()


@walks
def test_f74_a_step_of_the_host_neither_ends_nor_extends_a_claim_in_hand(claimed):
    record = claimed(7021)
    for step in ({"hours": 5}, {"hours": -5}):
        with off_by(**step):
            assert record.good_until - runner.time.monotonic() == pytest.approx(
                20, abs=9
            )
    runner.run(record, nullcontext)
    assert order_of(7021).state == State.DELIVERED


def asks_host_clock(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            asked = f"{node.value.id}.{node.attr}"
            if asked in ("datetime.now", "timezone.now", "time.time", "date.today"):
                yield asked


def test_f74_only_these_ask_the_clock_of_the_host():
    apps = ("config", "errorqueue", "integrations", "mappings")
    files = [path for app in apps for path in (ROOT / app).rglob("*.py")]
    asking = {
        path.relative_to(ROOT).as_posix()
        for path in files
        if any(asks_host_clock(path))
    }
    asking = {path for path in asking if "/simulators/" not in path}
    assert asking <= HOST_CLOCK.keys()
