"""F55: a source of 10,000 orders of which 1,000 never came, made whole.

Both vendors are the simulators, asked over HTTP with their own limits (2,000 points,
100 a second, as a standard shop has); worker processes compare, fetch, read and
deliver. The orders that are known are in the ledger from the beginning.
"""

import os
import random
import time
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from benchmarks import ledger, orders
from benchmarks.figures import Row, at_most
from benchmarks.plan import Plan, say
from benchmarks.stage import Stage, until
from integrations.simulators.netsuite import NetSuiteSimulator
from integrations.simulators.shopify import ShopifySimulator

# reliability.md asks for repair within half an hour.
GOAL = 1800.0
FIRST = 100_000
FIRST_KEY = 7_000_000_000


def run(plan: Plan) -> list[Row]:
    count, lost = (600, 60) if plan.quick else (10_000, 1_000)
    with plan.inside("gaps") as inside:
        found = inside.call("gaps", "measure", count=count, lost=lost)
    is_whole = (found["found"], found["delivered"], found["twice"]) == (lost, lost, 0)
    goal = at_most(1, found["seconds"] / GOAL)
    return [
        Row(
            f"{lost:,} of {count:,} orders never sent",
            f"{found['found']:,} found, {found['delivered']:,} delivered, "
            f"{found['seconds']:.0f} s",
            f"{GOAL:.0f} s",
            **{**goal, "met": bool(goal["met"]) and is_whole},
            note=f"all found after {found['listed']:.0f} s; {found['asked']:,} requests "
            f"to the shop, {found['sent']:,} to NetSuite, {found['twice']} orders twice; "
            f"certificate: {found['certificate']}. Bare: half an hour.",
        )
    ]


def measure(count: int, lost: int) -> dict[str, Any]:
    """Plant the gaps, have the day compared, wait until each stands at the target."""
    netsuite, shopify = vendors()
    flow, day = prepare()
    wanted = plant(shopify, flow, day, count, lost)
    with Stage() as stage:
        stage.workers()
        began = time.monotonic()
        check = ask(flow, day)
        until(lambda: stage.check() and is_past_listing(check), "the list", 900)
        listed = time.monotonic() - began
        say(f"listed after {listed:.0f} s")
        until(lambda: stage.check() and is_done(check, lost), "the orders", 2 * GOAL, 1)
        seconds = time.monotonic() - began
    return {"listed": listed, "seconds": seconds, **told(netsuite, shopify, wanted)}


def vendors() -> tuple[NetSuiteSimulator, ShopifySimulator]:
    """Serve both simulators from this process, where gaps can be planted."""
    from integrations.management.commands.simulators import serve
    from integrations.management.demo.stage import set_stage

    netsuite = NetSuiteSimulator(account_id="123456_SB1")
    shopify = ShopifySimulator(shop=orders.SHOP)
    set_stage(netsuite, shopify, os.environ, "http://127.0.0.1:9/hooks/shopify/")
    for simulator, name in ((netsuite, "NETSUITE"), (shopify, "SHOPIFY")):
        serve(simulator, int(urlsplit(os.environ[f"DEMO_{name}_URL"]).port or 0))
    return netsuite, shopify


def prepare() -> tuple[Any, Any]:
    """Return the flow of orders, listening for a month, and the day to compare."""
    from errorqueue.clock import database_time
    from integrations.models import Flow, FlowRhythm
    from integrations.sync.completeness import days
    from integrations.sync.rhythm.counting import rhythm_of

    Flow.objects.exclude(slug__in=(orders.FLOW, "shopify-customers")).update(
        is_enabled=False
    )
    now = database_time()
    for flow in Flow.objects.all():
        rhythm_of(flow)
    since = now - timedelta(days=30)
    FlowRhythm.objects.update(since=since, audited_at=now, swept_until=now)
    flow = Flow.objects.select_related("source", "target").get(slug=orders.FLOW)
    return flow, days.today(now) - days.ONE_DAY


def plant(
    shopify: ShopifySimulator, flow: Any, day: Any, count: int, lost: int
) -> set[str]:
    """Fill the shop's day, and the ledger with all but so many; return their keys."""
    from integrations.sync.completeness import days

    start = days.bounds(day)[0] + timedelta(hours=1)
    step = timedelta(hours=22) / count
    shopify.webhooks.lose_next(10 * count)
    missing = set(random.Random("gaps").sample(range(count), lost))
    template = shopify.new_order(FIRST - 1, created_at=start)
    wanted, known = set(), []
    for number in range(count):
        at = (start + number * step).replace(microsecond=0)
        if number in missing:
            wanted.add(place(shopify, number, at))
        else:
            known.append((stand(shopify, template, number, at), at))
    enter(flow, known)
    return wanted


def place(shopify: ShopifySimulator, number: int, at: datetime) -> str:
    """Take an order whose webhooks are lost; return its key."""
    made = shopify.new_order(
        FIRST + number,
        lines=[(*orders.PRODUCT, 1)],
        created_at=at,
        email="ada@example.com",
    )
    return str(shopify.place_order(made)["id"])


def stand(shopify: ShopifySimulator, template: Any, number: int, at: datetime) -> str:
    """Put a light copy of an order among the shop's; return its key."""
    key = str(FIRST_KEY + number)
    told = dict.fromkeys(("created_at", "updated_at"), shopify.shop_time(at))
    gid = f"gid://shopify/Order/{key}"
    named = {"id": int(key), "admin_graphql_api_id": gid, "name": f"#{number}"}
    shopify.store.orders[key] = {**template, **told, **named}
    return key


def enter(flow: Any, known: list[tuple[str, datetime]]) -> None:
    """Have the ledger know these as delivered."""
    from integrations.models import SyncRecord

    SyncRecord.objects.bulk_create(
        (
            SyncRecord(
                flow=flow,
                target_connection=flow.target,
                source_key=key,
                source={},
                changed_at=at,
                due_at=at,
                delivered_at=at,
                delivered_version=1,
                state=SyncRecord.State.DELIVERED,
            )
            for key, at in known
        ),
        batch_size=1000,
    )
    ledger.tidy()


def ask(flow: Any, day: Any) -> int:
    """Have the day compared, as the button does; return the check of the orders."""
    from integrations.sync.completeness import asking

    sweep = asking.ask_days(day, day, None)
    return int(sweep.checks.get(flow=flow).pk)


def is_past_listing(check: int) -> bool:
    from integrations.models import GapCheck

    return not GapCheck.objects.filter(pk=check, phase="listing").exists()


def is_done(check: int, lost: int) -> bool:
    """Say whether the check has ended and every order stands at the target."""
    from integrations.models import GapCheck

    one = GapCheck.objects.get(pk=check)
    if one.phase == GapCheck.Phase.FAILED:
        raise RuntimeError(one.problem)
    found = one.gaps.filter(kind="missing").values_list("source_key", flat=True)
    return not one.is_open and delivered(set(found)) >= lost


def delivered(keys: set[str]) -> int:
    from integrations.models import SyncRecord

    mine = SyncRecord.objects.filter(flow__slug=orders.FLOW, source_key__in=keys)
    return mine.filter(state=SyncRecord.State.DELIVERED).count()


def told(
    netsuite: NetSuiteSimulator, shopify: ShopifySimulator, wanted: set[str]
) -> dict[str, Any]:
    """Compare what was planted with what was found and what stands at NetSuite."""
    from integrations.models import Certificate, Gap

    gaps = Gap.objects.filter(flow__slug=orders.FLOW, kind=Gap.Kind.MISSING)
    found = set(gaps.values_list("source_key", flat=True))
    made = Certificate.objects.filter(flow_slug=orders.FLOW).latest("pk")
    numbers = [one.get("otherRefNum") for one in netsuite.orders.values()]
    return {
        "found": len(found & wanted),
        "delivered": delivered(wanted),
        "twice": len(numbers) - len(set(numbers)),
        "asked": len(shopify.journal),
        "sent": len(netsuite.journal),
        "certificate": f"{made.source_count:,} listed, {made.delivered:,} delivered, "
        f"{made.waiting:,} waiting, {made.missing:,} missing, found {made.found:,}, "
        f"fetched {made.fetched:,}",
    }
