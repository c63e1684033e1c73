"""Several statements as one message to PostgreSQL, and hence as one transaction.

Whoever is killed leaves all of them behind or none; locks are kept for the length of
one commit. (A long body leaves in several pieces: a process frozen between two keeps
its delivery's key until it wakes or dies.) The server keeps each statement prepared and is waited for
once; a body travels as the bytes it is. What runs for each delivery goes this way:
with text made anew, a delivery of 5 kB cost the server and us more than twice as much.
"""

import re
from collections.abc import Generator, Mapping, Sequence
from functools import lru_cache, partial
from hashlib import sha256
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from django.db import connection
from psycopg import Connection, OperationalError
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

Value = str | int | bytes
_NAMED = re.compile(r"%\((\w+)\)s")
_GOOD = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)
# The state that PostgreSQL names when a prepared statement is not known (any more).
FORGOTTEN = b"26000"
# What each line to the database keeps prepared.
_known: WeakKeyDictionary[Connection[Any], set[bytes]] = WeakKeyDictionary()


class Part(NamedTuple):
    """One statement with the values that it names; text is free of NUL."""

    statement: str
    values: Mapping[str, Value]


class _Prepared(NamedTuple):
    name: bytes
    text: bytes
    wanted: tuple[str, ...]


def send(*parts: Part) -> list[int]:
    """Run statements one after the other; return how many rows each touched.

    Each sees what others had committed when it began. Outside a transaction they are
    one of their own, which has committed when this returns.
    """
    connection.validate_no_broken_transaction()
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    with connection.wrap_database_errors:
        results = _exchange(connection.connection, parts)
        return [result.command_tuples or 0 for result in results]


def _exchange(line: Connection[Any], parts: Sequence[Part]) -> list[PGresult]:
    """Send the parts, prepared where a loss of what was prepared can be mended.

    psycopg throws away what a line has prepared after a rollback. Outside a
    transaction nothing was done then and all is sent again; inside one that would be
    too late, so there each statement is sent with its text.
    """
    if not _stands_alone(line):
        return _checked(_sent(line, parts, is_prepared=False))
    results = _sent(line, parts, is_prepared=True)
    if any(_is_forgotten(result) for result in results):
        _known.pop(line, None)
        results = _sent(line, parts, is_prepared=True)
    return _checked(results)


def _stands_alone(line: Connection[Any]) -> bool:
    is_idle = line.info.transaction_status == TransactionStatus.IDLE
    if is_idle and not line.autocommit:
        line.execute("SELECT")  # psycopg says BEGIN with its own first statement only
    return is_idle and line.autocommit


def _sent(
    line: Connection[Any], parts: Sequence[Part], *, is_prepared: bool
) -> list[PGresult]:
    make = partial(_prepared, line) if is_prepared else _numbered
    ready = [(make(part.statement), part.values) for part in parts]
    try:
        return line.wait(_talk(line.pgconn, ready, is_prepared=is_prepared))
    except BaseException:
        line.close()  # nobody knows what is still on its way
        raise


def _is_forgotten(result: PGresult) -> bool:
    return result.error_field(DiagnosticField.SQLSTATE) == FORGOTTEN


def _checked(results: list[PGresult]) -> list[PGresult]:
    for result in results:
        _raise_for(result)
    return results


def _talk(
    wire: PGconn,
    ready: Sequence[tuple[_Prepared, Mapping[str, Value]]],
    *,
    is_prepared: bool,
) -> Generator[Wait, Ready | int, list[PGresult]]:
    """Send all with one commit at the end, and collect what comes back."""
    wire.enter_pipeline_mode()
    for prepared, values in ready:
        told = [values[name] for name in prepared.wanted]
        formats = [isinstance(value, bytes) for value in told]
        texts = list(map(_bytes, told))
        if is_prepared:
            wire.send_query_prepared(prepared.name, texts, formats)
        else:
            wire.send_query_params(prepared.text, texts, param_formats=formats)
    wire.pipeline_sync()
    while wire.flush():
        if (yield Wait.RW) & Ready.R:
            wire.consume_input()
    results = yield from _results(wire)
    wire.exit_pipeline_mode()
    return results


def _results(wire: PGconn) -> Generator[Wait, Ready | int, list[PGresult]]:
    found: list[PGresult] = []
    while True:
        while wire.is_busy():
            yield Wait.R
            wire.consume_input()
        result = wire.get_result()
        if result is None and wire.status != ConnStatus.OK:
            raise OperationalError("the line to the database broke")
        if result and result.status == ExecStatus.PIPELINE_SYNC:
            return found
        if result:
            found.append(result)


def _bytes(value: Value) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _prepared(line: Connection[Any], statement: str) -> _Prepared:
    prepared = _numbered(statement)
    known = _known.setdefault(line, set())
    if prepared.name not in known:
        _raise_for(line.pgconn.prepare(prepared.name, prepared.text))
        known.add(prepared.name)
    return prepared


@lru_cache(maxsize=64)
def _numbered(statement: str) -> _Prepared:
    """Write `$1` for the first name and so on, as the server wants it."""
    wanted = tuple(dict.fromkeys(_NAMED.findall(statement)))
    text = _NAMED.sub(lambda match: f"${wanted.index(match[1]) + 1}", statement)
    name = f"waybill_{sha256(text.encode()).hexdigest()[:16]}"
    return _Prepared(name.encode(), text.encode(), wanted)


def _raise_for(result: PGresult) -> None:
    if result.status not in _GOOD:
        raise error_from_result(result, "utf-8")
