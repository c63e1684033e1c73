"""No unsigned mapping writes to production, however a flow came to it."""

import pytest

from errorqueue import services as queue
from errorqueue.failures import RetryChoice, Start
from errorqueue.models import FailedRecord
from integrations.models import Connection, Flow, SyncRecord
from integrations.sync import preflight
from mappings import services
from mappings.models import MappingDocument
from tests.flows.test_orders import post_order
from tests.flows.test_preflight import REFUSED

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def flow(demo):
    return Flow.objects.get(slug="shopify-orders")


@pytest.fixture
def twin(flow):
    """Another document for the same records, with one published version."""
    before = flow.mapping
    made = MappingDocument.objects.create(
        name="Twin",
        slug="twin",
        **{
            name: getattr(before, name)
            for name in (
                *("source_system", "source_entity"),
                *("target_system", "target_record"),
            )
        },
    )
    draft = services.new_draft(made, None)
    services._copy(before.published(), draft)  # noqa: SLF001
    services.publish(draft, None)
    return made


def test_a_sandbox_document_never_writes_to_an_account_that_became_production(
    flow, post_order, drain, netsuite
):
    Connection.objects.filter(pk=flow.target_id).update(environment="production")
    post_order(number=1)
    drain()
    assert netsuite.orders == {}
    line = FailedRecord.objects.open().get(reference="#1")
    assert "only what is signed reaches production" in line.why
    assert line.kind == "mapping"
    preflight.memory.clear()
    found = preflight.preflight(SyncRecord.objects.get(label="#1"))
    assert found.light == "red"


@pytest.mark.parametrize("start", [Start.MAPPING, Start.SENT])
def test_what_was_chosen_for_a_retry_does_not_outlive_the_document_of_its_flow(
    flow, twin, post_order, drain, netsuite, start
):
    netsuite.fail_next(400, body=REFUSED, path="salesOrder")
    post_order(number=7)
    drain()
    line = FailedRecord.objects.open().get(reference="#7")
    pinned = flow.mapping.published().pk if start == Start.MAPPING else None
    queue.retry(line, choice=RetryChoice(start, version=pinned))
    Flow.objects.filter(pk=flow.pk).update(mapping=twin)
    drain()
    assert netsuite.orders == {}
    line.refresh_from_db()
    assert "goes by Twin now" in line.why
    queue.retry(line)
    drain()
    [_] = netsuite.orders.values()
