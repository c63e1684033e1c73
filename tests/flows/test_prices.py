"""Prices of NetSuite in the shop: by level and currency, sent once, never rounded."""

from decimal import Decimal

import pytest

from errorqueue.models import Alert, FailedRecord
from integrations.models import Flow, SyncRecord
from integrations.simulators.shopify.catalogue import FixedPrice
from tests.flows.conftest import configure

pytestmark = pytest.mark.django_db(transaction=True)

SLUG = "netsuite-prices"
MUG = "MUG-BLUE"
IN_SHOP, ON_LIST = "WaybillShopPriceSet", "WaybillListPriceSet"


@pytest.fixture
def prices(demo, netsuite):
    """The flow as it comes, and a level for the price that is crossed out."""
    configure("flows/netsuite-prices.yaml")
    netsuite.add_price_level("List Price")


@pytest.fixture
def settle(prices, drain):
    """Ask NetSuite for its prices and deliver until nothing moves."""

    def again() -> None:
        Flow.objects.filter(slug=SLUG).update(polled_at=None)
        drain()

    return again


def sent(shopify, act) -> int:
    """Return how many prices were written to Shopify while something was done."""
    before = len(shopify.journal)
    act()
    calls = [one.request for one in shopify.journal[before:]]
    return sum(name in call for call in calls for name in (IN_SHOP, ON_LIST))


def fields_of(line) -> list[str]:
    return [one["target"] for one in line.problems]


def test_base_and_compare_at_price_reach_the_variant(netsuite, shopify, settle):
    netsuite.set_price(MUG, "9.9")
    netsuite.set_price(MUG, "12.50", level="List Price")
    settle()
    assert shopify.find_variant(MUG).price == Decimal("9.90")
    assert shopify.find_variant(MUG).compare_at_price == Decimal("12.50")
    assert not FailedRecord.objects.exists()


def test_a_changed_price_alone_is_sent(netsuite, shopify, settle):
    for sku in (MUG, "TENT-2P"):
        netsuite.set_price(sku, 20)
    settle()
    netsuite.set_price(MUG, "21.50")
    assert sent(shopify, settle) == 1
    assert shopify.find_variant(MUG).price == Decimal("21.50")
    assert shopify.find_variant("TENT-2P").price == 20


def test_what_did_not_change_is_not_sent(netsuite, shopify, settle):
    netsuite.set_price(MUG, 20)
    netsuite.set_price(MUG, 18, currency="EUR")
    shopify.add_price_list("Europe", "EUR")
    settle()
    netsuite.change_item(MUG, displayName="Another name")
    Flow.objects.filter(slug=SLUG).update(cursor="new|2026-01-01|2026-01-01T00:00:00|")
    before = len(shopify.journal)
    settle()
    assert shopify.journal[before:] == []
    assert Flow.objects.get(slug=SLUG).cursor.startswith("new|2")


def test_a_price_that_stands_there_already_is_not_written(netsuite, shopify, settle):
    netsuite.set_price(MUG, shopify.find_variant(MUG).price)
    assert sent(shopify, settle) == 0
    assert SyncRecord.objects.get(flow__slug=SLUG).state == SyncRecord.State.DELIVERED


def test_f30_an_answer_that_was_lost_leads_to_no_second_write(
    netsuite, shopify, settle, let_pass, drain
):
    netsuite.set_price(MUG, 20)
    shopify.fail_as("INTERNAL_SERVER_ERROR", operation=IN_SHOP, after=True)
    assert sent(shopify, settle) == 1
    let_pass(10)
    assert sent(shopify, drain) == 0
    assert shopify.find_variant(MUG).price == 20
    assert not FailedRecord.objects.open().exists()


def test_the_same_list_price_empties_what_was_crossed_out(netsuite, shopify, settle):
    netsuite.set_price(MUG, 15)
    netsuite.set_price(MUG, 20, level="List Price")
    settle()
    assert shopify.find_variant(MUG).compare_at_price == 20
    netsuite.set_price(MUG, 20)
    settle()
    assert shopify.find_variant(MUG).price == 20
    assert shopify.find_variant(MUG).compare_at_price is None


def test_a_list_price_below_the_price_is_refused_by_its_field(
    netsuite, shopify, settle
):
    netsuite.set_price(MUG, 20)
    netsuite.set_price(MUG, 15, level="List Price")
    assert sent(shopify, settle) == 0
    line = FailedRecord.objects.open().get()
    assert line.reference == "MUG-BLUE in USD"
    assert "compare-at price 15" in line.why and "price levels" in line.why
    assert fields_of(line) == ["compareAtPrice"]


def test_other_currencies_go_to_the_list_of_their_currency(netsuite, shopify, settle):
    europe = shopify.add_price_list("Europe", "EUR")
    netsuite.set_price(MUG, 20)
    netsuite.set_price(MUG, "18.5", currency="EUR")
    netsuite.set_price(MUG, 22, currency="EUR", level="List Price")
    settle()
    mug = shopify.find_variant(MUG)
    assert mug.price == 20
    assert europe.fixed == {
        mug.variant_id: FixedPrice(Decimal("18.50"), Decimal("22.00"))
    }


def test_a_currency_without_a_list_fails_alone(netsuite, shopify, settle):
    netsuite.set_price(MUG, 20)
    netsuite.set_price(MUG, 18, currency="EUR")
    settle()
    assert shopify.find_variant(MUG).price == 20
    line = FailedRecord.objects.open().get()
    assert "Price list with currency 'EUR' is not known in Shopify" in line.why
    assert "Add the price list EUR in Shopify" in line.remedy
    assert fields_of(line) == ["priceListId"]
    assert (line.amount, line.currency) == (18, "EUR")


def test_of_two_lists_of_one_currency_none_is_chosen(netsuite, shopify, settle):
    for name in ("Europe", "Wholesale"):
        shopify.add_price_list(name, "EUR")
    netsuite.set_price(MUG, 18, currency="EUR")
    assert sent(shopify, settle) == 0
    line = FailedRecord.objects.open().get()
    assert "Europe" in line.why and "Wholesale" in line.why


@pytest.mark.parametrize(
    ("currency", "price", "sold_for"),
    [("JPY", "1200", "1200"), ("EUR", "12.5", "12.50"), ("KWD", "3.125", "3.125")],
)
def test_an_amount_has_the_decimals_of_its_currency(
    netsuite, shopify, settle, currency, price, sold_for
):
    if currency not in ("USD", "EUR"):
        netsuite.add_currency(currency)
    there = shopify.add_price_list("Abroad", currency)
    netsuite.set_price(MUG, price, currency=currency)
    settle()
    [fixed] = there.fixed.values()
    assert str(fixed.price) == sold_for


@pytest.mark.parametrize(("currency", "price"), [("JPY", "12.5"), ("USD", "9.995")])
def test_no_price_is_rounded(netsuite, shopify, settle, currency, price):
    if currency == "JPY":
        netsuite.add_currency(currency)
        shopify.add_price_list("Japan", currency)
    netsuite.set_price(MUG, price, currency=currency)
    assert sent(shopify, settle) == 0
    line = FailedRecord.objects.open().get()
    assert "more decimals than" in line.why
    assert fields_of(line) == ["price"]


def test_an_unknown_sku_names_what_to_add(netsuite, shopify, settle):
    netsuite.add_item("ERP-ONLY", price=Decimal(5))
    settle()
    line = FailedRecord.objects.open().get()
    assert "SKU 'ERP-ONLY' is not known in Shopify" in line.why
    assert fields_of(line) == ["variantId"]


def test_of_two_variants_with_one_sku_none_is_chosen(netsuite, shopify, settle):
    twin = shopify.add_product(MUG, "Enamel mug, second", "3.00")
    netsuite.set_price(MUG, 20)
    assert sent(shopify, settle) == 0
    line = FailedRecord.objects.open().get()
    assert "fits 2 records in Shopify" in line.why
    assert twin.gid in line.why


def test_a_sku_that_moved_to_another_variant_is_looked_up_anew(
    netsuite, shopify, settle
):
    netsuite.set_price(MUG, 20)
    settle()
    old = shopify.find_variant(MUG)
    old.sku = "MUG-OLD"
    new = shopify.add_product(MUG, "Enamel mug, new", "3.00")
    netsuite.set_price(MUG, 25)
    settle()
    assert (old.price, new.price) == (20, 25)
    assert not FailedRecord.objects.open().exists()


def test_a_list_that_changed_its_currency_gets_no_price(netsuite, shopify, settle):
    there = shopify.add_price_list("Europe", "EUR")
    netsuite.set_price(MUG, 18, currency="EUR")
    settle()
    shopify.change_price_list_currency("Europe", "GBP")
    netsuite.set_price(MUG, 19, currency="EUR")
    settle()
    assert there.fixed == {}
    line = FailedRecord.objects.open().get()
    assert "Price list with currency 'EUR' is not known" in line.why


def test_a_base_price_of_zero_is_kept_out_by_name(netsuite, shopify, settle):
    netsuite.set_price(MUG, 0)
    assert sent(shopify, settle) == 0
    record = SyncRecord.objects.get(flow__slug=SLUG)
    assert record.state == SyncRecord.State.EXCLUDED
    assert "not for sale" in record.exclusion


def test_a_refusal_of_shopify_names_the_field_of_the_mapping(netsuite, shopify, settle):
    netsuite.set_price(MUG, 20)
    shopify.refuse_next(
        "productVariantsBulkUpdate",
        "Price is too high",
        code="INVALID_INPUT",
        field=["variants", "0", "price"],
    )
    settle()
    line = FailedRecord.objects.open().get()
    assert fields_of(line) == ["price"]


def test_an_account_without_prices_raises_an_alert(netsuite, settle):
    netsuite.refused_tables = frozenset({"pricing", "itemprice"})
    settle()
    assert "Switch on Multiple Prices" in Alert.objects.get(closed_at=None).text
