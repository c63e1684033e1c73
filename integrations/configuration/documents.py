"""Mapping documents: a difference makes and publishes a new version."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db.models import Max

from errorqueue.clock import database_time
from integrations.configuration.changes import Changes, counted, put
from integrations.configuration.problems import Problems
from integrations.configuration.schema import (
    CHECK,
    DOCUMENT,
    EXCLUSION,
    ROW,
    SECTION,
    Wanted,
)
from integrations.configuration.values import Item, Key
from mappings import signing
from mappings.engine import chain_from, chain_items, parse_literal, print_literal
from mappings.models import (
    ExclusionRule,
    MappingDocument,
    MappingPart,
    MappingRow,
    MappingSection,
    MappingVersion,
    SumCheck,
    ValueTable,
)
from mappings.services import go_live

Content = dict[str, list[dict[str, Any]]]

PARTS: dict[str, tuple[type[MappingPart], dict[str, Key]]] = {
    "exclusions": (ExclusionRule, EXCLUSION),
    "checks": (SumCheck, CHECK),
    "sections": (MappingSection, SECTION),
    "rows": (MappingRow, ROW),
}
NOTHING: Content = {part: [] for part in PARTS}
COLUMNS = tuple(name for name in DOCUMENT if name not in PARTS)


def apply_documents(wanted: Wanted, changes: Changes) -> None:
    for item in wanted.mapping_documents:
        subject = f"mapping document {item.get('slug')}"
        stored = MappingDocument.objects.filter(slug=item.get("slug")).first()
        document = stored or MappingDocument()
        put(document, subject, item.only(COLUMNS), item, changes)
        _apply_content(document, subject, item, changes)


def check_environments(wanted: Wanted, problems: Problems) -> None:
    """A document stays in its environment: else a signature would mean nothing."""
    for item in wanted.mapping_documents:
        stored = MappingDocument.objects.filter(slug=item.get("slug")).first()
        asked = item.get("environment")
        if stored and asked and asked != stored.environment:
            problems.add(
                item.at("environment"),
                f"{stored} is a {stored.environment} document and stays one.",
                "Write it as it was, or make another document with another slug.",
            )


def _apply_content(
    document: MappingDocument, subject: str, item: Item, changes: Changes
) -> None:
    MappingDocument.objects.select_for_update().get(pk=document.pk)
    published = document.published()
    before = content_of(published) if published else NOTHING
    after = asked_content(item)
    if before == after:
        return
    note = f"configured from {Path(item.node.place.file).name}"
    rows = len(after["rows"])
    what = _difference(before, after) if published else counted(rows, "row")
    if published and document.needs_signatures:
        _ask_for_signatures(document, subject, after, note, what, changes)
        return
    version = _publish(document, after, note)
    changes.add(subject, f"version {version.number} published, {what}")
    if document.needs_signatures:
        changes.leave(subject, "its first version is live unsigned, as the file has it")
    standing = document.open_line()
    if standing:
        kind = standing.get_state_display().lower()
        changes.leave(subject, f"the open {kind} v{standing.number} is left as it is")


def _ask_for_signatures(
    document: MappingDocument,
    subject: str,
    content: Content,
    note: str,
    what: str,
    changes: Changes,
) -> None:
    """Have a changed production document signed; nothing goes live before that."""
    standing = document.open_line()
    if standing and content_of(standing) == content:
        state = standing.get_state_display().lower()
        changes.leave(subject, f"version {standing.number} of the file: {state}")
        return
    if standing:
        changes.leave(
            subject,
            f"not changed: version {standing.number} is on its way already, and a "
            "production document has one at a time. Publish or delete it, then "
            "configure again",
        )
        return
    version = _make(document, content, note, MappingVersion.State.DRAFT)
    signing.send(version, None)
    changes.add(
        subject,
        f"version {version.number} waits for signatures, {what}. A person signs and "
        "publishes it in the console; until then the version before stays in force",
    )


def _publish(document: MappingDocument, content: Content, note: str) -> MappingVersion:
    """Let the next version go live as a whole; a person's draft keeps its place."""
    version = _make(document, content, note, MappingVersion.State.RETIRED)
    go_live(version, None, database_time())
    return version


def _make(
    document: MappingDocument, content: Content, note: str, state: str
) -> MappingVersion:
    latest = document.versions.aggregate(Max("number"))["number__max"] or 0
    version = document.versions.create(number=latest + 1, state=state, note=note[:200])
    for part, elements in content.items():
        _fill(version, PARTS[part][0], elements)
    return version


def _fill(
    version: MappingVersion, model: type[MappingPart], elements: list[dict[str, Any]]
) -> None:
    tables = {table.name: table for table in ValueTable.objects.all()}
    rows = []
    for position, element in enumerate(elements):
        columns: dict[str, Any] = {**element, "version": version, "position": position}
        if "table" in element:
            columns["table"] = tables[element["table"]]
        rows.append(model(**columns))
    model._default_manager.bulk_create(rows)


def asked_content(item: Item) -> Content:
    """Return the parts of a document as a file gives them, defaults left out."""
    return {
        part: [_compact(model, element.values) for element in item.parts(part)]
        for part, (model, _) in PARTS.items()
    }


def content_of(version: MappingVersion) -> Content:
    """Return the parts of a stored version, defaults left out."""
    return {
        part: [_stored(model, keys, row) for row in _rows(version, part)]
        for part, (model, keys) in PARTS.items()
    }


def _rows(version: MappingVersion, part: str) -> Any:
    rows = getattr(version, part).all()
    return rows.select_related("table") if part == "rows" else rows


def _stored(
    model: type[MappingPart], keys: dict[str, Key], row: MappingPart
) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in keys}
    if values.get("table"):
        values["table"] = values["table"].name
    return _compact(model, values)


def _compact(model: type[MappingPart], values: dict[str, Any]) -> dict[str, Any]:
    """Write values in one way, whoever wrote them, and leave the defaults out."""
    columns = model._meta.concrete_fields
    defaults = {column.name: column.get_default() for column in columns}
    alike = {
        name: _ALIKE[name](value) if name in _ALIKE else value
        for name, value in values.items()
    }
    return {name: value for name, value in alike.items() if value != defaults[name]}


_ALIKE: dict[str, Callable[[Any], Any]] = {
    "constant": lambda text: print_literal(parse_literal(text)),
    "default": lambda text: print_literal(parse_literal(text)),
    "transforms": lambda items: chain_items(chain_from(items)),
}


def _difference(before: Content, after: Content) -> str:
    """Count what was added, changed or removed: `3 rows changed`."""
    words = []
    for part in PARTS:
        old = Counter(json.dumps(element, sort_keys=True) for element in before[part])
        new = Counter(json.dumps(element, sort_keys=True) for element in after[part])
        changed = max((new - old).total(), (old - new).total())
        if changed:
            words.append(f"{counted(changed, part.removesuffix('s'))} changed")
    return ", ".join(words) or "order changed"


def export_documents() -> list[dict[str, Any]]:
    """Return every document as published; drafts stay home."""
    return [
        {name: getattr(document, name) for name in COLUMNS} | _published(document)
        for document in MappingDocument.objects.order_by("slug")
    ]


def _published(document: MappingDocument) -> Content:
    version = document.published()
    return content_of(version) if version else NOTHING
