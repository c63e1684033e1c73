"""One worker at a time has a back-fill, and no longer than it gives signs of life."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from errorqueue.clock import database_time
from integrations.connectors.errors import (
    AccessRefused,
    LimitReached,
    TemporaryError,
)
from integrations.models import Backfill, Connection
from integrations.models.vault import SealBroken
from integrations.sync.access import note_answer, note_failure, suspect
from integrations.sync.allowance import rest

LEASE = timedelta(seconds=60)
PAUSE = timedelta(seconds=30)


class Lost(Exception):
    """Another worker has it, or a person paused or ended it."""


class NotNow(Exception):
    """An account cannot be asked at the moment; says after how long to try again."""

    def __init__(self, why: str, wait: timedelta = PAUSE) -> None:
        super().__init__(why)
        self.wait = wait


def claim() -> Backfill | None:
    """Take the back-fill that is due longest, for as long as a lease."""
    now = database_time()
    due = Backfill.objects.filter(try_at__lte=now).order_by("try_at", "pk")
    backfill = due.select_related("started_by").first()
    if backfill is None:
        return None
    mine = Backfill.objects.filter(pk=backfill.pk, try_at=backfill.try_at)
    backfill.try_at = now + LEASE
    taken = mine.filter(state=backfill.state).update(try_at=backfill.try_at)
    return backfill if taken else None


def keep(backfill: Backfill, **columns: Any) -> None:
    """Renew the lease, and write what changed with it; raises Lost.

    In the transaction of a step: a pause that was pressed meanwhile comes first.
    """
    columns = {"try_at": database_time() + LEASE, **columns}
    mine = Backfill.objects.filter(pk=backfill.pk, try_at=backfill.try_at)
    if not mine.filter(state=backfill.state).update(**columns):
        raise Lost
    for name, value in columns.items():
        setattr(backfill, name, value)


@contextmanager
def minding(connection: Connection) -> Iterator[None]:
    """Note at a connection what its vendor could not do; raises NotNow for that.

    What the vendor says of one record passes through.
    """
    if not connection.is_usable:
        raise NotNow(f"{connection} is not in use at the moment.")
    try:
        yield
    except (AccessRefused, SealBroken) as error:
        suspect(connection)
        raise NotNow(str(error)) from error
    except LimitReached as error:
        # A bucket that we emptied ourselves fills while we pause; orders go on.
        asked = timedelta(seconds=error.retry_after or PAUSE.total_seconds())
        if asked > PAUSE:
            rest(connection, error)
        why = f"{connection} asks for fewer requests."
        raise NotNow(why, min(asked, PAUSE)) from error
    except TemporaryError as error:
        note_failure(connection, error)
        raise NotNow(str(error)) from error
    note_answer(connection)
