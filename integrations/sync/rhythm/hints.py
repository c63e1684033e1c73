"""Success that is too good to be true, in words."""

from datetime import datetime
from typing import NamedTuple

from integrations.models import FlowHour
from integrations.sync.rhythm import habit


class Sign(NamedTuple):
    """What is odd about success.

    `since` is when something failed last, where the sign is that nothing does: it
    may be the fruit of a mend.
    """

    text: str
    since: datetime | None = None


def sign_of(hours: list[FlowHour]) -> Sign | None:
    """Return what is odd; what is seen in the content says more than no failures."""
    if said := _alike(hours) or _half_empty(hours):
        return Sign(said)
    if said := _flawless(hours):
        return Sign(said, max(one.hour for one in hours if one.failed))
    return None


def _contents(hours: list[FlowHour]) -> list[habit.Content]:
    return [
        habit.Content(one.hour, one.compared, one.alike, one.weighed, one.filled)
        for one in hours
    ]


def _alike(hours: list[FlowHour]) -> str:
    found = habit.all_alike(_contents(hours))
    if found is None:
        return ""
    alike, share = found
    return (
        f"The last {alike:,} were sent with the very same content, though at most 1 in "
        f"{1 / share:.0f} was like the one before it until then. Open a few: a mapping "
        "that lost its source, or a constant in the wrong row, reads like this."
    )


def _half_empty(hours: list[FlowHour]) -> str:
    found = habit.half_empty(_contents(hours))
    if found is None:
        return ""
    late, before = found
    return (
        f"Those sent last hold {late:.0f} values each, {before:.0f} before. Open a few "
        "and see which fields are empty now: the source may send less, or a field of "
        "it may have another name."
    )


def _flawless(hours: list[FlowHour]) -> str:
    tallies = [habit.Tally(one.hour, one.delivered, one.failed) for one in hours]
    found = habit.flawless(tallies)
    if found is None:
        return ""
    run, share = found
    return (
        f"None of the last {run:,} failed, though about 1 in {1 / share:.0f} did "
        "before. If nothing was mended meanwhile, open a few and see that they "
        "arrived whole."
    )
