"""Which keys a file may have, and how each value is read."""

from dataclasses import dataclass, field
from typing import Any

from errorqueue.alerting.steps import LONGEST_STEP
from errorqueue.models import (
    Alert,
    AlertRule,
    Channel,
    RoutingRule,
    Tag,
    Team,
    TeamStep,
)
from integrations.configuration.problems import Problems
from integrations.configuration.reader import Node, Shape
from integrations.configuration.values import (
    BAD,
    Item,
    Key,
    Reader,
    anything,
    choice,
    column,
    day,
    flag,
    free_table,
    is_shape,
    list_of,
    optional,
    read_table,
    seconds,
    table,
    text,
    wall_time,
    whole,
)
from integrations.models import Connection, Dependency, Entity, Flow
from mappings.models import (
    ExclusionRule,
    MappingDocument,
    MappingPart,
    MappingRow,
    MappingSection,
    Scenario,
    SumCheck,
    ValueTable,
    ValueTableRow,
)

MOST_SLOTS = 200
MOST_RECORDS = 2**31 - 1
DAYS = (
    *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday"),
    "sunday",
)


def decimal(model: type[Any], name: str) -> Reader:
    """Return the reader for a number with decimals that may be left empty."""
    return optional(column(model, name))


def weekday(node: Node, problems: Problems) -> Any:
    """Read the name of a day as its number; Monday is 0."""
    name = choice(DAYS)(node, problems)
    return BAD if name is BAD else DAYS.index(name)


def credential(node: Node, problems: Problems) -> Any:
    """Keep the node itself: whether it may be literal depends on the auth method."""
    return node if is_shape(node, Shape.TEXT, problems) else BAD


def credentials(node: Node, problems: Problems) -> Any:
    if not is_shape(node, Shape.TABLE, problems):
        return BAD
    read = {name: credential(entry, problems) for name, entry in node.entries.items()}
    return {name: value for name, value in read.items() if value is not BAD}


def texts(node: Node, problems: Problems) -> Any:
    """Read a table of texts, as a person would fill them in."""
    if node.shape is Shape.NOTHING:
        return {}
    if not is_shape(node, Shape.TABLE, problems):
        return BAD
    read = text(blank=True)
    values = {name: read(entry, problems) for name, entry in node.entries.items()}
    return {name: value for name, value in values.items() if value is not BAD}


def transform(node: Node, problems: Problems) -> Any:
    """Read `name` or `{name: {parameter: value}}`; the lint knows the names."""
    if node.shape is not Shape.TABLE:
        return node.value if is_shape(node, Shape.TEXT, problems) else BAD
    if len(node.entries) != 1:
        problems.add(
            node.place, "One transform at a time.", "Write {name: {parameter: value}}."
        )
        return BAD
    ((name, parameters),) = node.entries.items()
    read = free_table(parameters, problems)
    return BAD if read is BAD else {name: read}


def pair(node: Node, problems: Problems) -> Any:
    """Read the target of a value table row, alone or with its note."""
    target = column(ValueTableRow, "target")
    if node.shape is Shape.TABLE:
        keys = {
            "target": Key(target, required=True),
            "note": Key(column(ValueTableRow, "note")),
        }
        return read_table(node, keys, problems).values
    read = target(node, problems)
    return BAD if read is BAD else {"target": read}


def pairs(node: Node, problems: Problems) -> Any:
    if node.shape is Shape.NOTHING:
        return {}
    if not is_shape(node, Shape.TABLE, problems):
        return BAD
    longest = ValueTableRow._meta.get_field("source").max_length or 0
    for source, place in node.keys.items():
        if not source or len(source) > longest:
            problems.add(
                place, f"A value has 1 to {longest} characters.", "Shorten it."
            )
    read = {source: pair(entry, problems) for source, entry in node.entries.items()}
    return {source: value for source, value in read.items() if value is not BAD}


def _columns(model: type[Any], *names: str) -> dict[str, Key]:
    """Return keys for columns; a star marks those that must be given."""
    return {
        name.rstrip("*"): Key(column(model, name.rstrip("*")), name.endswith("*"))
        for name in names
    }


MAINTENANCE = {
    "from": Key(wall_time, required=True),
    "to": Key(wall_time, required=True),
    "zone": Key(text(60), required=True),
    "until": Key(day),
    "reason": Key(text(300), required=True),
}

CONNECTION = _columns(
    Connection,
    *("slug*", "name*", "system*", "environment", "account_id*", "base_url"),
    *("api_version", "namespace", "auth_method*"),
) | {
    "allowance": Key(whole(1, MOST_SLOTS)),
    "reserve": Key(whole(0, MOST_SLOTS)),
    "options": Key(texts),
    "credentials": Key(credentials),
    "weekly_maintenance": Key(list_of(table(MAINTENANCE))),
}

NEED = {
    "flow": Key(column(Flow, "slug"), required=True),
    "at": Key(column(Dependency, "source_path"), required=True),
}

FLOW = {
    **_columns(Flow, "slug*", "name*"),
    "source": Key(column(Connection, "slug"), required=True),
    **_columns(Flow, "source_entity*"),
    "target": Key(column(Connection, "slug"), required=True),
    **_columns(Flow, "target_record*", "mode"),
    "mapping": Key(column(MappingDocument, "slug"), required=True),
    "is_enabled": Key(flag),
    **_columns(Flow, "lane"),
    "priority": Key(whole()),
    "retry_schedule": Key(list_of(seconds)),
    "alert_at_once": Key(flag),
    "hold_hours": Key(whole()),
    "breaker_percent": Key(whole(0, 100)),
    "breaker_least": Key(whole(3)),
    "breaker_minutes": Key(whole(1, 120)),
    "poll_minutes": Key(whole()),
    "needs": Key(list_of(table(NEED))),
}

TABLE = {
    **_columns(ValueTable, "name*", "purpose", "note"),
    "rows": Key(pairs, required=True),
}


def _part(model: type[MappingPart], *required: str) -> dict[str, Key]:
    """Return a key for each column that people fill in, in the order of the model."""
    names = [field.name for field in model._meta.concrete_fields if field.editable]
    given = [name for name in names if name not in ("id", "position", "version")]
    return {
        name: Key(_PART_READERS.get(name) or column(model, name), name in required)
        for name in given
    }


_PART_READERS: dict[str, Reader] = {
    "table": column(ValueTable, "name"),
    "transforms": list_of(transform),
    "parts": list_of(text(200)),
}

ROW = _part(MappingRow, "target")
SECTION = _part(MappingSection, "name", "target")
EXCLUSION = _part(ExclusionRule, "name", "when")
CHECK = _part(SumCheck, "name", "source", "parts")

DOCUMENT = {
    **_columns(
        MappingDocument,
        *("slug*", "name*", "source_system*", "source_entity*"),
        *("target_system*", "target_record*", "environment", "note"),
    ),
    "exclusions": Key(list_of(table(EXCLUSION))),
    "checks": Key(list_of(table(CHECK))),
    "sections": Key(list_of(table(SECTION))),
    "rows": Key(list_of(table(ROW)), required=True),
}

ROUTING = {
    **_columns(RoutingRule, "name*", "order", "is_active", "kind", "flow", "entity"),
    **_columns(RoutingRule, "field"),
    "min_amount": Key(decimal(RoutingRule, "min_amount")),
    "assign_to": Key(text(150, blank=True)),
    "due_hours": Key(decimal(RoutingRule, "due_hours")),
    "team": Key(text(80, blank=True)),
    "tags": Key(list_of(column(Tag, "name"))),
}

CHANNEL = {
    **_columns(Channel, "name*", "kind*", "is_active"),
    "address": Key(credential),
    "secret": Key(credential),
}

STEP = {
    "after_minutes": Key(whole(0, LONGEST_STEP)),
    "channel": Key(column(Channel, "name")),
    "person": Key(text(150)),
    "second": Key(column(Channel, "name")),
    "duty": Key(optional(choice(TeamStep.Duty.values), "")),
}

TEAM = {
    **_columns(Team, "name*", "zone", "opens", "closes"),
    **_columns(Team, "is_quiet_off_days", "tells_end"),
    **{
        name: Key(optional(column(Team, name)))
        for name in ("quiet_from", "quiet_until", "daily_at", "weekly_at")
    },
    "weekly_on": Key(optional(weekday)),
    "days": Key(list_of(weekday)),
    "holidays": Key(list_of(text(120))),
    "members": Key(list_of(text(150))),
    "steps": Key(list_of(table(STEP))),
}

ALERT_RULE = {
    **_columns(AlertRule, "name*", "order", "is_active", "flow", "connection"),
    "kind": Key(optional(choice(Alert.Kind.values), "")),
    "min_amount": Key(decimal(AlertRule, "min_amount")),
    "min_count": Key(optional(whole(1, MOST_RECORDS))),
    "min_rate": Key(optional(whole(1, MOST_RECORDS))),
    "team": Key(column(Team, "name"), required=True),
    "is_immediate": Key(flag),
}

CHANGE = {
    "at": Key(text(200), required=True),
    "to": Key(anything, required=True),
    "why": Key(text(200, blank=True)),
}

SCENARIO = {
    **_columns(
        Scenario,
        *("slug*", "name*", "group", "source_system*", "source_entity*", "key*"),
        *("what*", "expected*", "outcome", "is_required"),
    ),
    "sample": Key(text(120), required=True),
    "prepare": Key(list_of(table(CHANGE))),
    "changes": Key(list_of(table(CHANGE))),
}

ENTITY = {
    **_columns(
        Entity,
        *("slug*", "name*", "entity*", "source*", "target*", "target_record"),
        *("system_of_record*", "consumers", "trigger", "cadence", "rules"),
        *("history", "history_note", "note"),
    ),
    "history_from": Key(decimal(Entity, "history_from")),
    "follows": Key(list_of(column(Entity, "slug"))),
    "value": Key(whole(0, 100)),
    "wave": Key(whole(1, 99)),
    "is_live": Key(flag),
}

GROUP = {
    "name": Key(text(150), required=True),
    "permissions": Key(list_of(text(200)), required=True),
}


@dataclass(frozen=True)
class Wanted:
    """Everything that the files ask for, in the order of the files."""

    connections: list[Item] = field(default_factory=list)
    value_tables: list[Item] = field(default_factory=list)
    mapping_documents: list[Item] = field(default_factory=list)
    flows: list[Item] = field(default_factory=list)
    groups: list[Item] = field(default_factory=list)
    channels: list[Item] = field(default_factory=list)
    teams: list[Item] = field(default_factory=list)
    alert_rules: list[Item] = field(default_factory=list)
    routing: list[Item] = field(default_factory=list)
    scenarios: list[Item] = field(default_factory=list)
    blueprint: list[Item] = field(default_factory=list)

    def slugs(self, section: str) -> set[str]:
        """Return the identities that the files bring along."""
        identity = IDENTITY[section]
        return {
            item.get(identity) for item in getattr(self, section) if item.get(identity)
        }


IDENTITY = {
    "connections": "slug",
    "value_tables": "name",
    "mapping_documents": "slug",
    "flows": "slug",
    "groups": "name",
    "channels": "name",
    "teams": "name",
    "alert_rules": "name",
    "routing": "name",
    "scenarios": "slug",
    "blueprint": "slug",
}

FILE: dict[str, Key] = {
    "connections": Key(list_of(table(CONNECTION))),
    "value_tables": Key(list_of(table(TABLE))),
    "mapping_documents": Key(list_of(table(DOCUMENT))),
    "flows": Key(list_of(table(FLOW))),
    "groups": Key(list_of(table(GROUP))),
    "channels": Key(list_of(table(CHANNEL))),
    "teams": Key(list_of(table(TEAM))),
    "alert_rules": Key(list_of(table(ALERT_RULE))),
    "routing": Key(list_of(table(ROUTING))),
    "scenarios": Key(list_of(table(SCENARIO))),
    "blueprint": Key(list_of(table(ENTITY))),
}


def read_wanted(roots: list[Node], problems: Problems) -> Wanted:
    """Read every file's root together; what is good in a bad item still counts."""
    wanted = Wanted()
    for root in roots:
        for section, items in read_table(root, FILE, problems).values.items():
            getattr(wanted, section).extend(items)
    return wanted
