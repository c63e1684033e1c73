"""What targets say of their own fields and values: asked rarely, kept with its age."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from errorqueue.clock import DatabaseTime, database_time
from integrations.connectors.base import Connector, FieldRule
from integrations.connectors.errors import ConnectorError
from integrations.models import Connection, Metadata
from integrations.models.vault import SealBroken
from integrations.sync.outbound import connector_for
from mappings.engine import Mapped, Problem, Trace
from mappings.engine.building import without_places

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(minutes=10)
FIELDS = tuple(field.name for field in fields(FieldRule))

ConnectorOf = Callable[[], Connector]


@dataclass(frozen=True)
class Rules:
    """The rules of a record's fields by path, and when the target told them."""

    fields: Mapping[str, FieldRule]
    read_at: datetime | None = None

    def of(self, path: str) -> FieldRule:
        """Return the rule of a field, or of the reference around its id."""
        found = self.fields.get(path)
        return found or self.fields.get(path.removesuffix(".id")) or FieldRule()


@dataclass(frozen=True)
class Values:
    """What a list of the target holds, as pairs of value and label."""

    pairs: tuple[tuple[str, str], ...] = ()
    read_at: datetime | None = None


def rules_of(
    connection: Connection, record_type: str, connector: ConnectorOf | None = None
) -> Rules:
    """Return the field rules of a record type, ten minutes old at most.

    When the target cannot be asked now, older ones with their age; none when it has
    never told any.
    """

    def read() -> Any:
        rules = _connector(connection, connector).field_rules(record_type)
        return {path: asdict(rule) for path, rule in rules.items()}

    kept = _kept(connection, f"fields of {record_type}", read)
    if kept is None:
        return Rules({})
    fields = {path: _rule(told) for path, told in kept.content.items()}
    return Rules(fields, kept.read_at)


def values_of(
    connection: Connection,
    record_type: str,
    by: str,
    connector: ConnectorOf | None = None,
) -> Values:
    """Return what a short list of the target holds, as `rules_of` does for fields."""

    def read() -> Any:
        return _connector(connection, connector).values(record_type, by)

    kept = _kept(connection, f"{record_type} by {by}", read)
    if kept is None:
        return Values()
    return Values(
        tuple((str(value), str(label)) for value, label in kept.content), kept.read_at
    )


def too_long(mapped: Mapped, rules: Rules, target: str) -> list[Problem]:
    """Return a problem for each text that is longer than its field."""
    return [
        Problem(
            kind="data",
            target=trace.target,
            rule=f"{len(trace.value)} characters; {target} takes {longest}",
            remedy=f"Shorten it to {longest} characters, then retry.",
            source=trace.source,
            line=trace.line,
            value=trace.value[:200],
            row=trace.row,
            sources=trace.sources,
            sensitivity=trace.sensitivity,
        )
        for trace, longest in _limited(mapped, rules)
        if len(trace.value) > longest
    ]


def _limited(mapped: Mapped, rules: Rules) -> Iterator[tuple[Trace, int]]:
    for trace in mapped.trace:
        longest = rules.of(without_places(trace.target)).longest
        if longest is not None and isinstance(trace.value, str):
            yield trace, longest


def unknown_to(mapped: Mapped, rules: Rules, target: str) -> list[Problem]:
    """Return a problem for each field, and each choice, that the target does not have."""
    found = [
        Problem(
            kind="mapping",
            target=trace.target,
            rule=f"{target} knows no field {trace.target}",
            remedy="Correct the target of this mapping row, then retry.",
            source=trace.source,
            row=trace.row,
            sources=trace.sources,
            sensitivity=trace.sensitivity,
        )
        for trace in mapped.trace
        if rules.fields and _head(trace.target) not in rules.fields
    ]
    return found + [
        Problem(
            kind="mapping",
            target=trace.target,
            rule=f"{target} takes one of {len(choices)} values here, not this one",
            remedy="Correct the value, or the mapping row that gives it, then retry.",
            source=trace.source,
            line=trace.line,
            value=str(trace.value)[:200],
            allowed=choices,
            row=trace.row,
            sources=trace.sources,
            sensitivity=trace.sensitivity,
        )
        for trace, choices in _chosen(mapped, rules)
        if str(trace.value).casefold() not in {one.casefold() for one in choices}
    ]


def _chosen(mapped: Mapped, rules: Rules) -> Iterator[tuple[Trace, tuple[str, ...]]]:
    for trace in mapped.trace:
        choices = rules.of(without_places(trace.target)).choices
        if choices and trace.value is not None:
            yield trace, choices


def _head(path: str) -> str:
    return without_places(path).partition(".")[0]


def age_of(read_at: datetime | None) -> str:
    """Say how old it is, in words."""
    if read_at is None:
        return ""
    minutes = int((database_time() - read_at).total_seconds() // 60)
    if minutes < 1:
        return "read just now"
    hours = minutes // 60
    return f"read {hours} h ago" if hours else f"read {minutes} min ago"


def _kept(
    connection: Connection, name: str, read: Callable[[], Any]
) -> Metadata | None:
    mine = Metadata.objects.filter(connection=connection, name=name[:120])
    kept = mine.first()
    is_fresh = kept and kept.read_at > database_time() - KEPT_FOR
    if is_fresh or not connection.is_usable:
        return kept
    try:
        content = read()
    except (ConnectorError, SealBroken) as error:
        log.info("%s did not tell the %s: %s", connection, name, error)
        return kept
    made, _ = Metadata.objects.update_or_create(
        connection=connection,
        name=name[:120],
        defaults={"content": content, "read_at": DatabaseTime()},
    )
    made.refresh_from_db()
    return made


def _connector(connection: Connection, made: ConnectorOf | None) -> Connector:
    return made() if made else connector_for(connection)


def _rule(told: dict[str, Any]) -> FieldRule:
    """Read a rule as it was kept, by an older Waybill too."""
    known = {name: told[name] for name in FIELDS if name in told}
    return FieldRule(**known | {"choices": tuple(told.get("choices", ()))})
