"""The sign of life for a watcher outside: it stops when nobody would be told.

It is given by a task that came through the whole cluster, and only while workers
live, canaries come back and messages leave. A watcher that misses it calls people.
"""

import logging

from errorqueue.alerting import channels
from errorqueue.alerting.channels import NotSent
from errorqueue.clock import database_time
from errorqueue.models import Channel
from errorqueue.text import one_line
from integrations.operations.checks import trouble

log = logging.getLogger(__name__)


def give() -> None:
    """Ping every heartbeat that is in use, unless there is trouble."""
    listening = Channel.objects.filter(kind=Channel.Kind.HEARTBEAT, is_active=True)
    if not listening:
        return
    if said := trouble():
        log.error("No sign of life is given: %s", said)
        return
    for channel in listening:
        _ping(channel)


def _ping(channel: Channel) -> None:
    mine = Channel.objects.filter(pk=channel.pk)
    try:
        channels.ping(channel)
    except NotSent as error:
        log.warning("The heartbeat %s was not taken: %s", channel, error)
        mine.update(last_error=one_line(str(error), 300))
    else:
        mine.update(last_at=database_time(), last_error="")
