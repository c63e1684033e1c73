"""The long lists of the console: 5,000,000 rows beside 10,000."""

import time
from typing import Any

from benchmarks import ledger
from benchmarks.figures import Row, at_most, percentile
from benchmarks.plan import Inside, Plan, say

SHORT = 10_000
LISTS = {
    "sync records": ("integrations", "syncrecord"),
    "attempts": ("integrations", "attempt"),
    "inbox": ("integrations", "inboxevent"),
}
# What people open: the first page, the next one, a state that most rows have, one
# that few have.
VIEWS = {
    "sync records": ("", "p=2", "state__exact=delivered", "state__exact=failed"),
    "attempts": (
        "",
        "p=2",
        "outcome__exact=delivered",
        "outcome__exact=unknown",
        "kind=temporary",
    ),
    "inbox": ("", "p=2", "state__exact=processed", "state__exact=quarantined"),
}
SEARCH = "q=%239001"


def run(plan: Plan) -> list[Row]:
    visits = 8 if plan.quick else 30
    with plan.inside("short") as short, plan.inside("long") as lengthy:
        fill(short, SHORT)
        fill(lengthy, plan.rows)
        found: list[dict[str, list[float]]] = [{}, {}]
        for _ in range(plan.rounds(3)):
            for side, inside in enumerate((short, lengthy)):
                for name, seconds in inside.call(
                    "lists", "visit", times=visits
                ).items():
                    found[side].setdefault(name, []).extend(seconds)
    ratios = {page: _late(found[1][page]) / _late(found[0][page]) for page in found[0]}
    rows = [_row(name, ratios, found, plan.rows) for name in LISTS]
    search = f"sync records?{SEARCH}"
    columns = _both(found, search)
    return [*rows, Row("search of records, p95", *columns, ratio=ratios[search])]


def _row(
    name: str,
    ratios: dict[str, float],
    found: list[dict[str, list[float]]],
    rows: int,
) -> Row:
    """Judge a list by the view that grew most."""
    pages = [f"{name}?{view}" for view in VIEWS[name]]
    worst = max(pages, key=lambda page: ratios[page])
    told = ", ".join(
        f"{page.partition('?')[2] or 'plain'} {ratios[page]:.2f}" for page in pages
    )
    return Row(
        f"list of {name}, p95",
        *_both(found, worst),
        **at_most(2, ratios[worst]),
        note=f"{rows:,} rows beside {SHORT:,}; the worst of {told}.",
    )


def _both(found: list[dict[str, list[float]]], page: str) -> tuple[str, str]:
    short, long = (f"{_late(side[page]) * 1000:.0f} ms" for side in found)
    return long, short


def _late(seconds: list[float]) -> float:
    return percentile(seconds, 0.95)


def fill(inside: Inside, count: int) -> None:
    for name in LISTS:
        say(f"filling in {count:,} rows of {name}")
        began = time.monotonic()
        inside.call("lists", f"fill_{LISTS[name][1]}", count=count)
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
    for name, (app, model) in LISTS.items():
        address = reverse(f"admin:{app}_{model}_changelist")
        searched = [SEARCH] if name == "sync records" else []
        for view in (*VIEWS[name], *searched):
            found[f"{name}?{view}"] = times_of(client, f"{address}?{view}", times)
    return found


def times_of(client: Any, page: str, times: int) -> list[float]:
    seconds = []
    for _ in range(times + 1):
        began = time.perf_counter()
        answer = client.get(page)
        answer.content  # noqa: B018 (rendered by now)
        seconds.append(time.perf_counter() - began)
        if answer.status_code != 200:
            raise RuntimeError(f"{page} answered {answer.status_code}")
    return seconds[1:]


def fill_syncrecord(count: int) -> None:
    """Enter records as a busy year leaves them: nearly all delivered."""
    mould = ledger.seed()
    with ledger.without_indexes("integrations_syncrecord"):
        ledger.multiply(
            "integrations_syncrecord",
            mould,
            1,
            count,
            source="'{}'",
            source_key="CAST(5700000000000 + i AS VARCHAR(20))",
            label="'#' || CAST(i AS VARCHAR(20))",
            state=f"CASE WHEN i % {_rare(count)} = 0 THEN 'failed' ELSE 'delivered' END",
            target_id="CAST(i AS VARCHAR(20))",
            due_at=_moment(),
            changed_at=_moment(),
            delivered_at=_moment(),
        )
    ledger.tidy()


def fill_attempt(count: int) -> None:
    """Enter one attempt for each record."""
    from django.db import connection

    from integrations.models import Attempt, SyncRecord

    record = SyncRecord.objects.order_by("pk").first()
    mould = Attempt.objects.create(
        record=record, number=9999, token=1, version=1, started_at=record.due_at
    )
    with ledger.without_indexes("integrations_attempt"), connection.cursor() as cursor:
        names = [f.column for f in Attempt._meta.concrete_fields if f.column != "id"]
        rare = f"r.id % {_rare(count)} = 0"
        columns = {
            "record_id": "r.id",
            "number": "1",
            "started_at": "r.due_at",
            "milliseconds": "300",
            "message": "'written, id 1'",
            "outcome": f"CASE WHEN {rare} THEN 'unknown' ELSE 'delivered' END",
            "kind": f"CASE WHEN {rare} THEN 'temporary' ELSE '' END",
        }
        chosen = ", ".join(columns.get(name, f"m.{name}") for name in names)
        cursor.execute(
            f"INSERT INTO integrations_attempt ({', '.join(names)}) SELECT {chosen} "
            "FROM integrations_attempt m, integrations_syncrecord r "
            f"WHERE m.id = {mould.pk} ORDER BY r.id LIMIT {count}"
        )
    ledger.tidy()


def fill_inboxevent(count: int) -> None:
    """Enter deliveries, nearly all of them read."""
    from integrations.models import Connection, InboxEvent

    mould = InboxEvent.objects.create(
        connection=Connection.objects.get(slug="shopify"),
        delivery_id="mould",
        topic="orders/create",
        event_id="mould",
        body=b"{}",
        digest="0" * 64,
        received_at=ledger.FAR,
    )
    with ledger.without_indexes("integrations_inboxevent"):
        ledger.multiply(
            "integrations_inboxevent",
            mould.pk,
            1,
            count,
            delivery_id="'delivery-' || CAST(i AS VARCHAR(20))",
            received_at=_moment(),
            processed_at=_moment(),
            state=f"CASE WHEN i % {_rare(count)} = 0 THEN 'quarantined' "
            "ELSE 'processed' END",
        )
    mould.delete()
    ledger.tidy()


def _rare(count: int) -> int:
    """Return the distance of rows in the rare state: a hundred in lists of any length."""
    return max(count // 100, 1)


def _moment() -> str:
    return "statement_timestamp() - i * interval '6 seconds'"
