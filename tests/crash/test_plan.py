"""A seed says everything: the same one gives the same plan, byte for byte."""

from collections import Counter
from random import Random

from tests.crash.events import Stream
from tests.crash.plan import faults
from tests.crash.report import percentile
from tests.crash.shop import deliveries, moments


def test_the_same_seed_gives_the_same_events_and_another_seed_others() -> None:
    first = list(Stream(7, 300))
    assert first == list(Stream(7, 300))
    assert first != list(Stream(8, 300))


def test_versions_of_an_object_count_up_and_their_times_too() -> None:
    seen: dict[str, tuple[int, str]] = {}
    for event in Stream(7, 2000):
        version, moment = seen.get(event.source_id, (0, ""))
        assert event.version == version + 1
        assert event.updated_at > moment
        seen[event.source_id] = (event.version, event.updated_at)


def test_an_order_carries_its_customer_as_the_shop_knew_it_then() -> None:
    people: dict[str, int] = {}
    for event in Stream(7, 1000):
        if event.entity == "customer":
            people[event.source_id] = event.version
        if event.entity == "order":
            assert event.carries["version"] == people[event.carries["source_id"]]


def test_the_parts_of_an_order_make_its_total() -> None:
    for event in Stream(7, 500):
        if event.entity == "order":
            parts = [line["amount"] for line in event.expect["lines"]]
            parts += [event.expect["shipping"], event.expect["tax"]]
            cents = sum(int(part.replace(".", "")) for part in parts)
            assert cents == int(event.expect["total"].replace(".", ""))


def test_a_plan_has_as_many_faults_and_kills_as_asked_for() -> None:
    plan = faults(7, 400, 120, 300)
    assert plan == faults(7, 400, 120, 300)
    assert len(plan) == 400
    assert sum(fault.kind.startswith("kill") for fault in plan) == 120
    assert [fault.at for fault in plan] == sorted(fault.at for fault in plan)
    assert plan[-1].at <= 301


def test_every_kind_of_fault_is_in_a_short_storm() -> None:
    kinds = Counter(fault.kind for fault in faults(7, 400, 120, 300))
    assert {"kill supervisor", "db kill", "broker empty", "people click"} <= set(kinds)


def test_a_duplicate_keeps_its_id_and_a_replay_has_a_new_one() -> None:
    chance, event = Random(3), next(iter(Stream(7, 1)))
    found = [deliveries(event, 0.0, chance) for _ in range(400)]
    for group in found:
        ids = {one.delivery for _, one in group}
        replayed = any(one.oddity == "replay" for _, one in group)
        assert len(ids) == (2 if replayed else 1)
    oddities = Counter(one.oddity for group in found for _, one in group)
    assert set(oddities) == {"", "duplicate", "replay", "late"}


def test_a_tenth_of_all_events_come_in_floods() -> None:
    spread = Counter(moments(3000, 100.0, Random(3)))
    assert sum(times for times in spread.values() if times > 50) >= 290


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([], 0.99) == 0.0
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0
