"""The whole integration in words, from what is configured right now. No secrets."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Prefetch

from integrations.connectors.registry import connector_class
from integrations.models import Connection, Dependency, Flow, Schedule
from integrations.models.account import options_of
from integrations.sync.alarms import schedule_of
from mappings import engine, rows
from mappings.engine import CATALOGUE, DocumentError, Kind
from mappings.engine.wording import system
from mappings.models import (
    MappingDocument,
    MappingRow,
    MappingVersion,
    ValueTable,
)

State = MappingVersion.State
MOST_TABLE_ROWS = 200


@dataclass(frozen=True)
class RowTold:
    """One row of a document as a sentence, with what was agreed about it."""

    row: MappingRow
    sentence: str
    owner: str
    agreed: str


@dataclass(frozen=True)
class DocumentTold:
    """A document with the version in force, or with none."""

    document: MappingDocument
    version: MappingVersion | None
    rows: list[RowTold]

    @property
    def sections(self) -> list[tuple[str, list[RowTold]]]:
        """Put the rows of one list together, the record's own first."""
        found: dict[str, list[RowTold]] = {}
        for one in self.rows:
            found.setdefault(one.row.section, []).append(one)
        return list(found.items())


@dataclass(frozen=True)
class ConnectionTold:
    """A connection without its secrets: which are set, never what they are."""

    connection: Connection
    method: str
    options: list[tuple[str, str]]
    credentials: list[str]


@dataclass(frozen=True)
class FlowTold:
    """A flow, when it runs, and what it does when a delivery fails."""

    flow: Flow
    needs: list[str]
    when: str
    retries: str
    hold: str


def connections() -> list[ConnectionTold]:
    """Tell every connection."""
    found = Connection.objects.prefetch_related("credentials")
    return [_connection(one) for one in found]


def _connection(connection: Connection) -> ConnectionTold:
    try:
        kind = connector_class(connection.system)
    except LookupError:
        return ConnectionTold(connection, connection.auth_method, [], [])
    methods = {one.kind: one for one in kind.auth_methods}
    method = methods.get(connection.auth_method)
    told = options_of(connection)
    options = [
        (setting.label, str(told[setting.name]))
        for setting in kind.options
        if not setting.secret and told.get(setting.name) not in ("", None)
    ]
    names = {one.name: one.label for one in method.credentials} if method else {}
    kept = [names.get(one.name, one.name) for one in connection.credentials.all()]
    label = method.label if method else connection.auth_method
    return ConnectionTold(connection, label, options, sorted(kept))


def flows() -> list[FlowTold]:
    """Tell every flow."""
    needs = Dependency.objects.select_related("needs")
    found = Flow.objects.select_related("source", "target", "mapping")
    told = found.prefetch_related(Prefetch("dependencies", needs))
    return [_flow(one) for one in told]


def _flow(flow: Flow) -> FlowTold:
    asks = f"asks {flow.source} every {flow.poll_minutes} minutes"
    when = asks if flow.poll_minutes else f"as {flow.source} tells it"
    needs = [one.needs.name for one in flow.dependencies.all()]
    waits = ", ".join(lasting(one) for one in schedule_of(flow))
    hold = f"{flow.hold_hours} hours" if needs else ""
    return FlowTold(flow, needs, when, waits, hold)


def lasting(seconds: float) -> str:
    """Write a wait in its unit: 30 s, 10 min, 2 h."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:g} s"


def documents() -> list[DocumentTold]:
    """Tell every document by the version in force; a constant number of queries."""
    live = MappingVersion.objects.filter(state=State.PUBLISHED).select_related(
        "published_by"
    )
    found = MappingDocument.objects.prefetch_related(
        Prefetch("versions", live.prefetch_related(*_PARTS), to_attr="live")
    )
    return [_document(one) for one in found.order_by("environment", "name")]


_PARTS = (
    Prefetch("rows", MappingRow.objects.select_related("table")),
    "sections",
    "exclusions",
    "checks",
)


def _document(document: MappingDocument) -> DocumentTold:
    live: Sequence[MappingVersion] = document.live  # type: ignore[attr-defined]
    if not live:
        return DocumentTold(document, None, [])
    version = live[0]
    return DocumentTold(document, version, [_row(row) for row in version.rows.all()])


def _row(row: MappingRow) -> RowTold:
    agreed = [row.get_direction_display()]
    if row.updaters:
        agreed.append(f"may be updated by {row.updaters}")
    if row.owner:
        agreed.append(f"on a conflict: {row.get_conflict_display().lower()}")
    if row.sensitivity:
        agreed.append(f"{row.get_sensitivity_display().lower()} data")
    if row.status != MappingRow.Status.AGREED:
        agreed.append(row.get_status_display().lower())
    return RowTold(
        row, sentence_of(row), system(row.owner, "nobody"), "; ".join(agreed)
    )


def sentence_of(row: MappingRow) -> str:
    """Say in one sentence what a row does, in the order in which it does it."""
    parts = [_beginning(row), *_steps(row), *_translation(row), *_limits(row)]
    told = ", ".join(part for part in parts if part)
    condition = f" Only when {row.when}." if row.when else ""
    note = f" {row.note.rstrip('.')}." if row.note else ""
    return f"{told[:1].upper()}{told[1:]}.{condition}{note}"


def _beginning(row: MappingRow) -> str:
    came = rows.shown_input(row)
    return {
        Kind.CONSTANT.value: f"always {came}",
        Kind.TEMPLATE.value: f"the text “{came}”",
        Kind.EXPRESSION.value: f"the expression {came}",
    }.get(row.kind, f"from {came}" if came else "from nothing")


def _steps(row: MappingRow) -> Iterator[str]:
    try:
        chain = engine.chain_from(row.transforms)
    except DocumentError:
        yield "steps that cannot be read"
        return
    for name, parameters in chain:
        known = CATALOGUE.get(name)
        label = (known.label or known.description) if known else name
        given = ", ".join(f"{key} {value}" for key, value in parameters.items())
        yield f"{label.rstrip('.').lower()}{f' ({given})' if given else ''}"


def _translation(row: MappingRow) -> Iterator[str]:
    if row.table:
        yield f"translated by the table “{row.table.name}”"
    if row.kind == Kind.LOOKUP.value:
        yield f"looked up as {row.record} by {row.by}"
    if row.table or row.kind == Kind.LOOKUP.value:
        yield f"unknown values: {row.get_on_miss_display().lower()}"
    if row.needs:
        yield f"waits for the {row.needs} to be there first"


def _limits(row: MappingRow) -> Iterator[str]:
    if row.default:
        yield f"empty: {row.default}"
    elif row.clears:
        yield "empty: the field is cleared"
    elif row.required:
        yield "required"
    if row.max_length:
        yield f"at most {row.max_length} characters, else {_too_long(row)}"


def _too_long(row: MappingRow) -> str:
    is_cut = row.on_too_long == MappingRow.TooLong.CUT
    return "cut at a word" if is_cut else "the record is refused"


def tables() -> list[tuple[ValueTable, list[str], int]]:
    """Tell every value table with its pairs, and how many more there are."""
    found = []
    for table in ValueTable.objects.prefetch_related("rows"):
        pairs = [str(row) for row in table.rows.all()]
        found.append((table, pairs[:MOST_TABLE_ROWS], len(pairs[MOST_TABLE_ROWS:])))
    return found


def lookups(told: Iterable[DocumentTold]) -> list[tuple[str, str, str, list[str]]]:
    """Name each look-up, the system it asks, and the documents that use it."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for one in told:
        for row in one.rows:
            if row.row.kind == Kind.LOOKUP.value:
                target = system(one.document.target_system, "")
                key = (target, row.row.record, row.row.by)
                names = found.setdefault(key, [])
                if one.document.name not in names:
                    names.append(one.document.name)
    return [(*key, names) for key, names in sorted(found.items())]


def schedules() -> list[Schedule]:
    """Return what runs by the clock."""
    return list(Schedule.objects.all())
