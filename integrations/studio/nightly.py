"""What the layers above the ledger do by night, and in steps: told to the scheduler."""

from datetime import time

from integrations.models import Schedule
from integrations.studio import coverage, drift, refresh, resolving
from integrations.sync import background, belonging, schedules
from integrations.sync.schedules import Job


def register() -> None:
    """Register the jobs and the long work of the environments."""
    background.register("look-ups", resolving.has_due, resolving.step)
    background.register("refreshes", refresh.has_due, refresh.step)
    background.register("coverage", coverage.has_due, coverage.step)
    jobs = (
        ("whose", "Ask accounts who they are", belonging.look, time(1, 50)),
        ("drift", "Compare fields with the documents", drift.look, time(2, 0)),
        ("lookups", "Keep the look-ups by name", resolving.collect, time(2, 20)),
        ("coverage", "Measure what documents use", coverage.ask_all, time(2, 40)),
    )
    for name, label, run, at in jobs:
        rule = {"rule": Schedule.Rule.DAILY, "at": at}
        schedules.register(name, Job(label, run), label, rule)
