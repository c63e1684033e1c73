"""What became of an incident, in order: when it began, who was told, who did what."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from errorqueue.alerting.words import defused
from errorqueue.models import Alert, Message

Why = Message.Why


class Event(NamedTuple):
    """One line of the time line; `tone` is good, warn, bad, wait or mute."""

    at: datetime
    label: str
    text: str
    tone: str = "mute"


def timeline_of(alert: Alert) -> list[Event]:
    """Return all that happened, oldest first; what is still to come stands last."""
    return sorted([*_of_itself(alert), *_of_messages(alert)], key=lambda one: one.at)


def _of_itself(alert: Alert) -> Iterator[Event]:
    yield Event(alert.began, "First failure", "", "bad")
    yield Event(alert.raised_at, "Incident opened", "", "bad")
    if alert.seen_at:
        yield Event(alert.seen_at, "First seen", f"by {alert.seen_by}")
    if alert.acknowledged_at:
        who = f"by {alert.acknowledged_by}"
        yield Event(alert.acknowledged_at, "Acknowledged", who, "good")
    if alert.closed_at:
        yield Event(alert.closed_at, "Fixed", "", "good")


def _of_messages(alert: Alert) -> Iterator[Event]:
    parts = ("channel", "person", "carried_by")
    for message in alert.messages.select_related(*parts).order_by("pk"):
        yield _event_of(message)


def _event_of(message: Message) -> Event:
    what = message.get_why_display()
    if message.why == Why.GROWTH:
        what = f"{what} to {message.count:,} records"
    if told_at := message.told_at:
        return Event(told_at, f"Told {message.to}", what, "good")
    if message.dropped_at:
        return Event(
            message.dropped_at, f"{message.to} not called", f"{what}: not needed"
        )
    if message.error:
        said = f"{what}: {defused(message.error)} Tried {message.tries} times."
        return Event(message.try_at, f"{message.to} not reached yet", said, "bad")
    return Event(message.try_at, f"{message.to} is told", what, "wait")
