"""The system service: server time and governance limits."""

from datetime import UTC

from integrations.simulators.base import Request, Response
from integrations.simulators.netsuite import exactjson, refusals
from integrations.simulators.netsuite.switches import Switches

ROOT = "/services/rest/system/v1/"


def answer_system(request: Request, switches: Switches) -> Response:
    """Answer one request to the system service; raise Refusal."""
    name = request.path.removeprefix(ROOT)
    if request.method == "GET" and name == "serverTime":
        return _json({"serverTime": server_time(switches)})
    if request.method == "GET" and name == "governanceLimits":
        return _limits(switches)
    raise refusals.no_record("The requested resource does not exist.")


def server_time(switches: Switches) -> str:
    """Write the account's clock in UTC, to the millisecond."""
    now = switches.now().astimezone(UTC)
    return f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"


def _limits(switches: Switches) -> Response:
    if not switches.is_administrator:
        text = "You do not have permission to view governance limits."
        raise refusals.insufficient_permission(text)
    return _json(
        {
            "accountConcurrencyLimit": switches.allowance,
            "accountUnallocatedConcurrencyLimit": switches.allowance,
            "integrationLimitType": "accountLimit",
        }
    )


def _json(body: dict[str, object]) -> Response:
    headers = {"Content-Type": "application/vnd.oracle.resource+json; type=singular"}
    return Response(200, exactjson.dumps(body), headers)
