"""RESTlets: /app/site/hosting/restlet.nl (Oracle help section_4634920277).

Errors have a shape of their own here, and too many requests at once are a 400.
"""

import json
from collections.abc import Mapping

from integrations.simulators.base import Request, Response
from integrations.simulators.netsuite import exactjson
from integrations.simulators.netsuite.bulk_script import BulkScript, ScriptError
from integrations.simulators.netsuite.store import Store
from integrations.simulators.netsuite.switches import Switches

PATH = "/app/site/hosting/restlet.nl"
BULK = ("customscript_waybill_bulk", "customdeploy_waybill_bulk")
_VENDOR = ".netsuite.com"
_JSON = {"Content-Type": "application/json;charset=utf-8"}
_PLAIN = {"Content-Type": "text/plain;charset=utf-8"}


class RestletApi:
    """Runs deployed scripts; takes the store's lock itself."""

    def __init__(self, store: Store, switches: Switches) -> None:
        self.switches = switches
        self.bulk = BulkScript(store, switches)

    def answer(self, request: Request) -> Response:
        """Answer one request to a RESTlet."""
        host = request.host.partition(":")[0].lower()
        if host.endswith(_VENDOR) and ".restlets." not in host:
            return Response(403, b"", dict(_PLAIN))
        media = request.headers.get("Content-Type", "")
        if "x-www-form-urlencoded" in media:
            return error("INVALID_REQUEST", "Invalid content type.", request, 415)
        try:
            return self._run(request)
        except ScriptError as problem:
            return error(problem.code, str(problem), request, problem.status)

    def _run(self, request: Request) -> Response:
        called = (request.query.get("script", ""), request.query.get("deploy", ""))
        if called != BULK or called[0] in self.switches.undeployed_scripts:
            text = "That Suitelet is invalid, disabled, or no longer exists."
            raise ScriptError("SSS_INVALID_SCRIPTLET_ID", text)
        body = self.bulk.run(request.method, dict(request.query), request.body)
        return Response(200, exactjson.dumps(body), dict(_JSON))


def error(
    code: str, message: str, request: Request | None = None, status: int = 400
) -> Response:
    """Return a refusal: JSON for who sent JSON, even on GET, and text for others."""
    media = request.headers.get("Content-Type", "") if request else "json"
    if "json" not in media:
        text = f"error code: {code}\nerror message: {message}"
        return Response(status, text, dict(_PLAIN))
    body = {"error": {"code": code, "message": message}}
    return Response(status, exactjson.dumps(body), dict(_JSON))


def over_allowance(request: Request) -> Response:
    return error("SSS_REQUEST_LIMIT_EXCEEDED", "Request limit exceeded.", request)


def bad_login(request: Request) -> Response:
    text = "Invalid login attempt."
    return error("INVALID_LOGIN_ATTEMPT", text, request, status=401)


_STRINGIFIED = json.dumps(
    {
        "type": "error.SuiteScriptError",
        "name": "UNEXPECTED_ERROR",
        "message": "TypeError: Cannot read property 'id' of undefined",
        "stack": ["anonymous(/SuiteScripts/waybill_bulk.js:40)"],
    }
)
_CAUGHT = {"version": 1, "error": {"code": "UNEXPECTED_ERROR", "message": "Caught."}}
NAMED: Mapping[str, Response] = {
    "SSS_REQUEST_LIMIT_EXCEEDED": error(
        "SSS_REQUEST_LIMIT_EXCEEDED", "Request limit exceeded."
    ),
    "SSS_USAGE_LIMIT_EXCEEDED": error(
        "SSS_USAGE_LIMIT_EXCEEDED", "Script Execution Usage Limit Exceeded"
    ),
    "SSS_TIME_LIMIT_EXCEEDED": error(
        "SSS_TIME_LIMIT_EXCEEDED", "Script Execution Time Exceeded."
    ),
    "SSS_INVALID_SCRIPTLET_ID": error(
        "SSS_INVALID_SCRIPTLET_ID",
        "That Suitelet is invalid, disabled, or no longer exists.",
    ),
    "INVALID_LOGIN_ATTEMPT": error(
        "INVALID_LOGIN_ATTEMPT", "Invalid login attempt.", status=401
    ),
    "INVALID_RETURN_DATA_FORMAT": error(
        "INVALID_RETURN_DATA_FORMAT", "Invalid data format. You should return TEXT."
    ),
    "RESTLET_SCRIPT_ERROR": error("UNEXPECTED_ERROR", _STRINGIFIED),
    "RESTLET_CAUGHT_ERROR": Response(200, exactjson.dumps(_CAUGHT), dict(_JSON)),
    "RESTLET_SERVER_ERROR": Response(
        500, "error code: UNEXPECTED_ERROR", {"Content-Type": "text/html"}
    ),
}
