"""Records that nothing was sent of go back uncharged, also when the database is away.

Its crash count tells what a record did to workers. A database that cannot be reached
is no fault of the record in hand, so it goes back as if it had never been claimed.
"""

import logging
import time
from collections import Counter, deque
from collections.abc import Iterable

from django.db import InterfaceError, OperationalError, connection

from integrations.models import SyncRecord
from integrations.sync.stopping import is_stopping

log = logging.getLogger(__name__)

AWAY = (OperationalError, InterfaceError)
PAUSE_SECONDS = 0.5
# A record whose own statements the database refuses looks the same: in the end it is
# charged like one that ends workers, and so comes before a person.
MOST_EXCUSES = 5


class Returns:
    """What one drain has to give back as soon as the database takes it.

    Its threads only add, and only the drain itself gives back.
    """

    def __init__(self) -> None:
        self._owed: deque[SyncRecord] = deque()
        self._excused: Counter[int] = Counter()

    def excuse(self, record: SyncRecord) -> bool:
        """Take a record that could not be begun; False once it was too often."""
        self._excused[record.pk] += 1
        if self._excused[record.pk] > MOST_EXCUSES:
            return False
        self._owed.append(record)
        log.warning("%s goes back unsent: the database is away", record)
        connection.close_if_unusable_or_obsolete()
        return True

    def add(self, records: Iterable[SyncRecord]) -> None:
        """Take records that were not begun."""
        self._owed.extend(records)

    def give(self) -> bool:
        """Give back what is owed; False when the database does not take it now."""
        while self._owed:
            try:
                self._owed[0].give_back()
            except AWAY:
                connection.close_if_unusable_or_obsolete()
                return False
            self._owed.popleft()
        return True

    def give_all(self, until: float) -> None:
        """Go on trying until `until` on the monotonic clock, or a stop."""
        while not self.give() and time.monotonic() < until and not is_stopping():
            time.sleep(PAUSE_SECONDS)
