"""The check of a NetSuite connection, in words for the person who set it up."""

from collections.abc import Callable
from datetime import UTC, datetime

from integrations.connectors.base import CheckLine, CheckResult
from integrations.connectors.errors import (
    AccessRefused,
    ConnectorError,
    PermissionMissing,
    ServerFault,
)
from integrations.connectors.http import ApiClient
from integrations.connectors.netsuite import records, suiteql

SERVER_TIME = "/services/rest/system/v1/serverTime"
MOST_SKEW_SECONDS = 120

AUDIT_REMEDY = (
    "Open Setup > Users/Roles > User Management > View Login Audit Trail in NetSuite: "
    'it names the reason. The role needs "Log in using OAuth 2.0 Access Tokens" (with '
    'a certificate) or "Log in using Access Tokens" (TBA), and the integration record '
    "must be enabled. After a sandbox refresh both must be set up again."
)
SUITEQL_REMEDY = (
    'Add the permission "SuiteAnalytics Workbook" to the role of this connection.'
)
ROLE_TEXT = (
    "A role without the permission sees nothing rather than an error. If there should "
    "be some, add {permission} to the role of this connection."
)
# Table, what people call its rows, the permission, whether an account must have some.
TABLES = (
    ("item", "items", '"Lists > Items"', True),
    ("customer", "customers", '"Lists > Customers"', False),
    ("transaction", "transactions", '"Transactions > Sales Order"', False),
)
RECORDS = (
    ("customer", '"Lists > Customers" (Full)'),
    ("salesOrder", '"Transactions > Sales Order" (Full)'),
)
# What only some flows write, and the check does not ask for.
OF_FLOWS = (
    ("creditMemo", '"Transactions > Credit Memo" (Full)'),
    ("cashRefund", '"Transactions > Cash Refund" (Full)'),
    ("itemFulfillment", '"Transactions > Item Fulfillment" (Full)'),
)


def permission_for(record_type: str) -> str:
    """Say which permission writing a record needs, or nothing when that is unknown."""
    needed = dict((*RECORDS, *OF_FLOWS)).get(record_type)
    return f'It needs "REST Web Services" (Full) and {needed}.' if needed else ""


def server_time(client: ApiClient) -> datetime:
    """Return NetSuite's clock in UTC; needs a log-in, but no permission."""
    value = str(client.request("GET", SERVER_TIME).mapping().get("serverTime"))
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError as error:
        raise ServerFault(f"NetSuite's clock says {value!r}.") from error


def check(client: ApiClient) -> CheckResult:
    """Try the log-in, the clock, SuiteQL and the records, one line each."""
    try:
        lines = [_clock(client)]
    except ConnectorError as error:
        return CheckResult((_failed(error, AUDIT_REMEDY),))
    for table, rows, permission, needed in TABLES:
        lines.append(
            _line(_sight(client, table, rows, permission, needed), SUITEQL_REMEDY)
        )
    for record_type, permission in RECORDS:
        remedy = f'Add "REST Web Services" (Full) and {permission} to the role.'
        lines.append(_line(_record(client, record_type), remedy))
    return CheckResult(tuple(lines))


def _line(probe: Callable[[], CheckLine], remedy: str) -> CheckLine:
    try:
        return probe()
    except ConnectorError as error:
        return _failed(error, remedy)


def _failed(error: ConnectorError, remedy: str) -> CheckLine:
    if isinstance(error, AccessRefused):
        return CheckLine(False, str(error), AUDIT_REMEDY)
    if isinstance(error, PermissionMissing):
        return CheckLine(False, f"NetSuite refused: {error}", remedy)
    return CheckLine(False, str(error), "Check the address, then try again.")


def _clock(client: ApiClient) -> CheckLine:
    skew = (datetime.now(UTC) - server_time(client)).total_seconds()
    if abs(skew) > MOST_SKEW_SECONDS:
        return CheckLine(
            False,
            f"The clock of this machine is {abs(skew):.0f} seconds off NetSuite's.",
            "Set the clock of this machine by a time server: from five minutes on "
            "NetSuite refuses every signature.",
        )
    return CheckLine(True, "The log-in works, and both clocks agree.")


def _sight(
    client: ApiClient, table: str, rows: str, permission: str, needed: bool
) -> Callable[[], CheckLine]:
    def probe() -> CheckLine:
        sql = f"SELECT id FROM {table} FETCH FIRST 1 ROWS ONLY"  # noqa: S608
        if suiteql.query(client, sql):
            return CheckLine(True, f"SuiteQL shows {rows}.")
        remedy = ROLE_TEXT.format(permission=permission)
        return CheckLine(not needed, f"SuiteQL shows no {rows}.", remedy)

    return probe


def _record(client: ApiClient, record_type: str) -> Callable[[], CheckLine]:
    def probe() -> CheckLine:
        path = f"{records.PATH}/{record_type}"
        client.request("GET", path, params={"limit": "1"}).mapping()
        return CheckLine(True, f"The record {record_type} can be reached.")

    return probe
