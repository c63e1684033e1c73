"""Tells of lines that are due soon or overdue: each once, many of one person together.

Only what a rule counts by the clock of a team is told before it is due.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet, Sum
from django.utils.http import urlencode

from errorqueue.alerts import About, close_alert, raise_alert
from errorqueue.clock import database_time
from errorqueue.masking import hidden
from errorqueue.models import Action, Alert, FailedRecord
from errorqueue.text import one_line

log = logging.getLogger(__name__)

ESCALATED = "escalate"
KEY, SOON = "overdue:", "soon:"
QUEUE = "/admin/errorqueue/failedrecord/"
BATCH = 500
# How long one call works before it lets others have the worker.
SECONDS = 5.0
NAMED = 5
# What is due later than this is not soon, by any clock.
AHEAD = timedelta(days=4)
MOST_COUNTED = 10_000


# Names of targets that are not to be called now: what only waits for them is told later.
_away: list[Callable[[], Collection[str]]] = []


def register_away(targets: Callable[[], Collection[str]]) -> None:
    """Have nobody called about lines that only wait for one of these targets."""
    _away.append(targets)


@dataclass(frozen=True)
class Overdue:
    """Lines of one flow that one person, or nobody, should have settled by now."""

    assignee: Any
    flow: str
    lines: Sequence[FailedRecord]

    @property
    def key(self) -> str:
        """Return what this incident is known by while it lasts."""
        return key_of(self)

    @property
    def who(self) -> str:
        return str(self.assignee) if self.assignee else "nobody"


def has_due() -> bool:
    """Say whether a line is late or nearly so untold, or an incident is over."""
    now = database_time()
    untold = _untold(now).exists() or _unwarned(now).exists()
    return untold or any(_over(now))


def escalate() -> None:
    """Tell of what is due soon or overdue, and end the incidents that are over."""
    ends_at = time.monotonic() + SECONDS
    while time.monotonic() < ends_at and (_tell_batch() or _warn_batch()):
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
        alert(incident)
    Action.objects.bulk_create(_noted(line) for line in mine)
    return len(mine)


@transaction.atomic
def _warn_batch() -> int:
    """Warn of what is due soon; what is late by now was told of as that."""
    now = database_time()
    unwarned = _unwarned(now).select_for_update(skip_locked=True, of=("self",))
    nearly = unwarned.select_related("assignee").order_by("due_at", "pk")
    mine = [line for line in nearly[:BATCH] if _unwarned(now).filter(pk=line.pk)]
    warned = FailedRecord.objects.filter(pk__in=[line.pk for line in mine])
    warned.update(warn_at=None, touched_at=now)
    for incident in _grouped(one for one in mine if one.due_at and one.due_at > now):
        _warn(incident)
    return len(mine)


def _unwarned(now: datetime) -> QuerySet[FailedRecord]:
    return _callable(now).filter(warn_at__lte=now)


def _warn(incident: Overdue) -> None:
    """Raise one alert for a person and a flow, however many lines are nearly late."""
    count = len(incident.lines)
    many = "1 failure is" if count == 1 else f"{count:,} failures are"
    raise_alert(
        key_of(incident, SOON),
        f"{many} due soon: {incident.flow}, with {incident.who}",
        "\n".join(["These are due soon. The first:", *_named(incident)]),
        _list_url(incident, late=False),
        about=_about(incident),
    )


def _about(incident: Overdue, began_at: datetime | None = None) -> About:
    """Return the facts; what is late began when it was due, a warning when it came."""
    first = incident.lines[0]
    return About(
        flow=incident.flow,
        source=first.source,
        connection=first.target,
        line_id=first.pk,
        began_at=began_at,
        count=len(incident.lines),
    )


def _take(line: FailedRecord, now: datetime) -> bool:
    """Note that this line is told, so that two workers never both tell."""
    still = _untold(now).filter(pk=line.pk)
    return bool(still.update(escalated_at=now, touched_at=now))


def _untold(now: datetime) -> QuerySet[FailedRecord]:
    return _callable(now).filter(due_at__lte=now, escalated_at=None)


def _callable(now: datetime) -> QuerySet[FailedRecord]:
    """Return what people may be called about: what they can settle by themselves.

    The clock of a line never stops. But one that waits for the end of a maintenance,
    and for nobody, is told when that is over.
    """
    away = {name for targets in _away for name in targets()}
    awake = FailedRecord.objects.open().awake(now)
    waits = ~Q(status=FailedRecord.Status.FAILED) & Q(target__in=away)
    return awake.exclude(waits) if away else awake


def _grouped(lines: Iterable[FailedRecord]) -> Iterator[Overdue]:
    groups: dict[tuple[Any, str], list[FailedRecord]] = defaultdict(list)
    for line in lines:
        groups[line.assignee, line.flow].append(line)
    for (assignee, flow), found in groups.items():
        yield Overdue(assignee, flow, found)


def _noted(line: FailedRecord) -> Action:
    who = line.assignee or "nobody has it"
    return Action(failed=line, verb=ESCALATED, reason=f"It was due; {who}.")


def alert(incident: Overdue) -> None:
    """Raise one alert for a person and a flow, however many lines are late.

    Of one that is told already the count goes on, and with it what is told of growth.
    """
    late = _late(database_time(), incident.assignee, incident.flow)
    count = late.order_by()[:MOST_COUNTED].count()
    title = f"{_in_words(count)} overdue: {incident.flow}, with {incident.who}"
    told = Alert.objects.filter(key=incident.key, closed_at=None)
    if told.exists():
        told.filter(count__lt=count).update(count=count, title=one_line(title))
        return
    text = "\n".join(_words(incident))
    about = replace(
        _about(incident, incident.lines[0].due_at), count=count, money=_money(late)
    )
    raise_alert(incident.key, title, text, _list_url(incident), about=about)


def _money(late: QuerySet[FailedRecord]) -> dict[str, str]:
    """Return what is at stake, each currency by itself."""
    priced = late.exclude(amount=None).exclude(currency="").order_by()
    sums = priced.values_list("currency").annotate(total=Sum("amount"))
    return {currency: f"{total:.4f}" for currency, total in sums}


def _in_words(count: int) -> str:
    if count == 1:
        return "1 failure is"
    over = "over " if count == MOST_COUNTED else ""
    return f"{over}{count:,} failures are"


def _words(incident: Overdue) -> Iterator[str]:
    yield "Nobody has settled these in time. The oldest:"
    yield from _named(incident)
    yield "Of more that become late meanwhile it tells when they are ten times as many."


def _named(incident: Overdue) -> Iterator[str]:
    for line in incident.lines[:NAMED]:
        yield f"{line.human_id} {hidden(line.sentence)}"


def _list_url(incident: Overdue, *, late: bool = True) -> str:
    """Return the list of exactly these; a worker has no pages to ask for it."""
    who = incident.assignee.get_username() if incident.assignee else "none"
    query = f'assignee:{who} flow:"{incident.flow}"'
    shown = {"q": f"is:late {query}"} if late else {"tab": "due", "q": query}
    return f"{QUEUE}?{urlencode(shown)}"


def key_of(incident: Overdue, head: str = KEY) -> str:
    who = incident.assignee.pk if incident.assignee else "nobody"
    return f"{head}{who}:{incident.flow}"


def _over(now: datetime) -> Iterator[str]:
    """Yield the incidents that are told of and of which nothing is left."""
    told = Alert.objects.filter(Q(key__startswith=KEY) | Q(key__startswith=SOON))
    for key in told.filter(closed_at=None).values_list("key", flat=True):
        head, who, flow = key.split(":", 2)
        left = _late if f"{head}:" == KEY else _nearly
        assignee = int(who) if who.isdecimal() else None
        if not left(now, assignee, flow).exists():
            yield key


def _late(now: datetime, assignee: Any, flow: str) -> QuerySet[FailedRecord]:
    return _of(now, assignee, flow).filter(due_at__lte=now)


def _nearly(now: datetime, assignee: Any, flow: str) -> QuerySet[FailedRecord]:
    """Return what is still to come and was told of; late lines are told anew."""
    return _of(now, assignee, flow).filter(
        due_at__gt=now, due_at__lte=now + AHEAD, warn_at=None
    )


def _of(now: datetime, assignee: Any, flow: str) -> QuerySet[FailedRecord]:
    mine = FailedRecord.objects.open().awake(now)
    return mine.filter(assignee=assignee, flow=flow)
