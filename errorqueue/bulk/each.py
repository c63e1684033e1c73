"""One verb over many lines, with a counted answer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db.models import QuerySet

from errorqueue.models import FailedRecord
from errorqueue.services import NotOpen

# What one request can do in a few seconds; the answer names what is left.
MOST_AT_ONCE = 2_000
BATCH = 100


@dataclass(frozen=True)
class Counted:
    """What a bulk action did: lines moved, skipped, and not reached."""

    done: int = 0
    skipped: int = 0
    left: int = 0

    def sentence(self, verb: str) -> str:
        """Say it in words: "Queued 14, skipped 2 that were settled meanwhile."."""
        parts = [f"{verb} {self.done:,}"]
        if self.skipped:
            parts.append(f"skipped {self.skipped:,} that were settled meanwhile")
        said = ", ".join(parts) + "."
        if self.left:
            said += f" {self.left:,} more match: run it again for those."
        return said


def each(
    lines: QuerySet[FailedRecord], verb: Callable[[FailedRecord], object]
) -> Counted:
    """Apply `verb` to each line, oldest first; each line is its own transaction."""
    chosen = list(lines.order_by("first_failed_at", "pk").values_list("pk", flat=True))
    done = skipped = 0
    for line in _loaded(chosen[:MOST_AT_ONCE]):
        try:
            verb(line)
        except NotOpen:
            skipped += 1
        else:
            done += 1
    return Counted(done, skipped, max(0, len(chosen) - MOST_AT_ONCE))


def _loaded(chosen: list[int]) -> Iterator[FailedRecord]:
    for start in range(0, len(chosen), BATCH):
        batch = chosen[start : start + BATCH]
        found = FailedRecord.objects.prefetch_related("subject").in_bulk(batch)
        yield from (found[pk] for pk in batch if pk in found)
