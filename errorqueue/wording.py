"""Amounts and times as people write them."""

from datetime import datetime
from decimal import Decimal

from django.utils import timezone
from django.utils.timesince import timesince, timeuntil

# ISO 4217: every other currency has two.
NO_DECIMALS = (
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
    *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
)
THREE_DECIMALS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
DECIMALS = {**dict.fromkeys(NO_DECIMALS, 0), **dict.fromkeys(THREE_DECIMALS, 3)}


def money(amount: Decimal | None, currency: str) -> str:
    """Write an amount with its currency; digits that are there are never hidden."""
    if amount is None:
        return ""
    exact = max(0, -int(amount.normalize().as_tuple().exponent))
    places = max(exact, DECIMALS.get(currency, 2))
    return f"{amount:,.{places}f} {currency}".strip()


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
    return f"{timesince(moment, now, depth=1)} ago".replace("\xa0", " ")


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
    return f"in {timeuntil(moment, now, depth=1)}".replace("\xa0", " ")
