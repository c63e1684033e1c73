"""Asks a question that may hang, for many who want the answer soon."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from django.db import connections

Answer = TypeVar("Answer")
# So long an answer stands for the next who ask: many probes cost as much as one.
FRESH_SECONDS = 1.0


class Asking(Generic[Answer]):
    """One thread at a time asks; whoever wants to know waits for it, but not for ever.

    A line to the database may be half open, or its server out of memory: then the
    thread hangs, its askers give up in time, and no second one is begun meanwhile.
    """

    def __init__(self, question: Callable[[], Answer]) -> None:
        self._question = question
        self._changing = threading.Lock()
        self._latest: Future[Answer] | None = None
        self._stands_until = 0.0

    def answer(self, within: float) -> Answer:
        """Return the answer; raises TimeoutError when there is none `within` seconds."""
        return self._current().result(within)

    def _current(self) -> "Future[Answer]":
        with self._changing:
            latest = self._latest
            if latest and not (latest.done() and time.monotonic() > self._stands_until):
                return latest
            self._latest = latest = Future()
        threading.Thread(target=self._ask, args=(latest,), daemon=True).start()
        return latest

    def _ask(self, latest: "Future[Answer]") -> None:
        try:
            found = self._question()
        except Exception as error:
            latest.set_exception(error)
        else:
            self._stands_until = time.monotonic() + FRESH_SECONDS
            latest.set_result(found)
        finally:
            connections.close_all()
