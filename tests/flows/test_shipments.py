"""What left the warehouse in Shopify becomes an item fulfilment of its order."""

from decimal import Decimal

import pytest

from errorqueue import services as queue
from errorqueue.clock import database_time
from errorqueue.models import FailedRecord
from integrations.connectors.base import SourceObject
from integrations.models import Attempt, Flow, InboxEvent, Link, SyncRecord
from integrations.sync import editing
from tests.flows.conftest import HOOK, configure
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State
Status = FailedRecord.Status
LINES = [
    ("TENT-2P", "Two-person tent", "249.00", 3),
    ("MUG-BLUE", "Enamel mug, blue", "12.50", 2),
]


@pytest.fixture
def shipments(demo, shopify) -> None:
    """The flow of shipments, and the deliveries it lives of."""
    configure("flows/shopify-fulfillments.yaml")
    for topic in ("fulfillments/create", "fulfillments/update"):
        shopify.subscribe(topic, HOOK)


@pytest.fixture
def ship(shipments, shopify):
    """Send pieces of an order, or all that is left; the webhooks knock at our door."""

    def send(number=1001, lines=None, **tracking):
        made = shopify.fulfil_order(number, lines, **tracking)
        shopify.deliver_due()
        return made

    return send


@pytest.fixture
def placed(shipments, post_order, drain):
    """An order of three tents and two mugs that stands in NetSuite."""
    payload = post_order(number=1001, lines=LINES)
    drain()
    return payload


def shipped(netsuite):
    return netsuite.stored("itemFulfillment")


def quantities(record):
    return {line["orderLine"]: line["quantity"] for line in record["item"]["items"]}


def numbers(record):
    packages = record.get("package", {}).get("items", [])
    return [one["packageTrackingNumber"] for one in packages]


def line_of(entity="fulfillment"):
    return FailedRecord.objects.open().get(entity=entity)


def letter(netsuite):
    [order] = netsuite.stored("salesOrder")
    return order["status"]["id"]


def test_a_shipment_becomes_an_item_fulfilment(placed, ship, netsuite, drain):
    [made] = ship(company="UPS", numbers=["1Z999"])
    drain()
    assert not FailedRecord.objects.exists()
    [found] = shipped(netsuite)
    [order] = netsuite.stored("salesOrder")
    assert found["createdFrom"]["id"] == order["id"]
    assert quantities(found) == {1: 3, 2: 2}
    assert numbers(found) == ["1Z999"]
    assert found["package"]["items"][0]["packageDescr"] == "UPS"
    assert found["externalId"].endswith(f"-fulfillment-{made['id']}")
    assert found["shipStatus"]["id"] == "C"
    assert letter(netsuite) == "F"
    record = SyncRecord.objects.get(flow__slug="shopify-fulfillments")
    assert (record.label, record.state) == ("#1001.1", State.DELIVERED)


def test_two_shipments_of_one_order_are_two_fulfilments(placed, ship, netsuite, drain):
    ship(lines={"TENT-2P": 2}, numbers=["1Z1"])
    drain()
    [first] = shipped(netsuite)
    assert quantities(first) == {1: 2}
    assert letter(netsuite) == "E"
    ship(numbers=["1Z2"])
    drain()
    [_, second] = shipped(netsuite)
    assert quantities(second) == {1: 1, 2: 2}
    assert numbers(second) == ["1Z2"]
    assert letter(netsuite) == "F"
    assert not FailedRecord.objects.exists()


def test_lines_that_stay_are_switched_off(placed, ship, netsuite, drain):
    """NetSuite ships every line that a body does not mention."""
    ship(lines={"MUG-BLUE": 1})
    drain()
    [found] = shipped(netsuite)
    assert quantities(found) == {2: 1}


def test_shipments_that_come_together_are_two_fulfilments(
    placed, ship, netsuite, drain
):
    ship(lines={"TENT-2P": 1})
    ship(lines={"MUG-BLUE": 2})
    drain()
    made = {tuple(quantities(one).items()) for one in shipped(netsuite)}
    assert made == {((1, 1),), ((2, 2),)}


def test_f70_a_shipment_that_is_told_before_its_order_waits_for_it(
    shipments, post_order, ship, netsuite, drain
):
    """The order's delivery was lost; the shipment brings it in and goes by itself."""
    post_order(number=1001, lines=LINES)
    InboxEvent.objects.all().delete()
    ship()
    drain()
    assert len(shipped(netsuite)) == 1
    assert letter(netsuite) == "F"
    assert {one.state for one in SyncRecord.objects.all()} == {State.DELIVERED}
    assert not FailedRecord.objects.exists()


def test_a_shipment_of_a_failed_order_names_the_line_that_blocks_it(
    shipments, post_order, ship, netsuite, drain
):
    post_order(number=1001, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    ship()
    drain()
    head, behind = line_of("order"), line_of()
    assert (behind.status, behind.blocked_by) == (Status.BLOCKED, head)
    assert head.human_id in behind.why
    assert list(head.blocking.all()) == [behind]
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    queue.retry(head)
    drain()
    assert len(shipped(netsuite)) == 1
    assert not FailedRecord.objects.open().exists()


def test_a_shipment_of_an_order_kept_out_by_a_rule_does_not_wait_in_silence(
    shipments, post_order, ship, netsuite, drain
):
    post_order(number=1001, lines=LINES, test=True)
    ship()
    drain()
    line = line_of()
    assert line.status == Status.FAILED
    assert "Test order" in line.why
    assert shipped(netsuite) == []


def test_f53_a_delivery_that_comes_twice_makes_one_fulfilment(
    placed, ship, shopify, netsuite, drain
):
    shopify.webhooks.duplicate(2)
    ship()
    drain()
    assert len(shipped(netsuite)) == 1
    assert SyncRecord.objects.filter(flow__slug="shopify-fulfillments").count() == 1


@pytest.mark.parametrize("lines", [None, {"TENT-2P": 1}])
def test_f30_a_lost_answer_leaves_one_fulfilment(
    placed, ship, netsuite, drain, let_pass, lines
):
    netsuite.fail_next(lost=True, path="!transform")
    ship(lines=lines)
    for _ in range(3):
        drain()
        let_pass(60)
    assert len(shipped(netsuite)) == 1
    assert not FailedRecord.objects.open().exists()


def test_an_unknown_location_names_field_and_remedy(
    placed, ship, shopify, netsuite, drain
):
    shopify.set_stock("TENT-2P", 5, place="Harbour")
    shopify.move_fulfillment_order(1001, "Harbour")
    [made] = ship(lines={"TENT-2P": 1})
    drain()
    line = line_of()
    assert line.kind == "mapping"
    [problem] = line.problems
    assert problem["target"] == "item.items[0].location.id"
    assert problem["value"] == str(made["location_id"])
    assert "Shipping locations" in problem["remedy"]
    assert shipped(netsuite) == []


def test_a_tracking_number_that_comes_later_follows(
    placed, ship, shopify, netsuite, drain
):
    [made] = ship(numbers=["1Z1"], company="UPS")
    drain()
    [found] = shipped(netsuite)
    weighed = [{"packageTrackingNumber": "1Z1", "packageWeight": Decimal("1.5")}]
    netsuite.change("itemFulfillment", found["id"], package={"items": weighed})
    shopify.track(made["id"], company="UPS", numbers=["1Z1", "1Z2"])
    shopify.deliver_due()
    drain()
    [found] = shipped(netsuite)
    assert sorted(set(numbers(found))) == ["1Z1", "1Z2"]
    assert quantities(found) == {1: 3, 2: 2}
    assert not FailedRecord.objects.exists()


def test_news_of_the_carrier_alone_write_nothing(
    placed, ship, shopify, netsuite, drain
):
    [made] = ship(numbers=["1Z1"])
    drain()
    before = shipped(netsuite)
    shopify.change_fulfillment(made["id"], shipment_status="in_transit")
    shopify.deliver_due()
    drain()
    assert shipped(netsuite) == before
    writes = [one for one in netsuite.journal if one.method == "PATCH"]
    assert writes == []


def test_a_cancelled_shipment_asks_a_person_what_to_do(
    placed, ship, shopify, netsuite, drain, admin_user
):
    [made] = ship()
    drain()
    shopify.cancel_fulfillment(made["id"])
    shopify.deliver_due()
    drain()
    line = line_of()
    assert (line.kind, line.status) == ("conflict", Status.FAILED)
    [found] = shipped(netsuite)
    assert found["tranId"] in line.why and "delete that item fulfilment" in line.why
    assert "Exclude" in line.remedy
    queue.exclude(line, admin_user, "It came back; booked as a return.")
    assert not FailedRecord.objects.open().exists()


def test_a_shipment_cancelled_at_once_never_goes(
    placed, ship, shopify, netsuite, drain
):
    [made] = ship()
    shopify.cancel_fulfillment(made["id"])
    shopify.deliver_due()
    drain()
    assert shipped(netsuite) == []
    record = SyncRecord.objects.get(flow__slug="shopify-fulfillments")
    assert "Cancelled before it was sent" in record.exclusion
    ship()
    drain()
    assert len(shipped(netsuite)) == 1


def test_a_shipment_goes_when_the_warehouse_says_that_it_left(
    placed, shipments, shopify, netsuite, drain
):
    [made] = shopify.fulfil_order(1001)
    shopify.webhooks.lose_next(0)
    shopify.change_fulfillment(made["id"], status="pending")
    shopify.deliver_due()
    drain()
    record = SyncRecord.objects.get(flow__slug="shopify-fulfillments")
    assert "Not shipped yet" in record.exclusion
    shopify.change_fulfillment(made["id"], status="success")
    shopify.deliver_due()
    drain()
    assert len(shipped(netsuite)) == 1


def test_a_status_that_nobody_knows_is_no_shipment(
    placed, shipments, shopify, netsuite, drain
):
    [made] = shopify.fulfil_order(1001)
    shopify.change_fulfillment(made["id"], status="teleported")
    shopify.deliver_due()
    drain()
    assert "teleported" in line_of().what
    assert shipped(netsuite) == []


TWICE = [
    ("TENT-2P", "Two-person tent", "249.00", 2),
    ("TENT-2P", "Two-person tent", "249.00", 1),
    ("MUG-BLUE", "Enamel mug, blue", "12.50", 2),
]


@pytest.fixture
def placed_twice(shipments, post_order, drain):
    payload = post_order(number=1001, lines=TWICE)
    drain()
    return payload


def test_an_item_on_two_lines_is_never_guessed(
    placed_twice, ship, netsuite, drain, admin_user
):
    ship(lines={"TENT-2P": 1})
    drain()
    line = line_of()
    [problem] = line.problems
    assert problem["target"].startswith("item.items[0].item")
    assert "several lines (2, 1)" in problem["rule"]
    assert "order_line" in problem["rule"]
    assert shipped(netsuite) == []

    record = SyncRecord.objects.get(flow__slug="shopify-fulfillments")
    payload = dict(record.source)
    payload["line_items"] = [{**payload["line_items"][0], "order_line": 2}]
    editing.revise(record, payload, admin_user, "The second line, says the warehouse")
    drain()
    [found] = shipped(netsuite)
    assert quantities(found) == {2: 1}


def test_an_item_on_two_lines_that_all_leave_is_clear(
    placed_twice, ship, netsuite, drain
):
    ship()
    drain()
    [found] = shipped(netsuite)
    assert quantities(found) == {1: 2, 2: 1, 3: 2}


def test_a_column_with_the_shops_line_id_tells_the_line(
    placed_twice, ship, netsuite, drain
):
    netsuite.add_custom_field("custcol_shop_line", kind="text")
    [order] = netsuite.stored("salesOrder")
    ids = [str(one["id"]) for one in placed_twice["line_items"]]
    marked = [
        {"line": number, "custcol_shop_line": key}
        for number, key in enumerate(ids, start=1)
    ]
    netsuite.change("salesOrder", order["id"], item={"items": marked})
    ship(lines={"TENT-2P": 1})
    drain()
    [found] = shipped(netsuite)
    [number] = quantities(found)
    sent = SyncRecord.objects.get(flow__slug="shopify-fulfillments").source
    assert ids[number - 1] == str(sent["line_items"][0]["id"])


def test_an_account_that_names_lines_by_their_unique_key(placed, ship, netsuite, drain):
    netsuite.order_line_is_the_unique_key = True
    ship(lines={"TENT-2P": 1})
    drain()
    [found] = shipped(netsuite)
    assert list(quantities(found).values()) == [1]
    assert not FailedRecord.objects.exists()


def test_an_order_that_waits_for_approval_says_so(placed, ship, netsuite, drain):
    [order] = netsuite.stored("salesOrder")
    netsuite.change("salesOrder", order["id"], orderStatus={"id": "A"})
    ship()
    drain()
    line = line_of()
    assert f"Sales order {order['tranId']} waits for approval" in line.why
    netsuite.change("salesOrder", order["id"], orderStatus={"id": "B"})
    queue.retry(line)
    drain()
    assert len(shipped(netsuite)) == 1


def test_what_somebody_shipped_in_netsuite_is_not_shipped_again(
    placed, ship, netsuite, drain
):
    [order] = netsuite.stored("salesOrder")
    netsuite.make("salesOrder", order["id"], "itemFulfillment")
    ship()
    drain()
    line = line_of()
    assert "nothing left to ship" in line.why
    assert len(shipped(netsuite)) == 1


def test_what_needs_no_parcel_makes_no_fulfilment(
    shipments, post_order, ship, netsuite, drain
):
    lines = [{"sku": "MUG-BLUE", "title": "Gift", "price": "25.00", "gift_card": True}]
    post_order(number=1001, lines=lines)
    ship()
    drain()
    record = SyncRecord.objects.get(flow__slug="shopify-fulfillments")
    assert "Nothing that is shipped" in record.exclusion


def test_a_fulfilment_deleted_in_netsuite_is_not_made_again_in_silence(
    placed, ship, shopify, netsuite, drain, let_pass
):
    [made] = ship(numbers=["1Z1"])
    drain()
    [found] = shipped(netsuite)
    netsuite.store.remove(netsuite.store.transaction(found["id"]), netsuite.now())
    let_pass(3600)
    shopify.track(made["id"], numbers=["1Z2"])
    shopify.deliver_due()
    drain()
    assert line_of().code == "TARGET_GONE"
    assert shipped(netsuite) == []


@pytest.fixture
def way_back(shipments) -> Flow:
    """The flow that tells Shopify what NetSuite shipped."""
    flow = Flow.objects.get(slug="shopify-fulfillments")
    source, target = flow.source, flow.target
    return Flow.objects.create(
        name="Back",
        slug="back",
        source=target,
        source_entity="fulfillment",
        target=source,
        target_record="fulfillment",
        mode=Flow.Mode.CREATE,
        mapping=flow.mapping,
    )


@pytest.mark.parametrize("written", ["{id}", "gid://shopify/Fulfillment/{id}"])
def test_what_we_made_in_the_shop_ourselves_does_not_come_back(
    placed, way_back, ship, netsuite, drain, written
):
    [made] = ship()
    Link.objects.create(
        source_connection=way_back.source,
        source_entity="fulfillment",
        source_id="1005-6",
        target_connection=way_back.target,
        target_record="fulfillment",
        target_id=written.format(**made),
        external_id="",
        made_at=database_time(),
    )
    drain()
    assert shipped(netsuite) == []
    record = SyncRecord.objects.get(flow__slug="shopify-fulfillments")
    assert "echo of our own write" in record.exclusion
    assert not FailedRecord.objects.exists()


def test_a_shipment_is_not_told_back_before_its_own_write_has_ended(
    placed, way_back, ship, netsuite, drain, let_pass
):
    found = SourceObject("fulfillment", "1005-6", {"id": "1005"}, None)
    theirs = SyncRecord.objects.first_sight(way_back, found)
    SyncRecord.objects.filter(pk=theirs.pk).update(state=State.FAILED)
    attempt = Attempt.objects.create(
        record=theirs,
        number=1,
        token=1,
        version=1,
        outcome=Attempt.Outcome.OPEN,
        started_at=database_time(),
    )
    ship()
    drain()
    assert shipped(netsuite) == []
    attempt.delete()
    let_pass(60)
    drain()
    assert len(shipped(netsuite)) == 1
