"""A Shopify connector on a written line, and recorded payloads."""

from pathlib import Path
from typing import Any

import pytest

from integrations.connectors import exact
from integrations.connectors.shopify.connector import Shopify
from tests.connectors.line import account

SHOP = "northwind-outdoor.myshopify.com"
SAMPLES = Path(__file__).parents[2] / "samples"
FACTS = {
    "account_id": SHOP,
    "base_url": f"https://{SHOP}",
    "api_version": "2026-10",
    "auth_method": "stored_token",
    "credentials": {"access_token": "shpat_canary", "webhook_secret": "hush-canary"},
}


def sample(name: str) -> bytes:
    return next(SAMPLES.glob(f"{name}.*.json")).read_bytes()


def order(name: str = "shopify-webhook-orders-create") -> dict[str, Any]:
    payload = exact.loads(sample(name))
    return payload.get("order", payload)


@pytest.fixture
def shopify(line, around) -> Shopify:
    return Shopify(account(**FACTS), around.services())
