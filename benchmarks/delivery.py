"""Processor time of one delivery, end to end, beside one POST, insert and update."""

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import requests

from benchmarks import bare, crew, ledger, meters, orders
from benchmarks.figures import Row, at_most, median_ratio
from benchmarks.plan import Plan, say
from benchmarks.stage import Stage, until

ALLOWANCE = 5
PATH = "/services/rest/record/v1/salesOrder"
LATER = "'2099-01-01 00:00:00'"


def run(plan: Plan) -> list[Row]:
    with plan.inside("delivery") as inside:
        found = inside.call(
            "delivery",
            "measure",
            rounds=plan.rounds(),
            count=400 if plan.quick else 2_000,
        )
    ratio = median_ratio(found["product"], found["bare"])
    database, fresh = (statistics.median(found[n]) for n in ("database", "fresh"))
    goal = {"ratio": ratio} if plan.is_sqlite else at_most(6, ratio)
    return [
        Row(
            "delivery, processor time",
            f"{statistics.median(found['product']) * 1000:.2f} ms",
            f"{statistics.median(found['bare']) * 1000:.2f} ms",
            **goal,
            note=f"of it database {database * 1000:.2f} ms; "
            f"{statistics.median(found['rate']):.0f} deliveries/s over {ALLOWANCE} "
            "slots; bare with a kept line to the vendor and two commits, "
            f"{fresh * 1000:.2f} ms with a new line for each POST.",
        )
    ]


def measure(rounds: int, count: int) -> dict[str, list[float]]:
    """Return seconds of processor for each delivery, product and bare."""
    names = ("product", "database", "rate", "bare", "fresh")
    found: dict[str, list[float]] = {name: [] for name in names}
    ledger.allow(ALLOWANCE)
    mould = ledger.seed()
    make_bare_tables()
    with Stage() as stage:
        vendor = stage.vendor()
        meter = meters.Meter(stage.workers())
        done = ledger.warm_up(mould, stage)
        for number in range(rounds):
            ledger.add_orders(mould, 10_000 * (number + 1), count, due=LATER)
            ledger.tidy()
            one = deliver(meter, done, count)
            done += count
            for name, value in one.items():
                found[name].append(value)
            for name, keeps_line in (("bare", True), ("fresh", False)):
                (loop,) = crew.together(call, [(vendor.url, count, keeps_line)])
                found[name].append(loop.details / count)
            say(f"round {number + 1}: {one['product'] * 1000:.2f} ms, "
                f"bare {found['bare'][-1] * 1000:.2f} ms")  # fmt: skip
        meter.stop()
    return found


def deliver(meter: meters.Meter, done: int, count: int) -> dict[str, float]:
    """Make the waiting orders due; return the cost of each until all have gone."""
    from integrations.models import SyncRecord
    from integrations.models.bell import ring_connection

    waiting = SyncRecord.objects.filter(state="waiting", due_at__year=2099)
    target = waiting.values_list("target_connection", flat=True)[0]
    before, began = meter.read(), time.monotonic()
    make_due()
    ring_connection(target)
    until(lambda: ledger.delivered() >= done + count, f"{count} deliveries", 600, 0.2)
    seconds = time.monotonic() - began
    after = meter.read()
    worker, database = (after[side] - before[side] for side in (0, 1))
    return {
        "product": (worker + database) / count,
        "database": database / count,
        "rate": count / seconds,
    }


def make_due() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE integrations_syncrecord SET due_at = {ledger.now()} "
            f"WHERE state = 'waiting' AND due_at = {LATER}"
        )


def make_bare_tables() -> None:
    line = bare.connect()
    line.execute("CREATE TABLE bare_attempt (id BIGINT PRIMARY KEY, payload TEXT)")
    line.execute("CREATE TABLE bare_record (id BIGINT PRIMARY KEY, target TEXT)")
    line.execute("INSERT INTO bare_record VALUES (1, '')")
    line.commit()
    line.close()


def call(ready: Callable[[], None], argument: tuple[str, int, bool]) -> crew.Finish:
    """POST, insert, update, again and again; details are seconds of processor."""
    url, count, keeps_line = argument
    line = bare.connect()
    session = requests.Session()
    session.trust_env = False
    payload = json.dumps(json.loads(orders.of_size(3500)))
    first = time.monotonic_ns()

    def one(number: int) -> None:
        line.execute("INSERT INTO bare_attempt VALUES (%s, %s)", (number, payload))
        line.commit()
        post = session.post if keeps_line else requests.post
        answer = post(url + PATH, data=payload, headers=_headers(), timeout=30)
        target = answer.headers["Location"].rpartition("/")[2]
        line.execute("UPDATE bare_record SET target = %s WHERE id = 1", (target,))
        line.commit()

    for number in range(20):
        one(first + number)
    ready()
    began, spent = time.monotonic(), _spent(line)
    for number in range(20, 20 + count):
        one(first + number)
    details = _spent(line) - spent
    line.close()
    return crew.Finish(count, began, time.monotonic(), details)


def _headers() -> dict[str, str]:
    return {"Content-Type": "application/json", "Authorization": "Bearer stub"}


def _spent(line: Any) -> float:
    """Return seconds of processor of this process and of its database line."""
    backend = getattr(getattr(line, "info", None), "backend_pid", 0)
    return time.process_time() + (meters.of_backend(backend) if backend else 0.0)
