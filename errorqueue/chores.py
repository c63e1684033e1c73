"""What the queue does by itself, in a worker, a few seconds at a time.

Each part says whether it has something to do, which is one quick question, and does
it; a part that breaks stops no other.
"""

import logging
from collections.abc import Callable
from typing import NamedTuple

from errorqueue import causes, escalation, incidents, notices, recipes, tally, waking
from errorqueue.bulk import stepping

log = logging.getLogger(__name__)


class Part(NamedTuple):
    """One chore: the question whether it is due, and the work."""

    is_due: Callable[[], bool]
    work: Callable[[], object]


PARTS: tuple[Part, ...] = (
    Part(stepping.has_work, stepping.step_all),
    Part(causes.has_misplaced, causes.place_all),
    Part(tally.is_due, incidents.recount),
    Part(notices.has_due, notices.send_due),
    Part(recipes.has_automatic, recipes.apply_automatic),
    Part(waking.has_due, waking.wake_due),
    Part(escalation.has_due, escalation.escalate),
)


def has_due() -> bool:
    """Say whether any chore is due."""
    return any(_ask(part) for part in PARTS)


def run() -> None:
    """Do every chore that is due."""
    for part in PARTS:
        if _ask(part):
            try:
                part.work()
            except Exception:
                log.exception("The chore %s broke", part.work.__name__)


def _ask(part: Part) -> bool:
    try:
        return part.is_due()
    except Exception:
        log.exception("The chore %s cannot say whether it is due", part.work.__name__)
        return False
