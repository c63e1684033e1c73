"""A back-fill on its way: killed, paused, cancelled, and beside live orders."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from errorqueue.clock import database_time
from integrations.models import (
    Backfill,
    BackfillItem,
    Connection,
    Flow,
    SyncRecord,
    limits_of,
)
from integrations.sync.backfill import asking, counting, entering, running
from mappings.models import MappingDocument
from tests.flows.backfills import (
    hear,
    looked,
    of_week,
    past,
    placed,
    run,
    settle,
    told,
)

__all__ = ["past", "placed"]

pytestmark = pytest.mark.django_db(transaction=True)

State = Backfill.State
ItemState = BackfillItem.State


class Killed(BaseException):
    """A worker that dies between two lines."""


@pytest.fixture
def anna(demo):
    return User.objects.create(username="anna")


def sums(backfill):
    """Return the numbers of each leg, which must add up."""
    counts = counting.counts_of(backfill)
    for one in counts:
        assert sum(one.states.values()) == sum(one.verdicts.values()) == one.total
    return counts


# Killed, paused, cancelled


@pytest.mark.parametrize("place", ["before", "after"])
def test_killed_half_way_and_repeated_nothing_is_doubled_nor_lost(
    past, placed, drain, netsuite, monkeypatch, place
):
    for number in range(1, 8):
        placed(number)
    made = looked(of_week(past), drain)
    asking.start(made, made.digest, False, None)
    seen = []

    def die(what):
        seen.append(what)
        if seen.count(what) == 3 and what in ("backfill.enter", netsuite_id):
            raise Killed

    netsuite_id = Connection.objects.get(slug="netsuite").pk
    with monkeypatch.context() as patched, pytest.raises(Killed):
        if place == "before":
            patched.setattr(entering.failpoints, "hit", die)
        else:
            patched.setattr(entering, "ring_connection", die)
        running.step()
    in_ledger = SyncRecord.objects.count()
    entered = made.items.filter(state=ItemState.ENTERED).count()
    assert in_ledger == entered == (2 if place == "before" else 3)
    settle(drain)
    made.refresh_from_db()
    assert made.state == State.DONE
    assert told(made, column="state") == {"delivered": 7}
    assert len(netsuite.orders) == 7 and len(netsuite.customers) == 7
    again = looked(of_week(past), drain)
    assert told(again) == {"in_step": 7}
    run(again, drain)
    assert told(again, column="state") == {"in_step": 7}
    assert len(netsuite.orders) == 7
    sums(again)


def test_a_worker_that_was_overtaken_changes_nothing_more(past, placed, drain):
    placed(1)
    made = looked(of_week(past), drain)
    asking.start(made, made.digest, False, None)
    first = running.claim()
    assert running.claim() is None
    Backfill.objects.update(try_at=database_time() - timedelta(seconds=1))
    assert running.claim().pk == first.pk
    with pytest.raises(running.Lost):
        running.keep(first, note="late")


def test_a_pause_stops_at_once_and_resume_goes_on(
    past, placed, drain, netsuite, anna, monkeypatch
):
    for number in range(1, 8):
        placed(number)
    made = looked(of_week(past), drain)
    asking.start(made, made.digest, False, anna)
    real, seen = entering._enter, []

    def press(*args):
        real(*args)
        seen.append(args)

    def after(target):
        if len(seen) == 2:
            asking.pause(Backfill.objects.get(pk=made.pk), anna)

    with monkeypatch.context() as patched:
        patched.setattr(entering, "_enter", press)
        patched.setattr(entering, "ring_connection", after)
        running.step()
    assert len(seen) == 2
    settle(drain)
    made.refresh_from_db()
    assert made.state == State.PAUSED and "Paused by anna" in made.note
    assert made.items.filter(state=ItemState.WAITING).count() == 12
    with pytest.raises(asking.NotAsked, match="is: Paused"):
        asking.pause(made, anna)
    asking.resume(made, anna)
    settle(drain)
    made.refresh_from_db()
    assert made.state == State.DONE and len(netsuite.orders) == 7


def test_cancel_leaves_what_came_and_begins_nothing_more(
    past, placed, drain, netsuite, anna
):
    for number in range(1, 8):
        placed(number)
    made = looked(of_week(past), drain)
    asking.start(made, made.digest, False, anna)
    running.step()
    entered = made.items.filter(state=ItemState.ENTERED).count()
    assert entered
    asking.cancel(made, anna)
    settle(drain)
    made.refresh_from_db()
    assert made.state == State.CANCELLED and made.ended_at
    assert made.items.filter(state=ItemState.DELIVERED).count() == entered
    assert made.items.filter(state=ItemState.CANCELLED).count() == 14 - entered
    sums(made)


def test_a_dry_run_can_be_cancelled_too(past, placed, drain, anna):
    placed(1)
    made = asking.prepare(of_week(past), anna)
    asking.cancel(made, anna)
    settle(drain)
    made.refresh_from_db()
    assert made.state == State.CANCELLED and made.ended_at
    assert not SyncRecord.objects.exists()


# The bulk lane


def test_no_more_is_under_way_than_the_common_slots(past, placed, drain):
    for number in range(1, 15):
        placed(number)
    made = looked(of_week(past), drain)
    asking.start(made, made.digest, False, None)
    running.step()
    common = limits_of(Connection.objects.get(slug="netsuite")).common
    assert SyncRecord.objects.count() == common < 14


def test_requests_leave_the_reserve_to_orders(past, placed, drain, monkeypatch):
    from integrations.sync import preflight

    lanes = set()
    real = preflight.one_request

    def seen(connection, lane):
        lanes.add(lane)
        return real(connection, lane)

    placed(1)
    monkeypatch.setattr(preflight, "one_request", seen)
    made = asking.prepare(of_week(past), None)
    running.step()
    made.refresh_from_db()
    assert made.state == State.READY and lanes == {"bulk"}


def test_nothing_is_brought_while_the_target_or_the_flow_rests(
    past, placed, drain, netsuite
):
    placed(1)
    made = looked(of_week(past), drain)
    asking.start(made, made.digest, False, None)
    Flow.objects.filter(slug="shopify-customers").update(
        held_at=database_time(), hold_reason="For the test."
    )
    running.step()
    made.refresh_from_db()
    assert "is on hold" in made.note and not SyncRecord.objects.exists()
    Flow.objects.update(held_at=None)
    Connection.objects.filter(slug="netsuite").update(state="paused")
    Backfill.objects.update(try_at=database_time() - timedelta(seconds=1))
    running.step()
    made.refresh_from_db()
    assert "NetSuite (Northwind) is not in use" in made.note
    Connection.objects.filter(slug="netsuite").update(state="ready")
    settle(drain)
    assert len(netsuite.orders) == 1


def test_an_order_that_comes_by_itself_meanwhile_is_in_step(
    past, placed, drain, shopify, netsuite
):
    placed(1)
    made = looked(of_week(past), drain)
    hear(shopify)
    shopify.update_order("#1", note="hello")
    shopify.deliver_due()
    drain()
    assert len(netsuite.orders) == 1
    run(made, drain)
    assert told(made, column="state") == {"in_step": 1}
    assert len(netsuite.orders) == 1


def test_a_document_without_a_version_is_named(past):
    document = MappingDocument.objects.get(slug="shopify-order")
    document.versions.update(state="retired")
    with pytest.raises(asking.NotAsked, match="publish Shopify order"):
        asking.prepare(of_week(past), None)
