"""An account, a flow of orders, a flow of catalogue work, and records that wait."""

from datetime import timedelta

import pytest

from errorqueue.clock import database_time
from integrations.models import Connection, Flow, SyncRecord
from mappings.models import MappingDocument


@pytest.fixture
def account(transactional_db) -> Connection:
    return Connection.objects.create(
        name="Account",
        slug="account",
        system="netsuite",
        account_id="1",
        namespace="n",
        auth_method="tba",
        allowance=3,
        reserve=1,
    )


@pytest.fixture
def make_flow(account):
    def make(name: str, **columns) -> Flow:
        document, _ = MappingDocument.objects.get_or_create(
            slug="document", defaults={"name": "Document"}
        )
        return Flow.objects.create(
            name=name,
            slug=name,
            source=account,
            source_entity="order",
            target=account,
            target_record="salesOrder",
            mapping=document,
            **columns,
        )

    return make


@pytest.fixture
def orders(make_flow) -> Flow:
    return make_flow("orders")


@pytest.fixture
def bulk(make_flow) -> Flow:
    return make_flow("bulk", lane=Flow.Lane.BULK)


@pytest.fixture
def enter():
    """Enter records that wait since so many seconds, as keys of a flow."""

    def enter_all(flow: Flow, *keys: str, age: float = 10, **columns):
        now = database_time()
        return [
            SyncRecord.objects.create(
                flow=flow,
                target_connection=flow.target,
                source_key=key,
                source={"id": key},
                due_at=now - timedelta(seconds=age - place / 1000),
                **columns,
            )
            for place, key in enumerate(keys)
        ]

    return enter_all
