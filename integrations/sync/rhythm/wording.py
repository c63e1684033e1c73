"""The rhythm of a flow in words: “last order 09:12, usual gap 4 min”."""

from datetime import datetime

from django.utils import timezone

from integrations.models import Flow, FlowRhythm
from integrations.sync.rhythm.habit import LEARNING

State = FlowRhythm.State


def in_words(flow: Flow, rhythm: FlowRhythm | None, now: datetime) -> str:
    """Say when something last came, and what that means at this hour."""
    if rhythm is None:
        return "Not watched yet"
    return f"{last_seen(flow, rhythm, now)}{_meaning(rhythm, now)}"


def last_seen(flow: Flow, rhythm: FlowRhythm, now: datetime) -> str:
    if rhythm.last_at is None:
        return f"No {flow.source_entity} yet"
    return f"Last {flow.source_entity} {clock(rhythm.last_at, now)}"


def clock(at: datetime, now: datetime) -> str:
    """Write a moment of today as 09:12, another day with its date."""
    at, now = timezone.localtime(at), timezone.localtime(now)
    return f"{at:%H:%M}" if at.date() == now.date() else f"{at:%-d %b %H:%M}"


def _meaning(rhythm: FlowRhythm, now: datetime) -> str:
    if rhythm.state == State.LEARNING:
        day = min((now - rhythm.since).days + 1, LEARNING.days)
        return f"; learning, day {day} of {LEARNING.days}"
    if rhythm.state == State.RARE:
        return "; too few come to tell silence from habit"
    if rhythm.state == State.SILENT:
        return f"; about {rhythm.expected:.0f} usually come in that time"
    if rhythm.state == State.HOLIDAY:
        return "; a holiday, so silence is not told"
    if rhythm.usual_gap is None:
        return "; usually nothing at this hour"
    return f", usual gap {gap(rhythm.usual_gap)}"


def gap(seconds: float) -> str:
    """Write a length of time with one unit: 40 s, 4 min, 3 h, 2 days."""
    if seconds < 60:
        return f"{max(seconds, 1):.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 36 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.0f} days"
