"""How the product behaved on the way: intents, tokens, audit rows, limits, holds.

Each check takes the queue's rows and the target's journal and adds what it finds.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping

from tests.crash.expectations import TARGETS, Target
from tests.crash.findings import (
    BROKEN_CHAIN,
    DUPLICATED,
    LEFT_OPEN,
    NO_DEADLINE,
    NO_INTENT,
    NO_LINE,
    OLD_MAPPING,
    OLD_TOKEN,
    OVER_LIMIT,
    STUCK,
    UNAUDITED,
    UNCOUNTED,
    Findings,
)
from tests.crash.sources import Journal, Line, Queue, Rows

# Clocks of one machine; what is written first carries an earlier time.
SKEW_SECONDS = 0.05
# What was published is in force so soon, also in a try that begins with a wait.
MAPPING_SECONDS = 4
MOST_CRASHES = 3
MOST_TRIES = 10
MOST_READINGS = 3
# How long what is due may lie there once nothing disturbs any more.
PATIENCE_SECONDS = 20
# Holds and their ends are audited for many records at once.
SETTLED = ("delivered", "failed", "excluded")

Check = Callable[[Queue, Journal, Target, Findings], None]


def intents(queue: Queue, target: Journal, expected: Target, found: Findings) -> None:
    """Invariant 7: each write was committed as an intent before it left."""
    first: dict[str, float] = {}
    digests: dict[str, set[str]] = defaultdict(set)
    for attempt in queue.attempts:
        key = attempt["external_id"]
        first[key] = min(attempt["started_at"], first.get(key, attempt["started_at"]))
        digests[key].add(attempt["digest"])
    for effect in target.written(*TARGETS.values()):
        key = effect["external_id"]
        if key not in first or first[key] > effect["at"] + SKEW_SECONDS:
            text = "written before any intent was committed"
            found.add(
                NO_INTENT, key, text, {"at": effect["at"], "intent": first.get(key)}
            )
        elif not any(digests[key]):
            found.add(NO_INTENT, key, "the intent names no digest", {})


def attempts_match_writes(
    queue: Queue, target: Journal, expected: Target, found: Findings
) -> None:
    """Invariant 7 by number: no more writes than intents for one external id."""
    intents: dict[str, int] = defaultdict(int)
    for attempt in queue.attempts:
        intents[attempt["external_id"]] += 1
    writes: dict[str, int] = defaultdict(int)
    for effect in target.written("salesOrder"):
        writes[effect["external_id"]] += 1
    for key, count in writes.items():
        if count > max(1, intents[key]):
            text = f"{count} writes, {intents[key]} intents"
            found.add(NO_INTENT, key, text, {})


def tokens(queue: Queue, target: Journal, expected: Target, found: Findings) -> None:
    """Invariant 8: tokens only grow, and only the latest one writes."""
    for record in queue.records:
        rows = queue.attempts_of.get(record["id"], [])
        _only_grow(record, rows, "number", "tries", found)
        entries = queue.audits_of.get(("record", record["id"]), [])
        held = [entry for entry in entries if entry["token"]]
        _only_grow(record, held, "id", "audit rows", found)
        last = max((row["token"] for row in rows), default=0)
        if last > record["token"]:
            text = f"the line has token {record['token']}, a try had {last}"
            found.add(OLD_TOKEN, _name(record), text, {})


def _only_grow(
    record: Line, rows: Rows, order: str, what: str, found: Findings
) -> None:
    ordered = sorted(rows, key=lambda row: row[order])
    for earlier, later in zip(ordered, ordered[1:], strict=False):
        if later["token"] < earlier["token"]:
            text = f"{what}: token {later['token']} after {earlier['token']}"
            found.add(OLD_TOKEN, _name(record), text, dict(later))


def audit_rows(
    queue: Queue, target: Journal, expected: Target, found: Findings
) -> None:
    """Invariant 17: the last audit row of each line names the state it stands in."""
    if queue.records and not queue.audits:
        found.add(UNAUDITED, "all", "there is not one audit row", {})
        return
    for record in queue.records:
        entries = queue.audits_of.get(("record", record["id"]), [])
        states = [entry["after"] for entry in entries if entry["after"]]
        if record["state"] in SETTLED and record["state"] not in states[-1:]:
            text = f"stands as {record['state']}, audited as {states[-1:] or 'nothing'}"
            found.add(UNAUDITED, _name(record), text, {"states": states[-8:]})
    _deliveries_audited(queue, found)


def _deliveries_audited(queue: Queue, found: Findings) -> None:
    """Each delivered try stands in the trail with its token, unless it came too late."""
    for record in queue.records:
        entries = queue.audits_of.get(("record", record["id"]), [])
        audited = {entry["token"] for entry in entries}
        for one in queue.attempts_of.get(record["id"], []):
            is_last = one["token"] == record["token"]
            if (
                one["outcome"] == "delivered"
                and is_last
                and one["token"] not in audited
            ):
                text = f"delivered with token {one['token']}, and no audit row says so"
                found.add(UNAUDITED, _name(record), text, dict(one))


def repeats(queue: Queue, target: Journal, expected: Target, found: Findings) -> None:
    """Invariant 24: what was delivered and settled is not delivered once more.

    Unless a try between has an outcome that nobody knows: then it is repeated.
    """
    for record in queue.records:
        entries = queue.audits_of.get(("record", record["id"]), [])
        settled = {x["token"] for x in entries if x["after"] == "delivered"}
        tries = queue.attempts_of.get(record["id"], [])
        if record["entity"] not in TARGETS or any(is_unknown(one) for one in tries):
            continue
        delivered = [
            one
            for one in tries
            if one["outcome"] == "delivered" and one["token"] in settled
        ]
        for earlier, later in zip(delivered, delivered[1:], strict=False):
            if earlier["digest"] == later["digest"]:
                text = "the same content was delivered and settled twice"
                evidence = {"tries": [earlier, later]}
                found.add(DUPLICATED, _name(record), text, evidence)


def is_unknown(attempt: Line) -> bool:
    """Say whether nobody knew, at least for a while, what a try did."""
    is_open = attempt["outcome"] in ("open", "unknown")
    return is_open or "settled by a later" in attempt["message"]


def mappings(queue: Queue, target: Journal, expected: Target, found: Findings) -> None:
    """F66: each try uses the mapping that was in force, give or take a moment."""
    versions = {version["id"]: version for version in queue.versions}
    published = [x for x in queue.versions if x["published_at"] is not None]
    for attempt in queue.attempts:
        used = versions.get(attempt["mapping_id"])
        for newer in published if used else []:
            is_newer = newer["number"] > used["number"]
            since = attempt["started_at"] - newer["published_at"]
            if (
                newer["document_id"] == used["document_id"]
                and is_newer
                and since > MAPPING_SECONDS
            ):
                text = f"used version {used['number']}, {newer['number']} was in force"
                found.add(OLD_MAPPING, f"try {attempt['id']}", text, {"since": since})


def chain(queue: Queue, target: Journal, expected: Target, found: Findings) -> None:
    """Invariant 17: each seal follows the one before it and holds what it counts."""
    previous = ""
    for seal in queue.seals:
        if seal["previous"] != previous:
            text = "does not follow the seal before it"
            found.add(BROKEN_CHAIN, f"seal {seal['id']}", text, dict(seal))
        if seal["entries"] != seal["held"]:
            text = f"counts {seal['entries']} entries, {seal['held']} are there"
            found.add(BROKEN_CHAIN, f"seal {seal['id']}", text, {})
        previous = seal["digest"]


def limits(queue: Queue, target: Journal, expected: Target, found: Findings) -> None:
    """Invariant 11: nothing is tried more often than its limit."""
    for record in queue.records:
        if record["tries"] > MOST_TRIES:
            found.add(OVER_LIMIT, _name(record), f"{record['tries']} tries", {})
        if record["crashes"] > MOST_CRASHES + 1:
            found.add(OVER_LIMIT, _name(record), f"{record['crashes']} crashes", {})
        if record["state"] == "running" and not record["crashes"]:
            text = "is worked on, and its crash count says nothing"
            found.add(UNCOUNTED, _name(record), text, {"token": record["token"]})
    for event in queue.inbox:
        if event["tries"] > MOST_READINGS + 1:
            text = f"read {event['tries']} times"
            found.add(OVER_LIMIT, event["delivery_id"], text, {})


def holds(queue: Queue, target: Journal, expected: Target, found: Findings) -> None:
    """Invariant 1: a hold names its reason; one for a record ends some day."""
    for record in queue.records:
        if record["state"] != "held":
            continue
        if not record["hold_reason"]:
            found.add(NO_DEADLINE, _name(record), "held for no reason", {})
        if record["hold"] == "record" and record["hold_until"] is None:
            text = f"held without an end: {record['hold_reason']}"
            found.add(NO_DEADLINE, _name(record), text, {})


def lines(queue: Queue, target: Journal, expected: Target, found: Findings) -> None:
    """Invariants 1 and 12: failed means a line in the error queue, and back."""
    states = {("syncrecord", str(x["id"])): x["state"] for x in queue.records}
    states |= {("inboxevent", str(x["id"])): x["state"] for x in queue.inbox}
    for key, state in states.items():
        is_open = key in queue.open_failures
        if state in ("failed", "quarantined") and not is_open:
            found.add(NO_LINE, " ".join(key), f"{state} without an open line", {})
        if state in ("delivered", "processed", "excluded") and is_open:
            evidence = dict(queue.open_failures[key])
            found.add(
                LEFT_OPEN, " ".join(key), f"{state}, and the line is open", evidence
            )


def stuck(queue: Queue, target: Journal, expected: Target, found: Findings) -> None:
    """Invariant 23: once all is quiet, what is due is worked on."""
    states = {record["id"]: record["state"] for record in queue.records}
    for record in queue.records:
        text = _why_stuck(record, states, queue.at or time.time())
        if text:
            shown = {k: v for k, v in record.items() if k != "source"}
            found.add(STUCK, _name(record), text, shown)
    for event in queue.inbox:
        late = (queue.at or time.time()) - event["received_at"]
        if event["state"] == "received" and late > PATIENCE_SECONDS:
            found.add(STUCK, event["delivery_id"], "never read", dict(event))


def _why_stuck(record: Line, states: Mapping[int, str], now: float) -> str:
    state, over = record["state"], now - record["due_at"]
    if state == "waiting" and over > PATIENCE_SECONDS:
        return f"due for {over:.0f} s"
    ended = record["lease_until"]
    if state == "running" and (ended is None or now - ended > PATIENCE_SECONDS):
        return "its lease has ended and nobody took it over"
    if state == "held" and record["hold"] == "connection":
        return f"still held: {record['hold_reason']}"
    if state == "held" and states.get(record["held_on_id"]) == "delivered":
        return "waits for a record that was delivered"
    return ""


def count(queue: Queue, target: Journal, expected: Target, found: Findings) -> None:
    """Figures without a verdict: unknown outcomes and how they were settled."""
    sent = [x for x in queue.attempts if x["external_id"]]
    unknown = [x for x in sent if is_unknown(x)]
    adopted = [x for x in sent if x["message"].startswith("found there already")]
    found.figures["tries"] = len(queue.attempts)
    found.figures["unknown outcomes"] = len(unknown)
    found.figures["settled by look-up"] = len(adopted)
    found.figures["settled by repeat"] = max(0, len(unknown) - len(adopted))
    found.figures["audit rows"] = len(queue.audits)


def _name(record: Line) -> str:
    return f"{record['entity']} {record['source_key']} (record {record['id']})"


CHECKS: tuple[Check, ...] = (
    intents,
    attempts_match_writes,
    tokens,
    audit_rows,
    repeats,
    mappings,
    chain,
    limits,
    holds,
    lines,
    stuck,
    count,
)
