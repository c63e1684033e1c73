"""What was deleted at the source: a figure of the certificate, never a failure."""

import pytest

from errorqueue.clock import database_time
from errorqueue.models import Alert, FailedRecord
from integrations.connectors.shopify import listing
from integrations.connectors.shopify.connector import Shopify
from integrations.models import (
    AuditEntry,
    Certificate,
    Flow,
    Gap,
    GapCheck,
    SyncRecord,
)
from integrations.sync.completeness import asking, certifying, days, removed
from tests.flows.test_completeness import NOON, newest, nightly, place_on, yesterday
from tests.flows.test_subscriptions import settle, shop

__all__ = ["nightly", "place_on", "shop", "yesterday"]

pytestmark = pytest.mark.django_db(transaction=True)


def deleted_keys(slug="shopify-orders"):
    kept = Gap.objects.filter(kind=Gap.Kind.REMOVED, flow__slug=slug)
    return set(kept.values_list("source_key", flat=True))


def test_a_deleted_order_is_its_own_figure_and_the_sum_closes(
    nightly, place_on, yesterday, shopify, netsuite, drain
):
    orders = [place_on(yesterday, number) for number in (6001, 6002, 6003)]
    nightly()
    assert (newest(yesterday).source_count, newest(yesterday).removed) == (3, 0)
    shopify.delete_order(orders[1]["name"])
    nightly()
    made = newest(yesterday)
    assert (made.source_count, made.delivered, made.removed) == (2, 2, 1)
    assert made.adds_up and made.missing == 0 and made.money_differences == {}
    assert made.amount("USD", "removed") == made.amount("USD", "delivered") / 2
    assert deleted_keys() == {str(orders[1]["id"])}
    assert Gap.objects.get(kind=Gap.Kind.REMOVED).is_gone
    assert len(netsuite.orders) == 3
    record = SyncRecord.objects.get(label="#6002")
    assert record.state == SyncRecord.State.DELIVERED
    assert not FailedRecord.objects.open().exists()
    assert not Alert.objects.filter(closed_at=None).exists()
    nightly()
    assert newest(yesterday).removed == 1


def test_an_order_that_changed_on_a_later_day_is_not_taken_for_deleted(
    nightly, place_on, yesterday, shopify, drain
):
    order = place_on(yesterday, 6010)
    place_on(yesterday, 6011)
    drain()
    shopify.webhooks.lose_next(1)
    shopify.update_order(order["name"], note="Shipped")
    assert SyncRecord.objects.get(label="#6010").changed_at < database_time() - NOON
    nightly()
    made = newest(yesterday)
    assert (made.source_count, made.removed) == (1, 0) and deleted_keys() == set()


def test_a_deleted_customer_is_told_without_a_name(
    nightly, place_on, yesterday, shopify
):
    place_on(yesterday, 6020)
    nightly()
    customers = Flow.objects.get(slug="shopify-customers")
    line = SyncRecord.objects.filter(flow=customers).get()
    at = days.bounds(yesterday)[0] + NOON
    SyncRecord.objects.filter(pk=line.pk).update(changed_at=at)
    shopify.store.customers.pop(line.source_key)
    nightly()
    made = newest(yesterday, "shopify-customers")
    assert (made.source_count, made.removed) == (0, 1)
    assert Gap.objects.get(kind=Gap.Kind.REMOVED).label == ""


def test_one_that_is_there_and_on_no_list_is_counted_and_named_as_such(
    nightly, place_on, yesterday, shopify, monkeypatch, drain
):
    order = place_on(yesterday, 6030)
    place_on(yesterday, 6031)
    drain()
    real = Shopify.listing

    def without(self, *asked):
        page = real(self, *asked)
        rows = tuple(row for row in page.rows if row.label != order["name"])
        return type(page)(rows, page.cursor)

    monkeypatch.setattr(Shopify, "listing", without)
    nightly()
    assert newest(yesterday).removed == 1
    assert not Gap.objects.get(kind=Gap.Kind.REMOVED).is_gone


def test_pages_name_each_order_once_however_they_are_cut(
    nightly, place_on, yesterday, shopify, monkeypatch, drain
):
    """Orders of one second lie on both sides of a page's end."""
    monkeypatch.setattr(listing, "PAGE", 2)
    monkeypatch.setattr(listing, "MOST_PAGES", 2)
    monkeypatch.setattr(Shopify, "most_present", 2)
    orders = [place_on(yesterday, 6040 + number) for number in range(9)]
    drain()
    at = days.bounds(yesterday)[0] + NOON
    for order in orders[:5]:
        told = {"updated_at": shopify.shop_time(at)}
        shopify.store.orders[str(order["id"])].update(told)
    keys = [str(order["id"]) for order in orders[:5]]
    SyncRecord.objects.filter(source_key__in=keys).update(changed_at=at)
    nightly()
    assert newest(yesterday).source_count == 9 and newest(yesterday).removed == 0
    for order in (orders[0], orders[4], orders[8]):
        shopify.delete_order(order["name"])
    nightly()
    made = newest(yesterday)
    assert (made.source_count, made.removed, made.adds_up) == (6, 3, True)


def test_the_quarter_hour_asks_after_nothing(
    shop, place_on, shopify, drain, monkeypatch
):
    asked = []
    monkeypatch.setattr(removed, "note_unlisted", lambda *told: asked.append(told))
    asking.ask_recent()
    settle(drain)
    assert asked == [] and GapCheck.objects.filter(phase="done").exists()


def test_a_certificate_from_before_this_was_asked_stays_whole(
    nightly, place_on, yesterday
):
    place_on(yesterday, 6060)
    nightly()
    last = Certificate.objects.first()
    assert certifying.verify().broken == ""
    Certificate.objects.filter(pk=last.pk).update(removed=None)
    assert "was changed" in certifying.verify().broken
    older = Certificate.objects.first()
    digest = certifying.digest_of(older)
    Certificate.objects.filter(pk=older.pk).update(digest=digest)
    AuditEntry.objects.note_change(certifying.SUBJECT, older.pk, "certified", digest)
    assert certifying.verify().broken == ""
    Certificate.objects.filter(pk=older.pk).update(removed=0)
    assert "was changed" in certifying.verify().broken


def test_a_deleted_order_whose_event_waits_is_read_and_counted(
    nightly, place_on, yesterday, shopify, drain
):
    """Deleted before it was ever sent: it stands in the ledger and in the figure."""
    Flow.objects.filter(slug="shopify-orders").update(held_at=database_time())
    order = place_on(yesterday, 6070)
    drain()
    shopify.delete_order(order["name"])
    nightly()
    made = newest(yesterday)
    assert (made.source_count, made.waiting, made.removed) == (0, 0, 1)
    assert SyncRecord.objects.get(label="#6070").state == SyncRecord.State.HELD
