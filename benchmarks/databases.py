"""Databases of their own for the benches: one template, copied for each measurement."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

DEFAULT_SERVER = "postgres://postgres@127.0.0.1:5432/postgres"


@dataclass(frozen=True)
class PostgreSQL:
    """Makes databases on the server of `address` and drops them again."""

    address: str

    def url(self, name: str) -> str:
        return urlunsplit(urlsplit(self.address)._replace(path=f"/{self._full(name)}"))

    def create(self, name: str, template: str = "") -> str:
        """Make a database, empty or as a copy; return its URL."""
        source = sql.Identifier(self._full(template) if template else "template1")
        self._do("CREATE DATABASE {} TEMPLATE {}", self._full(name), source)
        return self.url(name)

    def drop(self, name: str) -> None:
        self._do("DROP DATABASE IF EXISTS {} WITH (FORCE)", self._full(name))

    def version(self) -> str:
        with psycopg.connect(self.address) as connection:
            number = connection.info.server_version
        return f"PostgreSQL {number // 10000}.{number % 10000}"

    def _full(self, name: str) -> str:
        return f"waybill_bench_{os.getpid()}_{name}"

    def _do(self, statement: str, name: str, *more: sql.Composable) -> None:
        query = sql.SQL(statement).format(sql.Identifier(name), *more)
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(query)


@dataclass(frozen=True)
class SQLite:
    """Keeps databases as files of one folder."""

    folder: Path

    def url(self, name: str) -> str:
        return f"sqlite:///{self._path(name)}"

    def create(self, name: str, template: str = "") -> str:
        if template:
            shutil.copy(self._path(template), self._path(name))
        return self.url(name)

    def drop(self, name: str) -> None:
        for path in self.folder.glob(f"{name}.sqlite3*"):
            path.unlink()

    def version(self) -> str:
        import sqlite3

        return f"SQLite {sqlite3.sqlite_version}"

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.sqlite3"


Server = PostgreSQL | SQLite


def server(kind: str, folder: Path) -> Server:
    """Return where databases are made: `postgresql` or `sqlite`."""
    if kind == "sqlite":
        return SQLite(folder)
    address = os.environ.get("DATABASE_URL") or DEFAULT_SERVER
    if not address.startswith("postgres"):
        raise SystemExit("DATABASE_URL names no PostgreSQL server.")
    return PostgreSQL(address)


@contextmanager
def database(where: Server, name: str, template: str = "") -> Iterator[str]:
    """Give out the URL of a database that is gone afterwards."""
    try:
        yield where.create(name, template)
    finally:
        where.drop(name)
