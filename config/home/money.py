"""For finance reviewers: money that waits, and the proof that nothing is missing."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.formats import date_format

from config.home.look import Look
from config.home.parts import SHOWN, Card, Row, page_url
from config.tiles import list_url
from errorqueue import wording
from errorqueue.models import Cause, FailedRecord
from errorqueue.templatetags.console import pill
from integrations.admin.completeness_words import Words, of_certificate
from integrations.models import Certificate
from integrations.sync.completeness.certifying import newest_of
from integrations.sync.completeness.days import ONE_DAY, today

# Money is added up over the causes with most at stake, never over the lines.
MOST_CAUSES = 2_000
DAYS = 5
WORST = ("bad", "warn", "wait", "mute", "good")


def cards(look: Look) -> Iterator[Card]:
    """Yield what a finance reviewer opens first."""
    if look.may("errorqueue.view_failedrecord", "errorqueue.view_cause"):
        yield _waiting(look)
        yield _causes(look)
    if look.may("integrations.view_certificate"):
        yield _days(look)


def _open_causes() -> QuerySet[Cause]:
    found = Cause.objects.filter(open_count__gt=0, merged_into=None)
    return found.order_by("-most_money", "-pk")


def _waiting(look: Look) -> Card:
    """Show the sums of the open lines, as the causes were counted last."""
    sums: dict[str, Decimal] = {}
    shares = list(_open_causes().values_list("money", flat=True)[:MOST_CAUSES])
    for money in shares:
        for currency, total in money.items():
            sums[currency] = sums.get(currency, Decimal(0)) + Decimal(total)
    address = list_url(look.site, FailedRecord, tab="open", o="money")
    least = f"The {MOST_CAUSES:,} largest causes; there are more."
    return Card(
        "waiting-money",
        "Money in the error queue",
        [Row(text, address) for text in wording.moneys(sums)],
        "No money waits in the error queue.",
        address,
        note=least if len(shares) == MOST_CAUSES else "",
    )


def _causes(look: Look) -> Card:
    rows = [
        Row(
            cause.sentence,
            page_url(look.site, cause),
            f"{cause.human_id} · {cause.open_count:,} open",
            pill(", ".join(wording.moneys(cause.money)), "warn"),
        )
        for cause in _open_causes().filter(most_money__gt=0)[:SHOWN]
    ]
    empty = "No cause has money at stake."
    address = list_url(look.site, Cause, tab="open")
    return Card("money-causes", "Most money at stake", rows, empty, address)


def _days(look: Look) -> Card:
    last = today(look.now)
    days = [last - number * ONE_DAY for number in range(DAYS)]
    made = Certificate.objects.filter(day__in=days)
    newest = newest_of(made)
    return Card(
        "complete",
        "Is everything here?",
        [_day(look, day, newest) for day in days],
        url=reverse(f"{look.site.name}:completeness"),
        note="The source's own list beside the ledger, by day.",
    )


def _day(look: Look, day: date, newest: dict[Any, Certificate]) -> Row:
    words = [of_certificate(one) for (_, at), one in newest.items() if at == day]
    worst = min(words, key=lambda one: WORST.index(one.tone), default=None)
    shown = worst or Words("Not compared", "mute")
    good = sum(one.tone == "good" for one in words)
    note = f"{good} of {len(words)} flows complete" if words else ""
    address = reverse(f"{look.site.name}:completeness_day", args=[day.isoformat()])
    name = date_format(day, "l, j M")
    return Row(name, address, note, pill(shown.text, shown.tone))
