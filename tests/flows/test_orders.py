from decimal import Decimal

import pytest
from django.core import mail

from errorqueue import services as queue
from errorqueue.models import Alert, FailedRecord
from integrations.models import Attempt, Connection, Flow, Link, SyncRecord

pytestmark = pytest.mark.django_db(transaction=True)


def order(**changes):
    from integrations.simulators.shopify import make_order

    lines = changes.pop("lines", [("TENT-2P", "Two-person tent", "249.00", 1)])
    return make_order(changes.pop("number", 1001), lines=lines, **changes)


@pytest.fixture
def post_order(demo, shopify):
    """Place an order in the store and let its webhooks knock at our door."""

    def post(**changes):
        payload = order(**changes)
        shopify.place_order(payload)
        shopify.deliver_due()
        return payload

    return post


def test_an_order_reaches_netsuite_behind_its_customer(post_order, netsuite, drain):
    payload = post_order(number=1001)
    drain()
    [sent] = netsuite.orders.values()
    [customer] = netsuite.customers.values()
    assert sent["otherRefNum"] == "#1001"
    assert Decimal(sent["total"]) == Decimal(payload["total_price"])
    assert sent["entity"]["id"] == customer["id"]
    assert {record.state for record in SyncRecord.objects.all()} == {"delivered"}
    assert {link.target_record for link in Link.objects.all()} == {
        "customer",
        "salesOrder",
    }
    assert not FailedRecord.objects.exists()


def test_an_unknown_sku_names_field_and_remedy_and_goes_after_one_click(
    post_order, netsuite, drain, order_line
):
    post_order(number=1002, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    line = order_line("#1002")
    [problem] = line.problems
    assert line.kind == "data"
    assert "HAMMOCK-XL" in line.what and problem["value"] == "HAMMOCK-XL"
    assert problem["target"].startswith("item.items[0].item")
    assert "NetSuite" in problem["remedy"]
    assert netsuite.orders == {}

    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    queue.retry(line)
    drain()
    line.refresh_from_db()
    assert line.status == FailedRecord.Status.RESOLVED
    assert [one["otherRefNum"] for one in netsuite.orders.values()] == ["#1002"]


def test_a_time_out_is_tried_again_with_growing_waits(
    post_order, netsuite, drain, let_pass, order_line
):
    Flow.objects.filter(slug="shopify-orders").update(retry_schedule=[60, 120, 240])
    netsuite.fail_next(503, body="<html>maintenance</html>", times=3, path="salesOrder")
    post_order(number=1003)
    drain()
    waits = []
    for tries in (1, 2, 3):
        line = order_line("#1003")
        assert (line.status, line.tries) == (FailedRecord.Status.WAITING, tries)
        assert line.tries_allowed == 4
        waits.append((line.next_try_at - line.last_failed_at).total_seconds())
        let_pass(waits[-1] + 1)
        drain()
    assert waits[0] < waits[1] < waits[2]
    assert not FailedRecord.objects.open().exists()
    assert len(netsuite.orders) == 1


def test_f30_a_lost_answer_is_settled_by_looking_and_not_doubled(
    post_order, netsuite, drain, let_pass
):
    Flow.objects.filter(slug="shopify-orders").update(retry_schedule=[60, 120, 240])
    netsuite.fail_next(lost=True, path="salesOrder")
    post_order(number=1004)
    drain()
    assert len(netsuite.orders) == 1
    assert Attempt.objects.filter(outcome=Attempt.Outcome.UNKNOWN).count() == 1
    let_pass(80)
    drain()
    assert len(netsuite.orders) == 1
    record = SyncRecord.objects.get(label="#1004")
    assert record.state == SyncRecord.State.DELIVERED
    assert "found there already" in record.attempts.order_by("-number")[0].message


def test_f39_a_refused_log_in_holds_everything_and_alerts_once(
    post_order, netsuite, drain, let_pass
):
    post_order(number=1010)
    drain()
    netsuite.revoke_access()
    for number in (1011, 1012, 1013):
        post_order(number=number, email=f"buyer{number}@example.com")
    drain()
    connection = Connection.objects.get(slug="netsuite")
    assert connection.state == Connection.State.REFUSED
    assert SyncRecord.objects.filter(state=SyncRecord.State.HELD).count() >= 3
    assert not FailedRecord.objects.open().exists()
    assert Alert.objects.count() == 1 and len(mail.outbox) == 1
    assert "refuses our log-in" in mail.outbox[0].subject

    netsuite.restore_access()
    let_pass(130)
    drain()
    connection.refresh_from_db()
    assert connection.state == Connection.State.READY
    assert len(netsuite.orders) == 4
    assert Alert.objects.get().closed_at is not None
    assert len(mail.outbox) == 1


def test_f38_overload_that_looks_like_a_refused_log_in_pauses_nothing(
    post_order, netsuite, drain, let_pass
):
    netsuite.fail_next(401, path="salesOrder")
    netsuite.fail_next(401, path="salesOrder")
    post_order(number=1014)
    drain()
    let_pass(30)
    drain()
    assert Connection.objects.get(slug="netsuite").is_ready
    assert len(netsuite.orders) == 1
    assert not Alert.objects.exists()


def test_f37_a_request_over_the_limit_uses_up_no_try(
    post_order, netsuite, drain, let_pass
):
    netsuite.fail_as("CONCURRENCY_LIMIT_EXCEEDED", path="salesOrder")
    post_order(number=1015)
    drain()
    let_pass(10)
    drain()
    assert len(netsuite.orders) == 1
    assert not FailedRecord.objects.exists()


def test_a_test_order_is_kept_out_by_its_named_rule(post_order, netsuite, drain):
    post_order(number=1016, test=True)
    drain()
    record = SyncRecord.objects.get(label="#1016")
    assert record.state == SyncRecord.State.EXCLUDED
    assert "Test order" in record.exclusion
    assert netsuite.orders == {}


def test_f54_older_news_never_overwrites_newer(demo, shopify, drain):
    newer = order(number=1017, updated_at="2026-11-20T12:00:00Z", note="new")
    older = {**newer, "updated_at": "2026-11-20T11:00:00Z", "note": "old"}
    shopify.webhooks.fire("orders/create", newer, "e-1")
    shopify.webhooks.fire("orders/updated", older, "e-2")
    shopify.deliver_due()
    from integrations.inbox.services import read_waiting

    read_waiting()
    record = SyncRecord.objects.get(label="#1017")
    assert (record.source["note"], record.version) == ("new", 1)


def test_a_newer_version_while_failed_is_sent_instead(
    post_order, netsuite, shopify, drain, order_line
):
    payload = post_order(number=1018, lines=[("NOPE", "Typo", "10.00", 1)])
    drain()
    assert order_line("#1018")
    mended = order(number=1018, updated_at="2027-01-01T00:00:00Z")
    mended = {**mended, "id": payload["id"], "customer": payload["customer"]}
    mended["admin_graphql_api_id"] = payload["admin_graphql_api_id"]
    shopify.webhooks.fire("orders/updated", mended, "e-3")
    shopify.deliver_due()
    drain()
    assert not FailedRecord.objects.open().exists()
    assert len(netsuite.orders) == 1


@pytest.mark.parametrize("tax_mode", ["legacy", "suitetax"])
def test_both_tax_modes_give_netsuite_the_same_total(
    post_order, netsuite, drain, tax_mode
):
    netsuite.suitetax = tax_mode == "suitetax"
    Connection.objects.filter(slug="netsuite").update(options={"tax_mode": tax_mode})
    payload = post_order(number=1019, tax_rate="0.08", order_discount="10.00")
    drain()
    [sent] = netsuite.orders.values()
    assert Decimal(payload["total_tax"]) > 0
    assert Decimal(sent["total"]) == Decimal(payload["total_price"])


def test_exclusion_by_a_person_settles_line_and_record(
    post_order, drain, order_line, admin_user
):
    post_order(number=1020, lines=[("NOPE", "Typo", "10.00", 1)])
    drain()
    line = order_line("#1020")
    queue.exclude(line, admin_user, "Cancelled by phone")
    assert SyncRecord.objects.get(label="#1020").state == SyncRecord.State.EXCLUDED
    with pytest.raises(queue.NotOpen):
        queue.retry(line)
