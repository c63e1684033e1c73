"""A way into simulators without sockets: a transport adapter for `requests`."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter

from integrations.simulators.base import AnswerLost, Request, Response, Simulator


class SimulatorAdapter(BaseAdapter):
    """Hands each prepared request straight to a simulator."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__()
        self.simulator = simulator

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        try:
            answer = self.simulator.handle(_inbound(request))
        except AnswerLost as error:
            raise requests.exceptions.ReadTimeout(
                str(error), request=request
            ) from error
        return _outbound(request, answer)

    def close(self) -> None:
        """Nothing is open."""


def _inbound(request: requests.PreparedRequest) -> Request:
    url = urlsplit(request.url or "")
    body = request.body or b""
    return Request(
        method=request.method or "GET",
        host=url.netloc,
        path=url.path,
        query=dict(parse_qsl(url.query, keep_blank_values=True)),
        query_string=url.query,
        headers={name.title(): _text(value) for name, value in request.headers.items()},
        body=body.encode() if isinstance(body, str) else bytes(body),
        scheme=url.scheme,
    )


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _outbound(request: requests.PreparedRequest, answer: Response) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response._content = answer.encoded()
    response.headers.update(answer.headers)
    response.url = request.url or ""
    response.request = request
    response.encoding = "utf-8"
    return response
