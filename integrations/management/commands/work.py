"""Run the workers: a watched django-q2 cluster, the sweeper and the schedules."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections

from integrations.management.crash_only import run_cluster
from integrations.management.group import Group
from integrations.management.processes import Stop
from integrations.sync import clusters, schedules
from integrations.sync.sweeper import sweep

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5


class Command(BaseCommand):
    help = "Deliver records until asked to stop (TERM or Ctrl-C)."
    requires_system_checks = "__all__"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--cluster", action="store_true", help="Run the bare cluster, unwatched."
        )

    def handle(self, *args: Any, cluster: bool, **options: Any) -> None:
        if cluster:
            run_cluster()
        else:
            self.check(databases=["default"])
            supervise()


def supervise() -> None:
    """Keep the cluster alive and ring for whatever is due, until asked to stop."""
    stop, group, swept = Stop(), Group(), 0.0
    _survive(schedules.ensure_defaults)
    log.info("Workers are up")
    while not stop.wait(LOOK_SECONDS):
        if time.monotonic() < swept + settings.SWEEP_SECONDS and not group.is_urgent():
            continue
        swept = time.monotonic()
        close_old_connections()
        for part in (group.look, schedules.ring_due, sweep):
            _survive(part)
        _survive(lambda: clusters.end_silent(but=group.generation))
    group.stop()
    log.info("Workers have stopped")


def _survive(part: Callable[[], Any]) -> None:
    """Carry on whatever happens: the next pass comes soon."""
    try:
        part()
    except Exception:
        log.exception("A pass of the supervisor was cut short")
