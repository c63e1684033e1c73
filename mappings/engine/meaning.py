"""What a document may not say: internal ids as constants, and business arithmetic.

The layer orchestrates and never decides. An internal id means another record in each
environment; a price, tax or credit that a mapping reckons is a decision that no system
of record has made.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from mappings.engine.building import without_places
from mappings.engine.document import Document, Kind, Row
from mappings.engine.errors import DocumentError
from mappings.engine.expressions import Call, Choice, Literal, Node, Reckoned
from mappings.engine.parsing import parse_expression
from mappings.engine.paths import Path, parse_sources
from mappings.engine.templates import parse_template
from mappings.engine.values import text_of
from mappings.engine.wording import record_name

# Words of field names that mean money, as parts of `total_price` or `shippingCost`.
_MONEY_WORDS = (
    "amount amounts balance charge charges commission cost costs credit credits debit "
    "debits deposit discount discounts duty duties fee fees freight gross margin "
    "markup payout price prices rate rebate refund refunds revenue subtotal surcharge "
    "tax taxes tip tips total totals vat"
)
MONEY = frozenset(_MONEY_WORDS.split())
# Steps that make a figure which stood nowhere before. Turning or dropping a sign makes
# none: a discount of 5.00 and a line of -5.00 are one amount in two ways of booking.
RECKONING = frozenset(("sum", "at_least_zero"))
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

_GLOBAL_ID = re.compile(r"gid://[a-z]+/\w+/\w+", re.IGNORECASE)
_SALESFORCE_ID = re.compile(r"[a-zA-Z0-9]{15}(?:[A-Z0-5]{3})?")
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
# The parameters of transforms that are sent as they stand.
_PUTTING = {"default_if_empty": ("value",), "yes_no": ("yes", "no")}
# What a look-up searches, by the last names of a target.
_LOOKUPS = {
    "entity": ("customer", "external id"),
    "customer": ("customer", "external id"),
    "item": ("item", "sku"),
    "currency": ("currency", "symbol"),
    "terms": ("term", "name"),
    "shipmethod": ("shipItem", "name"),
    "class": ("classification", "name"),
    "price": ("priceLevel", "name"),
    "inventoryitem": ("inventoryItem", "sku"),
}
# Fields of NetSuite that hold a reference also where a mapping names them barely, as
# `terms` for `terms.id`. A bare `price` may be a figure, and `account` a number.
_BARE = frozenset(
    [
        "class",
        "classification",
        "currency",
        "customer",
        "department",
        "entity",
        "item",
        "location",
        "parent",
        "partner",
        "paymentmethod",
        "salesrep",
        "shipmethod",
        "subsidiary",
        "terms",
    ]
)
_BARE_AT = "netsuite"


def internal_id(
    row: Row, tables: Any = None, system: str = ""
) -> Iterator[tuple[str, str]]:
    """Give a field of the row and words for each fixed value that is an internal id.

    Numbers below zero pass: NetSuite gives them to what every account has (the price
    level -1 is "custom"), so they mean the same in each environment.
    """
    for field, value in _fixed_values(row, tables or {}):
        text = text_of(value).strip()
        if looks_internal(text, row.target, system):
            yield field, _instead(row, text)


def looks_internal(text: str, target: str, system: str = "") -> bool:
    """Say whether a fixed text at a target can only be one account's id of a record."""
    if _GLOBAL_ID.fullmatch(text) or _is_salesforce_id(text):
        return True
    if not is_reference(target, system):
        return False
    return text.isascii() and (
        text.isdecimal()
        or bool(_SALESFORCE_ID.fullmatch(text))
        and text[:1] in "0aA"
        and sum(one.isdigit() for one in text) >= 5
    )


def is_reference(target: str, system: str = "") -> bool:
    """Say whether a target holds the id of another record."""
    last = without_places(target).rpartition(".")[2]
    if system == _BARE_AT and last.casefold() in _BARE:
        return True
    if last.casefold() in ("externalid", "external_id"):
        return False
    return last.casefold() in ("id", "internalid") or bool(
        re.search(r"(?:[a-z0-9]Id|_id|ID)$", last)
    )


def _is_salesforce_id(text: str) -> bool:
    """Check the last three characters, which Salesforce reckons from the others."""
    if len(text) != 18 or not _SALESFORCE_ID.fullmatch(text):
        return False
    if not any(one.isdigit() for one in text[:15]):
        return False
    chunks = (text[start : start + 5] for start in (0, 5, 10))
    bits = (
        sum(1 << place for place, one in enumerate(chunk) if one.isupper())
        for chunk in chunks
    )
    return text[15:] == "".join(_SUFFIX[number] for number in bits)


def _fixed_values(row: Row, tables: Any) -> Iterator[tuple[str, Any]]:
    """Give every value that the row can send without a look-up, with its field."""
    if row.constant is not None and row.kind != Kind.LOOKUP and not row.table:
        yield "constant", row.constant
    if row.default is not None:
        yield "default", row.default
    if row.table and row.kind == Kind.TABLE:
        yield from (("table", value) for value in tables.get(row.table, {}).values())
    if row.kind != Kind.LOOKUP and not row.table:
        yield from (("transforms", value) for value in _put_by_steps(row))
    try:
        if row.template:
            parts = parse_template(row.template)
            if not any(isinstance(part, Path) for part in parts):
                yield "template", row.template
        if row.expression:
            root = parse_expression(row.expression).root
            yield from (("expression", value) for value in _results(root))
    except DocumentError:
        return


def _put_by_steps(row: Row) -> Iterator[Any]:
    """Give the fixed values that transforms put in place of what was read."""
    for name, parameters in row.transforms:
        given = (parameters.get(one) for one in _PUTTING.get(name, ()))
        yield from (value for value in given if value is not None)


def _results(node: Node) -> Iterator[Any]:
    """Give the fixed values that an expression can end in."""
    if isinstance(node, Literal):
        yield node.given
    elif isinstance(node, Choice):
        yield from _results(node.then)
        yield from _results(node.otherwise)
    elif isinstance(node, Call):
        for part in node.arguments:
            yield from _results(part)
        if node.name == "default_if_empty":
            yield node.given.get("value")


def _instead(row: Row, text: str) -> str:
    record, by = lookup_for(row.target)
    return (
        f"'{text}' looks like an internal id, which means another record in each "
        f"environment. Use a look-up instead: kind look-up, record {record}, by {by}, "
        f"and the {by} of the {record_name(record)} in quotes as the value."
    )


def lookup_for(target: str) -> tuple[str, str]:
    """Return the record and the key of the look-up that fills a reference."""
    names = without_places(target).split(".")
    last = names[-1]
    if last.casefold() in ("id", "internalid") and len(names) > 1:
        last = names[-2]
    name = re.sub(r"(?<=[a-z0-9])(?:Id|ID)$|_id$", "", last) or last
    return _LOOKUPS.get(name.replace("_", "").casefold(), (name, "name"))


def is_money(name: str) -> bool:
    """Say whether a field name means money: `total_price`, `shippingCost`."""
    words = {word.casefold() for word in _WORD.findall(name)}
    return not MONEY.isdisjoint(words)


def arithmetic(row: Row) -> Iterator[tuple[str, str]]:
    """Give a field of the row and words where it reckons with money."""
    for name in _reckoning_steps(row):
        money = _first_money([row.target, *paths_of(row)])
        if money:
            yield "transforms", _refused(f"'{name}'", money)
    if row.expression:
        yield from _in_expression(row)


def _reckoning_steps(row: Row) -> list[str]:
    return [name for name, _ in row.transforms if name in RECKONING]


def paths_of(row: Row) -> Iterator[str]:
    """Give every path that a row reads, as it is written; none of one that is broken."""
    try:
        if row.source:
            yield from (path.text for path in parse_sources(row.source))
        if row.template:
            parts = parse_template(row.template)
            yield from (part.text for part in parts if isinstance(part, Path))
        if row.expression:
            paths = parse_expression(row.expression).paths()
            yield from (path.text for path in paths)
    except DocumentError:
        return


def _in_expression(row: Row) -> Iterator[tuple[str, str]]:
    try:
        expression = parse_expression(row.expression)
    except DocumentError:
        return
    for node in expression.nodes():
        if isinstance(node, Reckoned):
            what = f"'{node.mark}'"
        elif isinstance(node, Call) and node.name in RECKONING:
            what = f"'{node.name}'"
        else:
            continue
        read = (path.text for path in expression.paths())
        money = _first_money([row.target, *read])
        if money:
            yield "expression", _refused(what, money)
            return


def _first_money(paths: Iterable[str]) -> str:
    return next((path for path in paths if is_money(path)), "")


def _refused(what: str, money: str) -> str:
    return (
        f"{what} reckons with {money}, and a mapping decides no price, tax, discount "
        "or credit. Map the figure that the source gives; if parts must add up to a "
        "total, add a sum that checks them."
    )


def meaning_faults(document: Document, row: Row) -> Iterator[tuple[str, str]]:
    """Give each field of a row that says what no mapping may, with the words."""
    yield from internal_id(row, document.tables, document.target_system)
    yield from arithmetic(row)
