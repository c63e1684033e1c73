"""A mapping that is published says by itself what it mends."""

import pytest

from errorqueue import chores, preflight
from errorqueue.clock import database_time
from errorqueue.models import BulkRun, FailedRecord
from integrations.models import Flow, Link
from integrations.sync import rechecking
from integrations.sync.sweeper import sweep
from mappings import services as mappings
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_publishing_a_mapping_pre_flights_what_failed_on_its_flow(
    post_order, netsuite, drain, admin_user
):
    post_order(number=8801, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 1)])
    drain()
    sweep()
    assert not BulkRun.objects.exists()  # it failed under what is published
    line = FailedRecord.objects.open().get()
    netsuite.add_item("HAMMOCK-XL")
    document = Flow.objects.get(slug="shopify-orders").mapping
    mappings.publish(mappings.new_draft(document, admin_user), admin_user)
    sweep()
    run = BulkRun.objects.get()
    assert (run.verb, run.by) == ("preflight", None)
    assert run.reason.endswith("was published.")
    chores.run()
    line.refresh_from_db()
    assert (line.status, line.preflight) == (FailedRecord.Status.FAILED, "green")
    sweep()
    assert BulkRun.objects.count() == 1


def test_who_dies_while_it_starts_the_runs_leaves_them_to_the_next(
    post_order, netsuite, drain, admin_user, monkeypatch
):
    post_order(number=8802, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 1)])
    drain()
    sweep()
    document = Flow.objects.get(slug="shopify-orders").mapping
    mappings.publish(mappings.new_draft(document, admin_user), admin_user)
    with monkeypatch.context() as death:
        death.setattr(rechecking, "start", _die)
        with pytest.raises(MemoryError):
            rechecking.recheck_after_publishing()
    rechecking.recheck_after_publishing()
    assert BulkRun.objects.count() == 1


def _die(*_args, **_kwargs):
    raise MemoryError


def test_what_waited_for_a_missing_item_is_pre_flighted_once_somebody_made_it(
    post_order, netsuite, drain
):
    for number in (8803, 8804):
        post_order(number=number, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 1)])
    drain()
    sweep()
    first, second = FailedRecord.objects.open().order_by("pk")
    assert not BulkRun.objects.exists()
    netsuite.add_item("HAMMOCK-XL")  # by hand, over there
    preflight.check(first)  # a person looks at one of them
    sweep()
    run = BulkRun.objects.get()
    assert (run.verb, run.cause, run.by) == ("preflight", first.cause, None)
    assert run.reason == "HAMMOCK-XL seems to be there now."
    chores.run()
    second.refresh_from_db()
    assert second.preflight == "green"
    sweep()
    assert BulkRun.objects.count() == 1


def test_a_record_that_waybill_made_starts_the_pre_flight_of_its_cause(
    post_order, netsuite, drain
):
    post_order(number=8805, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 1)])
    drain()
    sweep()
    line = FailedRecord.objects.open().get()
    flow = line.subject.flow
    Link.objects.create(
        source_connection=flow.source,
        source_entity="product",
        source_id="7",
        target_connection=flow.target,
        target_record="inventoryItem",
        target_id="77",
        external_id=line.cause.value,
        made_at=database_time(),
    )
    sweep()
    assert BulkRun.objects.get().cause == line.cause
