"""Faults between a connector and its sandbox: real calls, broken on their way.

An adapter stands where the connector's own one stood. What it breaks really
happened: an answer that is dropped was given, so the record stands at the target; a
token that is spoiled is refused by the vendor itself.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from integrations.connectors import http
from integrations.connectors.netsuite.records import PATH, id_in
from integrations.connectors.redaction import clean_url

Send = Callable[[], requests.Response]
# As NetSuite words it: the status of a crowd under the title of a bad request.
CROWDED = {
    "type": "https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.1",
    "title": "Bad Request",
    "status": 429,
    "o:errorDetails": [
        {
            "detail": "Concurrent request limit exceeded. Request blocked.",
            "o:errorCode": "CONCURRENCY_LIMIT_EXCEEDED",
        }
    ],
    "o:errorCode": "USER_ERROR",
}


@dataclass(frozen=True)
class Landed:
    """A record that the vendor took, as its own answer said, whoever heard it."""

    record_type: str
    target_id: str


def written_type(request: requests.PreparedRequest) -> str:
    """Return which record type a request writes, or nothing for any other request."""
    url = urlsplit(request.url or "")
    if PATH in url.path and request.method in ("POST", "PUT", "PATCH"):
        return url.path.partition(PATH)[2].strip("/").partition("/")[0]
    if url.path.endswith("/graphql.json") and b"mutation" in _body(request)[:200]:
        return "mutation"
    return ""


def _body(request: requests.PreparedRequest) -> bytes:
    body = request.body or b""
    return body.encode() if isinstance(body, str) else bytes(body)


def is_log_in(request: requests.PreparedRequest) -> bool:
    """Say whether a request asks for an access token."""
    return urlsplit(request.url or "").path.endswith(("/token", "/access_token"))


@dataclass
class Fault:
    """Strikes the next `times` requests that it is for; `told` hears of each."""

    times: int = 1
    record_type: str = ""

    def is_for(self, request: requests.PreparedRequest) -> bool:
        kind = written_type(request)
        return kind == self.record_type if self.record_type else not is_log_in(request)

    def strike(
        self, request: requests.PreparedRequest, send: Send
    ) -> requests.Response:
        """Carry the request out, or not, in the way of this fault."""
        raise NotImplementedError

    words: ClassVar[str] = ""


class DropAnswer(Fault):
    """The vendor carries the request out; its answer never arrives."""

    words = (
        "The target did what was asked, and its answer was thrown away on the way back."
    )

    def strike(
        self, request: requests.PreparedRequest, send: Send
    ) -> requests.Response:
        send()
        raise requests.ReadTimeout("The answer was thrown away on purpose.")


class Refuse429(Fault):
    """Answers 429 in the vendor's place; the request goes no further."""

    words = "The request was answered with 429, too many requests, and went no further."

    def strike(
        self, request: requests.PreparedRequest, send: Send
    ) -> requests.Response:
        answer = requests.Response()
        answer.status_code, answer.reason = 429, "Too Many Requests"
        answer.headers = CaseInsensitiveDict({"Content-Type": "application/json"})
        answer._content = json.dumps(CROWDED).encode()
        answer.url, answer.request = request.url or "", request
        return answer


class SpoilToken(Fault):
    """Sends a token that is good no more: the vendor itself refuses it."""

    words = "The access token was replaced by one that is good no more; the target saw that."

    def strike(
        self, request: requests.PreparedRequest, send: Send
    ) -> requests.Response:
        given = str(request.headers.get("Authorization", ""))
        scheme, _, _ = given.partition(" ")
        request.headers["Authorization"] = f"{scheme or 'Bearer'} expired-on-purpose"
        return send()


class Die(Fault):
    """Calls `ending` when the vendor has taken the last of `times` records."""

    words = "The worker was killed right after the target had taken the record."

    def __init__(self, times: int, record_type: str, ending: Callable[[], Any]) -> None:
        super().__init__(times, record_type)
        self.ending = ending

    def strike(
        self, request: requests.PreparedRequest, send: Send
    ) -> requests.Response:
        answer = send()
        if self.times == 0:
            self.ending()
        return answer


def _turned_away(request: requests.PreparedRequest) -> dict[str, Any]:
    return {
        "of": "Turned away",
        "method": request.method or "",
        "url": clean_url(request.url or ""),
        "request": "",
        "status": 429,
        "response": json.dumps(CROWDED, indent=2),
        "milliseconds": 0,
        "error": "",
    }


@dataclass
class Line:
    """What is between connectors and the one sandbox they may reach."""

    host: str
    faults: list[Fault] = field(default_factory=list)
    # What never reached the vendor: a try that was turned away leaves no row behind.
    turned_away: list[dict[str, Any]] = field(default_factory=list)
    told: Callable[[str], None] = print
    took: Callable[[Landed], None] = lambda landed: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def carry(self, request: requests.PreparedRequest, send: Send) -> requests.Response:
        """Send a request on, through the first fault that is for it."""
        if urlsplit(request.url or "").netloc != self.host:
            raise requests.ConnectionError(f"A scenario calls nobody but {self.host}.")

        def noted() -> requests.Response:
            answer = send()
            self._note(request, answer)
            return answer

        fault = self._next(request)
        if fault is None:
            return noted()
        self.told(fault.words)
        answer = fault.strike(request, noted)
        if isinstance(fault, Refuse429):
            self.turned_away.append(_turned_away(request))
        return answer

    def _next(self, request: requests.PreparedRequest) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.times > 0 and fault.is_for(request):
                    fault.times -= 1
                    return None if isinstance(fault, Die) and fault.times else fault
        return None

    def _note(
        self, request: requests.PreparedRequest, answer: requests.Response
    ) -> None:
        kind = written_type(request)
        if kind and answer.ok:
            self.took(Landed(kind, id_in(answer.headers.get("Location"))))

    @property
    def is_used_up(self) -> bool:
        """Say whether every fault has struck."""
        return all(fault.times == 0 for fault in self.faults)


class FaultyAdapter(BaseAdapter):
    """Passes each request through the line, then to the adapter that stood there."""

    def __init__(self, line: Line, inner: BaseAdapter) -> None:
        super().__init__()
        self.line, self.inner = line, inner

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        return self.line.carry(
            request, lambda: self.inner.send(request, *args, **options)
        )

    def close(self) -> None:
        self.inner.close()


def lay(line: Line) -> None:
    """Have every call of this process go over the line; for a process of its own."""
    new_session = http.new_session

    def faulty() -> requests.Session:
        session = new_session()
        for prefix, inner in list(session.adapters.items()):
            session.mount(prefix, FaultyAdapter(line, inner))
        return session

    http.new_session = faulty
