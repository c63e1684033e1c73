"""Look-ups by name: what every value that documents use is called by each account.

Internal ids differ between sandbox and production, so documents name things and each
connection answers for itself. What is missing, inactive or several stays so, and is
shown; nothing picks among several.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from errorqueue.clock import database_time
from integrations.connectors.base import Connector
from integrations.connectors.errors import (
    AccessRefused,
    ConnectorError,
    LimitReached,
    RequestRefused,
    TemporaryError,
)
from integrations.models import (
    CachedLookup,
    Connection,
    Flow,
    NamedLookup,
    SyncRecord,
)
from integrations.models.removal import HAS_CONTENT
from integrations.models.vault import SealBroken
from integrations.sync import background
from integrations.sync.access import note_failure, suspect, unusable
from integrations.sync.lookups import EXTERNAL_ID, TargetLookups
from integrations.sync.mapping import facts_of
from integrations.sync.outbound import connector_for
from integrations.sync.stopping import is_stopping
from mappings import engine
from mappings.engine import Document, DocumentError, Found, Kind, Row
from mappings.engine.errors import Unfit
from mappings.engine.evaluation import ANYTHING_ELSE
from mappings.engine.transforms import run_steps
from mappings.engine.values import text_of
from mappings.models import MappingDocument, MappingVersion

log = logging.getLogger(__name__)

State = NamedLookup.State
# Found by what is of one person or one record: no names that a document uses.
PERSONAL = (EXTERNAL_ID, "email")
SAMPLED = 50
MOST = 400
BATCH = 20
# Claimed by a worker for so long; then another one asks.
CLAIMED = timedelta(minutes=1)
WAITS = (30, 120, 600, 3600)
# The columns that an answer fills.
ANSWERED = (
    *("state", "target_id", "was_id", "label", "candidates"),
    *("asked_at", "is_wanted", "tries"),
)
WORTH_WAITING = (TemporaryError, AccessRefused, LimitReached)


@dataclass(frozen=True, order=True)
class Need:
    """One look-up that a document makes."""

    record: str
    by: str
    value: str


class _Noting:
    """Answers every look-up with one match and notes what was asked."""

    def __init__(self) -> None:
        self.asked: set[Need] = set()

    def find(self, record: str, by: str, value: str) -> Sequence[Found]:
        if by not in PERSONAL:
            self.asked.add(Need(record, by, value[:300]))
        return [Found("1")]


def needs_of(document: Document, records: Iterable[SyncRecord] = ()) -> list[Need]:
    """Return what a document looks up: its constants, its tables, what records bring.

    All that stands in the document and its tables, and of what records bring at most
    so many as a person can read; look-ups of persons and of single records are left
    out, since they are data.
    """
    noting = _Noting()
    for row in document.rows:
        if row.kind == Kind.LOOKUP:
            for value in _written(document, row):
                noting.find(row.record, row.by, value)
    fixed = set(noting.asked)
    for record in records:
        _map(document, record, noting)
    return sorted(fixed) + sorted(noting.asked - fixed)[:MOST]


def _written(document: Document, row: Row) -> Iterator[str]:
    """Yield the values that stand in the document itself."""
    pairs = document.tables.get(row.table, {}) if row.table else {}
    yield from (value for value in pairs.values() if value not in ("", ANYTHING_ELSE))
    if row.constant is not None and not row.source and not row.table:
        try:
            yield text_of(run_steps(row.steps, row.constant)).strip()
        except (DocumentError, Unfit):
            return


def _map(document: Document, record: SyncRecord, noting: _Noting) -> None:
    """Map a record without asking anybody; one that cannot be mapped brings nothing."""
    try:
        engine.apply(document, record.payload, facts=facts_of(record), lookups=noting)
    except (ValueError, TypeError, ConnectorError) as error:
        log.info("%s brings no look-ups: %s", record, error)


def recent_records(document: MappingDocument, most: int = SAMPLED) -> list[SyncRecord]:
    """Return the newest records of the flows that use a document or its origin."""
    flows = Flow.objects.filter(mapping__in=[document.pk, document.origin_id or 0])
    found = SyncRecord.objects.filter(HAS_CONTENT, flow__in=flows)
    return list(found.select_related("flow__source", "flow__target")[:most])


@transaction.atomic
def enter(connection: Connection, needs: Iterable[Need], slug: str) -> None:
    """Have a connection asked for what a document needs, if it was not asked yet."""
    now = database_time()
    wanted = set(needs)
    NamedLookup.objects.bulk_create(
        [
            NamedLookup(
                connection=connection,
                record=need.record,
                by=need.by,
                value=need.value,
                due_at=now,
            )
            for need in sorted(wanted)
        ],
        ignore_conflicts=True,
    )
    for row in NamedLookup.objects.filter(connection=connection):
        uses = Need(row.record, row.by, row.value) in wanted
        if uses != (slug in row.documents):
            rest = [one for one in row.documents if one != slug]
            row.documents = [*rest, slug] if uses else rest
            row.save(update_fields=["documents"])
    NamedLookup.objects.filter(connection=connection, documents=[]).delete()
    background.ring()


def collect() -> None:
    """Enter what every live document looks up in the accounts of its flows.

    What was not found is asked again: a person may have added it meanwhile.
    """
    flows = Flow.objects.filter(is_enabled=True).select_related("mapping", "target")
    for flow in flows:
        version = flow.mapping.published()
        if version is None:
            continue
        try:
            needs = needs_of(version.as_document(), recent_records(flow.mapping))
        except DocumentError as error:
            log.info("%s cannot be read: %s", version, error)
            continue
        enter(flow.target, needs, flow.mapping.slug)
    ask_again(NamedLookup.objects.exclude(state__in=[State.FOUND, State.WAITING]))


def ask_again(rows: QuerySet[NamedLookup]) -> int:
    """Have these look-ups asked again by a worker; return how many."""
    count = rows.update(is_wanted=True, tries=0, due_at=database_time())
    background.ring()
    return count


def answers_for(
    connection: Connection | None, needs: Iterable[Need]
) -> list[NamedLookup]:
    """Return what a connection answers to these needs, worst first; one query."""
    if connection is None:
        return []
    wanted = set(needs)
    rows = NamedLookup.objects.filter(connection=connection)
    mine = [row for row in rows if Need(row.record, row.by, row.value) in wanted]
    return sorted(mine, key=lambda row: (row.is_good, row.record, row.by, row.value))


# In a worker


def has_due() -> bool:
    """Say whether a usable connection is to be asked for something."""
    return _due().exists()


def _due() -> QuerySet[NamedLookup]:
    usable = Connection.objects.exclude(unusable())
    wanted = Q(is_wanted=True, due_at__lte=database_time())
    return NamedLookup.objects.filter(wanted, connection__in=usable)


def step() -> None:
    """Ask for what is wanted, one request at a time, until the time is up."""
    ends_at = time.monotonic() + settings.DRAIN_SECONDS
    while time.monotonic() < ends_at and not is_stopping():
        row = _claim()
        if row is None:
            return
        ask(row)
    background.ring()


def _claim() -> NamedLookup | None:
    for row in _due().select_related("connection").order_by("due_at", "pk")[:BATCH]:
        until = database_time() + CLAIMED
        if _asked(row).filter(is_wanted=True).update(due_at=until):
            row.due_at = until
            return row
    return None


def _asked(row: NamedLookup) -> QuerySet[NamedLookup]:
    """Return the row as long as nobody wanted it asked anew since it was read."""
    return NamedLookup.objects.filter(pk=row.pk, due_at=row.due_at)


def ask(row: NamedLookup) -> None:
    """Ask the connection for one name and keep the answer, whatever it is."""
    connection = row.connection
    try:
        connector = connector_for(connection)
        found = _find(row, connector)
    except (RequestRefused, SealBroken) as error:
        _keep(row, State.REFUSED, [], str(error))
    except ConnectorError as error:
        _postpone(row, error)
    else:
        _keep(row, _state(found), found)


def _find(row: NamedLookup, connector: Connector) -> list[Found]:
    lookups = TargetLookups(row.connection, connector, afresh=True)
    found = list(lookups.find(row.record, row.by, row.value))
    if _state(found) != State.FOUND:
        CachedLookup.objects.filter(
            connection=row.connection, record=row.record, by=row.by, value=row.value
        ).delete()
    return found


def _state(found: Sequence[Found]) -> str:
    if not found:
        return State.MISSING
    if len(found) > 1:
        return State.AMBIGUOUS
    return State.INACTIVE if found[0].inactive else State.FOUND


def _keep(row: NamedLookup, state: str, found: Sequence[Found], said: str = "") -> None:
    """Write an answer, and nothing else of the row; none when it was asked anew."""
    is_one = state in (State.FOUND, State.INACTIVE)
    target_id = found[0].id if is_one else ""
    if row.target_id and row.target_id != target_id:
        row.was_id = row.target_id
    row.state, row.target_id = state, target_id
    row.label = (found[0].label if is_one else said)[:300]
    row.candidates = [[one.id, one.label] for one in found] if not is_one else []
    row.asked_at, row.is_wanted, row.tries = database_time(), False, 0
    answer = {name: getattr(row, name) for name in ANSWERED}
    _asked(row).update(**answer)


def _postpone(row: NamedLookup, error: ConnectorError) -> None:
    """No answer now: the row waits; the connection's own guards hear of it."""
    if isinstance(error, AccessRefused):
        suspect(row.connection)
    else:
        note_failure(row.connection, error)
    if not isinstance(error, WORTH_WAITING) and row.tries >= len(WAITS):
        _keep(row, State.REFUSED, [], str(error))
        return
    wait = timedelta(seconds=WAITS[min(row.tries, len(WAITS) - 1)])
    _asked(row).update(tries=row.tries + 1, due_at=database_time() + wait)


def published_or_newest(document: MappingDocument) -> MappingVersion | None:
    """Return the version that stands: published, else the newest that is frozen."""
    frozen = document.versions.exclude(state=MappingVersion.State.DRAFT)
    return document.published() or frozen.order_by("-number").first()
