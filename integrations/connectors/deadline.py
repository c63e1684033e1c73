"""A transport that takes an answer whole and in time, or not at all.

`requests` starts its read timeout anew with every byte that arrives, so a peer that
drips one byte a second would hold a worker for hours. And `http.client` takes a head
that breaks off for a head: a Location cut short is then read as another id.
"""

import http.client
import io
import socket
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class DeadlineAdapter(HTTPAdapter):
    """Ends an answer that is not whole when the read timeout has passed."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


class _Stream(io.RawIOBase):
    """Reads a socket; its timeout at the start is the time for all reads together."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._socket = sock
        self._stream = sock.makefile("rb", buffering=0)
        seconds = sock.gettimeout()
        self._ends = None if seconds is None else time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._ends is not None:
            left = self._ends - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer was not whole in time")
            self._socket.settimeout(left)
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Source:
    """The one face of a socket that http.client reads answers from."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Stream(self._socket))


class _Head:
    """Hands on the lines of an answer's head, and keeps the last one."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.last = b""

    def readline(self, limit: int = -1) -> bytes:
        self.last = self._stream.readline(limit)
        return self.last

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_Source(sock), *args, **kwargs)  # type: ignore[arg-type]

    def begin(self) -> None:
        """Read the head. Raises IncompleteRead when no empty line ends it."""
        stream: Any = self.fp
        head = _Head(stream)
        self.fp: Any = head
        super().begin()
        self.fp = stream if self.fp is head else self.fp
        if head.last not in (b"\r\n", b"\n"):
            raise http.client.IncompleteRead(head.last)


class _Connection(HTTPConnection):
    response_class = _Response


class _TlsConnection(HTTPSConnection):
    response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
