"""F32: a line whose other end is gone without a word is given up and not used again."""

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import pytest

from integrations.models import Attempt, Connection, SyncRecord
from integrations.simulators.base import Request, Simulator
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)


class Front(ThreadingHTTPServer):
    """Keeps lines open in front of a simulator; some go dead in mid-conversation."""

    daemon_threads = True

    def __init__(self, simulator: Simulator) -> None:
        super().__init__(("127.0.0.1", 0), Line)
        self.simulator = simulator
        self.shall_die = False  # the next line that an order is written to
        self.dead: Counter[int] = Counter()
        self.over = threading.Event()


class Line(BaseHTTPRequestHandler):
    """One line. A dead one takes what is written to it and never answers or closes."""

    protocol_version = "HTTP/1.1"
    server: Front

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        front, me = self.server, self.client_address[1]
        is_write = self.command == "POST" and self.path.endswith("/salesOrder")
        if front.shall_die and is_write:
            front.shall_die, front.dead[me] = False, 0
        if me in front.dead:
            front.dead[me] += 1
            front.over.wait(30)
            return
        self.say(body)

    def say(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        pairs = dict(parse_qsl(query, keep_blank_values=True))
        host = self.headers.get("Host", "")
        told = {name.title(): value for name, value in self.headers.items()}
        request = Request(self.command, host, path, pairs, query, told, body, "http")
        found = self.server.simulator.handle(request)
        content = found.encoded()
        self.send_response(found.status)
        for name, value in found.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = answer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def front(demo, netsuite, settings) -> Iterator[Front]:
    """NetSuite behind real lines, one call at a time."""
    settings.CALL_TIMEOUT_SECONDS = 4  # a busy machine answers within
    settings.DRAIN_SLOTS = 1
    server = Front(netsuite)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Connection.objects.filter(slug="netsuite").update(
        base_url=f"http://127.0.0.1:{server.server_port}", allowance=1, reserve=0
    )
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


def test_f32_a_half_open_line_costs_one_call_and_is_never_used_again(
    front, post_order, netsuite, drain, let_pass
):
    post_order(number=3200)
    drain()
    front.shall_die = True
    for number in range(3201, 3207):
        post_order(number=number)
    drain()
    [attempt] = Attempt.objects.filter(outcome=Attempt.Outcome.UNKNOWN)
    assert "in time" in attempt.message
    for _ in range(3):
        let_pass(1200)
        drain()
    assert list(front.dead.values()) == [1]
    assert len(netsuite.orders) == 7
    states = SyncRecord.objects.values_list("state", flat=True)
    assert set(states) == {SyncRecord.State.DELIVERED}
