"""The statements of every delivery, written once for both databases.

The ORM builds its SQL anew for each call, which costs more processor time than the
statement itself. What runs for each record is therefore written out here; PostgreSQL
keeps it prepared.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from django.db import connection
from psycopg import Cursor

from errorqueue.clock import database_time
from integrations.models.cluster import MAY_WRITE, generation

# A claim (its token) that still stands, of a process that may write.
MINE = f"id = %(record)s AND state = 'running' AND token = %(claim)s AND ({MAY_WRITE})"
# The row is locked meanwhile, so numbers are given out one by one.
INTEND = """
INSERT INTO integrations_attempt (
    record_id, number, token, version, mapping_id, external_id, digest, payload,
    worker, started_at, outcome, kind, message, exchanges
)
SELECT mine.id, 1 + COALESCE(
        (SELECT max(number) FROM integrations_attempt WHERE record_id = mine.id), 0),
    %(claim)s, %(version)s, %(mapping)s, %(external_id)s, %(digest)s, %(payload)s,
    %(worker)s, {now}, 'open', '', '', '[]'
FROM (SELECT id FROM integrations_syncrecord WHERE {mine} {lock}) mine
RETURNING id, number
"""
CLOSE = """
UPDATE integrations_attempt SET outcome = %(outcome)s, message = %(message)s,
    kind = %(kind)s, exchanges = %(exchanges)s, milliseconds = %(milliseconds)s
WHERE id = %(attempt)s
"""
NOTE = """
INSERT INTO integrations_auditentry (
    at, subject, subject_id, verb, before, after, token, version, worker, by_id, detail
)
VALUES ({now}, 'record', %(record)s, %(verb)s, %(before)s, %(after)s, %(token)s,
    %(version)s, %(worker)s, %(by)s, %(detail)s)
"""
LINK = """
INSERT INTO integrations_link (
    source_connection_id, source_entity, source_id, target_connection_id,
    target_record, target_id, external_id, made_at
)
VALUES (%(source)s, %(entity)s, %(source_id)s, %(target)s, %(record_type)s,
    %(target_id)s, %(external_id)s, {now})
ON CONFLICT (
    source_connection_id, source_entity, source_id, target_connection_id, target_record
) DO UPDATE SET target_id = excluded.target_id, external_id = excluded.external_id,
    made_at = excluded.made_at
"""
LANDED = """
SELECT target_connection_id, target_id, external_id FROM integrations_syncrecord
WHERE flow_id = %(flow)s AND source_key = %(source_key)s AND target_id <> ''
"""
AWAITED = """
SELECT DISTINCT target_connection_id FROM integrations_syncrecord
WHERE held_on_id = %(record)s AND state = 'held'
"""


@cache
def settling(columns: tuple[str, ...], stamped: tuple[str, ...], same: str) -> str:
    """Return the statement by which a running record leaves its state.

    `stamped` are the columns that get the time of the database.
    """
    sets = [f"{name} = %({name})s" for name in columns]
    sets += [f"{name} = {{now}}" for name in stamped]
    return (
        f"UPDATE integrations_syncrecord SET {', '.join(sets)} "  # noqa: S608
        f"WHERE {{mine}} {same}"
    )


class Step(NamedTuple):
    """One statement with its values."""

    statement: str
    values: Mapping[str, Any]


class Done(NamedTuple):
    """How many rows a step touched, and those it answered with."""

    touched: int
    rows: list[tuple[Any, ...]]


def run(*steps: Step) -> list[Done]:
    """Run statements one after the other; PostgreSQL is waited for once.

    Each sees what others committed until it began, as if it had been sent alone.
    """
    ready = [
        (_text(step.statement, connection.vendor), {**step.values, **surroundings()})
        for step in steps
    ]
    return _at_once(ready) if connection.vendor == "postgresql" else _singly(ready)


def read(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run one statement and return its rows."""
    return run(Step(statement, values))[0].rows


def write(statement: str, values: Mapping[str, Any]) -> int:
    """Run one statement and return how many rows it touched."""
    return run(Step(statement, values))[0].touched


def _at_once(ready: list[tuple[str, dict[str, Any]]]) -> list[Done]:
    connection.validate_no_broken_transaction()
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    line = connection.connection
    with connection.wrap_database_errors:
        cursors = [Cursor(line) for _ in ready]
        with line.pipeline():
            for cursor, (text, values) in zip(cursors, ready, strict=True):
                cursor.execute(text, values, prepare=True, binary=True)
        return [_done(cursor) for cursor in cursors]


def _singly(ready: list[tuple[str, dict[str, Any]]]) -> list[Done]:
    found = []
    for text, values in ready:
        with connection.cursor() as cursor:
            cursor.execute(text, {name: _plain(one) for name, one in values.items()})
            found.append(_done(cursor))
    return found


def _done(cursor: Any) -> Done:
    return Done(cursor.rowcount, cursor.fetchall() if cursor.description else [])


def surroundings() -> dict[str, Any]:
    """Return the values that every statement may name."""
    values: dict[str, Any] = {"generation": generation()}
    if connection.vendor != "postgresql":
        values["now"] = database_time()
    return values


@cache
def _text(statement: str, vendor: str) -> str:
    is_postgresql = vendor == "postgresql"
    return statement.format(
        mine=MINE,
        now="clock_timestamp()" if is_postgresql else "%(now)s",
        lock="FOR UPDATE" if is_postgresql else "",
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value
