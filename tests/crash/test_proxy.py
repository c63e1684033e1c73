"""The proxy breaks what it is told to break, and nothing else."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.crash.proxy import PAGE, Proxy

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"
REQUEST = b"POST /record/salesOrder HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"


class Vendor:
    """Counts the requests that reach it."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.taken.append(head + await reader.readexactly(2))
        writer.write(ANSWER)
        await writer.drain()
        writer.close()


Ask = Callable[[], Awaitable[bytes]]


def play(act: Callable[[Proxy, Vendor, Ask], Awaitable[None]]) -> None:
    async def stage() -> None:
        vendor, (port, own) = Vendor(), (free_port(), free_port())
        server = await asyncio.start_server(vendor.serve, "127.0.0.1", port)
        proxy = Proxy(own, ("127.0.0.1", port), seed=1)
        await proxy.listen()
        await act(proxy, vendor, lambda: ask(own))
        server.close()

    # A browser that an earlier test opened keeps a loop in this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(asyncio.wait_for(stage(), 20))).result()


async def ask(port: int) -> bytes:
    """Return the answer, or b"reset" when the connection broke."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        answer = await reader.read(-1)
        writer.close()
    except ConnectionRefusedError:
        return b"refused"
    except OSError:
        return b"reset"
    return answer


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_carries_a_request_and_its_answer_unchanged():
    async def act(proxy: Proxy, vendor: Vendor, ask: Ask) -> None:
        assert await ask() == ANSWER
        assert vendor.taken[0].endswith(b"\r\n\r\n{}")
        assert proxy.counts == {"requests": 1}

    play(act)


@pytest.mark.parametrize(
    ("kind", "answer", "taken"),
    [
        ("lost_response", b"reset", 1),
        ("repeat", ANSWER, 2),
        ("truncate", ANSWER[: len(ANSWER) // 2], 1),
        ("reset_headers", b"reset", 0),
        ("reset_body", b"reset", 0),
        ("black_hole", b"reset", 0),
    ],
)
def test_breaks_the_next_request_once(kind: str, answer: bytes, taken: int):
    async def act(proxy: Proxy, vendor: Vendor, ask: Ask) -> None:
        proxy.plan({"kind": kind, "seconds": 0.1, "path": "salesOrder"})
        assert await ask() == answer
        assert len(vendor.taken) == taken
        assert await ask() == ANSWER
        assert proxy.counts[kind] == 1

    play(act)


def test_leaves_other_paths_alone():
    async def act(proxy: Proxy, vendor: Vendor, ask: Ask) -> None:
        proxy.plan({"kind": "lost_response", "path": "customer"})
        assert await ask() == ANSWER
        assert proxy.faults

    play(act)


def test_nobody_listens_for_a_while():
    async def act(proxy: Proxy, vendor: Vendor, ask: Ask) -> None:
        proxy.plan({"kind": "refuse", "seconds": 0.3})
        await asyncio.sleep(0.05)
        assert await ask() == b"refused"
        await asyncio.sleep(0.5)
        assert await ask() == ANSWER

    play(act)


def test_each_reset_strikes_somewhere():
    async def act(proxy: Proxy, vendor: Vendor, ask: Ask) -> None:
        proxy.plan({"kind": "reset", "times": 12})
        answers = [await ask() for _ in range(13)]
        # A reset before anything was read may look like an empty answer.
        assert set(answers[:12]) <= {b"reset", b""}
        assert answers[12] == ANSWER

    play(act)


def test_a_page_comes_with_status_200():
    async def act(proxy: Proxy, vendor: Vendor, ask: Ask) -> None:
        proxy.plan({"kind": "html"})
        assert await ask() == PAGE

    play(act)


def test_unknown_kinds_are_refused():
    async def act(proxy: Proxy, vendor: Vendor, ask: Ask) -> None:
        given: dict[str, Any] = json.loads('{"kind": "earthquake"}')
        with pytest.raises(KeyError):
            proxy.plan(given)

    play(act)
