"""Internal ids for mappings: from our links, from the cache, else from the target."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from errorqueue.clock import DatabaseTime, database_time
from integrations.connectors.base import Connector
from integrations.models import CachedLookup, Connection, Link
from mappings.engine import Found

KEPT_FOR = timedelta(hours=24)
EXTERNAL_ID = "external id"

# Reads something, or returns what was read under the same key a moment ago.
Keep = Callable[[Any, Callable[[], Any]], Any]


def read_now(key: Any, read: Callable[[], Any]) -> Any:
    """Keep nothing: pages read each time."""
    return read()


class TargetLookups:
    """Answers the look-ups of one delivery.

    Only a single, active match is kept: a miss must be seen as soon as a person
    has added what was missing.
    """

    def __init__(
        self,
        connection: Connection,
        connector: Connector,
        *,
        afresh: bool = False,
        keep: Keep = read_now,
        needed: Mapping[tuple[str, str], str] = MappingProxyType({}),
    ) -> None:
        self.connection = connection
        self.connector = connector
        self.afresh = afresh
        self.keep = keep
        self.needed = needed

    def find(self, record: str, by: str, value: str) -> Sequence[Found]:
        """Return every candidate; may raise the connector's errors."""
        known = self._linked(record, by, value)
        if known is None and not self.afresh:
            key = ("look-up", self.connection.pk, record, by, value)
            known = self.keep(key, lambda: self._cached(record, by, value))
        return [known] if known else self._ask(record, by, value)

    def _linked(self, record: str, by: str, value: str) -> Found | None:
        if by != EXTERNAL_ID:
            return None
        if (record, value) in self.needed:
            return Found(self.needed[record, value])
        link = Link.objects.filter(
            target_connection=self.connection, target_record=record, external_id=value
        ).first()
        return Found(link.target_id) if link else None

    def _cached(self, record: str, by: str, value: str) -> Found | None:
        row = CachedLookup.objects.filter(
            connection=self.connection,
            record=record,
            by=by,
            value=value,
            found_at__gt=database_time() - KEPT_FOR,
        ).first()
        return Found(row.target_id, row.label) if row else None

    def _ask(self, record: str, by: str, value: str) -> list[Found]:
        answer = self.connector.find(record, by, value)
        found = [Found(one.id, one.label, one.inactive) for one in answer]
        if len(found) == 1 and not found[0].inactive:
            self._keep(record, by, value, found[0])
        return found

    def _keep(self, record: str, by: str, value: str, found: Found) -> None:
        CachedLookup.objects.update_or_create(
            connection=self.connection,
            record=record,
            by=by,
            value=value,
            defaults={
                "target_id": found.id,
                "label": found.label[:300],
                "found_at": DatabaseTime(),
            },
        )


def forget_older(
    connection: Connection, record: str, target_id: str, than: datetime
) -> bool:
    """Drop a look-up that was found before `than`; say whether there was one."""
    old = CachedLookup.objects.filter(
        connection=connection, record=record, target_id=target_id, found_at__lt=than
    )
    return bool(old.delete()[0])


def forget_all(connection: Connection) -> None:
    """Drop every id of a target whose records were replaced as a whole."""
    CachedLookup.objects.filter(connection=connection).delete()
    Link.objects.filter(target_connection=connection).delete()


def forget(connection: Connection, record: str, target_id: str) -> None:
    """Drop what points at a record that the target no longer knows."""
    CachedLookup.objects.filter(
        connection=connection, record=record, target_id=target_id
    ).delete()
    Link.objects.filter(
        target_connection=connection, target_record=record, target_id=target_id
    ).delete()
