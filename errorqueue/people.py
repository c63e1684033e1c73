"""Working together: who has a line, until when it may wait, what was said about it.

Each verb is one transaction with its action; a settled line can still be talked
about, but neither assigned nor put off.
"""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.text import slugify

from errorqueue.clock import database_time
from errorqueue.models import Action, FailedRecord, Presence, Tag
from errorqueue.services import NotOpen, note
from errorqueue.wording import exact_time

User = Any
# A page asks every ten seconds; who was not seen for longer has left.
PRESENT = timedelta(seconds=30)
# Whoever is on a line may be at work on it elsewhere, in NetSuite for instance.
ON_IT = timedelta(minutes=15)
FORGOTTEN = timedelta(days=1)
LONGEST_SNOOZE = timedelta(days=90)
BACKEND = "django.contrib.auth.backends.ModelBackend"


class Unusable(ValueError):
    """What was given cannot be used; the text names it and the remedy."""


@transaction.atomic
def assign(
    line: FailedRecord, to: User | None, by: User, reason: str = ""
) -> Action | None:
    """Give a line to somebody, or to nobody; returns nothing when it was so before."""
    if line.assignee_id == getattr(to, "pk", None):
        return None
    before = str(line.assignee or "nobody")
    _change(line, assignee=to)
    line.assignee = to
    return note(line, "assign", by, reason, before=before, after=str(to or "nobody"))


@transaction.atomic
def hand_over(line: FailedRecord, to: User, by: User, words: str) -> Action:
    """Give a line to a colleague with what they must know. Raises Unusable."""
    if not words.strip():
        raise Unusable("Write what your colleague must know: a hand-over needs a note.")
    assign(line, to, by)
    return note(line, "hand over", by, words, after=str(to))


@transaction.atomic
def tag(line: FailedRecord, word: str, by: User) -> Action | None:
    """Put a tag on a line; raises Unusable for a word without letters or digits."""
    name = slugify(word)[:40]
    if not name:
        raise Unusable(f"“{word}” is no tag: use letters, digits and hyphens.")
    found, _ = Tag.objects.get_or_create(name=name)
    if line.tags.filter(pk=found.pk).exists():
        return None
    line.tags.add(found)
    _touch(line)
    return note(line, "tag", by, after=name)


@transaction.atomic
def untag(line: FailedRecord, name: str, by: User) -> Action | None:
    """Take a tag off a line."""
    found = line.tags.filter(name=name).first()
    if found is None:
        return None
    line.tags.remove(found)
    _touch(line)
    return note(line, "untag", by, before=name)


def comment(line: FailedRecord, words: str, by: User) -> Action:
    """Say something about a line, also about one that is settled."""
    if not words.strip():
        raise Unusable("The comment is empty: write something, or leave it.")
    return note(line, "comment", by, words)


@transaction.atomic
def snooze(
    line: FailedRecord,
    until: datetime,
    by: User,
    reason: str = "",
    *,
    wakes_when_green: bool = False,
) -> Action:
    """Put a line off until a time, or until it would pass if that is sooner.

    Raises Unusable for a time that is past or more than 90 days away.
    """
    now = database_time()
    if until <= now:
        raise Unusable("That time is past: choose one that is still to come.")
    if until > now + LONGEST_SNOOZE:
        raise Unusable("Snooze it for 90 days at most; then look at it again.")
    _change(line, snoozed_until=until, wakes_when_green=wakes_when_green)
    line.snoozed_until, line.wakes_when_green = until, wakes_when_green
    return note(line, "snooze", by, reason, after=f"until {exact_time(until)}")


@transaction.atomic
def wake(line: FailedRecord, by: User = None, reason: str = "") -> Action | None:
    """End a snooze; returns nothing when the line was awake."""
    asleep = FailedRecord.objects.filter(pk=line.pk, snoozed_until__isnull=False)
    awake = {"snoozed_until": None, "wakes_when_green": False}
    if not asleep.update(**awake, touched_at=database_time()):
        return None
    line.snoozed_until, line.wakes_when_green = None, False
    return note(line, "wake", by, reason)


def staff() -> QuerySet[Any]:
    """Return everybody who may use the console, by user name."""
    people: Any = get_user_model().objects
    found: QuerySet[Any] = people.filter(is_active=True, is_staff=True)
    return found.order_by("username")


def colleagues() -> QuerySet[Any]:
    """Return who can be given a line: people who see the queue."""
    people: Any = get_user_model().objects
    seeing = people.with_perm("errorqueue.view_failedrecord", backend=BACKEND)
    found: QuerySet[Any] = seeing.filter(is_staff=True).order_by("username")
    return found


def see(line: FailedRecord, user: User, *, claims: bool | None = None) -> None:
    """Note that somebody has the line open; `claims` is the press of "I am on this"."""
    now = database_time()
    told: dict[str, Any] = {"seen_at": now}
    if claims is not None:
        told["is_claimed"] = claims
    _, is_new = Presence.objects.update_or_create(line=line, user=user, defaults=told)
    if is_new:
        Presence.objects.filter(user=user, seen_at__lt=now - FORGOTTEN).delete()


def present(line: FailedRecord, but: User = None) -> list[Presence]:
    """Return who has the line open now or is on it, the latter first."""
    now = database_time()
    is_open = Q(seen_at__gte=now - PRESENT)
    is_on_it = Q(is_claimed=True, seen_at__gte=now - ON_IT)
    found = Presence.objects.filter(is_open | is_on_it, line=line).exclude(user=but)
    return list(found.select_related("user").order_by("-is_claimed", "seen_at"))


def _change(line: FailedRecord, **columns: Any) -> None:
    open_lines = FailedRecord.objects.open().filter(pk=line.pk)
    if not open_lines.update(**columns, touched_at=database_time()):
        raise NotOpen(f"{line.human_id} is settled already.")


def _touch(line: FailedRecord) -> None:
    FailedRecord.objects.filter(pk=line.pk).update(touched_at=database_time())
