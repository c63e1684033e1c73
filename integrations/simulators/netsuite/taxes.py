"""Taxes of an order: SuiteTax details, or none of them in a legacy account."""

from typing import Any

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.refusals import Detail, Refusal
from integrations.simulators.netsuite.switches import Switches

Values = dict[str, Any]
_SUITETAX_ONLY = ("taxDetails", "taxDetailsOverride", "taxRegOverride", "taxPointDate")
_LEGACY_ONLY = ("taxItem", "taxRate", "shippingTaxCode", "handlingTaxCode", "isTaxable")
_LEGACY_ON_LINES = ("taxCode", "taxRate1", "tax1Amt", "isTaxable")


def check_taxes(order: Values, switches: Switches) -> None:
    """Raise Refusal for tax fields that this kind of account does not take."""
    if not switches.suitetax:
        _refuse_fields(order, _SUITETAX_ONLY, "", "requires the SuiteTax feature")
        _refuse_lines(order, ("taxDetailsReference",), "requires the SuiteTax feature")
        return
    _refuse_fields(order, _LEGACY_ONLY, "", "is not available with SuiteTax")
    _refuse_lines(order, _LEGACY_ON_LINES, "is not available with SuiteTax")
    details = order.get("taxDetails", {}).get("items", [])
    if details and not order.get("taxDetailsOverride"):
        text = "Tax details can be set only when Tax Details Override is true."
        raise Refusal(Detail(text, path="taxDetails"))
    known = _line_references(order)
    for index, detail in enumerate(details):
        _check_detail(detail, known, order, switches, f"taxDetails.items[{index}]")


def _refuse_fields(
    holder: Values, names: tuple[str, ...], place: str, why: str
) -> None:
    for name in names:
        if holder.get(name) not in (None, False, {"items": []}):
            raise Refusal(Detail(f"The field {name} {why}.", path=f"{place}{name}"))


def _refuse_lines(order: Values, names: tuple[str, ...], why: str) -> None:
    for index, line in enumerate(order["item"]["items"]):
        _refuse_fields(line, names, f"item.items[{index}].", why)


def _line_references(order: Values) -> set[str]:
    known: set[str] = set()
    for index, line in enumerate(order["item"]["items"]):
        reference = line.get("taxDetailsReference")
        if reference in known:
            place = f"item.items[{index}].taxDetailsReference"
            raise refusals.invalid_value(reference, "taxDetailsReference", place)
        if reference:
            known.add(reference)
    return known


def _check_detail(
    detail: Values, known: set[str], order: Values, switches: Switches, place: str
) -> None:
    if "taxAmount" not in detail:
        raise refusals.missing("Tax Amount", f"{place}.taxAmount")
    reference = detail.get("taxDetailsReference", {}).get("id", "")
    if reference in known or _is_shipping(reference, order, switches):
        return
    name = "taxDetailsReference"
    raise refusals.invalid_value(reference, name, f"{place}.{name}", "INVALID_CONTENT")


def _is_shipping(reference: str, order: Values, switches: Switches) -> bool:
    """Say whether this is the tax on freight, which has no line on the order."""
    if not (order.get("shippingCost") or order.get("handlingCost")):
        return False
    return reference.casefold().startswith(switches.shipping_tax_references)
