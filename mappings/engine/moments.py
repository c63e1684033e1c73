"""Transforms of dates and times."""

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
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC if isinstance(where, str) else where)
    return moment.strftime(form)
