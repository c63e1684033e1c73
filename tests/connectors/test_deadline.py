import socket
import threading
import time

import pytest

from integrations.connectors import http
from integrations.connectors.errors import ConnectionFailed, ServerFault, TimedOut
from integrations.connectors.http import ApiClient
from tests.connectors.line import Surroundings


class Peer:
    """A server on this machine that says what it is told, piece by piece."""

    def __init__(self, pieces: list[bytes], pause: float = 0.0) -> None:
        self.pieces, self.pause = pieces, pause
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        line, _ = self.listener.accept()
        with line:
            line.recv(65536)
            for piece in self.pieces:
                try:
                    line.sendall(piece)
                except OSError:
                    return
                time.sleep(self.pause)


def call(url: str, timeout: float = 0.5) -> object:
    services = Surroundings(timeout=timeout).services()
    return ApiClient("Vendor", url, services).request("GET", "/").data


def test_f31_dripping_body_ends_at_the_deadline():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
    peer = Peer([head, *[b"x"] * 100], pause=0.1)
    started = time.monotonic()
    with pytest.raises(TimedOut):
        call(peer.url)
    assert time.monotonic() - started < 2


def test_f31_dripping_headers_end_at_the_deadline():
    peer = Peer([b"HTTP/1.1 200 OK\r\n", *[b"X"] * 100], pause=0.1)
    started = time.monotonic()
    with pytest.raises(TimedOut):
        call(peer.url)
    assert time.monotonic() - started < 2


def test_f10_silent_peer_ends_at_the_deadline():
    peer = Peer([b"", b""], pause=3)
    with pytest.raises(TimedOut) as caught:
        call(peer.url, timeout=0.3)
    assert caught.value.sent is True


def test_whole_answer_is_read_through_the_clocked_stream():
    peer = Peer(
        [b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 8\r\n\r\n", b'{"a"', b": 1}"]
    )
    assert call(peer.url) == {"a": 1}


def test_f33_body_shorter_than_promised_is_no_success():
    peer = Peer([b'HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"a": 1}'])
    with pytest.raises(ServerFault) as caught:
        call(peer.url)
    assert caught.value.sent is True


def test_f29_line_cut_before_any_answer_is_unknown():
    peer = Peer([])
    with pytest.raises(ConnectionFailed) as caught:
        call(peer.url)
    assert caught.value.sent is True


def test_f29_closed_port_means_never_sent():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(ConnectionFailed) as caught:
        call(f"http://127.0.0.1:{port}")
    assert caught.value.sent is False


def test_cookies_of_a_vendor_are_not_kept():
    head = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\n{}"
    session = http.new_session()
    session.get(Peer([head]).url, timeout=2)
    assert len(session.cookies) == 0


def test_line_stays_open_from_one_client_to_the_next():
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    listener = socket.create_server(("127.0.0.1", 0))
    lines = []

    def serve() -> None:
        while True:
            line, _ = listener.accept()
            lines.append(line)
            threading.Thread(target=answer_all, args=(line,), daemon=True).start()

    def answer_all(line: socket.socket) -> None:
        while line.recv(65536):
            line.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    for _ in range(3):
        assert call(url) == {}
    assert len(lines) == 1


WHOLE_HEAD = b"HTTP/1.1 204 No Content\r\nLocation: http://vendor/customer/282\r\n\r\n"


@pytest.mark.parametrize("kept", range(20, len(WHOLE_HEAD) - 2))
def test_f33_an_answer_cut_in_its_head_is_no_answer(kept):
    """Half an address would be taken for another record's."""
    with pytest.raises(ConnectionFailed) as caught:
        call(Peer([WHOLE_HEAD[:kept]]).url)
    assert caught.value.sent is True


def test_an_answer_of_a_head_alone_is_taken_whole():
    assert call(Peer([WHOLE_HEAD]).url) is None
