"""What NetSuite says when it refuses, in the shape of its REST error bodies."""

from dataclasses import dataclass, field
from typing import Any

from integrations.simulators.base import STATUS_WORDS, Response
from integrations.simulators.netsuite import exactjson

ERROR_MEDIA = "application/vnd.oracle.resource+json; type=error"
_SECTIONS = {
    400: "10.4.1", 401: "10.4.2", 403: "10.4.4", 404: "10.4.5", 405: "10.4.6",
    409: "10.4.10", 415: "10.4.16", 429: "10.4", 500: "10.5.1", 503: "10.5.4",
}  # fmt: skip


@dataclass(frozen=True)
class Detail:
    """One entry of `o:errorDetails`; `place` is one of the optional pointers."""

    text: str
    code: str = "USER_ERROR"
    path: str = ""
    place: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, str]:
        pointer = {"o:errorPath": self.path} if self.path else {}
        return {"detail": self.text, "o:errorCode": self.code, **pointer, **self.place}


class Refusal(Exception):
    """The account refused a request."""

    def __init__(
        self,
        *details: Detail,
        status: int = 400,
        title: str = "",
        headers: dict[str, str] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(details[0].text if details else "")
        self.details = details
        self.status = status
        self.title = title or STATUS_WORDS.get(status, "Error")
        self.headers = headers or {}
        self.extra = extra or {}

    def response(self, prefix: str = "") -> Response:
        """Write the refusal as NetSuite would, `prefix` before record messages."""
        section = _SECTIONS.get(self.status, "10.4.1")
        body = {
            "type": "https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html"
            f"#sec{section}",
            "title": self.title,
            "status": self.status,
            "o:errorDetails": [
                {**entry.as_json(), "detail": prefix + entry.text}
                for entry in self.details
            ],
            **self.extra,
        }
        headers = {"Content-Type": ERROR_MEDIA, **self.headers}
        return Response(self.status, exactjson.dumps(body), headers)


BAD_LOGIN_TEXT = (
    "Invalid login attempt. For more details, see the Login Audit Trail in the "
    "NetSuite UI at Setup > Users/Roles > User Management > View Login Audit Trail."
)


def bad_login(challenge: str = "") -> Refusal:
    headers = {"WWW-Authenticate": challenge} if challenge else {}
    return Refusal(Detail(BAD_LOGIN_TEXT, "INVALID_LOGIN"), status=401, headers=headers)


def over_allowance(retry_after: int | None = None) -> Refusal:
    """Return body #11: status 429 under the title of a 400, as Oracle prints it."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Refusal(
        Detail(
            "Concurrent request limit exceeded. Request blocked.",
            "CONCURRENCY_LIMIT_EXCEEDED",
        ),
        status=429,
        title="Bad Request",
        headers=headers,
        extra={"o:errorCode": "USER_ERROR"},
    )


def no_permission() -> Refusal:
    text = "Your current role does not have permission to perform this action."
    return Refusal(Detail(text))


def insufficient_permission(text: str, path: str = "") -> Refusal:
    return Refusal(Detail(text, "INSUFFICIENT_PERMISSION", path), status=403)


def no_record(text: str = "") -> Refusal:
    live = "The record instance does not exist. Provide a valid record instance ID."
    return Refusal(Detail(text or live, "NONEXISTENT_ID"), status=404)


def no_transaction() -> Refusal:
    return Refusal(Detail("Transaction type specified is incorrect."))


def malformed(**place: str) -> Refusal:
    text = "The request could not be understood by the server due to malformed syntax."
    return Refusal(Detail(text, "INVALID_REQUEST", place=place))


def invalid_value(
    value: Any, label: str, path: str, code: str = "USER_ERROR"
) -> Refusal:
    text = (
        f"You have entered an Invalid Field Value {value} for the following field: "
        f"{label}"
    )
    return Refusal(Detail(text, code, path))


def missing(label: str, path: str) -> Refusal:
    return Refusal(Detail(f"Please enter value(s) for: {label}", path=path))


def too_long(label: str, limit: int, path: str) -> Refusal:
    text = (
        f"The field {label} contained more than the maximum number ( {limit} ) "
        "of characters allowed."
    )
    return Refusal(Detail(text, path=path))


def already_exists(text: str) -> Refusal:
    return Refusal(Detail(text))


def workflow_lock() -> Refusal:
    return Refusal(Detail("This record has been locked by a user defined workflow."))


def record_changed() -> Refusal:
    return Refusal(Detail("Record has been changed"))


def closed_period() -> Refusal:
    text = (
        "The transaction date you specified is not within the date range of your "
        "accounting period."
    )
    return Refusal(Detail(text, path="tranDate"))


def wrong_subsidiary(kind: str, key: str, subsidiary: str, path: str) -> Refusal:
    text = f"Invalid {kind} reference key {key} for subsidiary {subsidiary}."
    return Refusal(Detail(text, path=path))


def search_error(text: str) -> Refusal:
    return Refusal(
        Detail(f"Search error occurred: {text}"), title="Invalid search query."
    )


def bad_parameter(text: str, parameter: str) -> Refusal:
    place = {"o:errorQueryParam": parameter}
    return Refusal(Detail(text, "INVALID_PARAMETER", place=place))


def bad_header(text: str, header: str) -> Refusal:
    return Refusal(Detail(text, "INVALID_HEADER", place={"o:errorHeader": header}))
