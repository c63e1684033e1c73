"""Long work of the layers above: the sweeper rings for it, workers take steps.

Each kind of work keeps its state in rows of its own. A step ends within seconds, so
a worker that dies loses nothing, and the next one goes on where it was.
"""

import logging
from collections.abc import Callable
from typing import NamedTuple

from integrations.models import Bell

log = logging.getLogger(__name__)

LANE = ("background", "integrations.tasks.do_background")


class Work(NamedTuple):
    """One kind of work: the quick question whether it is due, and a step of it."""

    is_due: Callable[[], bool]
    step: Callable[[], object]


_works: dict[str, Work] = {}


def register(name: str, is_due: Callable[[], bool], step: Callable[[], object]) -> None:
    """Have workers take `step` whenever `is_due` says so."""
    _works[name] = Work(is_due, step)


def ring() -> None:
    """Wake whoever does the work; commits or vanishes with the caller."""
    Bell.objects.ring(*LANE)


def ring_due() -> None:
    """Ring when any work is due."""
    if any(_ask(name) for name in list(_works)):
        ring()


def run() -> None:
    """Take a step of everything that is due; one that breaks stops no other."""
    for name, work in list(_works.items()):
        if _ask(name):
            try:
                work.step()
            except Exception:
                log.exception("A step of %s broke", name)


def _ask(name: str) -> bool:
    try:
        return _works[name].is_due()
    except Exception:
        log.exception("It cannot be said whether %s is due", name)
        return False
