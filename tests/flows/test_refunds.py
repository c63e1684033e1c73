"""Refunds of the played shop, as credit memos of the played NetSuite."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db.models import F

from errorqueue import services as queue
from errorqueue.models import FailedRecord
from integrations.models import (
    Attempt,
    CachedLookup,
    Connection,
    Flow,
    InboxEvent,
    SyncRecord,
)
from integrations.sync.editing import revise
from tests.flows.conftest import CONFIGURATION, HOOK, configure
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State
ITEM_TYPES = (
    "inventoryItem",
    "nonInventorySaleItem",
    "otherChargeSaleItem",
    "giftCertificateItem",
    "salesTaxItem",
)
TWO_TENTS = [("TENT-2P", "Two-person tent", "249.00", 2)]


@pytest.fixture
def refunds(demo, shopify) -> None:
    """The flow of refunds beside those of the demo."""
    configure("flows/shopify-refunds.yaml")
    shopify.subscribe("refunds/create", HOOK)


@pytest.fixture
def placed(refunds, post_order, drain):
    """An order that stands in NetSuite."""

    def place(**changes):
        payload = post_order(**changes)
        drain()
        return payload

    return place


@pytest.fixture
def refund(shopify):
    """Give money or goods back, and let the webhooks knock at our door."""

    def give(order, *args, **changes):
        made = shopify.refund_order(order["name"], *args, **changes)
        shopify.deliver_due()
        return made

    return give


@pytest.fixture
def memos(netsuite):
    """What stands in NetSuite: of each credit memo its total and its lines."""

    def read():
        names = {
            one["id"]: one["itemId"]
            for kind in ITEM_TYPES
            for one in netsuite.stored(kind)
        }
        found = []
        for memo in netsuite.stored("creditMemo"):
            lines = memo["item"]["items"]
            told = [(names[x["item"]["id"]], Decimal(x["amount"])) for x in lines]
            found.append((Decimal(memo["total"]), told))
        return found

    return read


def of_refund(**changes):
    return SyncRecord.objects.get(flow__slug="shopify-refunds", **changes)


def line_of_refund():
    return FailedRecord.objects.open().get(entity="refund")


def reads(shopify):
    return [call for call in shopify.journal if "WaybillRefund(" in call.request]


def test_a_refund_of_the_whole_order_becomes_a_credit_memo(
    placed, refund, netsuite, drain, memos
):
    order = placed(number=1, tax_rate="0.1")
    made = refund(order, {"TENT-2P": 1}, shipping=True, restock_type="return")
    drain()
    [memo], [sold] = netsuite.stored("creditMemo"), netsuite.orders.values()
    assert memo["entity"]["id"] == sold["entity"]["id"]
    assert memo["otherRefNum"] == "#1"
    assert memo["memo"] == f"Refund {made['id']} of order #1"
    assert memo["externalId"] == f"shopify-northwind-outdoor-refund-{made['id']}"
    assert memos() == [
        (
            Decimal(order["total_price"]),
            [
                ("TENT-2P", Decimal("249.00")),
                ("Refunded shipping", Decimal("5.00")),
                ("Sales tax", Decimal("25.40")),
            ],
        )
    ]
    assert not FailedRecord.objects.exists()
    record = of_refund()
    assert (record.state, record.label) == (State.DELIVERED, "#1")
    assert (record.amount, record.currency) == (Decimal("279.40"), "USD")


def test_two_partial_refunds_become_two_credit_memos(placed, refund, drain, memos):
    order = placed(number=2, lines=TWO_TENTS, order_discount="9.99", tax_rate="0.0725")
    refund(order, {"TENT-2P": 1}, restock_type="return")
    drain()
    refund(order, {"TENT-2P": 1}, shipping=True, restock_type="return")
    drain()
    totals = [total for total, _ in memos()]
    assert len(totals) == 2
    assert sum(totals) == Decimal(order["total_price"])


def test_shipping_alone_is_credited(placed, refund, drain, memos):
    refund(placed(number=3), shipping="2.50")
    drain()
    assert memos() == [(Decimal("2.50"), [("Refunded shipping", Decimal("2.50"))])]


def test_money_without_lines_is_an_adjustment(placed, refund, drain, memos):
    refund(placed(number=4), money="10.00")
    drain()
    assert memos() == [(Decimal("10.00"), [("Refund adjustment", Decimal("10.00"))])]


def test_money_that_differs_from_the_lines_is_explained_or_a_difference(
    placed, refund, drain, memos
):
    order = placed(number=5, lines=TWO_TENTS)
    told = {"restock_type": "return"}
    refund(order, {"TENT-2P": 1}, money="200.00", **told)
    drain()
    refund(order, {"TENT-2P": 1}, money="210.00", explain=False, **told)
    drain()
    assert memos() == [
        (
            Decimal("200.00"),
            [("TENT-2P", Decimal("249.00")), ("Refund adjustment", Decimal("-49.00"))],
        ),
        (
            Decimal("210.00"),
            [("TENT-2P", Decimal("249.00")), ("Refund difference", Decimal("-39.00"))],
        ),
    ]


def test_prices_that_hold_tax_are_credited_without_it(placed, refund, drain, memos):
    order = placed(number=6, taxes_included=True, tax_rate="0.2")
    refund(order, {"TENT-2P": 1}, restock_type="return")
    drain()
    assert memos() == [
        (
            Decimal("249.00"),
            [("TENT-2P", Decimal("207.50")), ("Sales tax", Decimal("41.50"))],
        )
    ]


def test_what_did_not_come_back_is_credited_without_stock(
    placed, refund, drain, memos, netsuite
):
    refund(placed(number=7), {"TENT-2P": 1}, restock_type="no_restock")
    drain()
    [(_, lines)] = memos()
    assert lines == [("Goods not returned", Decimal("249.00"))]
    [memo] = netsuite.stored("creditMemo")
    assert memo["item"]["items"][0]["description"] == "TENT-2P Two-person tent"


def test_two_payments_of_an_order_come_back_in_one_credit_memo(
    placed, refund, drain, memos, shopify
):
    order = placed(number=8, gift_card_tender="100.00")
    refund(order, {"TENT-2P": 1}, shipping=True, restock_type="return")
    drain()
    [(total, _)] = memos()
    assert total == Decimal("254.00")


def test_what_the_buyer_paid_in_another_currency_is_credited_in_the_shops(
    placed, refund, drain, memos, netsuite
):
    order = placed(number=9, presentment=("EUR", "0.91"))
    refund(order, {"TENT-2P": 1}, restock_type="return")
    drain()
    assert memos() == [(Decimal("249.00"), [("TENT-2P", Decimal("249.00"))])]
    [memo], [sold] = netsuite.stored("creditMemo"), netsuite.orders.values()
    assert memo["currency"] == sold["currency"]


@pytest.mark.parametrize(
    ("currency", "price", "back"),
    [("JPY", "24900", "24900"), ("KWD", "24.905", "24.905")],
)
def test_f79_currencies_without_cents_and_with_three_places_keep_each_unit(
    placed, refund, drain, memos, netsuite, currency, price, back
):
    netsuite.add_currency(currency)
    order = placed(
        number=10,
        currency=currency,
        lines=[("TENT-2P", "Two-person tent", price, 1)],
        shipping=(("Standard", "0"),),
    )
    refund(order, {"TENT-2P": 1}, restock_type="return")
    drain()
    assert memos() == [(Decimal(back), [("TENT-2P", Decimal(back))])]
    assert of_refund().currency == currency


def test_pending_money_waits_and_goes_when_it_is_settled(
    placed, refund, drain, memos, shopify, let_pass
):
    order = placed(number=11)
    refund(order, {"TENT-2P": 1}, status="pending", restock_type="return")
    drain()
    record = of_refund()
    assert (record.state, record.tries) == (State.WAITING, 0)
    assert memos() == [] and not FailedRecord.objects.exists()
    asked = len(reads(shopify))
    let_pass(90)
    drain()
    assert len(reads(shopify)) == asked + 1
    assert memos() == []

    shopify.settle_refund(order["name"])
    let_pass(7200)
    drain()
    assert memos() == [(Decimal("249.00"), [("TENT-2P", Decimal("249.00"))])]
    assert of_refund().state == State.DELIVERED
    assert not Attempt.objects.filter(kind="temporary").exists()


def test_money_that_is_on_its_way_for_days_comes_to_a_person(
    placed, refund, drain, memos, shopify, let_pass
):
    order = placed(number=12)
    refund(order, {"TENT-2P": 1}, status="pending", restock_type="return")
    drain()
    SyncRecord.objects.update(created_at=F("created_at") - timedelta(hours=73))
    let_pass(7200)
    drain()
    line = line_of_refund()
    assert (line.status, line.kind) == (FailedRecord.Status.FAILED, "data")
    assert "its money is on its way" in line.why and "72 hours" in line.why
    assert "Retry now" in line.remedy
    shopify.settle_refund(order["name"])
    queue.retry(line)
    drain()
    assert len(memos()) == 1
    assert not FailedRecord.objects.open().exists()


def test_money_that_could_not_be_paid_back_is_never_credited(
    placed, refund, drain, memos, shopify, let_pass
):
    order = placed(number=13)
    refund(order, {"TENT-2P": 1}, status="pending", restock_type="return")
    shopify.settle_refund(order["name"], "failure")
    drain()
    record = of_refund()
    assert record.state == State.EXCLUDED
    assert "Money could not be paid back" in record.exclusion
    assert memos() == []


def test_goods_without_money_are_named_and_kept_out(placed, refund, drain, memos):
    refund(placed(number=14), {"TENT-2P": 1}, money=0, restock_type="return")
    drain()
    record = of_refund()
    assert "No money went back" in record.exclusion
    assert memos() == []


def test_f02_a_webhook_that_comes_twice_makes_one_credit_memo(
    placed, refund, drain, memos, shopify
):
    order = placed(number=15)
    shopify.webhooks.duplicate(5)
    refund(order, shipping="2.50")
    drain()
    told = InboxEvent.objects.filter(topic="refunds/create")
    InboxEvent.objects.filter(pk=told[0].pk).update(state="waiting")
    drain()
    assert len(memos()) == 1
    assert len(reads(shopify)) == 1


def test_f30_a_lost_answer_is_settled_by_looking_and_not_doubled(
    placed, refund, drain, memos, netsuite, let_pass
):
    order = placed(number=16)
    Flow.objects.filter(slug="shopify-refunds").update(retry_schedule=[60, 120, 240])
    netsuite.fail_next(lost=True, path="creditMemo")
    refund(order, shipping="2.50")
    drain()
    assert len(memos()) == 1
    assert Attempt.objects.filter(outcome=Attempt.Outcome.UNKNOWN).count() == 1
    let_pass(80)
    drain()
    assert len(memos()) == 1
    record = of_refund()
    assert record.state == State.DELIVERED
    assert "found there already" in record.attempts.order_by("-number")[0].message


def test_an_unknown_item_names_field_value_and_remedy(
    placed, refund, drain, memos, netsuite
):
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    order = placed(number=17, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 1)])
    netsuite.change_item("HAMMOCK-XL", itemId="HAMMOCK-XXL")
    CachedLookup.objects.all().delete()
    refund(order, {"HAMMOCK-XL": 1}, restock_type="return")
    drain()
    line = line_of_refund()
    [problem] = line.problems
    assert line.kind == "data" and line.reference == "#17"
    assert problem["target"].startswith("item.items[0].item")
    assert problem["value"] == "HAMMOCK-XL"
    assert memos() == []
    netsuite.change_item("HAMMOCK-XXL", itemId="HAMMOCK-XL")
    queue.retry(line)
    drain()
    assert len(memos()) == 1


def test_a_named_item_that_is_missing_says_which_one_to_add(
    placed, refund, drain, memos, netsuite
):
    order = placed(number=18)
    netsuite.change_item("Refunded shipping", isInactive=True)
    refund(order, shipping="2.50")
    drain()
    line = line_of_refund()
    assert "Refunded shipping" in line.why
    assert "active again in NetSuite" in line.remedy
    assert memos() == []
    netsuite.change_item("Refunded shipping", isInactive=False)
    queue.retry(line)
    drain()
    assert len(memos()) == 1


def test_f70_a_refund_before_its_order_is_held_and_goes_by_itself(
    refunds, post_order, refund, drain, memos, netsuite, let_pass
):
    Flow.objects.filter(slug="shopify-orders").update(retry_schedule=[60, 120])
    netsuite.fail_next(503, path="salesOrder")
    order = post_order(number=19)
    refund(order, shipping="2.50")
    drain()
    record = of_refund()
    assert (record.state, record.hold) == (State.HELD, SyncRecord.Hold.RECORD)
    assert "Order #19" in record.hold_reason
    assert memos() == []
    let_pass(80)
    drain()
    assert [total for total, _ in memos()] == [Decimal("2.50")]


def test_f70_an_order_that_nobody_told_of_is_read_and_goes_first(
    refunds, post_order, refund, drain, memos, netsuite
):
    order = post_order(number=20)
    InboxEvent.objects.all().delete()
    refund(order, shipping="2.50")
    InboxEvent.objects.exclude(topic="refunds/create").delete()
    drain()
    assert len(netsuite.orders) == 1
    assert [total for total, _ in memos()] == [Decimal("2.50")]


def test_a_shop_that_is_away_is_asked_again_and_costs_netsuite_nothing(
    placed, refund, drain, memos, shopify, let_pass
):
    order = placed(number=21)
    Flow.objects.filter(slug="shopify-refunds").update(retry_schedule=[60, 60, 60])
    refund(order, shipping="2.50")
    shopify.fail_next(503, times=2)
    drain()
    line = line_of_refund()
    assert (line.status, line.kind) == (FailedRecord.Status.WAITING, "temporary")
    assert Connection.objects.get(slug="netsuite").strikes == 0
    for _ in range(3):
        let_pass(80)
        drain()
    assert len(memos()) == 1
    assert not FailedRecord.objects.open().exists()


def test_f85_a_closed_period_is_told_and_a_person_chooses_the_day(
    placed, refund, drain, memos, netsuite, admin_user
):
    order = placed(number=22)
    refund(order, shipping="2.50")
    netsuite.books_closed_until = date(2099, 12, 31)
    drain()
    line = line_of_refund()
    assert line.kind == "data" and "accounting period" in line.why
    assert line.problems[0]["target"] == "tranDate"
    assert memos() == []
    record = of_refund()
    later = {**record.source, "processed_at": "2100-01-01T00:00:00-05:00"}
    assert revise(record, later, admin_user, "The books are closed") == []
    drain()
    [memo] = netsuite.stored("creditMemo")
    assert str(memo["tranDate"]) == "2100-01-01"


def test_a_flow_that_is_off_collects_and_sends_when_it_is_on(
    placed, refund, drain, memos
):
    order = placed(number=23)
    flow = Flow.objects.filter(slug="shopify-refunds")
    flow.update(is_enabled=False)
    refund(order, shipping="2.50")
    drain()
    assert memos() == []
    flow.update(is_enabled=True)
    drain()
    assert len(memos()) == 1


def test_an_account_that_works_with_cash_refunds_gets_those(
    demo, tmp_path, post_order, refund, drain, netsuite, shopify
):
    """As docs/refunds.md says: another record type, and the account it is paid from."""
    netsuite.add_account("Shopify clearing", number="1099")
    row = "\n      - ".join(
        [
            "    rows:",
            "{target: account.id, kind: lookup, constant: \"'1099'\", "
            "record: account, by: number, owner: netsuite}",
        ]
    )
    shipped = (CONFIGURATION / "flows/shopify-refunds.yaml").read_text()
    told = shipped.replace("target_record: creditMemo", "target_record: cashRefund")
    file = tmp_path / "cash.yaml"
    file.write_text(told.replace("    rows:", row))
    configure(str(file))
    shopify.subscribe("refunds/create", HOOK)
    order = post_order(number=24)
    refund(order, {"TENT-2P": 1}, restock_type="return")
    drain()
    [back] = netsuite.stored("cashRefund")
    [sold] = netsuite.orders.values()
    assert Decimal(back["total"]) == Decimal("249.00")
    assert back["entity"]["id"] == sold["entity"]["id"]
    assert netsuite.stored("creditMemo") == []
