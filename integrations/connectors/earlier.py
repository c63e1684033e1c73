"""What is known of a record when a later version of it comes."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Earlier:
    """What Waybill wrote of a record before, for a change that is worked into it.

    `stood` says that it was delivered. `bases` are what may stand there as we wrote it
    last, newest first: what the source did not change since is left alone, whoever
    changed it there. Without any, all is compared. `written` is what lines we may have
    made; `is_ours` is False for a record that we know nothing of, which is not changed
    without a person.
    """

    stood: bool = False
    bases: tuple[dict[str, Any], ...] = ()
    written: tuple[dict[str, Any], ...] = ()
    is_ours: bool = True
