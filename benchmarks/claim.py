"""Claims of due records in batches of 20, beside a bare SKIP LOCKED loop."""

import statistics
from collections.abc import Callable
from datetime import timedelta

from benchmarks import bare, crew, ledger
from benchmarks.figures import Row, at_least, median_ratio
from benchmarks.plan import Plan, say

BATCH = 20
CLAIMERS = 4
LEASE = timedelta(seconds=60)
# The least a worker needs: nobody else's, due, marked as taken, and read.
PICK = (
    "WITH picked AS (SELECT id FROM integrations_syncrecord "
    "WHERE state = 'waiting' AND due_at <= statement_timestamp() AND flow_id = %s "
    f"ORDER BY due_at, id LIMIT {BATCH} FOR UPDATE SKIP LOCKED) "
    "UPDATE integrations_syncrecord r SET state = 'running', token = token + 1, "
    "crashes = crashes + 1, claimed_version = version, worker = 'bare', "
    "lease_until = statement_timestamp() + interval '60 seconds' "
    "FROM picked WHERE r.id = picked.id RETURNING "
)


def run(plan: Plan) -> list[Row]:
    with plan.inside("claim") as inside:
        found = inside.call(
            "claim",
            "measure",
            rounds=plan.rounds(),
            count=4_000 if plan.quick else 20_000,
        )
    whole = median_ratio(found["product"], found["bare"])
    return [
        Row(
            "claims/s",
            f"{statistics.median(found['product']):.0f}",
            f"{statistics.median(found['bare']):.0f}",
            **at_least(0.80, whole),
            note=f"{CLAIMERS} processes, batches of {BATCH}, rows with an order of "
            "8 kB each; both sides return the whole row. A bare loop that returns "
            f"ids only: {statistics.median(found['ids']):.0f}/s.",
        )
    ]


def measure(rounds: int, count: int) -> dict[str, list[float]]:
    """Return claims a second: the product's, bare with rows, bare with ids."""
    mould = ledger.seed()
    found: dict[str, list[float]] = {"product": [], "bare": [], "ids": []}
    members = {"product": claim, "bare": claim_bare, "ids": claim_ids}
    for number in range(rounds):
        for name, member in members.items():
            refill(mould, count)
            finishes = crew.together(member, [None] * CLAIMERS)
            check(sum(one.count for one in finishes), count)
            found[name].append(crew.rate(finishes))
        say(f"round {number + 1}: " + ", ".join(
            f"{name} {rates[-1]:.0f}/s" for name, rates in found.items()))  # fmt: skip
    return found


def check(claimed: int, count: int) -> None:
    if claimed != count:
        raise RuntimeError(f"{claimed} of {count} records were claimed")


def refill(mould: int, count: int) -> None:
    """Let every round begin with the same table, without dead rows."""
    from integrations.models import SyncRecord

    SyncRecord.objects.exclude(pk=mould).delete()
    ledger.add_orders(mould, 1, count)
    ledger.tidy()


def claim(ready: Callable[[], None], _: None) -> crew.Finish:
    """Claim as a drain does until nothing is due."""
    from integrations.models import Connection, SyncRecord

    target = Connection.objects.get(slug="netsuite")

    def work() -> int:
        count = 0
        while claimed := SyncRecord.objects.claim(target, "bench", BATCH, LEASE):
            count += len(claimed)
        return count

    return crew.timed(ready, work)


def claim_bare(ready: Callable[[], None], _: None) -> crew.Finish:
    return _loop(ready, f"{PICK} r.*")


def claim_ids(ready: Callable[[], None], _: None) -> crew.Finish:
    return _loop(ready, f"{PICK} r.id")


def _loop(ready: Callable[[], None], statement: str) -> crew.Finish:
    line = bare.connect()
    found = line.execute(
        "SELECT id FROM integrations_flow WHERE slug = 'shopify-orders'"
    )
    flow = found.fetchone()
    line.commit()

    def work() -> int:
        count = 0
        while rows := line.execute(statement, flow).fetchall():
            line.commit()
            count += len(rows)
        return count

    try:
        return crew.timed(ready, work)
    finally:
        line.close()
