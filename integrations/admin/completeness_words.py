"""How a day of a flow stands, in a few words and a colour."""

from dataclasses import dataclass

from integrations.models import Certificate, GapCheck


@dataclass(frozen=True)
class Words:
    """What a pill says, in which colour, and what stands beside it."""

    text: str
    tone: str
    note: str = ""


def words_of(made: Certificate | None, check: GapCheck | None) -> Words:
    """Say how a day stands: by its certificate, unless a later look has no result."""
    is_later = check and (made is None or check.phase_at > made.made_at)
    if check and is_later and check.phase != GapCheck.Phase.DONE:
        return of_check(check)
    return of_certificate(made) if made else Words("Not compared", "mute")


def of_certificate(made: Certificate) -> Words:
    """Red: something is missing. Amber: all is here, not all has arrived. Green: all."""
    count, listed = f"{made.source_count:,}", _listed(made)
    if made.missing:
        return Words(f"{made.missing:,} missing", "bad", f"of {count}")
    if not made.adds_up:
        return Words("Does not add up", "bad", listed)
    if made.money_differences:
        return Words("Amounts differ", "warn", listed)
    if made.waiting or made.queued:
        return Words("All here, not all sent", "warn", _open(made))
    if not made.is_whole_day:
        return Words("Complete so far", "wait", listed)
    return Words("Complete", "good", listed)


def _listed(made: Certificate) -> str:
    removed = f", {made.removed:,} no longer" if made.removed else ""
    return f"{made.source_count:,} listed{removed}"


def _open(made: Certificate) -> str:
    parts = [
        f"{made.queued:,} in the error queue" if made.queued else "",
        f"{made.waiting:,} waiting" if made.waiting else "",
    ]
    return f"{' and '.join(filter(None, parts))} of {made.source_count:,}"


def of_check(check: GapCheck) -> Words:
    """Say of a comparison without a result where it is, or why there is none."""
    if check.phase == GapCheck.Phase.FAILED:
        return Words("Could not be compared", "bad", check.problem)
    return Words("Being compared", "wait", check.problem or check.get_phase_display())
