"""Where the owners of subjects tell how a person can work on one."""

from collections.abc import Callable
from typing import Any

from errorqueue.failures import Workbench
from errorqueue.models import FailedRecord

_makers: dict[str, Callable[[Any], Workbench]] = {}


def register(label: str, maker: Callable[[Any], Workbench]) -> None:
    """Have `maker` build the workbench of subjects of the model "app.model"."""
    _makers[label] = maker


def workbench_of(line: FailedRecord) -> Workbench | None:
    """Return the workbench of what a line is about, or None when there is none.

    A delivery that nobody can read, for instance, can only be retried or excluded.
    """
    kind = line.content_type
    maker = _makers.get(f"{kind.app_label}.{kind.model}")
    subject = line.subject if maker else None
    return maker(subject) if maker and subject is not None else None


_pace: list[Callable[[dict[str, int]], float | None]] = []


def register_pace(pace: Callable[[dict[str, int]], float | None]) -> None:
    """Have `pace` estimate how many seconds so many records per target take."""
    _pace[:] = [pace]


def seconds_for(targets: dict[str, int]) -> float | None:
    """Return the seconds that so many records per target take; None if unknown."""
    return _pace[0](targets) if _pace and targets else None
