"""The error queue: a million open lines and five million closed, beside ten thousand."""

import time
from dataclasses import dataclass, field, replace
from typing import Any

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
    "list": (
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
        "q=order:1",
        "q=order:12",
        "q=12",
        "tab=all&q=order:47",
        "q=order:77",
        "q=order:4711",
        "q=4711",
        "tab=all&q=order:4711",
        "q=sku:SKU-77",
        "q=customer:acme",
        "q=ERR-4711",
        "q=age:%3E4h+amount:%3E500",
        "q=cause:8",
        "q=field:shipMethod",
        "q=field:shipMethod+-tag:vip",
    ),
    "causes": ("",),
}
MOST = 3


@dataclass
class Book:
    """What was seen in one of the two books: seconds by page, and lines shown."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def note(self, told: dict[str, Any]) -> None:
        for page, seen in told.items():
            self.seconds.setdefault(page, []).extend(seen["seconds"])
            self.lines[page] = seen["lines"]

    def late(self, *pages: str) -> float:
        """Return the p95 over all visits of these pages, in milliseconds."""
        seconds = [one for page in pages for one in self.seconds[page]]
        return percentile(seconds, 0.95) * 1000


def run(plan: Plan) -> list[Row]:
    visits = 6 if plan.quick else 20
    many = plan.rows // CLOSED_EACH  # open lines; as many fives are closed
    short, long = Book(), Book()
    with plan.inside("queue_short") as small, plan.inside("queue_long") as large:
        fill_side(small, SHORT)
        fill_side(large, many)
        for _ in range(plan.rounds(3)):
            for book, inside in ((short, small), (long, large)):
                book.note(inside.call("queue", "visit", times=visits))
    size = (
        f"{many:,} open and {many * CLOSED_EACH:,} closed beside {SHORT:,} and "
        f"{SHORT * CLOSED_EACH:,}"
    )
    return [
        row
        for name, pages in groups(short, long).items()
        for row in rows_for(name, pages, short, long, size)
    ]


def groups(short: Book, long: Book) -> dict[str, list[str]]:
    """Return the pages by kind; searches apart by whether both books fill them alike.

    A prefix of order numbers that finds one line among sixty thousand finds a page of
    fifty among six million: that compares two lengths of a page, not of a book.
    """
    found = {}
    for name, views in PAGES.items():
        pages = [f"{name}?{view}" for view in views]
        alike = [page for page in pages if short.lines[page] == long.lines[page]]
        if name != "search":
            found[name] = pages
            continue
        found["search, as many lines in both books"] = alike
        found["search, more lines in the long book"] = [
            page for page in pages if page not in alike
        ]
    return {name: pages for name, pages in found.items() if pages}


def rows_for(
    name: str, pages: list[str], short: Book, long: Book, size: str
) -> list[Row]:
    """Judge a kind of page by all its visits, and by the address that grew most."""
    ratios = {page: long.late(page) / short.late(page) for page in pages}
    worst = max(pages, key=lambda page: ratios[page])
    each = ", ".join(
        f"{_view(page)} {ratios[page]:.2f} ({short.lines[page]} and "
        f"{long.lines[page]} lines)"
        for page in pages
    )
    whole = _row(f"error queue: {name}, p95", pages, short, long)
    alone = _row(f"error queue: {name}, worst address", [worst], short, long)
    return [
        replace(whole, note=f"all visits of {len(pages)} addresses; {size}."),
        replace(alone, note=f"{_view(worst)}; of each alone: {each}."),
    ]


def _row(name: str, pages: list[str], short: Book, long: Book) -> Row:
    late, bare = long.late(*pages), short.late(*pages)
    return Row(name, f"{late:.0f} ms", f"{bare:.0f} ms", **at_most(MOST, late / bare))


def _view(page: str) -> str:
    return page.partition("?")[2] or "plain"


def fill_side(inside: Inside, lines: int) -> None:
    say(f"filling in {lines * (1 + CLOSED_EACH):,} lines")
    began = time.monotonic()
    inside.call("queue", "fill", lines=lines)
    say(f"took {time.monotonic() - began:.0f} s")


def visit(times: int) -> dict[str, dict[str, Any]]:
    """Return the seconds of each visit and the lines shown, by page.

    The first visit of a page warms up, and tells how many lines it shows.
    """
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.urls import reverse

    person, _ = get_user_model().objects.get_or_create(
        username="bench", is_staff=True, is_superuser=True
    )
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(person)
    found: dict[str, dict[str, Any]] = {}
    for name, views in PAGES.items():
        model = "cause" if name == "causes" else "failedrecord"
        address = reverse(f"admin:errorqueue_{model}_changelist")
        for view in views:
            page = f"{address}?{view}"
            shown: Any = client.get(page)
            found[f"{name}?{view}"] = {
                "lines": len(shown.context_data["cl"].result_list),
                "seconds": times_of(client, page, times),
            }
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
    from errorqueue.models import Cause, FailedRecord, LineKey, Tag
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
    # A search that asks for a tag nobody knows is refused and shows nothing.
    Tag.objects.create(name="vip")
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
        "customer": "CASE WHEN id % 49 = 0 THEN 'acme' ELSE 'c' || (id % 90000) END",
        "field": "'shipmethod'",
    }
    with connection.cursor() as cursor:
        for name, value in keys.items():
            cursor.execute(
                "INSERT INTO errorqueue_linekey (line_id, name, value, is_open) "
                f"SELECT id, '{name}', {value}, status <> 'resolved' "
                "FROM errorqueue_failedrecord"
            )
