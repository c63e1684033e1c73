"""Fields that are no longer as the documents know them: compared every night.

What an account said of its fields stays known until the drift is over, so a field
that vanished is not forgotten the night after. A drift that hits a document ends when
the document or the account is mended; one that hits none ends when a person has seen
it.
"""

import dataclasses
import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.db import IntegrityError, transaction

from errorqueue.alerts import About, close_alert, raise_alert
from errorqueue.clock import database_time
from integrations.connectors.base import FieldRule
from integrations.connectors.errors import ConnectorError
from integrations.connectors.registry import UnknownSystem, connector_class
from integrations.models import Connection, Drift, Flow, Metadata, ring_alerts
from integrations.models.vault import SealBroken
from integrations.studio import observed
from integrations.studio.refresh import KNOWN
from integrations.studio.uses import Use, source_uses, target_uses, users
from integrations.sync.outbound import connector_for
from mappings.engine import DocumentError

log = logging.getLogger(__name__)

DriftKind = Drift.Kind
Fields = Mapping[str, Mapping[str, Any]]


@dataclass
class Finding:
    """One field that drifted, and the rows that use it."""

    field: str
    kind: str
    was: str
    now: str
    uses: list[Use] = dataclasses.field(default_factory=list)

    @property
    def documents(self) -> list[list[str]]:
        return [
            list(pair) for pair in dict.fromkeys((u.document, u.row) for u in self.uses)
        ]


# Pure: two states of the fields, and what uses them


def find(known: Fields, now: Fields, uses: Iterable[Use]) -> list[Finding]:
    """Return what is different, with the rows it hits; nothing without metadata."""
    uses = list(uses)
    if not now:
        return []
    removed, added = known.keys() - now.keys(), now.keys() - known.keys()
    renamed = _renamed(known, now, removed, added)
    found = [
        Finding(old, DriftKind.RENAMED, old, new, users(old, uses))
        for old, new in renamed.items()
    ]
    for old in sorted(removed - renamed.keys()):
        if _parent(old) not in removed:  # one line for a list, not one for each field
            said = _describe(known[old])
            found.append(Finding(old, DriftKind.REMOVED, said, "", users(old, uses)))
    found += _unknown(known, now, uses)
    if known:
        new_ones = sorted(added - set(renamed.values()))
        found += [f for name in new_ones for f in _added(name, now, added, uses)]
    for name in sorted(known.keys() & now.keys()):
        found += _changed(name, known[name], now[name], uses)
    return found


def _renamed(
    known: Fields, now: Fields, removed: Iterable[str], added: Iterable[str]
) -> dict[str, str]:
    """Pair what went with what came: same label and type, in one place, one of each."""
    came: dict[tuple[str, ...], list[str]] = {}
    went: dict[tuple[str, ...], list[str]] = {}
    for rules, names, found in ((known, removed, went), (now, added, came)):
        for name in sorted(names):
            label = str(rules[name].get("label") or "")
            if label:
                kind = str(rules[name].get("type") or "")
                found.setdefault((_parent(name), label, kind), []).append(name)
    return {
        names[0]: came[same][0]
        for same, names in went.items()
        if len(names) == 1 and len(came.get(same, ())) == 1
    }


def _unknown(known: Fields, now: Fields, uses: list[Use]) -> list[Finding]:
    """What a document fills and the account never had, as far as anybody knows."""
    found: dict[str, Finding] = {}
    for use in uses:
        head = use.path.partition(".")[0]
        if head in now or head in known:
            continue
        one = Finding(head, DriftKind.REMOVED, "not known to this account", "")
        found.setdefault(head, one).uses.append(use)
    return list(found.values())


def _added(
    name: str, now: Fields, added: Iterable[str], uses: list[Use]
) -> list[Finding]:
    if _parent(name) in added:
        return []
    if now[name].get("required") and not users(name, uses):
        return [Finding(name, DriftKind.REQUIRED, "not there", "required", _all(uses))]
    return [Finding(name, DriftKind.ADDED, "", _describe(now[name]))]


def _changed(
    name: str, old: Mapping[str, Any], new: Mapping[str, Any], uses: list[Use]
) -> list[Finding]:
    mine, found = users(name, uses), []
    if new.get("required") and not old.get("required"):
        hit = [] if mine else _all(uses)
        found.append(Finding(name, DriftKind.REQUIRED, "optional", "required", hit))
    before, after = old.get("longest"), new.get("longest")
    if after and (before is None or after < before):
        hit = [u for u in mine if u.max_length is None or u.max_length > after]
        was = f"{before} characters" if before else "no limit"
        now = f"{after} characters"
        found.append(Finding(name, DriftKind.SHORTER, was, now, hit))
    gone = sorted(set(old.get("choices") or ()) - set(new.get("choices") or ()))
    came = sorted(set(new.get("choices") or ()) - set(old.get("choices") or ()))
    if gone or came:
        hit = [u for u in mine if u.constant and u.constant in gone]
        gone_said, came_said = _listed("without ", gone), _listed("with ", came)
        found.append(
            Finding(name, DriftKind.CHOICES, gone_said[:300], came_said[:300], hit)
        )
    return found


def _all(uses: list[Use]) -> list[Use]:
    """Return one entry for each document: the whole of it lacks the field."""
    first = {use.document: use for use in reversed(uses)}
    return [Use(name, "(no row fills it)", "") for name in sorted(first)]


def _parent(name: str) -> str:
    return name.rpartition(".")[0]


def _describe(rule: Mapping[str, Any]) -> str:
    label, kind = rule.get("label") or "", rule.get("type") or ""
    return " ".join(filter(None, (label, f"({kind})" if kind else "")))[:300]


def _listed(word: str, values: list[str]) -> str:
    return word + ", ".join(values) if values else ""


# The nightly look


Used = dict[tuple[int, str], tuple[Connection, str, list[Use]]]


def look() -> int:
    """Compare every record type that a live document uses; return what is open."""
    used = _used()
    for connection, record_type, uses in used.values():
        if connection.is_usable:
            compare(connection, record_type, uses)
    for drift in Drift.objects.filter(gone_at=None).select_related("connection"):
        if (drift.connection_id, drift.record_type) not in used:
            _close(drift)
    return Drift.objects.filter(gone_at=None).count()


def _used() -> Used:
    """Return what live documents read and write, by connection and kind of record.

    What an account tells of its fields counts; where it tells nothing of a kind, what
    its newest records hold. Both may have one name: then the former is looked at.
    """
    told: Used = {}
    seen: Used = {}
    flows = Flow.objects.filter(is_enabled=True)
    for flow in flows.select_related("mapping", "source", "target"):
        version = flow.mapping.published()
        try:
            document = version.as_document() if version else None
        except DocumentError:
            document = None
        if document is None:
            continue
        slug = flow.mapping.slug
        if _tells(flow.target):
            uses = target_uses(slug, document)
            _add(told, flow.target, flow.target_record, uses)
        _add(seen, flow.source, flow.source_entity, source_uses(slug, document))
    return seen | told


def _tells(connection: Connection) -> bool:
    """Say whether an account tells of its fields itself."""
    try:
        return connector_class(connection.system).tells_fields
    except UnknownSystem:
        return False


def _add(found: Used, side: Connection, record: str, uses: Iterable[Use]) -> None:
    entry = found.setdefault((side.pk, record), (side, record, []))
    entry[2][:] = dict.fromkeys([*entry[2], *uses])


def compare(connection: Connection, record_type: str, uses: list[Use]) -> None:
    """Compare one record type with what was known of it, and keep what drifted."""
    try:
        connector = connector_for(connection)
        rules = connector.field_rules(record_type) if connector.tells_fields else {}
    except (ConnectorError, SealBroken) as error:
        log.info("%s did not tell of %s: %s", connection, record_type, error)
        return
    now = {path: _plain(rule) for path, rule in rules.items()}
    if now:
        settle(connection, record_type, now, uses)
    else:
        observe(connection, record_type, uses)


def observe(connection: Connection, entity: str, uses: list[Use]) -> None:
    """Compare what the newest records hold, of an account that does not tell."""
    tally = observed.tally_of(connection, entity)
    if tally.records < observed.FEWEST:
        return
    known = known_of(connection, entity)
    now = observed.fields_of(known, tally)
    # What was never seen may be filled now and then: nobody can call it gone.
    seen = known.keys() | now.keys()
    mine = [use for use in uses if use.path.partition(".")[0] in seen]
    settle(connection, entity, now, mine, f"the newest {tally.records} records")


def _plain(rule: FieldRule) -> dict[str, Any]:
    told = asdict(rule)
    return {**told, "choices": list(told.get("choices") or ())}


@transaction.atomic
def settle(
    connection: Connection,
    record_type: str,
    now: Fields,
    uses: list[Use],
    seen_in: str = "",
) -> None:
    """Open what drifted, close what is over, and know the rest as it is now.

    `seen_in` says where fields were seen when the account does not tell of them.
    """
    known = known_of(connection, record_type)
    mine = Drift.objects.filter(
        connection=connection, record_type=record_type, gone_at=None
    )
    open_ones = {(one.field, one.kind): one for one in mine}
    still: set[str] = set()
    for one in find(known, now, uses):
        _complete(one, connection, record_type, seen_in)
        drift = open_ones.pop((one.field, one.kind), None)
        if drift and (drift.documents or drift.seen_at) and not one.uses:
            _close(drift)
            continue
        _keep(connection, record_type, one, drift)
        still |= {one.field, one.now} if one.kind == DriftKind.RENAMED else {one.field}
    for drift in open_ones.values():
        _close(drift)
    name = f"{KNOWN}{record_type}"[:120]
    _know(connection, name, _known_from(known, now, still))


def known_of(connection: Connection, record_type: str) -> dict[str, Any]:
    """Return the fields as they were known before tonight."""
    name = f"{KNOWN}{record_type}"[:120]
    kept = Metadata.objects.filter(connection=connection, name=name).first()
    return dict(kept.content) if kept else {}


def _complete(
    one: Finding, connection: Connection, record_type: str, seen_in: str
) -> None:
    """Say where a field was missed, and how many values a shorter one would refuse."""
    if one.kind == DriftKind.REMOVED and seen_in:
        one.now = seen_in
    if one.kind != DriftKind.SHORTER or not one.uses:
        return
    limit = int(one.now.partition(" ")[0])
    over, of = observed.too_long(connection, record_type, one.field, limit)
    if of:
        one.now = f"{one.now}; {over} of the newest {of} values would not fit"


def _known_from(known: Fields, now: Fields, still: set[str]) -> dict[str, Any]:
    """Take over what is over; what drifts, and all inside it, stays as it was."""

    def drifts(path: str) -> bool:
        return any(path == one or path.startswith(f"{one}.") for one in still)

    taken = {path: rule for path, rule in now.items() if not drifts(path)}
    return taken | {path: rule for path, rule in known.items() if drifts(path)}


def _know(connection: Connection, name: str, content: dict[str, Any]) -> None:
    Metadata.objects.update_or_create(
        connection=connection,
        name=name,
        defaults={"content": content, "read_at": database_time()},
    )


def _keep(
    connection: Connection, record_type: str, one: Finding, drift: Drift | None
) -> None:
    if drift is None:
        drift = _open(connection, record_type, one)
    elif (drift.was, drift.now, drift.documents) != (one.was, one.now, one.documents):
        drift.was, drift.now, drift.documents = one.was, one.now, one.documents
        drift.save(update_fields=["was", "now", "documents"])
    if drift is not None and one.uses:
        if drift.seen_at is None:
            _tell(drift)
    elif drift is not None:
        close_alert(f"drift:{drift.pk}")


def _open(connection: Connection, record_type: str, one: Finding) -> Drift | None:
    try:
        with transaction.atomic():
            return Drift.objects.create(
                connection=connection,
                record_type=record_type,
                field=one.field[:200],
                kind=one.kind,
                was=one.was[:300],
                now=one.now[:300],
                documents=one.documents,
                found_at=database_time(),
            )
    except IntegrityError:  # another worker found it in the same moment
        return None


def _close(drift: Drift) -> None:
    Drift.objects.filter(pk=drift.pk).update(gone_at=database_time())
    close_alert(f"drift:{drift.pk}")


def _tell(drift: Drift) -> None:
    rows = "; ".join(f"{document}: {row}" for document, row in drift.documents[:10])
    new = raise_alert(
        f"drift:{drift.pk}",
        f"{drift.connection}: {drift}",
        f"{sentence(drift)}\n\nIt hits: {rows}\n\nMend the rows in a new version, or "
        "have the field brought back. This ends by itself once it is mended.",
        link="/admin/integrations/drift/",
        about=About(connection=str(drift.connection)),
    )
    if new:
        ring_alerts()


def sentence(drift: Drift) -> str:
    """Say in one sentence what happened to the field."""
    where = f"The field {drift.field} of {drift.record_type}"
    limit, _, count = drift.now.partition("; ")
    said = {
        DriftKind.REMOVED: f"{where} is not in {drift.now} any more."
        if drift.now
        else f"{where} is not there any more.",
        DriftKind.RENAMED: f"{where} is called {drift.now} now.",
        DriftKind.REQUIRED: f"{where} is required now.",
        DriftKind.SHORTER: f"{where} takes {limit} now, before: {drift.was}."
        + (f" {count[:1].upper()}{count[1:]}." if count else ""),
        DriftKind.CHOICES: f"{where} has other choices now: "
        f"{' '.join(filter(None, (drift.was, drift.now)))}.",
        DriftKind.ADDED: f"{where} is new.",
    }
    return said[DriftKind(drift.kind)]


@transaction.atomic
def mark_seen(drift: Drift, by: Any) -> None:
    """Note who has seen a drift; one that hits no document is over with that."""
    now = database_time()
    mine = Drift.objects.filter(pk=drift.pk, gone_at=None)
    mine.filter(seen_at=None).update(seen_at=now, seen_by=by)
    close_alert(f"drift:{drift.pk}")
