"""The verbs of a connector, as Shopify understands them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import NoReturn
from zoneinfo import ZoneInfo

from integrations.connectors import exact
from integrations.connectors.base import (
    CheckResult,
    Connector,
    FieldRule,
    Found,
    Payload,
    SourceObject,
    WebhookHead,
    Written,
)
from integrations.connectors.errors import RequestRefused
from integrations.connectors.http import ApiClient
from integrations.connectors.listed import Listed, ListPage, Subscription
from integrations.connectors.privacy import Demand
from integrations.connectors.shopify import (
    checks,
    listing,
    orders,
    privacy,
    reading,
    stock,
    subscriptions,
    webhooks,
)
from integrations.connectors.shopify.auth import (
    APP_CREDENTIALS,
    STORED_TOKEN,
    login_for,
)
from integrations.connectors.shopify.graphql import GraphQL, VersionCheck
from integrations.connectors.shopify.values import key_of

# An app's own secret signs deliveries, too; during a change the old one still does.
SIGNING = (
    "webhook_secret",
    "webhook_secret_previous",
    "client_secret",
    "client_secret_previous",
)
# Where Shopify's own admin shows what people look up by its id.
ADMIN_PAGES = {"order": "orders", "customer": "customers"}
NEW_PAGES = {"inventoryItem": "products/new", "location": "settings/locations"}
SHOP_QUERY = "query WaybillProbe { shop { name } }"
WHOSE_QUERY = "query WaybillWhose { shop { myshopifyDomain } }"
_SHOP = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]*\.myshopify\.com")


class Shopify(Connector):
    """One Shopify shop: webhooks in, Admin GraphQL out."""

    kind = "shopify"
    label = "Shopify"
    auth_methods = (APP_CREDENTIALS, STORED_TOKEN)
    default_api_version = "2026-10"
    host_suffixes = (".myshopify.com",)
    webhook_secrets = ("webhook_secret", "webhook_secret_previous")
    options = (subscriptions.KEPT_BY,)
    fetches = frozenset({"order", "customer"})
    lists = frozenset(listing.LISTS)
    topics = tuple(webhooks.TOPICS)
    privacy_topics = tuple(privacy.TOPICS)

    @classmethod
    def default_base_url(cls, account_id: str) -> str:
        return f"https://{account_id.lower()}"

    @classmethod
    def account_problem(cls, account_id: str) -> str:
        if _SHOP.fullmatch(account_id):
            return ""
        return (
            "Write the shop's own address, for example my-shop.myshopify.com, also "
            "if customers see another one."
        )

    @property
    def base_url(self) -> str:
        own = self.default_base_url(self.account.account_id)
        return (self.account.base_url or own).rstrip("/")

    @property
    def api_version(self) -> str:
        return self.account.api_version or self.default_api_version

    @cached_property
    def graphql(self) -> GraphQL:
        version = self.api_version
        client = ApiClient(
            self.label,
            self.base_url,
            self.services,
            error_for=VersionCheck(version),
            login=login_for(self.account, self.base_url, self.services),
            secrets=tuple(self.account.credentials.values()),
        )
        return GraphQL(client, version)

    def check(self) -> CheckResult:
        return checks.check(self.graphql, self.account.account_id)

    def probe(self) -> None:
        self.graphql.run(SHOP_QUERY)

    def told_account(self) -> str:
        shop = self.graphql.run(WHOSE_QUERY).get("shop") or {}
        return str(shop.get("myshopifyDomain") or "")

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookHead:
        known = self.account.credentials
        secrets = [known[name] for name in SIGNING if name in known]
        return webhooks.verify(headers, body, secrets, self.account.account_id)

    def other_version(self, headers: Mapping[str, str]) -> str:
        used = webhooks.version_of(headers)
        return "" if used == self.account.api_version else used

    @classmethod
    def entity_of(cls, topic: str) -> str:
        return webhooks.TOPICS.get(topic, "")

    @property
    def minds_subscriptions(self) -> bool:
        return subscriptions.are_ours(self.account)

    def subscriptions(self) -> list[Subscription]:
        return subscriptions.read(self.graphql, self.api_version)

    def subscribe(self, topic: str, address: str) -> None:
        subscriptions.create(self.graphql, topic, address)

    def resubscribe(self, subscription: Subscription) -> None:
        subscriptions.mend(self.graphql, subscription)

    def read_webhook(self, topic: str, body: bytes) -> SourceObject:
        return webhooks.read(topic, body)

    def read_demand(self, topic: str, body: bytes) -> Demand:
        return privacy.read(topic, body, self.account.account_id)

    def source_object(self, entity: str, payload: Payload) -> SourceObject:
        return webhooks.source_object(entity, payload)

    def derived(self, entity: str, payload: Payload) -> Payload:
        if entity == "order":
            return orders.derived(payload)
        if entity == "customer":
            return {"customer_id": key_of(payload, "Customer")}
        return {}

    def find(self, record_type: str, by: str, value: str) -> list[Found]:
        if (record_type, by) == ("inventoryItem", "sku"):
            return stock.find_items(self.graphql, value)
        if (record_type, by) == ("location", "name"):
            return stock.find_locations(self.graphql, value)
        self._refuse(f"Shopify's {record_type} cannot be looked up by {by}.")

    def field_rules(self, record_type: str) -> Mapping[str, FieldRule]:
        return stock.LEVEL_FIELDS if record_type == "inventoryLevel" else {}

    def upsert(self, record_type: str, payload: Payload, key: str) -> Written:
        if record_type != "inventoryLevel":
            self._refuse(f"Waybill writes no {record_type} to Shopify.")
        return Written(stock.set_level(self.graphql, payload, key))

    def create(self, record_type: str, payload: Payload, key: str) -> Written:
        self._refuse(f"Waybill creates no {record_type} in Shopify.")

    def find_written(self, record_type: str, key: str) -> str | None:
        """Return None: a stock level is set again rather than looked up."""
        return None

    def changes(self, entity: str, since: str) -> Iterator[tuple[SourceObject, str]]:
        self._refuse(f"Shopify sends {entity} by webhook; it is not asked for changes.")

    def zone(self) -> ZoneInfo | None:
        return reading.zone(self.graphql)

    def listing(
        self,
        entity: str,
        since: datetime,
        until: datetime,
        cursor: str = "",
        *,
        made: bool = False,
    ) -> ListPage:
        return listing.page(self.graphql, entity, since, until, cursor, made=made)

    def listed_as(self, entity: str, number: str) -> list[Listed]:
        return listing.listed_as(self.graphql, entity, number)

    def present(self, entity: str, keys: Sequence[str]) -> dict[str, datetime]:
        return listing.present(self.graphql, entity, keys)

    def delivery_of(self, found: SourceObject) -> tuple[str, bytes]:
        """Return the delivery of an update: it fits what is new and what is known."""
        topic = listing.UPDATED[found.entity]
        return topic, exact.dumps(found.payload).encode()

    def fetch(self, entity: str, key: str) -> SourceObject:
        """Read an order or a customer as it stands now, in its webhook's shape."""
        if entity == "order":
            return self.source_object(entity, reading.order(self.graphql, key))
        if entity == "customer":
            return self.source_object(entity, reading.customer(self.graphql, key))
        self._refuse(f"A single {entity} is not read from Shopify.")

    def record_url(self, record_type: str, target_id: str) -> str:
        """Return the page of an order or customer in Shopify's own admin."""
        page = ADMIN_PAGES.get(record_type)
        key = target_id.rpartition("/")[2]
        return f"{self.base_url}/admin/{page}/{key}" if page and key else ""

    def list_url(self, record_type: str) -> str:
        page = NEW_PAGES.get(record_type)
        return f"{self.base_url}/admin/{page}" if page else ""

    def source_place(self, entity: str, payload: Payload, fact: str) -> str:
        return orders.place_of(payload, fact) if entity == "order" else ""

    def _refuse(self, reason: str) -> NoReturn:
        raise RequestRefused(reason, sent=False)
