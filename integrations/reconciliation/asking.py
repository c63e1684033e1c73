"""Has payouts fetched: daily by the schedule, or because a person asks."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet

from errorqueue.clock import database_time
from integrations.connectors.registry import UnknownSystem, connector_class
from integrations.models import AuditEntry, Connection
from integrations.reconciliation import words
from integrations.reconciliation.models import Payout, PayoutFetch
from integrations.sync import background

User = Any
# So far back looks the first fetch of an account, and each one after it.
FIRST_LOOK, LOOK_BACK = timedelta(days=90), timedelta(days=30)
# A payout that is scheduled may bear a day to come.
LOOK_AHEAD = timedelta(days=7)
# A payout that never ends is not followed for ever.
LONGEST_FOLLOWED = timedelta(days=180)
MOST_DAYS = 400
ONE_DAY = timedelta(days=1)


class NotAsked(ValueError):
    """What was asked for cannot be fetched; says why, in words."""


def paying_connections() -> list[Connection]:
    """Return the accounts whose vendor pays money out."""
    found = Connection.objects.order_by("name")
    return [one for one in found if _pays_out(one)]


def _pays_out(connection: Connection) -> bool:
    try:
        return connector_class(connection.system).pays_out
    except UnknownSystem:  # a newer version of Waybill wrote this row
        return False


def ask_daily() -> list[PayoutFetch]:
    """Have what may have changed fetched, for every account that is not at it."""
    now = database_time()
    made = [
        _ask(one, _since(one, now), now + LOOK_AHEAD, None)
        for one in paying_connections()
        if one.is_ready
    ]
    return [one for one in made if one]


def _since(connection: Connection, now: datetime) -> datetime:
    mine = Payout.objects.filter(connection=connection)
    if not mine.exists():
        return now - FIRST_LOOK
    restless = mine.exclude(status__in=words.FINAL)
    followed = restless.filter(issued_at__gt=now - LONGEST_FOLLOWED)
    oldest = followed.order_by("issued_at").values_list("issued_at", flat=True).first()
    return min(oldest or now, now - LOOK_BACK)


def ask(connection: Connection, first: date, last: date, by: User) -> PayoutFetch:
    """Have the payouts of some days read whole; raises NotAsked."""
    now = database_time()
    if not _pays_out(connection):
        raise NotAsked(f"{connection} pays nothing out that could be fetched.")
    if first > last or datetime.combine(first, time(0), UTC) > now:
        raise NotAsked("Choose a first day that is not behind the last, nor ahead.")
    if (last - first).days >= MOST_DAYS:
        raise NotAsked(f"Choose at most {MOST_DAYS} days at a time.")
    # Zones differ by up to a day: a payout of the first morning may not be missed.
    since = datetime.combine(first, time(0), UTC) - ONE_DAY
    until = datetime.combine(last, time(0), UTC) + 2 * ONE_DAY
    made = _ask(connection, since, until, by)
    if made is None:
        raise NotAsked(f"{connection} is being fetched; wait until that has ended.")
    return made


def _ask(
    connection: Connection, since: datetime, until: datetime, by: User
) -> PayoutFetch | None:
    """Enter a fetch and ring for it; None when one is under way already."""
    now = database_time()
    try:
        with transaction.atomic():
            fetch = PayoutFetch.objects.create(
                connection=connection,
                since=since,
                until=until,
                asked_at=now,
                asked_by=by,
                try_at=now,
            )
            if by is not None:
                days = f"payouts of {since:%Y-%m-%d} to {until:%Y-%m-%d}"
                AuditEntry.objects.note_change(
                    "connection", connection.pk, "payouts asked", days, by
                )
            background.ring()
    except IntegrityError:
        return None
    return fetch


def last_fetches() -> QuerySet[PayoutFetch]:
    """Return the newest fetch of each account, in one question."""
    by_account = PayoutFetch.objects.order_by().values("connection")
    newest = by_account.annotate(newest=Max("pk")).values("newest")
    found = PayoutFetch.objects.filter(pk__in=newest)
    return found.select_related("connection", "asked_by").order_by("connection__name")
