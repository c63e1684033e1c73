"""For operators: their own lines, what is due, the causes behind most of it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils.html import format_html

from config.home.look import Look
from config.home.parts import SHOWN, Card, Row, joined, page_url
from config.tiles import list_url
from errorqueue import wording
from errorqueue.masking import veil
from errorqueue.models import Cause, FailedRecord
from errorqueue.tabs import BY_KEY, Asker
from errorqueue.templatetags.console import due, moment, pill
from integrations.models import Connection
from integrations.operations.accounts import AccountFigures


def cards(look: Look) -> Iterator[Card]:
    """Yield what an operator opens first; each card only to those who may see it."""
    if look.may("errorqueue.view_failedrecord"):
        if look.may("errorqueue.assign_failedrecord"):
            yield _mine(look)
            yield _due(look)
        yield _oldest(look)
    if look.may("errorqueue.view_cause"):
        yield causes(look, Cause.objects.filter(open_count__gt=0))
    if look.may("integrations.view_connection"):
        yield _trouble(look)


def _lines(tab: str, look: Look) -> Any:
    asker = Asker(look.user, look.now)
    return FailedRecord.objects.filter(BY_KEY[tab].where(asker))


def _mine(look: Look) -> Card:
    lines = _lines("mine", look).order_by("-last_failed_at", "-pk")
    return Card(
        "mine",
        "Assigned to you",
        [_line(look, line, moment(line.last_failed_at)) for line in lines[:SHOWN]],
        "Nothing is assigned to you.",
        list_url(look.site, FailedRecord, tab="mine"),
    )


def _due(look: Look) -> Card:
    lines = _lines("due", look).order_by("due_at", "pk")
    return Card(
        "due",
        "Due soon",
        [_line(look, line, due(line.due_at)) for line in lines[:SHOWN]],
        "Nothing is late, or due within 4 hours.",
        list_url(look.site, FailedRecord, tab="due", o="due"),
    )


def _oldest(look: Look) -> Card:
    failed = FailedRecord.objects.filter(status=FailedRecord.Status.FAILED)
    lines = failed.order_by("first_failed_at", "pk")[:SHOWN]
    return Card(
        "oldest",
        "Waits longest for a person",
        [_line(look, line, moment(line.first_failed_at)) for line in lines],
        "Nothing waits for a person.",
        list_url(look.site, FailedRecord, q="status:person", o="age"),
    )


def _line(look: Look, line: FailedRecord, when: Any) -> Row:
    veil([line], look.user)
    who = joined([line.human_id, line.party])
    note = format_html("{} · {}", who, when)
    return Row(line.sentence, page_url(look.site, line), note)


def causes(
    look: Look,
    found: Any,
    key: str = "causes",
    title: str = "Top causes",
    **more: str,
) -> Card:
    """Show the causes with most open records, largest first."""
    rows = [
        Row(
            cause.sentence,
            page_url(look.site, cause),
            joined([cause.human_id, ", ".join(wording.moneys(cause.money))]),
            pill(f"{cause.open_count:,} open", "bad"),
        )
        for cause in found.order_by("-open_count", "-last_seen_at")[:SHOWN]
    ]
    address = list_url(look.site, Cause, tab="open", **more)
    return Card(key, title, rows, "No cause has an open record.", address)


def _trouble(look: Look) -> Card:
    found = [one for one in look.accounts if not one.is_usable(look.now)]
    return Card(
        "trouble",
        "Connections in trouble",
        [_account(look, one) for one in found[:SHOWN]],
        "Every connection answers.",
        list_url(look.site, Connection),
    )


def _account(look: Look, found: AccountFigures) -> Row:
    one = found.connection
    return Row(
        one.name,
        page_url(look.site, one),
        why_away(found, look.now),
        state_of(found, look.now),
    )


def state_of(found: AccountFigures, now: datetime) -> Any:
    """Show in a pill how an account stands."""
    one = found.connection
    if not one.is_ready:
        return pill(one.get_state_display(), "bad")
    if found.is_usable(now):
        return pill("Ready", "good")
    if found.is_maintained(now):
        return pill("Maintenance", "wait")
    return pill("Waits" if found.rests(now) else "Not used now", "warn")


def why_away(found: AccountFigures, now: datetime) -> Any:
    """Say why nothing is sent to an account, and since when."""
    one = found.connection
    if not one.is_ready:
        return format_html("{} · since {}", one.state_reason, moment(one.state_since))
    if found.is_maintained(now):
        return f"Under maintenance; it ends {wording.next_try(one.window_until)}."
    if found.rests(now):
        return f"It asked for a wait: {wording.next_try(one.limited_until)}."
    return "" if found.is_usable(now) else "Its access is being checked."
