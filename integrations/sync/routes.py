"""The ways out of a failure, each with the page that it leads to."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.urls import reverse

from errorqueue.failures import Route, RouteKind
from errorqueue.models import FailedRecord
from integrations.models import SyncRecord
from integrations.models.account import keyless_of
from integrations.sync.editing import broken_values
from mappings.engine import Document, Row, row_for
from mappings.models import MappingVersion, ValueTable

Problems = Sequence[dict[str, Any]]
Asked = tuple[dict[str, Any], Row]
# How many rows of the mapping one failure may point at before the list helps nobody.
MOST = 5
# Record types that people know by another name.
SAID_AS = {
    "shipItem": "shipping method",
    "term": "payment terms",
    "classification": "class",
}
# How a record is marked that was delivered and deleted over there since.
GONE = "TARGET_GONE"


def routes(record: SyncRecord, problems: Problems) -> list[Route]:
    """Return the ways out in order, at least one of each kind."""
    version = record.flow.mapping.published()
    rows = _rows(version.as_document(), problems) if version else []
    return [
        _mend(record, problems),
        *_mapping(record, version, rows),
        *_create(record, rows),
        *_elsewhere(record),
        _exclude(record),
    ]


def is_gone(record: SyncRecord) -> bool:
    """Say whether its open line tells that it was deleted at the target."""
    return FailedRecord.objects.about(record).open().filter(code=GONE).exists()


def _exclude(record: SyncRecord) -> Route:
    if is_gone(record):
        text = "It is not made again, and the reason stays with your name."
        return Route(RouteKind.EXCLUDE, "Leave it deleted", text)
    return Route(
        RouteKind.EXCLUDE,
        "Exclude with a reason",
        "It is never sent, and the reason stays with your name.",
    )


def _rows(document: Document, problems: Problems) -> list[Asked]:
    """Return each mapping row that a problem is about once, with that problem."""
    found: dict[str, Asked] = {}
    for problem in problems:
        row = row_for(document, problem.get("target", ""))
        if row:
            found.setdefault(row.key, (problem, row))
    return list(found.values())[:MOST]


def _mend(record: SyncRecord, problems: Problems) -> Route:
    count = len(broken_values(record, problems))
    label = "Fix this record"
    if not count:
        return Route(RouteKind.MEND, label, "No single value of it is at fault.")
    many = "the value that is" if count == 1 else f"the {count} values that are"
    text = f"Change {many} wrong; what was received stays as it is."
    return Route(RouteKind.MEND, label, text, record.edit_url())


def _mapping(
    record: SyncRecord, version: MappingVersion | None, rows: list[Asked]
) -> Iterator[Route]:
    document = record.flow.mapping
    if version is None:
        yield Route(
            RouteKind.MAPPING,
            f"Publish {document}",
            "It has no published version, so nothing can be mapped.",
            reverse("admin:mappings_mappingdocument_change", args=[document.pk]),
        )
    elif not rows:
        text = "No row of the mapping fills what is at fault."
        yield Route(RouteKind.MAPPING, "Fix the mapping", text)
    else:
        for problem, row in rows:
            if row.table:
                yield _table(row, problem)
            yield _row(version, row)


def _table(row: Row, problem: dict[str, Any]) -> Route:
    table = ValueTable.objects.filter(name=row.table).first()
    value = str(problem.get("value", ""))
    return Route(
        RouteKind.MAPPING,
        f"Add a row to {row.table}",
        f"Say what {value!r} is called on the other side; it holds at once, for all.",
        reverse("admin:mappings_valuetable_change", args=[table.pk]) if table else "",
    )


def _row(version: MappingVersion, row: Row) -> Route:
    draft = version.document.draft()
    where = f"section {row.section}, " if row.section else ""
    return Route(
        RouteKind.MAPPING,
        f"Change how {row.target} is filled",
        f"The row {where}{row.target} of {version.document}, for all records. "
        + ("It is being changed already." if draft else "Begins a draft."),
        reverse("admin:mappings_mappingversion_change", args=[(draft or version).pk]),
    )


def _create(record: SyncRecord, rows: list[Asked]) -> Iterator[Route]:
    """Name what is missing: records of ours that come first, or a reference."""
    found = [
        *_again(record),
        *_needed(record),
        *(
            _reference(record, problem, row)
            for problem, row in rows
            if row.record and not row.needs
        ),
    ]
    yield from found or [
        Route(RouteKind.CREATE, "Create what is missing", "Nothing is missing.")
    ]


def _again(record: SyncRecord) -> Iterator[Route]:
    """A record that was deleted over there is made anew only if a person says so."""
    line = FailedRecord.objects.about(record).open().filter(code=GONE).first()
    if line:
        target = record.flow.target
        yield Route(
            RouteKind.CREATE,
            f"Create it again in {target}",
            f"It was there and was deleted. Waybill makes it anew in {target} only if "
            "you say so.",
            reverse("admin:errorqueue_failedrecord_retry_as", args=[line.pk]),
        )


def _needed(record: SyncRecord) -> Iterator[Route]:
    for needed in missing(record):
        line = FailedRecord.objects.about(needed).open().first()
        where = f"It stands in the error queue as {line.human_id}." if line else ""
        yield Route(
            RouteKind.CREATE,
            f"Send {needed} first",
            f"{record} goes by itself as soon as it is there. {where}".strip(),
            page_of(line or needed),
        )


def missing(record: SyncRecord) -> Iterator[SyncRecord]:
    """Yield the records that this one needs and that are not at the target yet."""
    flow = record.flow
    for dependency in flow.dependencies.select_related("needs"):
        found = dependency.object_in(keyless_of(flow.source), record.payload)
        known = found and SyncRecord.objects.known(dependency.needs, found)
        if known and not known.target_id:
            yield known


def _reference(record: SyncRecord, problem: dict[str, Any], row: Row) -> Route:
    target = record.flow.target
    value = str(problem.get("value", ""))
    return Route(
        RouteKind.CREATE,
        f"Create the {in_words(row.record)} {value} in {target}",
        f"{target} is asked for it by {row.by}, so it needs exactly this {row.by}. "
        "Then look again.",
        keyless_of(target).list_url(row.record),
        is_outside=True,
    )


def in_words(record: str) -> str:
    """Say what people call a record type: "shipItem" is a shipping method."""
    plain = re.sub(r"(?<=[a-z])([A-Z])", r" \1", record).lower()
    return SAID_AS.get(record, plain)


def _elsewhere(record: SyncRecord) -> Iterator[Route]:
    flow = record.flow
    page = keyless_of(flow.source).record_url(flow.source_entity, record.source_key)
    if page:
        yield Route(
            RouteKind.ELSEWHERE,
            f"Open it in {flow.source}",
            "Mend it where it came from; the change comes in by itself. Then look "
            "again.",
            page,
            is_outside=True,
        )
    there = keyless_of(flow.target).record_url(flow.target_record, record.target_id)
    if record.target_id and there:
        text = "See what stands there now, mend it, then look again."
        label = f"Open it in {flow.target}"
        yield Route(RouteKind.ELSEWHERE, label, text, there, is_outside=True)
    if not page and not (record.target_id and there):
        text = f"Neither {flow.source} nor {flow.target} has a page for it."
        yield Route(RouteKind.ELSEWHERE, "Mend it elsewhere", text)


def page_of(row: Any) -> str:
    """Return the page of a row in this console."""
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
