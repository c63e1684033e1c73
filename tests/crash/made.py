"""Hand-made ledgers: one customer and one order that went well, to be spoiled."""

import copy
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from tests.crash.auditor import NAMESPACE, Audit
from tests.crash.findings import Findings
from tests.crash.sources import Journal, Line, Queue, Sent

NOW = 1_000_000.0
MOMENT = "2026-01-05T00:00:{:02}+00:00"
PERSON, ORDER = "7000000001", "5000000007"
ORDER_EXPECT = {
    "name": "#10007",
    "note": f"order {ORDER} version 1",
    "email": "ada@example.com",
    "customer": PERSON,
    "lines": [{"sku": "TENT-2P", "quantity": 2, "amount": "498.00"}],
    "shipping": "4.90",
    "tax": "34.86",
    "total": "537.76",
}


def person_expect(version: int) -> Line:
    return {
        "first_name": "Ada",
        "last_name": "Person",
        "email": "ada@example.com",
        "note": f"customer {PERSON} version {version}",
    }


def external_id(entity: str, key: str) -> str:
    return f"{NAMESPACE}-{entity}-{key}"


@dataclass
class Made:
    """Three ledgers in a small world where all went well; change what you like."""

    events: list[Line] = field(default_factory=list)
    answers: list[Line] = field(default_factory=list)
    requests: list[Line] = field(default_factory=list)
    effects: list[Line] = field(default_factory=list)
    queue: Queue = field(default_factory=lambda: Queue(at=NOW))

    def audit(self) -> Findings:
        sent = Sent(self.events, self.answers)
        return Audit(sent, Journal(self.requests, self.effects), self.queue).run()

    def send(
        self,
        event: str,
        entity: str,
        key: str,
        version: int,
        expect: Line,
        *,
        fate: str = "deliver",
        status: int | None = 202,
    ) -> Line:
        """Place an event, answered once and kept in the inbox when that was a 2xx."""
        digest = hashlib.sha256(event.encode()).hexdigest()
        line = {
            **{"event": event, "topic": f"{entity}s/create", "entity": entity},
            **{"source_id": key, "version": version, "fate": fate, "expect": expect},
            **{"updated_at": MOMENT.format(version), "carries": {}, "digest": digest},
        }
        answer = {"event": event, "delivery": f"d-{event}", "status": status}
        self.events.append(line)
        self.answers.append({**answer, "attempt": 1, "oddity": ""})
        if status == 202:
            self.keep(event, digest)
        return line

    def keep(self, event: str, digest: str, state: str = "processed") -> Line:
        row = {
            **{"id": len(self.queue.inbox) + 1, "delivery_id": f"d-{event}"},
            **{"topic": "", "digest": digest, "body_digest": digest, "tries": 1},
            **{"state": state, "reason": "", "received_at": NOW - 100},
        }
        self.queue.inbox.append(row)
        return row

    def record(
        self, entity: str, key: str, expect: Line, state: str = "delivered"
    ) -> Line:
        """Enter a ledger line with one delivered try and its audit rows."""
        number = len(self.queue.records) + 1
        line = {
            **{"id": number, "flow": f"shopify-{entity}s", "entity": entity},
            **{"mode": "create" if entity == "order" else "upsert", "version": 1},
            **{"source_key": key, "source": json.dumps(expect), "state": state},
            **{"token": 1, "crashes": 0, "tries": 0, "hold": "", "hold_reason": ""},
            **{"hold_until": None, "held_on_id": None, "target_id": "1"},
            **{"external_id": external_id(entity, key), "exclusion": ""},
            **{"delivered_version": 1, "lease_until": None, "due_at": NOW - 100},
        }
        self.queue.records.append(line)
        self.attempt(number, 1, external_id(entity, key))
        self.change(number, "waiting", "running", 1)
        self.change(number, "running", state, 1)
        return line

    def attempt(self, record: int, token: int, given: str, **changes: Any) -> Line:
        tries = sum(x["record_id"] == record for x in self.queue.attempts)
        row = {
            **{"id": len(self.queue.attempts) + 1, "record_id": record},
            **{"number": tries + 1, "token": token, "version": 1, "kind": ""},
            **{"external_id": given, "digest": f"digest of {record}"},
            **{"outcome": "delivered", "message": "written", "started_at": NOW - 60},
            **{"mapping_id": 1},
            **changes,
        }
        self.queue.attempts.append(row)
        return row

    def change(self, record: int, before: str, after: str, token: int) -> Line:
        row = {
            **{"id": len(self.queue.audits) + 1, "subject": "record", "version": 1},
            **{"subject_id": record, "verb": after, "before": before},
            **{"after": after, "token": token, "at": NOW - 50},
        }
        self.queue.audits.append(row)
        return row

    def effect(
        self, record: str, key: str, given: str, content: Line, verb: str = "created"
    ) -> Line:
        line = {
            **{"kind": "effect", "number": len(self.effects), "record": record},
            **{"id": key, "external_id": given, "verb": verb, "at": NOW - 55},
            "content": {"externalId": given, **content},
        }
        self.effects.append(line)
        return line


def person_content(version: int) -> Line:
    said = person_expect(version)
    return {
        "firstName": said["first_name"],
        "lastName": said["last_name"],
        "email": said["email"],
        "comments": said["note"],
    }


def order_content() -> Line:
    return copy.deepcopy(
        {
            "otherRefNum": "#10007",
            "memo": ORDER_EXPECT["note"],
            "email": "ada@example.com",
            "entity": {"id": "101"},
            "shippingCost": "4.9",
            "total": "537.76",
            "item": {
                "items": [
                    {"item": {"id": "201"}, "quantity": "2", "amount": "498.00"},
                    {"item": {"id": "202"}, "quantity": "1", "amount": "34.86"},
                ]
            },
        }
    )


def good_world() -> Made:
    """One customer in two versions, one order; all is well."""
    made = Made()
    first = {"id": 1, "document_id": 1, "number": 1, "published_at": NOW - 900}
    made.queue.versions.append(first)
    for number, sku in (("201", "TENT-2P"), ("202", "Sales tax")):
        made.effect("inventoryItem", number, "", {"itemId": sku}, "standing")
    made.send("c1", "customer", PERSON, 1, person_expect(1))
    made.send("c2", "customer", PERSON, 2, person_expect(2))
    made.send("o1", "order", ORDER, 1, ORDER_EXPECT)
    made.record("customer", PERSON, person_expect(2))
    made.record("order", ORDER, ORDER_EXPECT)
    person = external_id("customer", PERSON)
    made.effect("customer", "101", person, person_content(1))
    made.effect("customer", "101", person, person_content(2), "updated")
    made.effect("salesOrder", "1001", external_id("order", ORDER), order_content())
    return made
