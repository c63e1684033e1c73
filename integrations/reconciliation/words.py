"""A payout in a sentence, and amounts as finance writes them."""

from decimal import Decimal

from django.utils.formats import date_format

from errorqueue.wording import money
from integrations.reconciliation.models import Payout

Standing = Payout.Standing
# Shopify's own words; one that is new there is shown as it is.
STATUSES = {
    "scheduled": ("Scheduled", "wait"),
    "in_transit": ("In transit", "wait"),
    "paid": ("Paid", "good"),
    "failed": ("Failed", "bad"),
    "canceled": ("Cancelled", "bad"),
    "action_required": ("Action required", "bad"),
}
# In these a payout stays as it is.
FINAL = ("paid", "failed", "canceled")
MOST_NAMED = 3


def amount(value: Decimal, currency: str) -> str:
    """Write an amount behind its currency, with a real minus."""
    digits = money(abs(value), currency).removesuffix(f" {currency}")
    return f"{currency} {'−' if value < 0 else ''}{digits}"


def status(payout: Payout) -> tuple[str, str]:
    """Return the state of a payout in words, and its tone."""
    known = payout.status.replace("_", " ").capitalize() or "Unknown"
    return STATUSES.get(payout.status, (known, "warn"))


def heading(payout: Payout) -> str:
    """Name a payout by day and money."""
    what = "Withdrawal" if payout.is_withdrawal else "Payout"
    told = f"{what} {date_format(payout.day, 'j M')}, "
    told += amount(payout.net, payout.currency)
    word = status(payout)[0].lower()
    return told if payout.status == "paid" else f"{told} ({word})"


def sentence(payout: Payout) -> str:
    """Say in one sentence whether a payout is explained by its lines."""
    return f"{heading(payout)}: {_standing(payout)}"


def _standing(payout: Payout) -> str:
    if payout.lines_net is None:
        return "its lines have not been read yet"
    count = payout.line_count
    said = [f"{count:,} line{'' if count == 1 else 's'}", _tie(payout)]
    said += [one for one in (_unmapped(payout), _strangers(payout)) if one]
    return ", ".join(said)


def _tie(payout: Payout) -> str:
    difference = payout.difference
    if not difference:
        return "net ties to its lines"
    return f"{amount(difference, payout.currency)} not explained by its lines"


def _unmapped(payout: Payout) -> str:
    names = sorted(payout.unmapped)
    if not names:
        return ""
    more = len(names) - MOST_NAMED
    shown = ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    count = sum(payout.unmapped.values())
    return f"{count:,} of a type that is not mapped ({shown})"


def _strangers(payout: Payout) -> str:
    told = [f"{many:,} in {name}" for name, many in sorted(payout.strangers.items())]
    return f"{' and '.join(told)} not added" if told else ""
