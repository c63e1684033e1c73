"""Fulfilments that NetSuite shipped, on their way to Shopify."""

from datetime import timedelta

import pytest
from django.db.models import F

from errorqueue.failures import Refused
from errorqueue.models import FailedRecord
from integrations.models import Attempt, Connection, Flow, Link, SyncRecord
from integrations.simulators.shopify import fulfillment_view, make_order
from integrations.sync.rereading import reread
from mappings import services
from mappings.models import MappingDocument
from tests.flows.conftest import configure

pytestmark = pytest.mark.django_db(transaction=True)

SLUG = "netsuite-fulfillments"
MAIN = "Main warehouse"
EAST = "East warehouse"
LINES = [
    ("TENT-2P", "Two-person tent", "249.00", 2),
    ("MUG-BLUE", "Enamel mug, blue", "12.50", 4),
]
State = SyncRecord.State


@pytest.fixture
def out(demo, netsuite, shopify):
    """The flow beside the demo's own, its carriers, and a second place."""
    configure(f"flows/{SLUG}.yaml")
    netsuite.add_location(EAST)
    return Flow.objects.get(slug=SLUG)


@pytest.fixture
def ordered(out, netsuite, shopify, drain):
    """Place an order and let it reach NetSuite; returns its id there."""

    def place(number=1001, lines=LINES, **changes):
        shopify.place_order(make_order(number, lines=lines, **changes))
        shopify.deliver_due()
        drain()
        [order] = [one for one in netsuite.stored("salesOrder") if named(one, number)]
        return order["id"]

    return place


@pytest.fixture
def ship(netsuite):
    """Ship lines of a sales order by their numbers; returns the fulfilment's id."""

    def shipped(order_id, quantities=None, numbers=(), places=None, **changes):
        changes.setdefault("shipStatus", {"id": "C"})
        changes.setdefault("shipMethod", method(netsuite, "Express"))
        if quantities is not None or places:
            changes["item"] = {
                "items": lines_of(netsuite, order_id, quantities, places)
            }
        packages = [{"packageTrackingNumber": one} for one in numbers]
        return netsuite.make(
            "salesOrder",
            order_id,
            "itemFulfillment",
            package={"items": packages},
            **changes,
        )

    return shipped


@pytest.fixture
def poll(out, drain):
    """Ask NetSuite what was shipped, and deliver it."""

    def asked():
        Flow.objects.filter(pk=out.pk).update(polled_at=None)
        drain()

    return asked


def named(order, number):
    return order["otherRefNum"] == f"#{number}"


def method(netsuite, name):
    known = netsuite.store.of_type("shipItem").values()
    return {"id": next(one.id for one in known if one.values["name"] == name)}


def place_id(netsuite, name):
    known = netsuite.store.of_type("location").values()
    return {"id": next(one.id for one in known if one.values["name"] == name)}


def lines_of(netsuite, order_id, quantities, places):
    """Name every line of the order that goes; the others stay."""
    order = netsuite.store.records["salesOrder"][order_id].plain()
    found = []
    for line in order["item"]["items"]:
        number = line["line"]
        wanted = (quantities or {}).get(number, 0 if quantities else line["quantity"])
        told = {"orderLine": number, "itemReceive": bool(wanted)}
        if wanted:
            told["quantity"] = wanted
        if places and number in places:
            told["location"] = place_id(netsuite, places[number])
        found.append(told)
    return found


def sent(shopify, number=1001):
    """Return what Shopify has sent of an order, cancelled ones left out."""
    order = shopify.store.find_order(f"#{number}")
    return [one for one in order["fulfillments"] if one["status"] != "cancelled"]


def pieces(fulfillment):
    return {line["sku"]: line["quantity"] for line in fulfillment["line_items"]}


def records():
    return SyncRecord.objects.filter(flow__slug=SLUG).order_by("pk")


def line():
    return FailedRecord.objects.open().get(flow="Fulfilments to Shopify")


def long_ago():
    """Let every try have begun so long ago that it can land no more."""
    Attempt.objects.update(started_at=F("started_at") - timedelta(hours=1))


def test_a_shipped_order_is_fulfilled_in_shopify_with_its_tracking(
    ordered, ship, poll, shopify
):
    ship(ordered(), numbers=["1Z999"])
    poll()
    [made] = sent(shopify)
    assert pieces(made) == {"TENT-2P": 2, "MUG-BLUE": 4}
    assert made["tracking_numbers"] == ["1Z999"]
    assert made["tracking_company"] == "UPS"
    [record] = records()
    assert record.state == State.DELIVERED
    assert record.target_id == made["admin_graphql_api_id"]
    link = Link.objects.get(target_record="fulfillment")
    assert link.target_id == made["admin_graphql_api_id"]
    assert not FailedRecord.objects.exists()


def test_shopify_writes_to_the_customer_as_the_mapping_says(
    ordered, ship, poll, shopify
):
    document = MappingDocument.objects.get(slug="netsuite-fulfillment")
    told = []
    for constant in ("true", "false"):
        if constant == "false":
            draft = services.new_draft(document, None)
            draft.rows.filter(target="notifyCustomer").update(constant="false")
            services.publish(draft, None)
        number = 1001 + len(told)
        ship(ordered(number), numbers=[f"N{number}"])
        poll()
        attempt = Attempt.objects.filter(record__flow__slug=SLUG).latest("pk")
        told.append(attempt.payload["notifyCustomer"])
    assert told == [True, False]


def test_parts_go_one_after_the_other(ordered, ship, poll, shopify):
    order = ordered()
    ship(order, {1: 1}, ["A1"])
    poll()
    ship(order, {1: 1, 2: 4}, ["A2"])
    poll()
    assert [pieces(one) for one in sent(shopify)] == [
        {"TENT-2P": 1},
        {"TENT-2P": 1, "MUG-BLUE": 4},
    ]
    assert shopify.store.find_order("#1001")["fulfillment_status"] == "fulfilled"


def test_two_parcels_of_one_fulfilment_keep_both_numbers(ordered, ship, poll, shopify):
    ship(ordered(), numbers=["P1", "P2"])
    poll()
    [made] = sent(shopify)
    assert made["tracking_numbers"] == ["P1", "P2"]


def test_two_locations_make_a_fulfilment_each(ordered, ship, poll, shopify):
    order = ordered()
    shopify.move_fulfillment_order("#1001", EAST, {"MUG-BLUE": 4})
    ship(order, {1: 2, 2: 4}, ["L1"], places={1: MAIN, 2: EAST})
    poll()
    # The two go side by side, in either order.
    made = {tuple(pieces(one).items()): one["location_id"] for one in sent(shopify)}
    assert made.keys() == {(("TENT-2P", 2),), (("MUG-BLUE", 4),)}
    assert len(set(made.values())) == 2
    assert [one.state for one in records()] == [State.DELIVERED] * 2


def test_a_line_split_over_fulfilment_orders_of_one_place_is_sent_at_once(
    ordered, ship, poll, shopify
):
    order = ordered()
    shopify.move_fulfillment_order("#1001", EAST, {"MUG-BLUE": 3})
    shares = shopify.store.fulfillment_orders_of(order_key(shopify))
    for share in shares:
        share.location_id = shares[0].location_id
    ship(order, {2: 4}, ["S1"], places={2: MAIN})
    poll()
    [made] = sent(shopify)
    assert sum(row["quantity"] for row in made["line_items"]) == 4


def order_key(shopify, number=1001):
    return str(shopify.store.find_order(f"#{number}")["id"])


def test_another_place_than_shopify_means_says_where_to_change_it(
    ordered, ship, poll, shopify
):
    ship(ordered(), {1: 2}, ["E1"], places={1: EAST})
    shopify.store.location(EAST)
    poll()
    failed = line()
    assert failed.kind == "data" and failed.code == "OTHER_LOCATION"
    assert MAIN in failed.why and "Change fulfillment location" in failed.why
    assert failed.problems[0]["target"] == "locationId"
    assert sent(shopify) == []
    shopify.move_fulfillment_order("#1001", EAST)
    records().get().enqueue()
    poll()
    assert len(sent(shopify)) == 1 and records().get().state == State.DELIVERED


def test_an_order_on_hold_says_why_and_goes_when_it_is_released(
    ordered, ship, poll, shopify
):
    ship(ordered(), numbers=["H1"])
    shopify.hold("#1001", "high_risk_of_fraud", "The bank has not answered")
    poll()
    failed = line()
    assert failed.kind == "data" and failed.code == "ON_HOLD"
    assert "#1001 is on hold in Shopify" in failed.why
    assert "High risk of fraud (The bank has not answered)" in failed.why
    assert "Release fulfillment hold" in failed.why
    assert "Retry now" in failed.remedy
    assert sent(shopify) == []
    shopify.release_hold("#1001")
    records().get().enqueue()
    poll()
    assert len(sent(shopify)) == 1
    assert not FailedRecord.objects.open().exists()


def test_goods_that_a_fulfilment_service_sends_are_left_to_it(
    ordered, ship, poll, shopify, monkeypatch
):
    ship(ordered(), numbers=["F1"])
    monkeypatch.setitem(fulfillment_view.ACTIONS, "OPEN", ("REQUEST_FULFILLMENT",))
    poll()
    assert line().code == "WITH_OTHERS" and MAIN in line().why


def test_a_shipment_without_a_place_that_no_place_has_whole_names_the_mapping(
    ordered, ship, poll, shopify, out
):
    draft = services.new_draft(out.mapping, None)
    draft.rows.filter(target="locationId").delete()
    services.publish(draft, None)
    order = ordered()
    shopify.move_fulfillment_order("#1001", EAST, {"MUG-BLUE": 4})
    ship(order, {1: 2, 2: 4}, ["N1"])
    ship(ordered(1002), {1: 2}, ["N2"])
    poll()
    assert line().code == "OTHER_LOCATION"
    assert "split over" in line().why and sent(shopify) == []
    assert [pieces(one) for one in sent(shopify, 1002)] == [{"TENT-2P": 2}]


def test_a_scheduled_order_says_what_to_do(ordered, ship, poll, shopify):
    ship(ordered(), numbers=["D1"])
    shopify.set_fulfillment_order_status("#1001", "SCHEDULED")
    poll()
    assert line().code == "SCHEDULED" and "ready to fulfill" in line().why


def test_a_lost_answer_is_found_by_its_tracking_number(
    ordered, ship, poll, shopify, let_pass
):
    ship(ordered(), {1: 1}, ["T1"])
    shopify.fail_as("INTERNAL_SERVER_ERROR", after=True, operation="fulfillmentCreate")
    poll()
    let_pass(60)
    poll()
    assert len(sent(shopify)) == 1
    record = records().get()
    assert record.attempts.count() == 2
    assert record.state == State.DELIVERED
    assert record.target_id == sent(shopify)[0]["admin_graphql_api_id"]


def test_f46_a_create_that_may_land_late_waits_for_the_vendors_limit(
    ordered, ship, poll, shopify, let_pass
):
    ship(ordered(), {1: 1}, ["T2"])
    shopify.fail_as("INTERNAL_SERVER_ERROR", operation="fulfillmentCreate")
    poll()
    let_pass(5)
    poll()
    record = records().get()
    assert record.state == State.WAITING and sent(shopify) == []
    long_ago()
    let_pass(120)
    poll()
    assert len(sent(shopify)) == 1
    assert records().get().state == State.DELIVERED


def test_a_lost_answer_without_a_number_is_found_when_nothing_is_left(
    ordered, ship, poll, shopify, let_pass
):
    ship(ordered())
    shopify.fail_as("INTERNAL_SERVER_ERROR", after=True, operation="fulfillmentCreate")
    poll()
    let_pass(60)
    poll()
    assert len(sent(shopify)) == 1 and records().get().state == State.DELIVERED


def test_a_lost_answer_that_nobody_can_tell_apart_goes_to_a_person(
    ordered, ship, poll, shopify, let_pass
):
    ship(ordered(), {1: 1})
    shopify.fail_as("INTERNAL_SERVER_ERROR", after=True, operation="fulfillmentCreate")
    poll()
    let_pass(60)
    poll()
    assert len(sent(shopify)) == 1
    failed = line()
    assert failed.kind == "conflict" and failed.code == "LOOKS_ALIKE"
    assert "#1001.1" in failed.why and "exclude" in failed.why


def test_equal_parts_without_numbers_are_two_shipments(ordered, ship, poll, shopify):
    order = ordered()
    ship(order, {1: 1})
    poll()
    ship(order, {1: 1})
    poll()
    assert [pieces(one) for one in sent(shopify)] == [{"TENT-2P": 1}] * 2


def test_a_second_poll_sends_nothing_again(ordered, ship, poll, shopify):
    ship(ordered(), {1: 1}, ["D1"])
    for _ in range(3):
        poll()
    assert len(sent(shopify)) == 1 and records().count() == 1
    assert Attempt.objects.filter(record__flow__slug=SLUG).count() == 1


def test_what_was_sent_by_hand_with_the_number_is_adopted(ordered, ship, poll, shopify):
    order = ordered()
    [made] = shopify.fulfil_order("#1001", company="UPS", numbers=["M1"])
    ship(order, numbers=["M1"])
    poll()
    assert len(sent(shopify)) == 1
    assert records().get().target_id == made["admin_graphql_api_id"]
    assert records().get().state == State.DELIVERED


def test_shipments_that_were_sent_by_hand_as_one_are_adopted(
    ordered, ship, poll, shopify
):
    order = ordered()
    [made] = shopify.fulfil_order("#1001", numbers=["M1", "M2"])
    ship(order, {1: 2}, ["M1"])
    ship(order, {2: 4}, ["M2"])
    poll()
    assert len(sent(shopify)) == 1
    assert {one.target_id for one in records()} == {made["admin_graphql_api_id"]}


def test_what_was_sent_by_hand_without_the_number_names_the_field(
    ordered, ship, poll, shopify
):
    order = ordered()
    [made] = shopify.fulfil_order("#1001")
    ship(order, {1: 2}, ["M1"])
    poll()
    failed = line()
    assert failed.kind == "data" and failed.code == "TOO_MANY"
    [problem] = failed.problems
    assert problem["target"] == "lines[0].quantity"
    assert problem["rule"] == (
        "NetSuite shipped 2 of TENT-2P; order #1001 has 0 left to send in Shopify."
    )
    assert "#1001.1" in failed.why and "add its tracking numbers" in failed.why
    shopify.track(made["admin_graphql_api_id"], numbers=["M1"])
    records().get().enqueue()
    poll()
    assert records().get().state == State.DELIVERED and len(sent(shopify)) == 1


def test_more_than_remains_names_the_line_and_sends_nothing(
    ordered, ship, poll, shopify
):
    order = ordered()
    shopify.edit_order("#1001", {"MUG-BLUE": 1})
    ship(order, {1: 2, 2: 4}, ["X1"])
    poll()
    [problem] = line().problems
    assert problem["target"] == "lines[1].quantity"
    assert (
        "shipped 4 of MUG-BLUE" in problem["rule"] and "has 1 left" in problem["rule"]
    )
    assert sent(shopify) == []


def test_an_unknown_carrier_names_the_value_table(
    ordered, ship, poll, shopify, netsuite
):
    netsuite.add_ship_item("Pigeon post")
    ship(ordered(), shipMethod=method(netsuite, "Pigeon post"))
    poll()
    failed = line()
    assert failed.kind == "mapping"
    assert "Pigeon post" in failed.why and "Carriers" in failed.why
    assert sent(shopify) == []


def test_an_order_that_shopify_does_not_have_says_so(ordered, ship, poll, shopify):
    ship(ordered(), numbers=["G1"])
    shopify.delete_order("#1001")
    poll()
    failed = line()
    assert failed.kind == "data"
    assert "Shopify shows no order" in failed.why
    assert failed.problems[0]["target"] == "orderId"


def test_a_sales_order_of_another_house_is_left_alone_in_words(
    ordered, ship, poll, shopify, netsuite
):
    order = ordered()
    netsuite.change("salesOrder", order, externalId="shopify-other-order-77")
    ship(order, numbers=["O1"])
    poll()
    record = records().get()
    assert record.state == State.EXCLUDED
    assert "did not come from this shop" in record.exclusion
    assert sent(shopify) == []


def test_what_shopify_sent_itself_does_not_come_back(ordered, ship, poll, shopify):
    order = ordered()
    namespace = Connection.objects.get(slug="shopify").namespace
    ship(order, numbers=["E1"], externalId=f"{namespace}-fulfillment-99")
    poll()
    record = records().get()
    assert record.state == State.EXCLUDED
    assert "sent in Shopify first" in record.exclusion
    assert sent(shopify) == []


def test_only_what_is_shipped_counts(ordered, ship, poll, shopify, netsuite):
    key = ship(ordered(), numbers=["W1"], shipStatus={"id": "A"})
    poll()
    assert not records().exists()
    netsuite.change("itemFulfillment", key, shipStatus={"id": "C"})
    poll()
    assert len(sent(shopify)) == 1


def test_the_cursor_stays_and_goes_on(ordered, ship, poll, shopify, out):
    poll()
    assert Flow.objects.get(pk=out.pk).cursor == "1970-01-01T00:00:00"
    ship(ordered(), {1: 1}, ["C1"])
    poll()
    assert Flow.objects.get(pk=out.pk).cursor > "2000"


def test_a_person_reads_the_fulfilment_again(ordered, ship, poll, shopify, netsuite):
    key = ship(ordered(), numbers=["R1"])
    shopify.hold("#1001")
    poll()
    netsuite.change(
        "itemFulfillment", key, package={"items": [{"packageTrackingNumber": "R2"}]}
    )
    found = reread(records().get())
    assert found.is_newer and "R2" in found.after
    with netsuite.lock:
        netsuite.store.records["itemFulfillment"].pop(key)
        netsuite.store.changed["itemFulfillment", key] = netsuite.now()
    with pytest.raises(Refused, match="has it no longer"):
        reread(records().get())
