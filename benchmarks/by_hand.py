"""The order mapping as a developer would write it for one account, by hand.

It makes the payload of the shipped order document, with the same care for odd values,
and no more: no trace, no problems in words, no sums. It reads no tax modes but the one
that the bench's account has.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pycountry

from mappings.engine import Lookups

Order = Mapping[str, Any]
Values = dict[str, Any]

CUSTOM_PRICE = {"id": "-1"}
SHIPPING_METHODS = {
    "Standard": "Standard",
    "Standard Shipping": "Standard",
    "Free Shipping": "Standard",
    "Generic Shipping": "Standard",
    "Economy": "Standard",
    "Express": "Express",
    "Express Shipping": "Express",
    "DHL Express": "DHL Express",
}
COUNTRIES = {country.alpha_2 for country in pycountry.countries}


class Refused(Exception):
    """The order does not fit."""


def sales_order(order: Order, facts: Mapping[str, Any], lookups: Lookups) -> Values:
    """Return the NetSuite sales order of a Shopify order; raises Refused."""
    derived, connection = facts["derived"], facts["connection"]
    ids = Ids(lookups)
    made: Values = {
        "externalId": facts["waybill"]["external_id"],
        "entity": {
            "id": ids.of(
                "customer", "external id", facts["needs"]["customer"]["external_id"]
            )
        },
        "tranDate": derived["order_date"],
        "otherRefNum": limited(order["name"], 45),
        "currency": {"id": ids.of("currency", "symbol", order["currency"].upper())},
        "orderStatus": {"id": "B"},
        "toBeEmailed": False,
    }
    memo = printable(derived["note_text"] or order.get("note"))
    if memo:
        made["memo"] = cut(memo, 999)
    email = order.get("email") or order.get("contact_email")
    if email:
        made["email"] = limited(email.strip(), 254)
    if connection.get("subsidiary"):
        subsidiary = ids.of("subsidiary", "name", connection["subsidiary"])
        made["subsidiary"] = {"id": subsidiary}
    title = derived["shipping_title"]
    if title or derived["shipping_total"]:
        made["shippingCost"] = derived["shipping_total"]
    if title:
        method = SHIPPING_METHODS.get(clean(title))
        if method is None:
            raise Refused(f"unknown shipping method {title}")
        made["shipMethod"] = {"id": ids.of("shipItem", "name", method)}
    for name, field in (
        ("billing_address", "billingAddress"),
        ("shipping_address", "shippingAddress"),
    ):
        if order.get(name):
            made[field] = address(order[name])
    made["item"] = {"items": lines(order, derived, ids)}
    return made


class Ids:
    """Internal ids, each asked for once."""

    def __init__(self, lookups: Lookups) -> None:
        self.lookups = lookups
        self.known: dict[tuple[str, str, str], str] = {}

    def of(self, record: str, by: str, value: str) -> str:
        key = (record, by, value)
        if key not in self.known:
            found = self.lookups.find(record, by, value)
            if len(found) != 1 or found[0].inactive:
                raise Refused(f"{record} {value} is not clear")
            self.known[key] = found[0].id
        return self.known[key]


def lines(order: Order, derived: Order, ids: Ids) -> list[Values]:
    made = [product_line(order, line, ids) for line in derived["lines"]]
    if derived["tip"]:
        made.append(line_of(ids, "Shopify tip", derived["tip"], quantity=1))
    for duty in derived["duties"]:
        if duty["amount"]:
            words = " ".join(
                one for one in (duty.get("line_sku"), duty.get("hs_code")) if one
            )
            made.append(line_of(ids, "Import duty", duty["amount"], words, quantity=1))
    if derived["additional_fees"]:
        made.append(
            line_of(ids, "Additional fee", derived["additional_fees"], quantity=1)
        )
    for discount in derived["discounts"]:
        if discount["amount"]:
            words = " ".join(
                one
                for one in (discount.get("code_or_title"), discount.get("line_sku"))
                if one
            )
            made.append(line_of(ids, "Discount", -discount["amount"], words))
    if derived["discount_unallocated"]:
        words = " ".join(one["code"] for one in order["discount_codes"])
        words = words or "Discount on the whole order"
        made.append(line_of(ids, "Discount", -derived["discount_unallocated"], words))
    for tax in derived["tax_lines"]:
        if tax["amount"]:
            sku = "Marketplace tax" if tax["channel_liable"] else "Sales tax"
            made.append(line_of(ids, sku, tax["amount"], tax["title"], quantity=1))
    return made


def product_line(order: Order, line: Order, ids: Ids) -> Values:
    if line["is_gift_card"]:
        sku = "Shopify gift card"
    elif line["is_tip"]:
        sku = "Shopify tip"
    elif line["is_custom"] and not line["sku"]:
        sku = "Unlisted product"
    else:
        sku = line["sku"].strip()
    made: Values = {
        "item": {"id": ids.of("item", "sku", sku)},
        "quantity": number(line["quantity"]),
        "price": CUSTOM_PRICE,
        "amount": number(line["amount"]),
    }
    if not order.get("taxes_included"):
        made["rate"] = number(line["rate"])
    description = clean(line["title"])
    if description:
        made["description"] = cut(description, 999)
    return made


def line_of(
    ids: Ids, sku: str, amount: Decimal, words: str = "", quantity: int | None = None
) -> Values:
    """Return a line of what is no product."""
    made: Values = {
        "item": {"id": ids.of("item", "sku", sku)},
        "price": CUSTOM_PRICE,
        "rate": amount,
        "amount": amount,
    }
    if quantity is not None:
        made["quantity"] = quantity
    description = clean(words)
    if description:
        made["description"] = cut(description, 999)
    return made


def address(found: Order) -> Values:
    name = clean(" ".join(filter(None, (found["first_name"], found["last_name"]))))
    company = clean(found.get("company"))
    country = (found.get("country_code") or found.get("country") or "").upper()
    if country and country not in COUNTRIES:
        raise Refused(f"unknown country {country}")
    state = found.get("province_code") or clean(found.get("province"))
    made = {
        "addressee": cut(company or name, 83),
        "attention": cut(name, 83) if company else "",
        "addr1": limited(clean(found.get("address1")), 150),
        "addr2": limited(clean(found.get("address2")), 150),
        "city": limited(clean(found.get("city")), 50),
        "state": limited(state, 50),
        "zip": limited(clean(found.get("zip")), 36),
        "addrPhone": limited(clean(found.get("phone")), 32),
    }
    kept: Values = {field: value for field, value in made.items() if value}
    if country:
        kept["country"] = {"id": country}
    return kept


def number(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    return Decimal(str(value))


def printable(text: str | None) -> str:
    if not text or text.isprintable():
        return (text or "").strip()
    return "".join(one for one in text if one.isprintable() or one in "\n\t").strip()


def clean(text: str | None) -> str:
    """Return a text in one line, without control marks."""
    return " ".join(printable(text).split())


def limited(text: str, most: int) -> str:
    if len(text) > most:
        raise Refused(f"{text} is longer than {most}")
    return text


def cut(text: str, most: int) -> str:
    """Shorten a text at the end of a word."""
    if len(text) <= most:
        return text
    kept = text[: most + 1].rpartition(" ")[0]
    return kept or text[:most]
