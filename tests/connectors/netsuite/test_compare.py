"""Reading only: what stands there beside a payload, field rules, short lists."""

from tests.connectors.netsuite.test_simulated import connector, vendor

__all__ = ["vendor"]

KEY = "shopify-demo-customer-7"
ADA = {"isPerson": True, "firstName": "Ada", "lastName": "Byron", "phone": "5551234"}


def changes(vendor):
    return [
        call.path
        for call in vendor.journal
        if call.method != "GET" and "/record/v1/" in call.path
    ]


def test_master_data_is_compared_in_every_field_and_nothing_is_written(vendor):
    netsuite = connector()
    assert netsuite.compare("customer", ADA, KEY) is None
    made = netsuite.upsert("customer", ADA, KEY)
    written = len(changes(vendor))
    same = netsuite.compare("customer", ADA, KEY)
    assert same.agrees and same.target_id == made.target_id
    other = netsuite.compare("customer", {**ADA, "phone": "5559999"}, KEY)
    assert not other.agrees and list(other.differences) == ["phone"]
    address = {"addr1": "Mill Lane 1", "city": "Leeds", "country": {"id": "GB"}}
    book = {"addressBook": {"items": [{"addressBookAddress": address}]}}
    new = netsuite.compare("customer", {**ADA, **book}, KEY)
    assert list(new.differences) == ["addressBook"]
    assert len(changes(vendor)) == written


def test_the_accounts_own_limits_and_choices_are_read(vendor):
    vendor.address_line_limit = 61
    vendor.add_custom_field("custbody_gift_note", max_length=17)
    rules = connector().field_rules("salesOrder")
    assert rules["shippingAddress.addr1"].longest == 61
    assert rules["custbody_gift_note"].longest == 17
    assert "B" in rules["orderStatus.id"].choices
    assert rules["item.items.description"].longest


def test_short_lists_are_listed_by_what_finds_them_and_long_ones_are_not(vendor):
    netsuite = connector()
    vendor.add_ship_item("Balloon")
    names = [value for value, _ in netsuite.values("shipItem", "name")]
    assert "Balloon" in names
    for name in names:
        assert len(netsuite.find("shipItem", "name", name)) == 1
    assert netsuite.values("item", "sku") == []
    assert netsuite.values("customer", "email") == []
