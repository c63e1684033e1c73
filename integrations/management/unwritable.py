"""A database that takes nothing: full, away or locked. No row can tell of that."""

import time

from errorqueue.alerts import send_unwritten
from integrations.sync.clusters import host_name

TELL_AFTER_SECONDS = 60.0


class Unwritable:
    """Mails people once when it lasts, and once when it is over."""

    def __init__(self) -> None:
        self.since: float | None = None
        self.is_told = False

    def failed(self, error: Exception) -> None:
        """Note that a supervisor could not write its sign of life."""
        now = time.monotonic()
        if self.since is None:
            self.since = now
        if self.is_told or now - self.since < TELL_AFTER_SECONDS:
            return
        self.is_told = send_unwritten(
            f"The database takes nothing from {host_name()}",
            f"It says: {error}\n\nDeliveries are answered 503 and come again; records "
            "wait, and everything goes on by itself. See whether the database runs and "
            "whether its volume has room.",
        )
        self.since = now

    def passed(self) -> None:
        """Note that it could."""
        if self.is_told:
            text = "Everything goes on by itself."
            send_unwritten(f"The database takes writes from {host_name()} again", text)
        self.since, self.is_told = None, False
