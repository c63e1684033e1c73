"""Work that the shop does after it has answered, at a moment of its own clock."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from integrations.simulators.shopify.ids import gid


@dataclass(eq=False)
class Job:
    """One piece of work; `done` from the moment it was carried out."""

    due_at: datetime
    act: Callable[[], object]
    id: str = field(default_factory=lambda: gid("Job", str(uuid.uuid4())))
    done: bool = False


@dataclass
class Jobs:
    """All work, done or not, oldest first."""

    rows: list[Job] = field(default_factory=list)

    def add(self, due_at: datetime, act: Callable[[], object]) -> Job:
        job = Job(due_at, act)
        self.rows.append(job)
        return job

    def find(self, wanted: str) -> Job | None:
        return next((job for job in self.rows if job.id == wanted), None)

    def run_due(self, now: datetime) -> int:
        """Do what is due, in the order of its moments; return how much that was."""
        due = [job for job in self.rows if not job.done and job.due_at <= now]
        for job in sorted(due, key=lambda job: job.due_at):
            job.done = True
            job.act()
        return len(due)
