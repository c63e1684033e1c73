"""The parts of a version as texts: what a person sees in a form, and types there.

`values_of` writes a part; `row_from` reads a row that is not stored. Two people's
versions of a part are compared by these texts, and the audit trail holds them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from mappings import engine
from mappings.engine import (
    DocumentError,
    Kind,
    Row,
    parse_chain,
    parse_literal,
    print_chain,
    print_literal,
)
from mappings.engine.literals import quoted
from mappings.engine.values import text_of
from mappings.engine.wording import system_key
from mappings.models import ExclusionRule, MappingRow, MappingSection, SumCheck

Values = dict[str, str]
# What a row does where the source has no value.
LEAVE_OUT, DEFAULT, REFUSE, CLEAR = "leave_out", "default", "refuse", "clear"
WHEN_EMPTY = (
    (LEAVE_OUT, "Leave the field out"),
    (DEFAULT, "Use the default"),
    (REFUSE, "Refuse the record"),
    (CLEAR, "Clear the field at the target"),
)
PLAIN = (
    *("section", "target", "kind", "record", "by", "needs", "default", "on_miss"),
    *("length_option", "on_too_long", "when", "owner", "direction", "updaters"),
    *("conflict", "sensitivity", "status", "note"),
)
# What a choice says that was not made.
AS_IT_COMES: Values = {
    "on_miss": "refuse",
    "on_too_long": "refuse",
    "direction": "to_target",
    "conflict": "owner_wins",
    "status": "agreed",
}
TAKEN = tuple(name for name in PLAIN if name not in ("target", "kind", "default"))
# A version takes so many rows, typed or from a file.
MOST_ROWS = 5_000
# How many characters each text of a row takes, typed or in a file. What "comes from"
# says is kept by its kind: a path, a text, a constant or an expression.
LONGEST = {
    **dict.fromkeys(("target", "source"), 200),
    **dict.fromkeys(("section", "record"), 60),
    **dict.fromkeys(("by", "needs"), 40),
    **dict.fromkeys(("default", "when", "note"), 300),
    **dict.fromkeys(("template", "constant"), 300),
    **{"expression": 1000, "chain": 2000},
    **{"owner": 20, "updaters": 100, "length_option": 60},
}
# Every field of each kind of part, with the words for it.
FIELDS: dict[type, dict[str, str]] = {
    MappingRow: {
        "section": "list",
        "target": "target field",
        "kind": "kind",
        "comes_from": "comes from",
        "chain": "transforms",
        "table": "value table",
        "record": "look-up record",
        "by": "looked up by",
        "needs": "waits for",
        "when_empty": "when empty",
        "default": "default",
        "on_miss": "on a miss",
        "max_length": "max length",
        "length_option": "length option",
        "on_too_long": "on too long",
        "when": "only when",
        "owner": "owner",
        "direction": "direction",
        "updaters": "who may update",
        "conflict": "on a conflict",
        "sensitivity": "sensitivity",
        "status": "status",
        "note": "note",
    },
    MappingSection: {
        "name": "name",
        "target": "target",
        "source": "source",
        "when": "only when",
    },
    ExclusionRule: {"name": "name", "when": "condition"},
    SumCheck: {"name": "name", "source": "source amount", "parts_text": "parts"},
}
NAMES: dict[type, str] = {
    MappingRow: "Row",
    MappingSection: "List",
    ExclusionRule: "Rule",
    SumCheck: "Check",
}


def name_of(part: Any) -> str:
    """Name a part for a sentence: `Row Lines: item.id`."""
    return f"{NAMES[type(part)]} {part}"


def values_of(part: Any) -> Values:
    """Return what the form of a part shows, field by field."""
    if isinstance(part, MappingRow):
        return _of_row(part)
    if isinstance(part, SumCheck):
        parts = ", ".join(part.parts)
        return {"name": part.name, "source": part.source, "parts_text": parts}
    return {name: str(getattr(part, name) or "") for name in FIELDS[type(part)]}


def _of_row(row: MappingRow) -> Values:
    found = {name: str(getattr(row, name) or "") for name in PLAIN}
    return found | {
        "comes_from": shown_input(row),
        "chain": shown_chain(row),
        "table": str(row.table_id or ""),
        "when_empty": when_empty(row),
        "max_length": str(row.max_length or ""),
    }


def when_empty(row: MappingRow) -> str:
    """Say what a row does where there is no value."""
    if row.clears:
        return CLEAR
    if row.default:
        return DEFAULT
    return REFUSE if row.required else LEAVE_OUT


def shown_input(row: MappingRow) -> str:
    """Return where a row's value comes from, as one text for its cell.

    A path stands as it is; a constant of a row that is no constant is quoted.
    """
    found = row.expression or row.source or row.template
    if found:
        return found
    if row.kind == Kind.CONSTANT or not row.constant:
        return row.constant
    return quoted(text_of(parse_literal(row.constant)))


def shown_chain(row: MappingRow) -> str:
    """Return a row's transforms as people write them."""
    try:
        return print_chain(engine.chain_from(row.transforms))
    except DocumentError:
        return str(row.transforms)


def input_columns(kind: str, text: str) -> Values:
    """Return the columns that hold what "comes from" says.

    Raises DocumentError for a constant that cannot be read.
    """
    columns = dict.fromkeys(("source", "template", "constant", "expression"), "")
    if kind == Kind.EXPRESSION:
        columns["expression"] = text
    elif kind == Kind.CONSTANT or text[:1] == "'":
        columns["constant"] = print_literal(parse_literal(text))
    elif kind == Kind.TEMPLATE or "{" in text:
        columns["template"] = text
    else:
        columns["source"] = text
    return columns


def _systems(given: Values) -> Values:
    """Return whose field it is, by the names that flows use."""
    return {
        "owner": system_key(given["owner"]),
        "updaters": system_key(given["updaters"]),
    }


def row_from(
    values: Mapping[str, str], key: str, tables: Mapping[str, str]
) -> tuple[Row, dict[str, str]]:
    """Read a row as it is typed; `tables` are names by their key.

    What cannot be read is left empty, and said for its field.
    """
    faults: dict[str, str] = {}

    def read(field: str, reader: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return reader()
        except (DocumentError, ValueError) as error:
            faults[field] = str(error)
            return otherwise

    given = {
        name: values.get(name, "").strip() or AS_IT_COMES.get(name, "")
        for name in FIELDS[MappingRow]
    }
    kind = read("kind", lambda: Kind(given["kind"]), Kind.COPY)
    columns = read("comes_from", lambda: input_columns(kind, given["comes_from"]), {})
    chain = read("chain", lambda: parse_chain(given["chain"]), ())
    default = read("default", lambda: parse_literal(given["default"]), None)
    length = read("max_length", lambda: int(given["max_length"] or 0), 0)
    row = Row(
        target=given["target"],
        kind=kind,
        source=columns.get("source", ""),
        constant=parse_literal(columns.get("constant", "")),
        template=columns.get("template", ""),
        expression=columns.get("expression", ""),
        transforms=chain,
        table=tables.get(given["table"], ""),
        default=default,
        max_length=length or None,
        required=given["when_empty"] == REFUSE,
        clears=given["when_empty"] == CLEAR,
        key=key,
        **{name: given[name] for name in TAKEN} | _systems(given),
    )
    return row, faults
