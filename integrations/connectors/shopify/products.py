"""Products: operational fields of variants, written where a SKU stands.

Nothing here can write the title, text, pictures, tags or search words of a product
that is there, and nothing deletes. Shopify keeps no key of ours, so every write looks
first: by SKU, then in the product that was written last, then by the handle that a
product of ours is made under. That handle is unique in the shop, so a product whose
answer was lost is found also while the search does not know it yet.
"""

from collections.abc import Iterable, Mapping

from integrations.connectors.base import FieldRule, Payload, Written
from integrations.connectors.errors import (
    RecordConflict,
    RecordRejected,
    RequestRefused,
    TargetGone,
)
from integrations.connectors.shopify import product_fields, product_shelf
from integrations.connectors.shopify.graphql import GraphQL
from integrations.connectors.shopify.product_shelf import Variant

# Inputs are lists of 250 at most.
AT_ONCE = 250
GONE = "TARGET_GONE"
SET = """
mutation WaybillProduct($input: ProductSetInput!) {
  productSet(input: $input, synchronous: true) {
    product { id }
    userErrors { field message code }
  }
}
"""
UPDATE = """
mutation WaybillVariants($id: ID!, $variants: [ProductVariantsBulkInput!]!) {
  productVariantsBulkUpdate(productId: $id, variants: $variants) {
    product { id }
    userErrors { field message code }
  }
}
"""
ADD = """
mutation WaybillNewVariants($id: ID!, $variants: [ProductVariantsBulkInput!]!) {
  productVariantsBulkCreate(productId: $id, variants: $variants) {
    product { id }
    userErrors { field message code }
  }
}
"""
ARCHIVE = """
mutation WaybillArchive($product: ProductUpdateInput!) {
  productUpdate(product: $product) {
    product { id }
    userErrors { field message }
  }
}
"""
# Shopify tells no rules of its inputs; this is what `upsert` takes.
PRODUCT_FIELDS: Mapping[str, FieldRule] = {
    "productId": FieldRule(label="Product it was sent to", type="reference"),
    "newTitle": FieldRule(255, label="Title of a new product", type="text"),
    "newHandle": FieldRule(200, label="Address of a new product", type="text"),
    "optionNames": FieldRule(label="Options of a new product", type="list"),
    **{f"variants.{name}": rule for name, rule in product_fields.RULES.items()},
}


def update(graphql: GraphQL, payload: Payload, target_id: str) -> Written:
    """Write to the product that a person paired with this one."""
    return upsert(graphql, {**payload, "productId": target_id}, target_id)


def upsert(graphql: GraphQL, payload: Payload, key: str) -> Written:
    """Write what differs, add what is new, archive what is not sold any more.

    A repeat finds what an earlier try made. Raises RecordConflict where a SKU, or the
    product for a new variant, is not the only one; TargetGone for a product that was
    deleted; RecordRejected for what Shopify cannot take.
    """
    wanted = _wanted(payload)
    known = str(payload.get("productId") or "")
    standing = product_shelf.by_sku(graphql, wanted, known)
    home = _home(graphql, payload, wanted, standing, key)
    if home is None and not standing:
        return Written(_make(graphql, payload, wanted, key))
    _write(graphql, wanted, standing)
    _add(graphql, payload, _missing(wanted, standing), home, standing)
    _retire(graphql, wanted, standing)
    found = home or min(one.product_id for one in standing.values())
    return Written(found, adopted=not payload.get("productId"))


def _wanted(payload: Payload) -> dict[str, Payload]:
    """Return the variants of a payload by SKU; raises RecordRejected."""
    found: dict[str, Payload] = {}
    for place, row in enumerate(payload.get("variants") or ()):
        sku = str(row.get("sku") or "").strip()
        if not sku:
            raise _rejected(f"variants.{place}.sku", "The variant has no SKU.")
        if sku in found:
            text = f"The SKU {sku} stands twice in this product. Give one another SKU."
            raise _rejected(f"variants.{place}.sku", text)
        found[sku] = row
    if not found:
        raise _rejected("variants", "The product has no variant with a SKU.")
    return found


def _rejected(field: str, text: str) -> RecordRejected:
    return RecordRejected(text, fields={field: text}, sent=False)


def _missing(
    wanted: Mapping[str, Payload], standing: Mapping[str, Variant]
) -> dict[str, Payload]:
    """Return what is sold and not in the shop yet."""
    return {
        sku: row
        for sku, row in wanted.items()
        if sku not in standing and not row.get("inactive")
    }


# Which product


def _home(
    graphql: GraphQL,
    payload: Payload,
    wanted: Mapping[str, Payload],
    standing: dict[str, Variant],
    key: str,
) -> str | None:
    """Return the product that new variants belong to; None where there is none yet.

    What the search does not show is looked for in the product itself, and added to
    `standing`.
    """
    products = {one.product_id: one for one in standing.values()}
    known = str(payload.get("productId") or "")
    if products:
        if known in products or len(products) == 1:
            return known if known in products else next(iter(products))
        if _missing(wanted, standing):
            raise _many_homes(wanted, standing)
        return None
    if known:
        _look_inside(graphql, known, wanted, standing, may_rename=True)
        return known
    made = product_shelf.id_by_handle(graphql, _handle(payload, wanted, key))
    if made:
        _look_inside(graphql, made, wanted, standing)
    return made


def _many_homes(
    wanted: Mapping[str, Payload], standing: Mapping[str, Variant]
) -> RecordConflict:
    places = "; ".join(f"{sku} in {one.named}" for sku, one in standing.items())
    new = ", ".join(_missing(wanted, standing))
    return RecordConflict(
        f"{new} is new, but the variants of this product stand in several products of "
        f"Shopify: {places}. Add {new} in Shopify to the product where it belongs, "
        "then retry.",
        sent=False,
    )


def _look_inside(
    graphql: GraphQL,
    product_id: str,
    wanted: Mapping[str, Payload],
    standing: dict[str, Variant],
    *,
    may_rename: bool = False,
) -> None:
    """Find variants in a product that is known; raises TargetGone, RecordConflict.

    Of a product that was written before, a lone variant is meant whatever its SKU.
    """
    inside = product_shelf.inside(graphql, product_id)
    if inside is None:
        raise TargetGone(
            f"It was sent to {product_id}, which Shopify has no longer, and no variant "
            f"there has the SKU {', '.join(wanted)}. Create it again, or exclude it.",
            code=GONE,
            sent=False,
        )
    standing |= {one.sku: one for one in inside if one.sku in wanted}
    if standing or not inside:
        return
    if may_rename and len(inside) == 1 and len(wanted) == 1:
        standing[next(iter(wanted))] = inside[0]  # its SKU was changed at the source
        return
    there = ", ".join(one.sku or "(no SKU)" for one in inside)
    raise RecordConflict(
        f"None of {', '.join(wanted)} is in {inside[0].named}, which was made for it "
        f"or linked with it; it has {there}. Write the SKU on the right variant in "
        "Shopify, then retry.",
        sent=False,
    )


# Writing


def _write(
    graphql: GraphQL, wanted: Mapping[str, Payload], standing: Mapping[str, Variant]
) -> None:
    """Write the fields that differ, one call for each product; none for none."""
    by_product: dict[str, list[Payload]] = {}
    for sku, variant in standing.items():
        if wanted[sku].get("inactive"):
            continue
        change = product_fields.difference(variant.node, wanted[sku])
        if change:
            rows = by_product.setdefault(variant.product_id, [])
            rows.append({"id": variant.id, **change})
    for product_id, rows in by_product.items():
        _in_parts(graphql, UPDATE, product_id, rows)


def _in_parts(
    graphql: GraphQL, mutation: str, product_id: str, rows: list[Payload]
) -> None:
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        graphql.run(mutation, {"id": product_id, "variants": part})


def _make(
    graphql: GraphQL, payload: Payload, wanted: Mapping[str, Payload], key: str
) -> str:
    """Make a draft of what is new, in one call: all of it stands or nothing."""
    rows = _missing(wanted, {})
    if not rows:
        text = "It is inactive, and Shopify has no variant with its SKU."
        raise _rejected("variants", text)
    title = str(payload.get("newTitle") or "").strip()
    if not title:
        raise _rejected("newTitle", "A new product needs a title.")
    names = _option_names(payload, rows)
    asked = {
        "title": title,
        "status": "DRAFT",
        "handle": _handle(payload, wanted, key),
        "productOptions": [_option(names, rows, place) for place in range(len(names))],
        "variants": [
            {**product_fields.everything(row), "optionValues": _values(names, row)}
            for row in rows.values()
        ],
    }
    made = graphql.run(SET, {"input": asked})["productSet"]["product"]
    return str(made["id"])


def _handle(payload: Payload, wanted: Mapping[str, Payload], key: str) -> str:
    """Return the address of a new product, the same at every try."""
    told = payload.get("newHandle") or f"{next(iter(wanted))} {key.rpartition('-')[2]}"
    spaced = "".join(one if one.isalnum() else " " for one in str(told).lower())
    return "-".join(spaced.split())


def _option_names(payload: Payload, rows: Mapping[str, Payload]) -> list[str]:
    """Return the options of a new product; raises RecordRejected where one is empty."""
    names = [str(one) for one in payload.get("optionNames") or ()]
    if not names and len(rows) > 1:
        raise _rejected("optionNames", "Several variants need an option, as Color.")
    for sku, row in rows.items():
        values = row.get("optionValues") or []
        if names and (len(values) != len(names) or not all(values)):
            text = f"{sku} has no value for each of {', '.join(names)}."
            raise _rejected("variants.optionValues", text)
    return names or [product_shelf.NO_OPTION]


def _option(names: list[str], rows: Mapping[str, Payload], place: int) -> Payload:
    told = (_value(row, place) for row in rows.values())
    values = [{"name": value} for value in dict.fromkeys(told)]
    return {"name": names[place], "values": values}


def _value(row: Payload, place: int) -> str:
    values = row.get("optionValues") or [product_shelf.NO_VALUE]
    return str(values[place])


def _values(names: Iterable[str], row: Payload) -> list[Payload]:
    return [
        {"optionName": name, "name": _value(row, place)}
        for place, name in enumerate(names)
    ]


def _add(
    graphql: GraphQL,
    payload: Payload,
    rows: Mapping[str, Payload],
    home: str | None,
    standing: Mapping[str, Variant],
) -> None:
    """Add new variants to the product of their siblings; raises RecordRejected.

    The options of a product are its shop's: they are filled by name, never changed.
    """
    if not rows:
        return
    if home is None:
        raise RequestRefused("A new variant has no product to go to.", sent=False)
    product = next(
        (one.product for one in standing.values() if one.product_id == home), {}
    )
    options = [str(one["name"]) for one in product.get("options") or ()]
    told = [str(one) for one in payload.get("optionNames") or ()]
    places = {name.casefold(): place for place, name in enumerate(told)}
    odd = [name for name in options if name.casefold() not in places]
    if odd or not options:
        raise _no_place(rows, product, odd or [product_shelf.NO_OPTION])
    inputs = []
    for row in rows.values():
        chosen = [
            {"optionName": name, "name": _value(row, places[name.casefold()])}
            for name in options
        ]
        inputs.append({**product_fields.everything(row), "optionValues": chosen})
    _in_parts(graphql, ADD, home, inputs)


def _no_place(
    rows: Mapping[str, Payload], product: Payload, odd: list[str]
) -> RecordRejected:
    text = (
        f"{', '.join(rows)} cannot be added to “{product.get('title')}”: nothing is "
        f"known for its option {', '.join(odd)}. Add the variant in Shopify with this "
        "SKU, or name the field of this option in the connection's option “Options of "
        "matrix items”, then retry."
    )
    return _rejected("variants.optionValues", text)


# What is not sold any more


def _retire(
    graphql: GraphQL, wanted: Mapping[str, Payload], standing: Mapping[str, Variant]
) -> None:
    """Archive products of which nothing is sold any more.

    Shopify archives whole products only; so a variant beside others that are sold is
    told to a person, unless nobody can buy it.
    """
    ended: dict[str, list[Variant]] = {}
    for sku, variant in standing.items():
        if wanted[sku].get("inactive"):
            ended.setdefault(variant.product_id, []).append(variant)
    left = []
    for product_id, variants in ended.items():
        if variants[0].is_archived:
            continue
        if len(variants) == variants[0].siblings:
            asked = {"id": product_id, "status": "ARCHIVED"}
            graphql.run(ARCHIVE, {"product": asked})
        else:
            left += [one for one in variants if one.can_be_bought]
    if left:
        raise _still_sold(left)


def _still_sold(left: list[Variant]) -> RecordRejected:
    named = ", ".join(f"{one.sku} in {one.named}" for one in left)
    text = (
        f"Inactive at the source, but still for sale in Shopify: {named}. Shopify "
        "archives whole products only, and Waybill deletes nothing. Set its stock to 0 "
        "or take the variant out in Shopify, then retry."
    )
    return RecordRejected(text, fields={"variants.inactive": text})
