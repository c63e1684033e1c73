"""500 orders in two minutes against five slots of 0.8 s."""

import heapq
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from benchmarks import ledger, orders
from benchmarks.figures import Row, at_most
from benchmarks.plan import Plan
from benchmarks.stage import Stage, until

SLOTS = 5
CALL = 0.8


def run(plan: Plan) -> list[Row]:
    count, minutes = (60, 0.25) if plan.quick else (500, 2.0)
    rows, refused = [], 0
    for who in ("known", "new"):
        with plan.inside(f"flash_{who}") as inside:
            found = inside.call(
                "flash_sale",
                "measure",
                count=count,
                seconds=minutes * 60,
                new_customers=who == "new",
            )
        rows.append(_row(who, found, count))
        refused += found["refused"]
    return [*rows, Row("flash sale, refused", str(refused), "0", **at_most(0, refused))]


def _row(who: str, found: dict[str, Any], count: int) -> Row:
    floor = fastest(found["sent"], found["requests"] / count)
    plain = count * CALL / SLOTS
    return Row(
        f"flash sale, {who} customers",
        f"{found['drained']:.1f} s",
        f"{floor:.1f} s",
        **at_most(1.1, found["drained"] / floor),
        note=f"{found['requests']} requests for {count} orders, the last one sent "
        f"after {found['sent'][-1]:.0f} s; bare: the least that {SLOTS} slots need for "
        f"these requests from when they come. {count} x {CALL} s / {SLOTS} = "
        f"{plain:.0f} s would be the least had all come at once, one request each "
        f"({found['drained'] / plain:.2f} x).",
    )


def fastest(sent: list[float], requests_each: float) -> float:
    """Return when perfect slots would be done with orders that come at these moments."""
    free = [0.0] * SLOTS
    done = 0.0
    for moment in sent:
        begins = max(moment, heapq.heappop(free))
        done = max(done, begins + requests_each * CALL)
        heapq.heappush(free, begins + requests_each * CALL)
    return done


def measure(count: int, seconds: float, new_customers: bool) -> dict[str, Any]:
    """Send the orders evenly; return when each left and when the last was delivered."""
    ledger.allow(SLOTS)
    mould = ledger.seed()
    with Stage() as stage:
        vendor = stage.vendor()
        hook = stage.web()
        stage.workers()
        done = ledger.warm_up(mould, stage)
        vendor.set(latency=CALL, allowance=SLOTS)
        began = time.monotonic()
        sent, refused = send_all(hook, count, seconds, new_customers)
        until(lambda: ledger.delivered() >= done + count - refused, "the sale", 900)
        return {
            "drained": time.monotonic() - began,
            "sent": sent,
            "refused": refused,
            "requests": vendor.told()["requests"],
        }


def send_all(
    hook: str, count: int, seconds: float, new_customers: bool
) -> tuple[list[float], int]:
    """Send one order every so often; return when each left, and how many were refused."""
    began = time.monotonic()
    moments = [number * seconds / count for number in range(count)]

    def send(number: int) -> bool:
        time.sleep(max(0.0, began + moments[number] - time.monotonic()))
        text = orders.body(60_000 + number, new_customer=new_customers)
        answer = requests.post(
            hook, data=text, headers=orders.headers(text), timeout=30
        )
        return answer.ok

    with ThreadPoolExecutor(4) as threads:
        accepted = list(threads.map(send, range(count)))
    return moments, accepted.count(False)
