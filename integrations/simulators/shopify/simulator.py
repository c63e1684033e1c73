"""The simulated shop: its addresses, its guards, and the knobs tests turn."""

import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from integrations.simulators.base import Fault, Request, Response, Simulator
from integrations.simulators.shopify.access import NO_ACCESS, Access, App, Token
from integrations.simulators.shopify.actions import ShopActions
from integrations.simulators.shopify.api import GraphQLApi, PlannedError, new_request_id
from integrations.simulators.shopify.bulk import FILES
from integrations.simulators.shopify.bulk_files import (
    RESULT_PATH,
    UPLOAD_PATH,
    UPLOADS,
    BulkStorage,
)
from integrations.simulators.shopify.context import Context, Payload, UserError
from integrations.simulators.shopify.control import Control
from integrations.simulators.shopify.deliveries import Post
from integrations.simulators.shopify.listing import (
    customer_row,
    fulfillment_order_row,
    fulfillment_row,
    order_row,
    price_list_row,
    stock_rows,
    variant_row,
)
from integrations.simulators.shopify.page import Page
from integrations.simulators.shopify.payment_actions import PaymentActions
from integrations.simulators.shopify.privacy import PRIVACY_TOPICS, PrivacyActions
from integrations.simulators.shopify.shop import new_event
from integrations.simulators.shopify.store import MAIN_WAREHOUSE, Level, Store
from integrations.simulators.shopify.subscriptions import Subscription
from integrations.simulators.shopify.times import SHOP_TIMEZONE, utc_now
from integrations.simulators.shopify.webhooks import WebhookSender

VERSIONS = ("2026-01", "2026-04", "2026-07", "2026-10")
VENDOR_PATHS = ("/admin/", f"/{FILES}/", f"/{UPLOADS}/")
JOB_REST = 0.5


class ShopifySimulator(PrivacyActions, PaymentActions, ShopActions, Simulator):
    """One Shopify shop in memory.

    `now` is the clock of tokens, points, records and webhook retries; `post` does
    the HTTP call of a webhook; `time_scale` presses the four hours of retries.
    """

    kind = "shopify"

    def __init__(
        self,
        shop: str = "waybill-demo.myshopify.com",
        *,
        name: str = "Waybill Demo",
        currency: str = "USD",
        timezone: str = SHOP_TIMEZONE,
        now: Callable[[], datetime] = utc_now,
        post: Post | None = None,
        time_scale: float = 1.0,
        first_number: int = 1001,
    ) -> None:
        super().__init__()
        self.now = now
        self.first_number = first_number
        self.versions = list(VERSIONS)
        self.allows_http_webhooks = False
        self.store = Store(shop, name, currency, timezone)
        self.store.location(MAIN_WAREHOUSE)
        self.access = Access(now)
        self.api = GraphQLApi(now)
        self.webhooks = WebhookSender(
            shop,
            self._signing_secret,
            now,
            post,
            time_scale,
            served_version=lambda version: self.served_version(version) or version,
        )
        self._replies: dict[tuple[str, str], tuple[str, Payload]] = {}
        self._user_errors: dict[str, list[UserError]] = {}
        self._stopped = threading.Event()
        self._add_routes()

    def _add_routes(self) -> None:
        self.route("POST", r"/admin/oauth/access_token", self.access.issue)
        self.route(
            "POST", r"/admin/api/(?P<version>[^/]+)/graphql\.json", self._graphql
        )
        storage = BulkStorage(self.store.bulk, self.now)
        self.route("GET", RESULT_PATH, storage.fetch)
        self.route("POST", UPLOAD_PATH, storage.put)
        Page(self).add_routes()
        Control(self).add_routes()

    def respond(self, request: Request) -> Response:
        """Answer under the lock: an operation is one transaction of the shop."""
        with self.lock:
            self.run_due_jobs()
            return super().respond(request)

    def add_app(
        self,
        client_id: str,
        client_secret: str,
        scopes: Iterable[str],
        *,
        permitted: bool = True,
    ) -> App:
        """Add an app that logs in with client credentials."""
        return self.access.add_app(client_id, client_secret, scopes, permitted)

    def add_token(
        self, token: str, scopes: Iterable[str], app: App | None = None
    ) -> Token:
        """Add a permanent shpat_ token."""
        return self.access.add_token(token, scopes, app)

    def revoke_access(self) -> None:
        """Refuse every token and every grant until `restore_access`."""
        self.access.revoked = True

    def restore_access(self) -> None:
        self.access.revoked = False

    def rotate_secret(self, secret: str, app: App | None = None) -> None:
        """Add a client secret; webhooks stay signed with the oldest one."""
        self.access.rotate_secret(secret, app)

    def revoke_secret(self, secret: str, app: App | None = None) -> None:
        """Withdraw a client secret and the tokens minted with it."""
        self.access.revoke_secret(secret, app)

    def subscribe(
        self, topic: str, uri: str, *, app: App | None = None, version: str = ""
    ) -> Subscription:
        """Subscribe without asking whether Shopify would accept the address."""
        client_id = (app or self.access.standard_app()).client_id
        return self.webhooks.subscribe(
            topic, uri, client_id, version or self.versions[-1]
        )

    def set_privacy_address(self, uri: str, app: App | None = None) -> None:
        """Enter the address of the compliance webhooks in the settings of an app."""
        client_id = (app or self.access.standard_app()).client_id
        self.webhooks.enter_in_settings(
            PRIVACY_TOPICS, uri, client_id, self.versions[-1]
        )

    @property
    def post(self) -> Post:
        """The call that carries a webhook; replaceable."""
        return self.webhooks.post

    @post.setter
    def post(self, post: Post) -> None:
        self.webhooks.post = post

    def deliver_due(self) -> int:
        """Deliver the webhooks due now; return how many tries were made."""
        self.run_due_jobs()
        return self.webhooks.deliver_due()

    def start(self) -> None:
        """Deliver webhooks and do put-off work from background threads."""
        self.webhooks.start()
        self._stopped.clear()
        threading.Thread(target=self._work_off, name="jobs", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        self.webhooks.stop()

    def _work_off(self) -> None:
        while not self._stopped.wait(JOB_REST):
            self.run_due_jobs()

    def fail_as(
        self,
        code: str,
        message: str = "",
        *,
        times: int = 1,
        share: float = 0.0,
        after: bool = False,
        operation: str = "",
    ) -> None:
        """Answer coming operations with a GraphQL error of this code, HTTP 200.

        `share` makes it random and lasting; `after` lets the operation take effect
        first; `operation` limits it to queries that contain this text.
        """
        self.api.planned.append(
            PlannedError(code, message, times, share, after, operation)
        )

    def refuse_next(
        self,
        mutation: str,
        message: str,
        *,
        code: str | None = None,
        field: list[str] | None = None,
    ) -> None:
        """Answer the next call of a mutation with one user error."""
        error: UserError = {"field": field, "message": message}
        if code is not None:
            error["code"] = code
        self._user_errors.setdefault(mutation, []).append(error)

    def fail_next_bulk(self, code: str = "INTERNAL_SERVER_ERROR") -> None:
        """Let the next bulk operation fail half-way, with a file of that half."""
        self.store.bulk.failures.append(code)

    def set_bulk_time(self, seconds: float) -> None:
        """Say how long bulk operations take from now on."""
        self.store.bulk.work_time = timedelta(seconds=seconds)

    def clear_faults(self) -> None:
        """Forget every fault that was planned and has not happened."""
        with self.lock:
            self._faults.clear()
            self.api.planned.clear()
            self._user_errors.clear()
            self.store.bulk.failures.clear()

    def served_version(self, asked: str) -> str | None:
        """Return the version that answers: old ones fall forward to the oldest."""
        if asked in self.versions:
            return asked
        is_past = len(asked) == 7 and asked < self.versions[0]
        return self.versions[0] if is_past else None

    def _graphql(self, request: Request, version: str) -> Response:
        request_id = new_request_id(self.now())
        served = self.served_version(version)
        token = self.access.token_of(request)
        if token is None:
            response = Response(401, dict(NO_ACCESS))
        elif served is None:
            response = Response(404, {"errors": "Not Found"})
        else:
            address = f"{request.scheme}://{request.host}"
            context = self._context(token, served, address)
            response = self.api.answer(request, context, request_id)
        response.headers["X-Shopify-API-Version"] = served or self.versions[-1]
        response.headers["X-Request-Id"] = request_id
        return response

    def _context(self, token: Token, version: str, base_url: str) -> Context:
        event = new_event()
        return Context(
            shop=self,
            store=self.store,
            webhooks=self.webhooks,
            token=token,
            version=version,
            now=self.now,
            stock_changed=lambda level: self._stock_was_set(level, event),
            replies=self._replies,
            forced_user_errors=self._user_errors,
            note_effect=self.note_effect,
            allow_http=self.allows_http_webhooks,
            base_url=base_url,
        )

    def _stock_was_set(self, level: Level, event: str) -> None:
        """Note what a client did to the stock and tell the subscribers."""
        variant = self.store.item_by_id(level.item_id)
        place = next(x for x in self.store.locations if x.id == level.location_id)
        content = {"sku": variant.sku, "location": place.name}
        content |= {"available": str(level.available)}
        self.note_effect("inventoryLevel", level.gid, "", "updated", content)
        self.announce_level(level, event)

    def _signing_secret(self, client_id: str) -> str:
        return self.access.apps[client_id].secrets[0]

    def _take_fault(self, request: Request) -> Fault | None:
        """Keep faults for the vendor's own addresses."""
        if request.path.startswith(VENDOR_PATHS):
            return super()._take_fault(request)
        return None

    def _write_down(self, request: Request, response: Response, lost: bool) -> None:
        """Keep the journal to the vendor's own addresses."""
        if request.path.startswith(VENDOR_PATHS):
            super()._write_down(request, response, lost)

    def snapshot(self) -> dict[str, Any]:
        """Return what the shop holds, in a form for JSON."""
        store = self.store
        return {
            "shop": store.shop,
            "next_number": self.next_number(),
            "orders": [order_row(order) for order in store.orders.values()],
            "customers": [customer_row(x) for x in store.customers.values()],
            "stock": stock_rows(store),
            "products": [variant_row(x, store) for x in store.variants],
            "price_lists": [price_list_row(x, store) for x in store.price_lists],
            "fulfillment_orders": [
                fulfillment_order_row(found, store)
                for found in store.fulfillment_orders.values()
                if found.order_key in store.orders
            ],
            "fulfillments": [fulfillment_row(x) for x in store.fulfillments.values()],
            "bulk_operations": [
                {"id": x.gid, "type": x.kind, "status": x.status}
                for x in store.bulk.operations
            ],
            "subscriptions": [
                {
                    "id": x.gid,
                    "topic": x.topic,
                    "uri": x.uri,
                    "app": x.client_id,
                    "api_version": x.api_version,
                }
                for x in self.webhooks.subscriptions
            ],
            "access": {
                "allowed": not self.access.revoked,
                "apps": {
                    app.client_id: sorted(app.scopes)
                    for app in self.access.apps.values()
                },
            },
        }
