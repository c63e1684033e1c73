"""Rows of the database kept beside themselves, and brought back with their ids.

The command that configures costs a third of a second, and hundreds of tests start
from what it leaves: its rows are copied once for each test database, into tables
that no model knows, and copied back.
"""

from collections.abc import Callable, Iterable

from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction

_CONFIGURED = "configured__"
_BOOKS = {"django_migrations"}


def configured_or(configure: Callable[[], None]) -> None:
    """Bring the configured rows back; the first time, call `configure` and keep them."""
    names = connection.introspection.table_names()
    if copies := [name for name in names if name.startswith(_CONFIGURED)]:
        bring_back(_CONFIGURED, [name.removeprefix(_CONFIGURED) for name in copies])
    else:
        configure()
        keep(
            _CONFIGURED,
            [name for name in names if name not in _BOOKS and _has_rows(name)],
        )


def keep(prefix: str, names: Iterable[str]) -> None:
    """Copy these tables as they are now."""
    _run(f'CREATE TABLE "{prefix}{name}" AS SELECT * FROM "{name}"' for name in names)


def bring_back(prefix: str, names: list[str]) -> None:
    """Replace the rows of these tables by those that were kept."""
    _run(
        [
            *(f'DELETE FROM "{name}"' for name in names),
            *(f'INSERT INTO "{name}" SELECT * FROM "{prefix}{name}"' for name in names),
        ]
    )
    # A flush makes these anew, with other ids each time.
    ContentType.objects.clear_cache()


def forget(prefix: str, names: Iterable[str]) -> None:
    """Drop the copies."""
    _run(f'DROP TABLE IF EXISTS "{prefix}{name}"' for name in names)


def _has_rows(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT EXISTS (SELECT 1 FROM "{name}")')
        return bool(cursor.fetchone()[0])


def _run(statements: Iterable[str]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
