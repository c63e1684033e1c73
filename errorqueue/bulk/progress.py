"""How far a bulk run is, in figures and in words."""

from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Count

from errorqueue import undo
from errorqueue.clock import database_time
from errorqueue.models import BulkItem, BulkRun

ItemState = BulkItem.State


@dataclass(frozen=True)
class Progress:
    """Items of a run by what became of them; `percent` counts what is settled.

    `undo_seconds` is how long the whole run can still be taken back.
    """

    total: int
    waiting: int
    queued: int
    done: int
    failed: int
    skipped: int
    undone: int
    percent: int
    state: str
    label: str
    note: str
    is_moving: bool
    undo_seconds: int

    @property
    def sentence(self) -> str:
        """Say it: "412 of 500: 400 done, 12 failed again, 80 to go"."""
        parts = [f"{self.done:,} done"]
        for count, words in (
            (self.failed, "failed again"),
            (self.skipped, "skipped"),
            (self.undone, "taken back"),
            (self.queued, "under way"),
            (self.waiting, "to go"),
        ):
            if count:
                parts.append(f"{count:,} {words}")
        return f"{self.total:,} records: {', '.join(parts)}."

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "sentence": self.sentence}


def progress_of(run: BulkRun) -> Progress:
    """Count the items of a run; one question."""
    rows = run.items.order_by().values_list("state").annotate(count=Count("pk"))
    counts = dict(rows)
    if run.ended_at:  # what is cleared away by and by had been done
        cleared = max(0, run.total - sum(counts.values()))
        counts[ItemState.DONE] = counts.get(ItemState.DONE, 0) + cleared
    settled = sum(
        counts.get(state, 0)
        for state in (ItemState.DONE, ItemState.FAILED, ItemState.SKIPPED, "undone")
    )
    return Progress(
        total=run.total,
        waiting=counts.get(ItemState.WAITING, 0),
        queued=counts.get(ItemState.QUEUED, 0),
        done=counts.get(ItemState.DONE, 0),
        failed=counts.get(ItemState.FAILED, 0),
        skipped=counts.get(ItemState.SKIPPED, 0),
        undone=counts.get(ItemState.UNDONE, 0),
        percent=settled * 100 // run.total if run.total else 0,
        state=run.state,
        label=run.get_state_display(),
        note=run.note,
        is_moving=run.is_active,
        undo_seconds=_undo_seconds(run),
    )


def _undo_seconds(run: BulkRun) -> int:
    is_over = run.state in (BulkRun.State.DONE, BulkRun.State.CANCELLED)
    if run.verb not in undo.VERBS or not is_over or run.ended_at is None:
        return 0
    left = run.ended_at + undo.WITHIN - database_time()
    return max(0, int(left.total_seconds()))
