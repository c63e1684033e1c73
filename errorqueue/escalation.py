"""Tells of lines that are overdue: each once, and many of one person together."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from errorqueue.alerts import close_alert, raise_alert
from errorqueue.clock import database_time
from errorqueue.masking import hidden
from errorqueue.models import Action, Alert, FailedRecord

log = logging.getLogger(__name__)

ESCALATED = "escalate"
KEY = "overdue:"
BATCH = 500
# How long one call works before it lets others have the worker.
SECONDS = 5.0
NAMED = 5
MOST_COUNTED = 10_000


@dataclass(frozen=True)
class Overdue:
    """Lines of one flow that one person, or nobody, should have settled by now."""

    assignee: Any
    flow: str
    lines: Sequence[FailedRecord]

    @property
    def key(self) -> str:
        """Return what this incident is known by while it lasts."""
        return key_of(self.assignee.pk if self.assignee else None, self.flow)

    @property
    def who(self) -> str:
        return str(self.assignee) if self.assignee else "nobody"


Teller = Callable[[Overdue], object]

_tellers: list[Teller] = []


def on_overdue(tell: Teller) -> Teller:
    """Have `tell` hear of lines that are overdue; can be used as a decorator.

    It is called inside the transaction that notes each line as told: what it writes
    is kept or lost together with that, so no line is told twice or forgotten.
    """
    if tell not in _tellers:
        _tellers.append(tell)
    return tell


def has_due() -> bool:
    """Say whether a line is overdue that nobody was told of, or an incident is over."""
    return _untold(database_time()).exists() or any(_over(database_time()))


def escalate() -> None:
    """Tell of what is overdue, and end the incidents of which nothing is left."""
    ends_at = time.monotonic() + SECONDS
    while time.monotonic() < ends_at and _tell_batch():
        pass
    for key in _over(database_time()):
        close_alert(key)


@transaction.atomic
def _tell_batch() -> int:
    now = database_time()
    # Lines that somebody holds are told of next time: waiting for one while holding
    # others is how two workers wait for each other.
    untold = _untold(now).select_for_update(skip_locked=True, of=("self",))
    oldest = untold.select_related("assignee").order_by("due_at", "pk")
    mine = [line for line in oldest[:BATCH] if _take(line, now)]
    for incident in _grouped(mine):
        for tell in _tellers:
            tell(incident)
    Action.objects.bulk_create(_noted(line) for line in mine)
    return len(mine)


def _take(line: FailedRecord, now: datetime) -> bool:
    """Note that this line is told, so that two workers never both tell."""
    still = _untold(now).filter(pk=line.pk)
    return bool(still.update(escalated_at=now, touched_at=now))


def _untold(now: datetime) -> QuerySet[FailedRecord]:
    awake = FailedRecord.objects.open().awake(now)
    return awake.filter(due_at__lte=now, escalated_at=None)


def _grouped(lines: Sequence[FailedRecord]) -> Iterator[Overdue]:
    groups: dict[tuple[Any, str], list[FailedRecord]] = defaultdict(list)
    for line in lines:
        groups[line.assignee, line.flow].append(line)
    for (assignee, flow), found in groups.items():
        yield Overdue(assignee, flow, found)


def _noted(line: FailedRecord) -> Action:
    who = line.assignee or "nobody has it"
    return Action(failed=line, verb=ESCALATED, reason=f"It was due; {who}.")


@on_overdue
def alert(incident: Overdue) -> None:
    """Raise one alert for a person and a flow, however many lines are late."""
    if not Alert.objects.filter(key=incident.key, closed_at=None).exists():
        title = f"{_counted(incident)} overdue: {incident.flow}, with {incident.who}"
        text = "\n".join(_words(incident))
        raise_alert(incident.key, title, text, _list_url(incident))


def _counted(incident: Overdue) -> str:
    """Count all that are late, not just those of this batch."""
    late = _late(database_time(), incident.assignee, incident.flow)
    count = late.order_by()[:MOST_COUNTED].count()
    if count == 1:
        return "1 failure is"
    over = "over " if count == MOST_COUNTED else ""
    return f"{over}{count:,} failures are"


def _words(incident: Overdue) -> Iterator[str]:
    yield "Nobody has settled these in time. The oldest:"
    for line in incident.lines[:NAMED]:
        yield f"{line.human_id} {hidden(line.sentence)}"
    yield "More that become late meanwhile raise no further alert."


def _list_url(incident: Overdue) -> str:
    who = incident.assignee.get_username() if incident.assignee else "none"
    query = f'is:late assignee:{who} flow:"{incident.flow}"'
    try:
        address = reverse("admin:errorqueue_failedrecord_changelist")
    except NoReverseMatch:
        return ""
    return f"{address}?{urlencode({'q': query})}"


def key_of(assignee: int | None, flow: str) -> str:
    return f"{KEY}{assignee or 'nobody'}:{flow}"


def _over(now: datetime) -> Iterator[str]:
    """Yield the incidents that are told of and of which no line is late any more."""
    told = Alert.objects.filter(key__startswith=KEY, closed_at=None)
    for key in told.values_list("key", flat=True):
        who, _, flow = key.removeprefix(KEY).partition(":")
        assignee = int(who) if who.isdecimal() else None
        if not _late(now, assignee, flow).exists():
            yield key


def _late(now: datetime, assignee: Any, flow: str) -> QuerySet[FailedRecord]:
    late = FailedRecord.objects.open().awake(now).filter(due_at__lte=now)
    return late.filter(assignee=assignee, flow=flow)
