"""What is done by the clock for people to see: told to the scheduler."""

from integrations.operations import digest, lifesign
from integrations.operations.home import counting
from integrations.sync import schedules
from integrations.sync.schedules import Job


def register() -> None:
    """Register the sign of life, the digests and the counts of the home page."""
    jobs = (
        ("lifesign", "Sign of life to the outside watcher", lifesign.give, 1),
        ("digest", "Digests of what is not in step", digest.send_due, 5),
        ("outcome", "Count what came of deliveries", counting.count, 1),
    )
    for name, label, run, minutes in jobs:
        schedules.register(name, Job(label, run), label, {"minutes": minutes})
