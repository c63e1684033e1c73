"""The error queue: a million open lines and five million closed, beside ten thousand."""

import time

from benchmarks import ledger
from benchmarks.figures import Row, at_most, percentile
from benchmarks.lists import times_of
from benchmarks.plan import Inside, Plan, say

SHORT = 10_000
# Of the long queue, one line in so many is open; the short one is the same in small.
CLOSED_EACH = 5
CAUSES = 500
TABLES = ("errorqueue_failedrecord", "errorqueue_linekey")
# What people open: tabs, orders, searches by word and by qualifier, the causes.
PAGES = {
    "queue": (
        "",
        "tab=mine",
        "tab=unassigned",
        "tab=due",
        "tab=auto",
        "tab=unknown",
        "tab=blocked",
        "tab=resolved",
        "tab=all",
        "p=3",
    ),
    "orders": ("o=money", "o=age", "o=due"),
    "search": (
        "q=order:77",
        "q=order:4711",
        "q=sku:SKU-77",
        "q=customer:acme",
        "q=ERR-4711",
        "q=4711",
        "q=age:%3E4h+amount:%3E500",
        "q=cause:7",
        "q=field:shipMethod+-tag:vip",
        "tab=all&q=order:4711",
    ),
    "causes": ("",),
}
MOST = 3


def run(plan: Plan) -> list[Row]:
    visits = 6 if plan.quick else 20
    long = plan.rows // CLOSED_EACH  # open lines; as many fives are closed
    with plan.inside("queue_short") as short, plan.inside("queue_long") as lengthy:
        fill_side(short, SHORT)
        fill_side(lengthy, long)
        found: list[dict[str, list[float]]] = [{}, {}]
        for _ in range(plan.rounds(3)):
            for side, inside in enumerate((short, lengthy)):
                told = inside.call("queue", "visit", times=visits)
                for name, seconds in told.items():
                    found[side].setdefault(name, []).extend(seconds)
    return [_row(name, found, long) for name in PAGES]


def _row(name: str, found: list[dict[str, list[float]]], lines: int) -> Row:
    """Judge a kind of page by the one that grew most."""
    pages = [f"{name}?{view}" for view in PAGES[name]]
    late = [{page: percentile(side[page], 0.95) for page in pages} for side in found]
    ratios = {page: late[1][page] / late[0][page] for page in pages}
    worst = max(pages, key=lambda page: ratios[page])
    told = ", ".join(
        f"{page.partition('?')[2] or 'plain'} {ratios[page]:.2f}" for page in pages
    )
    return Row(
        f"error queue: {name}, p95",
        f"{late[1][worst] * 1000:.0f} ms",
        f"{late[0][worst] * 1000:.0f} ms",
        **at_most(MOST, ratios[worst]),
        note=f"{lines:,} open and {lines * CLOSED_EACH:,} closed beside {SHORT:,} and "
        f"{SHORT * CLOSED_EACH:,}; the worst of {told}.",
    )


def fill_side(inside: Inside, lines: int) -> None:
    say(f"filling in {lines * (1 + CLOSED_EACH):,} lines")
    began = time.monotonic()
    inside.call("queue", "fill", lines=lines)
    say(f"took {time.monotonic() - began:.0f} s")


def visit(times: int) -> dict[str, list[float]]:
    """Return the seconds of each visit, by page; the first one warms up."""
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.urls import reverse

    person, _ = get_user_model().objects.get_or_create(
        username="bench", is_staff=True, is_superuser=True
    )
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(person)
    found = {}
    for name, views in PAGES.items():
        model = "cause" if name == "causes" else "failedrecord"
        address = reverse(f"admin:errorqueue_{model}_changelist")
        for view in views:
            page = f"{address}?{view}"
            found[f"{name}?{view}"] = times_of(client, page, times)
    return found


def fill(lines: int) -> None:
    """Enter lines as a bad year leaves them: one in six is open."""
    from errorqueue import tally
    from errorqueue.models import FailedRecord

    mould = _mould()
    count = lines * (1 + CLOSED_EACH)
    with ledger.without_indexes(TABLES[0]):
        ledger.multiply(TABLES[0], mould, 1, count, **_columns())
    FailedRecord.objects.filter(pk=mould).delete()
    with ledger.without_indexes(TABLES[1]):
        _fill_keys()
    ledger.tidy()
    tally.refresh()
    ledger.tidy()


def _mould() -> int:
    """Enter one line by the product's own door, and the causes the others share."""
    from errorqueue import services
    from errorqueue.clock import database_time
    from errorqueue.failures import Failure, FailureKind, FieldProblem
    from errorqueue.models import Cause, FailedRecord, LineKey
    from integrations.models import SyncRecord

    record = SyncRecord.objects.select_related("flow").get(pk=ledger.seed())
    problem = FieldProblem(
        target="shipMethod",
        source="shipping_lines.0.title",
        value="DHL Express",
        rule="ship method 'DHL Express' is not known",
    )
    failure = Failure(
        FailureKind.MAPPING,
        what=f"– {problem.rule}",
        why="No row of the value table fits.",
        remedy="Add it to the value table.",
        problems=(problem,),
    )
    line = services.capture(record, record.labels(), failure)
    now = database_time()
    Cause.objects.bulk_create(
        Cause(
            fingerprint=f"bench-{number}",
            kind="mapping",
            text=f"cause {number}",
            first_seen_at=now,
            last_seen_at=now,
        )
        for number in range(CAUSES)
    )
    LineKey.objects.filter(line=line).delete()
    FailedRecord.objects.filter(pk=line.pk).update(assignee=None)
    return line.pk


def _columns() -> dict[str, str]:
    """Return the SQL of what differs from line to line; `i` counts them."""
    from errorqueue.models import Cause

    first = Cause.objects.filter(fingerprint="bench-0").values_list("pk")[0][0]
    moment = "statement_timestamp() - i * interval '5 seconds'"
    is_open = f"i % {1 + CLOSED_EACH} = 0"
    open_status = (
        "CASE WHEN i % 10 < 6 THEN 'failed' WHEN i % 10 < 8 THEN 'waiting' "
        "WHEN i % 100 = 98 THEN 'blocked' ELSE 'failed' END"
    )
    return {
        "object_id": "CAST(i AS VARCHAR(20))",
        "status": f"CASE WHEN {is_open} THEN {open_status} ELSE 'resolved' END",
        "cause_id": f"{first} + i % {CAUSES}",
        "fingerprint": f"'bench-' || (i % {CAUSES})",
        "reference": "'#' || CAST(i AS VARCHAR(20))",
        "amount": "(i % 2000) / 1.0",
        "first_failed_at": moment,
        "last_failed_at": moment,
        "touched_at": moment,
        "due_at": f"CASE WHEN i % 3 = 0 THEN {moment} + interval '4 hours' END",
        "is_unknown": "i % 1000 = 0",
        "settled_at": f"CASE WHEN {is_open} THEN NULL ELSE {moment} END",
    }


def _fill_keys() -> None:
    """Enter what each line is found by; a few of the dozen a real one has."""
    from django.db import connection

    keys = {
        "order": "ltrim(reference, '#')",
        "sku": "'sku-' || (id % 20000)",
        "customer": "CASE WHEN id % 50 = 0 THEN 'acme' ELSE 'c' || (id % 90000) END",
        "field": "'shipmethod'",
    }
    with connection.cursor() as cursor:
        for name, value in keys.items():
            cursor.execute(
                "INSERT INTO errorqueue_linekey (line_id, name, value) "
                f"SELECT id, '{name}', {value} FROM errorqueue_failedrecord"
            )
