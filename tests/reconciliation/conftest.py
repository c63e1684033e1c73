"""A simulated shop that pays money out, and its payouts in hand."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.models import Connection
from integrations.reconciliation import asking
from integrations.reconciliation.models import PayoutFetch
from tests.flows.conftest import (
    configure,
    demo,
    drain,
    keys,
    let_pass,
    netsuite,
    shopify,
    vendors,
)

__all__ = [
    "configure",
    "demo",
    "drain",
    "keys",
    "let_pass",
    "netsuite",
    "shopify",
    "vendors",
]


@pytest.fixture
def shop(demo, shopify):
    """The demo's shop, using Shopify Payments in euros."""
    shopify.open_payments("EUR")
    return shopify


@pytest.fixture
def account(demo) -> Connection:
    return Connection.objects.get(system="shopify")


@pytest.fixture
def fetch(shop, drain):
    """Fetch payouts as the schedule does, until nothing is due."""

    def run() -> PayoutFetch:
        asking.ask_daily()
        drain()
        return PayoutFetch.objects.first()

    return run


@pytest.fixture
def ask(shop, account, drain, django_user_model):
    """Fetch payouts of the last days as a person does."""

    def run(days: int = 30) -> PayoutFetch:
        person, _ = django_user_model.objects.get_or_create(username="fiona")
        last = timezone.now().date()
        asking.ask(account, last - timedelta(days=days), last, person)
        drain()
        return PayoutFetch.objects.first()

    return run
