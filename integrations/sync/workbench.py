"""What a person can do about one record of the ledger, as the error queue asks it."""

from collections.abc import Sequence
from typing import Any

from errorqueue.failures import (
    Broken,
    FieldProblem,
    Preflight,
    Reread,
    RetryOptions,
    Route,
    Start,
)
from integrations.connectors.registry import connector_class
from integrations.models import SyncRecord
from integrations.sync import adopting, fixing, preflight, rereading, routes
from integrations.sync.choosing import last_sent
from integrations.sync.routes import is_gone
from mappings.models import MappingVersion

User = Any
# Older versions than these were never in use when the record came.
MOST_VERSIONS = 5


class RecordWorkbench:
    """The workbench of one SyncRecord; see `errorqueue.failures.Workbench`."""

    def __init__(self, record: SyncRecord) -> None:
        self.record = record

    def options(self) -> RetryOptions:
        flow = self.record.flow
        target = connector_class(flow.target.system)
        source = connector_class(flow.source.system)
        can_look = target.finds_written(flow.target_record)
        return RetryOptions(
            starts=tuple(self._starts(can_look)),
            versions=tuple(self._versions()),
            can_reread=flow.source_entity in source.fetches,
            can_look=can_look,
        )

    def _starts(self, can_look: bool) -> list[tuple[Start, str]]:
        target = self.record.flow.target
        found = [(Start.MAPPING, "Map it anew, then send it")]
        if is_gone(self.record):
            found.insert(0, (Start.AGAIN, f"Create it again in {target}"))
        sent = last_sent(self.record, self.record.version)
        if sent:
            at = f"{sent.started_at:%d %B, %H:%M} UTC"
            found.append((Start.SENT, f"Send again just what was sent on {at}"))
        if can_look:
            words = f"Look in {target} first, and send only what is not there"
            found.append((Start.LOOK, words))
        return found

    def _versions(self) -> list[tuple[int, str]]:
        """Name the version in force first, then the one of the failure, then others."""
        state = MappingVersion.State
        used = self.record.attempts.exclude(mapping=None).order_by("-number")
        failed_with = used.values_list("mapping", flat=True).first()
        versions = self.record.flow.mapping.versions.select_related("document")
        was_live = versions.filter(state__in=MappingVersion.WENT_LIVE)
        found = list(was_live.order_by("-number"))
        found.sort(
            key=lambda one: (one.state != state.PUBLISHED, one.pk != failed_with)
        )
        return [
            (one.pk, _version_words(one, one.pk == failed_with))
            for one in found[:MOST_VERSIONS]
        ]

    def routes(self, problems: Sequence[dict[str, Any]]) -> Sequence[Route]:
        return routes.routes(self.record, problems)

    def broken(self, problems: Sequence[dict[str, Any]]) -> Sequence[Broken]:
        return fixing.broken(self.record, problems)

    def mend(
        self, values: dict[str, str], by: User, reason: str
    ) -> Sequence[FieldProblem]:
        return fixing.mend(self.record, values, by, reason)

    def preflight(self) -> Preflight:
        return preflight.preflight(self.record)

    def look(self) -> Preflight:
        return adopting.look(self.record)

    def adopt(self, target_id: str, by: User, reason: str) -> None:
        adopting.adopt(self.record, target_id, by, reason)

    def reread(self) -> Reread:
        return rereading.reread(self.record)

    def take_reread(self, mark: str, by: User) -> None:
        rereading.take_reread(self.record, mark, by)


def _version_words(version: MappingVersion, is_of_failure: bool) -> str:
    said = []
    if version.state == MappingVersion.State.PUBLISHED:
        said.append("current")
    if is_of_failure:
        said.append("as at the failure")
    return f"Version {version.number}" + (f" ({', '.join(said)})" if said else "")
