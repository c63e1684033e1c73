"""What every simulated vendor shares: routes, faults, a journal of requests.

A simulator is a WSGI application with its state in memory, guarded by one lock. It
is served on a port for the demo and mounted under `requests` in tests; it shares no
code with the connectors, so a client's mistake cannot hide in its own mirror.
"""

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

from integrations.simulators.journal import JournalFile

STATUS_WORDS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    302: "Found",
    303: "See Other",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    415: "Unsupported Media Type",
    423: "Locked",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


class ExactNumber(str):
    """A JSON number with a fraction, digit for digit; unlike a text in quotes."""


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    method: str
    host: str
    path: str
    query: dict[str, str]
    query_string: str
    headers: dict[str, str]
    body: bytes
    scheme: str = "http"

    def json(self) -> Any:
        return json.loads(self.body or b"null", parse_float=ExactNumber)

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass
class Response:
    """One answer; `body` of any other type than bytes or str is sent as JSON."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        self.headers.setdefault("Content-Type", "application/json")
        return json.dumps(self.body).encode()


@dataclass
class Fault:
    """What shall go wrong with a coming request.

    `lost` handles the request and then drops the answer; `late` gives no answer and
    handles the request so many seconds afterwards, when the client has given up;
    `latency` is in seconds; `status` None leaves the answer as it is; `path` limits
    the fault to requests whose path contains it.
    """

    status: int | None = None
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    latency: float = 0.0
    path: str = ""
    late: float = 0.0


@dataclass(frozen=True)
class Call:
    """One line of the journal; secrets in `headers` are masked."""

    at: float
    method: str
    path: str
    status: int | None
    request: str
    response: str
    headers: dict[str, str] = field(default_factory=dict)


class AnswerLost(ConnectionError):
    """The request was handled, the answer never arrived."""


Handler = Callable[..., Response]

# Lines kept in memory when the journal has a file of its own.
MOST_LINES = 500

_SECRET_HEADER = re.compile(r"(?i)authorization|token|secret|cookie|password")


class Simulator:
    """A vendor in memory; subclasses add routes in `__init__`."""

    kind = ""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.journal: list[Call] = []
        self.journal_file: JournalFile | None = None
        self.in_flight = 0
        self.most_in_flight = 0
        self.latency = 0.0
        self._faults: deque[Fault] = deque()
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def route(self, method: str, pattern: str, handler: Handler) -> None:
        """Send requests whose whole path matches `pattern` to `handler`.

        Named groups of the pattern become keyword arguments.
        """
        self._routes.append((method, re.compile(pattern), handler))

    def keep_journal(self, folder: Path) -> None:
        """Write every request and effect to a file, and little into memory."""
        self.journal_file = JournalFile(folder / f"{self.kind}.jsonl")

    def note_effect(
        self, record: str, key: str, external_id: str, verb: str, content: Any
    ) -> None:
        """Write down what a request changed; callers hold the lock."""
        if self.journal_file:
            self.journal_file.write(
                "effect",
                record=record,
                id=key,
                external_id=external_id,
                verb=verb,
                content=content,
            )

    def fail_next(
        self,
        status: int | None = None,
        *,
        times: int = 1,
        retry_after: int | None = None,
        body: Any = b"",
        lost: bool = False,
        latency: float = 0.0,
        path: str = "",
        late: float = 0.0,
    ) -> None:
        """Make the next requests fail; the first matching fault is used up first."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        fault = Fault(status, body, headers, lost, latency, path, late)
        self._faults.extend([fault] * times)

    def handle(self, request: Request) -> Response:
        """Answer one request; raise AnswerLost when the answer shall not arrive."""
        with self.lock:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            fault = self._take_fault(request)
        try:
            time.sleep(self.latency + (fault.latency if fault else 0.0))
            return self._answer(request, fault)
        finally:
            with self.lock:
                self.in_flight -= 1

    def _answer(self, request: Request, fault: Fault | None) -> Response:
        if fault and fault.late:
            later = threading.Timer(fault.late, self._answer_nobody, [request])
            later.daemon = True
            later.start()
            raise AnswerLost("the request is still at work")
        if fault and fault.status is not None:
            response = Response(fault.status, fault.body, dict(fault.headers))
        else:
            response = self.respond(request)
        lost = bool(fault and fault.lost)
        self._write_down(request, response, lost)
        if lost:
            raise AnswerLost("the answer was lost on the way")
        return response

    def _answer_nobody(self, request: Request) -> None:
        """Let a request take effect that its client has given up."""
        self._write_down(request, self.respond(request), lost=True)

    def respond(self, request: Request) -> Response:
        """Find the route; subclasses put guards (log-in, limits) in front."""
        known = False
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(request.path)
            if match and method == request.method:
                return handler(request, **match.groupdict())
            known = known or bool(match)
        return Response(405 if known else 404, {"error": "no such address"})

    def _take_fault(self, request: Request) -> Fault | None:
        for fault in self._faults:
            if fault.path in request.path:
                self._faults.remove(fault)
                return fault
        return None

    def _write_down(self, request: Request, response: Response, lost: bool) -> None:
        call = Call(
            at=time.time(),
            method=request.method,
            path=request.path
            + (f"?{request.query_string}" * bool(request.query_string)),
            status=None if lost else response.status,
            request=request.body.decode(errors="replace"),
            response=response.encoded().decode(errors="replace"),
            headers=masked(request.headers),
        )
        self._keep(self._shown(call, request), lost)

    def _shown(self, call: Call, request: Request) -> Call:
        """Return a journal line as it may be read; subclasses mask secrets."""
        return call

    def _keep(self, call: Call, lost: bool) -> None:
        with self.lock:
            self.journal.append(call)
            if self.journal_file:
                columns = asdict(call)
                del columns["at"], self.journal[:-MOST_LINES]
                self.journal_file.write("request", **columns, lost=lost)

    def __call__(
        self, environ: WSGIEnvironment, start: StartResponse
    ) -> Iterable[bytes]:
        try:
            response = self.handle(request_from(environ))
        except AnswerLost:
            # No WSGI server can hang up in mid-request; an empty 504 is what a
            # client sees of a gateway that lost the answer.
            response = Response(504, b"")
        body = response.encoded()
        word = STATUS_WORDS.get(response.status, "Status")
        headers = {**response.headers, "Content-Length": str(len(body))}
        start(f"{response.status} {word}", list(headers.items()))
        return [body]


def masked(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers with every secret replaced by dots."""
    return {
        name: _dots(value) if _SECRET_HEADER.search(name) else value
        for name, value in headers.items()
    }


def _dots(value: str) -> str:
    scheme, space, _ = value.partition(" ")
    return f"{scheme} •••" if space and scheme.isalpha() else "•••"


def request_from(environ: WSGIEnvironment) -> Request:
    """Read a WSGI environment."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    headers = {
        name[5:].replace("_", "-").title(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        headers["Content-Type"] = environ["CONTENT_TYPE"]
    query_string = environ.get("QUERY_STRING", "")
    return Request(
        method=environ["REQUEST_METHOD"],
        host=environ.get("HTTP_HOST", ""),
        path=environ.get("PATH_INFO", "/"),
        query=dict(parse_qsl(query_string, keep_blank_values=True)),
        query_string=query_string,
        headers=headers,
        body=environ["wsgi.input"].read(length) if length else b"",
        scheme=environ.get("wsgi.url_scheme", "http"),
    )
