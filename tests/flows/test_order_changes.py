"""Later versions of an order, where the flow of orders creates and updates."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from errorqueue import services as queue
from errorqueue.clock import database_time
from errorqueue.failures import RetryChoice, Start
from errorqueue.models import FailedRecord
from integrations.models import Attempt, Connection, Flow, InboxEvent, SyncRecord
from integrations.simulators.base import AnswerLost
from integrations.simulators.shopify.shop import new_event
from tests.flows.test_orders import post_order
from tests.flows.test_protocol import order_of

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State
TENT, STOVE, LAMP = "TENT-2P", "STOVE-01", "LAMP-USB"
LINES = [(TENT, "Two-person tent", "249.00", 2), (STOVE, "Stove", "40.00", 1)]


@pytest.fixture
def upsert(demo):
    Flow.objects.filter(slug="shopify-orders").update(mode=Flow.Mode.UPSERT)


@pytest.fixture
def place(upsert, post_order):
    """Place order #1001, of two tents and a stove, an hour ago."""

    def act(**changes):
        at = datetime.now(UTC) - timedelta(hours=1)
        wish = {"lines": LINES, "tax_rate": "0.08", "created_at": at, **changes}
        return post_order(number=1001, **wish)

    return act


@pytest.fixture
def placed(place, netsuite, drain):
    """The order, as it stands in NetSuite."""
    payload = place()
    drain()
    assert worth(netsuite) == Decimal(payload["total_price"])
    netsuite.journal.clear()
    return payload


@pytest.fixture
def come(shopify, drain):
    """Let the shop tell what happened, and everything run."""

    def act(made=None):
        shopify.deliver_due()
        drain()
        return made

    return act


def stands(netsuite):
    """The one sales order; a second one would be a fault."""
    [order] = netsuite.stored("salesOrder")
    return order


def open_lines(netsuite):
    return [one for one in stands(netsuite)["item"]["items"] if not one.get("isClosed")]


def worth(netsuite):
    """What the open lines and the freight of the order come to."""
    amounts = [Decimal(line["amount"]) for line in open_lines(netsuite)]
    return sum(amounts, Decimal(stands(netsuite).get("shippingCost") or 0))


def pieces(netsuite):
    """Pieces by line number, of goods that are not closed."""
    return {
        one["line"]: int(Decimal(one["quantity"]))
        for one in open_lines(netsuite)
        if "Tax" not in one["description"]
    }


def calls(netsuite, *methods):
    return [one for one in netsuite.journal if one.method in methods]


def ship(netsuite, line, quantity):
    """Ship pieces of one line in NetSuite, as its warehouse does."""
    order = stands(netsuite)
    lines = [
        {"orderLine": one["line"], "itemReceive": False}
        for one in order["item"]["items"]
        if one["line"] != line
    ]
    wanted = {"orderLine": line, "itemReceive": True, "quantity": quantity}
    netsuite.make(
        "salesOrder",
        order["id"],
        "itemFulfillment",
        shipStatus={"id": "C"},
        item={"items": [wanted, *lines]},
    )


def line_of_queue():
    return FailedRecord.objects.open().get(reference="#1001")


def is_settled():
    is_open = FailedRecord.objects.open().exists()
    return order_of(1001).state == State.DELIVERED and not is_open


# Before anything was sent


@pytest.mark.parametrize("wanted", [1, 3])
def test_pieces_go_up_and_down(placed, shopify, come, netsuite, wanted):
    edited = come(shopify.edit_order("#1001", {TENT: wanted}))
    assert is_settled() and pieces(netsuite) == {1: wanted, 2: 1}
    assert worth(netsuite) == Decimal(edited["current_total_price"])
    [patch] = calls(netsuite, "PATCH", "PUT", "POST")[-1:]
    assert patch.method == "PATCH" and "replace" not in patch.path


def test_a_new_line_gets_the_next_number_and_a_removed_one_is_closed(
    placed, shopify, come, netsuite
):
    more = [(LAMP, "Rechargeable lamp", "34.95", 2)]
    edited = come(shopify.edit_order("#1001", {STOVE: 0}, add=more))
    assert is_settled() and pieces(netsuite) == {1: 2, 4: 2}
    assert [one.get("isClosed") for one in stands(netsuite)["item"]["items"]] == [
        None,
        True,
        None,
        None,
    ]
    assert worth(netsuite) == Decimal(edited["current_total_price"])

    back = come(shopify.edit_order("#1001", {STOVE: 2}))
    assert is_settled() and pieces(netsuite) == {1: 2, 2: 2, 4: 2}
    assert worth(netsuite) == Decimal(back["current_total_price"])


def test_address_and_shipping_follow_and_unchanged_news_writes_nothing(
    placed, shopify, come, netsuite
):
    moved = {**placed["shipping_address"], "address1": "7 New Road", "address2": ""}
    shopify.change_order("#1001", {"shipping_address": moved}, new_event())
    come()
    assert stands(netsuite)["shippingAddress"]["addr1"] == "7 New Road"
    edited = shopify.edit_order(
        "#1001", shipping_remove=["Standard"], shipping_add=[("Express", "12.00")]
    )
    come()
    assert is_settled()
    assert Decimal(stands(netsuite)["shippingCost"]) == Decimal("12.00")
    assert worth(netsuite) == Decimal(edited["current_total_price"])

    netsuite.journal.clear()
    shopify.change_order("#1001", {"tags": "seen"}, new_event())
    come()
    assert is_settled()
    assert {one.method for one in netsuite.journal if "salesOrder" in one.path} == {
        "GET"
    }


def test_what_people_changed_in_netsuite_stays_unless_the_shop_changed_it_too(
    placed, shopify, come, netsuite
):
    order = stands(netsuite)
    extra = {"item": order["item"]["items"][1]["item"], "quantity": 1, "rate": 0}
    gift = {**extra, "amount": 0, "price": {"id": "-1"}, "description": "A gift"}
    express = netsuite.store.of_type("shipItem")
    other = next(k for k in express if k != order["shipMethod"]["id"])
    netsuite.change(
        "salesOrder",
        order["id"],
        memo="Call before delivery",
        shipMethod={"id": other},
        item={"items": [gift, {"line": 2, "quantity": 5, "rate": 40, "amount": 200}]},
    )
    come(shopify.edit_order("#1001", {TENT: 1}))
    now = stands(netsuite)
    assert is_settled() and pieces(netsuite) == {1: 1, 2: 5, 4: 1}
    assert (now["memo"], now["shipMethod"]["id"]) == ("Call before delivery", other)


def test_created_and_edited_before_the_first_delivery_is_one_order_of_the_newest(
    place, shopify, come, netsuite
):
    place()
    edited = come(shopify.edit_order("#1001", {TENT: 1, STOVE: 0}))
    assert is_settled() and pieces(netsuite) == {1: 1}
    assert worth(netsuite) == Decimal(edited["current_total_price"])


# How it comes


def only_edited(shopify, *args, **more):
    """Edit, and let nothing come but the delivery that holds differences."""
    shopify.webhooks.lose_next()
    return shopify.edit_order(*args, **more)


def test_f55_an_edit_that_only_names_its_order_has_it_read_again(
    placed, shopify, come, netsuite
):
    come(only_edited(shopify, "#1001", {TENT: 3}))
    assert is_settled() and pieces(netsuite) == {1: 3, 2: 1}
    named = InboxEvent.objects.get(topic="orders/edited")
    assert named.state == InboxEvent.State.PROCESSED
    assert "was asked for" in named.reason
    assert InboxEvent.objects.filter(delivery_id__startswith="gap:").count() == 1


def test_f53_f54_edits_that_come_twice_and_out_of_order_end_as_the_newest(
    placed, shopify, come, netsuite
):
    shopify.webhooks.duplicate(2)
    shopify.webhooks.reorder(2)
    first = shopify.edit_order("#1001", {TENT: 5})
    shopify.edit_order("#1001", {TENT: 3})
    come()
    later = datetime.now(UTC) + timedelta(minutes=1)
    shopify.change_order("#1001", {"updated_at": later.isoformat()}, new_event())
    come()
    shopify.webhooks.fire("orders/updated", first, new_event())
    come()
    assert is_settled() and pieces(netsuite) == {1: 3, 2: 1}


def test_an_edit_of_an_order_that_is_created_once_is_kept_and_changes_nothing(
    placed, shopify, come, netsuite
):
    Flow.objects.filter(slug="shopify-orders").update(mode=Flow.Mode.CREATE)
    come(shopify.edit_order("#1001", {TENT: 3}))
    assert pieces(netsuite) == {1: 2, 2: 1}
    named = InboxEvent.objects.get(topic="orders/edited")
    assert "not sent any more" in named.reason


# After something was sent


def test_after_a_part_was_shipped_what_is_allowed_passes_and_the_rest_is_a_task(
    placed, shopify, come, netsuite
):
    ship(netsuite, 1, 2)
    moved = {**placed["shipping_address"], "address1": "7 New Road"}
    shopify.change_order("#1001", {"shipping_address": moved}, new_event())
    come(shopify.edit_order("#1001", {TENT: 1, STOVE: 4}))
    assert pieces(netsuite) == {1: 2, 2: 4}
    assert stands(netsuite)["shippingAddress"]["addr1"] == "7 New Road"
    line = line_of_queue()
    [problem] = line.problems
    assert (line.kind, line.code) == ("conflict", "CHANGE_REFUSED")
    assert "gone too far" in line.what and "Decide" in line.remedy
    assert problem["target"] == "item.items[0].quantity"
    assert "The source has 1" in problem["rule"]
    assert "2 shipped" in problem["rule"] and "Decide" in problem["remedy"]

    netsuite.journal.clear()
    come(shopify.edit_order("#1001", {TENT: 2, STOVE: 1}))
    assert is_settled(), "the shop took its change back"
    assert pieces(netsuite) == {1: 2, 2: 1}, "also what had been changed in part"
    assert stands(netsuite)["status"]["id"] in "DE"


def test_a_person_agrees_in_netsuite_and_the_task_is_done_by_a_retry(
    placed, shopify, come, netsuite, drain
):
    ship(netsuite, 1, 2)
    ship(netsuite, 2, 1)
    moved = {**placed["shipping_address"], "address1": "7 New Road"}
    shopify.change_order("#1001", {"shipping_address": moved}, new_event())
    come()
    line = line_of_queue()
    assert [one["target"] for one in line.problems] == ["shippingAddress.addr1"]
    assert "all of it was shipped" in line.problems[0]["rule"]
    netsuite.change(
        "salesOrder", stands(netsuite)["id"], shippingAddress={"addr1": "7 New Road"}
    )
    queue.retry(line)
    drain()
    assert is_settled()


def test_a_refund_of_goods_that_were_sent_leaves_the_order_as_it_is(
    placed, shopify, come, netsuite
):
    ship(netsuite, 1, 2)
    shopify.fulfil_order("#1001", {TENT: 2})
    come()
    netsuite.journal.clear()
    shopify.refund_order("#1001", {TENT: 1})
    come()
    assert is_settled() and pieces(netsuite) == {1: 2, 2: 1}
    assert not calls(netsuite, "PATCH", "PUT")


# Cancelled


def test_cancelled_before_anything_was_sent_all_lines_are_closed(
    placed, shopify, come, netsuite
):
    come(shopify.cancel_order("#1001"))
    assert is_settled() and open_lines(netsuite) == []
    assert stands(netsuite)["status"]["id"] == "H"


def test_cancelled_after_a_part_was_shipped_a_person_decides_and_nothing_more_leaves(
    placed, shopify, come, netsuite
):
    ship(netsuite, 1, 1)
    come(shopify.cancel_order("#1001"))
    assert pieces(netsuite) == {1: 1}
    line = line_of_queue()
    assert ["line 1" in one["target"] for one in line.problems] == [True]
    assert "1 shipped" in line.problems[0]["rule"]


def test_cancelled_before_it_was_ever_sent_it_is_kept_out_by_name(
    place, shopify, come, netsuite
):
    place()
    come(shopify.cancel_order("#1001"))
    assert netsuite.stored("salesOrder") == []
    record = order_of(1001)
    assert record.state == State.EXCLUDED
    assert "Cancelled before it was sent" in record.exclusion


@pytest.mark.parametrize("was_done", [True, False])
def test_f59_cancelled_while_the_answer_to_its_create_is_lost(
    place, shopify, come, netsuite, drain, let_pass, settings, was_done
):
    """What landed is closed; while it still may land, nobody says that it never did."""
    settings.LATE_SECONDS = 900
    Flow.objects.filter(slug="shopify-orders").update(retry_schedule=[600] * 5)
    lose(netsuite, "POST", was_done)
    place()
    drain()
    assert len(netsuite.orders) == was_done and order_of(1001).target_id == ""
    come(shopify.cancel_order("#1001"))
    if was_done:
        assert is_settled() and open_lines(netsuite) == []
        return
    assert order_of(1001).state == State.WAITING
    SyncRecord.objects.update(due_at=database_time())
    Attempt.objects.update(started_at=database_time() - timedelta(minutes=16))
    drain()
    assert netsuite.stored("salesOrder") == []
    assert "Cancelled before it was sent" in order_of(1001).exclusion


# Answers that are lost, orders that are gone


def lose(netsuite, method, was_done):
    """Lose the next answer about a sales order, or the request itself."""
    handle, lost = netsuite.handle, []

    def answer(request):
        if lost or request.method != method or "/salesOrder" not in request.path:
            return handle(request)
        lost.append(request)
        if was_done:
            handle(request)
        raise AnswerLost("lost on the way")

    netsuite.handle = answer
    return lambda: handle(lost[0])


@pytest.mark.parametrize("was_done", [True, False])
def test_f30_a_lost_answer_of_a_change_is_settled_by_reading(
    placed, shopify, come, netsuite, drain, let_pass, was_done
):
    lose(netsuite, "PATCH", was_done)
    more = [(LAMP, "Rechargeable lamp", "34.95", 2)]
    come(shopify.edit_order("#1001", {STOVE: 0}, add=more))
    let_pass(60)
    drain()
    assert is_settled() and pieces(netsuite) == {1: 2, 4: 2}
    assert len(stands(netsuite)["item"]["items"]) == 4
    assert len(calls(netsuite, "PATCH")) == 1, "the other one was lost or enough"


def test_f54_an_older_change_that_lands_late_does_not_stay_over_a_newer_one(
    placed, shopify, come, netsuite, drain, settings
):
    settings.LATE_SECONDS = 900
    Flow.objects.filter(slug="shopify-orders").update(retry_schedule=[600] * 5)
    land = lose(netsuite, "PATCH", was_done=False)
    more = [(LAMP, "Rechargeable lamp", "34.95", 2)]
    come(shopify.edit_order("#1001", {TENT: 5}, add=more))
    come(shopify.edit_order("#1001", {TENT: 3, LAMP: 0}))
    assert is_settled() and pieces(netsuite) == {1: 3, 2: 1}
    land()
    assert pieces(netsuite) == {1: 5, 2: 1, 4: 2}
    assert order_of(1001).confirm_at is not None
    SyncRecord.objects.exclude(confirm_at=None).update(confirm_at=database_time())
    drain()
    assert is_settled() and pieces(netsuite) == {1: 3, 2: 1}


def test_under_suitetax_the_taxes_follow_too(
    upsert, place, shopify, come, netsuite, drain
):
    netsuite.suitetax = True
    Connection.objects.filter(slug="netsuite").update(options={"tax_mode": "suitetax"})
    place()
    drain()
    edited = come(shopify.edit_order("#1001", {TENT: 1}))
    assert is_settled()
    order = stands(netsuite)
    assert Decimal(order["total"]) == Decimal(edited["current_total_price"])
    assert len(order["taxDetails"]["items"]) == 3
    come(shopify.cancel_order("#1001"))
    assert is_settled() and open_lines(netsuite) == []


def test_f52_an_order_that_was_deleted_by_hand_is_never_made_again_in_silence(
    placed, shopify, come, netsuite, drain, admin_user
):
    gone = netsuite.store.get("salesOrder", stands(netsuite)["id"])
    netsuite.store.remove(gone, netsuite.now())
    come(shopify.edit_order("#1001", {TENT: 3}))
    assert netsuite.stored("salesOrder") == []
    line = line_of_queue()
    assert line.code == "TARGET_GONE" and "e-mail" not in line.why
    queue.retry(line)
    drain()
    assert netsuite.stored("salesOrder") == []
    again = RetryChoice(start=Start.AGAIN)
    queue.retry(line_of_queue(), admin_user, choice=again)
    drain()
    assert is_settled() and pieces(netsuite) == {1: 3, 2: 1}
