"""Which record and which try the work is about, for every log line of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from structlog.contextvars import bind_contextvars, bound_contextvars, get_contextvars

if TYPE_CHECKING:  # the log is set up before there are models
    from integrations.models import Attempt, SyncRecord

# The record itself: what is personal in it is hidden from lines, never written.
SUBJECT = "_subject"
RECORD, ATTEMPT, NUMBER = "record", "attempt", "try"


@contextmanager
def working_on(record: "SyncRecord") -> Iterator[None]:
    """Have each line that is logged meanwhile name the record, its flow and claim."""
    flow = record._state.fields_cache.get("flow")  # a line must not ask the database
    with bound_contextvars(
        **{
            SUBJECT: record,
            RECORD: record.pk,
            "flow": flow.slug if flow else record.flow_id,
            "token": record.token,
            # Given back with the rest, whatever `note_attempt` has put there.
            ATTEMPT: None,
            NUMBER: None,
        }
    ):
        yield


def note_attempt(attempt: "Attempt") -> None:
    """Name the try from now on, until the work on its record ends."""
    if RECORD in get_contextvars():
        bind_contextvars(**{ATTEMPT: attempt.pk, NUMBER: attempt.number})
