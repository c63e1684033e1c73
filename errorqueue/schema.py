"""Whether the database has the tables that this code was written for."""

from collections.abc import Iterator
from pathlib import Path

from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

OURS = ("errorqueue", "mappings", "integrations", "reconciliation")


class SchemaBehind(Exception):
    """The database was not migrated yet."""


def missing_migrations() -> list[str]:
    """Name the migrations of ours that this database lacks.

    A database that is ahead of the code is fine: migrations only add, so that old
    and new code can run side by side while a version is rolled out.
    """
    applied = set(MigrationRecorder(connection).applied_migrations())
    return [f"{app} {name}" for app, name in _known() if (app, name) not in applied]


def refuse_old_schema() -> None:
    """Raise SchemaBehind when migrations are missing; raises the database's errors."""
    missing = missing_migrations()
    if missing:
        raise SchemaBehind(
            f"The database lacks {len(missing)} migrations (first: {missing[0]}). Run "
            "`python manage.py migrate`, then start again."
        )


def _known() -> Iterator[tuple[str, str]]:
    """Read the names only: loading the migrations would cost memory for nothing."""
    for app in OURS:
        folder = Path(apps.get_app_config(app).path) / "migrations"
        yield from ((app, path.stem) for path in sorted(folder.glob("[0-9]*.py")))
