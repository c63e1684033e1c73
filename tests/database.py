"""The test database: migrated once, copied for each worker, emptied quickly.

To run every migration takes fifteen seconds, and each worker has a database of its
own. So a migrated file is kept beside it, under a name that changes with whatever it
is made of; the copy is migrated once more, which finds nothing left to do.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management.commands import flush
from django.db import connection, models

ROOT = Path(__file__).parent.parent
KEPT = "migrated-"
# Left beside a database by its write-ahead log.
SIDES = ("", "-wal", "-shm")


@contextmanager
def copied_from_template() -> Iterator[None]:
    """Put a migrated file where the test database belongs, and remove it at the end."""
    place = Path(connection.settings_dict["TEST"]["NAME"])
    _remove(place)
    shutil.copyfile(migrated(), place)
    try:
        yield
    finally:
        _remove(place)


def migrated() -> Path:
    """Return an SQLite database of today's migrations, empty but for the rights."""
    return template(settings.VAR_DIR, fingerprint(_parts()), migrate)


def template(folder: Path, mark: str, make: Callable[[Path], None]) -> Path:
    """Return the file that `make` fills, made by the first who asks for this mark.

    Others wait for it; files of other marks are removed. One that could not be made
    leaves nothing behind.
    """
    ready = folder / f"{KEPT}{mark}.sqlite3"
    with (folder / f"{KEPT}lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            for old in folder.glob(f"{KEPT}*.sqlite3*"):
                old.unlink()
            half = ready.with_suffix(".sqlite3-half")
            make(half)
            half.rename(ready)
    return ready


def migrate(place: Path) -> None:
    """Make a database in a process of its own, which closes it whole."""
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        env={**os.environ, "DATABASE_URL": f"sqlite:///{place}"},
        cwd=ROOT,
        check=True,
    )


def fingerprint(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]


def _parts() -> Iterator[bytes]:
    """Tell what a migrated database is made of: migrations, and rights of models."""
    yield django.get_version().encode()
    for app in apps.get_app_configs():
        for path in sorted(Path(app.path, "migrations").glob("*.py")):
            yield f"{app.label} {path.name}".encode()
            yield path.read_bytes()
    for model in apps.get_models():
        meta = model._meta
        yield repr((meta.label, meta.default_permissions, meta.permissions)).encode()


def hurry() -> None:
    """Let no commit wait for the disk: a test database need not outlast a power cut."""
    if connection.vendor == "sqlite":
        options = connection.settings_dict["OPTIONS"]
        options["init_command"] += "PRAGMA synchronous=OFF;"


def empty_by_deleting() -> None:
    """Have a flush on PostgreSQL delete the few rows there are.

    TRUNCATE makes new files for a hundred tables and their indexes, which took thirty
    times as long, at the end of each test that commits.
    """
    if connection.vendor == "postgresql":
        truncate = connection.ops.sql_flush

        def sql_flush(style: Any, tables: list[str], **options: Any) -> list[str]:
            if options.get("reset_sequences"):
                return list(truncate(style, tables, **options))
            return ["SET CONSTRAINTS ALL DEFERRED", _deletion(tables)]

        connection.ops.sql_flush = sql_flush


def _deletion(tables: Iterable[str]) -> str:
    each = (
        f'IF EXISTS (SELECT 1 FROM "{table}") THEN DELETE FROM "{table}"; END IF;'
        for table in tables
    )
    return f"DO $$ BEGIN {' '.join(each)} END $$"


def keep_rights() -> None:
    """Have a flush bring content types and rights back, rather than make them anew.

    To look for each right of each model took nine tenths of a flush, and it ends each
    test that commits. Their ids stay the same, too.
    """
    kept = [(model, list(model.objects.all())) for model in (ContentType, Permission)]

    def bring_back(*args: Any, **options: Any) -> None:
        for model, rows in kept:
            _enter(model, rows)
        ContentType.objects.clear_cache()

    flush.emit_post_migrate_signal = bring_back


def _enter(model: type[models.Model], rows: list[Any]) -> None:
    fields = model._meta.concrete_fields
    names = ", ".join(f'"{field.column}"' for field in fields)
    blanks = ", ".join(["%s"] * len(fields))
    values = [[getattr(row, field.attname) for field in fields] for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(
            f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({blanks})', values
        )


def _remove(place: Path) -> None:
    for side in SIDES:
        Path(f"{place}{side}").unlink(missing_ok=True)
