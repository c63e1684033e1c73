"""Sellable items as products: a matrix parent with its children, any other item alone.

Read by SuiteQL behind a cursor over `lastmodifieddate`, page by page in the order of
(second, id), so rows of one second are neither skipped nor repeated. The cursor and
its overlap stay in the clock of that column, whose zone Oracle does not promise; so no
zone is ever converted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from integrations.connectors.base import Payload, SourceObject
from integrations.connectors.errors import (
    ConnectorError,
    RecordMissing,
    RecordRejected,
    RequestRefused,
    UnreadablePayload,
)
from integrations.connectors.http import ApiClient
from integrations.connectors.matching import Part
from integrations.connectors.netsuite import checks, suiteql
from integrations.connectors.netsuite.item_columns import Columns

CLOCK = 'YYYY-MM-DD"T"HH24:MI:SS'
BEGINNING = "1970-01-01T00:00:00"
# An hour, because the clock of the column may go back by one in autumn, and a quarter
# for rows that were saved before the last poll and could be seen only after it.
OVERLAP = timedelta(minutes=75)
SELLABLE = "item.itemtype IN ('InvtPart', 'NonInvtPart', 'Assembly', 'Kit')"
STOCKED = ("InvtPart", "Assembly")
# How many matrix parents are read in one query.
FAMILIES = 50
OWN_COLUMNS = (
    "item.id AS item_id, item.itemid AS sku, item.displayname AS title, "
    "item.itemtype AS kind, item.isinactive AS inactive, item.parent AS parent_id, "
    f"item.matrixtype AS matrix_type, TO_CHAR(item.lastmodifieddate, '{CLOCK}') "
    "AS changed_at"
)
NEWEST = f"SELECT TO_CHAR(MAX(item.lastmodifieddate), '{CLOCK}') AS newest FROM item"  # noqa: S608

Changes = Iterator[tuple[SourceObject, str]]
Row = suiteql.Row


@dataclass(frozen=True)
class Place:
    """How far a reading is: behind which row, and from when the next one begins.

    `base` is what the newest change was when this reading began. The first reading
    leaves inactive items out; the later ones tell that an item became inactive.
    """

    base: str
    at: str
    item: str = "0"
    is_first: bool = False

    @classmethod
    def of(cls, cursor: str, newest: str) -> Self:
        """Go on at a cursor, or begin anew where it says nothing."""
        word, *rest = cursor.split()
        if word == "since" and len(rest) == 1:
            return cls(newest, _before(rest[0]))
        if word in ("first", "more") and len(rest) == 3:
            base, at, item = rest
            return cls(base, at, item, is_first=word == "first")
        return cls(newest, BEGINNING, is_first=True)

    @property
    def cursor(self) -> str:
        word = "first" if self.is_first else "more"
        return f"{word} {self.base} {self.at} {self.item}"

    @property
    def end(self) -> str:
        """Return the cursor of a reading that has come to its end."""
        return f"since {self.base}"

    def behind(self, row: Row) -> Self:
        at, item = suiteql.text(row, "changed_at"), suiteql.text(row, "item_id")
        return replace(self, at=at, item=item)


def _before(at: str) -> str:
    try:
        return (datetime.fromisoformat(at) - OVERLAP).isoformat()
    except ValueError:
        return BEGINNING


class Products:
    """Reads products over the columns that one account keeps them in."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = options

    def changes(self, client: ApiClient, since: str) -> Changes:
        """Yield what changed behind a cursor; its last object brings the next cursor.

        Objects of a page share the cursor in front of it, but for the last.
        """
        columns = Columns.of(self.options)
        place = _start(client, since)
        rows, seen_at = self._page(client, columns, place)
        while rows:
            following = place.behind(rows[-1])
            more: list[Row] = []
            later = seen_at
            if len(rows) == suiteql.PAGE:
                more, later = self._page(client, columns, following)
            found = self._products(client, columns, rows, seen_at)
            for product in found[:-1]:
                yield product, place.cursor
            for product in found[-1:]:
                yield product, following.cursor if more else place.end
            rows, seen_at, place = more, later, following

    def read(self, client: ApiClient, key: str) -> Payload:
        """Read one product with its variants; raises RecordMissing."""
        columns = Columns.of(self.options)
        if not key.isdecimal():
            raise RecordMissing(f"NetSuite has no item {key}.", sent=False)
        found = list(self._families(client, columns, [key]))
        if not found:
            raise RecordMissing(f"NetSuite shows no sellable item with the id {key}.")
        return found[0]

    def _page(
        self, client: ApiClient, columns: Columns, place: Place
    ) -> tuple[list[Row], datetime]:
        """Return the rows behind a place, and when they were asked for."""
        active = "AND item.isinactive = 'F'" if place.is_first else ""
        sql = (
            f"SELECT {OWN_COLUMNS}{columns.sql} FROM item WHERE {SELLABLE} {active} "  # noqa: S608
            f"AND item.lastmodifieddate >= TO_TIMESTAMP(?, '{CLOCK}') "
            f"AND (TO_CHAR(item.lastmodifieddate, '{CLOCK}') > ? OR item.id > ?) "
            f"ORDER BY TO_CHAR(item.lastmodifieddate, '{CLOCK}'), item.id "
            f"FETCH FIRST {suiteql.PAGE} ROWS ONLY"
        )
        seen_at = checks.server_time(client)
        return _query(client, sql, place.at, place.at, place.item), seen_at

    def _products(
        self,
        client: ApiClient,
        columns: Columns,
        rows: Sequence[Row],
        seen_at: datetime,
    ) -> list[SourceObject]:
        """Return the products that rows belong to, each once, in their order."""
        whole: dict[str, Payload] = {}
        parents = list(dict.fromkeys(_family(row) for row in rows if _is_matrix(row)))
        for start in range(0, len(parents), FAMILIES):
            keys = parents[start : start + FAMILIES]
            for payload in self._families(client, columns, keys):
                whole[payload["item_id"]] = payload
        for row in rows:
            if not _is_matrix(row):
                whole[_family(row)] = _alone(row, columns)
        order = dict.fromkeys(_family(row) for row in rows)
        return [described(whole[key], seen_at) for key in order if key in whole]

    def _families(
        self, client: ApiClient, columns: Columns, keys: Sequence[str]
    ) -> Iterator[Payload]:
        """Yield items by id, matrix parents with all of their children."""
        rows = list(self._family_rows(client, columns, keys))
        by_id = {suiteql.text(row, "item_id"): row for row in rows}
        for key in keys:
            head = by_id.get(key)
            if head is None:
                continue
            children = [one for one in rows if _is_child_of(one, key)]
            if children:
                yield _family_of(head, children, columns)
            elif not _is_matrix(head):
                yield _alone(head, columns)

    def _family_rows(
        self, client: ApiClient, columns: Columns, keys: Sequence[str]
    ) -> Iterator[Row]:
        marks = ", ".join("?" * len(keys))
        sql = (
            f"SELECT {OWN_COLUMNS}{columns.sql} FROM item WHERE {SELLABLE} "  # noqa: S608
            f"AND (item.id IN ({marks}) OR (item.matrixtype = 'CHILD' "
            f"AND item.parent IN ({marks}))) AND item.id > ? "
            f"ORDER BY item.id FETCH FIRST {suiteql.PAGE} ROWS ONLY"
        )
        after = "0"
        while True:
            rows = _query(client, sql, *keys, *keys, after)
            yield from rows
            if len(rows) < suiteql.PAGE:
                return
            after = suiteql.text(rows[-1], "item_id")


def _start(client: ApiClient, since: str) -> Place:
    rows = _query(client, NEWEST)
    newest = suiteql.text(rows[0], "newest") if rows else ""
    return Place.of(since or "none", newest or BEGINNING)


def _query(client: ApiClient, sql: str, *values: str) -> list[Row]:
    """Run a query; what NetSuite refuses names the option with our columns."""
    try:
        return suiteql.query(client, sql, *values)
    except (RequestRefused, RecordRejected) as error:
        raise _refused(error) from error


def _refused(error: ConnectorError) -> ConnectorError:
    told = (
        f"NetSuite refused the query of items: {error} If it names a column that this "
        "account does not have, change the connection's options “Columns of items” "
        "and “Options of matrix items”."
    )
    return RequestRefused(told, status=error.status, code=error.code)


def _is_matrix(row: Row) -> bool:
    return suiteql.text(row, "matrix_type").upper() in ("PARENT", "CHILD")


def _is_child_of(row: Row, key: str) -> bool:
    is_child = suiteql.text(row, "matrix_type").upper() == "CHILD"
    return is_child and suiteql.text(row, "parent_id") == key


def _family(row: Row) -> str:
    """Return the id of the product that an item belongs to."""
    is_child = suiteql.text(row, "matrix_type").upper() == "CHILD"
    parent = suiteql.text(row, "parent_id") if is_child else ""
    return parent or suiteql.text(row, "item_id")


def _alone(row: Row, columns: Columns) -> Payload:
    variant = _variant(row, columns)
    del variant["option_values"]
    return _payload(row, [variant], [])


def _family_of(head: Row, children: Iterable[Row], columns: Columns) -> Payload:
    variants = [_variant(one, columns) for one in children]
    if suiteql.is_true(head, "inactive"):
        variants = [{**one, "inactive": True} for one in variants]
    return _payload(head, variants, columns.option_names)


def _payload(row: Row, variants: list[Payload], options: Sequence[str]) -> Payload:
    sku = _sku(row)
    return {
        "item_id": suiteql.text(row, "item_id"),
        "sku": sku,
        "title": suiteql.text(row, "title") or sku,
        "inactive": all(one["inactive"] for one in variants),
        "option_names": list(options),
        "variants": variants,
    }


def _variant(row: Row, columns: Columns) -> Payload:
    sku = _sku(row)
    return {
        "item_id": suiteql.text(row, "item_id"),
        "sku": sku,
        "title": suiteql.text(row, "title") or sku,
        "inactive": suiteql.is_true(row, "inactive"),
        "stocked": suiteql.text(row, "kind") in STOCKED,
        **columns.values(row),
        "option_values": columns.options(row, sku),
    }


def _sku(row: Row) -> str:
    """Return the item's own name; NetSuite may show children as `Parent : Child`."""
    return suiteql.text(row, "sku").rpartition(" : ")[2]


def described(payload: Payload, seen_at: datetime | None = None) -> SourceObject:
    """Describe a product; raises UnreadablePayload.

    Versions are ordered by when they were read: of a family any row may have changed,
    and the zone of their own times is not known.
    """
    variants = payload.get("variants")
    if not isinstance(variants, list) or not payload.get("item_id"):
        raise UnreadablePayload("The product has no item_id or no variants.")
    if not all(isinstance(one, dict) and one.get("sku") for one in variants):
        raise UnreadablePayload("A variant of the product has no sku.")
    label = f"{payload.get('sku') or ''} {payload.get('title') or ''}".strip()
    return SourceObject(
        entity="product",
        key=str(payload["item_id"]),
        payload=payload,
        changed_at=seen_at,
        label=label[:120],
        skus=tuple(str(one["sku"]) for one in variants),
    )


def parts(found: SourceObject) -> tuple[Part, ...]:
    """Return the variants of a product, as people pair them with those of a shop."""
    return tuple(
        Part(
            found.key,
            str(one["item_id"]),
            str(one["sku"]),
            str(one.get("barcode") or ""),
            str(one.get("title") or ""),
        )
        for one in found.payload["variants"]
        if not one.get("inactive")
    )
