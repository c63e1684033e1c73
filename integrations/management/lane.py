"""The queue as one cluster sees it: the common wake-ups and its own canaries."""

import logging
import time
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.db.models.functions import Now
from django_q.brokers.orm import ORM

from integrations.models import may_write
from integrations.sync.clusters import count_task, own_generation

log = logging.getLogger(__name__)

AWAY = (DatabaseError, InterfaceError)
PAUSE_SECONDS = 0.5
ACKNOWLEDGE_TRIES = 20


class Lane(ORM):
    """The ORM broker, also listening for tasks meant for this cluster alone.

    A database that is away for a while ends neither the pusher nor the monitor, as
    it does with the library's own broker.
    """

    def dequeue(self) -> list[tuple[int, str]] | None:
        """Take up to `bulk` tasks; None, after a pause, when there are none."""
        try:
            taken = self._take()
        except AWAY as error:
            log.warning("The queue cannot be read: %s", error)
            time.sleep(PAUSE_SECONDS)
            return None
        if not taken:
            time.sleep(settings.Q_CLUSTER["poll"])
        return taken

    def _take(self) -> list[tuple[int, str]]:
        queue = self.get_connection()
        lanes = [self.list_key, own_generation()]
        due = queue.filter(may_write(), key__in=lanes, lock__lte=Now())
        free = due.order_by("pk")
        return [
            (task.pk, task.payload)
            for task in free[: settings.Q_CLUSTER["bulk"]]
            if queue.filter(pk=task.pk, lock=task.lock).update(lock=self.timeout(task))
        ]

    def acknowledge(self, task_id: Any) -> None:
        """Take a finished task out; waits up to 10 s for a database that is away."""
        for _ in range(ACKNOWLEDGE_TRIES):
            try:
                self.delete(task_id)
                count_task()
                return
            except AWAY as error:
                log.warning("A task is not acknowledged yet: %s", error)
            time.sleep(PAUSE_SECONDS)
            close_old_connections()
