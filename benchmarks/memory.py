"""Memory of a worker group that fills 16 slots, beside 16 plain queue workers."""

import statistics
import sys
import time

from benchmarks import ledger, meters
from benchmarks.blocking import queue_calls
from benchmarks.figures import Row, at_most
from benchmarks.plan import Plan
from benchmarks.stage import Stage, Vendor, until

SLOTS = 16
LATENCY = 1.0
BLOCKED = 60.0


def run(plan: Plan) -> list[Row]:
    seconds = 5.0 if plan.quick else 20.0
    with plan.inside("memory") as inside:
        ours = inside.call("memory", "product", seconds=seconds)
    with plan.inside("memory_plain") as inside:
        plain = inside.call("memory", "plain", seconds=seconds)
    return [
        Row(
            f"memory, {SLOTS} calls in flight",
            f"{ours['mb']:.0f} MB",
            f"{plain['mb']:.0f} MB",
            **at_most(0.6, ours["mb"] / plain["mb"]),
            note=f"PSS of {ours['processes']} processes, beside a plain cluster of "
            f"{SLOTS} workers ({plain['processes']} processes), each in one blocking "
            "call.",
        )
    ]


def product(seconds: float) -> dict[str, float]:
    """Return the size of one worker group while all slots are in flight."""
    ledger.allow(SLOTS)
    mould = ledger.seed()
    with Stage() as stage:
        vendor = stage.vendor()
        roots = stage.workers()
        ledger.warm_up(mould, stage)
        vendor.set(latency=LATENCY, allowance=SLOTS)
        ledger.add_orders(mould, 1000, int(SLOTS / LATENCY * (seconds + 60)))
        fill(vendor)
        return settled(roots, seconds)


def plain(seconds: float) -> dict[str, float]:
    """Return the size of a django-q2 cluster as it comes, one call in each worker."""
    with Stage() as stage:
        vendor = stage.vendor(latency=BLOCKED, allowance=SLOTS)
        queue_calls(vendor.url, SLOTS)
        command = [sys.executable, "manage.py", "qcluster"]
        cluster = stage.start("plain", command, WAYBILL_WORKERS=str(SLOTS)).process
        fill(vendor)
        return settled([cluster.pid] if cluster else [], min(seconds, BLOCKED / 3))


def fill(vendor: Vendor) -> None:
    until(lambda: vendor.told()["in_flight"] == SLOTS, f"{SLOTS} calls in flight", 60)


def settled(roots: list[int], seconds: float) -> dict[str, float]:
    """Return the median of the MB that the processes use, and how many they are."""
    readings, members = [], []
    for _ in range(5):
        time.sleep(seconds / 5)
        members = meters.tree(roots)
        readings.append(meters.proportional_set(members))
    return {"mb": statistics.median(readings), "processes": len(members)}
