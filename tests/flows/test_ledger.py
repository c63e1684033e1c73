"""Ways in which records were once lost, doubled or stuck."""

from datetime import timedelta

import pytest
from django.db import OperationalError

from errorqueue import services as queue
from errorqueue.clock import database_time
from errorqueue.models import Alert, FailedRecord
from integrations.connectors.errors import ServerFault
from integrations.connectors.netsuite.connector import NetSuite
from integrations.inbox import services as inbox
from integrations.models import (
    CachedLookup,
    Connection,
    Flow,
    InboxEvent,
    SyncRecord,
)
from integrations.models import record as record_module
from integrations.models.account import keyless_of
from integrations.sync import access, accounts, flows, polling, runner, slots
from integrations.sync.drain import Drain, Passage
from integrations.sync.places import changed_places, is_money
from integrations.sync.sweeper import sweep
from tests.flows.test_orders import order, post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

LEASE = timedelta(seconds=20)
State = SyncRecord.State


@pytest.fixture
def target(demo):
    return Connection.objects.get(slug="netsuite")


def newer(record, **changes):
    """Let the source tell a newer version of a record."""
    payload = {**record.source, "updated_at": "2036-01-01T00:00:00Z", **changes}
    connector = keyless_of(record.flow.source)
    found = connector.source_object(record.flow.source_entity, payload)
    return SyncRecord.objects.remember(record.flow, found)[1]


def doubled(number):
    """Lines and totals of the same order with two tents."""
    lines = [("TENT-2P", "Two-person tent", "249.00", 2)]
    kept = ("id", "admin_graphql_api_id", "updated_at", "customer", "name")
    changed = order(number=number, lines=lines)
    return {name: value for name, value in changed.items() if name not in kept}


def test_orders_that_come_while_a_flow_is_off_go_when_it_is_on(
    post_order, netsuite, drain
):
    flow = Flow.objects.get(slug="shopify-orders")
    flows.turn_off(flow)
    post_order(number=1)
    drain()
    assert netsuite.orders == {}
    assert SyncRecord.objects.get(label="#1").state == State.WAITING
    flows.turn_on(flow)
    drain()
    assert len(netsuite.orders) == 1


def test_f19_a_busy_database_quarantines_no_delivery(
    post_order, drain, let_pass, monkeypatch
):
    post_order(number=2)

    def busy(event, takers):
        raise OperationalError("deadlock detected")

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "_dispatch", busy)
        inbox.read_waiting()
    assert not InboxEvent.objects.filter(state="quarantined").exists()
    let_pass(25)
    drain()
    assert SyncRecord.objects.get(label="#2").state == State.DELIVERED


def test_f19_a_busy_database_sends_no_record_to_a_person(
    post_order, drain, let_pass, monkeypatch
):
    Flow.objects.update(retry_schedule=[60])

    def busy(*args):
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(runner, "map_payload", busy)
        post_order(number=3)
        drain()
    line = FailedRecord.objects.open().first()
    assert line.status == FailedRecord.Status.WAITING
    let_pass(90)
    drain()
    assert SyncRecord.objects.get(label="#3").state == State.DELIVERED


def test_f61_a_delivery_that_kills_workers_takes_no_neighbour_along(
    post_order, drain, let_pass, monkeypatch
):
    for number in range(40, 44):
        post_order(number=number)
    poison = InboxEvent.objects.order_by("received_at", "pk").first()
    dispatch = inbox._dispatch

    class Killed(BaseException):
        pass

    def deadly(event, takers):
        if event.pk == poison.pk:
            raise Killed
        dispatch(event, takers)

    monkeypatch.setattr(inbox, "_dispatch", deadly)
    for _ in range(3):
        with pytest.raises(Killed):
            inbox.read_waiting()
        let_pass(25)
    drain()
    [event] = InboxEvent.objects.filter(state="quarantined")
    assert event.pk == poison.pk


def test_f33_a_nul_in_a_vendors_answer_is_settled_like_any_other(
    post_order, netsuite, drain
):
    netsuite.fail_next(503, body=b"<html>\x00 maintenance", path="salesOrder")
    Flow.objects.update(retry_schedule=[600])
    post_order(number=4)
    drain()
    line = FailedRecord.objects.open().get(reference="#4")
    assert line.kind == "temporary"
    assert SyncRecord.objects.get(label="#4").state == State.WAITING


def test_a_change_during_the_create_does_not_end_in_a_conflict(
    post_order, netsuite, drain, target, monkeypatch
):
    post_order(number=5)
    inbox.read_waiting()
    [customer] = SyncRecord.objects.claim(target, "w", 1, LEASE)
    runner.run(customer)
    [record] = SyncRecord.objects.claim(target, "w", 1, LEASE)
    write = runner.write

    def write_while_changed(*args):
        written = write(*args)
        newer(record, **doubled(5))
        return written

    with monkeypatch.context() as patch:
        patch.setattr(runner, "write", write_while_changed)
        runner.run(record)
    drain()
    record.refresh_from_db()
    assert (record.state, record.delivered_version) == (State.DELIVERED, 1)
    assert not FailedRecord.objects.exists()


def test_what_a_look_finds_counts_as_the_version_sent_then(
    post_order, netsuite, drain, let_pass
):
    Flow.objects.filter(slug="shopify-orders").update(retry_schedule=[600])
    netsuite.fail_next(lost=True, path="salesOrder")
    post_order(number=6)
    drain()
    record = SyncRecord.objects.get(label="#6")
    newer(record, **doubled(6))
    drain()
    record.refresh_from_db()
    assert (record.state, record.version, record.delivered_version) == (
        State.DELIVERED,
        2,
        1,
    )


def test_f09_no_request_leaves_for_a_record_whose_claim_has_ended(
    post_order, drain, target
):
    post_order(number=7)
    inbox.read_waiting()
    [record] = SyncRecord.objects.claim(target, "w", 1, LEASE)
    record.good_until = 0.0
    drain = Drain(target)
    drain._take(1, Flow.Lane.INTERACTIVE)
    with pytest.raises(slots.SlotLost), drain._gate(Passage(record)):
        raise AssertionError("a request left")


def test_a_slot_whose_lease_ended_is_not_renewed(target):
    [held] = slots.take(target, "w", 1, 0)
    assert slots.renew(held, 20) is False


def test_a_slot_given_back_cannot_be_renewed_by_a_late_heartbeat(target):
    [held] = slots.take(target, "w", 1, 20)
    slots.give_back(held)
    assert slots.renew(held, 20) is False


def test_a_log_in_that_cannot_be_checked_is_told_after_five_minutes(
    demo, target, drain, let_pass, monkeypatch
):
    def down(self):
        raise ServerFault("down")

    monkeypatch.setattr(NetSuite, "probe", down)
    access.suspect(target)
    for _ in range(4):
        drain()
        let_pass(130)
    assert Alert.objects.filter(key=f"access:{target.pk}").exists()


def test_a_pause_during_a_check_outlasts_it(target, monkeypatch):
    access.refuse(target, "no")
    call = accounts._call

    def pause_meanwhile(connection):
        accounts.pause(Connection.objects.get(pk=target.pk), "bob", "month end")
        return call(connection)

    monkeypatch.setattr(accounts, "_call", pause_meanwhile)
    accounts.check(Connection.objects.get(pk=target.pk))
    target.refresh_from_db()
    assert target.state == Connection.State.PAUSED


def test_one_object_that_cannot_be_entered_stops_no_poll(netsuite, drain, monkeypatch):
    flow = Flow.objects.get(slug="netsuite-inventory")
    Flow.objects.filter(pk=flow.pk).update(is_enabled=True)
    columns = record_module.source_columns

    def refuse_tents(flow, found, event):
        if "TENT" in found.label:
            raise ValueError("broken")
        return columns(flow, found, event)

    monkeypatch.setattr(record_module, "source_columns", refuse_tents)
    assert polling.poll(flow.pk) == 6
    assert SyncRecord.objects.filter(flow=flow).count() == 5
    assert Alert.objects.filter(key=f"poll:{flow.pk}").count() == 1


def test_a_poll_out_of_time_goes_on_where_it_stopped(netsuite, drain, settings):
    flow = Flow.objects.get(slug="netsuite-inventory")
    Flow.objects.filter(pk=flow.pk).update(is_enabled=True)
    settings.DRAIN_SECONDS = 0
    seen = set()
    for _ in range(20):
        polling.poll(flow.pk)
        seen = set(SyncRecord.objects.filter(flow=flow).values_list("label", flat=True))
        if len(seen) == 6:
            break
    assert len(seen) == 6


def test_a_record_left_behind_on_a_flow_that_is_off_waits_again(
    post_order, drain, target, let_pass
):
    post_order(number=8)
    inbox.read_waiting()
    SyncRecord.objects.claim(target, "dead", 5, LEASE)
    Flow.objects.update(is_enabled=False)
    let_pass(25)
    sweep()
    assert not SyncRecord.objects.filter(state=State.RUNNING).exists()


def test_a_held_order_is_looked_at_again_when_it_changes(post_order, drain, netsuite):
    post_order(number=9)
    inbox.read_waiting()
    record = SyncRecord.objects.get(label="#9")
    customer = SyncRecord.objects.get(flow__slug="shopify-customers")
    SyncRecord.objects.filter(pk=customer.pk).update(state=State.EXCLUDED)
    SyncRecord.objects.filter(pk=record.pk).update(
        state=State.HELD,
        hold="record",
        held_on=customer,
        hold_until=database_time() + LEASE,
    )
    newer(record)
    record.refresh_from_db()
    assert (record.state, record.hold) == (State.WAITING, "")


def test_a_rules_exclusion_ends_when_a_newer_version_passes(
    post_order, drain, netsuite
):
    payload = post_order(number=10, test=True)
    drain()
    record = SyncRecord.objects.get(label="#10")
    assert record.state == State.EXCLUDED
    newer(record, test=False, note=str(payload["id"]))
    drain()
    record.refresh_from_db()
    assert record.state == State.DELIVERED


def test_a_persons_exclusion_outlasts_newer_versions(
    post_order, drain, order_line, admin_user
):
    post_order(number=11, lines=[("NOPE", "Typo", "10.00", 1)])
    drain()
    queue.exclude(order_line("#11"), admin_user, "Rule: cancelled by phone")
    record = SyncRecord.objects.get(label="#11")
    newer(record, note="again")
    record.refresh_from_db()
    assert record.state == State.EXCLUDED


def test_older_news_changes_neither_payload_nor_state(post_order, drain):
    post_order(number=12)
    drain()
    record = SyncRecord.objects.get(flow__slug="shopify-customers")
    assert record.state == State.DELIVERED
    columns = {"source": {"id": 1}, "changed_at": database_time() - timedelta(days=9)}
    SyncRecord.objects.filter(pk=record.pk).update(changed_at=database_time())
    assert record.renew(columns) is False
    assert SyncRecord.objects.get(pk=record.pk).state == State.DELIVERED


def test_f49_a_stale_kept_id_is_asked_for_again_by_itself(
    post_order, netsuite, drain, target
):
    post_order(number=13)
    drain()
    kept = CachedLookup.objects.get(connection=target, record="item", value="TENT-2P")
    CachedLookup.objects.filter(pk=kept.pk).update(target_id="99999")
    post_order(number=14)
    drain()
    assert SyncRecord.objects.get(label="#14").state == State.DELIVERED
    assert not CachedLookup.objects.filter(target_id="99999").exists()


def test_f49_a_refreshed_sandbox_keeps_no_id_and_sends_nothing(
    post_order, netsuite, drain, target, admin_user
):
    post_order(number=15)
    drain()
    accounts.mark_refreshed(target, admin_user)
    assert not CachedLookup.objects.filter(connection=target).exists()
    post_order(number=16)
    drain()
    assert target.state == Connection.State.REFRESHED
    assert len(netsuite.orders) == 1


def test_retry_now_asks_the_target_afresh(post_order, netsuite, drain, order_line):
    post_order(number=17, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 1)])
    drain()
    record = SyncRecord.objects.get(label="#17")
    record.enqueue()
    record.refresh_from_db()
    assert record.asks_afresh
    netsuite.add_item("HAMMOCK-XL")
    drain()
    record.refresh_from_db()
    assert (record.state, record.asks_afresh) == (State.DELIVERED, False)


def test_f88_money_cannot_hide_behind_a_name_that_looks_like_its_place():
    before = {"line_items": [{"price": "10.00"}]}
    after = {"line_items": [{"price": "1.00"}], "line_items[0].price": "10.00"}
    assert any(is_money(place) for place in changed_places(before, after))


def test_a_retried_delivery_of_an_unwanted_topic_closes_its_line(demo, target):
    shop = Connection.objects.get(slug="shopify")
    event = InboxEvent.objects.create(
        connection=shop,
        delivery_id="d",
        topic="themes/publish",
        body=b"{}",
        digest="x",
        received_at=database_time(),
    )
    inbox.quarantine(event, "looked broken")
    line = FailedRecord.objects.get()
    queue.retry(line)
    inbox.read_waiting()
    line.refresh_from_db()
    assert line.status == FailedRecord.Status.RESOLVED


def test_a_missing_permission_is_named_in_line_and_alert(
    post_order, netsuite, drain, order_line
):
    netsuite.role_permissions = set(netsuite.role_permissions) - {"salesOrder"}
    post_order(number=18)
    drain()
    line = order_line("#18")
    assert "Transactions > Sales Order" in line.why
    [alert] = Alert.objects.all()
    assert alert.link.endswith(f"/failedrecord/{line.pk}/change/")


def test_f54_an_older_version_that_waited_for_a_newer_one_stays_out(
    post_order, drain, target
):
    """The row is locked by the newer one while the older one asks for it."""
    from threading import Thread

    from django.db import connection, connections, transaction

    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets one writer in at a time.")
    post_order(number=2110)
    while inbox.read_waiting():
        pass
    customer = SyncRecord.objects.get(flow__slug="shopify-customers")
    known = {"changed_at": customer.changed_at, "email": ""}
    late = {**known, "changed_at": customer.changed_at + timedelta(hours=1)}
    soon = {**known, "changed_at": customer.changed_at + timedelta(hours=2)}
    outcomes = []

    def older():
        outcomes.append(SyncRecord.objects.get(pk=customer.pk).renew(late))
        connections.close_all()

    with transaction.atomic():
        assert customer.renew(soon)
        waiting = Thread(target=older)
        waiting.start()
        waiting.join(0.5)
    waiting.join()
    assert outcomes == [False]
    customer.refresh_from_db()
    assert customer.changed_at == soon["changed_at"]
