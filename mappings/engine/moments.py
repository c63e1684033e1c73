"""Transforms of dates and times."""

import re
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mappings.engine.errors import DocumentError, Unfit


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo:
    """Return a time zone; raise DocumentError when there is none of this name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise DocumentError(f"there is no time zone {name!r}") from error


# What strftime and strptime both know, on every machine alike.
_CODE = re.compile(r"%(.?)", re.DOTALL)
_CODES = frozenset("YmdHMSyBbpIjzfaA%")
_TIMES = frozenset("HMSIpf")


@lru_cache(maxsize=64)
def date_format(form: str) -> str:
    """Check the codes of a date format; raise DocumentError with those there are."""
    wrong = [code for code in _CODE.findall(form) if code not in _CODES or not code]
    if wrong or not form.strip():
        known = ", ".join(f"%{code}" for code in sorted(_CODES - {"%"}))
        raise DocumentError(f"{form!r} is no date format; its codes are {known}")
    return form


def read_date(text: str, form: str, where: tzinfo | str) -> str:
    """Read a date in a format, and write it as 2026-01-31 or with time and offset.

    A time without offset is taken as one of that zone.
    """
    try:
        found = datetime.strptime(text.strip(), form)  # noqa: DTZ007 (zone below)
    except (ValueError, re.error) as error:
        shown = datetime(2026, 1, 31, 14, 30, tzinfo=UTC).strftime(form)
        raise Unfit(
            f"{text[:60]!r} is not written as {shown}",
            f"Write it as {shown}, or correct the format in the mapping.",
        ) from error
    if _TIMES.isdisjoint(_CODE.findall(form)):
        return found.date().isoformat()
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC if isinstance(where, str) else where)
    return found.isoformat()


def date(text: str, where: tzinfo | str, form: str) -> str:
    """Write a moment as seen in a zone; a bare day stays the day it is.

    A time without offset is taken as one of that zone.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Unfit(
            f"{text!r} is not a date", "Write it as 2026-01-31 or 2026-01-31T14:30:00Z."
        ) from error
    try:
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC if isinstance(where, str) else where)
        return moment.strftime(form)
    except (ValueError, OverflowError) as error:
        raise Unfit(
            f"{text[:60]!r} is no date of our time", "Correct the date."
        ) from error
