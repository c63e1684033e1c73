"""What the page of one failed record shows of the people around it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from errorqueue import people
from errorqueue.models import FailedRecord, Presence, Tag

# A list that is longer is no help while typing.
MOST_TAGS = 200
PRESETS = (
    ("hour", "In 1 hour"),
    ("tomorrow", "Tomorrow 9:00"),
    ("green", "Until it would pass"),
)


@dataclass(frozen=True)
class Typed:
    """What somebody typed that could not be used, and why; nothing of it is lost."""

    verb: str
    problem: str
    data: Mapping[str, str] = field(default_factory=dict)


def panel_of(
    line: FailedRecord, user: Any, typed: Typed | None = None
) -> dict[str, Any]:
    """Return who has the line, who is at it, its tags and until when it waits."""
    may_change = user.has_perm("errorqueue.assign_failedrecord")
    return {
        "may_change": may_change,
        "colleagues": _choices(line, user) if may_change and line.is_open else [],
        "is_mine": line.assignee_id == user.pk,
        "tags": list(line.tags.all()),
        "known_tags": list(Tag.objects.all()[:MOST_TAGS]) if may_change else [],
        "presets": PRESETS,
        "zone": timezone.get_current_timezone_name(),
        "is_late": bool(line.due_at and line.due_at < timezone.now()),
        "is_asleep": bool(line.snoozed_until and line.snoozed_until > timezone.now()),
        "typed": typed,
        **presence_of(line, user),
    }


def presence_of(line: FailedRecord, user: Any) -> dict[str, Any]:
    """Return in words who else is at a line, and whether this person is on it."""
    found = people.present(line)
    others = [one for one in found if one.user_id != user.pk]
    return {
        "said": list(said(others)),
        "is_on_it": any(one.is_claimed for one in found if one.user_id == user.pk),
    }


def said(others: Sequence[Presence]) -> list[str]:
    """Say it: "Otto is on this", "Ann and Bea have this open"."""
    on_it = [name_of(one.user) for one in others if one.is_claimed]
    has_it = [name_of(one.user) for one in others if not one.is_claimed]
    sentences = (
        (on_it, "is on this", "are on this"),
        (has_it, "has this open", "have this open"),
    )
    return [
        f"{_listed(names)} {one if len(names) == 1 else many}"
        for names, one, many in sentences
        if names
    ]


def name_of(user: Any) -> str:
    """Return what colleagues call a person."""
    return str(user.get_full_name() or user.get_username())


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _choices(line: FailedRecord, user: Any) -> list[dict[str, Any]]:
    """Return who can be chosen: oneself first, then everybody who sees the queue."""
    found = list(people.colleagues())
    if line.assignee and line.assignee not in found:
        found.append(line.assignee)
    found.sort(key=lambda one: one.pk != user.pk)
    return [{"pk": one.pk, "name": _label(one, user)} for one in found]


def _label(one: Any, user: Any) -> str:
    name = name_of(one)
    return f"{name} (you)" if one.pk == user.pk else name
