"""Takes the steps of matches: read the source, read the target, compare, link.

A worker saves after each page and each record, so one that dies loses nothing.
"""

import logging
import time

from django.conf import settings
from django.db import InterfaceError, OperationalError

from errorqueue.clock import database_time
from integrations.connectors.errors import ConnectorError
from integrations.models import Match
from integrations.models.account import keyless_of
from integrations.sync import background
from integrations.sync.backfill.lease import Lost, NotNow
from integrations.sync.matching.lease import claim, keep
from integrations.sync.matching.linking import link_more
from integrations.sync.matching.reading import (
    IsOver,
    TooMany,
    compare_sides,
    read_source,
    read_target,
)
from integrations.sync.stopping import is_stopping

log = logging.getLogger(__name__)

State = Match.State


def has_due() -> bool:
    return Match.objects.filter(try_at__lte=database_time()).exists()


def step() -> None:
    """Go on with the match that is due until the time is up."""
    ends_at = time.monotonic() + settings.DRAIN_SECONDS

    def is_over() -> bool:
        return time.monotonic() > ends_at or is_stopping()

    while not is_over():
        match = claim()
        if match is None:
            return
        try:
            _go_on(match, is_over)
        except Lost:
            log.info("%s was taken over, or stopped by a person", match)
    background.ring()


def _go_on(match: Match, is_over: IsOver) -> None:
    """The one place that settles a step, hence the broad except."""
    try:
        _steps(match, is_over)
    except (Lost, OperationalError, InterfaceError):
        raise  # a database that is busy or away says nothing of the accounts
    except NotNow as error:
        later = database_time() + error.wait
        keep(match, note=str(error)[:300], try_at=later)
    except (ConnectorError, TooMany) as error:
        _stop(match, str(error))
    except Exception as error:
        log.exception("%s could not go on", match)
        _stop(match, f"{type(error).__name__}: {error}")


def _stop(match: Match, why: str) -> None:
    """A look that cannot go on has failed; links that cannot go on wait for a person."""
    is_linking = match.state == State.LINKING
    state = State.READY if is_linking else State.FAILED
    keep(match, state=state, note=why[:300], try_at=None)


def _steps(match: Match, is_over: IsOver) -> None:
    if match.state == State.SOURCE and not read_source(match, is_over):
        return _later(match)
    if match.state == State.TARGET and not read_target(match, is_over):
        return _later(match)
    if match.state == State.COMPARING:
        compare_sides(match)
        _rest(match, looked_at=database_time())
    elif match.state == State.LINKING:
        source = keyless_of(match.flow.source)
        while link_more(match, source):
            if is_over():
                return _later(match)
        _rest(match)
    return None


def _later(match: Match) -> None:
    keep(match, try_at=database_time())


def _rest(match: Match, **columns: object) -> None:
    """Leave it to a person."""
    keep(match, state=State.READY, try_at=None, **columns)
