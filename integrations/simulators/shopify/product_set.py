"""productSet: a product with its variants in one call, all or nothing.

Only the making of a new product is played; a handle that is taken is refused.
"""

from typing import Any

from integrations.simulators.shopify.catalogue import Product
from integrations.simulators.shopify.context import Context, Info, UserError
from integrations.simulators.shopify.paging import limit_rows
from integrations.simulators.shopify.product_mutations import (
    add_row,
    choice_problems,
    choices_of,
    row_problems,
    title_problem,
    write_fields,
)
from integrations.simulators.shopify.stock_view import product_view
from integrations.simulators.shopify.store import slug

Payload = dict[str, Any]


def set_product(
    root: Any, info: Info, input: Payload, synchronous: bool = True
) -> Payload:
    """Make a product with its options and variants."""
    context: Context = info.context
    forced = context.forced_user_error("productSet")
    errors = [forced] if forced else _problems(input, context)
    if errors:
        return {"product": None, "userErrors": errors}
    now, number = context.now(), context.store.new_id("Product")
    made = Product(number, input["title"], now, now, vendor=context.store.name)
    write_fields(made, input)
    made.handle = made.handle or slug(made.title)
    made.options = [x["name"] for x in input.get("productOptions") or ()] or ["Title"]
    context.store.products[number] = made
    for row in input.get("variants") or ():
        add_row(made, row, context)
    context.shop.announce_product("products/create", made)
    context.note("product", made.gid, "created", {"title": made.title})
    return {"product": product_view(made, context), "userErrors": []}


def _problems(wanted: Payload, context: Context) -> list[UserError]:
    rows = wanted.get("variants") or []
    limit_rows(rows)
    errors: list[UserError] = []
    title = title_problem(wanted, required=True)
    errors += [{**title, "code": "INVALID_INPUT"}] if title else []
    errors += _handle_problem(wanted.get("handle"), context)
    taken: set[tuple[str, ...]] = set()
    for index, row in enumerate(rows):
        errors += row_problems(index, row) + choice_problems(index, row, taken)
        taken.add(choices_of(row))
    return errors


def _handle_problem(handle: str | None, context: Context) -> list[UserError]:
    handles = {one.handle for one in context.store.products.values()}
    if not handle or handle not in handles:
        return []
    text = f"Handle '{handle}' already in use. Please provide a new handle."
    return [
        {"field": ["input", "handle"], "message": text, "code": "HANDLE_NOT_UNIQUE"}
    ]
