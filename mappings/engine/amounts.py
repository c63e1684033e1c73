"""Numbers as they are written in different places, read and written exactly."""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from mappings.engine.errors import DocumentError, Unfit
from mappings.engine.numbers import EXACT, number
from mappings.engine.values import is_empty, text_of

_SAMPLE = re.compile(
    r"1(?P<thousands>[.,' \u00a0\u202f]?)234(?:(?P<point>[.,])(?P<places>\d{1,12}))?"
)
_YES = frozenset(("true", "yes", "y", "t", "1", "on"))
_NO = frozenset(("false", "no", "n", "f", "0", "off"))


class NumberFormat(NamedTuple):
    """How a number is written, by the example of 1234.56."""

    sample: str
    thousands: str
    point: str
    places: int


@lru_cache(maxsize=64)
def number_format(sample: str) -> NumberFormat:
    """Read a format from how 1234.56 looks in it; raise DocumentError for no such."""
    match = _SAMPLE.fullmatch(sample.strip())
    if not match or match["thousands"] == match["point"]:
        raise DocumentError(
            f"{sample!r} shows no way to write a number; write how 1234.56 looks, as "
            "1.234,56 or 1,234.56 or 1234.56"
        )
    places = match["places"] or ""
    return NumberFormat(sample, match["thousands"], match["point"] or "", len(places))


def read_number(value: Any, form: NumberFormat) -> Decimal | None:
    """Read a number written in a format; one that is a number already passes."""
    if is_empty(value):
        return None
    if not isinstance(value, str):
        return number(value)
    found = _pattern(form).fullmatch(value.strip())
    if not found:
        raise Unfit(
            f"{value[:60]!r} is not written as {form.sample}",
            f"Write the number as {form.sample}, or correct the format in the mapping.",
        )
    digits = (
        found["whole"].replace(form.thousands, "") if form.thousands else found["whole"]
    )
    return number(
        f"{found['sign']}{digits}.{found['places'] or '0'}"
        if found["places"]
        else f"{found['sign']}{digits}"
    )


@lru_cache(maxsize=64)
def _pattern(form: NumberFormat) -> re.Pattern[str]:
    """Return what fits such numbers: thousands may be left out, but not misplaced."""
    apart = re.escape(form.thousands)
    whole = rf"\d{{1,3}}(?:{apart}\d{{3}}){{1,10}}|\d{{1,30}}" if apart else r"\d{1,30}"
    point = re.escape(form.point or ".")
    return re.compile(
        rf"(?P<sign>[+-]?)(?P<whole>{whole})(?:{point}(?P<places>\d{{1,30}}))?"
    )


def write_number(value: Any, form: NumberFormat) -> str:
    """Write a number in a format; raise Unfit rather than round it."""
    found = number(value)
    exact = found.quantize(Decimal(1).scaleb(-form.places), context=EXACT)
    if exact != found:
        raise Unfit(
            f"{text_of(found)} has more than {form.places} places behind the point",
            "Correct the number at the source, or give the format more places.",
        )
    text = format(abs(exact), "f")
    whole, _, places = text.partition(".")
    groups = []
    while form.thousands and len(whole) > 3:
        groups.append(whole[-3:])
        whole = whole[:-3]
    written = form.thousands.join([whole, *reversed(groups)])
    sign = "-" if exact < 0 else ""
    return f"{sign}{written}{form.point}{places}" if places else f"{sign}{written}"


def sum_check(values: list[Any]) -> Decimal | None:
    """Give the first number if the others add up to it; raise Unfit if they do not."""
    wanted, *parts = values or [None]
    if is_empty(wanted):
        return None
    whole, reached = number(wanted), Decimal(0)
    for part in parts:
        if not is_empty(part):
            reached = EXACT.add(reached, number(part))
    if whole != reached:
        raise Unfit(
            f"The parts add up to {text_of(reached)}, not to {text_of(whole)}",
            "Correct the amounts at the source; a mapping changes none.",
        )
    return whole


def true_false(value: Any) -> bool | None:
    """Read yes or no, however it is written."""
    if is_empty(value):
        return None
    word = (
        text_of(value).strip().casefold() if not isinstance(value, dict | list) else ""
    )
    if word in _YES or word in _NO:
        return word in _YES
    raise Unfit(
        f"{text_of(value)[:60]!r} is neither yes nor no",
        "Write yes or no, true or false, 1 or 0.",
        ("yes", "no"),
    )
