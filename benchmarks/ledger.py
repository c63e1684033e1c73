"""Fills the ledger without the product's help, and asks it how far it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from django.db import connection

from benchmarks import orders
from benchmarks.stage import Stage, until
from integrations.models import Connection, Flow, SyncRecord
from integrations.models.account import keyless_of

FAR = datetime(2100, 1, 1, tzinfo=UTC)
WARM_UP = 10


def seed(body: bytes = b"") -> int:
    """Enter one order that is due in 2100; return its id, the mould of the others."""
    Flow.objects.filter(slug="netsuite-inventory").update(is_enabled=False)
    flow = Flow.objects.select_related("source", "target").get(slug=orders.FLOW)
    found = keyless_of(flow.source).read_webhook(
        "orders/create", body or orders.sample()
    )
    record, _ = SyncRecord.objects.remember(flow, found)
    SyncRecord.objects.filter(pk=record.pk).update(due_at=FAR)
    return record.pk


def allow(allowance: int) -> None:
    """Set how many requests NetSuite takes at once."""
    Connection.objects.filter(slug="netsuite").update(allowance=allowance)


def multiply(table: str, pk: int, first: int, count: int, **columns: str) -> None:
    """Insert copies of a row; `columns` are SQL, where `i` runs from `first` on."""
    with connection.cursor() as cursor:
        listed = connection.introspection.get_table_description(cursor, table)
        names = [column.name for column in listed if column.name != "id"]
        chosen = ", ".join(columns.get(name, f"m.{name}") for name in names)
        last = first + count - 1
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(names)}) {series(first, last)} "
            f"SELECT {chosen} FROM {table} m, n WHERE m.id = {pk}"
        )


def series(first: int, last: int) -> str:
    """Return a common table `n` whose column `i` counts."""
    if connection.vendor == "postgresql":
        return f"WITH n AS (SELECT generate_series({first}, {last}) AS i)"
    step = f"SELECT i + 1 FROM n WHERE i < {last}"
    return f"WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL {step})"


def add_orders(
    mould: int, first: int, count: int, due: str = "", **columns: str
) -> None:
    """Enter waiting orders, due now unless `due` (SQL) says otherwise."""
    chosen = {
        "source_key": "CAST(5700000000000 + i AS VARCHAR(20))",
        "label": "'#' || CAST(i AS VARCHAR(20))",
        "due_at": due or now(),
    }
    multiply("integrations_syncrecord", mould, first, count, **chosen, **columns)


def now() -> str:
    is_postgresql = connection.vendor == "postgresql"
    return "statement_timestamp()" if is_postgresql else "datetime('now')"


def delivered() -> int:
    """Return how many orders stand at the target; stops the bench when one failed."""
    ours = SyncRecord.objects.filter(flow__slug=orders.FLOW)
    if ours.filter(state=SyncRecord.State.FAILED).exists():
        raise RuntimeError("orders failed; the figure would mean nothing")
    return ours.filter(state=SyncRecord.State.DELIVERED).count()


def warm_up(mould: int, stage: Stage) -> int:
    """Have the customer and a few orders delivered; return how many orders."""
    before = delivered()
    add_orders(mould, 1 + before, WARM_UP)
    goal = before + WARM_UP
    until(lambda: stage.check() and delivered() >= goal, "the first orders", 60)
    return goal


def tidy() -> None:
    """Leave no cleaning for the database to do in mid-measurement."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


@contextmanager
def without_indexes(table: str) -> Iterator[None]:
    """Drop what slows a fill of millions down, and put it back afterwards."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET maintenance_work_mem = '1GB'")
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND "
            "indexname NOT IN (SELECT conname FROM pg_constraint)",
            [table],
        )
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        yield
        for _, definition in indexes:
            cursor.execute(definition)
        cursor.execute("RESET ALL")
