"""Run the workers: a watched django-q2 cluster and the sweeper."""

import logging
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections

from integrations.management.crash_only import run_cluster
from integrations.management.processes import Child, Stop, manage
from integrations.sync.sweeper import sweep

log = logging.getLogger(__name__)

STOP_SECONDS = 30.0


class Command(BaseCommand):
    help = "Deliver records until asked to stop (TERM or Ctrl-C)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--cluster", action="store_true", help="Run the bare cluster, unwatched."
        )

    def handle(self, *args: Any, cluster: bool, **options: Any) -> None:
        if cluster:
            run_cluster()
        else:
            supervise()


def supervise() -> None:
    """Keep the cluster alive and ring for whatever is due."""
    stop = Stop()
    child = Child("the cluster", manage("work", "--cluster"))
    child.start()
    log.info("Workers are up")
    while not stop.wait(settings.SWEEP_SECONDS):
        child.keep_alive()
        close_old_connections()
        sweep()
    child.stop(STOP_SECONDS)
    log.info("Workers have stopped")
