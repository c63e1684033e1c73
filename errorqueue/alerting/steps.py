"""The steps of a team: who is called first, who next, and who of them is on duty."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from errorqueue.alerting.hours import hours_of
from errorqueue.models import Team, TeamStep

Group = list[TeamStep]
Duty = TeamStep.Duty
# The longest wait of a step, in minutes.
LONGEST_STEP = 2 * 24 * 60


class Call(NamedTuple):
    """Whom to call now; `columns` say how far the steps are taken, and what is next."""

    places: Sequence[TeamStep | None]
    columns: dict[str, Any]


def first_call(team: Team | None, at: datetime) -> Call:
    """Return the first step that somebody is on duty for; nobody means the operators."""
    groups = _groups(team)
    for number, group in enumerate(groups):
        if places := _on_duty(group, at):
            return Call(places, _columns(groups, number, at))
    return Call([None], {"steps_done": len(groups), "step_at": None})


def next_call(team: Team | None, done: int, at: datetime) -> Call:
    """Return the step after those that are done; it may have nobody on duty."""
    groups = _groups(team)
    if done >= len(groups):
        return Call([], {"steps_done": done, "step_at": None})
    return Call(_on_duty(groups[done], at), _columns(groups, done, at))


def _groups(team: Team | None) -> list[Group]:
    """Return a team's steps, those of the same minute together."""
    if team is None:
        return []
    steps = team.steps.select_related("channel", "person", "second", "team")
    return [list(group) for _, group in groupby(steps, lambda one: one.after_minutes)]


def _columns(groups: list[Group], number: int, told_at: datetime) -> dict[str, Any]:
    if number + 1 >= len(groups):
        return {"steps_done": number + 1, "step_at": None}
    minutes = groups[number + 1][0].after_minutes - groups[number][0].after_minutes
    step_at = told_at + timedelta(minutes=minutes)
    return {"steps_done": number + 1, "step_at": step_at}


def _on_duty(group: Group, at: datetime) -> Group:
    return [step for step in group if _is_on_duty(step, at)]


def _is_on_duty(step: TeamStep, at: datetime) -> bool:
    if step.duty == Duty.ALWAYS:
        return True
    return hours_of(step.team).is_working(at) == (step.duty == Duty.AT_WORK)
