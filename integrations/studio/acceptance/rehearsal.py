"""One run from the inside: deliveries come in, workers work, the target is read back.

Runs in a process and a ledger of its own. Everything between the door and the target
is the product's own code: inbox, ledger, mapping, look-ups, connector, retries.
"""

import base64
import hashlib
import hmac
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from errorqueue.models import FailedRecord
from integrations.connectors.base import Connector, Exchange
from integrations.connectors.shopify.sources import TOPICS
from integrations.inbox import services as inbox
from integrations.models import (
    Attempt,
    Flow,
    InboxEvent,
    SyncRecord,
    ring_connection,
    ring_inbox,
)
from integrations.models.account import keyless_of
from integrations.studio.acceptance.child import die_with_parent
from integrations.studio.acceptance.faults import Landed, Line
from integrations.sync.outbound import connector_for
from integrations.sync.sweeper import sweep

# What workers do for deliveries; alerts, chores and polls have no place in a test.
WORK = ("drain_inbox", "drain_connection", "probe_connection")
SECONDS = 50.0
PAUSE = 0.1
LEASE = 4
PROBES = [1.0, 1.0, 2.0]
MOST_EXCHANGES = 80

State = SyncRecord.State
Tell = Callable[..., None]


class NotAtRest(Exception):
    """The work did not come to an end in the time there is."""


@dataclass
class Rehearsal:
    """The scene of one run; `tell` passes what happens on to whoever watches."""

    flow: Flow
    line: Line
    tell: Tell
    secret: str
    folder: Path
    ends_at: float = field(default_factory=lambda: time.monotonic() + SECONDS)
    sent: int = 0
    exchanges: list[dict[str, Any]] = field(default_factory=list)
    _seen: set[tuple[Any, ...]] = field(default_factory=set)

    def __post_init__(self) -> None:
        settings.LEASE_SECONDS, settings.PROBE_SECONDS = LEASE, PROBES
        self.line.told = self.step
        self.line.took = self._keep_landed

    def step(self, words: str) -> None:
        """Write one step down, with its time, for people."""
        self.tell("step", words=words)

    # What comes in

    def bring(self, payload: Any, *, delivery: str = "", updated: bool = False) -> str:
        """Let the source tell of a record; return the id of the delivery."""
        self.sent += 1
        name = delivery or f"{self.flow.source.namespace}-{self.sent}"
        if self.flow.source.system == "shopify":
            self._bring_signed(payload, name, updated)
        else:
            source = keyless_of(self.flow.source)
            found = source.source_object(self.flow.source_entity, payload)
            _, said = SyncRecord.objects.remember(self.flow, found)
            ring_connection(self.flow.target_id)
            self.step(f"The record was read from the source: {said.value}.")
        return name

    def _bring_signed(self, payload: Any, name: str, updated: bool) -> None:
        body = json.dumps(payload, ensure_ascii=False).encode()
        digest = hmac.new(self.secret.encode(), body, hashlib.sha256).digest()
        topics = [
            one for one, kind in TOPICS.items() if kind == self.flow.source_entity
        ]
        headers = {
            "X-Shopify-Topic": topics[-1] if updated else topics[0],
            "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
            "X-Shopify-Shop-Domain": self.flow.source.account_id,
            "X-Shopify-Webhook-Id": name,
        }
        inbox.accept(self.flow.source.slug, headers, body)
        ring_inbox()
        what = headers["X-Shopify-Topic"]
        self.step(f"Signed delivery {name} ({what}) came in and was kept.")

    # What workers do

    def work(self) -> None:
        """Work as workers do until nothing is left to do; raises NotAtRest."""
        while True:
            rang = self._answer_bells()
            sweep()
            self._report()
            if not rang and self._is_at_rest():
                return
            if time.monotonic() > self.ends_at:
                raise NotAtRest(f"Nothing came to an end within {SECONDS:g} seconds.")
            if not rang:
                time.sleep(PAUSE)

    def _answer_bells(self) -> bool:
        rows = list(OrmQ.objects.order_by("pk"))
        rang = False
        for row in rows:
            task: dict[str, Any] = SignedPackage.loads(row.payload)
            row.delete()
            if str(task["func"]).rpartition(".")[2] in WORK:
                import_string(task["func"])(*task["args"])
                self._report()
                rang = True
        return rang

    def _is_at_rest(self) -> bool:
        unread = InboxEvent.objects.filter(state=InboxEvent.State.RECEIVED)
        if OrmQ.objects.exists() or unread.exists():
            return False
        busy = SyncRecord.objects.filter(
            state__in=(State.WAITING, State.RUNNING, State.HELD)
        )
        stuck = (State.FAILED, State.EXCLUDED)
        return not busy.exclude(state=State.HELD, held_on__state__in=stuck).exists()

    def work_until_killed(self) -> bool:
        """Let another worker process work; say whether it was killed meanwhile."""
        connections.close_all()
        pid = os.fork()
        if pid == 0:
            try:
                die_with_parent()
                self.work()
            finally:
                os._exit(0)
        _, status = os.waitpid(pid, 0)
        self.line.faults.clear()
        return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL

    def _report(self) -> None:
        """Tell what was not told yet: deliveries read, tries ended, records moved."""
        for event in InboxEvent.objects.exclude(state=InboxEvent.State.RECEIVED):
            self._once(
                ("event", event.pk),
                f"Delivery {event.delivery_id} was read: {event.reason}",
            )
        for attempt in Attempt.objects.exclude(outcome=Attempt.Outcome.OPEN):
            said = f"{attempt.get_outcome_display()}. {attempt.message}".strip()
            self._once(
                ("try", attempt.pk), f"{attempt.record}, try {attempt.number}: {said}"
            )
        for record in SyncRecord.objects.select_related("flow"):
            why = record.hold_reason if record.state == State.HELD else record.exclusion
            told = f"{record}: {record.get_state_display().lower()}"
            self._once(
                ("record", record.pk, record.state, why),
                f"{told} – {why}." if why else f"{told}.",
            )

    def _once(self, key: tuple[Any, ...], words: str) -> None:
        if key not in self._seen:
            self._seen.add(key)
            self.step(words)

    # What came of it

    def record(self, payload: Any) -> SyncRecord | None:
        """Return the ledger's line of a record that was brought."""
        source = keyless_of(self.flow.source)
        key = source.source_object(self.flow.source_entity, payload).key
        lines = SyncRecord.objects.select_related("flow__source", "flow__target")
        return lines.filter(flow=self.flow, source_key=key).first()

    def failure(self, record: SyncRecord) -> FailedRecord | None:
        """Return the open line of the error queue about a record."""
        return FailedRecord.objects.about(record).open().first()

    def target(self) -> Connector:
        """Return a connector that reads back; what it exchanges is kept."""

        def keep(exchange: Exchange) -> None:
            self.exchanges.append({"of": "Read back", **asdict(exchange)})

        return connector_for(self.flow.target, keep)

    def landed(self, record_type: str = "") -> list[Landed]:
        """Return each record that the target took, once, whoever heard its answer."""
        if not self._landed_file.exists():
            return []
        lines = self._landed_file.read_text().splitlines()
        found = dict.fromkeys(Landed(**json.loads(line)) for line in lines)
        return [one for one in found if record_type in ("", one.record_type)]

    @property
    def _landed_file(self) -> Path:
        return self.folder / "landed"

    def _keep_landed(self, landed: Landed) -> None:
        """Write it down where a worker that is killed at once leaves it behind."""
        with self._landed_file.open("a") as file:
            file.write(json.dumps(asdict(landed)) + "\n")

    def all_exchanges(self) -> list[dict[str, Any]]:
        """Return everything that went over the line, redacted."""
        found = [
            {"of": str(attempt), **exchange}
            for attempt in Attempt.objects.select_related("record__flow").order_by("pk")
            for exchange in attempt.exchanges
        ]
        return [*self.line.turned_away, *found, *self.exchanges][:MOST_EXCHANGES]

    def links(self) -> list[dict[str, str]]:
        """Return what is left at the sandbox, each with its address there."""
        target = keyless_of(self.flow.target)
        return [
            {
                "label": f"{one.record_type} {one.target_id}",
                "url": target.record_url(one.record_type, one.target_id),
            }
            for one in self.landed()
            if one.target_id
        ]

    def made(self, payload: Any) -> Any:
        """Return the payload that was sent last for a record, as mapped."""
        record = self.record(payload)
        tries = record.attempts.exclude(payload=None) if record else None
        last = tries.order_by("-number").first() if tries else None
        return last.payload if last else None
