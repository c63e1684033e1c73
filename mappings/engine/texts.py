"""Transforms of text."""

import html
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from mappings.engine.errors import Unfit
from mappings.engine.values import is_empty, length_of, single_text, text_of

_TAG = re.compile(r"<[/!]?[A-Za-z][^<>]*>")
_PLACE = re.compile(r"\{(value|\d{1,2})\}")
_MOST = 1_000_000
_EXTENSION = re.compile(r"(?:ext\.?|extension|x|#)\s*(\d{1,8})\s*$", re.IGNORECASE)
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe00-\ufe0f\u20e3"
    "\U000e0000-\U000e007f]"
)
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9_-]+")


def collapse_spaces(text: str) -> str:
    return " ".join(text.split())


def title(text: str) -> str:
    """Begin each word with a capital; letters after an apostrophe stay small."""
    return re.sub(r"[^\W_]+(?:['’][^\W_]+)*", _capital, text)


def _capital(match: re.Match[str]) -> str:
    return match[0][:1].upper() + match[0][1:].lower()


def cut(text: str, length: int) -> str:
    """Shorten to `length` at the end of a word, or hard where one word is longer."""
    text = text.strip()
    if length_of(text) <= length:
        return text
    kept = text[: _fitting(text, length)]
    if not text[len(kept)].isspace():
        word = re.search(r"\s\S*$", kept)
        kept = kept[: word.start()] if word and kept[: word.start()].strip() else kept
    return kept.strip()


def _fitting(text: str, length: int) -> int:
    """Return how many characters fit, those beyond 16 bits counted twice."""
    used = 0
    for place, character in enumerate(text[:length]):
        used += 2 if character > "\uffff" else 1
        if used > length:
            return place
    return length


def replace(text: str, find: str, instead: str) -> str:
    """Replace each occurrence; raise Unfit where the text would grow absurdly."""
    if not find:
        return text
    if len(instead) > len(find):
        longer = len(text) + text.count(find) * (len(instead) - len(find))
        if longer > _MOST:
            raise Unfit(
                f"The text would grow to {longer} characters",
                "Shorten the text at the source, or correct the transforms.",
            )
    return text.replace(find, instead)


def template(value: Any, text: str) -> str | None:
    """Put a value where {value} stands, or those of a list where {1}, {2} … do."""
    values = value if isinstance(value, list) else [value]
    if all(is_empty(one) for one in values):
        return None

    def written(match: re.Match[str]) -> str:
        place = 0 if match[1] == "value" else int(match[1]) - 1
        found = values[place] if 0 <= place < len(values) else None
        return single_text(found)

    return _PLACE.sub(written, text)


def split(text: str, separator: str) -> list[str]:
    parts = text.split(separator) if separator else text.split()
    return [part.strip() for part in parts if part.strip()]


def join(values: list[Any], separator: str) -> str:
    """Join what is there; of a list among the values each one counts."""
    found = (single_text(one).strip() for one in _flat(values) if not is_empty(one))
    return separator.join(found)


def _flat(values: list[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def first(values: list[Any]) -> Any:
    return next((value for value in values if not is_empty(value)), None)


def default(value: Any, instead: str) -> Any:
    return instead if is_empty(value) else value


def no_html(text: str) -> str:
    plain = _TAG.sub(" ", _without_comments(text))
    return re.sub(r"[ \t]+", " ", html.unescape(plain)).strip()


def _without_comments(text: str) -> str:
    """Drop each comment; one that never ends is left, as browsers show its words."""
    kept, position = [], 0
    while (start := text.find("<!--", position)) >= 0:
        end = text.find("-->", start + 4)
        if end < 0:
            break
        kept += [text[position:start], " "]
        position = end + 3
    return "".join([*kept, text[position:]])


def no_emoji(text: str) -> str:
    """Drop pictures with their joiners and skin tones, keep all scripts."""
    without = _EMOJI.sub("", text)
    if without != text:
        without = without.replace("\u200d", "")
        return re.sub(r"[ \t]{2,}", " ", without).strip()
    return text


def printable(text: str) -> str:
    """Drop control and direction marks; line breaks and joiners of scripts stay."""
    if text.isprintable():
        return text.strip()
    return "".join(
        character
        for character in text
        if character in "\n\t\u200c\u200d"
        or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    ).strip()


def phone(text: str, length: int) -> str:
    """Keep a number as written when it fits, else `+digits xextension`."""
    written = collapse_spaces(printable(text))
    if not any(character.isdigit() for character in written):
        raise Unfit(
            f"{text!r} has no digits, so it is no phone number",
            "Correct the phone number at the source, or clear it.",
        )
    if length_of(written) <= length:
        return written
    short = _digits(written)
    if len(short) > length:
        raise Unfit(
            f"The phone number has {len(short)} characters, {length} are allowed",
            "Correct the phone number at the source.",
        )
    return short


def _digits(written: str) -> str:
    extension = _EXTENSION.search(written)
    number = written[: extension.start()] if extension else written
    digits = "".join(str(int(one)) for one in number if one.isdecimal())
    plus = "+" if number.lstrip().startswith("+") else ""
    return f"{plus}{digits}" + (f" x{extension[1]}" if extension else "")


def yes_no(value: Any, yes: str, no: str) -> str | None:
    if is_empty(value):
        return None
    if value is True or value == "true":
        return yes
    if value is False or value == "false":
        return no
    raise Unfit(f"{text_of(value)!r} is neither true nor false", "", ("true", "false"))


def external_id_safe(text: str) -> str:
    if _EXTERNAL_ID.fullmatch(text):
        return text
    raise Unfit(
        f"{text!r} has characters that an external id may not have",
        "Use letters, digits, _ and - only.",
    )
