"""How long an idle product takes from a webhook to its request at the vendor."""

import random
import statistics
import time

import requests

from benchmarks import ledger, orders
from benchmarks.figures import Row, at_most, percentile
from benchmarks.plan import Plan
from benchmarks.stage import Stage, until


def run(plan: Plan) -> list[Row]:
    with plan.inside("latency") as inside:
        found = inside.call("latency", "measure", count=15 if plan.quick else 60)
    seconds, poll = found["seconds"], found["poll"]
    late = percentile(seconds, 0.95)
    return [
        Row(
            "idle latency, p95",
            f"{late * 1000:.0f} ms",
            f"{poll * 1000:.0f} ms",
            **at_most(2, late / poll),
            note=f"webhook accepted until its request leaves, {len(seconds)} one at a "
            f"time, p50 {statistics.median(seconds) * 1000:.0f} ms; beside the "
            "queue's poll interval.",
        )
    ]


def measure(count: int) -> dict[str, object]:
    """Send orders one by one with pauses; return seconds to each one's request."""
    from django.conf import settings

    mould = ledger.seed()
    with Stage() as stage:
        vendor = stage.vendor()
        hook = stage.web()
        stage.workers()
        ledger.warm_up(mould, stage)
        seconds = []
        with requests.Session() as session:
            for number in range(count):
                time.sleep(random.uniform(0.7, 1.5))
                vendor.set()
                accepted = send(session, hook, 50_000 + number)
                until(lambda: bool(vendor.told()["requests"]), "its request", 30, 0.05)
                seconds.append(vendor.arrivals()[0] - accepted)
    return {"seconds": seconds, "poll": settings.Q_CLUSTER["poll"]}


def send(session: requests.Session, hook: str, number: int) -> float:
    """Send one order of the known customer; return when it was accepted."""
    text = orders.body(number)
    answer = session.post(hook, data=text, headers=orders.headers(text), timeout=30)
    answer.raise_for_status()
    return time.monotonic()
