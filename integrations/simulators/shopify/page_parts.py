"""Pieces of the shop's pages: tables, fields, and what keeps pages safe."""

from html import escape
from typing import Any

Payload = dict[str, Any]
Columns = tuple[tuple[str, str], ...]
LONGEST_LIST = 50
SECURITY = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
NUMBERS = frozenset(
    {"total", "price", "available", "committed", "on_hand", "tries"}
    | {"quantity", "current", "unsent", "money"}
)


def field(name: str, label: str, kind: str, value: str) -> str:
    least = ' min="1" max="999"' if kind == "number" else ""
    return (
        f'<label>{escape(label)}<input type="{kind}" name="{name}"'
        f'{least} value="{escape(value)}"></label>'
    )


def section(anchor: str, title: str, columns: Columns, rows: list[Payload]) -> str:
    head = "".join(
        f'<th scope="col"{css_of(name)}>{escape(label)}</th>' for name, label in columns
    )
    body = "".join(f"<tr>{cells(columns, row)}</tr>" for row in rows)
    whole = "the newest " if len(rows) == LONGEST_LIST else ""
    note = f"{whole}{len(rows)}"
    empty = "" if rows else '<p class="empty">Nothing yet.</p>'
    return (
        f'<section id="{anchor}"><h2>{escape(title)} <small>{note}</small></h2>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{empty}"
        "</section>"
    )


def cells(columns: Columns, row: Payload) -> str:
    return "".join(
        f'<td data-label="{escape(label)}"{css_of(name)}>{_cell(name, row)}</td>'
        for name, label in columns
    )


def _cell(name: str, row: Payload) -> str:
    """Return one value; the name of a row with an address leads there."""
    text, address = text_of(row.get(name)), row.get("href")
    if name != "name" or not address:
        return text
    return f'<a href="{escape(str(address))}">{text}</a>'


def css_of(name: str) -> str:
    return ' class="number"' if name in NUMBERS else ""


def text_of(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(str(part) for part in value if part is not None)
    return "–" if value in (None, "") else escape(str(value))
