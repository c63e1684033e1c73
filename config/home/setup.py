"""For integration admins: accounts and their limits, workers, schedules, deadlines."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime

from config.home.look import Look
from config.home.parts import SHOWN, Card, Row, joined, page_url
from config.home.queue import state_of, why_away
from config.tiles import list_url
from errorqueue.templatetags.console import moment, pill
from integrations.connectors.registry import UnknownSystem, connector_class
from integrations.models import (
    Connection,
    Flow,
    FlowRhythm,
    Schedule,
    ScheduleSlot,
    SlotMinute,
    WorkerGroup,
)
from integrations.operations import checks
from integrations.operations.accounts import AccountFigures
from integrations.sync.expiry import WARN_AT, ends_of
from integrations.sync.rhythm.wording import in_words

# So many accounts, workers and schedules stand here; the lists have all.
MOST = 12
HOUR = timedelta(hours=1)
NEAR = timedelta(days=WARN_AT[0])
FAILED = (ScheduleSlot.State.FAILED, ScheduleSlot.State.SKIPPED)


def cards(look: Look) -> Iterator[Card]:
    """Yield what an integration admin opens first."""
    if look.may("integrations.view_connection"):
        yield _accounts(look)
        yield _deadlines(look)
    if look.may("integrations.view_flow"):
        yield _silent(look)
    if look.may("integrations.view_workergroup"):
        yield _workers(look)
    if look.may("integrations.view_schedule"):
        yield _schedules(look)


def _accounts(look: Look) -> Card:
    calls = _calls(look.now - HOUR)
    rows = [
        _account(look, found, calls.get(found.connection.pk, {}))
        for found in look.accounts[:MOST]
    ]
    return Card(
        "accounts",
        "Connections, slots and requests",
        rows,
        "No account is connected yet.",
        list_url(look.site, Connection),
    )


def _calls(since: datetime) -> dict[int, Any]:
    minutes = SlotMinute.objects.filter(minute__gte=since).order_by()
    by_account = minutes.values("connection")
    sums = by_account.annotate(calls=Sum("calls"), refused=Sum("refused"))
    return {row["connection"]: row for row in sums}


def _account(look: Look, found: AccountFigures, calls: Any) -> Row:
    refused = calls.get("refused", 0)
    told = joined(
        [
            f"{found.used} of {found.limit} slots in use",
            f"{found.waiting} waiting" if found.waiting else "",
            f"{calls.get('calls', 0):,} requests in the last hour",
            f"{refused:,} refused as too many" if refused else "",
        ]
    )
    away = why_away(found, look.now)
    note = format_html("{}<br>{}", told, away) if away else told
    one = found.connection
    return Row(one.name, page_url(look.site, one), note, state_of(found, look.now))


def _deadlines(look: Look) -> Card:
    """Show credentials that end, and log-ins that their vendor takes away."""
    now = look.now
    found = Connection.objects.prefetch_related("credentials")
    dated = [(min(ends_of(one), default=None), one) for one in found]
    ends = sorted(
        ((at, one) for at, one in dated if at and at < now + NEAR),
        key=lambda pair: pair[0],
    )
    rows = [_ending(look, one, at) for at, one in ends]
    rows += [_sunset(look, one) for _, one in dated if _warning(one)]
    return Card(
        "deadlines",
        "Deadlines",
        rows[:MOST],
        f"No credential ends within {NEAR.days} days.",
        list_url(look.site, Connection),
    )


def _ending(look: Look, one: Connection, at: datetime) -> Row:
    day = date_format(localtime(at), "j M Y")
    tone = "bad" if at < look.now + timedelta(days=WARN_AT[2]) else "warn"
    note = "Counted from the day it was set here; an older one ends sooner."
    return Row(
        f"{one}: its certificate ends", page_url(look.site, one), note, pill(day, tone)
    )


def _sunset(look: Look, one: Connection) -> Row:
    note = _warning(one)
    return Row(
        f"{one}: its log-in", page_url(look.site, one), note, pill("Ends", "warn")
    )


def _warning(connection: Connection) -> str:
    try:
        methods = connector_class(connection.system).auth_methods
    except UnknownSystem:
        return ""
    chosen = (one.warning for one in methods if one.kind == connection.auth_method)
    return next(chosen, "")


def _silent(look: Look) -> Card:
    found = FlowRhythm.objects.filter(
        Q(state=FlowRhythm.State.SILENT) | ~Q(hint=""), flow__is_enabled=True
    ).select_related("flow")
    rows = [
        Row(
            one.flow.name,
            page_url(look.site, one.flow),
            joined([in_words(one.flow, one, look.now), one.hint]),
            pill(one.get_state_display(), "bad" if not one.hint else "warn"),
        )
        for one in found.order_by("flow__name")[:SHOWN]
    ]
    empty = "No flow went quiet."
    return Card("silent", "Flows out of rhythm", rows, empty, list_url(look.site, Flow))


def _workers(look: Look) -> Card:
    rows = [
        Row(
            one.host,
            note=format_html(
                "since {} · {} tasks done", moment(one.started_at), f"{one.tasks:,}"
            ),
            pill=pill("Late", "bad") if checks.is_late(one, look.now) else _alive(),
        )
        for one in look.alive[:MOST]
    ]
    empty = "No workers are running: start them."
    address = list_url(look.site, WorkerGroup, tab="alive")
    return Card("workers", "Workers", rows, empty, address)


def _alive() -> Any:
    return pill("Alive", "good")


def _schedules(look: Look) -> Card:
    """Show the schedules that need a look, by their last time."""
    rows = [_schedule(look, one) for one in _troubled()[:MOST]]
    empty = "Every schedule ran when it was last due."
    return Card("schedules", "Schedules", rows, empty, list_url(look.site, Schedule))


def _troubled() -> QuerySet[Schedule]:
    last = ScheduleSlot.objects.filter(schedule=OuterRef("pk")).order_by("-due_at")
    found = Schedule.objects.annotate(
        last_state=Subquery(last.values("state")[:1]),
        last_message=Subquery(last.values("message")[:1]),
    )
    return found.filter(Q(is_enabled=False) | ~Q(problem="") | Q(last_state__in=FAILED))


def _schedule(look: Look, one: Any) -> Row:
    shown = pill("Turned off", "mute")
    if one.is_enabled:
        shown = pill("Failed" if one.last_state == FAILED[0] else "Look here", "bad")
    note = one.problem or one.last_message or ""
    return Row(one.name, page_url(look.site, one), note, shown)
