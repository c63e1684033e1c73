"""Asks whether a retry would pass now, and notes the answer on the line."""

from errorqueue.clock import database_time
from errorqueue.failures import Light, Preflight, Refused, Workbench
from errorqueue.masking import without_values
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
    is_stored = _store(line, found)
    is_green = is_stored and found.light == Light.GREEN
    if is_green and line.snoozed_until and line.wakes_when_green:
        wake(line, reason="A pre-flight says that it would pass now.")
    return found


def _settled(bench: Workbench, found: Preflight) -> Preflight:
    """Take what is there and the same as ours, unless something moved meanwhile."""
    try:
        bench.adopt(found.target_id, None, found.proof)
    except Refused as reason:
        return Preflight(Light.AMBER, str(reason))
    return found


def _store(line: FailedRecord, found: Preflight) -> bool:
    """Note the answer, unless the line failed anew while it was looked at."""
    problems = [problem.as_dict() for problem in found.problems]
    # The note stands in lists that everybody reads.
    note = one_line(without_values(found.note, problems), 500)
    now = database_time()
    same = FailedRecord.objects.filter(pk=line.pk, last_failed_at=line.last_failed_at)
    is_stored = same.update(
        preflight=found.light.value,
        preflight_at=now,
        preflight_note=note,
        touched_at=now,
    )
    line.preflight, line.preflight_at = found.light.value, now
    line.preflight_note = note
    return bool(is_stored)
