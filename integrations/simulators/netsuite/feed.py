"""The change feed: what the console's own scripts in the account push to it.

A user event script reports each save at once and keeps what could not be sent; a
scheduled script sends that again. The contract stands in docs/netsuite-script.md.
"""

import hashlib
import hmac
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import requests

from integrations.simulators.netsuite import exactjson
from integrations.simulators.netsuite.store import Record, Store
from integrations.simulators.netsuite.switches import Switches

MOST_EVENTS = 200
SECONDS_TO_ANSWER = (1.0, 5.0)
# An account runs a schedule every 15 minutes at best; a demo has no such patience.
SECONDS_BETWEEN_LOOKS, SECONDS_BETWEEN_RUNS = 0.2, 5.0
USER_EVENT, SCHEDULED = "user_event", "scheduled"
Post = Callable[[str, bytes, dict[str, str]], int]
Event = dict[str, str]


def post_over_http(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send one push; a redirect is an answer like any other."""
    with requests.post(
        url,
        data=body,
        headers=headers,
        timeout=SECONDS_TO_ANSWER,
        allow_redirects=False,
        stream=True,
    ) as response:
        return response.status_code


def sign(secret: str, stamp: str, body: bytes) -> str:
    """Return the signature over time and body, as N/crypto computes it."""
    text = stamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


@dataclass
class Push:
    """One request to the console and what came of it."""

    id: str
    source: str
    body: bytes
    headers: dict[str, str]
    answer: int | str = ""


@dataclass
class ChangeFeed:
    """Reports changes of items and stock; silent until it has a `url`.

    `pending` was not tried yet, `kept` could not be sent. `lose`, `double` and
    `forge` count how many of the next events never leave, leave twice under one id,
    or leave with a wrong signature; `swap` lets the event after overtake.
    """

    store: Store
    switches: Switches
    post: Post = post_over_http
    url: str = ""
    secret: str = ""
    lose: int = 0
    double: int = 0
    forge: int = 0
    swap: int = 0
    pending: list[Event] = field(default_factory=list)
    kept: list[Event] = field(default_factory=list)
    pushes: list[Push] = field(default_factory=list)
    _held: list[Event] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _running: threading.Thread | None = None

    def note(self, record: Record, change: str, location: str = "") -> None:
        """Take up a save, as a user event script would; callers hold the store."""
        if not self.url or record.kind.family != "item":
            return
        event = {
            "id": str(uuid4()),
            "record": record.type,
            "record_id": record.id,
            "sku": str(record.values.get("itemId", "")),
            "change": change,
            "at": _written(self.switches.now()),
        }
        if location:
            event["location"] = location
        with self._lock:
            self._take_up(event)

    def _take_up(self, event: Event) -> None:
        if self.lose:
            self.lose -= 1
        elif self.swap:
            self.swap -= 1
            self._held.append(event)
        else:
            times = 2 if self.double else 1
            self.double -= times - 1
            self.pending += [event] * times + self._held
            self._held = []

    def deliver(self) -> int:
        """Let the user event script push what was saved; return how many landed."""
        return sum(self._push([event], USER_EVENT) for event in self._taken("pending"))

    def run_schedule(self) -> int:
        """Let the scheduled script send what was kept; return how many landed."""
        events = self._taken("kept")
        batches = range(0, len(events), MOST_EVENTS)
        return sum(
            self._push(events[start : start + MOST_EVENTS], SCHEDULED)
            for start in batches
        )

    def start(self) -> None:
        """Deliver and run the schedule from a thread of its own, for good."""
        if self._running is None:
            self._running = threading.Thread(
                target=self._work, name="feed", daemon=True
            )
            self._running.start()

    def state(self) -> dict[str, Any]:
        """Return what a test may know of the feed."""
        with self._lock:
            pushes = [
                {
                    "id": push.id,
                    "source": push.source,
                    "answer": push.answer,
                    "events": exactjson.loads(push.body)["events"],
                }
                for push in self.pushes
            ]
            waiting = {"pending": len(self.pending), "kept": len(self.kept)}
            return {"url": self.url, **waiting, "pushes": pushes}

    def _taken(self, name: str) -> list[Event]:
        with self._lock:
            events: list[Event] = getattr(self, name)
            setattr(self, name, [])
            return events

    def _push(self, events: list[Event], source: str) -> int:
        push = self._written(events, source)
        try:
            push.answer = self.post(self.url, push.body, push.headers)
        except Exception as error:  # any fault of the receiver is a push that failed
            push.answer = type(error).__name__
        landed = isinstance(push.answer, int) and 200 <= push.answer < 300
        with self._lock:
            self.pushes.append(push)
            if not landed:
                self.kept += events
        return len(events) if landed else 0

    def _written(self, events: list[Event], source: str) -> Push:
        now = self.switches.now()
        body = exactjson.dumps(
            {
                "version": 1,
                "account": self.switches.realm,
                "source": source,
                "sent_at": _written(now),
                "events": events,
            }
        )
        stamp, key = str(int(now.timestamp())), str(uuid4())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "NetSuite/2026.1 (SuiteScript)",
            "X-Waybill-Delivery": key,
            "X-Waybill-Timestamp": stamp,
            "X-Waybill-Signature": sign(self._secret(), stamp, body),
        }
        return Push(key, source, body, headers)

    def _secret(self) -> str:
        with self._lock:
            forged = self.forge > 0
            self.forge -= forged
        return f"not {self.secret}" if forged else self.secret

    def _work(self) -> None:
        due = time.monotonic() + SECONDS_BETWEEN_RUNS
        while True:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            self.deliver()
            if time.monotonic() >= due:
                self.run_schedule()
                due = time.monotonic() + SECONDS_BETWEEN_RUNS


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
