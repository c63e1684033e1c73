"""A claim in one statement, for databases that can lock while they pick.

It does what `ClaimingQuerySet` does step by step elsewhere: a drain that claims
twenty records waits for the database once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models.base import ModelState

from integrations.models import statements

if TYPE_CHECKING:
    from integrations.models.record import SyncRecord

# With so many deaths to its charge a record runs with no other beside it. One is
# mostly the machine's doing, and a crew in single file would hold up a whole outage.
ALONE_FROM = 2

# `statement_timestamp()` is the same in the whole statement, so an index may use it.
CLAIM = """
WITH picked AS MATERIALIZED (
    SELECT * FROM (
        SELECT waiting.id, waiting.due_at, flow.lane = 'bulk' AS is_bulk, flow.priority,
               row_number() OVER (
                   PARTITION BY flow.lane = 'bulk'
                   ORDER BY flow.priority, waiting.due_at, waiting.id
               ) AS place
        FROM integrations_flow flow
        JOIN integrations_connection target ON target.id = flow.target_id
        CROSS JOIN LATERAL (
            SELECT id, due_at FROM integrations_syncrecord
            WHERE state = 'waiting' AND flow_id = flow.id
              AND due_at <= statement_timestamp()
              AND (flow.held_at IS NULL OR hold = 'probe')
            ORDER BY due_at, id
            LIMIT {limit:d}
            FOR UPDATE SKIP LOCKED
        ) waiting
        WHERE flow.target_id = %(target)s AND flow.is_enabled
          AND (flow.held_at IS NULL OR flow.hold_kind = 'breaker')
          AND target.state = 'ready' AND target.probe_at IS NULL
          AND (target.limited_until IS NULL
              OR target.limited_until <= statement_timestamp())
          AND (target.window_until IS NULL
              OR target.window_until <= statement_timestamp())
          AND ({may_write})
    ) able
    WHERE NOT is_bulk OR place <= {bulk:d}
    ORDER BY is_bulk, priority, due_at, id
    LIMIT {limit:d}
)
UPDATE integrations_syncrecord record SET
    state = 'running',
    token = record.token + 1,
    claimed_version = record.version,
    crashes = record.crashes + (record.crashes < {alone:d})::int,
    worker = CASE WHEN record.crashes < {alone:d} THEN %(worker)s ELSE '' END,
    lease_until = statement_timestamp()
        + CASE WHEN record.crashes < {alone:d} THEN %(lease)s ELSE interval '0' END
FROM picked WHERE record.id = picked.id
RETURNING picked.is_bulk, picked.priority, {columns}
"""


def can_claim_at_once() -> bool:
    return statements.can_join()


def claim_at_once(
    model: type["SyncRecord"],
    target: int,
    worker: str,
    limit: int,
    lease: timedelta,
    bulk: int,
) -> list["SyncRecord"]:
    """Claim what goes next and return it in that order.

    Records that were charged with two deaths are laid aside in the same statement and left
    out of the answer. Outside a transaction the statement is one of its own.
    """
    values = {"target": target, "worker": worker, "lease": lease}
    mould = _mould(model)
    rows = statements.read(_statement(mould.columns, limit, bulk), values)
    return _in_order(mould, rows, worker)


@cache
def _statement(columns: str, limit: int, bulk: int) -> str:
    return CLAIM.format(
        columns=columns,
        limit=limit,
        bulk=bulk,
        alone=ALONE_FROM,
        may_write=statements.MAY_WRITE,
    )


@dataclass(frozen=True)
class _Mould:
    """How a row becomes a record: all columns, and the places of those to convert."""

    model: type["SyncRecord"]
    columns: str
    names: tuple[str, ...]
    converters: tuple[tuple[int, Callable[..., Any]], ...]

    def cast(self, row: Sequence[Any]) -> "SyncRecord":
        """Return what `Model.from_db` would, for a tenth of its price.

        The columns are all of the model's own, so that nothing is left to `__init__`.
        """
        record = self.model.__new__(self.model)
        kept = record.__dict__
        kept.update(zip(self.names, row, strict=True))
        for place, convert in self.converters:
            name = self.names[place]
            kept[name] = convert(kept[name], None, connection)
        record._state = ModelState()
        record._state.adding, record._state.db = False, connection.alias
        return record


@cache
def _mould(model: type["SyncRecord"]) -> _Mould:
    fields = model._meta.concrete_fields
    return _Mould(
        model,
        ", ".join(f'record."{field.column}"' for field in fields),
        tuple(field.attname for field in fields),
        tuple(
            (place, field.from_db_value)
            for place, field in enumerate(fields)
            if hasattr(field, "from_db_value")
        ),
    )


def _in_order(
    mould: _Mould, rows: list[tuple[Any, ...]], worker: str
) -> list["SyncRecord"]:
    found = []
    for is_bulk, priority, *row in rows:
        record = mould.cast(row)
        if record.worker == worker:
            found.append((is_bulk, priority, record.due_at, record.pk, record))
    return [record for *_, record in sorted(found, key=itemgetter(0, 1, 2, 3))]
