"""Plays the shop: signs webhooks, resends what was not acknowledged, keeps its ledger.

Run as a process of its own; knows nothing of the product but two addresses and the
secret that both sides share.
"""

import argparse
import base64
import hashlib
import hmac
import http.client
import itertools
import os
import queue
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from tests.crash.events import ORDERS, Event, Stream
from tests.crash.ledger import AnswerLine, EventLine, Ledger

SHOP = "northwind-outdoor.myshopify.com"
# Shopify gives 5 s and 8 tries over 4 hours; the fast profile has them in a minute.
TIMEOUT_SECONDS = 5
RESENDS = (0.5, 1, 2, 4, 8, 12, 16)
THREADS = 12


@dataclass(frozen=True)
class Delivery:
    """One delivery of an event on its way; due at a moment of the monotonic clock."""

    event: Event
    delivery: str
    oddity: str
    attempt: int = 1


class Sender:
    """Sends deliveries when they are due, from a few threads."""

    def __init__(
        self, hooks: Sequence[str], secret: str, ledger: Ledger, seed: int
    ) -> None:
        self.hooks = [urlsplit(hook) for hook in hooks]
        self.secret = secret.encode()
        self.ledger = ledger
        self.turns = itertools.count(seed)
        self.order = itertools.count()
        self.due: queue.PriorityQueue[tuple[float, int, Delivery | None]] = (
            queue.PriorityQueue()
        )
        self.open = 0
        self.lock = threading.Lock()

    def put(self, at: float, delivery: Delivery) -> None:
        with self.lock:
            self.open += 1
        self.due.put((at, next(self.order), delivery))

    def run(self) -> None:
        """Work until a None arrives."""
        while True:
            at, order, delivery = self.due.get()
            if delivery is None:
                return
            wait = at - time.monotonic()
            if wait > 0.1:
                self.due.put((at, order, delivery))
                time.sleep(0.05)
                continue
            time.sleep(max(0.0, wait))
            self._send(delivery)
            with self.lock:
                self.open -= 1

    def _send(self, delivery: Delivery) -> None:
        begun = time.time()
        status = self._post(delivery)
        now = time.time()
        self.ledger.write(
            AnswerLine(
                delivery.event.name,
                delivery.delivery,
                status,
                delivery.attempt,
                delivery.oddity,
                now,
                round(now - begun, 4),
            )
        )
        good = status is not None and 200 <= status < 300
        if not good and delivery.attempt <= len(RESENDS):
            pause = RESENDS[delivery.attempt - 1]
            again = Delivery(
                delivery.event,
                delivery.delivery,
                delivery.oddity,
                delivery.attempt + 1,
            )
            self.put(time.monotonic() + pause, again)

    def _post(self, delivery: Delivery) -> int | None:
        hook = self.hooks[next(self.turns) % len(self.hooks)]
        line = http.client.HTTPConnection(
            hook.hostname or "", hook.port, timeout=TIMEOUT_SECONDS
        )
        try:
            line.request(
                "POST", hook.path, delivery.event.body, self._headers(delivery)
            )
            return line.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            line.close()

    def _headers(self, delivery: Delivery) -> dict[str, str]:
        event = delivery.event
        digest = hmac.new(self.secret, event.body, hashlib.sha256).digest()
        return {
            "Content-Type": "application/json",
            "X-Shopify-Topic": event.topic,
            "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
            "X-Shopify-Shop-Domain": SHOP,
            "X-Shopify-API-Version": "2026-10",
            "X-Shopify-Webhook-Id": delivery.delivery,
            "X-Shopify-Event-Id": f"event-{event.name}",
            "X-Shopify-Triggered-At": event.updated_at,
        }


def deliveries(event: Event, at: float, chance: Random) -> list[tuple[float, Delivery]]:
    """Return when this event is delivered, and how often: oddities included."""

    def new(oddity: str) -> Delivery:
        return Delivery(event, str(uuid.UUID(int=chance.getrandbits(128))), oddity)

    draw = chance.random()
    if draw < 0.06:
        same = new("duplicate")
        return [(at, same), (at, same), (at + chance.uniform(0, 1), same)]
    if draw < 0.10:
        return [(at, new("")), (at + chance.uniform(1, 20), new("replay"))]
    if draw < 0.22:
        return [(at + chance.uniform(0.2, 5), new("late"))]
    return [(at, new(""))]


def moments(count: int, seconds: float, chance: Random) -> list[float]:
    """Spread events over the run; a tenth of them come in floods."""
    spread = sorted(chance.uniform(0, seconds) for _ in range(count))
    flood = max(1, count // 30)
    for begin in sorted(
        chance.sample(range(max(1, count - flood)), 3 if count > 60 else 1)
    ):
        first = spread[begin]
        spread[begin : begin + flood] = [first] * len(spread[begin : begin + flood])
    return sorted(spread)


def play(sender: Sender, seed: int, count: int, seconds: float, orders: float) -> None:
    """Place all events in their time and wait until none is on its way."""
    chance = Random(f"{seed} shop")
    begin = time.monotonic()
    for event, moment in zip(
        Stream(seed, count, orders), moments(count, seconds, chance), strict=True
    ):
        time.sleep(max(0.0, begin + moment - time.monotonic()))
        sender.ledger.write(line_of(event))
        for at, delivery in deliveries(event, begin + moment, chance):
            sender.put(at, delivery)
    while sender.open:
        time.sleep(0.1)


def line_of(event: Event) -> EventLine:
    return EventLine(
        event.name,
        event.topic,
        event.entity,
        event.source_id,
        event.version,
        event.updated_at,
        event.fate,
        event.expect,
        event.carries,
        hashlib.sha256(event.body).hexdigest(),
        time.time(),
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.crash.shop")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--orders", type=float, default=ORDERS)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--hook", action="append", required=True)
    options = parser.parse_args()
    ledger = Ledger(options.ledger)
    secret = os.environ["DEMO_SHOPIFY_CLIENT_SECRET"]
    sender = Sender(options.hook, secret, ledger, options.seed)
    threads = [threading.Thread(target=sender.run, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    play(sender, options.seed, options.events, options.seconds, options.orders)
    ledger.close()


if __name__ == "__main__":
    main()
