"""The shop's own ledger, `sent.jsonl`: what was placed and what was answered.

Two kinds of lines, flushed one by one, in the order in which they happened:

`event`   written before the first delivery of an event leaves. `fate` says what a
          right Waybill makes of it: `deliver`, `error` (stands in the error queue),
          `exclude` (kept out by a named rule), `quarantine` (cannot be read) or
          `unwanted` (no flow takes the topic). `expect` is what must stand at the
          target, in the shop's words (see `tests.crash.events`). An order carries its
          customer: `carries` names whose version stands in its body. `digest` is the
          SHA-256 of the exact bytes.
`answer`  written after each try of each delivery; `status` is null when no answer
          came. `delivery` is the id in the header: a resend has that of its first
          try, a replay a new one.

Versions count from 1 per object; the higher one is the newer one and has the later
`updated_at`. Two events never bring the same version of the same object.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any


@dataclass(frozen=True)
class EventLine:
    """One change of one object of the shop."""

    event: str
    topic: str
    entity: str
    source_id: str
    version: int
    updated_at: str
    fate: str
    expect: dict[str, Any]
    carries: dict[str, Any] = field(default_factory=dict)
    digest: str = ""
    at: float = 0.0
    kind: str = "event"


@dataclass(frozen=True)
class AnswerLine:
    """One try of one delivery; `oddity` is empty, duplicate, replay, late or flood."""

    event: str
    delivery: str
    status: int | None
    attempt: int
    oddity: str
    at: float
    seconds: float
    kind: str = "answer"


class Ledger:
    """Appends lines; each is on its way to the disk when the call returns."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1, encoding="utf-8")
        self._lock = Lock()

    def write(self, line: EventLine | AnswerLine) -> None:
        text = json.dumps(asdict(line), ensure_ascii=False)
        with self._lock:
            self._file.write(f"{text}\n")

    def close(self) -> None:
        self._file.close()


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines as they were written; a torn last line is left out."""
    with path.open(encoding="utf-8") as file:
        for text in file:
            if text.endswith("\n"):
                yield json.loads(text)
