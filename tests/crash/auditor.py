"""Compares three ledgers: what was sent, what stands at the target, what the queue says.

    python -m tests.crash.auditor RUN_FOLDER DSN

Imports no product code and believes none of its words: expectations come from
`tests.crash.expectations`, the queue from SQL. Run it when the run has drained; what
still moves is counted as pending.
"""

import argparse
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crash.conduct import CHECKS
from tests.crash.expectations import TARGETS, Key, Target, Version, versions_of
from tests.crash.findings import (
    DUPLICATED,
    LOST,
    SECRET,
    STALE,
    UNEXPECTED,
    UNNAMED,
    WRONG,
    Findings,
)
from tests.crash.sources import Journal, Line, Queue, Rows, Sent, tables_with

NAMESPACE = "shopify-northwind-outdoor"
LEGAL = re.compile(r"[A-Za-z0-9_-]+")
BY_STATE = {
    "delivered": "delivered",
    "failed": "error queue",
    "held": "hold",
    "waiting": "pending",
    "running": "pending",
    "excluded": "set aside",
}


@dataclass
class Audit:
    """One audit over three ledgers; `run` fills and returns the findings."""

    sent: Sent
    target: Journal
    queue: Queue
    namespace: str = NAMESPACE
    findings: Findings = field(default_factory=Findings)

    def __post_init__(self) -> None:
        self.versions = versions_of(self.sent)
        self.expected = Target(self.target, self.namespace)
        self.inbox_by_delivery = {x["delivery_id"]: x for x in self.queue.inbox}
        self.inbox_by_body: dict[str, Rows] = defaultdict(list)
        for row in self.queue.inbox:
            self.inbox_by_body[row["body_digest"]].append(row)
        self.records: dict[Key, Line] = {
            (row["entity"], row["source_key"]): row for row in self.queue.records
        }
        self.known = {key: self._version_in(key, x) for key, x in self.records.items()}
        self.effects = self._effects_by_external_id()

    def run(self) -> Findings:
        """Make every comparison once."""
        self.every_event_is_somewhere()
        self.nothing_is_doubled()
        self.nothing_is_invented()
        self.the_target_says_what_the_source_said()
        self.external_ids_are_pure()
        for check in CHECKS:
            check(self.queue, self.target, self.expected, self.findings)
        self.count_answers()
        return self.findings

    # Invariants 1, 2 and 22: what was acknowledged is somewhere.

    def every_event_is_somewhere(self) -> None:
        for event in self.sent.events:
            where = self._where(event)
            good = self.sent.acknowledged(event)
            if good and where == "nowhere":
                evidence = {"answered": good[0], "record": self._brief(event)}
                self.findings.add(
                    LOST, event["event"], "acknowledged, nowhere", evidence
                )
            elif good:
                self._check_kept(event, good)
            if good:
                self.findings.sums[where] += 1
            elif where != "nowhere":
                self.findings.sums["recovered"] += 1
            self._check_fate(event, where)

    def _check_kept(self, event: Line, good: Rows) -> None:
        """A 2xx means a committed row of exactly these bytes."""
        for answer in good:
            row = self.inbox_by_delivery.get(answer["delivery"])
            if row and row["body_digest"] != event["digest"]:
                text = "the inbox holds other bytes than were sent"
                self.findings.add(WRONG, event["event"], text, dict(row))
            if row is None and not self.inbox_by_body[event["digest"]]:
                text = "answered with a 2xx, but no inbox row holds the bytes"
                self.findings.add(LOST, event["event"], text, answer)

    def _where(self, event: Line) -> str:
        rows = self._rows_of(event)
        if not rows:
            return "nowhere"
        states = {row["state"] for row in rows}
        if "quarantined" in states:
            return "error queue"
        if "processed" not in states:
            return "pending" if "received" in states else "not wanted"
        return self._where_record(event)

    def _rows_of(self, event: Line) -> Rows:
        deliveries = {x["delivery"] for x in self.sent.tries.get(event["event"], ())}
        named = [self.inbox_by_delivery.get(delivery) for delivery in deliveries]
        found = [row for row in named if row]
        return found or self.inbox_by_body.get(event["digest"], [])

    def _where_record(self, event: Line) -> str:
        """Say where an event is that the inbox has dealt with."""
        key = (event["entity"], event["source_id"])
        record, known = self.records.get(key), self.known.get(key)
        if record is None:
            return "nowhere"
        if known is None:
            text = "the ledger holds a source that was never sent"
            self.findings.add(WRONG, event["event"], text, self._brief(event))
            return BY_STATE[record["state"]]
        if known > event["version"]:
            return "superseded"
        if known < event["version"]:
            is_sent = record["mode"] == "create" and record["delivered_version"] > 0
            return "set aside" if is_sent else "nowhere"
        return BY_STATE[record["state"]]

    def _version_in(self, key: Key, record: Line) -> int | None:
        """Return the version that the ledger line holds, by its own words."""
        source = str(record["source"] or "")
        for number, version in sorted(self.versions.get(key, {}).items(), reverse=True):
            note = str(version.expect.get("note", ""))
            if note and f'"{note}"' in source:
                return number
        return None

    def _brief(self, event: Line) -> Line:
        key = (event["entity"], event["source_id"])
        record = self.records.get(key)
        shown = {k: v for k, v in (record or {}).items() if k != "source"}
        rows = [(x["state"], x["reason"]) for x in self._rows_of(event)]
        return {"inbox": rows, "record": shown, "known version": self.known.get(key)}

    def _check_fate(self, event: Line, where: str) -> None:
        """An event that no right mapping delivers must not be delivered."""
        wrong = {
            "error": ("delivered", "set aside"),
            "exclude": ("delivered", "error queue"),
            "quarantine": ("delivered", "not wanted", "set aside"),
            "unwanted": ("delivered", "error queue"),
            "deliver": ("set aside",) if event["version"] == 1 else (),
        }[event["fate"]]
        if where in wrong:
            text = f"should end as {event['fate']}, stands as {where}"
            self.findings.add(WRONG, event["event"], text, self._brief(event))
        if where == "error queue" and event["fate"] == "deliver":
            self.findings.figures["sound but in the error queue"] += 1

    # Invariants 3 and 4: one target for one source, none without.

    def _effects_by_external_id(self) -> Mapping[str, Rows]:
        found: dict[str, Rows] = defaultdict(list)
        for effect in self.target.written(*TARGETS.values()):
            found[effect["external_id"]].append(effect)
        return found

    def nothing_is_doubled(self) -> None:
        things: dict[tuple[str, str], set[str]] = defaultdict(set)
        for effect in self.target.written(*TARGETS.values()):
            things[effect["record"], natural_key(effect)].add(effect["id"])
            if effect["record"] == "salesOrder" and effect["verb"] == "updated":
                text = "an order is created once and was written again"
                self.findings.add(DUPLICATED, effect["external_id"], text, effect)
        for (record, key), ids in things.items():
            if len(ids) > 1:
                evidence = {"ids": sorted(ids), "record": record}
                text = f"{len(ids)} records at the target for one source"
                self.findings.add(DUPLICATED, key, text, evidence)

    def nothing_is_invented(self) -> None:
        wanted = {
            self.expected.external_id(entity, source_id)
            for (entity, source_id), versions in self.versions.items()
            if any(one.fate == "deliver" for one in versions.values())
        }
        for external_id, effects in self.effects.items():
            if external_id not in wanted:
                text = "a record at the target that no source asked for"
                name = external_id or f"(none) {natural_key(effects[0])}"
                self.findings.add(UNEXPECTED, name, text, effects[0])

    # Invariants 5 and 6: right words, and the newest.

    def the_target_says_what_the_source_said(self) -> None:
        for key, versions in self.versions.items():
            external_id = self.expected.external_id(*key)
            history = [
                self.expected.matching(versions, effect["content"])
                for effect in self.effects.get(external_id, ())
            ]
            self._check_words(key, versions, external_id, history)
            self._check_end(key, external_id, history)

    def _check_words(
        self,
        key: Key,
        versions: Mapping[int, Version],
        external_id: str,
        history: Sequence[Version | None],
    ) -> None:
        for effect, version in zip(
            self.effects.get(external_id, ()), history, strict=True
        ):
            if version is None:
                newest = versions[max(versions)]
                found = self.expected.differences(newest, effect["content"])
                text = "what was written is what no version says"
                self.findings.add(WRONG, external_id, text, {"differs": found})

    def _check_end(
        self, key: Key, external_id: str, history: Sequence[Version | None]
    ) -> None:
        record = self.records.get(key)
        numbers = [version.version for version in history if version]
        steps = zip(numbers, numbers[1:], strict=False)
        self.findings.figures["older over newer, in passing"] += sum(
            later < earlier for earlier, later in steps
        )
        if numbers and numbers[-1] < max(numbers):
            text = f"version {numbers[-1]} stands over version {max(numbers)}"
            self.findings.add(STALE, external_id, text, {"written": numbers})
        elif record and record["state"] == "delivered":
            self._check_delivered(key, record, external_id, numbers)

    def _check_delivered(
        self, key: Key, record: Line, external_id: str, numbers: Sequence[int]
    ) -> None:
        known = self.known[key]
        shown = {k: v for k, v in record.items() if k != "source"}
        evidence = {"record": shown, "written": list(numbers)}
        if not self.effects.get(external_id):
            text = "delivered by its own word, and the target has nothing"
            self.findings.add(LOST, external_id, text, evidence)
        elif known and numbers and numbers[-1] < known and record["mode"] == "upsert":
            text = f"version {known} is called delivered, {numbers[-1]} stands"
            self.findings.add(WRONG, external_id, text, evidence)

    # Invariant 9: ids are a pure function of the source.

    def external_ids_are_pure(self) -> None:
        sources = {row["id"]: row for row in self.queue.records}
        for attempt in self.queue.attempts:
            given = attempt["external_id"]
            record = sources.get(attempt["record_id"])
            if not given or record is None or record["entity"] not in TARGETS:
                continue
            wanted = self.expected.external_id(record["entity"], record["source_key"])
            if given != wanted or not LEGAL.fullmatch(given):
                text = f"the external id should be {wanted}"
                self.findings.add(UNNAMED, given, text, dict(attempt))

    def count_answers(self) -> None:
        """Sum up how the shop was answered, and what the target was asked."""
        sums, figures = self.findings.sums, self.findings.figures
        for event in self.sent.events:
            good = self.sent.acknowledged(event)
            sums["events"] += 1
            if not good:
                sums["never acknowledged"] += 1
            elif any(answer["attempt"] == 1 for answer in good):
                sums["acknowledged first time"] += 1
            else:
                sums["acknowledged after resend"] += 1
        figures["orders at the target"] = len(self.target.written("salesOrder"))
        figures["requests over the allowance"] = self.target.over
        figures["answers lost"] = sum(1 for x in self.target.requests if x["lost"])


def natural_key(effect: Line) -> str:
    """Return what makes a target record the one it is, whatever its ids."""
    content = effect["content"]
    name = "otherRefNum" if effect["record"] == "salesOrder" else "email"
    return str(content.get(name) or effect["external_id"] or effect["id"])


def audit(folder: Path, dsn: str) -> Findings:
    """Audit the run whose ledgers stand in `folder` and whose queue is at `dsn`."""
    sent = Sent.read(folder / "sent.jsonl")
    target = Journal.read(folder / "journals" / "netsuite.jsonl")
    return Audit(sent, target, Queue.read(dsn)).run()


def search_secrets(
    findings: Findings, dsn: str, logs: Sequence[Path], secrets: Mapping[str, str]
) -> None:
    """Invariant 18: no secret stands in the clear in any table or log."""
    texts = {path: path.read_text(errors="replace") for path in logs}
    for name, secret in secrets.items():
        canary = longest_line(secret)
        places: list[Any] = list(tables_with(dsn, canary))
        places += [str(path) for path, text in texts.items() if canary in text]
        for place in places:
            findings.add(SECRET, name, f"stands in {place}", {})
    findings.figures["secrets searched"] = len(secrets)


def longest_line(secret: str) -> str:
    """Return one line of a key in PEM: line breaks may be written in other ways."""
    lines = secret.strip().splitlines()
    return max(lines[1:-1] or lines, key=len)


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.crash.auditor")
    parser.add_argument("folder", type=Path)
    parser.add_argument("dsn")
    options = parser.parse_args()
    findings = audit(options.folder, options.dsn)
    print(findings.text())
    raise SystemExit(not findings.is_clean)


if __name__ == "__main__":
    main()
