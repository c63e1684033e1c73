"""What a GraphQL request may touch while it runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from graphql import GraphQLError, GraphQLResolveInfo

from integrations.simulators.shopify.access import Token
from integrations.simulators.shopify.actions import ShopActions
from integrations.simulators.shopify.customers import without_private_data
from integrations.simulators.shopify.store import Level, Store
from integrations.simulators.shopify.webhooks import WebhookSender

Payload = dict[str, Any]
UserError = dict[str, Any]


@dataclass
class Context:
    """One request: who asks, in which version, and the shop behind it."""

    shop: ShopActions
    store: Store
    webhooks: WebhookSender
    token: Token
    version: str
    now: Callable[[], datetime]
    stock_changed: Callable[[Level], None]
    replies: dict[tuple[str, str], tuple[str, Payload]]
    forced_user_errors: dict[str, list[UserError]]
    note_effect: Callable[[str, str, str, str, Any], None]
    allow_http: bool = False
    base_url: str = ""
    warnings: list[Payload] = field(default_factory=list)

    def note(self, record: str, key: str, verb: str, content: Any) -> None:
        """Write down what this request changed."""
        self.note_effect(record, key, "", verb, content)

    def require(self, scope: str, field_name: str) -> None:
        """Raise ACCESS_DENIED unless the token holds the scope."""
        if not self.token.grants(scope):
            raise access_denied(scope, field_name)

    def require_any(self, scopes: Sequence[str], field_name: str) -> None:
        """Raise ACCESS_DENIED unless the token holds one of the scopes."""
        if not any(self.token.grants(scope) for scope in scopes):
            raise access_denied("`, `".join(scopes), field_name)

    def seen(self, topic: str, payload: Payload) -> Payload:
        """Return a payload as this app may see it."""
        if self.webhooks.hides_private_data:
            return without_private_data(topic, payload)
        return payload

    def forced_user_error(self, mutation: str) -> UserError | None:
        """Take the next user error that a test has asked for."""
        planned = self.forced_user_errors.get(mutation)
        return planned.pop(0) if planned else None


Info = GraphQLResolveInfo[Context]


def access_denied(scope: str, field_name: str) -> GraphQLError:
    needed = f"`{scope}` access scope."
    return GraphQLError(
        f"Access denied for {field_name} field. Required access: {needed}",
        extensions={
            "code": "ACCESS_DENIED",
            "documentation": "https://shopify.dev/api/usage/access-scopes",
            "requiredAccess": needed,
        },
    )
