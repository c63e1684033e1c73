"""The worker groups that share this database, each start with a generation of its own."""

import os

from django.db import models
from django.db.models import Exists, Q

GENERATION = "WAYBILL_GENERATION"
# So much of it stands in the names of workers.
GENERATION_SHOWN = 8


class WorkerGroup(models.Model):
    """One start of one cluster. Once it is declared dead, nothing of it may write.

    `seen_at` is the supervisor's sign of life, `canary_at` the last time a task went
    through the whole cluster, `busy_at` the last time its guard saw every worker busy.
    `tasks` counts what it has finished. All times are the database's.
    """

    generation = models.CharField(max_length=32, primary_key=True)
    host = models.CharField(max_length=120)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    canary_rung_at = models.DateTimeField(null=True, blank=True)
    canary_at = models.DateTimeField(null=True, blank=True)
    busy_at = models.DateTimeField(null=True, blank=True)
    tasks = models.PositiveBigIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


def may_write() -> Q:
    """Return the condition under which this process may claim or settle a record.

    A worker of a cluster that was declared dead may not, however alive it feels. A
    process outside any cluster (a page, a command, a test) always may.
    """
    mine = generation()
    if not mine:
        return Q()
    alive = WorkerGroup.objects.filter(pk=mine, ended_at=None)
    return Q(Exists(alive))


# The same as SQL, for a statement that is given `generation`.
MAY_WRITE = (
    "%(generation)s = '' OR EXISTS (SELECT 1 FROM integrations_workergroup "
    "WHERE generation = %(generation)s AND ended_at IS NULL)"
)


def generation() -> str:
    """Return the worker group of this process, empty outside any cluster."""
    return os.environ.get(GENERATION, "")
