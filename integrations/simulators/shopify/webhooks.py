"""The webhook sender: signs, delivers, retries, gives up, and misbehaves on demand.

Rules of shopify.dev ("Webhooks delivery structure", "Troubleshooting webhooks"):
five seconds, any 2xx, eight retries over four hours with growing pauses, the payload
and address of the first try, at least once and in no order.
"""

import json
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from integrations.simulators.shopify.customers import without_private_data
from integrations.simulators.shopify.deliveries import (
    ANSWER_SECONDS,
    CONNECT_SECONDS,
    Delivery,
    Post,
    headers_of,
    post_over_http,
)
from integrations.simulators.shopify.subscriptions import Subscription

RETRIES = 8
RETRY_WINDOW = 4 * 3600
FIRST_PAUSE = RETRY_WINDOW / (2**RETRIES - 1)
LONGEST_REST = 0.5


class WebhookSender:
    """Delivers events to subscriptions, at once or from background threads.

    `time_scale` 60 makes a minute of waiting a second. `secret_of` gives the
    signing secret of an app, `post` does the HTTP call, `served_version` the
    version that a version pinned long ago falls forward to.
    """

    def __init__(
        self,
        shop: str,
        secret_of: Callable[[str], str],
        now: Callable[[], datetime],
        post: Post | None = None,
        time_scale: float = 1.0,
        served_version: Callable[[str], str] = str,
    ) -> None:
        self.shop = shop
        self.now = now
        self.post = post or post_over_http
        self.time_scale = time_scale
        self.subscriptions: list[Subscription] = []
        # Of the app's own settings: shown to no API, and never removed.
        self.of_settings: list[Subscription] = []
        self.log: list[Delivery] = []
        self._pending: list[Delivery] = []
        self.hides_private_data = False
        self._secret_of = secret_of
        self._served_version = served_version
        self._changed = threading.Condition()
        self._extra_copies: list[int] = []
        self._losses = 0
        self._swaps = 0
        self._kept_back: list[Delivery] = []
        self._threads: list[threading.Thread] = []
        self._running = False
        self._last_id = 1_160_000_000_000

    def subscribe(
        self, topic: str, uri: str, client_id: str, api_version: str, **more: Any
    ) -> Subscription:
        with self._changed:
            made = self._new(topic, uri, client_id, api_version, **more)
            self.subscriptions.append(made)
            return made

    def enter_in_settings(
        self, topics: Iterable[str], uri: str, client_id: str, api_version: str
    ) -> None:
        """Have an app's own settings name an address for topics; "" takes them out."""
        with self._changed:
            others = [x for x in self.of_settings if x.client_id != client_id]
            named = topics if uri else ()
            mine = [self._new(topic, uri, client_id, api_version) for topic in named]
            self.of_settings = [*others, *mine]

    def _new(
        self, topic: str, uri: str, client_id: str, api_version: str, **more: Any
    ) -> Subscription:
        self._last_id += 1
        return Subscription(
            self._last_id, topic, uri, client_id, api_version, self.now(), **more
        )

    def unsubscribe(self, subscription: Subscription) -> None:
        with self._changed:
            self.subscriptions = [
                x for x in self.subscriptions if x is not subscription
            ]

    def duplicate(self, times: int = 1) -> None:
        """Deliver the next event `times` more than once, under the same ids."""
        self._extra_copies.append(times)

    def lose_next(self, times: int = 1) -> None:
        """Never deliver the next events."""
        self._losses += times

    def reorder(self, times: int = 1) -> None:
        """Let the event after the next one overtake it."""
        self._swaps += times

    def is_wanted(self, topic: str) -> bool:
        """Say whether anybody listens, so that nothing is written for nobody."""
        return any(x.topic == topic for x in self.subscriptions)

    def fire(self, topic: str, payload: Mapping[str, Any], event_id: str) -> None:
        """Put an event on its way to every subscription of its topic."""
        with self._changed:
            for subscription in (*self.subscriptions, *self.of_settings):
                if subscription.topic == topic and subscription.is_http:
                    self._enqueue(self._prepare(subscription, dict(payload), event_id))
            self._changed.notify_all()

    def _prepare(
        self, subscription: Subscription, payload: dict[str, Any], event_id: str
    ) -> Delivery:
        if self.hides_private_data:
            payload = without_private_data(subscription.topic, payload)
        now = self.now()
        version = self._served_version(subscription.api_version)
        shaped = subscription.body_of(payload, version)
        body = json.dumps(shaped, separators=(",", ":"), ensure_ascii=False)
        return Delivery(
            id=str(uuid.uuid4()),
            event_id=event_id,
            topic=subscription.topic,
            api_version=version,
            uri=subscription.uri,
            body=body.encode(),
            triggered_at=now,
            due_at=now,
            subscription=subscription,
        )

    def _enqueue(self, delivery: Delivery) -> None:
        self.log.append(delivery)
        if self._losses:
            self._losses -= 1
            delivery.status = "lost"
        elif self._swaps:
            self._swaps -= 1
            delivery.status = "kept back"
            self._kept_back.append(delivery)
        else:
            copies = self._extra_copies.pop(0) if self._extra_copies else 0
            again = [delivery.copy() for _ in range(copies)]
            self.log.extend(again)
            self._let_go([delivery, *again, *self._kept_back])
            self._kept_back = []

    def _let_go(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            delivery.status = "due"
            self._pending.append(delivery)

    def deliver_due(self) -> int:
        """Deliver what is due now, one by one; return how many tries were made."""
        tries = 0
        while delivery := self._claim():
            self._try(delivery)
            tries += 1
        return tries

    def next_due_at(self) -> datetime | None:
        """Return when the next try is due, if any is."""
        with self._changed:
            return min((x.due_at for x in self._pending), default=None)

    def start(self, threads: int = 2) -> None:
        """Deliver from background threads until `stop`."""
        self._running = True
        self._threads = [
            threading.Thread(target=self._work, name="webhooks", daemon=True)
            for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the tries under way and end the threads."""
        with self._changed:
            self._running = False
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=CONNECT_SECONDS + ANSWER_SECONDS + 1)
        self._threads = []

    def _work(self) -> None:
        while self._running:
            delivery = self._claim()
            if delivery:
                self._try(delivery)
                continue
            with self._changed:
                if self._running:
                    self._changed.wait(LONGEST_REST / max(self.time_scale, 1.0))

    def _claim(self) -> Delivery | None:
        with self._changed:
            now = self.now()
            for delivery in self._pending:
                if delivery.due_at <= now:
                    self._pending.remove(delivery)
                    delivery.status = "sending"
                    delivery.started_at = delivery.started_at or now
                    return delivery
        return None

    def _try(self, delivery: Delivery) -> None:
        secret = self._secret_of(delivery.subscription.client_id)
        headers = headers_of(delivery, self.shop, secret)
        answer: int | str
        try:
            answer = self.post(delivery.uri, delivery.body, headers)
        except Exception as error:  # any fault of the receiver is a failed try
            answer = type(error).__name__
        with self._changed:
            delivery.headers = headers
            delivery.tries += 1
            delivery.answers.append(answer)
            self._settle(delivery, isinstance(answer, int) and 200 <= answer < 300)
            self._changed.notify_all()

    def _settle(self, delivery: Delivery, delivered: bool) -> None:
        if delivered:
            delivery.status = "delivered"
            delivery.subscription.last_success_at = self.now()
        elif delivery.tries > RETRIES:
            delivery.status = "failed"
            self._remove_if_silent(delivery)
        else:
            pause = FIRST_PAUSE * 2 ** (delivery.tries - 1) / self.time_scale
            delivery.due_at = self.now() + timedelta(seconds=pause)
            self._let_go([delivery])

    def _remove_if_silent(self, delivery: Delivery) -> None:
        """Drop a subscription whose eight retries failed with no success between."""
        subscription = delivery.subscription
        good = subscription.last_success_at
        if good is None or delivery.started_at is None or good < delivery.started_at:
            self.subscriptions = [
                x for x in self.subscriptions if x is not subscription
            ]
