"""One POST to an address that somebody entered, with nothing of ours within reach.

The name is resolved once, every address it has must be a public one, and the call
goes to the very address that was looked at: a name that changes its mind afterwards
leads nowhere. Redirects are not followed.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from queue import Empty, Queue
from typing import Any
from urllib.parse import urlsplit

import certifi
from django.conf import settings

from errorqueue.addresses import is_public
from errorqueue.text import one_line

RESOLVE_SECONDS = 5.0
CONNECT_SECONDS = 5.0
# From the first byte to the last: a peer that drips holds no worker.
WHOLE_SECONDS = 10.0
LONGEST_ANSWER = 2_048
PORTS = {"http": 80, "https": 443}
WRITE_IT_SO = (
    "Write https://, the host and the path, without user name, password or fragment."
)


class NotAllowed(ValueError):
    """This address may not be called; the text says why and what to do instead."""


class NotTaken(Exception):
    """The other side did not take the message; `status` is its answer, if any."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(one_line(text, 300))
        self.status = status


@dataclass(frozen=True)
class Target:
    """A web address taken apart."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def check_url(url: str) -> None:
    """Raise NotAllowed for an address that may not be called.

    A name that cannot be resolved just now is let pass: it is looked at again
    before each call.
    """
    try:
        _addresses(target_of(url))
    except NotTaken:
        return


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Send `body` and return the good status it was answered with.

    Raises NotAllowed for an address that may not be called, NotTaken for anything
    but a status of 200 to 299 within the time.
    """
    target = target_of(url)
    problem: Exception = NotTaken(f"{target.host} has no address.")
    for address in _addresses(target):
        connection = _Pinned(target, address)
        try:
            connection.connect()
        except OSError as error:
            problem = NotTaken(f"{target.host} cannot be reached: {_words(error)}")
            connection.close()
            continue
        return _judged(*_ask(connection, target, body, headers))
    raise problem


def target_of(url: str) -> Target:
    """Take an address apart; raise NotAllowed for what is no plain web address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise NotAllowed(f"URL: this cannot be read. {WRITE_IT_SO}") from error
    host = (parts.hostname or "").rstrip(".").lower()
    is_plain = parts.username is None and parts.password is None and not parts.fragment
    if parts.scheme not in PORTS or not host or not is_plain:
        raise NotAllowed(f"URL: this is no plain web address. {WRITE_IT_SO}")
    if not url.isascii() or any(sign <= " " for sign in url):
        raise NotAllowed("URL: it holds blanks or foreign letters: write them encoded.")
    path = parts.path or "/"
    query = f"?{parts.query}" if parts.query else ""
    found = Target(parts.scheme, host, port or PORTS[parts.scheme], path + query)
    if settings.PRODUCTION and found.scheme != "https" and not _is_listed(found):
        raise NotAllowed("URL: it must begin with https:// in production.")
    return found


def _addresses(target: Target) -> list[str]:
    """Resolve a name once; raise NotAllowed unless all it stands for is public."""
    try:
        found = _resolved(target)
    except (OSError, UnicodeError) as error:
        raise NotTaken(f"{target.host} cannot be found: {_words(error)}") from error
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    if not _is_listed(target) and not all(map(is_public, addresses)):
        raise NotAllowed(
            f"URL: {target.host} is an address inside this network. Enter a public "
            "one, or have the host added to WAYBILL_EXTRA_WEBHOOK_HOSTS."
        )
    return addresses


def _resolved(target: Target) -> list[Any]:
    """Ask for the addresses of a name; raises TimeoutError when that takes too long.

    The system's own resolver knows no deadline, so it is asked in a thread that is
    left behind if it does not answer.
    """
    answer: Queue[list[Any] | Exception] = Queue(maxsize=1)

    def ask() -> None:
        try:
            found: list[Any] | Exception = socket.getaddrinfo(
                target.host, target.port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            found = error
        answer.put(found)

    threading.Thread(target=ask, daemon=True, name="resolver").start()
    try:
        found = answer.get(timeout=RESOLVE_SECONDS)
    except Empty as error:
        raise TimeoutError from error
    if isinstance(found, Exception):
        raise found
    return found


def _is_listed(target: Target) -> bool:
    listed = {name.lower() for name in settings.EXTRA_WEBHOOK_HOSTS}
    return bool({target.host, f"{target.host}:{target.port}"} & listed)


class _Pinned(http.client.HTTPConnection):
    """A connection to one resolved address, which still answers to its name."""

    def __init__(self, target: Target, address: str) -> None:
        super().__init__(target.host, target.port, timeout=CONNECT_SECONDS)
        self._target = target
        self._address = address

    def connect(self) -> None:
        """Open the line to the address that was looked at; `greet` is still to come."""
        plain = socket.create_connection((self._address, self.port), CONNECT_SECONDS)
        self.sock = plain
        if self._target.scheme == "https":
            self.sock = _context().wrap_socket(
                plain, server_hostname=self._target.host, do_handshake_on_connect=False
            )

    def greet(self) -> None:
        """Have the certificate prove the name, where there is one."""
        self.sock.settimeout(WHOLE_SECONDS)
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.do_handshake()


@lru_cache(maxsize=1)
def _context() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())


def _ask(
    connection: _Pinned, target: Target, body: bytes, headers: Mapping[str, str]
) -> tuple[int, str]:
    """Send the message; return status and the beginning of the answer."""
    late = threading.Event()
    timer = threading.Timer(WHOLE_SECONDS, _cut, [connection.sock, late])
    timer.daemon = True
    timer.start()
    try:
        connection.greet()
        told = {**headers, "Host": target.netloc, "Connection": "close"}
        connection.request("POST", target.path, body, told)
        answer = connection.getresponse()
        text = answer.read(LONGEST_ANSWER).decode("utf-8", "replace")
        if late.is_set():
            raise TimeoutError
        return answer.status, text
    except (OSError, http.client.HTTPException) as error:
        raise NotTaken(f"{target.host} gave no answer: {_words(error)}") from error
    finally:
        timer.cancel()
        connection.close()


def _cut(sock: socket.socket, late: threading.Event) -> None:
    """End a call whose time is up, whatever it waits for."""
    late.set()
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _judged(status: int, answer: str) -> int:
    if 200 <= status < 300:
        return status
    if 300 <= status < 400:
        raise NotTaken(
            f"Answered {status}: redirects are not followed. Enter the final address.",
            status,
        )
    raise NotTaken(f"Answered {status}: {answer or 'no text'}", status)


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    return str(error) or type(error).__name__
