"""The verbs of a connector, as Shopify understands them."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import NoReturn
from zoneinfo import ZoneInfo

from integrations.connectors import exact
from integrations.connectors.base import (
    Changes,
    CheckResult,
    Compared,
    Connector,
    FieldRule,
    Found,
    Payload,
    SourceObject,
    Standing,
    WebhookHead,
    Written,
)
from integrations.connectors.errors import RequestRefused
from integrations.connectors.http import ApiClient
from integrations.connectors.listed import Listed, ListPage, Subscription
from integrations.connectors.matching import Shelf
from integrations.connectors.payouts import LineFound, LinePage, PayoutPage
from integrations.connectors.privacy import Demand
from integrations.connectors.shopify import (
    checks,
    listing,
    payouts,
    privacy,
    reading,
    sources,
    subscriptions,
    targets,
    webhooks,
)
from integrations.connectors.shopify.auth import (
    APP_CREDENTIALS,
    STORED_TOKEN,
    login_for,
)
from integrations.connectors.shopify.graphql import GraphQL, VersionCheck

# An app's own secret signs deliveries, too; during a change the old one still does.
SIGNING = (
    "webhook_secret",
    "webhook_secret_previous",
    "client_secret",
    "client_secret_previous",
)
# Where a person adds what mappings look up.
NEW_PAGES = {
    "inventoryItem": "products/new",
    "location": "settings/locations",
    "priceList": "markets",
    "productVariant": "products/new",
}
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
    fetches = frozenset(sources.SOURCES)
    lists = frozenset(listing.LISTS)
    shelves = frozenset(targets.SHELVES)
    pays_out = True
    topics = tuple(sources.TOPICS)
    compares = frozenset(n for n, one in targets.TARGETS.items() if one.strayed)
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
        return sources.TOPICS.get(topic, "")

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
        return sources.delivered(topic, body)

    def read_demand(self, topic: str, body: bytes) -> Demand:
        return privacy.read(topic, body, self.account.account_id)

    def source_object(self, entity: str, payload: Payload) -> SourceObject:
        return sources.source_of(entity).described(payload)

    def ids_of(self, entity: str, key: str) -> tuple[str, ...]:
        """Return the number that webhooks tell, and the global id of the API."""
        return (key, f"gid://shopify/{entity[:1].upper()}{entity[1:]}/{key}")

    def derived(self, entity: str, payload: Payload) -> Payload:
        return sources.source_of(entity).derived(payload)

    def unfinished(self, entity: str, payload: Payload) -> str:
        return sources.source_of(entity).unfinished(payload)

    def derived_now(self, entity: str, payload: Payload) -> Payload:
        source = sources.source_of(entity)
        return (source.derived_now or source.derived)(payload)

    def find(self, record_type: str, by: str, value: str) -> list[Found]:
        return targets.find(self.graphql, record_type, by, value)

    def field_rules(self, record_type: str) -> Mapping[str, FieldRule]:
        known = targets.TARGETS.get(record_type)
        return known.rules if known else {}

    def upsert(self, record_type: str, payload: Payload, key: str) -> Written:
        known = targets.target_of(record_type).upsert
        write = targets.write(known, f"Waybill changes no {record_type} in Shopify.")
        return write(self.graphql, payload, key)

    def create(self, record_type: str, payload: Payload, key: str) -> Written:
        known = targets.target_of(record_type).create
        write = targets.write(known, f"Waybill creates no {record_type} in Shopify.")
        return write(self.graphql, payload, key)

    def update(self, record_type: str, payload: Payload, target_id: str) -> Written:
        known = targets.target_of(record_type).update
        write = targets.write(known, f"Waybill changes no {record_type} in Shopify.")
        return write(self.graphql, payload, target_id)

    @classmethod
    def finds_written(cls, record_type: str) -> bool:
        known = targets.TARGETS.get(record_type)
        return known is not None and known.find_written is not None

    @classmethod
    def reads_standing(cls, record_type: str) -> bool:
        known = targets.TARGETS.get(record_type)
        return known is not None and known.standing is not None

    def find_written(
        self, record_type: str, key: str, sent: Payload | None = None
    ) -> str | None:
        """Return what stands there of what was sent; None where Shopify cannot tell."""
        known = targets.target_of(record_type).find_written
        return known(self.graphql, key, sent) if known else None

    def compare(self, record_type: str, payload: Payload, key: str) -> Compared | None:
        known = targets.target_of(record_type).compare
        if known is None:
            return super().compare(record_type, payload, key)
        return known(self.graphql, payload)

    def standing(self, record_type: str, target_id: str) -> Standing | None:
        known = targets.target_of(record_type).standing
        return known(self.graphql, target_id) if known else None

    def strayed(self, record_type: str, sent: Mapping[str, Payload]) -> list[str]:
        known = targets.target_of(record_type).strayed
        return known(self.graphql, sent) if known else []

    def changes(self, entity: str, since: str) -> Changes:
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

    def shelf(self, record_type: str, cursor: str = "") -> Shelf:
        return targets.shelf(self.graphql, record_type, cursor)

    def payouts(self, since: datetime, until: datetime, cursor: str = "") -> PayoutPage:
        return payouts.payouts(self.graphql, since, until, cursor)

    def payout_lines(self, payout_id: str, cursor: str = "") -> LinePage:
        return payouts.lines(self.graphql, payout_id, cursor)

    @classmethod
    def read_payout_line(cls, row: Payload) -> LineFound:
        return payouts.read_line(row)

    def delivery_of(self, found: SourceObject) -> tuple[str, bytes]:
        """Return the delivery of an update: it fits what is new and what is known."""
        topic = listing.UPDATED[found.entity]
        return topic, exact.dumps(found.payload).encode()

    def fetch(self, entity: str, key: str) -> SourceObject:
        """Read one object as it stands now, in its webhook's shape."""
        source = sources.source_of(entity)
        return source.described(source.read(self.graphql, key))

    def record_url(self, record_type: str, target_id: str) -> str:
        """Return the page of a record in Shopify's own admin, where it has one."""
        known = sources.SOURCES.get(record_type)
        page = known.page if known else targets.PAGES.get(record_type, "")
        key = target_id.rpartition("/")[2]
        return f"{self.base_url}/admin/{page}/{key}" if page and key else ""

    def list_url(self, record_type: str) -> str:
        page = NEW_PAGES.get(record_type)
        return f"{self.base_url}/admin/{page}" if page else ""

    def source_place(self, entity: str, payload: Payload, fact: str) -> str:
        return sources.source_of(entity).place(payload, fact)

    def _refuse(self, reason: str) -> NoReturn:
        raise RequestRefused(reason, sent=False)
