"""Asks whether a retry would pass now, and notes the answer on the line."""

from errorqueue.clock import database_time
from errorqueue.failures import Light, Preflight, Refused, Workbench
from errorqueue.models import FailedRecord
from errorqueue.people import wake
from errorqueue.text import one_line
from errorqueue.workbench import workbench_of

NO_BENCH = Preflight(
    Light.AMBER, "Nobody can tell beforehand: a retry reads the delivery again."
)


def check(line: FailedRecord) -> Preflight:
    """Find out whether `line` would pass; settle it when it stands there already.

    Nothing is written at the target, and nothing here but the light with its note
    and what follows from it, so it may be asked for thousands at any time.
    """
    bench = workbench_of(line)
    found = bench.preflight() if bench else NO_BENCH
    if bench and found.is_same:
        found = _settled(bench, found)
    _store(line, found)
    if found.light == Light.GREEN and line.snoozed_until and line.wakes_when_green:
        wake(line, reason="A pre-flight says that it would pass now.")
    return found


def _settled(bench: Workbench, found: Preflight) -> Preflight:
    """Take what is there and the same as ours, unless something moved meanwhile."""
    try:
        bench.adopt(found.target_id, None, found.proof)
    except Refused as reason:
        return Preflight(Light.AMBER, str(reason))
    return found


def _store(line: FailedRecord, found: Preflight) -> None:
    now, note = database_time(), one_line(found.note, 500)
    FailedRecord.objects.filter(pk=line.pk).update(
        preflight=found.light.value,
        preflight_at=now,
        preflight_note=note,
        touched_at=now,
    )
    line.preflight, line.preflight_at = found.light.value, now
    line.preflight_note = note
