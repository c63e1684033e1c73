"""Refusals to be played by name.

The words are Oracle's ("Error Handling in REST Web Services" section_156570709583)
or were reported from real accounts; clients have to tell them apart by them.
"""

import secrets
import string
from collections.abc import Callable

from integrations.simulators.base import Response
from integrations.simulators.netsuite import refusals
from integrations.simulators.netsuite.refusals import Detail, Refusal

_MAINTENANCE = (
    b"<!DOCTYPE html><html><head><title>NetSuite</title></head><body>"
    b"<h1>NetSuite is temporarily unavailable</h1>"
    b"<p>The database is offline for maintenance.</p></body></html>"
)
_HTML = {"Content-Type": "text/html;charset=utf-8"}


def response_named(name: str, prefix: str = "") -> Response:
    """Return the answer that goes by `name`; raise KeyError for an unknown one."""
    made = NAMED[name]()
    if isinstance(made, Response):
        return made
    return made.response("" if name in _WITHOUT_PREFIX else prefix)


def _unexpected() -> Refusal:
    error_id = "".join(secrets.choice(string.ascii_lowercase) for _ in range(20))
    text = f"An unexpected error occurred. Error ID: {error_id}"
    return Refusal(Detail(text, "UNEXPECTED_ERROR"), status=500)


def _idempotency() -> Refusal:
    text = (
        "A request with the same idempotency key is already submitted. "
        "See the Location header for the job."
    )
    job = "/services/rest/async/v1/job/1"
    return Refusal(
        Detail(text, "IDEMPOTENCY_ERROR"), title="Conflict", headers={"Location": job}
    )


def _user_error(text: str, path: str = "") -> Callable[[], Refusal]:
    return lambda: Refusal(Detail(text, path=path))


def _query_error(text: str, code: str) -> Callable[[], Refusal]:
    return lambda: Refusal(Detail(text, code, place={"o:errorQueryParam": "q"}))


_WITHOUT_PREFIX = {"INVALID_LOGIN", "CONCURRENCY_LIMIT_EXCEEDED", "UNEXPECTED_ERROR"}

NAMED: dict[str, Callable[[], Refusal | Response]] = {
    "INVALID_LOGIN": refusals.bad_login,
    "NONEXISTENT_ID": refusals.no_record,
    "NONEXISTENT_ID_DOCUMENTED": lambda: refusals.no_record("Record does not exist."),
    "WRONG_TRANSACTION_TYPE": refusals.no_transaction,
    "INVALID_CONTENT": lambda: refusals.invalid_value(
        "9999", "item", "item.items[0].item", "INVALID_CONTENT"
    ),
    "INVALID_FIELD_VALUE": lambda: refusals.invalid_value(
        "53384", "customer.", "item.items[0]"
    ),
    "ALREADY_EXISTS": _user_error("This entity already exists."),
    "MISSING_FIELD": _user_error("You must enter a value for Company Name."),
    "EXCEEDED_MAX_FIELD_LENGTH": lambda: refusals.too_long("phone", 32, "phone"),
    "ROLE_PERMISSION": refusals.no_permission,
    "INSUFFICIENT_PERMISSION": lambda: refusals.insufficient_permission(
        "You do not have permissions to set a value for element custcol_test."
    ),
    "BETA_RECORD": lambda: refusals.insufficient_permission(
        "The account record is only available as a beta record. Enable the feature."
    ),
    "CONCURRENCY_LIMIT_EXCEEDED": refusals.over_allowance,
    "UNEXPECTED_ERROR": _unexpected,
    "WORKFLOW_LOCK": refusals.workflow_lock,
    "RCRD_HAS_BEEN_CHANGED": refusals.record_changed,
    "CLOSED_PERIOD": refusals.closed_period,
    "SUBSIDIARY_ACCOUNT": _user_error(
        "The accounts receivable account cannot be used with the selected subsidiary"
    ),
    "SUBSIDIARY_MISMATCH": lambda: refusals.wrong_subsidiary(
        "entity", "12", "3", "entity"
    ),
    "INVALID_SEARCH_QUERY": _query_error(
        "Invalid search query. Provide a valid search query.", "INVALID_PARAMETER"
    ),
    "UNPARSEABLE_DATE": _query_error(
        'Unparseable date: "2026-01-31"', "INVALID_PARAMETER"
    ),
    "NONEXISTENT_FIELD": _query_error(
        "The field foo does not exist on the record.", "NONEXISTENT_FIELD"
    ),
    "SPACES_IN_URL": _user_error("Invalid url. Spaces are not allowed in the URL."),
    "INVALID_REQUEST": refusals.malformed,
    "IDEMPOTENCY_ERROR": _idempotency,
    "SEARCH_ERROR": lambda: refusals.search_error("Field 'foo' not found."),
    "ADMINISTRATOR_RECORD": _user_error(
        "For security reasons, only an administrator is allowed to edit an "
        "administrator record"
    ),
    "INVALID_FLD_VALUE": lambda: Refusal(
        Detail("Invalid date value (must be YYYY-MM-DD)", "INVALID_FLD_VALUE")
    ),
    "MAINTENANCE": lambda: Response(503, _MAINTENANCE, dict(_HTML)),
    "MAINTENANCE_AS_SUCCESS": lambda: Response(200, _MAINTENANCE, dict(_HTML)),
    "BAD_GATEWAY": lambda: Response(502, b"<html>Bad Gateway</html>", dict(_HTML)),
    "SCRIPT_ERROR": _user_error("Order blocked by script: margin below limit."),
    "REDIRECT": lambda: Response(
        302, b"", {"Location": "https://elsewhere.invalid/services/rest/"}
    ),
    "CUT_OFF": lambda: Response(
        200, b'{"links":[],"count":1,"ite', {"Content-Type": "application/json"}
    ),
    "SUCCESS_WITHOUT_ID": lambda: Response(204),
}
