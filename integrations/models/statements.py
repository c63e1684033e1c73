"""The statements of every delivery, written once for both databases.

The ORM builds its SQL anew for each call, which costs more processor time than the
statement itself. What runs for each record is therefore written out here; PostgreSQL
keeps it prepared.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connection, connections
from psycopg import Cursor
from psycopg.pq import TransactionStatus

from errorqueue.clock import database_time
from integrations.models.cluster import MAY_WRITE, generation

_NAMED = re.compile(r"%\((\w+)\)s")
IDLE = TransactionStatus.IDLE
# A claim (its token) that still stands, of a process that may write.
MINE = f"id = %(record)s AND state = 'running' AND token = %(claim)s AND ({MAY_WRITE})"
# The row is locked meanwhile, so numbers are given out one by one.
INTEND = """
INSERT INTO integrations_attempt (
    record_id, number, token, version, mapping_id, external_id, digest, payload,
    worker, started_at, outcome, kind, message, exchanges, credentials
)
SELECT mine.id, 1 + COALESCE(
        (SELECT max(number) FROM integrations_attempt WHERE record_id = mine.id), 0),
    %(claim)s, %(version)s, %(mapping)s, %(external_id)s, %(digest)s, %(payload)s,
    %(worker)s, {now}, 'open', '', '', '[]', %(credentials)s
FROM (SELECT id FROM integrations_syncrecord WHERE {mine} {lock}) mine
RETURNING id, number
"""
CLOSE = """
UPDATE integrations_attempt SET outcome = %(outcome)s, message = %(message)s,
    kind = %(kind)s, exchanges = %(exchanges)s, milliseconds = %(milliseconds)s,
    waited_ms = %(waited_ms)s
WHERE id = %(attempt)s
"""
NOTE = """
INSERT INTO integrations_auditentry (
    at, subject, subject_id, verb, before, after, token, version, worker, by_id, detail
)
SELECT {now}, 'record', %(record)s, %(verb)s, %(before)s, %(after)s, %(token)s,
    %(version)s, %(worker)s, %(by)s, %(detail)s
{given}
"""
LINK = """
INSERT INTO integrations_link (
    source_connection_id, source_entity, source_id, target_connection_id,
    target_record, target_id, external_id, made_at
)
SELECT %(source)s, %(entity)s, %(source_id)s, %(target)s, %(record_type)s,
    %(target_id)s, %(external_id)s, {now}
{given}
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
    base = connections[DEFAULT_DB_ALIAS]
    around = surroundings()
    ready = [
        (_text(step.statement, base.vendor), {**step.values, **around})
        for step in steps
    ]
    return _at_once(base, ready) if can_join() else _singly(base, ready)


def read(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run one statement and return its rows."""
    return run(Step(statement, values))[0].rows


def settle(leaving: Step, first: Sequence[Step], then: Sequence[Step]) -> bool:
    """Run `first`, then `leaving`; go on with `then` if it touched a row, and say so.

    In PostgreSQL all of it is one statement.
    """
    if can_join() and (first or then):
        return bool(run(_joined(first, leaving, then))[0].rows[0][0])
    touched = run(*first, leaving)[-1].touched
    if touched and then:
        run(*then)
    return bool(touched)


def can_join() -> bool:
    """Say whether the database takes several changes in one statement."""
    return connections[DEFAULT_DB_ALIAS].vendor == "postgresql"


def _joined(first: Sequence[Step], leaving: Step, then: Sequence[Step]) -> Step:
    steps = (*first, leaving, *then)
    statement = _joined_text(tuple(step.statement for step in steps), len(first))
    around = surroundings()
    values = {
        f"{name}_{place}": value
        for place, step in enumerate(steps)
        for name, value in (*step.values.items(), *around.items())
    }
    return Step(statement, values)


@cache
def _joined_text(texts: tuple[str, ...], leaving: int) -> str:
    """Write statements as one; those behind number `leaving` need the row it gives."""
    parts = []
    for place, text in enumerate(texts):
        needs = "FROM settled" if place > leaving else "WHERE true"
        part = _NAMED.sub(rf"%(\1_{place})s", _text(text, "postgresql", needs))
        parts.append(
            f"settled AS ({part} RETURNING id)"
            if place == leaving
            else f"part_{place} AS ({part})"
        )
    return f"WITH {', '.join(parts)} SELECT count(*) FROM settled"  # noqa: S608


def _at_once(base: Any, ready: list[tuple[str, dict[str, Any]]]) -> list[Done]:
    base.validate_no_broken_transaction()
    base.close_if_health_check_failed()
    base.ensure_connection()
    line = base.connection
    with base.wrap_database_errors:
        cursors = [Cursor(line) for _ in ready]
        with _one_message(line, len(ready)):
            for cursor, (text, values) in zip(cursors, ready, strict=True):
                cursor.execute(text, values, prepare=True, binary=True)
        return [_done(cursor, _has_rows(cursor)) for cursor in cursors]


def _has_rows(cursor: Cursor[Any]) -> bool:
    """Say what `description` does, which costs more than a row of so many columns."""
    return cursor.pgresult is not None and cursor.pgresult.nfields > 0


def _one_message(line: Any, count: int) -> AbstractContextManager[Any]:
    """Join what is to be sent; a lone statement that begins nothing goes as it is."""
    begins = not line.autocommit and line.pgconn.transaction_status == IDLE
    return line.pipeline() if begins or count > 1 else nullcontext()


def _singly(base: Any, ready: list[tuple[str, dict[str, Any]]]) -> list[Done]:
    found = []
    for text, values in ready:
        with base.cursor() as cursor:
            cursor.execute(text, {name: _plain(one) for name, one in values.items()})
            found.append(_done(cursor, cursor.description is not None))
    return found


def _done(cursor: Any, has_rows: bool) -> Done:
    return Done(cursor.rowcount, cursor.fetchall() if has_rows else [])


def surroundings() -> dict[str, Any]:
    """Return the values that every statement may name."""
    values: dict[str, Any] = {"generation": generation()}
    if not can_join():
        values["now"] = database_time()
    return values


@cache
def _text(statement: str, vendor: str, given: str = "WHERE true") -> str:
    is_postgresql = vendor == "postgresql"
    return statement.format(
        mine=MINE,
        now="clock_timestamp()" if is_postgresql else "%(now)s",
        lock="FOR UPDATE" if is_postgresql else "",
        given=given,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value
