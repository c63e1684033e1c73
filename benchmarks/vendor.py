"""A vendor that costs next to nothing: NetSuite's answers, constant, counted.

The simulator of the product plays every rule of NetSuite and needs some milliseconds
of processor for it, too many for 55 requests at once on two cores. This one answers
after `latency` seconds, refuses what goes over `allowance`, and keeps the integral of
requests in flight over time. Run as: python -m benchmarks.vendor PORT
"""

import asyncio
import json
import re
import sys
import time
from typing import Any

TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"
QUERY_PATH = "/services/rest/query/v1/suiteql"
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
ERROR_MEDIA = "application/vnd.oracle.resource+json; type=error"


class Account:
    """Counts what is in flight."""

    def __init__(self) -> None:
        self.latency = 0.0
        self.allowance = 10_000
        self.made = 1000
        self.reset()

    def reset(self) -> None:
        self.in_flight = self.most_in_flight = self.over = self.requests = 0
        self.busy = 0.0
        self.since = time.monotonic()
        self.arrivals: list[float] = []

    def enter(self) -> bool:
        """Take a request in; False when it is over the allowance."""
        if self.in_flight >= self.allowance:
            self.over += 1
            return False
        self._count(1)
        self.requests += 1
        self.arrivals.append(self.since)
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        return True

    def leave(self) -> None:
        self._count(-1)

    def _count(self, step: int) -> None:
        now = time.monotonic()
        self.busy += self.in_flight * (now - self.since)
        self.since = now
        self.in_flight += step

    def told(self) -> dict[str, Any]:
        self._count(0)
        names = ("in_flight", "most_in_flight", "over", "requests", "busy")
        return {name: getattr(self, name) for name in names} | {"at": self.since}


class Line(asyncio.Protocol):
    """One connection: requests come one after the other and are answered in order."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.received = b""
        self.inside = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if self.inside:
            self.inside = False
            self.account.leave()

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, rest = self.received.partition(b"\r\n\r\n")
        if not found:
            return
        length = LENGTH.search(head)
        size = int(length[1]) if length else 0
        if len(rest) >= size:
            self.received = rest[size:]
            self._take(head.decode("latin-1"), rest[:size])

    def _take(self, head: str, body: bytes) -> None:
        method, address, _ = head.split(" ", 2)
        if address.startswith("/_stub/"):
            self._send(200, control(self.account, address, body))
        elif address == TOKEN_PATH:
            self._send(200, {"access_token": "stub", "expires_in": 3600})
        elif not self.account.enter():
            self._send(429, refusal(429, "CONCURRENCY_LIMIT_EXCEEDED"))
        else:
            self.inside = True
            answer = reply(self.account, method, address, body)
            loop = asyncio.get_running_loop()
            loop.call_later(self.account.latency, self._finish, answer)

    def _finish(self, answer: tuple[int, Any, str]) -> None:
        if self.inside:
            self.inside = False
            self.account.leave()
            self._send(*answer)

    def _send(self, status: int, body: Any = None, location: str = "") -> None:
        text = b"" if body is None else json.dumps(body).encode()
        media = ERROR_MEDIA if status >= 400 else "application/json"
        head = f"HTTP/1.1 {status} Status\r\nContent-Type: {media}\r\n"
        head += f"Location: {location}\r\n" if location else ""
        head += f"Content-Length: {len(text)}\r\n" if status != 204 else ""
        self.transport.write(head.encode() + b"\r\n" + text)


def reply(
    account: Account, method: str, address: str, body: bytes
) -> tuple[int, Any, str]:
    """Answer as an account would that takes everything and holds nothing yet."""
    path = address.partition("?")[0]
    if path == QUERY_PATH:
        return 200, rows_for(json.loads(body)), ""
    if method == "GET":
        return 404, refusal(404, "NONEXISTENT_ID"), ""
    account.made += 1
    return 204, None, f"http://stub{path.partition('/eid')[0]}/{account.made}"


def rows_for(query: dict[str, Any]) -> dict[str, Any]:
    """Find every reference at once; find no record that we may have written."""
    if query["q"].startswith("SELECT id FROM"):
        return {"items": []}
    label = str((query.get("params") or ["one"])[0])
    return {"items": [{"id": "7", "label": label, "isinactive": "F"}]}


def refusal(status: int, code: str) -> dict[str, Any]:
    detail = {"detail": f"The stub says {code}.", "o:errorCode": code}
    return {"title": "No", "status": status, "o:errorDetails": [detail]}


def control(account: Account, address: str, body: bytes) -> Any:
    """Set `latency` and `allowance`, forget counts, or tell them."""
    if address == "/_stub/settings":
        account.reset()
        for name, value in json.loads(body).items():
            setattr(account, name, value)
    if address == "/_stub/arrivals":
        return account.arrivals
    return account.told()


async def serve(port: int) -> None:
    account = Account()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Line(account), "127.0.0.1", port, backlog=256
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
