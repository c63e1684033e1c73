"""Products and variants by mutation: typed errors for variants, plain for products.

Quantities of variants that exist are never set here; prices are decimals in the
shop's currency.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.simulators.shopify.catalogue import Product
from integrations.simulators.shopify.context import Context, Info, UserError
from integrations.simulators.shopify.ids import ITEM_BASE, VARIANT_BASE, tail
from integrations.simulators.shopify.paging import limit_rows
from integrations.simulators.shopify.stock_view import product_view, variant_view
from integrations.simulators.shopify.store import DEFAULT_CHOICE, Variant, slug

Payload = dict[str, Any]
LONGEST = 255
HS_CODE = re.compile(r"\d{6,13}")
PRODUCT_INPUTS = {
    "title": "title",
    "status": "status",
    "vendor": "vendor",
    "productType": "product_type",
    "handle": "handle",
    "descriptionHtml": "description",
    "tags": "tags",
}
ONLY_AT_CREATION = (
    "Inventory quantities can only be provided during create. To update inventory "
    "for existing variants, use inventoryAdjustQuantities."
)
NO_PRODUCT = "Product does not exist"


def create_product(root: Any, info: Info, product: Payload) -> Payload:
    """Add a product with one variant that has no SKU and costs nothing yet."""
    context: Context = info.context
    forced = context.forced_user_error("productCreate")
    problem = forced or title_problem(product, required=True)
    if problem:
        return {"product": None, "userErrors": [problem]}
    now, number = context.now(), context.store.new_id("Product")
    made = Product(number, product["title"], now, now, vendor=context.store.name)
    write_fields(made, product)
    made.handle = made.handle or slug(made.title)
    options = product.get("productOptions") or []
    made.options = [option["name"] for option in options] or ["Title"]
    first = [(option.get("values") or [{"name": ""}])[0]["name"] for option in options]
    context.store.products[number] = made
    context.store.add_variant(
        _new_variant(made, tuple(first) or (DEFAULT_CHOICE,), context)
    )
    context.shop.announce_product("products/create", made)
    context.note("product", made.gid, "created", {"title": made.title})
    return {"product": product_view(made, context), "userErrors": []}


def update_product(root: Any, info: Info, product: Payload) -> Payload:
    """Change the fields named and no others."""
    context: Context = info.context
    found = find_product(product.get("id") or "", context)
    forced = context.forced_user_error("productUpdate")
    problem = forced or title_problem(product, required=False)
    if found is None:
        problem = {"field": ["id"], "message": NO_PRODUCT}
    if problem or found is None:
        return {"product": None, "userErrors": [problem]}
    write_fields(found, product)
    context.shop.touch_product(found, {})
    context.note("product", found.gid, "updated", product)
    return {"product": product_view(found, context), "userErrors": []}


def update_variants(
    root: Any,
    info: Info,
    productId: str,
    variants: list[Payload],
    allowPartialUpdates: bool = False,
) -> Payload:
    """Change variants of one product, all or none unless partial updates may be."""
    context: Context = info.context
    limit_rows(variants)
    forced = context.forced_user_error("productVariantsBulkUpdate")
    product = find_product(productId, context)
    if forced or product is None:
        return _refused(product, [forced or _no_product()], context)
    by_gid = {row.gid: row for row in context.store.variants_of(product.id)}
    errors, good = [], []
    for index, row in enumerate(variants):
        problems = _missing(index, row, by_gid) or row_problems(index, row)
        if row.get("inventoryQuantities"):
            code = "NO_INVENTORY_QUANTITIES_ON_VARIANTS_UPDATE"
            named = ("inventoryQuantities", ONLY_AT_CREATION, code)
            problems.append(_problem(index, *named))
        errors += problems
        good += [] if problems else [row]
    if errors and not (allowPartialUpdates and good):
        return _refused(product, errors, context)
    changed = [by_gid[row["id"]] for row in good]
    for variant, row in zip(changed, good, strict=True):
        _change(variant, row, context)
    context.shop.touch_product(product, {})
    return _answer(product, changed, errors, context)


def create_variants(
    root: Any,
    info: Info,
    productId: str,
    variants: list[Payload],
    strategy: str = "DEFAULT",
) -> Payload:
    """Add variants, all or none; a lone standard variant may give way to them."""
    context: Context = info.context
    limit_rows(variants)
    forced = context.forced_user_error("productVariantsBulkCreate")
    product = find_product(productId, context)
    if forced or product is None:
        return _refused(product, [forced or _no_product()], context)
    standing = context.store.variants_of(product.id)
    alone = standing[:1] if strategy == "REMOVE_STANDALONE_VARIANT" else []
    lone = [x for x in alone if len(standing) == 1 and not x.sku]
    taken = {x.choices for x in standing if x not in lone}
    errors: list[UserError] = []
    for index, row in enumerate(variants):
        errors += row_problems(index, row) + choice_problems(index, row, taken)
        taken.add(choices_of(row))
    if errors:
        return _refused(product, errors, context)
    for variant in lone:
        context.store.drop_variant(variant)
    made = [add_row(product, row, context) for row in variants]
    context.shop.touch_product(product, {})
    return _answer(product, made, [], context)


def find_product(wanted: str, context: Context) -> Product | None:
    number = tail(wanted)
    return context.store.products.get(int(number) if number.isdigit() else 0)


def write_fields(product: Product, wanted: Payload) -> None:
    for name, value in wanted.items():
        if name in PRODUCT_INPUTS and value is not None:
            setattr(product, PRODUCT_INPUTS[name], value)


def title_problem(wanted: Payload, required: bool) -> UserError | None:
    title = wanted.get("title")
    if (required or "title" in wanted) and not (title or "").strip():
        return {"field": ["title"], "message": "Title can't be blank"}
    if title and len(title) > LONGEST:
        text = f"Title is too long (maximum is {LONGEST} characters)"
        return {"field": ["title"], "message": text}
    return None


def _new_variant(
    product: Product, choices: tuple[str, ...], context: Context
) -> Variant:
    number = context.store.new_id("ProductVariant")
    return Variant(
        "",
        product.title,
        Decimal(0),
        product.id,
        number,
        number + ITEM_BASE - VARIANT_BASE,
        context.now(),
        tracked=False,
        choices=choices,
    )


def add_row(product: Product, row: Payload, context: Context) -> Variant:
    made = _new_variant(product, choices_of(row) or (DEFAULT_CHOICE,), context)
    context.store.add_variant(made)
    _change(made, row, context)
    for stock in row.get("inventoryQuantities") or ():
        place = context.store.location_of(stock["locationId"])
        if place:
            level = context.store.level(made.item_id, place.id, context.now())
            level.available = stock["availableQuantity"]
            context.stock_changed(level)
    return made


def _change(variant: Variant, row: Payload, context: Context) -> None:
    if row.get("price") is not None:
        variant.price = Decimal(str(row["price"]))
    if "compareAtPrice" in row:
        compared = row["compareAtPrice"]
        variant.compare_at_price = None if compared is None else Decimal(str(compared))
    if "barcode" in row:
        variant.barcode = row["barcode"]
    if row.get("taxable") is not None:
        variant.taxable = row["taxable"]
    item = row.get("inventoryItem") or {}
    if item.get("sku") is not None:
        variant.sku = item["sku"]
    if "cost" in item:
        variant.cost = None if item["cost"] is None else Decimal(str(item["cost"]))
    if item.get("tracked") is not None:
        variant.tracked = item["tracked"]
    if item.get("requiresShipping") is not None:
        variant.requires_shipping = item["requiresShipping"]
    _change_goods(variant, item)
    variant.updated_at = context.now()
    context.note("productVariant", variant.gid, "updated", row)


def _change_goods(variant: Variant, item: Payload) -> None:
    """Write what carriers and customs ask for."""
    weight = (item.get("measurement") or {}).get("weight")
    if weight:
        variant.weight = Decimal(str(weight["value"]))
        variant.weight_unit = weight["unit"]
    if "harmonizedSystemCode" in item:
        variant.hs_code = item["harmonizedSystemCode"]
    if "countryCodeOfOrigin" in item:
        variant.country = item["countryCodeOfOrigin"]


def choices_of(row: Payload) -> tuple[str, ...]:
    return tuple(value["name"] for value in row.get("optionValues") or ())


def row_problems(index: int, row: Payload) -> list[UserError]:
    """Return what is wrong with the values of one row."""
    errors = []
    for name in ("price", "compareAtPrice"):
        text = _price_problem(row.get(name))
        if text:
            code = "GREATER_THAN_OR_EQUAL_TO" if "greater" in text else "INVALID_INPUT"
            label = "Price" if name == "price" else "Compare at price"
            errors.append(_problem(index, name, f"{label} {text}", code))
    item = row.get("inventoryItem") or {}
    if len(item.get("sku") or "") > LONGEST:
        text = f"SKU is too long (maximum is {LONGEST} characters)"
        errors.append(_problem(index, "inventoryItem", text, "INVALID_INPUT"))
    if not HS_CODE.fullmatch(item.get("harmonizedSystemCode") or "000000"):
        text = "Harmonized system code must be 6 to 13 digits"
        errors.append(_problem(index, "inventoryItem", text, "INVALID_INPUT"))
    return errors


def _price_problem(value: Any) -> str:
    if value is None:
        return ""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return "is not a number"
    if amount < 0:
        return "must be greater than or equal to 0"
    return "must be less than 1000000000000000000" if amount >= 10**18 else ""


def _missing(index: int, row: Payload, by_gid: dict[str, Variant]) -> list[UserError]:
    if row.get("id") in by_gid:
        return []
    text = "Product variant does not exist"
    return [_problem(index, "id", text, "PRODUCT_VARIANT_DOES_NOT_EXIST")]


def choice_problems(
    index: int, row: Payload, taken: set[tuple[str, ...]]
) -> list[UserError]:
    choices = choices_of(row)
    if not choices:
        text = "You need to add option values"
        return [_problem(index, "optionValues", text, "NEED_TO_ADD_OPTION_VALUES")]
    if choices in taken:
        name = " / ".join(choices)
        text = f"The variant '{name}' already exists."
        return [{**_problem(index, "", text, "VARIANT_ALREADY_EXISTS")}]
    return []


def _problem(index: int, name: str, message: str, code: str) -> UserError:
    field = ["variants", str(index), *([name] if name else [])]
    return {"field": field, "message": message, "code": code}


def _no_product() -> UserError:
    code = "PRODUCT_DOES_NOT_EXIST"
    return {"field": ["productId"], "message": NO_PRODUCT, "code": code}


def _answer(
    product: Product,
    variants: Sequence[Variant],
    errors: list[UserError],
    context: Context,
) -> Payload:
    return {
        "product": product_view(product, context),
        "productVariants": [variant_view(row, context) for row in variants],
        "userErrors": errors,
    }


def _refused(
    product: Product | None, errors: list[UserError], context: Context
) -> Payload:
    shown: Callable[[], Payload] | None = None
    return {
        "product": product_view(product, context) if product else shown,
        "productVariants": None,
        "userErrors": errors,
    }
