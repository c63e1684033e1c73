import pytest
import vendor_doubles
from page_builders import in_group, make_record

from errorqueue.failures import Failure, FailureKind, FieldProblem
from errorqueue.services import capture
from integrations.connectors.registry import CONNECTORS, connector_class
from integrations.models import Connection, Flow, SyncRecord
from mappings.models import MappingDocument, MappingRow, MappingVersion


@pytest.fixture(autouse=True)
def vendors(monkeypatch):
    """NetSuite and Shopify, played by small doubles."""
    for kind, name in (("netsuite", "Books"), ("shopify", "Shop")):
        path = f"vendor_doubles.{name}"
        monkeypatch.setitem(CONNECTORS, kind, (CONNECTORS[kind][0], path))
    monkeypatch.setattr(vendor_doubles.Books, "answer", vendor_doubles.Books.answer)
    connector_class.cache_clear()
    yield vendor_doubles
    connector_class.cache_clear()


@pytest.fixture
def operator(db, client):
    client.force_login(in_group("olga", "Operators"))
    return client


@pytest.fixture
def integrator(db, client):
    client.force_login(in_group("anna", "Integration admins"))
    return client


@pytest.fixture
def netsuite(db):
    return Connection.objects.create(
        name="Books",
        slug="books",
        system="netsuite",
        account_id="123456",
        namespace="netsuite-123456",
        auth_method="modern",
        allowance=5,
    )


@pytest.fixture
def shop(db):
    return Connection.objects.create(
        name="Tea shop",
        slug="tea-shop",
        system="shopify",
        account_id="tea.myshopify.com",
        namespace="shopify-tea",
        auth_method="app",
    )


@pytest.fixture
def version(db):
    document = MappingDocument.objects.create(
        name="Orders",
        slug="orders",
        source_system="shopify",
        source_entity="order",
        target_system="netsuite",
        target_record="salesOrder",
    )
    draft = MappingVersion.objects.create(document=document, number=1)
    MappingRow.objects.create(
        version=draft, target="otherRefNum", source="name", required=True
    )
    MappingRow.objects.create(
        version=draft, target="poNum", source="po_number", required=True
    )
    draft.state = MappingVersion.State.PUBLISHED
    draft.save()
    return draft


@pytest.fixture
def flow(shop, netsuite, version):
    return Flow.objects.create(
        name="Orders to books",
        slug="orders-to-books",
        source=shop,
        source_entity="order",
        target=netsuite,
        target_record="salesOrder",
        mapping=version.document,
    )


@pytest.fixture
def record(flow):
    return make_record(flow)


@pytest.fixture
def failed(record):
    """A record that failed for its empty purchase order number."""
    SyncRecord.objects.filter(pk=record.pk).update(state=SyncRecord.State.FAILED)
    record.refresh_from_db()
    failure = Failure(
        kind=FailureKind.DATA,
        what="has no purchase order number",
        why="Books wants one on every order.",
        remedy="Enter the number of the customer's order.",
        problems=(
            FieldProblem(
                target="poNum",
                source="po_number",
                rule="is required",
                remedy="Fill it in.",
            ),
            FieldProblem(target="total", source="total_price", rule="is odd"),
        ),
    )
    capture(record, record.labels(), failure)
    return record
