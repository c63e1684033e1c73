from datetime import date
from decimal import Decimal

import pytest

from tests.simulators.netsuite_client import detail_of, open_account, order_for

ADDRESS = {
    "addressee": "Ada Lovelace",
    "addr1": "1 Main St",
    "city": "Reno",
    "state": "Nevada",
    "zip": "89501",
    "country": {"id": "US"},
}


def created(api, **changes):
    answer = api.post("/salesOrder", order_for(api, **changes))
    assert answer.status_code == 204, answer.text
    return api.simulator.orders["shopify-s-order-1"]


def refused(api, **changes):
    answer = api.post("/salesOrder", order_for(api, **changes))
    assert answer.status_code == 400, answer.text
    assert api.simulator.orders == {}
    return detail_of(answer)


def with_line(api, **changes):
    """Return the items of an order whose one line has some changes."""
    line = {**order_for(api)["item"]["items"][0], **changes}
    return {
        "items": [{name: value for name, value in line.items() if value != "left out"}]
    }


def test_totals_come_from_lines_shipping_and_taxes():
    api = open_account()
    order = created(
        api,
        item=with_line(api, taxDetailsReference="line-1"),
        shippingCost=4.5,
        taxDetailsOverride=True,
        taxDetails={
            "items": [
                {"taxDetailsReference": "line-1", "taxAmount": 1.59},
                {"taxDetailsReference": {"id": "shipping"}, "taxAmount": 0.36},
            ]
        },
    )
    assert order["subtotal"] == Decimal("19.90")
    assert order["taxTotal"] == Decimal("1.95")
    assert order["total"] == Decimal("26.35")
    assert all(
        isinstance(order[name], Decimal) for name in ("subtotal", "taxTotal", "total")
    )


def test_f79_amounts_are_exact_and_rounded_half_up():
    api = open_account()
    order = created(api, item=with_line(api, quantity=3, rate=0.335))
    assert order["subtotal"] == Decimal("1.01")


def test_yen_has_no_decimals():
    api = open_account()
    currency = api.simulator.add_currency("JPY")
    order = created(
        api, currency={"id": currency}, item=with_line(api, quantity=3, rate=33.5)
    )
    assert str(order["total"]) == "101"


def test_amount_of_a_line_stands_before_rate_times_quantity():
    api = open_account()
    order = created(api, item=with_line(api, amount=19.89))
    assert order["subtotal"] == Decimal("19.89")


def test_changed_quantity_gives_a_new_amount():
    api = open_account()
    created(api)
    line = {"line": 1, "quantity": 3}
    api.patch("/salesOrder/eid:shopify-s-order-1", {"item": {"items": [line]}})
    order = api.simulator.orders["shopify-s-order-1"]
    assert order["total"] == Decimal("29.85")


def test_price_level_wins_unless_the_price_is_custom():
    api = open_account()
    item = {"id": api.simulator.add_item("PRICED", price=Decimal("12.00"))}
    order = created(api, item=with_line(api, item=item, price="left out"))
    assert order["subtotal"] == Decimal("24.00")
    custom = created_again(api, item=with_line(api, item=item))
    assert custom["subtotal"] == Decimal("19.90")


def created_again(api, **changes):
    api.write("DELETE", "/salesOrder/eid:shopify-s-order-1")
    return created(api, **changes)


def test_line_without_any_price_is_refused():
    api = open_account()
    detail = refused(api, item=with_line(api, rate="left out"))
    assert detail["o:errorPath"] == "item.items[0].amount"


def test_discount_line_lowers_the_subtotal():
    api = open_account()
    lines = with_line(api)["items"]
    discount = api.simulator.store.holder("item", "Discount").id
    lines.append({"item": {"id": discount}, "rate": -5, "price": {"id": "-1"}})
    order = created(api, item={"items": lines})
    assert order["subtotal"] == Decimal("14.90")
    assert "quantity" not in order["item"]["items"][1]


def test_discount_of_the_whole_order_lowers_the_total():
    api = open_account()
    discount = api.simulator.store.holder("item", "Discount").id
    order = created(api, discountItem={"id": discount}, discountRate=-5)
    assert order["discountTotal"] == Decimal("-5.00")
    assert order["total"] == Decimal("14.90")


def test_f62_unknown_item_is_named_with_its_place():
    detail = refused(api := open_account(), item=with_line(api, item={"id": "9999"}))
    assert detail["o:errorPath"] == "item.items[0].item"
    assert detail["o:errorCode"] == "INVALID_CONTENT"
    assert (
        "You have entered an Invalid Field Value 9999 for the following field: item"
        in detail["detail"]
    )


def test_reference_errors_may_come_as_user_errors():
    api = open_account(reference_error_code="USER_ERROR")
    detail = refused(api, entity={"id": "9999"})
    assert (detail["o:errorCode"], detail["o:errorPath"]) == ("USER_ERROR", "entity")


@pytest.mark.parametrize(
    "value",
    [{"id": 1}, {"id": "1"}, 1, "1"],
    ids=["number", "text", "bare", "bare text"],
)
def test_reference_may_be_an_object_or_a_bare_id(value):
    api = open_account()
    assert created(api, currency=value)["currency"] == {"id": "1"}


def test_name_of_a_record_is_no_reference():
    assert (
        refused(open_account(), currency={"refName": "USD"})["o:errorPath"]
        == "currency"
    )


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"entity": None}, "entity"),
        ({"shipMethod": {"id": "99"}}, "shipMethod"),
        ({"location": {"id": "99"}}, "location"),
        ({"orderStatus": {"id": "Z"}}, "orderStatus"),
        ({"item": {"items": []}}, "item"),
        ({"item": {"items": [{"quantity": 1}]}}, "item.items[0].item"),
        ({"otherRefNum": "x" * 46}, "otherRefNum"),
        ({"memo": "x" * 1000}, "memo"),
        ({"shippingAddress": {"addr1": "x" * 151}}, "shippingAddress.addr1"),
        ({"shippingAddress": {"state": "x" * 51}}, "shippingAddress.state"),
        ({"shippingAddress": {"country": {"id": "XX"}}}, "shippingAddress.country"),
        ({"shippingAddress": {"addrPhone": "1" * 33}}, "shippingAddress.addrPhone"),
    ],
)
def test_wrong_field_is_named_by_its_path(changes, path):
    api = open_account()
    answer = api.post("/salesOrder", order_for(api, **changes))
    if path == "item" or path.endswith("].item"):
        assert answer.status_code == 400
    assert detail_of(answer)["o:errorPath"] == path


def test_address_lines_may_be_longer_where_the_account_says_so():
    api = open_account(address_line_limit=250)
    order = created(api, shippingAddress={"addr1": "x" * 250})
    assert len(order["shippingAddress"]["addr1"]) == 250


def test_longest_values_that_fit_are_kept_whole():
    api = open_account()
    order = created(api, otherRefNum="x" * 45, memo="ü" * 999)
    assert (len(order["otherRefNum"]), len(order["memo"])) == (45, 999)


def test_address_text_is_written_by_the_account():
    api = open_account()
    order = created(api, shippingAddress=ADDRESS)
    assert order["shippingAddress"]["addrText"] == (
        "Ada Lovelace\n1 Main St\nReno Nevada 89501\nUS"
    )


def test_address_of_an_order_does_not_enter_the_customers_book():
    api = open_account()
    created(api, shippingAddress=ADDRESS)
    assert "addressBook" not in api.simulator.stored("customer")[0]


def test_order_without_address_takes_the_customers_default():
    api = open_account()
    order_for(api)
    entry = {"defaultShipping": True, "addressBookAddress": ADDRESS}
    api.patch("/customer/101", {"addressBook": {"items": [entry]}})
    order = created(api)
    assert order["shippingAddress"]["city"] == "Reno"
    assert "billingAddress" not in order


def test_order_status_is_pending_approval_or_fulfillment():
    api = open_account()
    order = created(api, orderStatus={"id": "B"})
    assert (order["orderStatus"], order["status"]) == ({"id": "B"}, {"id": "B"})


def test_inactive_item_is_refused():
    api = open_account()
    items = with_line(api)
    api.simulator.deactivate("inventoryItem", items["items"][0]["item"]["id"])
    assert refused(api, item=items)["o:errorPath"] == "item.items[0].item"


def test_f48_inactive_customer_is_refused():
    api = open_account()
    order_for(api)
    api.simulator.deactivate("customer", "101")
    assert refused(api)["o:errorPath"] == "entity"


def test_f48_closed_period_is_refused():
    api = open_account(books_closed_until=date(2026, 2, 28))
    detail = refused(api, tranDate="2026-02-28")
    assert "not within the date range of your accounting period" in detail["detail"]
    assert created(api, tranDate="2026-03-01")


def test_form_of_the_role_may_demand_more_fields():
    api = open_account(mandatory_order_fields=("location",))
    detail = refused(api)
    assert "Please enter value(s) for: Location" in detail["detail"]


def test_customer_gets_mail_only_when_asked_for():
    api = open_account()
    created(api, toBeEmailed=False)
    assert api.simulator.outbox == []
    created_again(api, toBeEmailed=True)
    assert [address for _, address in api.simulator.outbox] == ["ada@example.com"]


def test_customers_mail_preference_counts_when_the_order_is_silent():
    api = open_account()
    order_for(api)
    api.patch("/customer/101", {"emailTransactions": True})
    created(api)
    assert len(api.simulator.outbox) == 1


@pytest.mark.parametrize(
    ("reference", "shipping", "good"),
    [
        ("line-1", 0, True),
        ("line-2", 0, False),
        ("shipping", 4, True),
        ("shipping", 0, False),
    ],
)
def test_tax_detail_must_match_a_line_or_the_freight(reference, shipping, good):
    api = open_account()
    details = {"items": [{"taxDetailsReference": reference, "taxAmount": 1}]}
    answer = api.post(
        "/salesOrder",
        order_for(
            api,
            item=with_line(api, taxDetailsReference="line-1"),
            shippingCost=shipping,
            taxDetailsOverride=True,
            taxDetails=details,
        ),
    )
    assert answer.ok == good
    if not good:
        path = "taxDetails.items[0].taxDetailsReference"
        assert detail_of(answer)["o:errorPath"] == path


def test_tax_details_need_the_override():
    api = open_account()
    details = {"items": [{"taxDetailsReference": "a", "taxAmount": 1}]}
    assert refused(api, taxDetails=details)["o:errorPath"] == "taxDetails"


def test_tax_references_of_lines_are_unique():
    api = open_account()
    lines = with_line(api, taxDetailsReference="a")["items"] * 2
    path = "item.items[1].taxDetailsReference"
    assert refused(api, item={"items": lines})["o:errorPath"] == path


def test_suitetax_account_takes_no_legacy_tax_fields():
    api = open_account()
    tax = {"id": api.simulator.store.holder("item", "Sales tax").id}
    assert refused(api, taxItem=tax)["o:errorPath"] == "taxItem"
    lines = with_line(api, taxCode=tax)
    assert refused(api, item=lines)["o:errorPath"] == "item.items[0].taxCode"


def test_legacy_account_takes_no_tax_details():
    api = open_account(suitetax=False)
    details = {"items": [{"taxDetailsReference": "a", "taxAmount": 1}]}
    assert refused(api, taxDetails=details)["o:errorPath"] == "taxDetails"
    path = refused(api, taxDetailsOverride=True)["o:errorPath"]
    assert path == "taxDetailsOverride"


def test_legacy_tax_comes_as_a_line_on_the_tax_item():
    api = open_account(suitetax=False)
    lines = with_line(api)["items"]
    tax = api.simulator.store.holder("item", "Sales tax").id
    lines.append({"item": {"id": tax}, "amount": 1.59, "price": {"id": "-1"}})
    order = created(api, item={"items": lines})
    assert order["total"] == Decimal("21.49")


def two_companies(api):
    """Return the order of a customer of the first company, and the second's id."""
    simulator = api.simulator
    simulator.add_customer(
        companyName="Acme", subsidiary={"id": "1"}, externalId="shopify-s-customer-1"
    )
    simulator.add_item("MUG")
    return simulator.add_subsidiary("Second company")


def test_oneworld_customer_needs_a_subsidiary():
    answer = open_account(one_world=True).post("/customer", {"companyName": "Acme"})
    assert detail_of(answer)["o:errorPath"] == "subsidiary"


def test_oneworld_order_takes_its_customers_subsidiary():
    api = open_account(one_world=True)
    two_companies(api)
    assert created(api)["subsidiary"] == {"id": "1"}


def test_oneworld_order_of_another_subsidiary_is_refused():
    api = open_account(one_world=True)
    second = two_companies(api)
    detail = refused(api, subsidiary={"id": second})
    assert "Invalid entity reference key 101 for subsidiary 2." in detail["detail"]


def test_oneworld_location_of_another_subsidiary_is_refused():
    api = open_account(one_world=True)
    second = two_companies(api)
    place = api.simulator.add_location("Abroad", subsidiaries=(second,))
    assert refused(api, location={"id": place})["o:errorPath"] == "location"


def test_oneworld_item_of_another_subsidiary_is_refused():
    api = open_account(one_world=True)
    second = two_companies(api)
    item = api.simulator.add_item("FOREIGN", subsidiaries=[second])
    detail = refused(api, item=with_line(api, item={"id": item}))
    assert detail["o:errorPath"] == "item.items[0].item"


def test_computed_fields_sent_by_a_client_are_ignored_or_refused():
    api = open_account()
    assert created(api, total=1)["total"] == Decimal("19.90")
    strict = open_account(read_only_fields_are_refused=True)
    assert refused(strict, total=1)["o:errorPath"] == "total"
