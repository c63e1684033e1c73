"""Which changes of a mapping touch money, so that finance has to sign as well."""

import re
from collections.abc import Hashable, Iterator
from dataclasses import replace

from mappings.engine import Document, Row

# Words of a field's name; "taxable" and "taxation" go by their beginning.
WORDS = frozenset(
    (
        *("rate", "amount", "price", "cost", "total", "subtotal", "currency", "value"),
        *("discount", "fee", "tip", "gross", "net", "vat", "balance", "refund"),
        *("credit", "debit", "exchange", "payment", "charge", "paid", "due", "duty"),
        "money",
    )
)
BEGINNINGS = ("tax", "discount", "price", "amount", "currenc")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
PAYMENT = "payment"


def is_money(row: Row) -> bool:
    """Say whether a field holds money, by its name or by its sensitivity."""
    if row.sensitivity == PAYMENT:
        return True
    words = {word.lower() for word in _WORD.findall(row.target)}
    return bool(words & WORDS) or any(word.startswith(BEGINNINGS) for word in words)


def money_changes(before: Document | None, after: Document) -> list[str]:
    """Return the money fields that differ between two versions, in order.

    Without a version before, every money field counts. A list whose lines come from
    elsewhere, or a sum that is checked otherwise, changes all money in it.
    """
    old = _pieces(before) if before else {}
    new = _pieces(after)
    differ = [name for name in {**new, **old} if old.get(name) != new.get(name)]
    return list(dict.fromkeys(name for name, _ in differ))


def _pieces(document: Document) -> dict[tuple[str, int], Hashable]:
    """Return what decides on money, by the name that people know and its place."""
    found: dict[tuple[str, int], Hashable] = {}
    for name, piece in _money_parts(document):
        place = 0
        while (name, place) in found:
            place += 1
        found[name, place] = piece
    return found


def _money_parts(document: Document) -> Iterator[tuple[str, Hashable]]:
    sections = {one.name: one for one in document.sections}
    for row in document.rows:
        if is_money(row):
            # What is only for people changes no value.
            bare = replace(row, key="", note="", status="")
            name = f"{row.section}: {row.target}" if row.section else row.target
            yield name, repr((bare, sections.get(row.section)))
    for check in document.checks:
        yield f"check {check.name}", repr(check)
