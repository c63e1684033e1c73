"""A client of the NetSuite simulator that shares no code with the connector."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from integrations.simulators.netsuite import NetSuiteSimulator
from integrations.simulators.transport import SimulatorAdapter

HOST = "https://123456-sb1.suitetalk.api.netsuite.com"
TOKEN_URL = f"{HOST}/services/rest/auth/oauth2/v1/token"
RECORD = f"{HOST}/services/rest/record/v1"
SUITEQL = f"{HOST}/services/rest/query/v1/suiteql"
SERVER_TIME = f"{HOST}/services/rest/system/v1/serverTime"
CLIENT_ID = "client-1"


@dataclass
class Clock:
    """A clock that moves only when it is told to."""

    moment: datetime = datetime(2026, 3, 26, 16, 21, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def tick(self, **time: float) -> None:
        self.moment += timedelta(**time)


@cache
def key_pair(name: str) -> ec.EllipticCurvePrivateKey:
    """Return the same key for the same name."""
    return ec.generate_private_key(ec.SECP256R1())


def public_pem(key: Any) -> str:
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def assertion(clock: Any, key: Any, **changes: Any) -> str:
    """Sign a client assertion; `changes` replace claims, kid and alg."""
    now = int(clock().timestamp())
    header = {"kid": changes.pop("kid", "cert-1")}
    algorithm = changes.pop("alg", "ES256")
    claims = {
        "iss": CLIENT_ID,
        "scope": ["rest_webservices"],
        "aud": TOKEN_URL,
        "iat": now,
        "exp": now + 3000,
        **changes,
    }
    return jwt.encode(claims, key, algorithm=algorithm, headers=header)


def session_for(simulator: NetSuiteSimulator) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", SimulatorAdapter(simulator))
    return session


@dataclass
class Api:
    """A logged-in client and the account it talks to."""

    simulator: NetSuiteSimulator
    clock: Clock
    session: requests.Session = field(init=False)

    def __post_init__(self) -> None:
        self.session = session_for(self.simulator)

    def ask_for_token(self, text: str | None = None) -> requests.Response:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": (
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            ),
            "client_assertion": text or assertion(self.clock, key_pair("cert-1")),
        }
        return self.post_form(urlencode(form))

    def post_form(self, form: str) -> requests.Response:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.session.post(TOKEN_URL, data=form, headers=headers)

    def log_in(self) -> None:
        token = self.ask_for_token().json()["access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: str) -> requests.Response:
        return self.session.get(RECORD + path, params=query)

    def write(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> requests.Response:
        """Send a record; header names come with underscores for dashes."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        named.setdefault("X-NetSuite-PropertyNameValidation", "error")
        data = body if isinstance(body, str) else json.dumps(body)
        return self.session.request(
            method,
            RECORD + path,
            data=data,
            headers={"Content-Type": "application/json", **named},
        )

    def post(self, path: str, body: Any, **headers: str) -> requests.Response:
        return self.write("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> requests.Response:
        return self.write("PATCH", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> requests.Response:
        return self.write("PUT", path, body, **headers)

    def create(self, path: str, body: Any) -> str:
        """Create a record and return its id."""
        answer = self.post(path, body)
        assert answer.status_code == 204, answer.text
        return answer.headers["Location"].rsplit("/", 1)[-1]

    def transform(self, source: str, target: str, body: Any = None) -> Any:
        """Ask for one record made from another, such as /salesOrder/1001."""
        source, _, query = source.partition("?")
        path = f"{source}/!transform/{target}" + (f"?{query}" if query else "")
        return self.post(path, {} if body is None else body)

    def make(self, source: str, target: str, body: Any = None) -> dict[str, Any]:
        """Make one record from another and return it as it is stored."""
        answer = self.transform(source, target, body)
        assert answer.status_code == 204, answer.text
        return self.kept(target, answer.headers["Location"].rsplit("/", 1)[-1])

    def kept(self, record_type: str, key: str) -> dict[str, Any]:
        """Return a record as it is stored."""
        return self.simulator.store.records[record_type][key].plain()

    def ask(self, query: str, *params: Any, **paging: int) -> requests.Response:
        return self.session.post(
            SUITEQL,
            params=paging,
            json={"q": query, "params": list(params)},
            headers={"Prefer": "transient"},
        )

    def rows(self, query: str, *params: Any) -> list[dict[str, str]]:
        """Run a query and return its rows without their links."""
        answer = self.ask(query, *params)
        assert answer.status_code == 200, answer.text
        rows = answer.json()["items"]
        assert all(row.pop("links") == [] for row in rows)
        return rows


def open_account(**switches: Any) -> Api:
    """Return a client that is logged in to a new account."""
    clock = Clock()
    api = Api(NetSuiteSimulator(now=clock, **switches), clock)
    pem = public_pem(key_pair("cert-1"))
    api.simulator.add_certificate(CLIENT_ID, "cert-1", pem)
    api.log_in()
    return api


def order_for(api: Api, **changes: Any) -> dict[str, Any]:
    """Return the payload of an order over two mugs, with its customer and item."""
    simulator = api.simulator
    if simulator.store.holder("item", "MUG") is None:
        simulator.add_item("MUG", name="Mug")
        simulator.add_customer(
            firstName="Ada",
            lastName="Lovelace",
            email="ada@example.com",
            externalId="shopify-s-customer-1",
        )
    line = {
        "item": {"id": simulator.store.holder("item", "MUG").id},
        "quantity": 2,
        "rate": 9.95,
        "price": {"id": "-1"},
    }
    return {
        "entity": {"externalId": "shopify-s-customer-1"},
        "externalId": "shopify-s-order-1",
        "otherRefNum": "#1001",
        "item": {"items": [line]},
        **changes,
    }  # fmt: skip


def detail_of(answer: requests.Response) -> dict[str, str]:
    """Return the first entry of a refusal."""
    return answer.json()["o:errorDetails"][0]


def several_lines(api: Api, *quantities: int, **changes: Any) -> dict[str, Any]:
    """Return the payload of an approved order over some items at 10.00 each."""
    order = order_for(api, orderStatus={"id": "B"}, **changes)
    lines = []
    for number, quantity in enumerate(quantities, start=1):
        sku = f"ITEM-{number}"
        known = api.simulator.store.holder("item", sku)
        item = known.id if known else api.simulator.add_item(sku)
        lines.append(
            {
                "item": {"id": item},
                "quantity": quantity,
                "rate": 10,
                "price": {"id": "-1"},
                "taxDetailsReference": f"line-{number}",
            }
        )
    return {**order, "item": {"items": lines}}


def placed(api: Api, *quantities: int, **changes: Any) -> str:
    """Create an approved order and return its address."""
    return f"/salesOrder/{api.create('/salesOrder', several_lines(api, *quantities, **changes))}"


def status(api: Api, path: str) -> str:
    """Return the letter a record bears."""
    _, record_type, key = path.split("/")
    return api.kept(record_type, key)["status"]["id"]
