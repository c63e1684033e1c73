"""What goes wrong, as problem+json that names the field and the remedy."""

from typing import Any

from django.core.exceptions import PermissionDenied as DjangoDenied
from django.http import Http404
from rest_framework import status
from rest_framework.exceptions import (
    APIException,
    MethodNotAllowed,
    NotFound,
    ParseError,
    PermissionDenied,
    Throttled,
    UnsupportedMediaType,
    ValidationError,
)
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from errorqueue.bulk.running import NotNow
from errorqueue.failures import Refused
from errorqueue.people import Unusable
from errorqueue.query import Unreadable
from errorqueue.services import AlreadyQueued, NotOpen, SubjectGone
from errorqueue.undo import TooLate

CONTENT_TYPE = "application/problem+json"
# What cannot be done now, the narrowest first; `code` is what a program compares.
CONFLICTS: tuple[tuple[type[Exception], str, str], ...] = (
    (AlreadyQueued, "already_queued", "Already queued"),
    (SubjectGone, "gone", "What it is about is gone"),
    (NotOpen, "not_open", "Settled already"),
    (TooLate, "too_late", "Too late to take back"),
    (NotNow, "not_now", "Not in this state"),
    (Refused, "refused", "Cannot be done now"),
)
TITLES: dict[type[APIException], str] = {
    ParseError: "The body is not JSON",
    UnsupportedMediaType: "Send JSON",
    NotFound: "Not found",
    MethodNotAllowed: "Not this way",
    PermissionDenied: "Not allowed",
    Throttled: "Too many calls",
}


class Invalid(ValidationError):
    """One field that cannot be used, and what to send instead."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__({field: [text]})


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn an exception into problem+json; None lets it be a fault of ours."""
    for kind, code, title in CONFLICTS:
        if isinstance(error, kind):
            set_rollback()
            return problem(status.HTTP_409_CONFLICT, code, title, str(error))
    if isinstance(error, Unreadable):
        error = ValidationError({"q": list(error.problems)})
    if isinstance(error, Unusable):
        error = ValidationError({"": [str(error)]})
    response = exception_handler(error, context)
    if response is None:
        return None
    told = _told(error, response)
    for name, value in response.headers.items():
        told.headers.setdefault(name, value)
    return told


def _told(error: Exception, response: Response) -> Response:
    if isinstance(error, ValidationError):
        found = list(_problems(error.detail))
        words = " ".join(
            f"{one['field']}: {one['problem']}".lstrip(": ") for one in found
        )
        return problem(
            response.status_code, "invalid", "Something cannot be used", words, found
        )
    if isinstance(error, Http404 | NotFound):
        text = "There is nothing under this address: compare the id with the list."
        return problem(response.status_code, "not_found", "Not found", text)
    if isinstance(error, DjangoDenied):
        error = PermissionDenied()
    assert isinstance(error, APIException)  # noqa: S101 (others have no response)
    title = TITLES.get(type(error), "Log-in needed")
    return problem(
        response.status_code, str(error.default_code), title, str(error.detail)
    )


def problem(
    code: int,
    name: str,
    title: str,
    text: str,
    errors: list[dict[str, str]] | None = None,
) -> Response:
    """Return an answer in the words of RFC 9457, with our own `code` and `errors`."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": code,
        "code": name,
        "detail": text,
    }
    if errors is not None:
        body["errors"] = errors
    return Response(body, status=code, content_type=CONTENT_TYPE)


def _problems(detail: Any, field: str = "") -> Any:
    """Yield each field with what is wrong about it, however deep it lies."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            name = "" if name == "non_field_errors" else str(name)
            yield from _problems(
                inner, ".".join(part for part in (field, name) if part)
            )
    elif isinstance(detail, list | tuple):
        for place, inner in enumerate(detail):
            is_text = isinstance(inner, str)
            yield from _problems(inner, field if is_text else f"{field}[{place}]")
    else:
        yield {"field": field, "problem": str(detail)}
