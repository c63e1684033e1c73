"""A simulator's journal on disk: one JSON line for each request and each effect.

Append-only, handed to the operating system line by line, so it stands complete after
any crash of those who called. Amounts are text, digit for digit.

`request`  what was asked and answered; `status` is null when the answer was lost.
`effect`   what changed: record type, internal id, external id, `verb` (created,
           updated, deleted; followed for what changed because another record did;
           standing for what was there before the first request)
           and the record's whole content after the write.
`over`     a request that was turned away because more were in flight than allowed.
"""

import json
import threading
import time
from pathlib import Path
from typing import Any


class JournalFile:
    """Appends the lines of one simulator to one file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", buffering=1, encoding="utf-8")
        self._lock = threading.Lock()
        self._number = 0

    def write(self, kind: str, **columns: Any) -> None:
        """Append one numbered line; it is out of this process when the call returns."""
        with self._lock:
            self._number += 1
            line = {"kind": kind, "number": self._number, "at": time.time(), **columns}
            self._file.write(json.dumps(line, default=str) + "\n")
