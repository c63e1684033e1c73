"""The query service: /services/rest/query/v1/suiteql."""

import re
from decimal import Decimal
from typing import Any

from integrations.simulators.base import Request, Response
from integrations.simulators.netsuite import exactjson, refusals
from integrations.simulators.netsuite.paging import MOST_ROWS, page_links, page_of
from integrations.simulators.netsuite.refusals import Detail, Refusal
from integrations.simulators.netsuite.sql_database import QueryDatabase
from integrations.simulators.netsuite.sql_dialect import names_in, translate
from integrations.simulators.netsuite.sql_functions import displayed
from integrations.simulators.netsuite.store import Store
from integrations.simulators.netsuite.switches import Switches

PATH = "/services/rest/query/v1/suiteql"
_NAME = re.compile(r"\w+")


class QueryApi:
    """Answers SuiteQL requests; takes the store's lock itself."""

    def __init__(self, store: Store, switches: Switches) -> None:
        self.store = store
        self.switches = switches
        self.database = QueryDatabase(store, switches)

    def answer(self, request: Request) -> Response:
        """Run one query and return one page; raise Refusal."""
        if request.method != "POST":
            raise Refusal(Detail("Method not allowed.", "INVALID_REQUEST"), status=405)
        if "transient" not in request.headers.get("Prefer", "").lower():
            text = "The required request header 'Prefer' is missing or is not valid."
            raise refusals.bad_header(f"{text} Use 'transient'.", "Prefer")
        if "suiteql" not in self.switches.role_permissions:
            text = "You need the SuiteAnalytics Workbook permission for this."
            raise refusals.insufficient_permission(text)
        query, params = _read(request)
        page = page_of(request)
        self._refuse_tables(query)
        with self.store.lock:
            names, rows = self.database.run(translate(query), params, MOST_ROWS)
        shown = rows[page.offset : page.offset + page.limit]
        keys = [_key(name, index) for index, name in enumerate(names)]
        body = page_links(
            f"{request.scheme}://{request.host}{PATH}", page, len(shown), len(rows)
        )
        body["items"] = [_row(keys, row) for row in shown]
        media = "application/vnd.oracle.resource+json; type=collection"
        return Response(200, exactjson.dumps(body), {"Content-Type": media})

    def _refuse_tables(self, query: str) -> None:
        """Refuse what exists in some accounts only."""
        for name in sorted(names_in(query) & self.switches.refused_tables):
            raise refusals.search_error(f"Record '{name}' was not found.")


def _read(request: Request) -> tuple[str, list[Any]]:
    try:
        body = exactjson.loads(request.body)
    except ValueError:
        raise refusals.malformed() from None
    query = body.get("q") if isinstance(body, dict) else None
    if not isinstance(query, str) or not query.strip():
        text = "Invalid search query. Provide a valid search query."
        raise refusals.bad_parameter(text, "q")
    params = body.get("params", [])
    if not isinstance(params, list):
        raise refusals.bad_parameter("Parameters must be a list.", "params")
    return query, [_param(value) for value in params]


def _param(value: Any) -> str | int | None:
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, Decimal):
        return format(value, "f")
    if value is None or isinstance(value, str | int):
        return value
    raise refusals.bad_parameter("Parameters must be plain values.", "params")


def _key(name: str, index: int) -> str:
    return name.lower() if _NAME.fullmatch(name) else f"expr{index + 1}"


def _row(keys: list[str], row: tuple[Any, ...]) -> dict[str, Any]:
    """Write a row: strings only, empty columns left out."""
    values = zip(keys, row, strict=True)
    shown = {key: displayed(value) for key, value in values if value is not None}
    return {"links": [], **shown}
