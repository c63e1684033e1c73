"""How well the slots of an account are used: calls of 300 ms, two worker groups."""

import math
import os
import time
from typing import Any

from benchmarks import ledger
from benchmarks.figures import Row, at_least, at_most
from benchmarks.plan import Plan, say
from benchmarks.stage import Stage, Vendor, until

LATENCY = 0.3
GROUPS = 2
ALLOWANCES = (5, 15, 55)
SETTLE = 5.0
# What one worker process fills at most, as it comes; one process of each group is left
# for reading, polls and alerts.
SEATS = 16
LEAST_WORKERS = 2


def workers_for(allowance: int, groups: int = GROUPS) -> int:
    """Return how many worker processes each group needs to fill an allowance."""
    drains = math.ceil(allowance / SEATS)
    return max(LEAST_WORKERS, math.ceil(drains / groups) + 1)


def run(plan: Plan) -> list[Row]:
    window = 8.0 if plan.quick else 40.0
    rows, most_over = [], 0
    for allowance in ALLOWANCES:
        with plan.inside(f"slots_{allowance}") as inside:
            found = inside.call("slots", "measure", allowance=allowance, window=window)
        rows.append(_row(found, allowance))
        most_over = max(most_over, found["over"])
        say(f"N = {allowance}: busy {rows[-1].ratio:.3f}, over {found['over']}")
    over = at_most(0, most_over)
    return [*rows, Row("slots, requests over N", str(most_over), "0", **over)]


def _row(found: dict[str, Any], allowance: int) -> Row:
    rate = found["requests"] / found["seconds"]
    return Row(
        f"slots, N = {allowance}",
        f"{rate:.1f} calls/s",
        f"{allowance / LATENCY:.1f} calls/s",
        **at_least(0.95, found["busy"] / (allowance * found["seconds"])),
        note=f"share of {allowance} slots in flight over {found['seconds']:.0f} s, "
        f"at most {found['most']} at once; {GROUPS} groups of "
        f"{workers_for(allowance)} workers; stub vendor.",
    )


def measure(allowance: int, window: float) -> dict[str, Any]:
    """Keep the lane full and return what the vendor saw in the steady part."""
    ledger.allow(allowance)
    mould = ledger.seed()
    enough = int(allowance / LATENCY * (window + SETTLE + 15))
    with Stage() as stage:
        vendor = stage.vendor()
        os.environ["WAYBILL_WORKERS"] = str(workers_for(allowance))
        stage.workers(GROUPS)
        ledger.warm_up(mould, stage)
        vendor.set(latency=LATENCY, allowance=allowance)
        ledger.add_orders(mould, 1000, enough)
        until(lambda: vendor.told()["requests"] > allowance, "the lane to fill", 60)
        time.sleep(SETTLE)
        return _watch(vendor, window)


def _watch(vendor: Vendor, window: float) -> dict[str, Any]:
    before = vendor.told()
    time.sleep(window)
    after = vendor.told()
    ledger.delivered()
    return {
        "seconds": after["at"] - before["at"],
        "busy": after["busy"] - before["busy"],
        "requests": after["requests"] - before["requests"],
        "most": after["most_in_flight"],
        "over": after["over"],
    }
