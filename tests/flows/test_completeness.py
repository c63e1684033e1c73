"""F55: what the source holds and never sent is found, fetched and certified."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User

from errorqueue.clock import database_time
from errorqueue.models import Alert, FailedRecord
from integrations.connectors.errors import RequestRefused
from integrations.connectors.shopify import listing
from integrations.connectors.shopify.connector import Shopify
from integrations.models import (
    AuditEntry,
    Certificate,
    Flow,
    FlowRhythm,
    Gap,
    GapCheck,
    GapSweep,
    InboxEvent,
    Slot,
    SyncRecord,
)
from integrations.simulators.shopify.cost import Bucket
from integrations.sync import pruning, schedules
from integrations.sync.completeness import (
    asking,
    comparing,
    days,
    fetching,
    sweeping,
)
from tests.flows.test_subscriptions import place, settle, shop, watch

__all__ = ["shop", "watch"]

pytestmark = pytest.mark.django_db(transaction=True)

NOON = timedelta(hours=12)


@pytest.fixture
def yesterday(shop):
    return days.today(database_time()) - days.ONE_DAY


@pytest.fixture
def place_on(shopify):
    """Place an order at noon of a day."""

    def place_it(day, number, **options):
        at = days.bounds(day)[0] + NOON + timedelta(minutes=number % 600)
        return place(shopify, number, created_at=at, **options)

    return place_it


@pytest.fixture
def nightly(shop, drain):
    def run():
        asking.ask_nightly()
        settle(drain)

    return run


def newest(day, slug="shopify-orders"):
    return Certificate.objects.filter(day=day, flow_slug=slug).first()


def titles(prefix):
    found = Alert.objects.filter(closed_at=None, key__startswith=prefix)
    return list(found.values_list("title", flat=True))


def test_f55_a_day_with_lost_orders_is_made_whole_and_certified(
    nightly, place_on, yesterday, shopify, netsuite
):
    place_on(yesterday, 5501)
    shopify.webhooks.lose_next(12)
    for number in (5502, 5503, 5504):
        place_on(yesterday, number)
    nightly()
    made = newest(yesterday)
    assert (made.source_count, made.delivered, made.missing) == (4, 4, 0)
    assert (made.found, made.fetched, made.adds_up) == (3, 3, True)
    assert len(netsuite.orders) == 4
    assert made.money["USD"]["source"] == made.money["USD"]["delivered"]
    assert made.money_differences == {} and made.is_whole_day
    assert titles("missing:") == []


def test_f55_each_part_of_the_sum_is_counted_where_it_stands(
    nightly, place_on, yesterday, shop, shopify, drain
):
    place_on(yesterday, 5510)
    place_on(yesterday, 5511, lines=[("HAMMOCK-XL", "Hammock", "89.00", 1)])
    place_on(yesterday, 5512, test=True)
    place_on(yesterday, 5513, lines=[("KNIFE-PRO", "Knife", "44.00", 1)])
    drain()
    knife = SyncRecord.objects.get(label="#5513")
    knife.exclude("Sold by hand.", User.objects.create(username="op"))
    Flow.objects.filter(slug="shopify-orders").update(is_enabled=True)
    nightly()
    made = newest(yesterday)
    parts = (made.delivered, made.queued, made.by_rule, made.by_person, made.waiting)
    assert parts == (1, 1, 1, 1, 0)
    assert made.source_count == 4 and made.adds_up


def test_f55_what_is_held_counts_as_waiting(nightly, place_on, yesterday, shop, drain):
    place_on(yesterday, 5520)
    SyncRecord.objects.all().delete()
    Flow.objects.filter(slug="shopify-orders").update(
        held_at=database_time(), hold_reason="For the test."
    )
    InboxEvent.objects.all().delete()
    nightly()
    made = newest(yesterday)
    assert (made.waiting, made.source_count, made.found) == (1, 1, 1)


def test_f55_an_order_that_changed_unheard_is_read_again_before_it_is_sent(
    nightly, place_on, yesterday, shopify, netsuite, drain
):
    Flow.objects.filter(slug="shopify-orders").update(held_at=database_time())
    order = place_on(yesterday, 5530)
    drain()
    shopify.webhooks.lose_next(1)
    later = shopify.shop_time(days.bounds(yesterday)[0] + NOON + timedelta(hours=11))
    shopify.update_order(order["name"], note="Leave at the door", updated_at=later)
    nightly()
    record = SyncRecord.objects.get(label="#5530")
    assert record.source["note"] == "Leave at the door" and record.version == 2
    made = newest(yesterday)
    assert (made.found, made.behind, made.waiting) == (0, 1, 1) and made.adds_up


def test_f55_a_thousand_planted_gaps_of_fifteen_hundred_are_all_found(
    shop, yesterday, shopify, monkeypatch
):
    """Compared at the level of the list; the others fetch each end to end."""
    monkeypatch.setattr(Bucket, "take", lambda bucket, points: True)
    start = days.bounds(yesterday)[0] + NOON
    template = shopify.new_order(1, created_at=start)
    flow = Flow.objects.get(slug="shopify-orders")
    kept = []
    for number in range(1500):
        key = str(7_000_000_000 + number)
        at = start + timedelta(seconds=number)
        told = {
            "updated_at": shopify.shop_time(at),
            "created_at": shopify.shop_time(at),
        }
        gid = f"gid://shopify/Order/{key}"
        shopify.store.orders[key] = {
            **template,
            **told,
            "id": int(key),
            "admin_graphql_api_id": gid,
            "name": f"#{number}",
        }
        if number % 3 == 0:
            kept.append(_line(flow, key, at))
    SyncRecord.objects.bulk_create(kept)
    check = _check(flow, yesterday)
    connector = sweeping.connector_for(flow.source)
    while check.phase == GapCheck.Phase.LISTING:
        sweeping._list(check, connector)
    found = Gap.objects.filter(check_of=check, kind=Gap.Kind.MISSING)
    assert found.count() == 1000 and check.listed == 1500
    assert check.counts == {"waiting": 500}
    wanted = {str(7_000_000_000 + n) for n in range(1500) if n % 3}
    assert set(found.values_list("source_key", flat=True)) == wanted


def _line(flow, key, at):
    return SyncRecord(
        flow=flow,
        target_connection=flow.target,
        source_key=key,
        source={},
        changed_at=at,
        due_at=at + timedelta(days=400),
    )


def _check(flow, day):
    now = database_time()
    since, until = days.bounds(day)
    sweep = GapSweep.objects.create(kind=GapSweep.Kind.NIGHTLY, asked_at=now)
    flow = Flow.objects.select_related("source", "target").get(pk=flow.pk)
    return GapCheck.objects.create(
        sweep=sweep,
        flow=flow,
        day=day,
        since=since,
        until=until,
        try_at=now,
        phase_at=now,
    )


def test_f55_what_cannot_be_fetched_is_told_kept_missing_and_tried_again(
    watch, shop, shopify, netsuite, monkeypatch
):
    shopify.webhooks.lose_next(9)
    place(shopify, 5540)
    real = Shopify.fetch

    def refuse(self, entity, key):
        if entity == "order":
            raise RequestRefused("Field 'x' does not exist.")
        return real(self, entity, key)

    monkeypatch.setattr(Shopify, "fetch", refuse)
    watch()
    [title] = titles("missing:")
    assert title == "Orders to NetSuite: 1 order missing"
    told = Alert.objects.get(key__startswith="missing:", closed_at=None)
    assert told.flow == "Orders to NetSuite"
    text = told.text
    assert "#5540" in text and "Field 'x' does not exist." in text
    monkeypatch.setattr(Shopify, "fetch", real)
    watch()
    assert titles("missing:") == [] and len(netsuite.orders) == 1


def test_f55_one_deleted_between_list_and_look_is_counted_as_gone(
    nightly, place_on, yesterday, shopify, monkeypatch
):
    shopify.webhooks.lose_next(9)
    order = place_on(yesterday, 5550)
    real = sweeping.fetch

    def late(gap, connector):
        if gap.source_key in order["admin_graphql_api_id"]:
            shopify.store.orders.pop(gap.source_key, None)
        real(gap, connector)

    monkeypatch.setattr(sweeping, "fetch", late)
    nightly()
    made = newest(yesterday)
    assert (made.source_count, made.gone, made.missing) == (1, 1, 0) and made.adds_up


def test_f55_one_that_cannot_be_read_is_in_the_queue_as_a_delivery(
    nightly, place_on, yesterday, shopify, monkeypatch
):
    shopify.webhooks.lose_next(9)
    place_on(yesterday, 5560)
    monkeypatch.setattr(
        Shopify, "delivery_of", lambda self, found: ("orders/updated", b"{broken")
    )
    nightly()
    made = newest(yesterday)
    assert (made.queued, made.missing, made.adds_up) == (1, 0, True)
    assert FailedRecord.objects.open().count() >= 1


def test_f55_a_source_that_may_not_be_listed_is_told_in_words(
    watch, shop, shopify, place_on
):
    shopify.fail_as("ACCESS_DENIED", "Access denied for orders field", times=1)
    asking.ask_recent()
    sweeping.step()
    failed = GapCheck.objects.filter(phase=GapCheck.Phase.FAILED)
    assert "Access denied" in failed.get().problem
    assert len(titles("compare:")) == 1
    watch()
    assert titles("compare:") == []


def test_f55_a_source_that_is_busy_is_asked_again_and_nothing_is_lost(
    shop, shopify, drain, place_on, yesterday, netsuite
):
    shopify.webhooks.lose_next(9)
    place_on(yesterday, 5570)
    shopify.fail_next(503, body="<html>down</html>", times=2)
    asking.ask_nightly()
    sweeping.step()
    assert GapCheck.objects.filter(ended_at=None, tries__gt=0).exists()
    settle(drain)
    assert len(netsuite.orders) == 1 and newest(yesterday).missing == 0


def test_f55_requests_leave_the_reserve_to_orders(
    shop, place_on, yesterday, monkeypatch
):
    lanes = []
    real = sweeping.one_request

    def seen(connection, lane):
        lanes.append(lane)
        return real(connection, lane)

    monkeypatch.setattr(sweeping, "one_request", seen)
    asking.ask_nightly()
    sweeping.step()
    assert set(lanes) == {"bulk"}
    assert not Slot.objects.exclude(holder="").exists()


def test_f55_an_emptied_bucket_makes_the_comparison_pause_and_no_order(
    shop, place_on, yesterday, shopify
):
    asking.ask_nightly()
    shopify.fail_as("THROTTLED", "Throttled", times=4)
    sweeping.step()
    assert GapCheck.objects.filter(ended_at=None, tries=1).exists()
    shop.refresh_from_db()
    assert shop.is_usable


def test_f55_two_workers_never_take_one_check(shop, yesterday):
    flow = Flow.objects.get(slug="shopify-orders")
    _check(flow, yesterday)
    first, second = sweeping._claim(), sweeping._claim()
    assert first is not None and second is None
    GapCheck.objects.update(try_at=database_time() - timedelta(seconds=1))
    taken = sweeping._claim()
    assert taken.pk == first.pk
    with pytest.raises(sweeping.Lost):
        sweeping._save(first, cursor="late")


def test_f55_a_delivery_that_was_merely_late_changes_nothing(
    watch, shopify, netsuite, drain
):
    shopify.webhooks.reorder(9)  # kept back until something overtakes them
    made = shopify.place_order(
        shopify.new_order(5580, lines=[("TENT-2P", "Tent", "249.00", 1)])
    )
    watch()
    assert len(netsuite.orders) == 1
    shopify.webhooks._let_go(shopify.webhooks._kept_back)
    shopify.deliver_due()
    drain()
    assert len(netsuite.orders) == 1
    assert SyncRecord.objects.get(label=made["name"]).state == "delivered"


# Days


def test_nothing_from_before_we_listened_is_missing(
    nightly, place_on, yesterday, shopify, netsuite
):
    shopify.webhooks.lose_next(9)
    place_on(yesterday, 5590)
    FlowRhythm.objects.update(since=database_time())
    nightly()
    assert Certificate.objects.count() == 0 and netsuite.orders == {}
    with pytest.raises(asking.NotComparable, match="has listened only since"):
        asking.ask_days(yesterday, yesterday, None)


def test_a_day_is_a_day_of_the_clock_on_the_wall(settings):
    settings.TIME_ZONE = "Europe/Berlin"
    start, end = days.bounds(datetime(2026, 10, 25, tzinfo=UTC).date())
    assert end - start == timedelta(hours=25)
    start, end = days.bounds(datetime(2026, 3, 29, tzinfo=UTC).date())
    assert end - start == timedelta(hours=23)


def test_the_nights_after_look_at_a_day_again(nightly, place_on, yesterday, shopify):
    day = yesterday - 2 * days.ONE_DAY
    place_on(day, 5600)
    nightly()
    shopify.webhooks.lose_next(9)
    place_on(day, 5601)
    nightly()
    first, second = Certificate.objects.filter(
        day=day, flow_slug="shopify-orders"
    ).order_by("pk")
    assert (first.source_count, first.found) == (1, 0)
    assert (second.source_count, second.found) == (2, 1)
    whole = yesterday - asking.LOOKED_AT_AGAIN * days.ONE_DAY
    assert newest(whole) and not newest(whole - days.ONE_DAY)


def test_what_the_quarter_hour_found_is_named_by_the_day(
    watch, nightly, place_on, yesterday, shopify
):
    FlowRhythm.objects.update(swept_until=None)
    shopify.webhooks.lose_next(9)
    place_on(yesterday, 5610)
    watch()
    nightly()
    made = newest(yesterday)
    assert (made.found, made.found_before, made.delivered) == (0, 1, 1)


def test_only_one_comparison_is_asked_for_at_a_time_and_31_days_at_most(
    shop, yesterday
):
    by = User.objects.create(username="op")
    asking.ask_days(yesterday, yesterday, by)
    noted = AuditEntry.objects.get(subject="gap sweep")
    assert noted.by == by and str(yesterday) in noted.detail
    with pytest.raises(asking.NotComparable, match="under way"):
        asking.ask_days(yesterday, yesterday, by)
    with pytest.raises(asking.NotComparable, match="at most 31"):
        asking.ask_days(yesterday - 40 * days.ONE_DAY, yesterday, by)
    with pytest.raises(asking.NotComparable, match="not behind"):
        asking.ask_days(yesterday, yesterday - days.ONE_DAY, by)


def test_every_installation_compares_by_night():
    rules = {job: rule for _, job, rule in schedules.DEFAULTS}
    assert rules["completeness"]["at"].isoformat() == "01:50:00"
    assert schedules.JOBS["completeness"].run is asking.ask_nightly


def test_old_comparisons_are_cleared_away_and_certificates_stay(
    nightly, watch, place_on, yesterday
):
    place_on(yesterday, 5620)
    nightly()
    watch()
    past = database_time() - timedelta(days=3)
    GapSweep.objects.update(asked_at=past)
    made = Certificate.objects.count()
    pruning.prune()
    assert not GapSweep.objects.filter(kind=GapSweep.Kind.RECENT).exists()
    assert GapSweep.objects.filter(kind=GapSweep.Kind.NIGHTLY).exists()
    assert Certificate.objects.count() == made > 0


# Parts


def test_a_walk_as_long_as_any_starts_anew_and_no_row_comes_twice(
    shop, shopify, monkeypatch, yesterday
):
    monkeypatch.setattr(listing, "PAGE", 2)
    monkeypatch.setattr(listing, "MOST_PAGES", 2)
    start = days.bounds(yesterday)[0] + NOON
    for number in range(9):
        place(shopify, 5700 + number, created_at=start + timedelta(minutes=number))
    flow = Flow.objects.get(slug="shopify-orders")
    check = _check(flow, yesterday)
    connector = sweeping.connector_for(check.flow.source)
    pages = 0
    while check.phase == GapCheck.Phase.LISTING:
        sweeping._list(check, connector)
        pages += 1
    assert check.listed == 9 and check.gaps.count() == 9 and pages > 5


def test_money_is_summed_by_currency_and_part():
    sums = comparing.Sums()
    sums.count("delivered", Decimal("10.10"), "USD")
    sums.count("delivered", Decimal("0.20"), "USD")
    sums.count("waiting", Decimal(5), "EUR")
    assert sums.counts == {"delivered": 2, "waiting": 1}
    assert sums.money == {"USD": {"delivered": "10.3"}, "EUR": {"waiting": "5"}}


def test_amounts_that_differ_are_shown_by_currency():
    made = Certificate(
        money={
            "USD": {"source": "100.00", "delivered": "90.00", "missing": "4.00"},
            "EUR": {"source": "1.0", "delivered": "1.00"},
        }
    )
    assert made.money_differences == {"USD": Decimal("6.00")}


def test_a_fetched_delivery_is_known_by_its_object_and_version():
    at = datetime(2026, 11, 20, 9, 12, tzinfo=UTC)
    assert fetching.delivery_id("order", "1", at) == "gap:order:1:2026-11-20T09:12:00Z"
