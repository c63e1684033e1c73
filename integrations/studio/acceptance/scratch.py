"""A ledger of its own for one run: the real code works on it, nobody else sees it.

The run's process is given an empty SQLite file instead of the installation's
database, with copies of the few rows that a delivery needs. So nothing of a test
can be counted, listed, alerted or retried among what is real.
"""

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import DEFAULT_DB_ALIAS, connection, connections, models, transaction
from django.utils import timezone

from integrations.connectors.base import Connector
from integrations.connectors.registry import connector_class
from integrations.inbox import doors
from integrations.models import Connection, Credential, Dependency, Flow
from integrations.models.cluster import GENERATION
from mappings.engine import Document
from mappings.models import (
    ExclusionRule,
    MappingPart,
    MappingRow,
    MappingSection,
    MappingVersion,
    ScenarioRun,
    SumCheck,
    ValueTable,
    ValueTableRow,
)

# Nobody waits for minutes to see a retry: the same steps, in shorter time.
WAITS = [1, 1, 2, 2, 3, 3, 4, 4]


class Unfit(ValueError):
    """Something that a delivery needs is not there, said in words."""


def flows_needed(flow: Flow) -> list[Flow]:
    """Return a flow with all that its records may have to wait for."""
    found = {flow.pk: flow}
    waiting = [flow]
    while waiting:
        needs = Dependency.objects.filter(flow=waiting.pop())
        for one in needs.select_related("needs__source", "needs__target"):
            if one.needs_id not in found:
                found[one.needs_id] = one.needs
                waiting.append(one.needs)
    return list(found.values())


def rows_for(
    run: ScenarioRun, flow: Flow, flows: list[Flow], secret: str
) -> list[models.Model]:
    """Return copies of what a delivery reads, with this version in force.

    Secrets of the source are left behind: deliveries are signed with `secret`.
    Raises Unfit when a mapping that is needed was never published.
    """
    rows: list[models.Model] = [*ValueTable.objects.all(), *ValueTableRow.objects.all()]
    versions = {one.pk: _version_for(one, run, flow) for one in flows}
    for version in {one.pk: one for one in versions.values()}.values():
        rows += [version.document, version, *_parts(version)]
    for one in flows:
        one.mapping = versions[one.pk].document
        one.is_enabled, one.poll_minutes, one.retry_schedule = True, 0, WAITS
        one.held_at, one.hold_reason, one.hold_kind = None, "", ""
        one.probe_at = one.probing_since = None
        rows.append(one)
    rows += Dependency.objects.filter(flow__in=flows)
    rows += _connections(run, flows, secret)
    _cut_loose(rows)
    return rows


def _version_for(one: Flow, run: ScenarioRun, flow: Flow) -> MappingVersion:
    if one.pk == flow.pk:
        version = MappingVersion.objects.select_related("document").get(
            pk=run.version_id
        )
    else:
        published = one.mapping.published()
        if published is None:
            raise Unfit(
                f"The mapping {one.mapping}, which these records need first, was never "
                "published."
            )
        version = published
    version.state = MappingVersion.State.PUBLISHED
    version.published_at = timezone.now()
    return version


def _parts(version: MappingVersion) -> Iterator[models.Model]:
    for kind in MappingPart.__subclasses__():
        found: Any = kind._default_manager
        yield from found.filter(version=version)


def copied(rows: Iterable[models.Model], version: MappingVersion) -> Document:
    """Return what the copies of a version's parts say, as one document."""
    mine = [one for one in rows if getattr(one, "version_id", None) == version.pk]

    def of(kind: type[MappingPart]) -> list[Any]:
        return [one for one in mine if isinstance(one, kind)]

    return Document(
        name=str(version.document),
        rows=tuple(one.as_row() for one in of(MappingRow)),
        sections=tuple(one.as_section() for one in of(MappingSection)),
        exclusions=tuple(one.as_exclusion() for one in of(ExclusionRule)),
        checks=tuple(one.as_check() for one in of(SumCheck)),
        source_system=version.document.source_system,
        target_system=version.document.target_system,
    )


def _connections(
    run: ScenarioRun, flows: list[Flow], secret: str
) -> list[models.Model]:
    sources = {one.source_id: one.source for one in flows}
    targets = {one.target_id: one.target for one in flows}
    rows: list[models.Model] = []
    for one in (sources | targets).values():
        one.state, one.probe_at, one.limited_until = Connection.State.READY, None, None
        one.window_until = None
        one.strikes, one.learnt, one.limited_since = 0, None, None
        # One slot of the account is held for the whole run: one request at a time.
        one.allowance, one.reserve = 1, 0
        if one.pk in sources:
            one.namespace = run.namespace
            rows += _signing(one, secret)
        rows.append(one)
    rows += Credential.objects.filter(connection__in=set(targets) - set(sources))
    return rows


def _signing(source: Connection, secret: str) -> list[Credential]:
    names: Iterable[str] = connector_class(source.system).webhook_secrets[:1]
    found = []
    for name in names:
        one = Credential(connection=source, name=name)
        one.put(secret)
        found.append(one)
    return found


def _cut_loose(rows: Iterable[models.Model]) -> None:
    """Empty whatever points at a row that does not come along, as people."""
    rows = list(rows)
    known = {(type(row), row.pk) for row in rows}
    for row in rows:
        for column in row._meta.concrete_fields:
            if not isinstance(column, models.ForeignKey) or not column.null:
                continue
            if (column.related_model, getattr(row, column.attname)) not in known:
                setattr(row, column.attname, None)
        row._state.adding = True


def move_into(file: Path, rows: Iterable[models.Model]) -> None:
    """Make an empty ledger in `file` the database of this process, and fill it.

    For a process of its own only: there is no way back.
    """
    os.environ.pop(GENERATION, None)
    _switch(file)
    ContentType.objects.clear_cache()
    doors.forget_all()
    with connection.schema_editor() as editor:
        for model in apps.get_models():
            if model._meta.managed and not model._meta.proxy:
                editor.create_model(model)
    with transaction.atomic():
        for row in rows:
            row.save_base(raw=True, force_insert=True)


def _switch(file: Path) -> None:
    pragmas = "PRAGMA journal_mode=WAL;PRAGMA synchronous=OFF;"
    known: dict[str, Any] = connections.settings[DEFAULT_DB_ALIAS]
    connections.settings[DEFAULT_DB_ALIAS] = {
        **known,
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(file),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": pragmas,
        },
    }
    with suppress(AttributeError):  # this thread had no line to it
        del connections[DEFAULT_DB_ALIAS]


def new_secret() -> str:
    return secrets.token_hex(16)


def host_of(connector: Connector) -> str:
    """Return the one host that a run may call."""
    base: str = getattr(connector, "base_url", "")
    return base.partition("://")[2].partition("/")[0]
