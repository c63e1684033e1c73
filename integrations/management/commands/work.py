"""Run the workers: a watched django-q2 cluster, the sweeper and the schedules."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError, close_old_connections

from errorqueue.schema import SchemaBehind, refuse_old_schema
from integrations.inbox.reopening import reopen_known
from integrations.management.group import Group
from integrations.management.processes import Stop
from integrations.management.unwritable import Unwritable
from integrations.management.warm import warm_up
from integrations.models.installation import copied_from, copy_in_words, note_home
from integrations.sync import clusters, schedules
from integrations.sync.sweeper import sweep

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5


class Command(BaseCommand):
    help = "Deliver records until asked to stop (TERM or Ctrl-C)."
    # Without those of the pages, which would be loaded for them.
    requires_system_checks = ("workers",)

    def handle(self, *args: Any, **options: Any) -> None:
        self.check(tags=(Tags.database,), databases=["default"])
        try:
            refuse_old_schema()
            refuse_copy()
        except SchemaBehind as error:
            raise CommandError(str(error)) from error
        except (DatabaseError, InterfaceError) as error:
            log.warning("The database is away: %s", error)
        warm_up()
        supervise()


def refuse_copy() -> None:
    """Start no worker on a copy of another installation's database."""
    home = copied_from()
    if home:
        raise CommandError(
            f"{copy_in_words(home)} If the installation has moved here, log in as a "
            "superuser and confirm it in the banner, then start the workers again."
        )
    note_home()


def supervise() -> None:
    """Keep the cluster alive and ring for whatever is due, until asked to stop."""
    stop, group, swept = Stop(), Group(), 0.0
    look = partial(_look, group, Unwritable())
    # A first sweep before the fork: what it builds up is shared with the workers.
    for part in (schedules.ensure_defaults, reopen_known, sweep):
        _survive(part)
    log.info("Workers are up")
    while not stop.wait(LOOK_SECONDS):
        if time.monotonic() < swept + settings.SWEEP_SECONDS and not group.is_urgent():
            continue
        swept = time.monotonic()
        close_old_connections()
        sweep_on = partial(sweep, after_each=group.note_seen)
        for part in (look, schedules.ring_due, sweep_on):
            _survive(part)
        _survive(lambda: clusters.end_silent(but=group.generation))
    group.stop()
    log.info("Workers have stopped")


def _look(group: Group, unwritable: Unwritable) -> None:
    """Watch the cluster; each look writes a sign of life, so it proves the database."""
    try:
        group.look()
    except (DatabaseError, InterfaceError) as error:
        unwritable.failed(error)
        raise
    unwritable.passed()


def _survive(part: Callable[[], Any]) -> None:
    """Carry on whatever happens: the next pass comes soon."""
    try:
        part()
    except Exception:
        log.exception("A pass of the supervisor was cut short")
