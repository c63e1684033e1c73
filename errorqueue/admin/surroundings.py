"""What stands around one failed record: its cause, who waits, its time line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from errorqueue.failures import Try
from errorqueue.masking import masked, veil
from errorqueue.models import FailedRecord

# Counting more than this costs time and tells a person nothing new.
MOST_COUNTED = 1000
MOST_NAMED = 5


@dataclass(frozen=True)
class Step:
    """One try on the time line: made, the next one, or one that may follow."""

    number: int
    at: datetime | None
    tone: str


def of(line: FailedRecord, tries: Sequence[Try], user: Any) -> dict[str, Any]:
    """Return what a page shows around a line; four queries at most."""
    behind = _behind(line.pk)
    veil([line.blocked_by] if line.blocked_by else [], user)
    for one in behind[:MOST_NAMED]:
        one.what = masked(one.what, user)
    return {
        "cause": _cause(line, user),
        "behind": behind[:MOST_NAMED],
        "behind_count": _many(behind),
        "blocker": line.blocked_by,
        "blocker_behind": _many(_behind(line.blocked_by_id)),
        "first_error": first_error(line, user),
        "time_line": time_line(line, tries),
        "time_line_said": time_line_said(line),
    }


def _behind(pk: int | None) -> list[FailedRecord]:
    """Return the open lines that wait for a line, oldest first."""
    if pk is None:
        return []
    waiting = FailedRecord.objects.open().filter(blocked_by=pk)
    named = waiting.only("title", "what").order_by("first_failed_at", "pk")
    return list(named[:MOST_COUNTED])


def _cause(line: FailedRecord, user: Any) -> dict[str, Any] | None:
    """Return the cause of a line, how many open siblings it has, and where to look."""
    if line.cause is None:
        return None
    siblings = FailedRecord.objects.open().filter(cause=line.cause_id)
    others = siblings.exclude(pk=line.pk).order_by()[:MOST_COUNTED]
    count = len(others.values_list("pk", flat=True))
    listed = reverse("admin:errorqueue_failedrecord_changelist")
    return {
        "cause": line.cause,
        "siblings": f"{count:,}" if count < MOST_COUNTED else f"over {count:,}",
        "count": count,
        "url": _page_of_cause(line, user),
        "list_url": f"{listed}?q=cause:{line.cause_id}",
    }


def _page_of_cause(line: FailedRecord, user: Any) -> str:
    if not user.has_perm("errorqueue.view_cause"):
        return ""
    try:
        return reverse("admin:errorqueue_cause_change", args=[line.cause_id])
    except NoReverseMatch:
        return ""


def _many(found: Sequence[Any]) -> str:
    count = len(found)
    return f"{count:,}" if count < MOST_COUNTED else f"over {count:,}"


def first_error(line: FailedRecord, user: Any) -> dict[str, Any] | None:
    """Return the first error of a line, when the present one is another one."""
    first = dict(line.first_error)
    if not first:
        return None
    for name in ("what", "why", "raw"):
        first[name] = masked(first.get(name, ""), user, line.problems)
    same = first["what"] == line.what and first["why"] == line.why
    if same and first.get("code") == line.code:
        return None
    first["at"] = datetime.fromisoformat(first["at"])
    return first


def time_line(line: FailedRecord, tries: Sequence[Try]) -> list[Step]:
    """Return every try that a line gets by itself; nothing when it needs a person."""
    if line.status != FailedRecord.Status.WAITING or line.next_try_at is None:
        return []
    made = [one.started_at for one in tries][-line.tries :]
    begun: list[datetime | None] = [None] * (line.tries - len(made))
    done = [Step(n, at, "done") for n, at in enumerate([*begun, *made], 1)]
    coming = Step(line.tries + 1, line.next_try_at, "next")
    later = range(line.tries + 2, line.tries_allowed + 1)
    return [*done, coming, *(Step(n, None, "later") for n in later)]


def time_line_said(line: FailedRecord) -> str:
    """Say the policy in one sentence: "Next try 14:32, 3 of 8, then to the queue"."""
    if line.status != FailedRecord.Status.WAITING or line.next_try_at is None:
        return ""
    allowed = max(line.tries, line.tries_allowed)
    return f"Next try {clock(line.next_try_at)}, {line.tries} of {allowed} made, then it needs a person."


def clock(at: datetime) -> str:
    """Write the hour of today, and the day as well when it is another one."""
    local = timezone.localtime(at)
    is_today = local.date() == timezone.localtime().date()
    return local.strftime("%H:%M" if is_today else "%d %b %H:%M")
