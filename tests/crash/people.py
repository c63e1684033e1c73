"""The operators of a storm: they press Retry now, twice as people do.

A click is a process of its own that calls the service behind the button; two of them
run at once. It is the only product code that the harness calls, and it may fail.
"""

import subprocess
import sys
from dataclasses import dataclass, field

from tests.crash.processes import dies_with_parent
from tests.crash.stand import ROOT, Stand

# Open lines of a fault in the program itself are for a person; others go by themselves.
CLICK = """
from contextlib import suppress
from errorqueue.models import FailedRecord
from errorqueue.services import NotOpen, retry
for line in FailedRecord.objects.filter(status="failed", kind="internal")[:50]:
    with suppress(NotOpen):
        retry(line)
"""


@dataclass
class People:
    """Two hands on one button."""

    stand: Stand
    _hands: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def are_busy(self) -> bool:
        return any(hand.poll() is None for hand in self._hands)

    def double_click(self) -> None:
        """Ask for everything that failed by a fault of the program; does not wait."""
        self._hands = [hand for hand in self._hands if hand.poll() is None]
        self._hands += [self._click(), self._click()]

    def _click(self) -> "subprocess.Popen[bytes]":
        log = self.stand.folder / "logs" / "people.log"
        with log.open("ab") as words:
            return subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "shell", "-c", CLICK],
                env=self.stand.environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,
                preexec_fn=dies_with_parent(),
            )
