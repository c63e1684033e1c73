"""The auditor sees each kind of fault in hand-made ledgers, and nothing in good ones."""

import pytest

from tests.crash.findings import (
    BROKEN_CHAIN,
    DUPLICATED,
    LEFT_OPEN,
    LOST,
    NO_DEADLINE,
    NO_INTENT,
    NO_LINE,
    OLD_MAPPING,
    OLD_TOKEN,
    OVER_LIMIT,
    STALE,
    STUCK,
    UNAUDITED,
    UNCOUNTED,
    UNEXPECTED,
    UNNAMED,
    WRONG,
)
from tests.crash.made import (
    NOW,
    ORDER,
    ORDER_EXPECT,
    PERSON,
    Made,
    external_id,
    good_world,
    order_content,
    person_content,
    person_expect,
)


@pytest.fixture
def made() -> Made:
    return good_world()


def kinds(made: Made) -> set[str]:
    return set(made.audit().counts)


def test_a_good_world_is_clean_and_summed_up(made: Made):
    found = made.audit()
    assert found.is_clean, found.text()
    assert found.sums["events"] == 3
    assert found.sums["delivered"] == 2
    assert found.sums["superseded"] == 1
    assert found.sums["acknowledged first time"] == 3


def test_an_acknowledged_event_without_a_row_is_lost(made: Made):
    made.queue.inbox.pop()
    assert kinds(made) == {LOST}


def test_an_event_that_was_read_and_left_no_line_is_lost(made: Made):
    made.send("c9", "customer", "7000000009", 1, person_expect(1))
    assert kinds(made) == {LOST}


def test_a_newer_version_that_never_came_in_is_lost(made: Made):
    made.send("c3", "customer", PERSON, 3, person_expect(3))
    assert kinds(made) == {LOST}


def test_delivered_by_its_own_word_only_is_lost(made: Made):
    made.effects.pop()
    assert kinds(made) == {LOST}


def test_what_was_never_acknowledged_may_be_absent(made: Made):
    made.send("c9", "customer", "7000000009", 1, person_expect(1), status=None)
    found = made.audit()
    assert found.is_clean
    assert found.sums["never acknowledged"] == 1


def test_an_unread_delivery_is_pending_and_after_a_while_stuck(made: Made):
    line = made.send("c9", "customer", "7000000009", 1, person_expect(1), status=None)
    made.keep("c9", line["digest"], "received")["received_at"] = NOW - 5
    assert made.audit().is_clean
    made.queue.inbox[-1]["received_at"] = NOW - 500
    assert kinds(made) == {STUCK}


def test_other_bytes_in_the_inbox_are_wrong_content(made: Made):
    made.queue.inbox[0]["body_digest"] = "other"
    assert kinds(made) == {WRONG}


def test_two_orders_for_one_source_are_doubled(made: Made):
    made.effect("salesOrder", "1002", "by-chance-1", order_content())
    assert {DUPLICATED, UNEXPECTED} <= kinds(made)


def test_an_order_that_is_written_again_is_doubled(made: Made):
    given = external_id("order", ORDER)
    made.effect("salesOrder", "1001", given, order_content(), "updated")
    made.attempt(2, 1, given, outcome="unknown")
    assert kinds(made) == {DUPLICATED}


def test_the_same_content_settled_twice_is_doubled(made: Made):
    made.queue.records[0]["token"] = 2
    made.attempt(1, 2, external_id("customer", PERSON))
    made.change(1, "running", "delivered", 2)
    assert kinds(made) == {DUPLICATED}


def test_a_target_without_a_source_is_unexpected(made: Made):
    content = {**person_content(1), "email": "eve@example.com"}
    made.effect("customer", "102", external_id("customer", "666"), content)
    assert UNEXPECTED in kinds(made)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("memo", "something else"),
        ("otherRefNum", "#1"),
        ("email", "eve@example.com"),
        ("total", "537.75"),
        ("shippingCost", "0"),
        ("entity", {"id": "999"}),
        ("item", {"items": []}),
    ],
)
def test_f43_other_content_than_the_source_says_is_wrong(
    made: Made, name: str, value: object
):
    made.effects[-1]["content"][name] = value
    assert WRONG in kinds(made)


def test_an_older_version_over_a_newer_one_is_stale(made: Made):
    person = external_id("customer", PERSON)
    made.effect("customer", "101", person, person_content(1), "updated")
    assert kinds(made) == {STALE}


def test_older_over_newer_in_passing_is_counted_only(made: Made):
    person = external_id("customer", PERSON)
    made.effect("customer", "101", person, person_content(1), "updated")
    made.effect("customer", "101", person, person_content(2), "updated")
    found = made.audit()
    assert found.is_clean
    assert found.figures["older over newer, in passing"] == 1


def test_an_older_version_called_the_newest_is_wrong(made: Made):
    del made.effects[3]
    assert kinds(made) == {WRONG}


def test_an_event_that_should_fail_and_is_delivered_is_found(made: Made):
    made.events[2]["fate"] = "error"
    assert {WRONG, UNEXPECTED} <= kinds(made)


def test_a_write_before_its_intent_is_found(made: Made):
    made.queue.attempts[1]["started_at"] = NOW
    assert kinds(made) == {NO_INTENT}


def test_an_intent_without_a_digest_is_found(made: Made):
    made.queue.attempts[1]["digest"] = ""
    assert kinds(made) == {NO_INTENT}


def test_an_id_that_is_no_function_of_its_source_is_found(made: Made):
    made.queue.attempts[1]["external_id"] = "8f14e45f"
    assert UNNAMED in kinds(made)


def test_f09_a_lower_token_after_a_higher_one_is_found(made: Made):
    made.queue.records[0]["token"] = 3
    made.change(1, "waiting", "running", 3)
    made.change(1, "running", "delivered", 2)
    assert OLD_TOKEN in kinds(made)


def test_a_change_without_an_audit_row_is_found(made: Made):
    made.queue.audits.pop()
    assert kinds(made) == {UNAUDITED}


def test_f66_a_try_by_a_mapping_of_yesterday_is_found(made: Made):
    newer = {"id": 2, "document_id": 1, "number": 2, "published_at": NOW - 90}
    made.queue.versions.append(newer)
    assert kinds(made) == {OLD_MAPPING}


@pytest.mark.parametrize("changes", [{"previous": "other"}, {"held": 3}])
def test_a_seal_out_of_its_chain_is_found(made: Made, changes: dict[str, object]):
    first = {"id": 1, "previous": "", "digest": "a", "entries": 4, "held": 4}
    second = {"id": 2, "previous": "a", "digest": "b", "entries": 4, "held": 4}
    made.queue.seals += [first, {**second, **changes}]
    assert kinds(made) == {BROKEN_CHAIN}


def test_too_many_tries_are_found(made: Made):
    made.queue.records[0]["crashes"] = 9
    assert kinds(made) == {OVER_LIMIT}


def test_f03_work_that_was_not_counted_is_found(made: Made):
    line = made.queue.records[0]
    line |= {"state": "running", "crashes": 0, "lease_until": NOW + 5}
    assert kinds(made) == {UNCOUNTED}


def test_a_hold_without_an_end_is_found(made: Made):
    line = made.queue.records[1]
    line |= {"state": "held", "hold": "record", "hold_reason": "waits for Ada"}
    made.change(2, "running", "held", 1)
    assert kinds(made) == {NO_DEADLINE}


def test_f70_a_hold_on_what_was_delivered_is_stuck(made: Made):
    line = made.queue.records[1]
    line |= {"state": "held", "hold": "record", "hold_reason": "waits for Ada"}
    line |= {"held_on_id": 1, "hold_until": NOW + 500}
    made.change(2, "running", "held", 1)
    assert kinds(made) == {STUCK}


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "waiting", "due_at": NOW - 60},
        {"state": "running", "crashes": 1, "lease_until": NOW - 60},
        {"state": "held", "hold": "connection", "hold_reason": "NetSuite: refused"},
    ],
)
def test_f15_what_is_due_and_not_taken_is_stuck(made: Made, changes: dict[str, object]):
    made.queue.records[1] |= changes
    made.change(2, "running", str(changes["state"]), 1)
    assert kinds(made) == {STUCK}


def test_failed_without_a_line_in_the_error_queue_is_found(made: Made):
    made.queue.records[1]["state"] = "failed"
    made.change(2, "running", "failed", 1)
    assert kinds(made) == {NO_LINE}


def test_a_line_left_open_after_the_delivery_is_found(made: Made):
    line = {"model": "syncrecord", "object_id": "2", "status": "failed"}
    made.queue.failures.append({**line, "kind": "data", "what": "", "why": ""})
    assert kinds(made) == {LEFT_OPEN}


def test_a_failed_record_with_its_line_stands_in_the_error_queue(made: Made):
    made.send("o2", "order", "5000000008", 1, ORDER_EXPECT, fate="error")
    made.record("order", "5000000008", ORDER_EXPECT, "failed")
    line = {"model": "syncrecord", "object_id": "3", "status": "failed"}
    made.queue.failures.append({**line, "kind": "data", "what": "", "why": ""})
    found = made.audit()
    assert found.is_clean, found.text()
    assert found.sums["error queue"] == 1
