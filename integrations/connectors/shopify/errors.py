"""Shopify's errors in ours: by status, in a GraphQL answer, and in userErrors.

A refusal may come with status 200: `errors` holds what is wrong with the request,
`data.<mutation>.userErrors` what is wrong with the record.
"""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.connectors.answers import Answer
from integrations.connectors.errors import (
    AccessRefused,
    ConnectorError,
    LimitReached,
    PermissionMissing,
    RecordConflict,
    RecordRejected,
    ReferenceUnknown,
    RequestRefused,
    ServerFault,
)

SHOP_STATES = {
    402: "Shopify has frozen this shop: its bill is not paid.",
    423: "Shopify has locked this shop.",
    430: "Shopify turned the request away as a security risk.",
}
BY_CODE: dict[str, type[ConnectorError]] = {
    "THROTTLED": LimitReached,
    "ACCESS_DENIED": PermissionMissing,
    "SHOP_INACTIVE": AccessRefused,
    "INTERNAL_SERVER_ERROR": ServerFault,
    "TIMEOUT": ServerFault,
}
BY_USER_CODE: dict[str, type[ConnectorError]] = {
    "INVALID_INVENTORY_ITEM": ReferenceUnknown,
    "INVALID_LOCATION": ReferenceUnknown,
    "CHANGE_FROM_QUANTITY_STALE": RecordConflict,
    "IDEMPOTENCY_CONCURRENT_REQUEST": ServerFault,
    "IDEMPOTENCY_KEY_PARAMETER_MISMATCH": RequestRefused,
    "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED": ServerFault,
}
UNKNOWN_ENDINGS = ("_NOT_FOUND", "_DOES_NOT_EXIST")


def error_for(answer: Answer) -> ConnectorError | None:
    """Return the error that an answer of the GraphQL API tells, or None."""
    if answer.status in SHOP_STATES:
        return AccessRefused(SHOP_STATES[answer.status], code=str(answer.status))
    if answer.status >= 500 or not isinstance(answer.data, dict):
        return None
    errors = answer.data.get("errors")
    if isinstance(errors, str):
        return _worded(answer.status, errors)
    if isinstance(errors, list) and errors:
        return _graphql_error(errors, answer.data)
    if answer.status == 200:
        return _user_error(answer.data.get("data"))
    return None


def _worded(status: int, text: str) -> ConnectorError | None:
    by_status: dict[int, type[ConnectorError]] = {
        401: AccessRefused,
        403: PermissionMissing,
        429: LimitReached,
    }
    kind = by_status.get(status)
    return kind(text) if kind else None


def _graphql_error(errors: list[Any], body: dict[str, Any]) -> ConnectorError:
    first = errors[0] if isinstance(errors[0], dict) else {}
    facts = first.get("extensions")
    extensions = facts if isinstance(facts, dict) else {}
    code = str(extensions.get("code") or "")
    kind = BY_CODE.get(code, RequestRefused)
    return kind(
        _graphql_message(kind, str(first.get("message") or code), extensions),
        code=code,
        request_id=str(extensions.get("requestId") or ""),
        retry_after=_points_wait(body) if kind is LimitReached else None,
        fields=_problems(extensions),
    )


def _graphql_message(
    kind: type[ConnectorError], message: str, extensions: dict[str, Any]
) -> str:
    needed = extensions.get("requiredAccess")
    if kind is PermissionMissing and needed:
        return f"{message.rstrip('.')}. Required access: {needed}"
    return message


def _problems(extensions: dict[str, Any]) -> dict[str, str]:
    problems = extensions.get("problems")
    return {
        _path(problem.get("path")): str(problem.get("explanation"))
        for problem in (problems if isinstance(problems, list) else [])
        if isinstance(problem, dict)
    }


def _points_wait(body: dict[str, Any]) -> float:
    """Return the seconds until the bucket holds what the query asks for."""
    cost = _inner(_inner(body, "extensions"), "cost")
    status = _inner(cost, "throttleStatus")
    missing = _number(cost, "requestedQueryCost") - _number(
        status, "currentlyAvailable"
    )
    rate = _number(status, "restoreRate")
    return float(max(Decimal(0), missing) / rate) if rate > 0 else 1.0


def _inner(mapping: dict[str, Any], name: str) -> dict[str, Any]:
    found = mapping.get(name)
    return found if isinstance(found, dict) else {}


def _number(mapping: dict[str, Any], name: str) -> Decimal:
    try:
        return Decimal(str(mapping.get(name, 0)))
    except InvalidOperation:
        return Decimal(0)


def _user_error(data: Any) -> ConnectorError | None:
    found = list(_user_errors(data))
    if not found:
        return None
    codes = [str(error.get("code") or "") for error in found]
    fields = {_path(error.get("field")): str(error.get("message")) for error in found}
    return _user_kind(codes)(
        " ".join(dict.fromkeys(str(error.get("message")) for error in found)),
        code=codes[0],
        fields={path: text for path, text in fields.items() if path},
    )


def _user_errors(data: Any) -> Iterator[dict[str, Any]]:
    for result in data.values() if isinstance(data, dict) else ():
        errors = result.get("userErrors") if isinstance(result, dict) else None
        yield from (error for error in errors or () if isinstance(error, dict))


def _user_kind(codes: list[str]) -> type[ConnectorError]:
    for code in codes:
        if code in BY_USER_CODE:
            return BY_USER_CODE[code]
        if code.endswith(UNKNOWN_ENDINGS):
            return ReferenceUnknown
    return RecordRejected


def _path(path: Any) -> str:
    """Join a path such as ["input", "quantities", "0"]; nothing for none."""
    return ".".join(str(part) for part in path) if isinstance(path, list) else ""


def token_error_for(answer: Answer) -> ConnectorError | None:
    """Return the error that an answer of the token endpoint tells, or None."""
    if answer.status not in (400, 401, 403, 404):
        return None
    data = answer.data if isinstance(answer.data, dict) else {}
    code = str(data.get("error") or "")
    said = str(data.get("error_description") or "") or code
    text = f"{said} {answer.text}"
    if "shop_not_permitted" in text:
        reason = "the app and the shop belong to different organisations"
        return AccessRefused(_no_token(reason), code="shop_not_permitted")
    if "app_not_installed" in text:
        reason = "the app is not installed in this shop"
        return AccessRefused(_no_token(reason), code="app_not_installed")
    return AccessRefused(_no_token(said or "client id or secret are wrong"), code=code)


def _no_token(reason: str) -> str:
    return f"Shopify gave no access token: {reason}."
