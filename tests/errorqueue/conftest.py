"""A flow with records that fail, and people with and without rights."""

from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from errorqueue import services, workbench
from errorqueue.clock import database_time
from errorqueue.failures import Failure, FailureKind, FieldProblem
from errorqueue.models import FailedRecord
from integrations.models import Attempt, Connection, Flow, SyncRecord
from mappings.models import MappingDocument
from tests.errorqueue.bench import FakeBench

numbers = count(1001)

RIGHTS = ("view", "retry", "edit", "exclude", "see_payload")


@pytest.fixture
def flow(db):
    shop = Connection.objects.create(
        name="Acme Shop", slug="acme", system="shopify", namespace="shopify-acme"
    )
    netsuite = Connection.objects.create(
        name="NetSuite", slug="netsuite", system="netsuite", namespace="netsuite"
    )
    document = MappingDocument.objects.create(name="Orders", slug="orders")
    return Flow.objects.create(
        name="Orders to NetSuite",
        slug="orders",
        source=shop,
        source_entity="order",
        target=netsuite,
        target_record="salesOrder",
        mapping=document,
    )


@pytest.fixture
def make_record(flow):
    def make(**changes):
        number = next(numbers)
        values = {
            "flow": flow,
            "target_connection": flow.target,
            "source_key": f"gid://shopify/Order/{number}000",
            "source": {"name": f"#{number}", "note": "ring twice"},
            "label": f"#{number}",
            "party": "Acme Outdoor Ltd",
            "email": "jane@example.com",
            "skus": "TENT-2 STOVE-1",
            "amount": Decimal("1240.00"),
            "currency": "EUR",
            "state": SyncRecord.State.FAILED,
            "due_at": database_time(),
        }
        return SyncRecord.objects.create(**{**values, **changes})

    return make


def failure(kind=FailureKind.DATA, **changes) -> Failure:
    values = {
        "what": "has a postcode that is too long",
        "why": "NetSuite takes 36 characters.",
        "remedy": "Shorten the postcode in Shopify.",
        "problems": (
            FieldProblem(
                target="shippingAddress.zip",
                source="shipping.zip",
                value="SW1A 1AA and a long remark",
                rule="at most 36 characters",
            ),
        ),
        "code": "INVALID_FIELD_LENGTH",
        "raw": '{"title": "Bad Request"}',
    }
    return Failure(kind=kind, **{**values, **changes})


@pytest.fixture
def make_line(make_record):
    """Put a new record into the queue; `minutes` is how long ago it first failed."""

    def make(kind=FailureKind.DATA, minutes=5, waits=False, record=None, **changes):
        record = record or make_record(**changes)
        next_try_at = database_time() + timedelta(minutes=12) if waits else None
        line = services.capture(
            record,
            record.labels(),
            failure(kind),
            tries=3,
            tries_allowed=10,
            next_try_at=next_try_at,
        )
        since = database_time() - timedelta(minutes=minutes)
        FailedRecord.objects.filter(pk=line.pk).update(first_failed_at=since)
        line.refresh_from_db()
        return line

    return make


def code_of(right: str) -> str:
    """Return a right's own name: "view" is one over failed records."""
    return right if "_" in right else f"{right}_failedrecord"


@pytest.fixture
def make_person(db):
    def make(name, *rights):
        person = User.objects.create_user(name, is_staff=True)
        codes = [code_of(right) for right in rights]
        person.user_permissions.set(Permission.objects.filter(codename__in=codes))
        return person

    return make


@pytest.fixture
def olga(make_person):
    return make_person("olga", *RIGHTS)


@pytest.fixture
def browser_of():
    def log_in(person, **options):
        client = Client(**options)
        client.force_login(person)
        return client

    return log_in


@pytest.fixture
def operator(olga, browser_of):
    return browser_of(olga)


@pytest.fixture
def auditor(make_person, browser_of):
    return browser_of(make_person("aurelia", "view"))


@pytest.fixture
def resolver(make_person, browser_of):
    return browser_of(make_person("rosa", "view", "retry", "resolve"))


@pytest.fixture
def bench(monkeypatch):
    """The class of a workbench whose answers a test sets; `asked` is what it heard."""

    class Bench(FakeBench):
        asked: list[tuple] = []

    monkeypatch.setitem(workbench._makers, "integrations.syncrecord", Bench)
    return Bench


@pytest.fixture
def no_bench(monkeypatch):
    monkeypatch.setattr(workbench, "_makers", {})


@pytest.fixture
def add_try():
    def add(line, number=1, **changes):
        exchange = {
            "method": "PUT",
            "url": "https://123.suitetalk.api.netsuite.com/record/v1/salesOrder",
            "request": '{"total":1240.10}',
            "response": '{"title":"Bad Request"}',
            "status": 400,
            "milliseconds": 388,
            "request_id": "7f3a-91",
            "error": "",
        }
        values = {
            "record": line.subject,
            "number": number,
            "token": number,
            "version": 1,
            "payload": {"externalId": "shopify-acme-order-7"},
            "started_at": database_time(),
            "milliseconds": 412,
            "outcome": Attempt.Outcome.FAILED,
            "message": "NetSuite refused the record.",
            "exchanges": [exchange],
        }
        return Attempt.objects.create(**{**values, **changes})

    return add


@pytest.fixture
def cost_of(operator):
    """Count the queries of a page, after it was drawn once."""

    def cost(address) -> int:
        operator.get(address)
        with CaptureQueriesContext(connection) as queries:
            operator.get(address)
        return len(queries)

    return cost
