"""What goes wrong with one thing of many stops no other."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


@contextmanager
def isolated(what: str) -> Iterator[None]:
    """Log what goes wrong, so that whatever comes after is done all the same."""
    try:
        yield
    except Exception:
        log.exception("The sweep could not %s", what)
