"""What a vendor answered, and what its headers tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.structures import CaseInsensitiveDict

from integrations.connectors import exact
from integrations.connectors.errors import ServerFault

REQUEST_ID_HEADERS = ("X-N-OperationId", "X-Request-Id")


@dataclass(frozen=True)
class Answer:
    """What a vendor answered; `data` is the JSON of the body, if it is JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    data: Any = None
    is_json: bool = False

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def request_id(self) -> str:
        found = (self.headers.get(name) for name in REQUEST_ID_HEADERS)
        return next((value for value in found if value), "")

    def mapping(self) -> dict[str, Any]:
        """Return the JSON object of the body; raises ServerFault for anything else."""
        if not isinstance(self.data, dict):
            raise ServerFault(
                "The answer holds no JSON object.",
                status=self.status,
                request_id=self.request_id,
            )
        return self.data


def read(response: requests.Response) -> Answer:
    """Turn a response into an answer with exact JSON."""
    headers = CaseInsensitiveDict(response.headers)
    body = response.content
    try:
        data = exact.loads(body)
    except (ValueError, RecursionError):
        return Answer(response.status_code, headers, body)
    return Answer(response.status_code, headers, body, data, is_json=True)


def retry_after(answer: Answer) -> float | None:
    """Return the wait that a vendor asks for, in seconds."""
    value = answer.headers.get("Retry-After", "").strip()
    if value.isascii() and value.replace(".", "", 1).isdecimal():
        return float(value)
    moment = moment_of(value)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment else None


def clock_skew(answer: Answer) -> float | None:
    """Return by how many seconds our clock is ahead of the vendor's, if it tells."""
    moment = moment_of(answer.headers.get("Date", ""))
    return (datetime.now(UTC) - moment).total_seconds() if moment else None


def moment_of(text: str) -> datetime | None:
    """Read an HTTP date, or return None."""
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
