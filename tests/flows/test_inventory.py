import pytest
from django.core import mail

from errorqueue.models import Alert, FailedRecord
from integrations.models import Flow

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def poll(demo):
    """Ask NetSuite for its stock at the next sweep."""
    return lambda: Flow.objects.filter(slug="netsuite-inventory").update(
        is_enabled=True, polled_at=None
    )


def test_stock_of_netsuite_reaches_shopify(netsuite, shopify, drain, poll):
    poll()
    netsuite.set_stock("TENT-2P", "Main warehouse", 17)
    drain()
    assert available(shopify, "TENT-2P") == 17
    assert not FailedRecord.objects.exists()


def test_a_stock_failure_alerts_at_once_and_once(netsuite, shopify, drain, poll):
    poll()
    drain()
    netsuite.add_item("NEW-IN-ERP", name="Not in the shop yet")
    netsuite.set_stock("NEW-IN-ERP", "Main warehouse", 4)
    poll()
    drain()
    line = FailedRecord.objects.open().get()
    assert "NEW-IN-ERP" in line.what
    assert Alert.objects.count() == 1 and len(mail.outbox) == 1
    assert "Stock to Shopify" in mail.outbox[0].subject


def available(shopify, sku: str) -> int:
    store = shopify.store
    [variant] = [one for one in store.variants if one.sku == sku]
    [level] = store.levels_of(variant.item_id)
    return level.available
