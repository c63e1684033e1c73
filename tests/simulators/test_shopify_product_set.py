"""productSet: a product with its variants, all or nothing."""

import pytest

from tests.simulators.shopify_life import LifeShop

SET = """
mutation Set($input: ProductSetInput!) {
  productSet(input: $input, synchronous: true) {
    product {
      id title status handle options { name values }
      variants(first: 5) { nodes {
        sku
        inventoryItem { harmonizedSystemCode countryCodeOfOrigin
          measurement { weight { value unit } } }
      } }
    }
    userErrors { field message code }
  }
}
"""
BY_HANDLE = """
query By($handle: String!) { productByIdentifier(identifier: {handle: $handle}) { id } }
"""


@pytest.fixture
def shop():
    return LifeShop()


def hats(**item):
    def row(size: str):
        facts = {"sku": f"HAT-{size}", **item}
        chosen = [{"optionName": "Size", "name": size}]
        return {"inventoryItem": facts, "optionValues": chosen}

    return {
        "title": "Hat",
        "status": "DRAFT",
        "handle": "hat-1",
        "productOptions": [{"name": "Size", "values": [{"name": "S"}, {"name": "M"}]}],
        "variants": [row("S"), row("M")],
    }


def test_a_product_is_made_whole_and_found_by_its_handle(shop):
    weight = {"weight": {"value": 0.25, "unit": "KILOGRAMS"}}
    facts = {"harmonizedSystemCode": "650500", "countryCodeOfOrigin": "IT"}
    asked = hats(measurement=weight, **facts)
    made = shop.ask_all(SET, {"input": asked})["productSet"]["product"]
    assert (made["title"], made["status"]) == ("Hat", "DRAFT")
    assert made["options"] == [{"name": "Size", "values": ["S", "M"]}]
    first, _ = made["variants"]["nodes"]
    assert first == {"sku": "HAT-S", "inventoryItem": {**facts, "measurement": weight}}
    found = shop.ask_all(BY_HANDLE, {"handle": "hat-1"})["productByIdentifier"]
    assert found == {"id": made["id"]}
    assert shop.ask_all(BY_HANDLE, {"handle": "x"})["productByIdentifier"] is None


def test_a_handle_that_is_taken_is_refused(shop):
    shop.ask_all(SET, {"input": hats()})
    before = len(shop.simulator.store.products)
    answer = shop.ask_all(SET, {"input": hats()})["productSet"]
    assert answer["product"] is None
    assert answer["userErrors"][0]["code"] == "HANDLE_NOT_UNIQUE"
    assert len(shop.simulator.store.products) == before


@pytest.mark.parametrize("code", ["12", "7323.94", "hat"])
def test_one_bad_value_refuses_the_whole(shop, code):
    before = len(shop.simulator.store.products)
    asked = hats(harmonizedSystemCode=code)
    answer = shop.ask_all(SET, {"input": asked})["productSet"]
    assert len(answer["userErrors"]) == 2
    assert len(shop.simulator.store.products) == before


def test_a_weight_in_quotes_is_no_number(shop):
    asked = hats(measurement={"weight": {"value": "0.25", "unit": "KILOGRAMS"}})
    answer = shop.ask(SET, {"input": asked}).json()
    assert "Float" in str(answer["errors"])
