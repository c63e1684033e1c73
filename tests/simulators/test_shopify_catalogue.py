"""Products, prices and customers as others write them, and the errors they meet."""

import pytest

from tests.simulators.shopify_life import LifeShop

UPDATE = """
mutation Update($id: ID!, $variants: [ProductVariantsBulkInput!]!, $partial: Boolean) {
  productVariantsBulkUpdate(
      productId: $id, variants: $variants, allowPartialUpdates: $partial) {
    product { id title }
    productVariants { sku price compareAtPrice barcode }
    userErrors { field message code }
  }
}
"""
CREATE = """
mutation Create($product: ProductCreateInput!) {
  productCreate(product: $product) {
    product { id title status handle vendor variants(first: 5) { nodes { id sku price } } }
    userErrors { field message }
  }
}
"""
CHANGE = """
mutation Change($product: ProductUpdateInput!) {
  productUpdate(product: $product) {
    product { id status title }
    userErrors { field message }
  }
}
"""
VARIANTS = """
mutation Add($id: ID!, $variants: [ProductVariantsBulkInput!]!,
    $strategy: ProductVariantsBulkCreateStrategy) {
  productVariantsBulkCreate(productId: $id, variants: $variants, strategy: $strategy) {
    productVariants {
      sku title price selectedOptions { name value }
      inventoryItem { tracked unitCost { amount currencyCode } }
    }
    userErrors { field message code }
  }
}
"""
PRICES = """
mutation Prices($id: ID!, $prices: [PriceListPriceInput!]!) {
  priceListFixedPricesAdd(priceListId: $id, prices: $prices) {
    prices { originType price { amount currencyCode } variant { sku } }
    userErrors { field message code }
  }
}
"""
REPRICE = """
mutation Reprice($id: ID!, $add: [PriceListPriceInput!]!, $delete: [ID!]!) {
  priceListFixedPricesUpdate(
      priceListId: $id, pricesToAdd: $add, variantIdsToDelete: $delete) {
    deletedFixedPriceVariantIds
    pricesAdded { variant { sku } }
    priceList { fixedPricesCount }
    userErrors { field message code }
  }
}
"""
LIST = """
query List($id: ID!) {
  priceList(id: $id) {
    name currency fixedPricesCount
    prices(first: 10, originType: FIXED) {
      nodes { price { amount } compareAtPrice { amount } variant { sku } }
    }
  }
}
"""
CUSTOMER = """
mutation Customer($input: CustomerInput!) {
  customerUpdate(input: $input) {
    customer { id firstName email note tags taxExempt defaultAddress { city } }
    userErrors { field message }
  }
}
"""


@pytest.fixture
def shop() -> LifeShop:
    return LifeShop()


def variant(shop, sku="BAG"):
    return shop.simulator.find_variant(sku)


def product_id(shop, sku="BAG"):
    return shop.simulator.store.products[variant(shop, sku).product_id].gid


def update(shop, *rows, partial=False, id=None):
    asked = {"id": id or product_id(shop), "variants": list(rows), "partial": partial}
    return shop.ask_all(UPDATE, asked)["productVariantsBulkUpdate"]


def codes(answer):
    return [error["code"] for error in answer["userErrors"]]


def price(shop, sku, amount, currency="EUR"):
    return {
        "variantId": variant(shop, sku).gid,
        "price": {"amount": amount, "currencyCode": currency},
    }


def test_price_and_compare_at_price_are_set_in_shop_currency(shop):
    row = {
        "id": variant(shop).gid,
        "price": "24.90",
        "compareAtPrice": "29.90",
        "barcode": "4006381333931",
        "inventoryItem": {"cost": "11.05"},
    }
    answer = update(shop, row)
    assert answer["userErrors"] == []
    assert answer["productVariants"] == [
        {
            "sku": "BAG",
            "price": "24.90",
            "compareAtPrice": "29.90",
            "barcode": "4006381333931",
        }
    ]
    assert str(variant(shop).cost) == "11.05"


def test_compare_at_price_is_taken_away_by_null_and_kept_by_silence(shop):
    gid = variant(shop).gid
    update(shop, {"id": gid, "compareAtPrice": "29.90"})
    assert update(shop, {"id": gid, "price": "1.00"})["productVariants"][0][
        "compareAtPrice"
    ] == ("29.90")
    answer = update(shop, {"id": gid, "compareAtPrice": None})
    assert answer["productVariants"][0]["compareAtPrice"] is None


def test_negative_price_is_a_typed_error(shop):
    answer = update(shop, {"id": variant(shop).gid, "price": "-1"})
    assert answer["productVariants"] is None
    assert answer["userErrors"] == [
        {
            "field": ["variants", "0", "price"],
            "message": "Price must be greater than or equal to 0",
            "code": "GREATER_THAN_OR_EQUAL_TO",
        }
    ]


def test_unknown_variant_and_unknown_product_have_codes_of_their_own(shop):
    stranger = {"id": variant(shop, "MUG").gid, "price": "1.00"}
    assert codes(update(shop, stranger)) == ["PRODUCT_VARIANT_DOES_NOT_EXIST"]
    answer = update(shop, stranger, id="gid://shopify/Product/1")
    assert answer["product"] is None
    assert codes(answer) == ["PRODUCT_DOES_NOT_EXIST"]


def test_quantities_of_standing_variants_cannot_be_set_here(shop):
    place = shop.simulator.store.locations[0].gid
    stock = [{"locationId": place, "availableQuantity": 5}]
    row = {"id": variant(shop).gid, "inventoryQuantities": stock}
    assert codes(update(shop, row)) == ["NO_INVENTORY_QUANTITIES_ON_VARIANTS_UPDATE"]


def test_one_bad_variant_fails_all_unless_partial_updates_are_allowed(shop):
    good = {"id": variant(shop).gid, "price": "21.00"}
    bad = {"id": "gid://shopify/ProductVariant/1", "price": "1.00"}
    assert update(shop, good, bad)["productVariants"] is None
    assert str(variant(shop).price) == "20.00"
    answer = update(shop, good, bad, partial=True)
    assert [x["price"] for x in answer["productVariants"]] == ["21.00"]
    assert answer["userErrors"][0]["field"] == ["variants", "1", "id"]
    assert str(variant(shop).price) == "21.00"


def test_more_than_250_variants_are_refused_at_once(shop):
    asked = {"id": product_id(shop), "variants": [{"id": "x"}] * 251}
    shop.simulator.add_token("shpat_w", ["write_products"])
    errors = shop.errors(UPDATE, asked, token="shpat_w")
    assert errors[0]["extensions"]["code"] == "MAX_INPUT_SIZE_EXCEEDED"


def test_writing_a_price_is_echoed_as_a_product_update(shop):
    shop.listen("products/update")
    update(shop, {"id": variant(shop).gid, "price": "21.00"})
    ((_, body),) = shop.heard()
    assert body["variants"][0]["price"] == "21.00"
    assert body["variant_gids"][0]["admin_graphql_api_id"] == variant(shop).gid


def test_new_product_has_one_variant_without_a_sku(shop):
    shop.listen("products/create")
    asked = {"product": {"title": "Rain Hat", "status": "DRAFT", "vendor": "Acme"}}
    answer = shop.ask_all(CREATE, asked)["productCreate"]
    made = answer["product"]
    assert (made["title"], made["status"]) == ("Rain Hat", "DRAFT")
    assert (made["handle"], made["vendor"]) == ("rain-hat", "Acme")
    (lone,) = made["variants"]["nodes"]
    assert (lone["sku"], lone["price"]) == (None, "0.00")
    assert [topic for topic, _ in shop.heard()] == ["products/create"]


def test_product_without_a_title_is_a_plain_error(shop):
    answer = shop.ask_all(CREATE, {"product": {"title": " "}})["productCreate"]
    assert answer["product"] is None
    assert answer["userErrors"] == [
        {"field": ["title"], "message": "Title can't be blank"}
    ]


def test_variants_take_the_place_of_the_lone_one(shop):
    product = {"title": "Hat", "productOptions": [{"name": "Size"}]}
    made = shop.ask_all(CREATE, {"product": product})["productCreate"]["product"]
    place = shop.simulator.store.locations[0].gid
    rows = [
        {
            "price": "15.00",
            "inventoryItem": {"sku": f"HAT-{size}", "cost": "6.00", "tracked": True},
            "optionValues": [{"optionName": "Size", "name": size}],
            "inventoryQuantities": [{"locationId": place, "availableQuantity": 4}],
        }
        for size in ("S", "M")
    ]
    asked = {"id": made["id"], "variants": rows}
    answer = shop.ask_all(VARIANTS, {**asked, "strategy": "REMOVE_STANDALONE_VARIANT"})
    answer = answer["productVariantsBulkCreate"]
    assert answer["userErrors"] == []
    first = answer["productVariants"][0]
    assert (first["sku"], first["title"]) == ("HAT-S", "S")
    assert first["selectedOptions"] == [{"name": "Size", "value": "S"}]
    assert first["inventoryItem"] == {
        "tracked": True,
        "unitCost": {"amount": "6.0", "currencyCode": "USD"},
    }
    assert shop.simulator.available("HAT-M") == 4
    again = shop.ask_all(VARIANTS, asked)["productVariantsBulkCreate"]
    assert codes(again) == ["VARIANT_ALREADY_EXISTS"] * 2


def test_product_is_archived_by_its_status(shop):
    asked = {"product": {"id": product_id(shop), "status": "ARCHIVED"}}
    answer = shop.ask_all(CHANGE, asked)["productUpdate"]
    assert answer["product"]["status"] == "ARCHIVED"
    assert answer["product"]["title"] == "Bag"
    query = '{ products(first: 5, query: "status:archived") { nodes { title } } }'
    assert shop.ask_all(query)["products"]["nodes"] == [{"title": "Bag"}]


def test_products_are_found_by_the_sku_of_a_variant(shop):
    query = '{ products(first: 5, query: "sku:MUG") { nodes { title } } }'
    assert shop.ask_all(query)["products"]["nodes"] == [{"title": "Mug"}]


def test_changing_an_unknown_product_is_a_plain_error(shop):
    asked = {"product": {"id": "gid://shopify/Product/1", "title": "X"}}
    answer = shop.ask_all(CHANGE, asked)["productUpdate"]
    assert answer["userErrors"] == [
        {"field": ["id"], "message": "Product does not exist"}
    ]


def test_fixed_prices_are_set_and_replaced(shop):
    euro = shop.simulator.add_price_list("Europe", "EUR")
    for amount in ("18.00", "17.50"):
        asked = {"id": euro.gid, "prices": [price(shop, "BAG", amount)]}
        answer = shop.ask_all(PRICES, asked)["priceListFixedPricesAdd"]
        assert answer["userErrors"] == []
    assert answer["prices"] == [
        {
            "originType": "FIXED",
            "price": {"amount": "17.5", "currencyCode": "EUR"},
            "variant": {"sku": "BAG"},
        }
    ]
    found = shop.ask_all(LIST, {"id": euro.gid})["priceList"]
    assert (found["currency"], found["fixedPricesCount"]) == ("EUR", 1)
    assert found["prices"]["nodes"][0]["price"] == {"amount": "17.5"}


def test_currency_of_a_price_must_be_that_of_its_list(shop):
    euro = shop.simulator.add_price_list("Europe", "EUR")
    rows = [price(shop, "MUG", "5.00"), price(shop, "BAG", "18.00", "USD")]
    answer = shop.ask_all(PRICES, {"id": euro.gid, "prices": rows})
    answer = answer["priceListFixedPricesAdd"]
    assert answer["prices"] == []
    assert answer["userErrors"] == [
        {
            "field": ["prices", "1", "price", "currencyCode"],
            "message": "The specified currency does not match the price list's "
            "currency.",
            "code": "PRICE_LIST_CURRENCY_MISMATCH",
        }
    ]
    assert euro.fixed == {}


def test_unknown_price_list_and_variant_have_codes(shop):
    asked = {"id": "gid://shopify/PriceList/1", "prices": [price(shop, "BAG", "1")]}
    answer = shop.ask_all(PRICES, asked)["priceListFixedPricesAdd"]
    assert codes(answer) == ["PRICE_LIST_NOT_FOUND"]
    euro = shop.simulator.add_price_list("Europe", "EUR")
    row = {**price(shop, "BAG", "1"), "variantId": "gid://shopify/ProductVariant/1"}
    answer = shop.ask_all(PRICES, {"id": euro.gid, "prices": [row]})
    assert codes(answer["priceListFixedPricesAdd"]) == ["VARIANT_NOT_FOUND"]


def test_one_call_sets_and_deletes_prices_but_only_fixed_ones(shop):
    euro = shop.simulator.add_price_list("Europe", "EUR", {"MUG": "6.00"})
    asked = {"id": euro.gid, "add": [price(shop, "BAG", "18.00")]}
    bag, mug = variant(shop).gid, variant(shop, "MUG").gid
    refused = shop.ask_all(REPRICE, {**asked, "delete": [mug, bag]})
    refused = refused["priceListFixedPricesUpdate"]
    assert codes(refused) == ["PRICE_NOT_FIXED"]
    assert refused["userErrors"][0]["field"] == ["variantIdsToDelete", "1"]
    answer = shop.ask_all(REPRICE, {**asked, "delete": [mug]})
    assert answer["priceListFixedPricesUpdate"] == {
        "deletedFixedPriceVariantIds": [mug],
        "pricesAdded": [{"variant": {"sku": "BAG"}}],
        "priceList": {"fixedPricesCount": 1},
        "userErrors": [],
    }


def test_new_currency_of_a_list_clears_its_fixed_prices(shop):
    euro = shop.simulator.add_price_list("Europe", "EUR", {"MUG": "6.00"})
    shop.simulator.change_price_list_currency("Europe", "GBP")
    found = shop.ask_all(LIST, {"id": euro.gid})["priceList"]
    assert (found["currency"], found["fixedPricesCount"]) == ("GBP", 0)


def test_customer_is_changed_in_the_fields_named_and_echoed(shop):
    person = shop.simulator.create_customer("ada@example.com", first_name="Ada")
    shop.listen("customers/update")
    shop.clock.tick(minutes=1)
    asked = {
        "id": person["admin_graphql_api_id"],
        "note": "net 30",
        "taxExempt": True,
        "tags": ["b2b"],
        "addresses": [{"city": "Berlin", "countryCode": "DE"}],
    }
    answer = shop.ask_all(CUSTOMER, {"input": asked})["customerUpdate"]
    assert answer["userErrors"] == []
    assert answer["customer"] == {
        "id": person["admin_graphql_api_id"],
        "firstName": "Ada",
        "email": "ada@example.com",
        "note": "net 30",
        "tags": ["b2b"],
        "taxExempt": True,
        "defaultAddress": {"city": "Berlin"},
    }
    ((_, body),) = shop.heard()
    assert body["note"] == "net 30"
    assert body["updated_at"] > person["updated_at"]
    assert "tags" not in body


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"email": "nobody"}, {"field": ["email"], "message": "Email is invalid"}),
        (
            {"email": "Bob@example.com"},
            {"field": ["email"], "message": "Email has already been taken"},
        ),
        ({"id": "x"}, {"field": ["id"], "message": "Customer does not exist"}),
    ],
)
def test_customer_errors_are_plain(shop, changes, error):
    person = shop.simulator.create_customer("ada@example.com")
    shop.simulator.create_customer("bob@example.com")
    asked = {"id": person["admin_graphql_api_id"], **changes}
    answer = shop.ask_all(CUSTOMER, {"input": asked})["customerUpdate"]
    assert answer == {"customer": None, "userErrors": [error]}


def test_reading_scopes_write_nothing(shop):
    asked = {"id": product_id(shop), "variants": []}
    errors = shop.errors(UPDATE, asked)
    assert errors[0]["extensions"]["requiredAccess"] == "`write_products` access scope."


@pytest.mark.parametrize(
    "mutation",
    ["productVariantsBulkUpdate", "productCreate", "priceListFixedPricesAdd"],
)
def test_next_refusal_can_be_asked_for(shop, mutation):
    shop.simulator.refuse_next(mutation, "Not today", field=["x"])
    euro = shop.simulator.add_price_list("Europe", "EUR")
    query, asked = {
        "productVariantsBulkUpdate": (UPDATE, {"id": product_id(shop), "variants": []}),
        "productCreate": (CREATE, {"product": {"title": "X"}}),
        "priceListFixedPricesAdd": (PRICES, {"id": euro.gid, "prices": []}),
    }[mutation]
    answer = shop.ask_all(query, asked)[mutation]
    assert [x["message"] for x in answer["userErrors"]] == ["Not today"]


def test_catalogue_by_control(shop):
    body = {"sku": "CAP", "title": "Cap", "price": "9.00", "stock": 5}
    assert shop.control("products", body).json()["title"] == "Cap - Default Title"
    changed = shop.control("products/change", {"sku": "CAP", "status": "ARCHIVED"})
    assert changed.json()["status"] == "ARCHIVED"
    assert (
        shop.control("products/change", {"sku": "CAP", "colour": 1}).status_code == 400
    )
    body = {"name": "Europe", "currency": "EUR", "prices": {"CAP": "8.00"}}
    assert shop.control("price-lists", body).json()["fixed"] == {"CAP": "8.00"}
    body = {"name": "Europe", "currency": "GBP"}
    assert shop.control("price-lists/currency", body).json()["fixed"] == {}
    assert shop.control("products/delete", {"sku": "CAP"}).status_code == 200
    state = shop.session.get(f"{shop.url}/_simulator/state").json()
    assert [x["sku"] for x in state["products"]] == ["BAG", "MUG"]
    shop.simulator.create_customer("ada@example.com")
    body = {"customer": "ada@example.com", "note": "late payer"}
    assert shop.control("customers/change", body).json()["note"] == "late payer"
