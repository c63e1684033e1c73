"""Foreign text made fit for every database, header and log."""

from typing import Any


def clean(text: str) -> str:
    """Drop what no database takes: NUL, and halves of surrogate pairs."""
    readable = text.encode("utf-8", "replace").decode("utf-8")
    return readable.replace("\x00", "")


def clean_tree(value: Any) -> Any:
    """Clean every text inside lists and dictionaries."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): clean_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_tree(item) for item in value]
    return value


def number_of(text: str) -> int:
    """Return the number of a row as an address or a form names it, else 0: no row."""
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def one_line(text: str, limit: int = 200) -> str:
    """Fold any white space to single blanks, so that no header or line can be forged."""
    return " ".join(clean(text).split())[:limit]
