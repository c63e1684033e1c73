"""Named places where the crash harness may strike: kill, freeze, raise or slow down.

Off, as always outside the harness, a place costs one comparison. On, the folder that
WAYBILL_FAILPOINTS names holds one file per armed place; the first process that comes
by takes the file away and suffers what it says, so each strike hits exactly once.
"""

import os
import signal
import time
from pathlib import Path

PLACES = (
    "inbox.before_commit",
    "inbox.after_commit",
    "inbox.before_answer",
    "inbox.claim",
    "inbox.parse",
    "inbox.record",
    "inbox.outcome",
    "bell.ring",
    "claim.before_commit",
    "claim.after_commit",
    "intent.before_commit",
    "intent.after_commit",
    "token.fetch",
    "slot.taken",
    "call.start",
    "call.end",
    "outcome.before_commit",
    "outcome.after_commit",
    "hold.before_commit",
    "hold.wake",
    "queue.capture",
    "retry.click",
    "alert.row",
    "alert.plan",
    "alert.send",
    "alert.sent",
    "schedule.slot",
    "sweep.pass",
    "poll.page",
    "privacy.step",
    "payouts.page",
)
_folder = os.environ.get("WAYBILL_FAILPOINTS", "")


class Struck(Exception):
    """Raised at a place that was armed with `raise`."""


def hit(place: str) -> None:
    """Pass a named place; suffer what is armed there, if anything is."""
    if _folder:
        _suffer(place)


def _suffer(place: str) -> None:
    armed = Path(_folder) / place
    mine = armed.with_name(f"{place}.{os.getpid()}.{time.monotonic_ns()}.taken")
    try:
        armed.rename(mine)
    except OSError:
        return
    verb, _, seconds = mine.read_text().strip().partition(":")
    _ACTS[verb](float(seconds or 0))


def _kill(seconds: float) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _freeze(seconds: float) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _raise(seconds: float) -> None:
    raise Struck("A failpoint of the crash harness.")


_ACTS = {"kill": _kill, "freeze": _freeze, "raise": _raise, "slow": time.sleep}
