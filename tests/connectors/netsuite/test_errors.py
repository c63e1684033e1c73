import pytest

from integrations.connectors.answers import Answer
from integrations.connectors.errors import (
    AccessRefused,
    AlreadyExists,
    LimitReached,
    PermissionMissing,
    RecordBusy,
    RecordMissing,
    RecordRejected,
    ReferenceUnknown,
    RequestRefused,
    ServerFault,
)
from integrations.connectors.netsuite.errors import error_for

LIVE = "Error while accessing a resource. "


def answer(status: int, code: str, detail: str, **more: str) -> Answer:
    one = {"detail": detail, "o:errorCode": code, **more}
    data = {"type": "x", "title": "Bad Request", "status": status}
    return Answer(status, {}, b"{}", {**data, "o:errorDetails": [one]}, is_json=True)


@pytest.mark.parametrize(
    ("status", "code", "detail", "kind"),
    [
        (401, "INVALID_LOGIN", "Invalid login attempt.", AccessRefused),
        (404, "NONEXISTENT_ID", "The record instance does not exist.", RecordMissing),
        (400, "USER_ERROR", "Transaction type specified is incorrect.", RecordMissing),
        (
            400,
            "INVALID_CONTENT",
            "You have entered an Invalid Field Value 9999 for the following field: item",
            ReferenceUnknown,
        ),
        (
            400,
            "USER_ERROR",
            "Invalid entity reference key 12 for subsidiary 3.",
            ReferenceUnknown,
        ),
        (400, "USER_ERROR", "This entity already exists.", AlreadyExists),
        (400, "DUP_RCRD", "Uniqueness error", AlreadyExists),
        (400, "USER_ERROR", "Please enter value(s) for: Subsidiary", RecordRejected),
        (
            400,
            "USER_ERROR",
            "Your current role does not have permission to perform this action.",
            PermissionMissing,
        ),
        (
            403,
            "INSUFFICIENT_PERMISSION",
            "You do not have permissions",
            PermissionMissing,
        ),
        (
            400,
            "USER_ERROR",
            "For security reasons, only an administrator is allowed to edit an "
            "administrator record",
            PermissionMissing,
        ),
        (429, "CONCURRENCY_LIMIT_EXCEEDED", "Concurrent request limit", LimitReached),
        (400, "SSS_REQUEST_LIMIT_EXCEEDED", "Request limit exceeded", LimitReached),
        (400, "USER_ERROR", "Record has been changed", RecordBusy),
        (
            400,
            "USER_ERROR",
            "This record has been locked by a user defined workflow.",
            RecordBusy,
        ),
        (
            400,
            "USER_ERROR",
            "The transaction date you specified is not within the date range of your "
            "accounting period.",
            RecordRejected,
        ),
        (400, "INVALID_PARAMETER", "Invalid search query.", RequestRefused),
        (
            400,
            "USER_ERROR",
            "Search error occurred: Field 'foo' not found.",
            RequestRefused,
        ),
        (400, "USER_ERROR", "A script of this account says no.", RecordRejected),
        (500, "UNEXPECTED_ERROR", "An unexpected error occurred.", ServerFault),
    ],
)
def test_each_known_answer_is_named_for_what_helps(status, code, detail, kind):
    error = error_for(answer(status, code, LIVE + detail))
    assert type(error) is kind
    assert error.code == code
    assert detail in str(error)
    assert LIVE not in str(error)


def test_path_of_each_detail_is_kept_with_its_words():
    path = {"o:errorPath": "item.items[0].item"}
    error = error_for(answer(400, "INVALID_CONTENT", LIVE + "Invalid x", **path))
    assert error.fields == {"item.items[0].item": "Invalid x"}


def test_error_id_of_a_server_fault_is_kept_for_support():
    text = "An unexpected error occurred. Error ID: jgvwoyxcmvjlzpnwtfgs"
    error = error_for(answer(500, "UNEXPECTED_ERROR", text))
    assert error.request_id == "jgvwoyxcmvjlzpnwtfgs"


def test_restlet_envelope_is_read_too():
    body = {"error": {"code": "SSS_REQUEST_LIMIT_EXCEEDED", "message": "Too many"}}
    error = error_for(Answer(400, {}, b"{}", body, is_json=True))
    assert type(error) is LimitReached


def test_f33_html_fault_page_is_a_server_fault():
    assert type(error_for(Answer(503, {}, b"<html>"))) is ServerFault


def test_odd_json_in_an_error_breaks_nothing():
    for data in ([], {"o:errorDetails": "x"}, {"o:errorDetails": [None]}, {"title": 7}):
        error = error_for(Answer(401, {}, b"{}", data, is_json=True))
        assert type(error) is AccessRefused


def test_good_answer_is_no_error():
    assert error_for(Answer(204, {}, b"")) is None
