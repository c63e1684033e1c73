"""A simulated shop with everything a test of it needs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from integrations.simulators.shopify import ShopifySimulator
from integrations.simulators.transport import SimulatorAdapter

SCOPES = (
    "read_orders",
    "read_customers",
    "read_products",
    "write_inventory",
    "read_locations",
)
HOOK = "https://console.example/hooks/shopify/abc"


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def tick(self, **time: float) -> None:
        self.at += timedelta(**time)


class Receiver:
    """Takes webhooks; `answers` are given first, then 200 for ever."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes, dict[str, str]]] = []
        self.answers: list[int | Exception] = []

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        self.got.append((url, body, headers))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer

    def topics(self) -> list[str]:
        return [headers["X-Shopify-Topic"] for _, _, headers in self.got]


class Shop:
    """The simulator, a session that reaches it, its clock and its receiver."""

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.receiver = Receiver()
        self.simulator = ShopifySimulator(now=self.clock, post=self.receiver, **options)
        self.simulator.add_app("client", "shpss_first", SCOPES)
        self.simulator.add_token("shpat_permanent", SCOPES)
        self.url = f"https://{self.simulator.store.shop}"
        self.session = requests.Session()
        self.session.mount("https://", SimulatorAdapter(self.simulator))

    def ask(
        self,
        query: str,
        variables: dict[str, Any] | None = None,
        *,
        version: str = "2026-10",
        token: str = "shpat_permanent",
    ) -> requests.Response:
        return self.session.post(
            f"{self.url}/admin/api/{version}/graphql.json",
            json={"query": query, "variables": variables or {}},
            headers={"X-Shopify-Access-Token": token},
        )

    def data(self, query: str, variables: Any = None, **more: Any) -> Any:
        body = self.ask(query, variables, **more).json()
        assert "errors" not in body, body["errors"]
        return body["data"]

    def errors(self, query: str, variables: Any = None, **more: Any) -> Any:
        response = self.ask(query, variables, **more)
        assert response.status_code == 200
        return response.json()["errors"]

    def log_in(self, **changes: str) -> requests.Response:
        asked = {
            "grant_type": "client_credentials",
            "client_id": "client",
            "client_secret": "shpss_first",
            **changes,
        }
        return self.session.post(f"{self.url}/admin/oauth/access_token", data=asked)

    def place(self, number: int = 1001, lines: Any = (), **options: Any) -> Any:
        order = self.simulator.new_order(number, lines, **options)
        return self.simulator.place_order(order)
