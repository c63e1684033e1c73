from pathlib import Path
from textwrap import dedent

import pytest

from integrations.configuration.problems import ConfigurationRefused
from integrations.configuration.services import Outcome, configure

CANARY = "canary-7d1f-secret"

SHOP = """
connections:
  - slug: shopify
    name: Shopify (Northwind)
    system: shopify
    account_id: northwind.myshopify.com
    auth_method: client_credentials
    allowance: 3
    credentials:
      client_id: "${SHOP_ID}"
      client_secret: "${SHOP_SECRET}"
  - slug: netsuite
    name: NetSuite (Northwind)
    system: netsuite
    environment: sandbox
    account_id: "123456_SB1"
    api_version: v1
    namespace: netsuite-demo
    auth_method: tba
    allowance: 5
    options: {tax_mode: legacy}
    credentials:
      consumer_key: "${NS_KEY}"
      consumer_secret: "${NS_SECRET}"
      token_id: "${NS_TOKEN}"
      token_secret: "${NS_TOKEN_SECRET}"
value_tables:
  - name: Countries
    rows: {NO: Norway, DE: Germany}
mapping_documents:
  - slug: shopify-customer
    name: Customers
    source_system: shopify
    source_entity: customer
    target_system: netsuite
    target_record: customer
    rows:
      - {target: email, source: email, required: true}
  - slug: shopify-order
    name: Orders
    source_system: shopify
    source_entity: order
    target_system: netsuite
    target_record: salesOrder
    exclusions:
      - {name: Test orders, when: test = true}
    sections:
      - {name: lines, target: item.items, source: line_items}
    rows:
      - {target: otherRefNum, source: name, transforms: [trim, {cut: {length: 20}}]}
      - {target: country, kind: table, source: country, table: Countries}
      - {target: quantity, source: quantity, section: lines}
flows:
  - slug: shopify-customers
    name: Customers to NetSuite
    source: shopify
    source_entity: customer
    target: netsuite
    target_record: customer
    mapping: shopify-customer
  - slug: shopify-orders
    name: Orders to NetSuite
    source: shopify
    source_entity: order
    target: netsuite
    target_record: salesOrder
    mode: create
    mapping: shopify-order
    priority: 1
    retry_schedule: [1, 2, 0.5]
    needs: [{flow: shopify-customers, at: customer}]
groups:
  - name: Readers
    permissions: [integrations.view_flow, errorqueue.view_failedrecord]
"""
ENVIRON = {
    name: f"{CANARY}-{name}"
    for name in (
        "SHOP_ID", "SHOP_SECRET", "NS_KEY", "NS_SECRET", "NS_TOKEN", "NS_TOKEN_SECRET"
    )
}  # fmt: skip


def line_of(text: str, words: str) -> int:
    """Return the line on which some words stand first."""
    return text[: text.index(words)].count("\n") + 1


@pytest.fixture
def write(tmp_path):
    """Write a file and return its path."""

    def write_file(text: str, name: str = "shop.yaml") -> str:
        path = Path(tmp_path) / name
        path.write_text(dedent(text), encoding="utf-8")
        return str(path)

    return write_file


@pytest.fixture
def run(db, write):
    """Configure from a text, with secrets in the environment."""

    def run_configure(text: str = SHOP, environ=None, **options) -> Outcome:
        return configure([write(text)], ENVIRON | (environ or {}), **options)

    return run_configure


@pytest.fixture
def problems(run, tmp_path):
    """Return what is wrong with a text, one line each, the file as `shop.yaml`."""

    def found(text: str, environ=None) -> list[str]:
        with pytest.raises(ConfigurationRefused) as refused:
            run(text, environ)
        return [
            str(problem).replace(f"{tmp_path}/", "")
            for problem in refused.value.problems
        ]

    return found
