"""F51: a subscription that is gone comes back, and what was missed with it."""

from datetime import timedelta

import pytest

from errorqueue.clock import database_time
from errorqueue.models import Alert
from integrations.connectors.shopify.connector import Shopify
from integrations.models import (
    AuditEntry,
    Connection,
    Flow,
    FlowRhythm,
    Gap,
    GapCheck,
    SyncRecord,
)
from integrations.sync import schedules
from integrations.sync.completeness import sweeping, watchdog
from integrations.sync.rhythm.counting import rhythm_of

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "http://waybill.test/hooks/shopify/"
OF_ORDERS = ["orders/cancelled", "orders/create", "orders/edited", "orders/updated"]
TOPICS = ["customers/create", "customers/update", *OF_ORDERS]


@pytest.fixture
def shop(demo, settings, shopify):
    """The shop as it was audited once, five minutes ago."""
    settings.SITE_URL = "http://waybill.test"
    shopify.allows_http_webhooks = True
    for flow in Flow.objects.filter(source__system="shopify"):
        rhythm_of(flow)
    past = database_time() - timedelta(days=20)
    FlowRhythm.objects.update(
        since=past, audited_at=past, swept_until=database_time() - timedelta(minutes=5)
    )
    return Connection.objects.get(slug="shopify")


@pytest.fixture
def watch(shop, drain, monkeypatch):
    """The job of every quarter of an hour, and all that follows from it."""
    monkeypatch.setattr(
        "integrations.sync.completeness.days.ON_ITS_WAY", -timedelta(seconds=2)
    )

    def run():
        watchdog.watch()
        settle(drain)

    return run


def settle(drain, rounds=20):
    """Let the workers go on until no comparison is open."""
    for _ in range(rounds):
        drain()
        due = sweeping._open()
        if not due.exists():
            return
        due.update(try_at=database_time() - timedelta(seconds=1))
    raise AssertionError("a comparison never ended")


def topics(shopify):
    return sorted(one.topic for one in shopify.webhooks.subscriptions)


def unsubscribe(shopify, *names):
    for one in list(shopify.webhooks.subscriptions):
        if not names or one.topic in names:
            shopify.webhooks.unsubscribe(one)


def place(shopify, number, **options):
    options.setdefault("lines", [("TENT-2P", "Two-person tent", "249.00", 1)])
    made = shopify.place_order(shopify.new_order(number, **options))
    shopify.deliver_due()
    return made


def told():
    found = Alert.objects.filter(closed_at=None, key__startswith="subscriptions:")
    return list(found.values_list("title", "text"))


def test_f51_a_deleted_subscription_is_set_up_again_and_the_missed_orders_arrive(
    watch, shopify, netsuite, drain
):
    unsubscribe(shopify)
    for number in (5101, 5102, 5103):
        place(shopify, number)
    drain()
    assert netsuite.orders == {}
    watch()
    assert topics(shopify) == TOPICS
    sent = sorted(one["otherRefNum"] for one in netsuite.orders.values())
    assert sent == ["#5101", "#5102", "#5103"]
    [(title, text)] = told()
    assert title == "Shopify (Northwind Outdoor): webhook subscriptions were gone"
    assert all(topic in text for topic in TOPICS) and "is being compared" in text
    noted = AuditEntry.objects.filter(subject="connection", verb="subscribed")
    assert "orders/create" in noted.get().detail
    place(shopify, 5104)
    drain()
    assert len(netsuite.orders) == 4


def test_f51_the_alert_ends_with_the_next_good_audit_and_nothing_comes_twice(
    watch, shopify, netsuite
):
    unsubscribe(shopify, "orders/create")
    place(shopify, 5101)
    watch()
    assert told()
    watch()
    assert told() == [] and topics(shopify) == TOPICS
    assert len(netsuite.orders) == 1
    assert SyncRecord.objects.filter(flow__slug="shopify-orders").count() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"api_version": "2026-04"}, "API version 2026-04 instead of 2026-10"),
        ({"format": "XML"}, "format XML instead of JSON"),
        ({"include_fields": ("id",)}, "only some fields"),
        ({"filter": "total_price:>100"}, "only what passes the filter"),
    ],
)
def test_f51_a_subscription_of_another_shape_is_put_right(
    watch, shopify, change, words
):
    [mine] = [x for x in shopify.webhooks.subscriptions if x.topic == "orders/create"]
    for name, value in change.items():
        setattr(mine, name, value)
    watch()
    found = (mine.api_version, mine.format, mine.include_fields, mine.filter)
    assert found == ("2026-10", "JSON", (), "")
    assert words in told()[0][1] and topics(shopify) == TOPICS


def test_f51_what_leads_elsewhere_is_nobody_of_ours(watch, shopify):
    other = shopify.subscribe("orders/create", "https://other.example/hooks/")
    other.api_version = "2026-04"
    watch()
    assert other in shopify.webhooks.subscriptions and other.api_version == "2026-04"
    assert told() == []


def test_f51_the_first_set_up_of_a_shop_is_no_incident(watch, shopify):
    FlowRhythm.objects.update(audited_at=None)
    unsubscribe(shopify)
    watch()
    assert topics(shopify) == TOPICS and told() == []


def test_f51_a_flow_that_is_new_in_a_known_shop_is_no_incident(watch, shopify):
    Flow.objects.filter(slug="shopify-customers").update(is_enabled=False)
    unsubscribe(shopify, "customers/create", "customers/update")
    FlowRhythm.objects.filter(flow__slug="shopify-customers").update(audited_at=None)
    watch()
    assert topics(shopify) == OF_ORDERS
    Flow.objects.filter(slug="shopify-customers").update(is_enabled=True)
    watch()
    assert topics(shopify) == TOPICS and told() == []


def test_f51_an_audit_that_breaks_is_told_by_its_schedule_and_stops_no_comparison(
    watch, shopify, netsuite, monkeypatch
):
    unsubscribe(shopify)
    place(shopify, 5101)

    def broken(self):
        raise ZeroDivisionError

    monkeypatch.setattr(Shopify, "subscriptions", broken)
    with pytest.raises(ZeroDivisionError):
        watchdog.watch()
    assert GapCheck.objects.filter(ended_at=None).count() == 2


def test_f51_a_missing_scope_is_named_with_its_remedy(watch, shopify, keys):
    unsubscribe(shopify, "orders/create")
    app = next(iter(shopify.access.apps.values()))
    app.scopes = app.scopes - {"read_orders", "read_all_orders"}
    watch()
    [(title, text)] = told()
    assert title.endswith("webhook subscriptions cannot be set up")
    assert "orders/create topic" in text and "add its scope" in text


def test_f51_an_address_that_the_vendor_refuses_names_the_setting(watch, shopify):
    shopify.allows_http_webhooks = False
    unsubscribe(shopify, "orders/create")
    watch()
    assert "http:// is not supported" in told()[0][1]
    assert "WAYBILL_SITE_URL" in told()[0][1]


def test_f51_subscriptions_that_are_made_elsewhere_are_left_alone(
    watch, shop, shopify, netsuite
):
    Connection.objects.filter(pk=shop.pk).update(options={"subscriptions": "elsewhere"})
    unsubscribe(shopify)
    place(shopify, 5101)
    watch()
    assert topics(shopify) == [] and told() == []
    assert len(netsuite.orders) == 1  # the comparison finds it all the same


def test_f51_a_vendor_that_is_away_is_no_reason_to_conclude_anything(watch, shopify):
    unsubscribe(shopify, "orders/create")
    shopify.fail_next(503, body="<html>down</html>", times=2)
    watch()
    assert told() == [] and "orders/create" not in topics(shopify)
    watch()
    assert topics(shopify) == TOPICS


def test_f51_a_comparison_covers_exactly_the_time_the_source_was_away(
    watch, shop, shopify, netsuite
):
    """What was not compared stays to be compared, however long it takes."""
    Connection.objects.filter(pk=shop.pk).update(state=Connection.State.PAUSED)
    unsubscribe(shopify)
    place(shopify, 5101)
    watch()
    assert netsuite.orders == {}
    Connection.objects.filter(pk=shop.pk).update(state=Connection.State.READY)
    watch()
    assert len(netsuite.orders) == 1


def test_f51_every_installation_audits_each_quarter_of_an_hour():
    rules = {job: rule for _, job, rule in schedules.DEFAULTS}
    assert rules["subscriptions"] == {"minutes": 15}
    assert schedules.JOBS["subscriptions"].run is watchdog.watch


def test_f55_a_single_event_that_was_never_sent_is_found_within_the_quarter_hour(
    watch, shopify, netsuite, drain
):
    place(shopify, 5501)
    shopify.webhooks.lose_next(3)
    place(shopify, 5502, email="someone.else@example.com")
    drain()
    assert len(netsuite.orders) == 1
    watch()
    assert len(netsuite.orders) == 2
    gaps = Gap.objects.filter(flow__slug="shopify-orders")
    assert [str(gap) for gap in gaps] == ["#5502"]
    assert topics(shopify) == TOPICS and told() == []
