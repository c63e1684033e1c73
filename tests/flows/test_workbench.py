"""What a person can do about one record: ways out, mending, looking, reading again."""

from datetime import timedelta

import pytest

from errorqueue import services as queue
from errorqueue.clock import database_time
from errorqueue.failures import Light, Refused, RetryChoice, RouteKind, Start
from errorqueue.models import Action, FailedRecord
from errorqueue.workbench import workbench_of
from integrations.models import (
    Attempt,
    AuditEntry,
    Connection,
    Flow,
    Link,
    Metadata,
    SyncRecord,
)
from integrations.simulators.shopify import make_order
from integrations.sync import preflight
from integrations.sync.routes import routes
from mappings.models import MappingDocument, ValueTable
from tests.flows.test_orders import post_order
from tests.flows.test_preflight import REFUSED, failed
from tests.flows.test_retry_choice import publish_with_memo

__all__ = ["failed", "post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State
STREET = "Very long street name, number 12, back yard, third door on the left"


@pytest.fixture(autouse=True)
def _forget():
    preflight.memory.clear()


@pytest.fixture
def misaddressed(post_order, netsuite, drain, order_line):
    """An order whose street is too long for this account; its customer is there."""
    post_order(number=8)
    drain()
    netsuite.address_line_limit = 40
    options = {"address_line_length": "40"}
    Connection.objects.filter(slug="netsuite").update(options=options)
    usual = make_order(9)["shipping_address"]
    long = {**usual, "address1": STREET}
    post_order(number=9, shipping_address=long, billing_address=usual)
    drain()
    return order_line("#9")


@pytest.fixture
def lost(post_order, netsuite, drain, order_line):
    """An order that NetSuite took, but whose answer never came (F30)."""
    Flow.objects.filter(slug="shopify-orders").update(retry_schedule=[600])
    netsuite.fail_next(lost=True, path="salesOrder")
    post_order(number=10)
    drain()
    return order_line("#10")


def bench_of(line):
    return workbench_of(FailedRecord.objects.get(pk=line.pk))


def record_of(line):
    return SyncRecord.objects.get(pk=line.object_id)


# Options of a retry


def test_the_dialog_offers_what_can_be_done(post_order, netsuite, drain, order_line):
    netsuite.fail_next(400, body=REFUSED, path="salesOrder")
    post_order(number=11)
    drain()
    old = publish_with_memo("second version")
    options = bench_of(order_line("#11")).options()
    starts = [start for start, _ in options.starts]
    assert starts == [Start.MAPPING, Start.SENT, Start.LOOK]
    current = MappingDocument.objects.get(slug="shopify-order").published()
    assert [pk for pk, _ in options.versions] == [current.pk, old.pk]
    first, second = (words for _, words in options.versions)
    assert "current" in first and "as at the failure" in second
    assert options.can_reread and options.can_look


def test_what_was_never_sent_is_not_offered_to_be_sent_again(failed):
    starts = [start for start, _ in bench_of(failed).options().starts]
    assert starts == [Start.MAPPING, Start.LOOK]


# Ways out


def routes_by_kind(line):
    found = {}
    for route in bench_of(line).routes(line.problems):
        found.setdefault(route.kind, []).append(route)
    return found


def test_all_five_ways_out_stand_side_by_side_in_order(failed, netsuite):
    kinds = [route.kind for route in bench_of(failed).routes(failed.problems)]
    assert list(dict.fromkeys(kinds)) == list(RouteKind)
    found = routes_by_kind(failed)
    assert found[RouteKind.MEND][0].url.endswith("/edit/")
    document = MappingDocument.objects.get(slug="shopify-order")
    version = document.published()
    [row] = found[RouteKind.MAPPING]
    assert row.url == f"/admin/mappings/mappingversion/{version.pk}/change/"
    [create] = found[RouteKind.CREATE]
    assert "HAMMOCK-XL" in create.label and create.is_outside
    assert create.url.startswith("http://netsuite.test/")
    [elsewhere] = found[RouteKind.ELSEWHERE]
    key = record_of(failed).source_key
    assert elsewhere.url == f"http://shopify.test/admin/orders/{key}"
    assert elsewhere.is_outside


def test_a_missing_table_row_leads_to_its_table(post_order, drain, order_line):
    post_order(number=12, shipping=[("Donkey", "9.00")])
    drain()
    line = order_line("#12")
    table = ValueTable.objects.get(name="Shipping methods")
    found = routes_by_kind(line)
    urls = [route.url for route in found[RouteKind.MAPPING]]
    assert f"/admin/mappings/valuetable/{table.pk}/change/" in urls
    assert "'Donkey'" in found[RouteKind.MAPPING][0].text


def test_a_customer_that_failed_is_the_thing_to_send_first(post_order, netsuite, drain):
    netsuite.fail_next(400, body=REFUSED, path="customer")
    post_order(number=13)
    drain()
    customer = FailedRecord.objects.open().get(entity="customer")
    found = routes(SyncRecord.objects.get(label="#13"), [])
    [create] = [one for one in found if one.kind == RouteKind.CREATE]
    assert customer.human_id in create.text
    assert create.url == f"/admin/errorqueue/failedrecord/{customer.pk}/change/"


# Mending


def test_a_broken_field_shows_its_tightest_limit(misaddressed):
    [field] = bench_of(misaddressed).broken(misaddressed.problems)
    assert field.place == "shipping_address.address1"
    assert field.label == "Shipping address, address1"
    assert (field.value, field.longest) == (STREET, 40)


def test_a_limit_that_only_the_account_knows_is_shown(
    failed, netsuite, post_order, drain
):
    netsuite.address_line_limit = 7
    problem = {
        "target": "shippingAddress.addr1",
        "source": "shipping_address.address1",
    }
    [field] = bench_of(failed).broken([problem])
    assert field.longest == 7
    kept = Metadata.objects.get(name="fields of salesOrder")
    asked = len(netsuite.journal)
    assert bench_of(failed).broken([problem])[0].longest == 7
    assert len(netsuite.journal) == asked
    Metadata.objects.filter(pk=kept.pk).update(read_at="2020-01-01T00:00:00Z")
    netsuite.address_line_limit = 9
    assert bench_of(failed).broken([problem])[0].longest == 9


def test_metadata_of_an_account_that_is_away_is_used_with_its_age(failed, netsuite):
    problem = {"target": "currency.id", "source": "currency"}
    bench = bench_of(failed)
    live = bench.broken([{**problem, "source": "name"}])[0]
    assert ("USD", "USD") in [(value, value) for value, _ in live.allowed]
    assert "read just now" in live.rule
    Metadata.objects.update(read_at=database_time() - timedelta(hours=3))
    netsuite.fail_next(503, times=50)
    old = bench_of(failed).broken([{**problem, "source": "name"}])[0]
    assert old.allowed == live.allowed and "read 3 h ago" in old.rule


def test_a_value_of_a_table_offers_the_table_and_mends_the_order(
    post_order, drain, order_line, netsuite, admin_user
):
    post_order(number=14, shipping=[("Donkey", "9.00")])
    drain()
    line = order_line("#14")
    [field] = bench_of(line).broken(line.problems)
    assert field.place == "shipping_lines[0].title" and field.value == "Donkey"
    assert ("Express", "Express → Express") in field.allowed
    left = bench_of(line).mend({field.place: "Express"}, admin_user, "Meant Express")
    assert list(left) == []
    drain()
    [sent] = netsuite.orders.values()
    express = netsuite.store.holder("shipItem", "Express")
    assert sent["shipMethod"]["id"] == express.id
    record = record_of(line)
    assert record.source["shipping_lines"][0]["title"] == "Donkey"
    assert record.edited["shipping_lines"][0]["title"] == "Express"
    assert Action.objects.get(failed=line, verb="edit").by == admin_user


def test_mending_saves_nothing_while_something_is_wrong(misaddressed, admin_user):
    place = "shipping_address.address1"
    bench = bench_of(misaddressed)
    [left] = bench.mend({place: f"{STREET} again"}, admin_user, "Try")
    assert left.source == place and "40" in left.rule
    record = record_of(misaddressed)
    assert (record.state, record.edited) == (State.FAILED, None)
    assert list(bench.mend({place: "Short Street 1"}, admin_user, "Cut")) == []
    assert record_of(misaddressed).state == State.WAITING


def test_a_text_too_long_for_live_metadata_is_not_saved(failed, netsuite, admin_user):
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    netsuite.address_line_limit = 7
    bench = bench_of(failed)
    left = bench.mend({"shipping_address.city": "Ghent"}, admin_user, "City")
    assert any("takes 7" in one.rule for one in left)
    assert record_of(failed).edited is None


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"total_price": "1.00"}, "Amounts may not be edited"),
        ({"line_items": "none"}, "no single value"),
        ({"nowhere[3].x": "a"}, "no single value"),
        ({}, "Nothing was changed"),
    ],
)
def test_what_cannot_be_mended_is_refused_in_words(failed, admin_user, values, told):
    with pytest.raises(Refused, match=told):
        bench_of(failed).mend(values, admin_user, "Try")
    assert record_of(failed).edited is None


def test_a_number_is_not_mended_by_words(failed, admin_user):
    [left] = bench_of(failed).mend({"order_number": "many"}, admin_user, "Try")
    assert "number" in left.rule and left.value == "many"


def test_what_is_on_its_way_is_not_mended(failed, netsuite, admin_user):
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    SyncRecord.objects.filter(pk=failed.object_id).update(state=State.RUNNING)
    with pytest.raises(Refused, match="being delivered"):
        bench_of(failed).mend({"note": "x"}, admin_user, "Try")


# Looking and adopting


def test_a_lost_answer_is_looked_for_and_adopted(lost, netsuite, admin_user, drain):
    [stands] = netsuite.orders.values()
    found = bench_of(lost).look()
    assert (found.light, found.is_same) == (Light.GREEN, True)
    assert found.target_id == stands["id"] and "no difference" in found.proof
    bench_of(lost).adopt(stands["id"], admin_user, "Saw it in NetSuite")
    lost.refresh_from_db()
    assert (lost.status, lost.ending) == ("resolved", FailedRecord.Ending.THERE)
    assert lost.settled_by == admin_user and "Saw it in NetSuite" in lost.settled_how
    record = record_of(lost)
    assert (record.state, record.target_id) == (State.DELIVERED, stands["id"])
    assert record.external_id == stands["externalId"]
    assert not Attempt.objects.filter(outcome__in=Attempt.UNSETTLED).exists()
    assert AuditEntry.objects.get(verb="adopted").by == admin_user
    assert Link.objects.filter(target_id=stands["id"]).count() == 1
    drain()
    assert len(netsuite.orders) == 1


def test_what_is_not_there_is_not_adopted(failed, admin_user):
    found = bench_of(failed).look()
    assert found.light == Light.GREEN and "nothing under" in found.note
    with pytest.raises(Refused, match="it has none"):
        bench_of(failed).adopt("12345", admin_user, "I am sure")
    assert record_of(failed).state == State.FAILED
    assert FailedRecord.objects.open().filter(pk=failed.pk).exists()
    assert not Link.objects.filter(target_record="salesOrder").exists()


def test_another_id_than_the_one_found_is_not_adopted(lost, netsuite, admin_user):
    with pytest.raises(Refused, match="it has "):
        bench_of(lost).adopt("999999", admin_user, "I am sure")
    assert record_of(lost).state == State.WAITING


def test_adopting_asks_for_a_reason(lost, netsuite, admin_user):
    [stands] = netsuite.orders.values()
    with pytest.raises(Refused, match="Say in a few words"):
        bench_of(lost).adopt(stands["id"], admin_user, "  ")


def test_what_stands_there_but_differs_is_shown_field_by_field(lost, netsuite):
    with netsuite.lock:
        [key] = [one.id for one in netsuite.store.of_type("salesOrder").values()]
        netsuite.store.get("salesOrder", key).values["otherRefNum"] = "CHANGED"
    found = bench_of(lost).look()
    assert found.light == Light.AMBER and not found.is_same
    assert [one.target for one in found.problems] == ["otherRefNum"]


def test_nothing_there_yet_is_no_proof_while_a_request_may_land(
    post_order, netsuite, drain, order_line
):
    Flow.objects.filter(slug="shopify-orders").update(retry_schedule=[600])
    netsuite.fail_next(504, path="salesOrder")
    post_order(number=15)
    drain()
    line = order_line("#15")
    assert line.is_unknown
    found = bench_of(line).look()
    assert found.light == Light.AMBER and "may still arrive" in found.note


def test_looking_says_in_words_when_the_account_is_away(lost, netsuite):
    netsuite.fail_next(503, times=9)
    with pytest.raises(Refused, match="could not be asked"):
        bench_of(lost).look()


def test_a_record_that_moved_on_is_not_adopted(lost, netsuite, admin_user):
    [stands] = netsuite.orders.values()
    bench = bench_of(lost)
    SyncRecord.objects.filter(pk=lost.object_id).update(state=State.RUNNING)
    with pytest.raises(Refused, match="moved on"):
        bench.adopt(stands["id"], admin_user, "Saw it")
    assert FailedRecord.objects.open().filter(pk=lost.pk).exists()


# Reading again


def test_what_the_source_holds_now_is_shown_and_taken(
    failed, shopify, netsuite, admin_user, drain
):
    shopify.update_order("#1", note="Ring twice")
    shown = bench_of(failed).reread()
    assert shown.is_newer and shown.mark
    assert "Ring twice" in shown.after and "Ring twice" not in shown.before
    version = record_of(failed).version
    bench_of(failed).take_reread(shown.mark, admin_user)
    record = record_of(failed)
    assert (record.version, record.source["note"]) == (version + 1, "Ring twice")
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    failed.refresh_from_db()
    queue.retry(failed, admin_user, choice=RetryChoice())
    drain()
    [sent] = netsuite.orders.values()
    assert sent["memo"] == "Ring twice"


def test_a_stale_view_of_the_source_is_refused(failed, shopify, admin_user):
    shopify.update_order("#1", note="Ring twice")
    shown = bench_of(failed).reread()
    shopify.update_order("#1", note="Ring three times")
    before = record_of(failed)
    for mark in (shown.mark, "", "made up"):
        with pytest.raises(Refused, match="changed since you looked"):
            bench_of(failed).take_reread(mark, admin_user)
    after = record_of(failed)
    assert (after.version, after.source) == (before.version, before.source)


def test_a_record_that_moved_on_makes_the_view_stale(failed, shopify, admin_user):
    shopify.update_order("#1", note="Ring twice")
    shown = bench_of(failed).reread()
    SyncRecord.objects.filter(pk=failed.object_id).update(version=7)
    with pytest.raises(Refused, match="changed since you looked"):
        bench_of(failed).take_reread(shown.mark, admin_user)


def test_what_the_source_no_longer_has_is_refused_in_words(failed, shopify, admin_user):
    with shopify.lock:
        shopify.store.orders.clear()
    with pytest.raises(Refused, match="has it no longer"):
        bench_of(failed).reread()
    with pytest.raises(Refused, match="has it no longer"):
        bench_of(failed).take_reread("anything", admin_user)
    assert record_of(failed).state == State.FAILED


def test_a_customer_is_read_again_as_well(post_order, netsuite, shopify, drain):
    netsuite.fail_next(400, body=REFUSED, path="customer")
    payload = post_order(number=16)
    drain()
    line = FailedRecord.objects.open().get(entity="customer")
    shopify.update_customer(str(payload["customer"]["id"]), first_name="Janet")
    assert "Janet" in bench_of(line).reread().after
