"""NetSuite's errors in ours.

Many business errors come as 400 USER_ERROR, refused permissions among them, so the
text decides. Messages of the account's own scripts can say anything: an unknown one
is a rejected record, never a reason to try again. Order after status, code, text.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from integrations.connectors.answers import Answer, clock_skew
from integrations.connectors.errors import (
    AccessRefused,
    AlreadyExists,
    ConnectorError,
    LimitReached,
    PermissionMissing,
    RecordBusy,
    RecordMissing,
    RecordRejected,
    ReferenceUnknown,
    RequestRefused,
    ServerFault,
)

# Signatures and assertions are good for five minutes around NetSuite's clock.
MOST_SKEW_SECONDS = 240
AUDIT_TRAIL = (
    "The reason stands in NetSuite under Setup > Users/Roles > User Management > "
    "View Login Audit Trail."
)

_PREFIX = re.compile(r"^Error while accessing (a )?resource[.:]\s*")
_ERROR_ID = re.compile(r"Error ID: (\w+)")


@dataclass(frozen=True)
class Told:
    """What an error answer of NetSuite says; texts in lower case for comparing."""

    status: int
    codes: frozenset[str]
    text: str

    def has(self, *fragments: str) -> bool:
        return any(fragment in self.text for fragment in fragments)

    def is_coded(self, *codes: str) -> bool:
        return not self.codes.isdisjoint(codes)


Rule = tuple[Callable[[Told], bool], type[ConnectorError]]

RULES: tuple[Rule, ...] = (
    (
        lambda told: (
            told.status == 429
            or told.is_coded("CONCURRENCY_LIMIT_EXCEEDED", "SSS_REQUEST_LIMIT_EXCEEDED")
        ),
        LimitReached,
    ),
    (lambda told: told.status >= 500, ServerFault),
    (
        lambda told: (
            told.status == 401
            or told.is_coded("INVALID_LOGIN", "INVALID_LOGIN_ATTEMPT")
        ),
        AccessRefused,
    ),
    (
        lambda told: (
            told.status == 403
            or told.is_coded("INSUFFICIENT_PERMISSION")
            or told.has("permission", "privileges")
            or told.has("only an administrator is allowed")
        ),
        PermissionMissing,
    ),
    (
        lambda told: (
            told.has("already exists")
            or any(code.startswith("DUP_") for code in told.codes)
        ),
        AlreadyExists,
    ),
    (
        lambda told: (
            told.status == 404
            or told.is_coded("NONEXISTENT_ID")
            or told.has("transaction type specified is incorrect")
        ),
        RecordMissing,
    ),
    (
        lambda told: (
            told.is_coded("RCRD_HAS_BEEN_CHANGED")
            or told.has("record has been changed")
            or told.has("locked by a user defined workflow")
        ),
        RecordBusy,
    ),
    (
        lambda told: told.has("invalid field value", "reference key"),
        ReferenceUnknown,
    ),
    (
        lambda told: (
            told.status in (405, 406, 415)
            or told.is_coded(
                "INVALID_REQUEST", "INVALID_PARAMETER", "NONEXISTENT_FIELD"
            )
            or told.has("invalid search query", "search error occurred", "invalid url.")
        ),
        RequestRefused,
    ),
)


def error_for(answer: Answer) -> ConnectorError | None:
    """Return the error that an answer of the REST API tells, or None."""
    if answer.status < 400:
        return None
    details = _details(answer)
    if not details and answer.status < 500 and answer.status not in (401, 403, 429):
        return None
    return _told_error(answer, details)


def _told_error(answer: Answer, details: list[dict[str, str]]) -> ConnectorError:
    codes = [detail["code"] for detail in details if detail["code"]]
    text = " ".join(detail["text"] for detail in details)
    title = answer.data.get("title") if isinstance(answer.data, dict) else ""
    told = Told(answer.status, frozenset(codes), f"{title} {text}".lower())
    kind = next((kind for rule, kind in RULES if rule(told)), RecordRejected)
    error_id = _ERROR_ID.search(text)
    return kind(
        _message(kind, answer, text),
        code=codes[0] if codes else "",
        request_id=error_id[1] if error_id else "",
        fields={detail["path"]: detail["text"] for detail in details if detail["path"]},
    )


def _message(kind: type[ConnectorError], answer: Answer, text: str) -> str:
    said = text or f"NetSuite answered {answer.status}."
    if kind is AccessRefused:
        return _refusal(answer, said)
    return said


def _details(answer: Answer) -> list[dict[str, str]]:
    """Return code, path and text of each detail, whichever envelope it came in."""
    if not isinstance(answer.data, dict):
        return []
    details = answer.data.get("o:errorDetails")
    found = [_detail(one) for one in details or [] if isinstance(one, dict)]
    restlet = answer.data.get("error")
    if isinstance(restlet, dict):
        found.append(_detail(restlet))
    return found


def _detail(one: dict[str, Any]) -> dict[str, str]:
    text = one.get("detail") or one.get("message") or ""
    return {
        "code": str(one.get("o:errorCode") or one.get("code") or ""),
        "path": str(one.get("o:errorPath") or ""),
        "text": _PREFIX.sub("", str(text)),
    }


def token_error_for(answer: Answer) -> ConnectorError | None:
    """Return the error that an answer of the token endpoint tells, or None."""
    if answer.status not in (400, 401, 403):
        return None
    data = answer.data if isinstance(answer.data, dict) else {}
    code = data.get("error")
    named = f" ({code})" if isinstance(code, str) else ""
    return AccessRefused(
        _refusal(answer, f"NetSuite gave no access token{named}."),
        code=code if isinstance(code, str) else "",
    )


def _refusal(answer: Answer, said: str) -> str:
    skew = clock_skew(answer)
    if skew is not None and abs(skew) > MOST_SKEW_SECONDS:
        side = "ahead of" if skew > 0 else "behind"
        said = (
            f"The clock of this machine is {abs(skew) / 60:.0f} minutes {side} "
            f"NetSuite's, so no signature is good. {said}"
        )
    return said if "Login Audit Trail" in said else f"{said} {AUDIT_TRAIL}"
