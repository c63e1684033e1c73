"""What a message says: facts in plain lines, links, nothing foreign that could act.

Foreign text is masked, folded and defused: no line, header, mention, mark-up or link
of somebody else's making reaches a reader; payloads and secrets are not in it at all.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone

from errorqueue import wording
from errorqueue.alerting.channels import Mark
from errorqueue.alerting.hours import zone_of
from errorqueue.masking import hidden
from errorqueue.models import Alert, Message, Team
from errorqueue.text import one_line

Why = Message.Why
LONGEST_LINE = 300


class Size(NamedTuple):
    """How many lines a text has, how long each, and how many incidents it names."""

    lines: int
    line: int
    carried: int


WHOLE, BRIEF = Size(12, LONGEST_LINE, 10), Size(2, 130, 0)
PREFIX = "[Waybill]"
# Signs by which chat services make links, mentions and mark-up, and what reads alike.
_ACTING = str.maketrans(
    {"<": "‹", ">": "›", "[": "(", "]": ")", "`": "'", "@": "(at)", "|": "¦", "*": "·"}
)
_HEADS = {
    Why.GROWTH: "Now {count} records",
    Why.STEP: "Nobody has acknowledged",
    Why.END: "Over",
}
# The same for many incidents in one message.
_SHARED = {
    Why.GROWTH: "{count} incidents have grown",
    Why.STEP: "Nobody has acknowledged {count} incidents",
    Why.END: "{count} incidents are over",
}


def defused(text: str, limit: int = LONGEST_LINE) -> str:
    """Return foreign text as one harmless line."""
    shown = hidden(one_line(text, 4 * limit)).translate(_ACTING)
    return shown.replace("://", ": //")[:limit]


def subject_of(message: Message, carried: Sequence[Message] = ()) -> str:
    """Return the subject, or the first line where there is none."""
    alert = message.alert
    if alert is None:
        return f"{PREFIX} {defused(message.subject, 150)}"
    title, why = defused(alert.title, 150), Why(message.origin.why)
    if carried:
        head = _SHARED.get(why, "{count} incidents").format(count=len(carried) + 1)
        return f"{PREFIX} {head}, the first: {title}"
    head = _HEADS.get(why, "").format(count=f"{alert.count:,}")
    return f"{PREFIX} {head}: {title}" if head else f"{PREFIX} {title}"


def body_of(
    message: Message, carried: Sequence[Message] = (), *, is_brief: bool = False
) -> str:
    """Return the text: what is wrong, how many and how much, since when, where to go.

    The brief one is for services that refuse more than about a thousand signs.
    """
    alert = message.alert
    if alert is None:
        return message.text
    size = BRIEF if is_brief else WHOLE
    said = "\n".join(_lines(alert, message.team, size))
    parts = [said, *_others(carried, size), "\n".join(_links(alert))]
    return "\n\n".join(parts) + "\n"


def _lines(alert: Alert, team: Team | None, size: Size) -> Iterator[str]:
    if alert.closed_at:
        yield "This is over meanwhile. What was wrong:"
    for line in alert.text.splitlines()[: size.lines]:
        yield defused(line, size.line)
    if facts := facts_of(alert):
        yield facts
    yield f"Since {_on_the_wall(alert.began, team)}"
    if alert.acknowledged_by:
        yield f"{alert.acknowledged_by} has acknowledged it."


def _on_the_wall(moment: datetime, team: Team | None) -> str:
    """Write a moment as the clock of its readers shows it, and where that hangs."""
    zone = zone_of(team) if team else timezone.get_default_timezone()
    return f"{moment.astimezone(zone):%-d %b %Y %H:%M} ({zone})"


def facts_of(alert: Alert) -> str:
    """Return number, records and money in one line; nothing where none is known."""
    found = [alert.line.human_id] if alert.line else []
    if alert.count > 1:
        found.append(f"{alert.count:,} records")
    found += wording.moneys(alert.money)
    return " · ".join(found)


def _others(carried: Sequence[Message], size: Size) -> Iterator[str]:
    """Name other incidents that came at the same time, so many of them."""
    if not carried:
        return
    shown = [one.alert for one in carried[: size.carried] if one.alert]
    lines = [f"- {_in_a_line(one)} {page_of(one)}" for one in shown]
    more = len(carried) - len(shown)
    if more:
        counted = f"and {more:,} more" if shown else f"{more:,} others"
        lines.append(f"- {counted}: {list_page()}")
    yield "\n".join(["At the same time:", *lines])


def _in_a_line(alert: Alert) -> str:
    facts = facts_of(alert)
    return " · ".join(part for part in (defused(alert.title, 150), facts) if part)


def _links(alert: Alert) -> Iterator[str]:
    if alert.link.startswith("/"):
        yield f"What it is about: {settings.SITE_URL}{alert.link}"
    if alert.closed_at is None:
        yield f"Acknowledge: {list_page()}{alert.pk}/acknowledge/"
        yield f"Assign to me: {list_page()}{alert.pk}/take/"


def signed(mark: Mark) -> str:
    """Return the last line: by it a reader knows a message that came twice."""
    about = f"Incident {mark.incident}, message" if mark.incident else "Message"
    return f"\n{about} {mark.message}\n"


def page_of(alert: Alert) -> str:
    """Return the address of an incident; a worker has no pages to ask for it."""
    return f"{list_page()}{alert.pk}/change/"


def list_page() -> str:
    return f"{settings.SITE_URL}/admin/errorqueue/alert/"
