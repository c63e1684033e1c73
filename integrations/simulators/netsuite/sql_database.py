"""The query service's database: SQLite in memory, kept in step with the store."""

import sqlite3
import time
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.record_types import RECORD_TYPES, WEIGHT_UNITS
from integrations.simulators.netsuite.refusals import Refusal
from integrations.simulators.netsuite.sql_dialect import ROWS
from integrations.simulators.netsuite.sql_functions import ALLOWED, install, marked
from integrations.simulators.netsuite.sql_tables import (
    COLUMNS,
    PERMISSIONS,
    STOCK,
    STOCK_TABLES,
    Row,
    rows_of,
    stock_rows,
    tables_of,
)
from integrations.simulators.netsuite.sql_transactions import (
    SEEN_BY,
    TRANSACTION_COLUMNS,
)
from integrations.simulators.netsuite.store import Store
from integrations.simulators.netsuite.switches import Switches

LONGEST_QUERY = 5.0
_SHIPPING = {"shipmethod": "shipItem"}
_INDEXED = {
    "id", "externalid", "email", "itemid", "transaction", "item", "entityid",
    "previousdoc", "nextdoc", "createdfrom",
}  # fmt: skip
_TRANSACTION_WORDS = {
    kind.code: kind for kind in RECORD_TYPES.values() if kind.is_transaction
}


class QueryDatabase:
    """Answers translated queries; the caller holds the store's lock.

    Each table is a view that shows no rows to a role without the permission. A
    change becomes visible `switches.query_lag` seconds after it was made.
    """

    def __init__(self, store: Store, switches: Switches) -> None:
        self.store = store
        self.switches = switches
        self.database = sqlite3.connect(":memory:", check_same_thread=False)
        install(
            self.database,
            now=lambda: marked(switches.now(), self.zone),
            role_sees=lambda name: name in switches.role_permissions,
            display=self._display,
        )
        for table, columns in COLUMNS.items():
            self._create(table, columns)
        self.database.execute("PRAGMA case_sensitive_like = ON")
        self._insert("dual", "", {"dummy": "X"})

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.switches.time_zone)

    def run(
        self, query: str, params: list[Any], most: int
    ) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Return column names and at most `most` rows; raise Refusal."""
        self._catch_up()
        self.database.set_authorizer(_authorize)
        deadline = time.monotonic() + LONGEST_QUERY
        self.database.set_progress_handler(lambda: time.monotonic() > deadline, 50_000)
        try:
            cursor = self.database.execute(query, params)
            names = [column[0] for column in cursor.description or ()]
            return names, cursor.fetchmany(most)
        except sqlite3.ProgrammingError:
            text = "The number of parameters does not match the query."
            raise refusals.bad_parameter(text, "params") from None
        except sqlite3.Error as error:
            raise _search_error(str(error)) from None
        finally:
            self.database.set_authorizer(None)
            self.database.set_progress_handler(None, 0)

    def _create(self, table: str, columns: dict[str, str]) -> None:
        kept = {**columns, SEEN_BY: "TEXT"} if table in TRANSACTION_COLUMNS else columns
        spec = ", ".join(f'"{name}" {kind}' for name, kind in kept.items())
        self.database.execute(f"CREATE TABLE {ROWS}{table} (place TEXT, {spec})")
        names = ", ".join(f'"{name}"' for name in columns)
        seen = f"role_sees('{PERMISSIONS.get(table, 'lists')}')"
        if table in TRANSACTION_COLUMNS:
            seen = f"role_sees({SEEN_BY})"
        where = "" if table == "dual" else f"WHERE {seen}"
        self.database.execute(
            f'CREATE VIEW "{table}" AS SELECT {names} FROM {ROWS}{table} {where}'  # noqa: S608
        )
        for name in ["place", *(_INDEXED & columns.keys())]:
            self.database.execute(
                f'CREATE INDEX "{table}_{name}" ON {ROWS}{table} ("{name}")'
            )

    def _catch_up(self) -> None:
        """Take over what changed in the store, as far as it is visible yet."""
        visible = self.switches.now() - timedelta(seconds=self.switches.query_lag)
        due = [place for place, at in self.store.changed.items() if at <= visible]
        for record_type, key in due:
            self._replace(record_type, key)
            del self.store.changed[record_type, key]

    def _replace(self, record_type: str, key: str) -> None:
        place = f"{record_type} {key}"
        if record_type == STOCK:
            for table in STOCK_TABLES:
                self._clear(table, place)
            for table, row in stock_rows(key, self.store, self.zone):
                self._insert(table, place, row)
            return
        for table in tables_of(record_type):
            self._clear(table, place)
        record = self.store.get(record_type, key)
        negative = self.switches.credits_are_negative
        rows = rows_of(record, self.zone, negative_credits=negative) if record else ()
        for table, row in rows:
            self._insert(table, place, row)

    def _clear(self, table: str, place: str) -> None:
        self.database.execute(f"DELETE FROM {ROWS}{table} WHERE place = ?", [place])  # noqa: S608

    def _insert(self, table: str, place: str, row: Row) -> None:
        names = ", ".join(f'"{name}"' for name in ("place", *row))
        marks = ", ".join("?" * (len(row) + 1))
        self.database.execute(
            f"INSERT INTO {ROWS}{table} ({names}) VALUES ({marks})",  # noqa: S608
            [place, *(None if value == "" else value for value in row.values())],
        )

    def _display(self, column: str, value: Any, code: str = "") -> str | None:
        """Answer BUILTIN.DF: the text that a person sees."""
        if value is None:
            return None
        if column == "status":
            kind = _TRANSACTION_WORDS[code]
            return f"{kind.label} : {kind.statuses.get(value, value)}"
        if column == "weightunit":
            return WEIGHT_UNITS.get(str(value))
        kinds = {"entity": "customer", "class": "classification"} | _SHIPPING
        target = self.store.target(_known(kinds.get(column, column)), str(value))
        return target.label if target else str(value)


def _known(name: str) -> tuple[str, ...]:
    return (name,) if name.lower() in {*COLUMNS, "customer", "item"} else ()


def _authorize(
    action: int, first: str | None, second: str | None, *place: str | None
) -> int:
    """Let queries read tables with known functions, and nothing else."""
    if action == sqlite3.SQLITE_SELECT:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION and second in ALLOWED:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_READ and not (first or "").startswith("sqlite_"):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _search_error(text: str) -> Refusal:
    for start, wording in (
        ("no such column: ", "Field '{}' not found."),
        ("no such table: ", "Record '{}' was not found."),
    ):
        if text.startswith(start):
            name = text.removeprefix(start).split(".")[-1]
            return refusals.search_error(wording.format(name))
    return refusals.search_error("Invalid or unsupported search")
