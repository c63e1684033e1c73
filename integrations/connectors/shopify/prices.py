"""Prices of variants: in the shop's currency on the variant, else on a price list.

A price list holds fixed prices in one currency. Amounts are sent with all decimals of
their currency and never rounded. Setting a price is absolute, so a repeat is harmless.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.connectors.base import FieldRule, Found, Payload, Written
from integrations.connectors.currencies import decimals_of, written
from integrations.connectors.errors import (
    ConnectorError,
    RecordRejected,
    ReferenceUnknown,
    RequestRefused,
)
from integrations.connectors.shopify.graphql import GraphQL

VARIANTS = """
query WaybillVariants($first: Int!, $after: String, $search: String!) {
  productVariants(first: $first, after: $after, query: $search) {
    nodes { id sku displayName }
    pageInfo { hasNextPage endCursor }
  }
}
"""
SHOP = "query WaybillShopCurrency { shop { id name currencyCode } }"
LISTS = """
query WaybillPriceLists($first: Int!, $after: String) {
  priceLists(first: $first, after: $after) {
    nodes { id name currency }
    pageInfo { hasNextPage endCursor }
  }
}
"""
_VARIANT = "productVariant(id: $variant) { id sku price compareAtPrice product { id } }"
IN_SHOP = f"""
query WaybillShopPrice($variant: ID!) {{
  shop {{ id currencyCode }}
  {_VARIANT}
}}
"""
ON_LIST = f"""
query WaybillListPrice($variant: ID!, $list: ID!) {{
  priceList(id: $list) {{ id name currency }}
  {_VARIANT}
}}
"""
SET_IN_SHOP = """
mutation WaybillShopPriceSet($product: ID!, $variants: [ProductVariantsBulkInput!]!) {
  productVariantsBulkUpdate(productId: $product, variants: $variants) {
    productVariants { id }
    userErrors { field message code }
  }
}
"""
SET_ON_LIST = """
mutation WaybillListPriceSet($list: ID!, $prices: [PriceListPriceInput!]!) {
  priceListFixedPricesAdd(priceListId: $list, prices: $prices) {
    prices { variant { id } }
    userErrors { field message code }
  }
}
"""
# Shopify tells no rule of these fields; this is what `write_price` takes.
PRICE_FIELDS = {
    "variantId": FieldRule(label="Variant", type="reference", required=True),
    "priceListId": FieldRule(
        label="Price list, or the shop itself", type="reference", required=True
    ),
    "sku": FieldRule(label="SKU", type="text", required=True),
    "currency": FieldRule(label="Currency", type="text", required=True),
    "price": FieldRule(label="Price", type="number", required=True),
    "compareAtPrice": FieldRule(label="Compare-at price", type="number"),
}
_OF_SHOP = "gid://shopify/Shop/"
# What the fields of Shopify's inputs are called here.
_NAMES = {"id": "variantId", "variantId": "variantId", "priceListId": "priceListId"}


def find_variants(graphql: GraphQL, sku: str) -> list[Found]:
    """Return every variant with exactly this SKU.

    Shopify's search takes words, not whole values, so its answer is sifted.
    """
    quoted = sku.replace("\\", "\\\\").replace('"', '\\"')
    return [
        Found(str(node["id"]), str(node["displayName"]))
        for node in graphql.nodes(
            VARIANTS, "productVariants", {"search": f'sku:"{quoted}"'}
        )
        if node.get("sku") == sku
    ]


def find_lists(graphql: GraphQL, currency: str) -> list[Found]:
    """Return where prices of a currency belong: the shop, else its price lists."""
    shop = graphql.run(SHOP)["shop"]
    if shop["currencyCode"] == currency.upper():
        return [Found(str(shop["id"]), f"{shop['name']} (the shop itself)")]
    return _lists(graphql, "currency", currency.upper())


def find_named_lists(graphql: GraphQL, name: str) -> list[Found]:
    """Return every price list of exactly this name."""
    return _lists(graphql, "name", name)


def _lists(graphql: GraphQL, by: str, value: str) -> list[Found]:
    return [
        Found(str(node["id"]), str(node["name"]))
        for node in graphql.nodes(LISTS, "priceLists")
        if node.get(by) == value
    ]


def write_price(graphql: GraphQL, payload: Payload, reference: str) -> Written:
    """Set what a variant costs in one currency; raises RecordRejected.

    Raises ReferenceUnknown when the variant or the list is not what it was when it
    was looked up, so that it is looked up anew.
    """
    wanted = _wanted(payload)
    variant, place = str(payload.get("variantId")), str(payload.get("priceListId"))
    if place.startswith(_OF_SHOP):
        is_new = _set_in_shop(graphql, payload, variant, wanted)
    else:
        is_new = _set_on_list(graphql, payload, variant, place, wanted)
    return Written(f"{variant}@{place}", adopted=not is_new)


def _set_in_shop(
    graphql: GraphQL, payload: Payload, variant: str, wanted: Payload
) -> bool:
    """Set price and compare-at price of a variant; False when they stand already."""
    found = graphql.run(IN_SHOP, {"variant": variant})
    standing = _variant(found, payload)
    shop = found["shop"]
    if shop["currencyCode"] != payload["currency"]:
        text = f"The shop's currency is {shop['currencyCode']} now."
        raise ReferenceUnknown(text, fields={"priceListId": text})
    if all(_same(standing.get(name), value) for name, value in wanted.items()):
        return False
    product = standing["product"]["id"]
    row = {"id": variant, **wanted}
    _run(graphql, SET_IN_SHOP, {"product": product, "variants": [row]})
    return True


def _set_on_list(
    graphql: GraphQL, payload: Payload, variant: str, place: str, wanted: Payload
) -> bool:
    """Set a fixed price on a list; it takes the place of the one that stands there."""
    found = graphql.run(ON_LIST, {"variant": variant, "list": place})
    _variant(found, payload)
    _refuse_other_currency(found.get("priceList"), payload)
    amounts = {
        name: value and {"amount": value, "currencyCode": payload["currency"]}
        for name, value in wanted.items()
    }
    row = {"variantId": variant, **amounts}
    _run(graphql, SET_ON_LIST, {"list": place, "prices": [row]})
    return True


def _variant(found: Payload, payload: Payload) -> Payload:
    """Return the variant, if it still has the SKU by which it was looked up."""
    variant = found.get("productVariant")
    if isinstance(variant, dict) and variant.get("sku") == payload.get("sku"):
        return variant
    now = f"has the SKU {variant.get('sku')!r}" if variant else "is gone"
    text = f"The variant that had the SKU {payload.get('sku')!r} {now}."
    raise ReferenceUnknown(text, fields={"variantId": text}, sent=False)


def _refuse_other_currency(found: Any, payload: Payload) -> None:
    if isinstance(found, dict) and found.get("currency") == payload["currency"]:
        return
    if isinstance(found, dict):
        text = (
            f"The price list {found.get('name')} is kept in {found.get('currency')} "
            f"now, not in {payload['currency']}; its fixed prices went with that."
        )
    else:
        text = f"The price list for {payload['currency']} is gone."
    raise ReferenceUnknown(text, fields={"priceListId": text}, sent=False)


def _wanted(payload: Payload) -> Payload:
    """Return the amounts as Shopify takes them; raises RecordRejected.

    A compare-at price is left as it is where the payload has none, and emptied where
    it has an empty one.
    """
    for name in ("variantId", "priceListId", "currency"):
        if not payload.get(name):
            raise RequestRefused(f"The price has no {name}.", sent=False)
    amount = _amount(payload, "price")
    wanted: Payload = {"price": written(amount, payload["currency"])}
    if "compareAtPrice" not in payload:
        return wanted
    if payload["compareAtPrice"] is None:
        return {**wanted, "compareAtPrice": None}
    before = _amount(payload, "compareAtPrice")
    if before <= amount:
        raise _refused(
            "compareAtPrice",
            f"The compare-at price {before} is not above the price {amount}, so the "
            "shop would show no reduction, or a wrong one. Correct one of the two "
            "price levels, or leave the compare-at level empty.",
        )
    return {**wanted, "compareAtPrice": written(before, payload["currency"])}


def _amount(payload: Payload, name: str) -> Decimal:
    value, currency = payload.get(name), payload["currency"]
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise _refused(name, f"{value} is no price: write an amount of 0 or more.")
    if written(amount, currency) is None:
        raise _refused(
            name,
            f"{amount} has more decimals than {currency} has ({decimals_of(currency)}), "
            "and Waybill rounds no price. Correct the price at its source.",
        )
    return amount


def _refused(field: str, text: str) -> RecordRejected:
    return RecordRejected(text, fields={field: text}, sent=False)


def _same(standing: Any, wanted: str | None) -> bool:
    """Compare amounts, not texts: "1.0" is "1.00"."""
    if standing is None or wanted is None:
        return standing is wanted
    return Decimal(str(standing)) == Decimal(wanted)


def _run(graphql: GraphQL, mutation: str, variables: Payload) -> None:
    """Write, and name what Shopify refuses as the payload does."""
    try:
        graphql.run(mutation, variables)
    except ConnectorError as error:
        error.fields = {_named(path): text for path, text in error.fields.items()}
        raise


def _named(path: str) -> str:
    """Return the payload's field for a path such as `variants.0.price`."""
    parts = path.split(".")
    for part in parts:
        if part in PRICE_FIELDS or part in _NAMES:
            return _NAMES.get(part, part)
    return path
