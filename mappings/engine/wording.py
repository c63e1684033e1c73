"""The sentences of problems: what is wrong, and what to do about it."""

from collections.abc import Sequence
from difflib import get_close_matches

from mappings.engine.document import Document, Found, Row
from mappings.engine.paths import FACTS
from mappings.engine.values import text_of

MAX_SHOWN = 200
_SYSTEMS = {
    "netsuite": "NetSuite",
    "shopify": "Shopify",
    "magento": "Magento",
    "salesforce": "Salesforce",
}
# So alike a name can only be a slip of the fingers.
_NEARLY = 0.8
_RECORDS = {"shipItem": "shipping item", "salesTaxItem": "tax code"}
_KEYS = {"sku": "SKU", "name": "name", "symbol": "currency code", "iso": "ISO code"}


def system(name: str, otherwise: str) -> str:
    """Return a system as people call it."""
    return _SYSTEMS.get(system_key(name), name.capitalize()) or otherwise


def system_key(name: str) -> str:
    """Return a system, or several with commas, as flows name them: not 'NetSuite'."""
    return name.strip().lower()


def meant_system(name: str) -> str:
    """Return the system that a misspelt name most likely means, or nothing.

    Other systems than those with connectors may own a field, under any name.
    """
    if not name or name in _SYSTEMS:
        return ""
    return next(iter(get_close_matches(name, _SYSTEMS, n=1, cutoff=_NEARLY)), "")


def source_of(document: Document) -> str:
    return system(document.source_system, "the source")


def target_of(document: Document) -> str:
    return system(document.target_system, "the target")


def shown(value: object) -> str:
    """Return a value for a person, cut where it would fill the page."""
    text = text_of(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def record_name(record: str) -> str:
    """Write `shipItem` as 'shipping item', `salesOrder` as 'sales order'."""
    if record in _RECORDS:
        return _RECORDS[record]
    return "".join(f" {one.lower()}" if one.isupper() else one for one in record)


def key_name(by: str) -> str:
    return _KEYS.get(by.lower(), by)


def thing(row: Row, value: str) -> str:
    """Name what was looked up: "SKU 'ABC'", "customer with external id 'x'"."""
    quoted = f"'{shown(value)}'"
    if row.by.lower() == "name" or not row.source:
        return f"{record_name(row.record)} {quoted}"
    if row.by.lower() in ("sku", "symbol"):
        return f"{key_name(row.by)} {quoted}"
    return f"{record_name(row.record)} with {key_name(row.by)} {quoted}"


def missing(document: Document, row: Row, part: str) -> tuple[str, str]:
    """Return rule and remedy for a required value that is not there."""
    rule = f"{row.target} is required, but {_absent(part)}"
    root = part.partition(".")[0]
    if root == "connection":
        option = part.partition(".")[2]
        return rule, f"Fill in the option {option} of the connection, then retry."
    if root == "needs":
        what = part.split(".")[1] if "." in part else "record"
        return (
            f"This record names no {what}, and {target_of(document)} requires one",
            f"Choose a {what} in {source_of(document)}, then retry.",
        )
    if root in FACTS or not part:
        return rule, "Give this row a default in the mapping, then retry."
    return rule, (
        f"Fill it in in {source_of(document)}, or give this row a default in the "
        "mapping, then retry."
    )


def _absent(part: str) -> str:
    return f"{part} is empty" if part else "there is no value"


def not_found(document: Document, row: Row, value: str) -> tuple[str, str]:
    target, source = target_of(document), source_of(document)
    name = thing(row, value)
    if row.needs:
        return (
            f"{_begin(name)} is not in {target} yet",
            f"The {row.needs} is sent first; this record follows by itself. If it "
            f"does not, open the failed {row.needs}.",
        )
    corrected = f"correct the {key_name(row.by)} in {source}"
    if not row.source or row.source.startswith("connection."):
        corrected = "name another one in the mapping"
    elif row.table:
        corrected = f"correct the value table '{row.table}'"
    return (
        f"{_begin(name)} is not known in {target}",
        f"Add the {record_name(row.record)} {shown(value)} in {target} or {corrected}, "
        "then retry.",
    )


def several(
    document: Document, row: Row, value: str, found: Sequence[Found]
) -> tuple[str, str]:
    target = target_of(document)
    names = "; ".join(candidate(one) for one in found)
    return (
        f"{_begin(thing(row, value))} fits {len(found)} records in {target}: {names}",
        f"Merge or rename them in {target} until one is left, then retry. Waybill "
        "does not choose between them.",
    )


def inactive(document: Document, row: Row, value: str, one: Found) -> tuple[str, str]:
    target = target_of(document)
    return (
        f"{_begin(thing(row, value))} is inactive in {target} ({candidate(one)})",
        f"Make it active again in {target}, or use another one, then retry.",
    )


def candidate(found: Found) -> str:
    """Name a candidate with its id, so that a person can open it."""
    label = f"{found.label} (id {found.id})" if found.label else f"id {found.id}"
    return f"{label}, inactive" if found.inactive else label


def not_in_table(row: Row, value: str) -> tuple[str, str]:
    return (
        f"'{shown(value)}' is not in the value table '{row.table}'",
        f"Add a row for '{shown(value)}' to the value table '{row.table}', then retry.",
    )


def too_long(document: Document, length: int, limit: int) -> tuple[str, str]:
    return (
        f"{length} characters, but {target_of(document)} takes {limit}",
        f"Shorten it in {source_of(document)}, or let the mapping cut it at a word, "
        "then retry.",
    )


def _begin(text: str) -> str:
    return text[:1].upper() + text[1:]
