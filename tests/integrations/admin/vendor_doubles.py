"""Two small vendors, so that the pages are tested apart from the real ones."""

from datetime import UTC, datetime
from decimal import Decimal

from integrations.connectors import exact
from integrations.connectors.base import (
    AuthMethod,
    CheckLine,
    CheckResult,
    Connector,
    Setting,
    SourceObject,
)
from integrations.connectors.errors import UnreadablePayload

MODERN = AuthMethod(
    "modern",
    "Certificate",
    (
        Setting("client_id", "Client id", secret=True),
        Setting("private_key", "Private key", secret=True, multiline=True),
    ),
)
LEGACY = AuthMethod(
    "legacy",
    "Token-Based Authentication",
    (Setting("token", "Token", secret=True),),
    warning="No new ones from release 2027.1.",
)


class Books(Connector):
    kind = "netsuite"
    label = "NetSuite"
    auth_methods = (MODERN, LEGACY)
    options = (
        Setting("tax_mode", "Tax", choices=("legacy", "suitetax"), default="legacy"),
        Setting("subsidiary", "Subsidiary", required=False),
    )
    default_api_version = "v1"
    host_suffixes = (".suitetalk.api.netsuite.com",)
    answer: CheckResult | Exception = CheckResult((CheckLine(True, "It answers."),))

    @classmethod
    def default_base_url(cls, account_id):
        return f"https://{account_id.lower()}.suitetalk.api.netsuite.com"

    @classmethod
    def account_problem(cls, account_id):
        return "" if account_id.isalnum() else "Write capitals and digits."

    def check(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def record_url(self, record_type, target_id):
        return f"https://books.example/{record_type}?id={target_id}"


class Shop(Connector):
    kind = "shopify"
    label = "Shopify"
    auth_methods = (
        AuthMethod("app", "App", (Setting("client_secret", "Secret", secret=True),)),
    )
    host_suffixes = ("myshopify.com",)
    webhook_secrets = (
        "client_secret",
        "client_secret_previous",
        "webhook_secret",
        "webhook_secret_previous",
    )

    @classmethod
    def default_base_url(cls, account_id):
        return f"https://{account_id}"

    def source_object(self, entity, payload):
        return SourceObject(
            entity=entity,
            key=str(payload["id"]),
            payload=payload,
            changed_at=datetime(2026, 11, 1, tzinfo=UTC),
            label=payload.get("name", ""),
            amount=Decimal(payload.get("total_price", "0")),
        )

    def read_webhook(self, topic, body):
        try:
            payload = exact.loads(body)
        except ValueError as error:
            raise UnreadablePayload(f"This is no JSON: {error}") from error
        return self.source_object(topic.split("/")[0].removesuffix("s"), payload)
