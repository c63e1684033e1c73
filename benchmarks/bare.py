"""Plain lines to the database, for the loops that the product is compared with."""

import os
import sqlite3
from typing import Any

import psycopg


def connect() -> Any:
    """Open the database of DATABASE_URL; statements write `%s` for a value."""
    url = os.environ["DATABASE_URL"]
    if url.startswith("sqlite:///"):
        return Lite(url.removeprefix("sqlite:///"))
    return psycopg.connect(url)


class Lite:
    """SQLite opened as the product opens it, with the few verbs the loops use."""

    def __init__(self, path: str) -> None:
        self.line = sqlite3.connect(path, timeout=20, isolation_level="IMMEDIATE")
        self.line.execute("PRAGMA journal_mode=WAL")
        self.line.execute("PRAGMA synchronous=NORMAL")

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> Any:
        return self.line.execute(statement.replace("%s", "?"), values)

    def commit(self) -> None:
        self.line.commit()

    def close(self) -> None:
        self.line.close()


def columns_of(table: str) -> list[str]:
    """Name the columns of a table, the id left out."""
    from django.db import connection

    with connection.cursor() as cursor:
        found = connection.introspection.get_table_description(cursor, table)
    return [column.name for column in found if column.name != "id"]
