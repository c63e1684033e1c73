"""A seeded fault proxy between workers and a vendor; knows nothing of either.

    python -m tests.crash.proxy --listen 9011 --target 127.0.0.1:8011 --control 9012

One request per connection: it is read whole, handed on, and the answer carried back,
unless a fault is planned. `POST /fault` on the control port plans faults:

    {"kind": "lost_response", "times": 2, "seconds": 5, "path": "salesOrder"}

`path` limits it to requests whose path contains it. `POST /clear` forgets what has not
happened yet, `GET /counts` says what happened. Kinds:

refuse         nobody listens for so many seconds
reset          the connection is reset at one of the three places below, by chance
reset_start    … before a byte was read
reset_headers  … after the headers were read
reset_body     … after the whole request was read, none of it handed on
black_hole     the request is read and never answered, for so many seconds
drip           handed on; the answer comes at one byte a second
truncate       handed on; half of the answer comes
repeat         handed on twice, one after the other; one of the two answers comes
html           a page with status 200 comes; by chance the request was handed on
lost_response  handed on and answered, and nothing comes
"""

import argparse
import asyncio
import json
import socket
import struct
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
RESETS = ("reset_start", "reset_headers", "reset_body")
_TEXT = b"<html><body><h1>Down for maintenance</h1></body></html>"
PAGE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_TEXT), _TEXT)
)
ANSWER_SECONDS = 120


@dataclass
class Fault:
    """What shall go wrong with the next requests whose path contains `path`."""

    kind: str
    times: int = 1
    seconds: float = 5.0
    path: str = ""


class Proxy:
    """Carries requests to `target` and breaks some of them."""

    def __init__(self, port: int, target: tuple[str, int], seed: int) -> None:
        self.port, self.target = port, target
        self.chance = Random(f"{seed} proxy")
        self.faults: list[Fault] = []
        self.counts: Counter[str] = Counter()
        self.server: asyncio.Server | None = None

    async def listen(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def plan(self, given: dict[str, Any]) -> None:
        """Plan a fault; raises KeyError for a kind that does not exist."""
        fault = Fault(**given)
        if fault.kind == "refuse":
            self.counts["refuse"] += 1
            asyncio.get_running_loop().create_task(self._refuse(fault.seconds))
        elif fault.kind == "reset" or fault.kind in {*RESETS, *ACTS}:
            self.faults.append(fault)
        else:
            raise KeyError(fault.kind)

    async def _refuse(self, seconds: float) -> None:
        """Close the door; only who closed it opens it again."""
        if self.server is None:
            return
        self.server.close()
        self.server = None
        await asyncio.sleep(seconds)
        await self.listen()

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        with suppress(OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            await self._carry(reader, writer)
        writer.close()

    async def _carry(self, reader: Reader, writer: Writer) -> None:
        if self._take("", "reset_start"):
            return _reset(writer)
        head = await reader.readuntil(b"\r\n\r\n")
        self.counts["requests"] += 1
        path = head.split(b" ", 2)[1].decode("latin-1")
        if self._take(path, "reset_headers"):
            return _reset(writer)
        body = await reader.readexactly(_length(head))
        request = _closing(head) + body
        fault = self._next(path)
        if fault is None:
            writer.write(await self.ask(request))
            await writer.drain()
        elif fault.kind == "reset_body":
            _reset(writer)
        else:
            await ACTS[fault.kind](self, fault, request, writer)

    def _take(self, path: str, kind: str) -> bool:
        """Say whether a reset of this kind is planned here; it is used up then."""
        fault = next((one for one in self.faults if one.path in path), None)
        if fault is None or fault.kind not in ("reset", kind):
            return False
        if fault.kind == "reset" and self.chance.random() < 2 / 3:
            # Strikes at one of the later places.
            return False
        self._use(fault, kind)
        return True

    def _next(self, path: str) -> Fault | None:
        """Return the fault for a request that was read whole, and use it up."""
        for fault in self.faults:
            if fault.path in path and fault.kind not in RESETS[:2]:
                kind = "reset_body" if fault.kind == "reset" else fault.kind
                self._use(fault, kind)
                return Fault(kind, 1, fault.seconds, fault.path)
        return None

    def _use(self, fault: Fault, kind: str) -> None:
        self.counts[kind] += 1
        fault.times -= 1
        if fault.times <= 0:
            self.faults.remove(fault)

    async def ask(self, request: bytes) -> bytes:
        """Hand a request on and return the whole answer."""
        reader, writer = await asyncio.open_connection(*self.target)
        try:
            writer.write(request)
            await writer.drain()
            return await asyncio.wait_for(reader.read(-1), ANSWER_SECONDS)
        finally:
            writer.close()


async def _black_hole(proxy: Proxy, fault: Fault, request: bytes, to: Writer) -> None:
    await asyncio.sleep(fault.seconds)
    _reset(to)


async def _drip(proxy: Proxy, fault: Fault, request: bytes, to: Writer) -> None:
    answer = await proxy.ask(request)
    for place in range(len(answer)):
        to.write(answer[place : place + 1])
        await to.drain()
        await asyncio.sleep(1)
        if to.is_closing():
            return


async def _truncate(proxy: Proxy, fault: Fault, request: bytes, to: Writer) -> None:
    answer = await proxy.ask(request)
    to.write(answer[: len(answer) // 2])
    await to.drain()


async def _repeat(proxy: Proxy, fault: Fault, request: bytes, to: Writer) -> None:
    answers = [await proxy.ask(request), await proxy.ask(request)]
    to.write(proxy.chance.choice(answers))
    await to.drain()


async def _html(proxy: Proxy, fault: Fault, request: bytes, to: Writer) -> None:
    if proxy.chance.random() < 0.5:
        await proxy.ask(request)
    to.write(PAGE)
    await to.drain()


async def _lost_response(
    proxy: Proxy, fault: Fault, request: bytes, to: Writer
) -> None:
    await proxy.ask(request)
    _reset(to)


ACTS = {
    "black_hole": _black_hole,
    "drip": _drip,
    "truncate": _truncate,
    "repeat": _repeat,
    "html": _html,
    "lost_response": _lost_response,
}


def _reset(writer: Writer) -> None:
    """Close without a goodbye, so that the client sees the connection break."""
    line = writer.get_extra_info("socket")
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _closing(head: bytes) -> bytes:
    """Ask for one answer and then the end: connections are not kept."""
    lines = [
        line
        for line in head.rstrip(b"\r\n").split(b"\r\n")
        if not line.lower().startswith((b"connection:", b"keep-alive:"))
    ]
    return b"\r\n".join([*lines, b"Connection: close", b"", b""])


class Control:
    """Takes orders on a port of its own."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy

    async def serve(self, reader: Reader, writer: Writer) -> None:
        with suppress(OSError, EOFError):
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(_length(head))
            method, path = head.decode("latin-1").split(" ", 2)[:2]
            status, answer = self._do(f"{method} {path}", body)
            text = json.dumps(answer).encode()
            writer.write(
                f"HTTP/1.1 {status} .\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n".encode()
            )
            writer.write(text)
            await writer.drain()
        writer.close()

    def _do(self, what: str, body: bytes) -> tuple[int, Any]:
        if what == "GET /counts":
            return 200, dict(self.proxy.counts)
        if what == "POST /clear":
            self.proxy.faults.clear()
            return 200, {}
        if what != "POST /fault":
            return 404, {}
        try:
            self.proxy.plan(json.loads(body))
        except (ValueError, TypeError, KeyError) as error:
            return 400, {"error": str(error)}
        return 200, {}


async def serve(listen: int, target: str, control: int, seed: int) -> None:
    host, _, port = target.rpartition(":")
    proxy = Proxy(listen, (host, int(port)), seed)
    await proxy.listen()
    steering = await asyncio.start_server(Control(proxy).serve, "127.0.0.1", control)
    await steering.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.crash.proxy")
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--target", required=True, help="host:port")
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    asyncio.run(serve(options.listen, options.target, options.control, options.seed))


if __name__ == "__main__":
    main()
