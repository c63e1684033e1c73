"""Fixed prices on price lists: set, replaced and deleted, each call all or none."""

from decimal import Decimal
from typing import Any

from integrations.simulators.shopify.catalogue import FixedPrice, PriceList
from integrations.simulators.shopify.context import Context, Info, UserError
from integrations.simulators.shopify.money_view import money_v2
from integrations.simulators.shopify.paging import limit_rows, pager
from integrations.simulators.shopify.stock_view import variant_view
from integrations.simulators.shopify.store import Variant

Payload = dict[str, Any]


def price_list_view(found: PriceList, context: Context) -> Payload:
    def prices(info: Any, originType: str | None = None, **arguments: Any) -> Payload:
        rows = _rows(found, originType, context)
        return pager(rows, lambda row: _price(found, row, context))(info, **arguments)

    return {
        "id": found.gid,
        "name": found.name,
        "currency": found.currency,
        "fixedPricesCount": len(found.fixed),
        "prices": prices,
    }


def _rows(found: PriceList, origin: str | None, context: Context) -> list[Variant]:
    if origin == "RELATIVE":
        return [x for x in context.store.variants if x.variant_id not in found.fixed]
    if origin is None:
        return context.store.variants
    fixed = [context.store.variant_of(number) for number in found.fixed]
    return [variant for variant in fixed if variant]


def _price(found: PriceList, variant: Variant, context: Context) -> Payload:
    """Show a price; one that is not fixed is the shop's, as if rates were 1."""
    fixed = found.fixed.get(variant.variant_id)
    shown = fixed or FixedPrice(variant.price, variant.compare_at_price)
    compared = shown.compare_at_price
    return {
        "originType": "FIXED" if fixed else "RELATIVE",
        "price": money_v2(shown.price, found.currency),
        "compareAtPrice": (
            None if compared is None else money_v2(compared, found.currency)
        ),
        "variant": variant_view(variant, context),
    }


def add_prices(
    root: Any, info: Info, priceListId: str, prices: list[Payload]
) -> Payload:
    """Set fixed prices; those that stand are replaced."""
    context: Context = info.context
    limit_rows(prices)
    forced = context.forced_user_error("priceListFixedPricesAdd")
    found = _find(priceListId, context)
    if forced or found is None:
        return {"prices": None, "userErrors": [forced or _no_list()]}
    errors = _price_problems(found, prices, "prices", context)
    if errors:
        return {"prices": [], "userErrors": errors}
    changed = [_set(found, row, context) for row in prices]
    shown = [_price(found, variant, context) for variant in changed]
    return {"prices": shown, "userErrors": []}


def update_prices(
    root: Any,
    info: Info,
    priceListId: str,
    pricesToAdd: list[Payload],
    variantIdsToDelete: list[str],
) -> Payload:
    """Set and delete fixed prices in one call."""
    context: Context = info.context
    limit_rows([*pricesToAdd, *variantIdsToDelete])
    forced = context.forced_user_error("priceListFixedPricesUpdate")
    found = _find(priceListId, context)
    errors = [forced] if forced else [] if found else [_no_list()]
    if found and not errors:
        errors = _price_problems(found, pricesToAdd, "pricesToAdd", context)
        errors += _delete_problems(
            found, variantIdsToDelete, "variantIdsToDelete", context
        )
    if errors or found is None:
        return _update_answer(None, None, None, errors, context)
    deleted = [_drop(found, gid, context) for gid in variantIdsToDelete]
    added = [_set(found, row, context) for row in pricesToAdd]
    return _update_answer(found, added, deleted, [], context)


def delete_prices(
    root: Any, info: Info, priceListId: str, variantIds: list[str]
) -> Payload:
    context: Context = info.context
    found = _find(priceListId, context)
    if found is None:
        return {"deletedFixedPriceVariantIds": None, "userErrors": [_no_list()]}
    errors = _delete_problems(found, variantIds, "variantIds", context)
    if errors:
        return {"deletedFixedPriceVariantIds": None, "userErrors": errors}
    deleted = [_drop(found, gid, context) for gid in variantIds]
    return {"deletedFixedPriceVariantIds": deleted, "userErrors": []}


def _find(wanted: str, context: Context) -> PriceList | None:
    return next((x for x in context.store.price_lists if x.gid == wanted), None)


def _no_list() -> UserError:
    return _error(["priceListId"], "Price list does not exist.", "PRICE_LIST_NOT_FOUND")


def _price_problems(
    found: PriceList, rows: list[Payload], name: str, context: Context
) -> list[UserError]:
    errors = []
    for index, row in enumerate(rows):
        path = [name, str(index)]
        if context.store.variant_by_gid(row["variantId"]) is None:
            errors.append(_no_variant([*path, "variantId"]))
        for part in ("price", "compareAtPrice"):
            money = row.get(part)
            if money and money["currencyCode"] != found.currency:
                text = (
                    "The specified currency does not match the price list's currency."
                )
                field = [*path, part, "currencyCode"]
                errors.append(_error(field, text, "PRICE_LIST_CURRENCY_MISMATCH"))
    return errors


def _delete_problems(
    found: PriceList, gids: list[str], name: str, context: Context
) -> list[UserError]:
    errors = []
    for index, wanted in enumerate(gids):
        variant = context.store.variant_by_gid(wanted)
        if variant is None:
            errors.append(_no_variant([name, str(index)]))
        elif variant.variant_id not in found.fixed:
            text = "Only fixed prices can be deleted."
            errors.append(_error([name, str(index)], text, "PRICE_NOT_FIXED"))
    return errors


def _no_variant(field: list[str]) -> UserError:
    return _error(field, "Product variant ID does not exist.", "VARIANT_NOT_FOUND")


def _set(found: PriceList, row: Payload, context: Context) -> Variant:
    variant = _variant(row["variantId"], context)
    compared = row.get("compareAtPrice")
    found.fixed[variant.variant_id] = FixedPrice(
        Decimal(str(row["price"]["amount"])),
        Decimal(str(compared["amount"])) if compared else None,
    )
    context.note("fixedPrice", f"{found.gid} {variant.gid}", "updated", row)
    return variant


def _drop(found: PriceList, wanted: str, context: Context) -> str:
    del found.fixed[_variant(wanted, context).variant_id]
    context.note("fixedPrice", f"{found.gid} {wanted}", "deleted", {})
    return wanted


def _variant(wanted: str, context: Context) -> Variant:
    variant = context.store.variant_by_gid(wanted)
    if variant is None:
        raise LookupError(f"{wanted} was checked to be there")
    return variant


def _update_answer(
    found: PriceList | None,
    added: list[Variant] | None,
    deleted: list[str] | None,
    errors: list[UserError],
    context: Context,
) -> Payload:
    shown = added if added is not None and found else None
    return {
        "priceList": price_list_view(found, context) if found else None,
        "pricesAdded": (
            [_price(found, x, context) for x in shown] if found and shown else shown
        ),
        "deletedFixedPriceVariantIds": deleted,
        "userErrors": errors,
    }


def _error(field: list[str], message: str, code: str) -> UserError:
    return {"field": field, "message": message, "code": code}
