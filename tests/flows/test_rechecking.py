"""A mapping that is published says by itself what it mends."""

import pytest

from errorqueue import chores
from errorqueue.models import BulkRun, FailedRecord
from integrations.models import Flow
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
