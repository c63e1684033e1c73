"""Log lines that could not be written: counted, and owned up to."""

import logging
import sys
from weakref import WeakSet

_losing: "WeakSet[Console]" = WeakSet()


class Console(logging.StreamHandler):
    """Writes to the error stream; where that is full, the work goes on without it.

    `lost` counts the lines that could not be written since the last one that could.
    """

    lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        before = self.lost
        super().emit(record)
        if before and self.lost == before:
            self.lost = 0
            _losing.discard(self)
            super().emit(_owning_up(before))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        if isinstance(sys.exc_info()[1], OSError):
            self.lost += 1  # to complain on the same stream would be in vain
            _losing.add(self)
        else:
            super().handleError(record)


def lost_lines() -> int:
    """Return how many log lines this process could not write lately."""
    return sum(handler.lost for handler in _losing)


def _owning_up(count: int) -> logging.LogRecord:
    text = f"{count} log lines before this one could not be written"
    return logging.makeLogRecord(
        {"name": __name__, "msg": text, "levelno": 30, "levelname": "WARNING"}
    )
