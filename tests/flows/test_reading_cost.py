"""What the reading of a delivery asks the database for."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from integrations.inbox import services as inbox
from integrations.models import InboxEvent
from integrations.studio import seen
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)


def statements(limit: int) -> int:
    with CaptureQueriesContext(database) as queries:
        assert inbox.read_waiting(limit)
    return len(queries)


def test_one_more_delivery_of_a_batch_costs_no_more_than_this(post_order):
    for number in range(5060, 5072):
        post_order(number=number)
    inbox.read_waiting(2)  # the customer is known from here on
    few, many = statements(2), statements(6)
    assert (many - few) / 4 <= 16


def test_the_scan_for_values_never_passes_a_delivery_that_is_unread(
    post_order, monkeypatch
):
    monkeypatch.setattr(seen, "SETTLED", seen.timedelta(0))
    for number in (5080, 5081, 5082):
        post_order(number=number)
    while inbox.read_waiting():
        pass
    events = list(InboxEvent.objects.order_by("pk"))
    InboxEvent.objects.filter(pk=events[1].pk).update(
        state=InboxEvent.State.RECEIVED, processed_at=None
    )
    fresh = seen._fresh_events()
    assert [event.pk for event in fresh.order_by("pk")] == [events[0].pk]
