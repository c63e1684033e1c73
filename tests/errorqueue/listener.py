"""The other side of a webhook, on this machine."""

import threading
import time
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Heard:
    headers: Message
    body: bytes


class Listener:
    """Answers each POST with `status` and `text`; `heard` is what came."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.status = 200
        self.text = b"thank you"
        self.location = ""
        self.drips = False

    def __enter__(self) -> "Listener":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(listener: Listener) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            listener.heard.append(Heard(self.headers, self.rfile.read(length)))
            if listener.drips:
                return self._drip()
            self.send_response(listener.status)
            if listener.location:
                self.send_header("Location", listener.location)
            self.send_header("Content-Length", str(len(listener.text)))
            self.end_headers()
            self.wfile.write(listener.text)

        def _drip(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            for _ in range(100):
                time.sleep(0.1)
                try:
                    self.wfile.write(b"a")
                except OSError:
                    return

        def log_message(self, *words: object) -> None:
            """Keep quiet."""

    return Handler
