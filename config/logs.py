"""Log lines that nobody can forge: one line each, as JSON or as text for people.

All loggers are those of the standard library; structlog renders what they say and
adds what is in hand (record, attempt, request). Nothing leaves uncleaned.
"""

import json
import logging
import sys
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter

from config.log_cleaning import clean_tree, personal_values
from integrations.sync.in_hand import SUBJECT

Event = MutableMapping[str, Any]
# What a line begins with; whatever else is known of it stands behind.
HEAD = ("time", "level", "logger", "event")
# A request holds cookies and what people searched for; another handler's formatter
# leaves the other two behind.
LEFT_OUT = ("request", "server_time", "message", "asctime")
SUBJECTS = "_subjects"
# Line ends of every kind, and what moves the cursor of a terminal.
_SIGNS = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029]
_ESCAPES = {sign: repr(chr(sign))[1:-1] for sign in _SIGNS}


class Lines(ProcessorFormatter):
    """Formats each entry as one line of JSON (`form="json"`), or as text to be read.

    In text a traceback follows in lines of its own, which begin so that none of them
    passes for an entry.
    """

    def __init__(self, form: str = "text") -> None:
        super().__init__(
            processors=[
                _begin,
                _explain,
                _clean,
                as_json if form == "json" else as_text,
            ],
            foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
        )

    def format(self, record: logging.LogRecord) -> str:
        told = logging.makeLogRecord(vars(record))
        # Taken out now: structlog forgets what a text was made of.
        subjects = [one for one in _arguments(record) if hasattr(one, "party")]
        setattr(told, SUBJECTS, subjects)
        return super().format(told)


def through_logging() -> None:
    """Lead structlog's own loggers through those of the standard library."""
    structlog.configure(
        processors=[ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _begin(_: Any, __: str, event: Event) -> Event:
    """Add when, how grave, by whom, and what is in hand."""
    record: logging.LogRecord = event.pop("_record")
    known = structlog.contextvars.get_contextvars()
    extras = {name: event[name] for name in event if name not in LEFT_OUT}
    at = datetime.fromtimestamp(record.created, UTC)
    return {
        "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": "",
        **{name: known[name] for name in sorted(known) if known[name] is not None},
        **extras,
        "process": record.process,
        SUBJECTS: [*getattr(record, SUBJECTS, ()), known.get(SUBJECT)],
    }


def _arguments(record: logging.LogRecord) -> Iterator[Any]:
    if isinstance(record.args, Mapping):
        yield from record.args.values()
    else:
        yield from record.args or ()


def _explain(_: Any, __: str, event: Event) -> Event:
    """Write the traceback out: without the values of variables, which are data."""
    found = event.pop("exc_info", None)
    error = sys.exception() if found is True else found
    error = error[1] if isinstance(error, tuple) else error
    if isinstance(error, BaseException):
        event["exception"] = "".join(traceback.format_exception(error)).rstrip()
    return event


def _clean(_: Any, __: str, event: Event) -> Event:
    """Take secrets and what is personal out of everything that is said."""
    subjects = filter(None, event.pop(SUBJECTS))
    is_grave = event["level"] != "info" or "exception" in event
    values = personal_values(subjects) if is_grave else ""
    kept = {name: event[name] for name in event if not name.startswith("_")}
    head = {name: kept.pop(name) for name in ("time", "level", "logger")}
    return {**head, **clean_tree(kept, values)}


def as_json(_: Any, __: str, event: Event) -> str:
    """One object in one line; whatever is not ASCII is escaped, line ends with it."""
    return json.dumps(event, default=str)


def as_text(_: Any, __: str, event: Event) -> str:
    """Time, level and logger, what is said, what is in hand."""
    exception = str(event.pop("exception", ""))
    time, level, logger, said = (str(event.pop(name)) for name in HEAD)
    event.pop("process")
    more = " ".join(f"{name}={value}" for name, value in event.items())
    line = f"{time} {level.upper()} {logger} {said}" + (f" [{more}]" if more else "")
    below = [f"    | {part.translate(_ESCAPES)}" for part in exception.splitlines()]
    return "\n".join([line.translate(_ESCAPES), *below])
