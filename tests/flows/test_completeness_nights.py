"""F55 on bad nights: vendors that break off, killed workers, versions out of reach."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError

from errorqueue.models import Alert, FailedRecord
from integrations.connectors.errors import RequestRefused
from integrations.connectors.shopify import listing
from integrations.connectors.shopify.connector import Shopify
from integrations.models import Certificate, Flow, Gap, GapCheck, InboxEvent, SyncRecord
from integrations.sync.completeness import asking, sweeping
from tests.flows.test_completeness import (
    newest,
    nightly,
    place_on,
    titles,
    yesterday,
)
from tests.flows.test_subscriptions import place, settle, shop, watch

__all__ = ["nightly", "place_on", "shop", "watch", "yesterday"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State


class Killed(BaseException):
    """What ends a worker in the middle, past every `except Exception`."""


@pytest.fixture
def dies(monkeypatch):
    """Have a function of the sweep die once, before or after its work."""

    def make(name, after=False, on_call=1):
        real, calls = getattr(sweeping, name), []

        def dying(*told):
            calls.append(told)
            if len(calls) != on_call:
                return real(*told)
            if after:
                real(*told)
            raise Killed

        monkeypatch.setattr(sweeping, name, dying)

    return make


def gone_orders(place_on, shopify, day, *numbers):
    shopify.webhooks.lose_next(20 * len(numbers))
    return [place_on(day, number) for number in numbers]


def test_f55_sixty_orders_that_never_came_are_found_fetched_and_delivered(
    nightly, place_on, yesterday, shopify, netsuite
):
    """The thousand run as `make bench ONLY=gaps`."""
    gone_orders(place_on, shopify, yesterday, *range(6100, 6160))
    nightly()
    made = newest(yesterday)
    assert (made.found, made.fetched, made.delivered, made.missing) == (60, 60, 60, 0)
    numbers = sorted(one["otherRefNum"] for one in netsuite.orders.values())
    assert numbers == [f"#{number}" for number in range(6100, 6160)]


def test_f55_a_list_that_breaks_off_makes_no_certificate(
    nightly, place_on, yesterday, shopify, drain, monkeypatch
):
    monkeypatch.setattr(listing, "PAGE", 2)
    gone_orders(place_on, shopify, yesterday, *range(6170, 6175))
    real, pages = Shopify.listing, []

    def broken(self, *asked):
        pages.append(asked)
        if asked[0] == "order" and len(pages) > 1:
            raise RequestRefused("Field 'x' does not exist.")
        return real(self, *asked)

    monkeypatch.setattr(Shopify, "listing", broken)
    nightly()
    assert not Certificate.objects.filter(flow_slug="shopify-orders").exists()
    failed = GapCheck.objects.filter(phase=GapCheck.Phase.FAILED, day=yesterday)
    assert "does not exist" in failed.get().problem and titles("compare:")
    monkeypatch.setattr(Shopify, "listing", real)
    nightly()
    assert (newest(yesterday).source_count, newest(yesterday).missing) == (5, 0)


def test_f55_a_vendor_away_in_the_middle_of_the_list_costs_a_pause_and_no_row(
    place_on, yesterday, shopify, drain, monkeypatch, netsuite
):
    monkeypatch.setattr(listing, "PAGE", 2)
    gone_orders(place_on, shopify, yesterday, *range(6180, 6185))
    real, pages = Shopify.listing, []

    def away(self, *asked):
        pages.append(asked)
        if len(pages) in (2, 3):
            shopify.fail_next(503, body="<html>down</html>", times=2)
        return real(self, *asked)

    monkeypatch.setattr(Shopify, "listing", away)
    asking.ask_days(yesterday, yesterday, None)
    settle(drain)
    made = newest(yesterday)
    assert (made.source_count, made.delivered, made.found) == (5, 5, 5)
    assert made.adds_up and len(netsuite.orders) == 5


@pytest.mark.parametrize(
    ("name", "after", "on_call"),
    [
        ("compare", False, 2),  # a page was read and is not kept
        ("note_answer", True, 2),
        ("fetch", False, 2),  # between two orders
        ("fetch", True, 3),  # handed in, and nobody noted it
        ("records_of", False, 1),  # about to close the sum
    ],
)
def test_f55_a_worker_killed_in_the_middle_loses_and_doubles_nothing(
    place_on,
    yesterday,
    shopify,
    drain,
    monkeypatch,
    netsuite,
    dies,
    name,
    after,
    on_call,
):
    monkeypatch.setattr(listing, "PAGE", 2)
    gone_orders(place_on, shopify, yesterday, *range(6190, 6194))
    dies(name, after, on_call)
    asking.ask_days(yesterday, yesterday, None)
    with pytest.raises(Killed):
        settle(drain)
    assert not Certificate.objects.filter(flow_slug="shopify-orders").exists()
    settle(drain)
    made = newest(yesterday)
    assert (made.source_count, made.found, made.missing) == (4, 4, 0)
    assert made.delivered + made.waiting == 4 and len(netsuite.orders) == 4
    assert Certificate.objects.filter(flow_slug="shopify-orders").count() == 1


def test_f55_a_database_that_is_busy_is_no_fault_of_the_source(
    place_on, yesterday, shopify, drain, monkeypatch
):
    gone_orders(place_on, shopify, yesterday, 6200)
    real, calls = sweeping.compare, []

    def busy(*told):
        calls.append(told)
        if len(calls) == 1:
            raise OperationalError("database is locked")
        return real(*told)

    monkeypatch.setattr(sweeping, "compare", busy)
    asking.ask_days(yesterday, yesterday, None)
    settle(drain)
    assert not GapCheck.objects.filter(phase=GapCheck.Phase.FAILED).exists()
    assert newest(yesterday).source_count == 1 and titles("compare:") == []


def test_f55_a_newer_version_out_of_reach_is_missing_and_asked_for_again(
    watch, nightly, place_on, yesterday, shopify, drain, monkeypatch
):
    """The ledger holds the order, but not as the source has it now."""
    Flow.objects.filter(slug="shopify-orders").update(
        held_at="2026-11-20T00:00:00Z", hold_reason="For the test."
    )
    order = place(shopify, 6210)
    drain()
    shopify.webhooks.lose_next(9)
    shopify.update_order(order["name"], note="Ring twice", updated_at=later(shopify))
    real = Shopify.fetch

    def refuse(self, entity, key):
        if entity == "order":
            raise RequestRefused("Field 'x' does not exist.")
        return real(self, entity, key)

    monkeypatch.setattr(Shopify, "fetch", refuse)
    watch()
    assert titles("missing:") == ["Orders to NetSuite: 1 order missing"]
    monkeypatch.setattr(Shopify, "fetch", real)
    watch()
    assert titles("missing:") == []
    assert SyncRecord.objects.get(label="#6210").source["note"] == "Ring twice"


def later(shopify):
    return shopify.shop_time(shopify.now() + timedelta(seconds=1))


def test_f55_what_a_person_set_aside_unread_is_excluded_and_not_missing(
    nightly, place_on, yesterday, shopify, monkeypatch
):
    gone_orders(place_on, shopify, yesterday, 6220)
    monkeypatch.setattr(
        Shopify, "delivery_of", lambda self, found: ("orders/updated", b"{broken")
    )
    nightly()
    broken = InboxEvent.objects.filter(delivery_id__startswith="gap:order:").get()
    broken.exclude("A test order of ours.", User.objects.create(username="op"))
    nightly()
    made = newest(yesterday)
    assert (made.by_person, made.queued, made.missing) == (1, 0, 0) and made.adds_up
    assert titles("missing:") == []


def test_a_paused_flow_is_compared_and_what_it_lacks_waits(
    nightly, place_on, yesterday, shopify, netsuite
):
    Flow.objects.filter(slug="shopify-orders").update(
        held_at="2026-11-20T00:00:00Z", hold_reason="For the test."
    )
    gone_orders(place_on, shopify, yesterday, 6230, 6231)
    nightly()
    made = newest(yesterday)
    assert (made.waiting, made.missing, made.found) == (2, 0, 2) and made.adds_up
    assert netsuite.orders == {} and not FailedRecord.objects.open().exists()


def test_a_source_that_a_person_paused_gets_no_certificate_and_no_alarm(
    shop, place_on, yesterday, shopify
):
    gone_orders(place_on, shopify, yesterday, 6240)
    type(shop).objects.filter(pk=shop.pk).update(state="paused")
    asking.ask_nightly()
    sweeping.step()
    assert GapCheck.objects.filter(ended_at=None, problem__contains="not in use")
    assert not Certificate.objects.exists() and not Gap.objects.exists()
    assert not Alert.objects.filter(closed_at=None).exists()


def test_what_one_comparison_is_fetching_no_other_one_takes_up(
    shop, place_on, yesterday, shopify, drain
):
    gone_orders(place_on, shopify, yesterday, 6250)
    asking.ask_days(yesterday, yesterday, None)
    day = GapCheck.objects.get(flow__slug="shopify-orders")
    sweeping._list(day, sweeping.connector_for(day.flow.source))
    assert day.gaps.count() == 1
    asking.ask_recent()
    recent = GapCheck.objects.get(flow=day.flow, day=None)
    assert recent.gaps.count() == 0
    GapCheck.objects.filter(pk=day.pk).update(ended_at=shopify.now(), phase="failed")
    asking.carry_over(recent, shopify.now())
    assert recent.gaps.count() == 1
    settle(drain)
