"""Addresses: parts to a block as it stands on a parcel, and a block to its lines."""

import re
from typing import Any

from mappings.engine.errors import DocumentError
from mappings.engine.values import is_empty, single_text

# How city, state and postal code stand on one line.
LAYOUTS = {
    "us": "{city}, {state} {zip}",
    "eu": "{zip} {city}",
    "uk": "{city}\n{zip}",
    "lines": "{city}\n{state}\n{zip}",
}
PARTS = ("name", "company", "street", "street 2", "city", "state", "zip", "country")
_LINE = re.compile(r"[\r\n\u2028\u2029]")


def layout(name: str) -> str:
    """Return a layout by name; raise DocumentError with those there are."""
    if name not in LAYOUTS:
        raise DocumentError(
            f"there is no layout {name!r}; there are: {', '.join(LAYOUTS)}"
        )
    return LAYOUTS[name]


def block(values: list[Any], form: str) -> str | None:
    """Write the parts of an address, in the order of PARTS, as lines of a block."""
    texts = [_lines_of(value) for value in values[: len(PARTS)]]
    texts += [""] * (len(PARTS) - len(texts))
    *above, city, state, code, country = texts
    place = form.format(city=city, state=state, zip=code)
    lines = [_tidy(line) for line in place.split("\n")]
    written = [line for line in (*above, *lines, country) if line]
    return "\n".join(written) or None


def _lines_of(value: Any) -> str:
    """Return a part on one line; of a list, as Magento's street, each on its own."""
    parts = value if isinstance(value, list) else [value]
    lines = (" ".join(single_text(one).split()) for one in parts if not is_empty(one))
    return "\n".join(line for line in lines if line)


def _tidy(line: str) -> str:
    """Drop what a missing part leaves behind, as the comma before an empty state."""
    return " ".join(line.split()).strip(" ,").replace(" ,", ",")


def split_lines(text: str) -> list[str]:
    """Return the lines of a text that are not empty."""
    lines = (line.strip() for line in _LINE.split(text))
    return [line for line in lines if line]


def pick(values: list[Any], place: int) -> Any:
    """Return the value at a place counted from 1; nothing where there is none."""
    return values[place - 1] if place <= len(values) else None
