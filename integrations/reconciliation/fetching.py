"""Takes the steps of a fetch: a page of payouts, then the lines of each, page by page.

A worker keeps a fetch for a minute at a time and saves after each page, so one that
dies loses nothing; a page that is read again is kept once. Requests go through the
slots of the account and leave its reserve to orders.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, QuerySet

from errorqueue import failpoints
from errorqueue.clock import database_time
from integrations.connectors.base import Connector
from integrations.connectors.errors import (
    AccessRefused,
    ConnectorError,
    LimitReached,
    PermissionMissing,
    TemporaryError,
)
from integrations.connectors.payouts import LinePage
from integrations.models import Flow
from integrations.models.vault import SealBroken
from integrations.reconciliation import keeping, telling
from integrations.reconciliation.models import Payout, PayoutFetch, PayoutPage
from integrations.sync import background
from integrations.sync.access import note_answer, note_failure, suspect
from integrations.sync.allowance import rest
from integrations.sync.outbound import connector_for
from integrations.sync.slots import one_request
from integrations.sync.stopping import is_stopping

log = logging.getLogger(__name__)

Phase = PayoutFetch.Phase
LEASE = timedelta(seconds=60)
PAUSE = timedelta(seconds=30)
GIVEN_UP = timedelta(hours=20)
NO_ACCOUNT = "This shop pays nothing out here: it does not use Shopify Payments."


class Lost(Exception):
    """Another worker has taken this fetch over."""


class NotNow(Exception):
    """The account cannot be asked at the moment."""


def has_due() -> bool:
    return _open().filter(try_at__lte=database_time()).exists()


def _open() -> Any:
    return PayoutFetch.objects.filter(ended_at=None)


def step() -> None:
    """Go on with fetches that are due until the time is up."""
    ends_at = time.monotonic() + settings.DRAIN_SECONDS
    while time.monotonic() < ends_at and not is_stopping():
        fetch = _claim()
        if fetch is None:
            return
        try:
            _go_on(fetch, ends_at)
        except Lost:
            log.info("%s was taken over by another worker", fetch)
    background.ring()


def _claim() -> PayoutFetch | None:
    """Take the fetch that is due longest, for as long as a lease."""
    now = database_time()
    due = _open().filter(try_at__lte=now).order_by("try_at", "pk")
    fetch: PayoutFetch | None = due.select_related("connection", "asked_by").first()
    if fetch is None:
        return None
    mine = _open().filter(pk=fetch.pk, try_at=fetch.try_at)
    fetch.try_at = now + LEASE
    return fetch if mine.update(try_at=fetch.try_at) else None


def _go_on(fetch: PayoutFetch, ends_at: float) -> None:
    """The one place that settles a fetch, hence the broad except."""
    connection = fetch.connection
    try:
        if not connection.is_usable:
            raise NotNow
        _work(fetch, ends_at)
    except (Lost, OperationalError, InterfaceError):
        raise  # a database that is busy or away says nothing of the account
    except (AccessRefused, SealBroken) as error:
        suspect(connection)
        _wait(fetch, str(error))
    except LimitReached as error:
        # A bucket that we emptied ourselves fills while we pause; orders go on.
        if (error.retry_after or 0) > PAUSE.total_seconds():
            rest(connection, error)
        _wait(fetch, "")
    except TemporaryError as error:
        note_failure(connection, error)
        _wait(fetch, str(error))
    except NotNow:
        _wait(fetch, f"{connection} is not in use at the moment.")
    except ConnectorError as error:
        _fail(fetch, str(error))
    except Exception as error:
        log.exception("%s could not be fetched", fetch)
        _fail(fetch, f"{type(error).__name__}: {error}")


def _work(fetch: PayoutFetch, ends_at: float) -> None:
    gate = partial(one_request, fetch.connection, Flow.Lane.BULK)
    connector = connector_for(fetch.connection, gate=gate)
    steps: dict[str, Callable[[PayoutFetch, Connector], None]] = {
        Phase.PAYOUTS: _payouts,
        Phase.LINES: _lines,
    }
    while fetch.ended_at is None and time.monotonic() < ends_at and not is_stopping():
        steps[fetch.phase](fetch, connector)
    if fetch.ended_at is None:
        _save(fetch, try_at=database_time())


def _save(fetch: PayoutFetch, **columns: Any) -> None:
    """Keep a step and renew the lease; raises Lost."""
    columns = {"try_at": database_time() + LEASE, "tries": 0, **columns}
    if not _open().filter(pk=fetch.pk, try_at=fetch.try_at).update(**columns):
        raise Lost
    for name, value in columns.items():
        setattr(fetch, name, value)


def _wait(fetch: PayoutFetch, problem: str) -> None:
    """Leave it for later; what cannot be asked for a day is told as such."""
    now = database_time()
    if now - fetch.asked_at > GIVEN_UP:
        _fail(fetch, problem or "No slot of the account was free for a day.")
        return
    later = {"try_at": now + PAUSE, "problem": problem[:300]}
    _open().filter(pk=fetch.pk, try_at=fetch.try_at).update(
        **later, tries=F("tries") + 1
    )


def _fail(fetch: PayoutFetch, problem: str) -> None:
    now = database_time()
    _save(fetch, phase=Phase.FAILED, problem=problem[:300], ended_at=now)
    telling.tell_failed(fetch)


# The steps


def _payouts(fetch: PayoutFetch, connector: Connector) -> None:
    """Read a page of payouts, and keep it together with where the next one begins."""
    zone = connector.zone() or UTC
    page = connector.payouts(fetch.since, fetch.until, fetch.cursor)
    note_answer(fetch.connection)
    if not page.has_account:
        _end(fetch, NO_ACCOUNT)
        return
    now = database_time()
    with transaction.atomic():
        for found in page.rows:
            keeping.keep(fetch, found, zone, now)
        failpoints.hit("payouts.page")
        _save(
            fetch,
            phase=Phase.PAYOUTS if page.cursor else Phase.LINES,
            cursor=page.cursor,
            payouts=fetch.payouts + len(page.rows),
            problem="",
            unread=" ".join([fetch.unread, *page.problems]).strip()[:300],
        )


def _lines(fetch: PayoutFetch, connector: Connector) -> None:
    """Read the next page of lines; the last one of a payout settles it."""
    payout = _wanted(fetch).first()
    if payout is None:
        _end(fetch, fetch.unread)
        return
    try:
        page = connector.payout_lines(payout.vendor_id, payout.cursor)
    except (AccessRefused, LimitReached, PermissionMissing, TemporaryError):
        raise
    except ConnectorError as error:
        keeping.settle(payout, str(error))
        telling.tell_standing(payout)
        return
    note_answer(fetch.connection)
    with transaction.atomic():
        _keep_page(fetch, payout, page, connector)
    telling.tell_standing(payout)


def _wanted(fetch: PayoutFetch) -> QuerySet[Payout]:
    """Return what is to be read, also what a fetch that failed has left."""
    mine = Payout.objects.filter(connection=fetch.connection)
    wanted = mine.exclude(wanted_by=None).select_related("connection")
    return wanted.order_by("issued_at", "pk")


def _keep_page(
    fetch: PayoutFetch, payout: Payout, page: LinePage, connector: Connector
) -> None:
    number = payout.pages.count()
    rows: Any = list(page.rows)
    PayoutPage.objects.create(payout=payout, number=number, rows=rows)
    changed = 0
    if page.cursor:
        Payout.objects.filter(pk=payout.pk).update(cursor=page.cursor)
    else:
        changed = keeping.apply(payout, fetch, connector, database_time())
    failpoints.hit("payouts.page")
    lines, done = fetch.lines + len(page.rows), fetch.changed + changed
    _save(fetch, lines=lines, changed=done, problem="")


def _end(fetch: PayoutFetch, problem: str) -> None:
    _save(fetch, phase=Phase.DONE, problem=problem[:300], ended_at=database_time())
    telling.tell_done(fetch)
