"""Does a delivery cost more when a million records wait behind it?"""

import statistics

from django.db.models import Max, Min

from benchmarks import delivery, ledger, meters, orders
from benchmarks.figures import Row, at_most, median_ratio
from benchmarks.plan import Inside, Plan, say
from benchmarks.stage import Stage, until

FIRST = 10_000_000
WARM = 50
FEW = 1_000
MANY = 1_000_000


def run(plan: Plan) -> list[Row]:
    many = MANY // 10 if plan.quick else MANY
    count = 300 if plan.quick else 1_000
    with plan.inside("few") as few, plan.inside("many") as lots:
        fill(few, FEW)
        fill(lots, many)
        found: list[list[float]] = [[], []]
        for number in range(plan.rounds(3)):
            for side, inside in enumerate((few, lots)):
                cost = inside.call("growth", "measure", waiting=FEW, count=count)
                found[side].append(cost)
            say(f"round {number + 1}: {found[0][-1] * 1000:.2f} ms with {FEW:,}, "
                f"{found[1][-1] * 1000:.2f} ms with {many:,}")  # fmt: skip
    return [
        Row(
            f"growth, {many:,} waiting",
            f"{statistics.median(found[1]) * 1000:.2f} ms",
            f"{statistics.median(found[0]) * 1000:.2f} ms",
            **at_most(1.2, median_ratio(found[1], found[0])),
            note=f"processor time of a delivery, beside {FEW:,} waiting.",
        )
    ]


def fill(inside: Inside, count: int) -> None:
    say(f"filling in {count:,} records")
    inside.call("growth", "stand_in_line", count=count)


def stand_in_line(count: int) -> None:
    """Enter waiting orders, all due, with small payloads so that a million fit."""
    ledger.allow(delivery.ALLOWANCE)
    mould = ledger.seed(orders.small())
    ledger.add_orders(mould, FIRST, count)
    ledger.tidy()


def measure(waiting: int, count: int) -> float:
    """Return seconds of processor for each of the next deliveries."""
    top_up(waiting + count + WARM)
    with Stage() as stage:
        stage.vendor()
        meter = meters.Meter(stage.workers())
        begun = ledger.delivered()
        until(lambda: ledger.delivered() >= begun + WARM, "the first orders", 60)
        before, first = meter.read(), ledger.delivered()
        until(lambda: ledger.delivered() >= first + count, "the others", 600, 0.2)
        after, last = meter.read(), ledger.delivered()
        meter.stop()
    return (sum(after) - sum(before)) / (last - first)


def top_up(waiting: int) -> None:
    """Have at least so many records wait."""
    from integrations.models import SyncRecord

    known = SyncRecord.objects.aggregate(first=Min("pk"), last=Max("pk"))
    present = SyncRecord.objects.filter(state="waiting").count()
    if present < waiting:
        ledger.add_orders(known["first"], FIRST + known["last"], waiting - present)
        ledger.tidy()
