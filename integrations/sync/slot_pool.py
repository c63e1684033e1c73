"""The slots in the hands of one drain, lent to its threads for one request each."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from integrations.models import Limits
from integrations.sync.slots import Held, SlotLost

RECHECK_SECONDS = 0.5


class SlotPool:
    """Lends slots: orders before bulk, reserved slots to orders only.

    What is no longer wanted or no longer good is set aside once nobody uses it; the
    drain gives it back to the database.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._changed = threading.Condition()
        self._all: list[Held] = []
        self._free: list[Held] = []
        self._aside: list[Held] = []
        self._surplus = 0
        self._orders_waiting = 0
        self._least_free = 0

    @property
    def size(self) -> int:
        with self._changed:
            return len(self._all) - self._surplus

    @property
    def held(self) -> list[Held]:
        with self._changed:
            return list(self._all)

    def add(self, slots: list[Held]) -> None:
        with self._changed:
            self._all += slots
            self._free += slots
            self._least_free = 0
            self._changed.notify_all()

    @contextmanager
    def lend(self, is_bulk: bool, until: float) -> Iterator[None]:
        """Hold a slot around one request; raises SlotLost when none can be had.

        Waits for a free one until `until` on the monotonic clock.
        """
        slot = self._wait_for_one(is_bulk, until)
        try:
            yield
        finally:
            self._return(slot)

    def give_up(self, count: int) -> None:
        """Set `count` slots aside as soon as they are free, but never the last."""
        with self._changed:
            self._surplus = max(0, min(count, len(self._all) - 1))
            self._sort_out()

    def keep(self, limits: Limits) -> None:
        """Go by new limits: slots above them are used no more."""
        with self._changed:
            self.limits = limits
            self._sort_out()
            self._changed.notify_all()

    def aside(self) -> list[Held]:
        """Return the slots to be given back, each once."""
        with self._changed:
            self._sort_out()
            leaving, self._aside = self._aside, []
            return leaving

    def idle(self) -> int:
        """Return how many slots were free all the time since the last look."""
        with self._changed:
            least, self._least_free = self._least_free, len(self._free)
            return least

    def close(self) -> list[Held]:
        """Lend nothing any more and return all slots, to be given back."""
        with self._changed:
            leaving = self._all + self._aside
            self._all, self._free, self._aside = [], [], []
            self._changed.notify_all()
            return leaving

    def _wait_for_one(self, is_bulk: bool, until: float) -> Held:
        with self._changed:
            self._orders_waiting += not is_bulk
            try:
                while self._all and time.monotonic() < until:
                    if slot := self._pick(is_bulk):
                        return slot
                    left = until - time.monotonic()
                    self._changed.wait(min(max(left, 0), RECHECK_SECONDS))
            finally:
                self._orders_waiting -= not is_bulk
        raise SlotLost("No slot was free in time.", sent=False)

    def _pick(self, is_bulk: bool) -> Held | None:
        self._sort_out()
        if is_bulk and len(self._free) <= self._orders_waiting:
            return None
        order = sorted(self._free, key=lambda slot: slot.number, reverse=not is_bulk)
        if not order or (is_bulk and order[0].number > self.limits.common):
            return None
        self._free.remove(order[0])
        self._least_free = min(self._least_free, len(self._free))
        return order[0]

    def _return(self, slot: Held) -> None:
        with self._changed:
            if slot in self._all:
                self._free.append(slot)
            self._sort_out()
            self._changed.notify_all()

    def _sort_out(self) -> None:
        """Set free slots aside that are lost, above the limit or not wanted."""
        for slot in list(self._free):
            is_usable = slot.is_good and slot.number <= self.limits.limit
            if is_usable and not self._surplus:
                continue
            self._surplus -= bool(self._surplus)
            self._free.remove(slot)
            self._all.remove(slot)
            self._aside.append(slot)
