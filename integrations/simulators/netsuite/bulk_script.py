"""The bulk script that the console installs: stock and prices, thousands a call.

What it promises to its callers stands in docs/netsuite-script.md.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from integrations.simulators.netsuite import exactjson
from integrations.simulators.netsuite.store import Record, Store
from integrations.simulators.netsuite.switches import Switches

VERSION = 1
MOST_ROWS, USUAL_ROWS, MOST_SKUS = 5000, 1000, 1000
# Of N/query: what one page of a thousand rows costs.
UNITS_A_PAGE, ROWS_A_PAGE = 10, 1000
Row = dict[str, Any]
Place = tuple[int, str]


class ScriptError(Exception):
    """The script ended with an error that it did not catch."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class _Caught(Exception):
    """The script caught this itself and answers 200 with it."""


class BulkScript:
    """Reads rows in the order of a cursor; takes the store's lock itself."""

    def __init__(self, store: Store, switches: Switches) -> None:
        self.store = store
        self.switches = switches
        self._kinds: dict[str, Callable[[Record], Iterable[tuple[str, Row]]]] = {
            "inventory": self._stock,
            "prices": self._prices,
        }

    def run(self, method: str, query: dict[str, str], body: bytes) -> dict[str, Any]:
        """Return one answer; raise ScriptError where the platform ends the script."""
        if method not in ("GET", "POST"):
            text = f"The script does not answer {method}."
            raise ScriptError("SSS_UNSUPPORTED_METHOD", text, 405)
        try:
            return self._page(query) if method == "GET" else self._named(body)
        except _Caught as problem:
            code = {"code": "BAD_REQUEST", "message": str(problem)}
            return {"version": VERSION, "error": code}

    def _page(self, query: dict[str, str]) -> dict[str, Any]:
        """Answer GET: what stands behind the cursor, changed since where asked."""
        what, limit = self._what(query.get("what")), _limit(query.get("limit"))
        since, after = _moment(query.get("since")), _cursor(query.get("after", ""))
        with self.store.lock:
            rows = self._rows(what, self._items(), since, after)
            shown, following = self._cut(rows, limit)
        return self._answer(what, shown, next=following)

    def _named(self, body: bytes) -> dict[str, Any]:
        """Answer POST: the rows of the SKUs in the body."""
        given = _object(body)
        what, skus = self._what(given.get("what")), given.get("skus")
        if not isinstance(skus, list) or not 1 <= len(skus) <= MOST_SKUS:
            raise _Caught(f"skus: send a list of 1 to {MOST_SKUS}.")
        with self.store.lock:
            found = {sku: self.store.holder("item", str(sku)) for sku in skus}
            items = sorted(
                {one.id: one for one in found.values() if one}.values(),
                key=lambda item: int(item.id),
            )
            rows = [row for _, row in self._rows(what, items, None, (0, ""))]
        self._charge(len(rows))
        unknown = [sku for sku, item in found.items() if item is None]
        return self._answer(what, rows, unknown=unknown)

    def _answer(self, what: str, rows: list[Row], **more: Any) -> dict[str, Any]:
        now = self.switches.now()
        return {
            "version": VERSION,
            "what": what,
            "server_time": _written(now),
            "rows": rows,
            **more,
        }

    def _what(self, given: object) -> str:
        if not isinstance(given, str) or given not in self._kinds:
            raise _Caught(f"what: say one of {', '.join(self._kinds)}.")
        return given

    def _items(self) -> list[Record]:
        """Return what the role may see, in the order of ids."""
        if "item" not in self.switches.role_permissions:
            return []
        return sorted(self.store.of_family("item"), key=lambda item: int(item.id))

    def _rows(
        self,
        what: str,
        items: Iterable[Record],
        since: datetime | None,
        after: Place,
    ) -> Iterator[tuple[str, Row]]:
        for item in items:
            if int(item.id) < after[0]:
                continue
            for part, row in self._kinds[what](item):
                changed = datetime.fromisoformat(row["changed_at"])
                if (int(item.id), part) > after and (not since or changed >= since):
                    yield f"{item.id}:{part}", row

    def _stock(self, item: Record) -> Iterator[tuple[str, Row]]:
        """Yield an item's levels; the part of a cursor sorts as text."""
        for location in self.store.of_type("location").values():
            level = self.store.stock.get((item.id, location.id))
            if level:
                yield (
                    location.id.zfill(9),
                    {
                        **_head(item),
                        "location": location.id,
                        "location_name": location.label,
                        "available": _number(level.available),
                        "on_hand": _number(level.on_hand),
                        "changed_at": _written(level.changed_at),
                    },
                )

    def _prices(self, item: Record) -> Iterator[tuple[str, Row]]:
        for index, line in enumerate(item.values.get("price", {}).get("items", [])):
            currency = self.store.get("currency", line["currencyPage"]["id"])
            yield (
                f"{index + 1:09d}",
                {
                    **_head(item),
                    "currency": currency.label if currency else "",
                    "level": line["priceLevel"]["id"],
                    "level_name": line["priceLevelName"],
                    "quantity": _number(line["quantity"]["value"]),
                    "price": _number(line["price"]),
                    "changed_at": _written(item.modified_at),
                },
            )

    def _cut(
        self, rows: Iterator[tuple[str, Row]], limit: int
    ) -> tuple[list[Row], str]:
        """Return as many rows as may leave at once, and the cursor behind them."""
        shown: list[Row] = []
        size, last = 0, ""
        for cursor, row in rows:
            size += len(exactjson.dumps(row)) + 1
            if len(shown) >= limit or size > self.switches.restlet_bytes * 9 // 10:
                return shown, last
            shown.append(row)
            last = cursor
            self._charge(len(shown))
        return shown, ""

    def _charge(self, rows: int) -> None:
        """End the script as the platform does, once its units are used up."""
        pages = -(-rows // ROWS_A_PAGE)
        if pages * UNITS_A_PAGE > self.switches.restlet_units:
            text = "Script Execution Usage Limit Exceeded"
            raise ScriptError("SSS_USAGE_LIMIT_EXCEEDED", text)


def _head(item: Record) -> Row:
    return {
        "item": item.id,
        "sku": item.values["itemId"],
        "inactive": bool(item.values.get("isInactive")),
    }


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


def _number(value: Decimal) -> str:
    return format(value, "f")


def _limit(text: str | None) -> int:
    if text is None:
        return USUAL_ROWS
    if not text.isdecimal() or not 1 <= int(text) <= MOST_ROWS:
        raise _Caught(f"limit: say a number from 1 to {MOST_ROWS}.")
    return int(text)


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min
    if moment.tzinfo is None:
        raise _Caught("since: say a time in UTC such as 2026-03-26T16:21:00Z.")
    return moment


def _cursor(text: str) -> Place:
    item, _, part = text.partition(":")
    if text and not item.isdecimal():
        raise _Caught("after: send back what `next` said.")
    return (int(item), part) if text else (0, "")


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = exactjson.loads(body)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise _Caught("Send a JSON object.")
    return given
