"""A back-fill end to end: looked at, started, brought over, linked, never doubled."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import User

from errorqueue.clock import database_time
from errorqueue.models import FailedRecord
from integrations.models import (
    Attempt,
    AuditEntry,
    Backfill,
    BackfillItem,
    Connection,
    Link,
    SyncRecord,
)
from integrations.sync.backfill import asking, counting
from mappings.models import ValueTable
from tests.flows.backfills import (
    HAMMOCK,
    TENT,
    flows,
    forget_ledger,
    forget_our_ids,
    hear,
    looked,
    of_week,
    past,
    placed,
    rules,
    run,
    settle,
    told,
    writes,
)

__all__ = ["past", "placed"]

pytestmark = pytest.mark.django_db(transaction=True)

State = Backfill.State
ItemState = BackfillItem.State


class Killed(BaseException):
    """A worker that dies between two lines."""


@pytest.fixture
def anna(demo):
    return User.objects.create(username="anna")


def sums(backfill):
    """Return the numbers of each leg, which must add up."""
    counts = counting.counts_of(backfill)
    for one in counts:
        assert sum(one.states.values()) == sum(one.verdicts.values()) == one.total
    return counts


# The dry run


def test_a_dry_run_counts_what_would_happen_and_writes_nothing(
    past, placed, drain, netsuite, shopify
):
    for number in (1, 2):
        placed(number)
    in_step = asking.Wish(flows(), numbers=["#1"], recognised_by=rules())
    run(looked(in_step, drain), drain)
    assert len(netsuite.orders) == 1
    placed(3, test=True)
    placed(4, lines=[HAMMOCK])
    placed(5)
    before, written = SyncRecord.objects.count(), len(writes(netsuite))
    made = looked(of_week(past), drain)
    assert told(made) == {"in_step": 1, "new": 2, "excluded": 1, "fails": 1}
    # The customer of an order that stays out comes by the date it was made on.
    assert told(made, "shopify-customers") == {"in_step": 1, "new": 4}
    assert SyncRecord.objects.count() == before
    assert len(writes(netsuite)) == written
    failing = made.items.get(verdict="fails")
    assert "HAMMOCK-XL" in failing.note and failing.label == "#4"
    [customers, orders] = counting.counts_of(made)
    assert (orders.goes, orders.fails, customers.goes) == (2, 1, 4)
    assert counting.minutes([customers, orders]) == 1


def test_the_days_are_those_of_the_shop(past, shopify, drain):
    zone = shopify.store.timezone
    made = looked(of_week(past, "shopify-orders"), drain)
    assert made.legs.get(is_chosen=True).zone == zone


def test_what_was_made_in_the_time_counts_and_not_what_changed_in_it(
    past, placed, shopify, drain
):
    placed(1)
    shopify.update_order("#1", note="changed today")
    placed(2, day=-3)
    shopify.update_order(
        "#2", updated_at=shopify.shop_time(database_time() - timedelta(days=9))
    )
    made = looked(of_week(past, "shopify-orders"), drain)
    [item] = made.items.filter(leg__is_chosen=True)
    assert item.label == "#1"


def test_numbers_are_found_by_name_and_by_id_and_each_miss_is_named(
    past, placed, drain, netsuite
):
    first, second = placed(11), placed(12)
    numbers = ["#11", str(second["id"]), "#999", "nonsense", "11"]
    made = looked(asking.Wish(flows(), numbers=numbers, recognised_by=rules()), drain)
    assert told(made) == {"new": 2}
    assert made.unknown == [["#999", "not found"], ["nonsense", "not found"]]
    assert run(made, drain).state == State.DONE
    assert {one["otherRefNum"] for one in netsuite.orders.values()} == {"#11", "#12"}
    assert first["name"] == "#11"


def test_a_number_that_several_have_is_left_to_a_person(past, placed, shopify, drain):
    placed(11)
    second = placed(12)
    shopify.store.orders[str(second["id"])]["name"] = "#11"
    wish = asking.Wish(flows("shopify-orders"), numbers=["#11"])
    made = looked(wish, drain)
    assert made.unknown == [["#11", "2 are called so: paste the id"]]
    assert not made.items.exists()


def test_a_source_that_is_away_makes_the_dry_run_wait_and_says_so(
    past, placed, drain, shopify
):
    placed(1)
    shopify.fail_next(503, body="<html>down</html>", times=3)
    made = asking.prepare(of_week(past), None)
    drain()
    made.refresh_from_db()
    assert made.state == State.LOOKING and made.note
    settle(drain)
    made.refresh_from_db()
    assert made.state == State.READY and made.note == ""


def test_a_dry_run_that_is_refused_ends_with_the_reason(past, placed, drain, shopify):
    shopify.fail_as("ACCESS_DENIED", "Access denied for orders field", times=9)
    made = asking.prepare(of_week(past), None)
    drain()
    made.refresh_from_db()
    assert made.state == State.FAILED and "Access denied" in made.note


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"flows": []}, "at least one flow"),
        ({"first": None}, "first and the last day"),
        ({"last": date(2020, 1, 1)}, "not behind the last"),
        ({"first": date(2020, 1, 1)}, "at most 366"),
        ({"numbers": [str(number) for number in range(501)]}, "at most 500"),
        ({"numbers": ["9" * 61]}, "too long"),
    ],
)
def test_what_makes_no_sense_is_told(past, change, words):
    wish = {"flows": flows(), "first": past, "last": past, **change}
    with pytest.raises(asking.NotAsked, match=words):
        asking.prepare(asking.Wish(**wish), None)


def test_two_at_a_time_of_one_flow_are_refused(past, anna):
    asking.prepare(of_week(past, "shopify-orders"), anna)
    with pytest.raises(asking.NotAsked, match="is not over"):
        asking.prepare(of_week(past, "shopify-customers"), anna)


# The start


def test_the_start_needs_the_dry_run_that_was_shown(past, placed, drain, anna):
    placed(1)
    made = looked(of_week(past), drain)
    with pytest.raises(asking.NotAsked, match="Another dry run"):
        asking.start(made, "0" * 64, False, anna)
    Backfill.objects.filter(pk=made.pk).update(
        looked_at=database_time() - timedelta(hours=25)
    )
    made.refresh_from_db()
    with pytest.raises(asking.NotAsked, match="more than a day old"):
        asking.start(made, made.digest, False, anna)
    assert not SyncRecord.objects.exists()


def test_a_change_of_what_its_answers_rest_on_asks_for_another_look(
    past, placed, drain, anna
):
    placed(1)
    made = looked(of_week(past), drain)
    ValueTable.objects.filter(name="Shipping methods").update(
        changed_at=database_time()
    )
    with pytest.raises(asking.NotAsked, match="value tables was changed"):
        asking.start(made, made.digest, False, anna)
    other = asking.again(made, anna)
    settle(drain)
    other.refresh_from_db()
    assert run(other, drain, anna).state == State.DONE


# The run


def test_customers_go_before_orders_and_the_sums_are_equal(
    past, placed, drain, netsuite, anna
):
    for number in range(1, 8):
        placed(number)
    placed(8, test=True)
    made = run(looked(of_week(past), drain, anna), drain, anna)
    assert made.state == State.DONE and made.ended_at
    assert told(made, column="state") == {"delivered": 7, "excluded": 1}
    sent = [one for one in writes(netsuite) if one.startswith(("PUT", "POST"))]
    customers = [place for place, one in enumerate(sent) if "/customer" in one]
    orders = [place for place, one in enumerate(sent) if "/salesOrder" in one]
    assert len(orders) == 7 and max(customers) < min(orders)
    sums(made)
    verbs = AuditEntry.objects.filter(subject="back-fill").order_by("pk")
    assert list(verbs.values_list("verb", flat=True)) == ["asked", "started", "ended"]
    entered = AuditEntry.objects.filter(verb="back-filled")
    assert entered.count() == 8 + 8 and entered.first().by == anna


def test_what_an_order_needs_comes_along_when_only_orders_are_chosen(
    past, placed, drain, netsuite, shopify
):
    order = placed(1)
    older = shopify.shop_time(database_time() - timedelta(days=400))
    shopify.store.customers[str(order["customer"]["id"])]["created_at"] = older
    made = looked(of_week(past, "shopify-orders"), drain)
    assert told(made, "shopify-customers") == {"new": 1}
    run(made, drain)
    assert len(netsuite.customers) == len(netsuite.orders) == 1


def test_what_would_fail_stays_out_unless_a_person_brings_it(
    past, placed, drain, netsuite, anna
):
    placed(1)
    placed(2, lines=[HAMMOCK])
    made = run(looked(of_week(past), drain), drain, anna)
    assert told(made, column="state") == {"delivered": 1, "left": 1}
    assert not FailedRecord.objects.exists()
    other = run(looked(of_week(past), drain), drain, anna, with_failing=True)
    assert told(other, column="state") == {"in_step": 1, "failed": 1}
    line = FailedRecord.objects.open().get()
    assert line.reference == "#2"
    assert [tag.name for tag in line.tags.all()] == [other.tag]
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    line.subject.enqueue(anna)
    drain()
    assert counting.delivered_since(other) == 1
    sums(other)


def test_what_exists_under_our_id_is_linked_and_not_doubled(
    past, placed, drain, netsuite
):
    for number in (1, 2, 3):
        placed(number)
    run(looked(of_week(past), drain), drain)
    assert len(netsuite.orders) == 3
    forget_ledger()
    made = looked(of_week(past), drain)
    assert told(made) == {"there": 3}
    assert told(made, "shopify-customers") == {"there": 3}
    run(made, drain)
    assert told(made, column="state") == {"linked": 3}
    assert len(netsuite.orders) == 3 and len(netsuite.customers) == 3
    assert Link.objects.count() == 6


def test_what_a_rule_recognises_is_linked_and_nothing_is_sent(
    past, placed, drain, netsuite
):
    for number in (1, 2):
        placed(number)
    run(looked(of_week(past), drain), drain)
    forget_ledger()
    forget_our_ids(netsuite, "salesOrder")
    forget_our_ids(netsuite, "customer")
    made = looked(of_week(past), drain)
    assert told(made) == {"pair": 2}
    assert told(made, "shopify-customers") == {"pair": 2}
    written = writes(netsuite)
    run(made, drain)
    assert writes(netsuite) == written
    assert told(made, column="state") == {"linked": 2}
    assert SyncRecord.objects.filter(state="delivered").count() == 4
    assert not Attempt.objects.exists()
    sums(made)


def test_a_linked_customer_is_changed_where_it_stands(
    past, placed, drain, netsuite, shopify
):
    order = placed(1)
    made_by_hand = netsuite.add_customer(
        firstName="B.", lastName="Uyer", email="buyer1@example.com"
    )
    run(looked(of_week(past), drain), drain)
    [sent] = netsuite.orders.values()
    assert sent["entity"]["id"] == made_by_hand
    assert len(netsuite.stored("customer")) == 1
    record = SyncRecord.objects.get(flow__slug="shopify-customers")
    assert record.is_paired and record.target_id == made_by_hand
    hear(shopify)
    shopify.update_customer(order["customer"]["id"], first_name="Beatrice")
    shopify.deliver_due()
    drain()
    [customer] = netsuite.stored("customer")
    assert customer["id"] == made_by_hand and customer["firstName"] == "Beatrice"


def test_what_is_not_surely_the_same_is_left_to_a_person_with_what_needs_it(
    past, placed, drain, netsuite
):
    placed(1)
    placed(2)
    for name in ("One", "Two"):
        netsuite.add_customer(
            firstName=name, lastName="Uyer", email="buyer1@example.com"
        )
    made = looked(of_week(past), drain)
    assert told(made, "shopify-customers") == {"unsure": 1, "new": 1}
    assert told(made) == {"unsure": 1, "new": 1}
    doubtful = made.items.get(verdict="unsure", leg__flow__slug="shopify-customers")
    assert "has 2 with the same email" in doubtful.note
    run(made, drain)
    assert told(made, column="state") == {"left": 1, "delivered": 1}
    assert len(netsuite.stored("customer")) == 3


def test_another_order_with_the_same_number_is_not_linked(
    past, placed, drain, netsuite, shopify
):
    placed(1, lines=[("STOVE-01", "Camping stove", "59.90", 2)])
    run(looked(of_week(past), drain), drain)
    forget_ledger()
    forget_our_ids(netsuite, "salesOrder")
    shopify.store.orders.clear()
    placed(1, lines=[TENT])
    made = looked(of_week(past, "shopify-orders"), drain)
    [item] = made.items.filter(leg__is_chosen=True)
    assert item.verdict == "unsure" and "but it differs" in item.note


def test_a_record_of_another_shop_is_not_taken(past, placed, drain, netsuite):
    placed(1)
    run(looked(of_week(past), drain), drain)
    forget_our_ids(netsuite, "customer")
    mine = Link.objects.get(target_record="customer")
    forget_ledger()
    Link.objects.create(
        source_connection=Connection.objects.get(slug="netsuite"),
        source_entity="customer",
        source_id="of-another-shop",
        target_connection_id=mine.target_connection_id,
        target_record="customer",
        target_id=mine.target_id,
        external_id="other",
        made_at=database_time(),
    )
    made = looked(of_week(past, "shopify-customers"), drain)
    assert told(made, "shopify-customers") == {"unsure": 1}
    assert "of-another-shop" in made.items.get().note
