"""Shopify's search syntax, as far as the filters served here need it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.simulators.shopify.times import parse_time

TERM = re.compile(
    r"""(?P<not>-)?(?P<field>\w+):(?P<compare>>=|<=|>|<)?
    (?:"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>(?:\\.|[^'\\])*)'|(?P<bare>\S+))""",
    re.VERBOSE,
)
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
}
Read = Callable[[Any], Any]


@dataclass(frozen=True)
class Term:
    """One `field:value`; all terms of a query must hold."""

    field: str
    compare: str
    value: str
    negated: bool = False
    quoted: bool = False


def read_query(query: str | None) -> list[Term]:
    """Return the terms of a query; AND is understood and words are left out."""
    return [_term(match) for match in TERM.finditer(query or "")]


def _term(match: re.Match[str]) -> Term:
    quoted = match["bare"] is None
    text = match["bare"] or match["double"] or match["single"] or ""
    value = re.sub(r"\\(.)", r"\1", text) if quoted else text
    negated = bool(match["not"])
    return Term(match["field"], match["compare"] or "", value, negated, quoted)


def unknown_fields(terms: list[Term], fields: Mapping[str, Read]) -> list[str]:
    """Return the filters that Shopify would ignore with a warning."""
    return [term.field for term in terms if term.field not in fields]


def matches(item: Any, terms: list[Term], fields: Mapping[str, Read]) -> bool:
    """Say whether an item passes all terms that name a known field."""
    return all(
        _holds(fields[term.field](item), term) != term.negated
        for term in terms
        if term.field in fields
    )


def _holds(value: Any, term: Term) -> bool:
    if value is None or term.value == "any":
        return term.value == "any"
    if isinstance(value, list):
        return any(_holds(one, term) for one in value)
    if isinstance(value, datetime):
        return _compare(value, parse_time(term.value), term.compare)
    if isinstance(value, bool):
        return str(value).lower() == term.value.lower()
    if isinstance(value, int | Decimal):
        return _compare(Decimal(value), _number(term.value), term.compare)
    return _text_holds(str(value).lower(), term.value.lower(), term.quoted)


def _text_holds(value: str, wanted: str, quoted: bool) -> bool:
    if wanted.endswith("*"):
        return value.startswith(wanted[:-1])
    return value in ([wanted] if quoted else wanted.split(","))


def _compare(value: Any, wanted: Any, compare: str) -> bool:
    if wanted is None:
        return False
    return COMPARE[compare](value, wanted) if compare else bool(value == wanted)


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text.rpartition("/")[2])
    except InvalidOperation:
        return None
