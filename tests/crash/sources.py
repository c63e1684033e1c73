"""The three ledgers, as the auditor reads them: sent, target and queue.

No product code: the queue is read by SQL of our own, the rest from JSON lines.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

Line = dict[str, Any]
Rows = list[Line]


ASKED = ("number", "at", "method", "path", "status", "lost")


def json_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a file; a torn last line is left out."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for text in file:
            if text.endswith("\n"):
                yield json.loads(text)


@dataclass
class Sent:
    """What the shop placed and what it was answered (`tests.crash.ledger`)."""

    events: Rows
    answers: Rows

    @classmethod
    def read(cls, path: Path) -> "Sent":
        lines = list(json_lines(path))
        return cls(
            [line for line in lines if line["kind"] == "event"],
            [line for line in lines if line["kind"] == "answer"],
        )

    @cached_property
    def tries(self) -> Mapping[str, Rows]:
        """The answers by event, in the order in which they came."""
        found: dict[str, Rows] = defaultdict(list)
        for answer in self.answers:
            found[answer["event"]].append(answer)
        return found

    def acknowledged(self, event: Line) -> Rows:
        """Return the tries of an event that were answered with a 2xx."""
        return [x for x in self.tries.get(event["event"], ()) if is_good(x["status"])]


def is_good(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


@dataclass
class Journal:
    """What a vendor was asked and what changed there."""

    requests: Rows
    effects: Rows
    over: int = 0

    @classmethod
    def read(cls, path: Path) -> "Journal":
        read = cls([], [])
        for line in json_lines(path):
            if line["kind"] == "effect":
                read.effects.append(line)
            elif line["kind"] == "request":
                # The bodies of a long run would fill the memory.
                read.requests.append({name: line.get(name) for name in ASKED})
            else:
                read.over += line["kind"] == "over"
        return read

    @cached_property
    def standing(self) -> Mapping[tuple[str, str], Line]:
        """What stands at the end, by record type and internal id."""
        found: dict[tuple[str, str], Line] = {}
        for effect in self.effects:
            key = (effect["record"], effect["id"])
            if effect["verb"] == "deleted":
                found.pop(key, None)
            else:
                found[key] = effect
        return found

    def written(self, *records: str) -> Rows:
        """Return what requests wrote to records of these types, in order."""
        return [
            effect
            for effect in self.effects
            if effect["record"] in records and effect["verb"] != "standing"
        ]


@dataclass
class Queue:
    """The product's tables, as rows."""

    inbox: Rows = field(default_factory=list)
    records: Rows = field(default_factory=list)
    attempts: Rows = field(default_factory=list)
    failures: Rows = field(default_factory=list)
    audits: Rows = field(default_factory=list)
    versions: Rows = field(default_factory=list)
    seals: Rows = field(default_factory=list)
    # The database's own time, in seconds since 1970; 0 for now.
    at: float = 0.0

    @classmethod
    def read(cls, dsn: str) -> "Queue":
        with psycopg.connect(dsn, row_factory=dict_row) as line:
            line.execute("set transaction isolation level repeatable read")
            rows = {
                name: list(line.execute(query).fetchall())
                for name, query in QUERIES.items()
            }
            now = line.execute(NOW).fetchone()
            return cls(**rows, at=now["at"] if now else 0.0)

    @cached_property
    def attempts_of(self) -> Mapping[int, Rows]:
        return _grouped(self.attempts, "record_id")

    @cached_property
    def audits_of(self) -> Mapping[tuple[str, int], Rows]:
        found: dict[tuple[str, int], Rows] = defaultdict(list)
        for entry in self.audits:
            found[entry["subject"], entry["subject_id"]].append(entry)
        return found

    @cached_property
    def open_failures(self) -> Mapping[tuple[str, str], Line]:
        """Open lines of the error queue by model and key of their subject."""
        return {
            (line["model"], line["object_id"]): line
            for line in self.failures
            if line["status"] in ("failed", "waiting", "retrying")
        }


NOW = "select extract(epoch from clock_timestamp())::float8 as at"
QUERIES = {
    "inbox": """
        select id, delivery_id, topic, digest, state, reason, tries,
               extract(epoch from received_at)::float8 as received_at,
               encode(sha256(body), 'hex') as body_digest
        from integrations_inboxevent order by id""",
    "records": """
        select r.id, f.slug as flow, f.source_entity as entity, f.mode,
               r.source_key, r.version, r.state,
               (select string_agg(found[1], ' ') from regexp_matches(r.source,
                '("(?:order|customer) [0-9]+ version [0-9]+")', 'g') found) as source,
               r.token, r.crashes,
               r.tries, r.hold, r.hold_reason, r.hold_until, r.held_on_id,
               r.external_id, r.target_id, r.delivered_version, r.exclusion,
               extract(epoch from r.lease_until)::float8 as lease_until,
               extract(epoch from r.due_at)::float8 as due_at
        from integrations_syncrecord r join integrations_flow f on f.id = r.flow_id
        order by r.id""",
    "attempts": """
        select id, record_id, number, token, version, external_id, digest, outcome,
               mapping_id,
               kind, message, extract(epoch from started_at)::float8 as started_at
        from integrations_attempt order by record_id, number""",
    "failures": """
        select t.model, l.object_id, l.status, l.kind, l.what, l.why, l.tries
        from errorqueue_failedrecord l
        join django_content_type t on t.id = l.content_type_id order by l.id""",
    "versions": """
        select id, document_id, number,
               extract(epoch from published_at)::float8 as published_at
        from mappings_mappingversion order by id""",
    "seals": """
        select s.id, s.previous, s.digest, s.entries,
               (select count(*) from integrations_auditentry e
                where e.seal_id = s.id) as held
        from integrations_auditseal s order by s.id""",
    "audits": """
        select id, subject, subject_id, verb, before, after, token, version,
               extract(epoch from at)::float8 as at
        from integrations_auditentry order by id""",
}


def _grouped(rows: Iterable[Line], name: str) -> Mapping[Any, Rows]:
    found: dict[Any, Rows] = defaultdict(list)
    for row in rows:
        found[row[name]].append(row)
    return found


def tables_with(dsn: str, canary: str) -> list[str]:
    """Name the tables that hold a secret in the clear, in text or in bytes."""
    as_bytes = canary.encode().hex()
    with psycopg.connect(dsn) as line:
        names = line.execute(
            "select tablename from pg_tables where schemaname = 'public'"
        ).fetchall()
        return [
            name
            for (name,) in names
            if line.execute(
                f'select 1 from "{name}" t where strpos(t::text, %s) > 0'  # noqa: S608
                " or strpos(t::text, %s) > 0 limit 1",
                (canary, as_bytes),
            ).fetchone()
        ]
