"""Products from NetSuite to Shopify: operational fields, over both simulated accounts."""

import json
from decimal import Decimal

import pytest

from errorqueue.failures import RetryChoice, Start
from errorqueue.models import FailedRecord
from integrations.models import Connection, Flow, Link, SyncRecord
from integrations.simulators.shopify import filters
from tests.flows.conftest import configure

pytestmark = pytest.mark.django_db(transaction=True)
FLOW = "netsuite-products"


@pytest.fixture
def poll(demo):
    """Ask NetSuite for its products at the next sweep."""
    configure("flows/netsuite-products.yaml")

    def ask() -> None:
        Flow.objects.filter(slug=FLOW).update(polled_at=None)

    return ask


@pytest.fixture
def sync(poll, drain):
    def run() -> None:
        poll()
        drain()

    return run


@pytest.fixture
def matrix(netsuite, poll):
    """A shirt in two colours, as NetSuite has it."""
    netsuite.add_custom_field("custitem_color")
    netsuite.add_custom_field("custitem_size")
    options = "Color=custitem_color, Size=custitem_size"
    Connection.objects.filter(slug="netsuite").update(
        options={"tax_mode": "legacy", "matrix_options": options}
    )
    parent = netsuite.add_item("TEE", name="T-shirt", matrixType={"id": "PARENT"})

    def child(sku: str, color: str, size: str = "M", **more) -> str:
        return netsuite.add_item(
            sku,
            name=f"T-shirt {color}",
            matrixType={"id": "CHILD"},
            parent={"id": parent},
            custitem_color=color,
            custitem_size=size,
            **more,
        )

    child("TEE-RED", "Red")
    child("TEE-BLUE", "Blue")
    return child


def variant(shopify, sku: str):
    [found] = [one for one in shopify.store.variants if one.sku == sku]
    return found


def product(shopify, sku: str):
    return shopify.store.products[variant(shopify, sku).product_id]


def the_line() -> FailedRecord:
    return FailedRecord.objects.open().get()


def test_operational_fields_reach_the_variant_with_this_sku(netsuite, shopify, sync):
    netsuite.change_item(
        "MUG-BLUE",
        upcCode="4006381333931",
        weight=Decimal("0.35"),
        weightUnit={"id": "3"},
        cost=Decimal("4.10"),
        countryOfManufacture="DE",
        scheduleBNumber="7323.94",
    )
    sync()
    mug = variant(shopify, "MUG-BLUE")
    assert mug.barcode == "4006381333931" and mug.cost == Decimal("4.10")
    assert (mug.weight, mug.weight_unit) == (Decimal("0.35"), "KILOGRAMS")
    assert (mug.hs_code, mug.country) == ("732394", "DE")
    assert not FailedRecord.objects.exists()
    record = SyncRecord.objects.get(flow__slug=FLOW, label__startswith="MUG-BLUE")
    assert record.target_id == product(shopify, "MUG-BLUE").gid
    assert Link.objects.filter(target_id=record.target_id).exists()


def test_content_of_a_product_in_the_shop_is_never_touched(netsuite, shopify, sync):
    shopify.change_product(
        "MUG-BLUE", title="The blue one", description="<p>Ours</p>", tags=["gift"]
    )
    before = product(shopify, "MUG-BLUE")
    kept = (before.handle, before.vendor, before.product_type, before.status)
    netsuite.change_item("MUG-BLUE", displayName="Mug 4711", upcCode="123")
    sync()
    after = product(shopify, "MUG-BLUE")
    assert variant(shopify, "MUG-BLUE").barcode == "123"
    assert (after.title, after.description) == ("The blue one", "<p>Ours</p>")
    assert after.tags == ["gift"]
    assert kept == (after.handle, after.vendor, after.product_type, after.status)


def test_what_did_not_change_is_not_sent(netsuite, shopify, sync):
    sync()
    tries = list(SyncRecord.objects.values_list("pk", "version"))
    netsuite.change_item("MUG-BLUE", salesDescription="nothing the shop needs")
    writes = len(mutations(shopify))
    sync()
    assert list(SyncRecord.objects.values_list("pk", "version")) == tries
    assert len(mutations(shopify)) == writes


def test_what_stands_there_already_is_not_written(netsuite, shopify, sync):
    for sku in ("TENT-2P", "STOVE-01", "MUG-BLUE", "BAG-45L", "LAMP-USB", "ROPE-10M"):
        assert variant(shopify, sku).tracked
    sync()
    assert mutations(shopify) == []
    assert SyncRecord.objects.filter(flow__slug=FLOW, state="delivered").count() == 6


def test_a_new_sku_makes_one_draft_with_the_title_of_netsuite(netsuite, shopify, sync):
    netsuite.add_item("CUP-01", name="Tin cup", upc="99", cost=Decimal("2.5"))
    sync()
    made = product(shopify, "CUP-01")
    assert (made.title, made.status, made.options) == ("Tin cup", "DRAFT", ["Title"])
    cup = variant(shopify, "CUP-01")
    assert (cup.barcode, cup.cost, cup.tracked) == ("99", Decimal("2.5"), True)
    made.title = "A cup with a story"
    netsuite.change_item("CUP-01", displayName="Tin cup II", upcCode="100")
    sync()
    assert product(shopify, "CUP-01").title == "A cup with a story"
    assert variant(shopify, "CUP-01").barcode == "100"


def test_missing_fields_leave_what_the_shop_has(netsuite, shopify, sync):
    shopify.change_product("ROPE-10M", barcode="555", cost="3.00")
    rope = variant(shopify, "ROPE-10M")
    rope.weight, rope.weight_unit = Decimal(2), "POUNDS"
    sync()
    rope = variant(shopify, "ROPE-10M")
    assert (rope.barcode, rope.cost, rope.weight) == ("555", Decimal("3.00"), 2)


def test_an_inactive_item_archives_its_product_and_deletes_nothing(
    netsuite, shopify, sync
):
    sync()
    netsuite.change_item("LAMP-USB", isInactive=True)
    sync()
    assert product(shopify, "LAMP-USB").status == "ARCHIVED"
    assert len(shopify.store.variants) == 8
    netsuite.change_item("LAMP-USB", upcCode="1")
    sync()
    assert not FailedRecord.objects.exists()


def test_an_inactive_item_that_was_never_sent_is_left_alone(netsuite, shopify, sync):
    netsuite.add_item("OLD-1", name="Long gone", inactive=True)
    sync()
    netsuite.change_item("OLD-1", displayName="Still gone")
    sync()
    record = SyncRecord.objects.get(label__startswith="OLD-1")
    assert record.state == "excluded" and "never sent" in record.exclusion
    assert not [one for one in shopify.store.variants if one.sku == "OLD-1"]


def test_a_sku_twice_in_the_shop_is_a_conflict_that_names_both(netsuite, shopify, sync):
    shopify.add_product("MUG-BLUE", "Copy of the mug", "1.00")
    netsuite.change_item("MUG-BLUE", upcCode="123")
    sync()
    line = the_line()
    assert line.kind == "conflict"
    told = f"{line.what} {line.why}"
    assert "Enamel mug, blue" in told and "Copy of the mug" in told
    barcodes = {x.barcode for x in shopify.store.variants if x.sku == "MUG-BLUE"}
    assert barcodes == {None}


def test_a_sku_in_other_capitals_is_no_new_product(netsuite, shopify, sync):
    netsuite.add_item("CUP-01", name="Tin cup")
    shopify.add_product("cup-01", "Cup", "3.00")
    sync()
    assert "cup-01" in f"{the_line().what} {the_line().why}"
    assert len(shopify.store.products) == 9


@pytest.mark.parametrize("is_indexed", [True, False])
def test_f30_a_lost_answer_never_makes_a_second_product(
    netsuite, shopify, poll, drain, let_pass, monkeypatch, is_indexed
):
    netsuite.add_item("CUP-01", name="Tin cup")
    code = "INTERNAL_SERVER_ERROR"
    shopify.fail_as(code, after=True, operation="WaybillProduct($input")
    poll()
    drain()
    assert product(shopify, "CUP-01").title == "Tin cup"
    if not is_indexed:
        hide_from_search(monkeypatch, "CUP-01")
    let_pass(120)
    drain()
    assert product(shopify, "CUP-01").status == "DRAFT"
    record = SyncRecord.objects.get(label__startswith="CUP-01")
    assert record.state == "delivered"
    assert record.target_id == product(shopify, "CUP-01").gid
    assert not FailedRecord.objects.open().exists()


def test_a_matrix_becomes_one_draft_with_its_variants(matrix, shopify, sync):
    sync()
    made = product(shopify, "TEE-RED")
    assert made is product(shopify, "TEE-BLUE")
    assert (made.title, made.status) == ("T-shirt", "DRAFT")
    assert made.options == ["Color", "Size"]
    assert variant(shopify, "TEE-RED").choices == ("Red", "M")


def test_a_new_child_becomes_a_variant_of_its_parents_product(matrix, shopify, sync):
    sync()
    made = product(shopify, "TEE-RED")
    matrix("TEE-GREEN", "Green", weight=Decimal(200), weightUnit={"id": "4"})
    sync()
    assert product(shopify, "TEE-GREEN") is made
    green = variant(shopify, "TEE-GREEN")
    assert green.choices == ("Green", "M") and green.weight_unit == "GRAMS"
    assert len(shopify.store.variants_of(made.id)) == 3


def test_a_child_without_the_options_of_its_product_is_told(
    netsuite, matrix, shopify, sync
):
    sync()
    product(shopify, "TEE-RED").options = ["Farbe", "Size"]
    matrix("TEE-GREEN", "Green")
    sync()
    told = f"{the_line().what} {the_line().why}"
    assert "TEE-GREEN" in told and "Farbe" in told


def test_one_inactive_child_is_told_while_it_can_be_bought(
    netsuite, matrix, shopify, sync
):
    sync()
    red = variant(shopify, "TEE-RED")
    place = shopify.store.location("Main warehouse")
    shopify.store.level(red.item_id, place.id, shopify.now()).available = 3
    netsuite.change_item("TEE-RED", isInactive=True)
    sync()
    assert "TEE-RED" in f"{the_line().what} {the_line().why}"
    assert product(shopify, "TEE-RED").status == "DRAFT"
    netsuite.change_item("TEE-BLUE", isInactive=True)
    sync()
    assert product(shopify, "TEE-RED").status == "ARCHIVED"
    assert not FailedRecord.objects.open().exists()


def test_a_sku_that_netsuite_changed_is_written_on_the_same_variant(
    netsuite, shopify, sync
):
    sync()
    tent = variant(shopify, "TENT-2P")
    netsuite.change_item("TENT-2P", itemId="TENT-2")
    sync()
    assert variant(shopify, "TENT-2").variant_id == tent.variant_id
    assert len(shopify.store.products) == 8


def test_f52_a_product_that_was_deleted_is_not_made_again_in_silence(
    netsuite, shopify, sync
):
    sync()
    shopify.delete_product("TENT-2P")
    netsuite.change_item("TENT-2P", upcCode="7")
    sync()
    line = the_line()
    assert line.code == "TARGET_GONE"
    assert not [one for one in shopify.store.variants if one.sku == "TENT-2P"]


def test_a_product_that_was_deleted_is_made_again_when_a_person_says_so(
    netsuite, shopify, sync, drain
):
    sync()
    shopify.delete_product("TENT-2P")
    netsuite.change_item("TENT-2P", upcCode="7")
    sync()
    record = SyncRecord.objects.get(label__startswith="TENT-2P")
    record.enqueue(choice=RetryChoice(start=Start.AGAIN))
    drain()
    assert product(shopify, "TENT-2P").status == "DRAFT"
    record.refresh_from_db()
    assert record.target_id == product(shopify, "TENT-2P").gid


def test_the_second_poll_goes_on_where_the_first_ended(netsuite, shopify, sync):
    sync()
    assert Flow.objects.get(slug=FLOW).cursor.startswith("since ")
    netsuite.change_item("TENT-2P", upcCode="7")
    netsuite.change_item("ROPE-10M", isInactive=True)
    sync()
    assert variant(shopify, "TENT-2P").barcode == "7"
    assert product(shopify, "ROPE-10M").status == "ARCHIVED"


def mutations(shopify) -> list[str]:
    """What was written over GraphQL, in order."""
    asked = [one for one in shopify.journal if one.path.endswith("graphql.json")]
    texts = [json.loads(one.request)["query"].strip() for one in asked]
    return [one for one in texts if one.startswith("mutation")]


def hide_from_search(monkeypatch, sku: str) -> None:
    """Let the shop's search not know a SKU yet, as right after it was made."""
    known = filters.VARIANT_FILTERS["sku"]
    monkeypatch.setitem(
        filters.VARIANT_FILTERS,
        "sku",
        lambda one: None if one.sku == sku else known(one),
    )
