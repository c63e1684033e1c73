"""What a crew keeps at hand from one delivery to the next, for a second."""

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Prefetch

from errorqueue.models import Alert
from integrations.connectors.base import Connector, Exchange, Gate
from integrations.failures import NotPublished
from integrations.models import Connection, Dependency, Flow
from integrations.sync.outbound import connector_for
from integrations.sync.slots import one_request
from mappings.engine import Document
from mappings.models import MappingVersion

if TYPE_CHECKING:
    from integrations.sync.delivery import Delivery

MOMENT = 1.0
MOST = 2000

T = TypeVar("T")


class _Place(threading.local):
    """What one thread works on right now."""

    delivery: "Delivery | None" = None
    gate: Gate | None = None


class Desk:
    """Flows, mappings, connectors and ids, read once for the deliveries of a moment.

    The threads of a crew share what they read; each has connectors of its own.
    Whatever people change is seen a second later at most, and at once by a record
    that a person sent again.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[float, Any]] = {}
        self._place = _Place()

    def begin(self, delivery: "Delivery", gate: Gate | None) -> None:
        """Lay out what this delivery needs; its requests pass `gate`."""
        record = delivery.record
        if record.asks_afresh:
            self.clear()
        record.flow = self.flow(record.flow_id)
        self._place.delivery = delivery
        self._place.gate = gate or partial(one_request, record.flow.target)

    def clear(self) -> None:
        self._kept.clear()

    def keep(self, key: Hashable, read: Callable[[], T]) -> T:
        """Return what was read under this key a moment ago, or read it.

        None is not kept: what was not there is asked for again.
        """
        now = time.monotonic()
        until, known = self._kept.get(key, (0.0, None))
        if now < until:
            found: T = known
            return found
        found = read()
        if found is not None:
            if len(self._kept) >= MOST:
                self.clear()
            self._kept[key] = (now + MOMENT, found)
        return found

    def flow(self, pk: int) -> Flow:
        """Return a flow with both connections and what it depends on."""
        return self.keep(("flow", pk), partial(_read_flow, pk))

    def version(self, flow: Flow) -> MappingVersion:
        """Return the version in force; raises NotPublished."""
        return self.keep(("version", flow.mapping_id), partial(_published, flow))

    def document(self, version: MappingVersion) -> Document:
        return self.keep(("document", version.pk), version.as_document)

    def connector(self, connection: Connection) -> Connector:
        """Return the connector of a target; its secrets are a second old at most."""
        return self.keep(
            ("connector", connection.pk, threading.get_ident()),
            partial(connector_for, connection, self._record, self._pass),
        )

    def is_open(self, alert: str) -> bool:
        """Say whether people were told of this incident and it is not over."""
        return alert in self.keep("alerts", _open_alerts)

    def _record(self, exchange: Exchange) -> None:
        if self._place.delivery:
            self._place.delivery.record_exchange(exchange)

    @contextmanager
    def _pass(self) -> Iterator[None]:
        """Pass the gate of the delivery in hand, and count how long that took."""
        place = self._place
        if place.gate is None:
            raise RuntimeError("No delivery has begun at this desk.")
        began, passed = time.monotonic(), 0.0
        try:
            with place.gate():
                passed = time.monotonic()
                yield
        finally:
            if place.delivery:
                place.delivery.waited += (passed or time.monotonic()) - began


def _open_alerts() -> set[str]:
    return set(Alert.objects.filter(closed_at=None).values_list("key", flat=True))


def _read_flow(pk: int) -> Flow:
    needs = Dependency.objects.select_related("needs__source", "needs__target")
    joined = Flow.objects.select_related("source", "target", "mapping")
    return joined.prefetch_related(Prefetch("dependencies", needs)).get(pk=pk)


def _published(flow: Flow) -> MappingVersion:
    version = flow.mapping.published()
    if version is None:
        raise NotPublished(f"The mapping document {flow.mapping} was never published.")
    return version
