"""Amounts and times as people write them."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.timesince import timesince, timeuntil

# ISO 4217: every other currency has two.
NO_DECIMALS = (
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
    *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
)
THREE_DECIMALS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
DECIMALS = {**dict.fromkeys(NO_DECIMALS, 0), **dict.fromkeys(THREE_DECIMALS, 3)}


class Unit(str):
    """A unit of time as `timesince` asks for it: "3 hours".

    Its own ones are translated each time, for half of what a list of ages costs.
    """

    def __mod__(self, told: Any) -> str:
        number = told["num"]
        return f"{number} {self}" if number == 1 else f"{number} {self}s"


UNITS: dict[str, str] = {
    unit: Unit(unit) for unit in ("year", "month", "week", "day", "hour", "minute")
}


def money(amount: Decimal | None, currency: str) -> str:
    """Write an amount with its currency; digits that are there are never hidden."""
    if amount is None:
        return ""
    return f"{amount:,.{_places(amount, currency)}f} {currency}".strip()


def sums(totals: Mapping[str, Decimal | str]) -> list[tuple[Decimal, str]]:
    """Return sums by currency as (amount, currency), largest first.

    Currencies are never added up; nothing at stake is left out.
    """
    found = [(Decimal(total), name) for name, total in totals.items()]
    return sorted((one for one in found if one[0]), reverse=True)


def moneys(totals: Mapping[str, Decimal | str]) -> list[str]:
    """Write sums by currency, largest first, each in its own."""
    return [money(total, name) for total, name in sums(totals)]


def digits(amount: Decimal, currency: str) -> str:
    """Write an amount for programs: plain digits, none of them hidden."""
    return f"{amount:.{_places(amount, currency)}f}"


def _places(amount: Decimal, currency: str) -> int:
    exact = max(0, -int(amount.normalize().as_tuple().exponent))
    return max(exact, DECIMALS.get(currency, 2))


def milliseconds(count: int | None) -> str:
    """Write how long something took; nothing where nobody measured it."""
    return "" if count is None else f"{count:,} ms"


def exact_time(moment: datetime | None) -> str:
    """Write a moment to the second, with its zone."""
    if moment is None:
        return ""
    return timezone.localtime(moment).strftime("%d %b %Y %H:%M:%S %Z")


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """Say how long ago, in the largest unit."""
    if moment is None:
        return ""
    now = now or timezone.now()
    if (now - moment).total_seconds() < 60:
        return "just now"
    told = timesince(moment, now, depth=1, time_strings=UNITS)
    return f"{told} ago".replace("\xa0", " ")


def next_try(moment: datetime | None, now: datetime | None = None) -> str:
    """Say when the next try is due: "in 12 minutes", or that it is due now."""
    if moment is None:
        return ""
    now = now or timezone.now()
    wait = (moment - now).total_seconds()
    if wait <= 0:
        return "due now"
    if wait < 60:
        return f"in {round(wait)} s"
    told = timeuntil(moment, now, depth=1, time_strings=UNITS)
    return f"in {told}".replace("\xa0", " ")
