"""Tells other programs what opens and what is settled, by signed webhooks.

A notice is a row written with the change it tells of, so that neither is there
without the other; a worker sends it afterwards. A subscriber hears "opened" and
"resolved" of a line in turn, never one twice, and the later one only when the
earlier was taken or given up.
"""

import json
import time
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from errorqueue import masking, wording
from errorqueue.alerts import close_alert, raise_alert
from errorqueue.clock import database_time
from errorqueue.models import FailedRecord, Notice, Subscriber, Watermark
from errorqueue.outgoing import NotAllowed, NotTaken, post
from errorqueue.sealing import SealBroken
from errorqueue.signing import HEADER, secrets_of, signature

OPENED, RESOLVED, TEST = "opened", "resolved", "test"
EVENTS = (OPENED, RESOLVED)
# After a try that was not taken: so long until the next one; then it is given up.
WAITS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
# A worker that dies while it sends leaves the notice due again after this.
CLAIM = timedelta(minutes=1)
# What a pass may take altogether, and one subscriber of it.
PASS_SECONDS, SHARE_SECONDS = 15.0, 5.0
BATCH = 50
GONE = 410
USER_AGENT = "Waybill-Webhooks/1"
# Most queues have no subscriber: whether there is any is asked this often at most.
ASKED_EVERY = 5.0
_asked: dict[str, Any] = {}


def forget() -> None:
    """Ask anew whether there is a subscriber, since one was added or taken away."""
    _asked.clear()


def opened(line: FailedRecord) -> None:
    """Note for all subscribers that `line` needs a person, in the same transaction."""
    _write(line, OPENED)


def settled(line: FailedRecord) -> None:
    """Note for all subscribers that `line` was closed, in the same transaction."""
    _write(line, RESOLVED)


def _write(line: FailedRecord, event: str) -> None:
    if not _has_subscriber():
        return
    told = dict(Notice.objects.filter(line=line).order_by("pk").values_list(*LAST))
    listening = Subscriber.objects.filter(is_active=True)
    hear = [one for one in listening if _is_news(one, event, told.get(one.pk))]
    if not hear:
        return
    now, body = database_time(), body_of(FailedRecord.objects.get(pk=line.pk))
    Notice.objects.bulk_create(
        Notice(
            subscriber=one,
            line_id=line.pk,
            event=event,
            body=body,
            made_at=now,
            try_at=now,
        )
        for one in hear
    )


LAST = ("subscriber_id", "event")


def _has_subscriber() -> bool:
    now = time.monotonic()
    if not _asked or now > _asked["at"] + ASKED_EVERY:
        found = Subscriber.objects.filter(is_active=True).exists()
        _asked.update(at=now, found=found)
    return bool(_asked["found"])


def _is_news(subscriber: Subscriber, event: str, last: str | None) -> bool:
    """Who listens to both hears of the end of what it heard the beginning of."""
    if event not in subscriber.events:
        return False
    if event == OPENED:
        return last != OPENED
    return last == OPENED or OPENED not in subscriber.events


def body_of(line: FailedRecord) -> dict[str, Any]:
    """Return what a subscriber may know of a line: nothing personal, no payload."""
    money = None
    if line.amount is not None:
        amount = wording.digits(line.amount, line.currency)
        money = {"amount": amount, "currency": line.currency}
    page = f"/admin/errorqueue/failedrecord/{line.pk}/change/"
    return {
        "id": line.human_id,
        "sentence": sentence_of(line),
        "kind": line.kind,
        "status": line.status,
        "ending": line.ending,
        "flow": line.flow,
        "money": money,
        "links": {
            "page": f"{settings.SITE_URL}{page}",
            "api": f"{settings.SITE_URL}/api/v1/failed-records/{line.pk}/",
        },
    }


def sentence_of(line: FailedRecord) -> str:
    """Return what failed, without the name and the addresses of a person."""
    is_person = any(word in line.entity.lower() for word in ("customer", "contact"))
    title = (
        f"{line.entity.capitalize()} of {line.human_id}" if is_person else line.title
    )
    said = masking.hidden(f"{title} {line.what}".strip())
    for name in (line.party, line.email):
        said = said.replace(name, masking.HIDDEN) if name else said
    return said


def waiting(now: datetime) -> QuerySet[Notice]:
    """Return what is to be sent now; the second of a line waits for the first."""
    earlier = _unsent().filter(
        subscriber=OuterRef("subscriber"), line=OuterRef("line"), pk__lt=OuterRef("pk")
    )
    in_use = Q(subscriber__is_active=True, subscriber__paused_reason="")
    return _unsent().filter(in_use, try_at__lte=now).exclude(Exists(earlier))


def _unsent() -> QuerySet[Notice]:
    return Notice.objects.filter(sent_at=None, given_up_at=None)


def has_due() -> bool:
    """Say whether a notice is to be sent."""
    due, in_use = waiting(database_time()), _in_use()
    return any(due.filter(subscriber=one).exists() for one in in_use)


def send_due() -> int:
    """Send what is due, each subscriber in its turn; return how many were taken."""
    ends_at = time.monotonic() + PASS_SECONDS
    sent = 0
    for subscriber in _in_use():
        until = min(ends_at, time.monotonic() + SHARE_SECONDS)
        sent += _send_to(subscriber, until)
    return sent


def _in_use() -> list[Subscriber]:
    """Those who are sent to now: asked one by one, as each has an index of its own."""
    awake = Subscriber.objects.filter(is_active=True, paused_reason="")
    in_use = list(awake.order_by("pk"))
    rests = Watermark.objects.filter(name__in=[_key(one) for one in in_use])
    resting = rests.filter(at__gt=database_time()).values_list("name", flat=True)
    names = set(resting)
    return [one for one in in_use if _key(one) not in names]


def _send_to(subscriber: Subscriber, ends_at: float) -> int:
    """Send until time is up or one is not taken: the others would not be either."""
    taken = 0
    mine = waiting(database_time()).filter(subscriber=subscriber)
    for notice in mine.order_by("try_at", "pk")[:BATCH]:
        if time.monotonic() > ends_at or not send(notice, subscriber):
            break
        taken += 1
    if taken:
        close_alert(_key(subscriber))
    return taken


def send(notice: Notice, subscriber: Subscriber) -> bool:
    """Send one notice if nobody else does so right now; say whether it was taken."""
    if not _claim(notice):
        return False
    told = {"id": f"ntc_{notice.pk}", "event": notice.event, "record": notice.body}
    try:
        deliver(subscriber, told, notice.made_at)
    except (NotTaken, NotAllowed) as error:
        _missed(notice, subscriber, error)
        return False
    mine = Notice.objects.filter(pk=notice.pk)
    mine.update(sent_at=database_time(), error="")
    return True


def _claim(notice: Notice) -> bool:
    now = database_time()
    mine = _unsent().filter(pk=notice.pk, tries=notice.tries, try_at__lte=now)
    return bool(mine.update(tries=notice.tries + 1, try_at=now + CLAIM))


def deliver(subscriber: Subscriber, told: dict[str, Any], at: datetime) -> None:
    """Sign a message and post it. Raises NotTaken or NotAllowed."""
    told = {**told, "at": at.isoformat()}
    body = json.dumps(told, ensure_ascii=False).encode()
    try:
        keys = secrets_of(subscriber)
    except SealBroken as error:
        text = "Its secret cannot be read with WAYBILL_FIELD_KEYS: make a new one."
        raise NotTaken(text) from error
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "Waybill-Event": told["event"],
        "Waybill-Id": told["id"],
        HEADER: signature(keys, int(database_time().timestamp()), body),
    }
    post(subscriber.url, body, headers)


def test(subscriber: Subscriber) -> None:
    """Send a message that tells of nothing. Raises NotTaken or NotAllowed."""
    now = database_time()
    told = {"id": f"tst_{int(now.timestamp())}", "event": TEST, "record": None}
    deliver(subscriber, told, now)


def _missed(notice: Notice, subscriber: Subscriber, error: Exception) -> None:
    """Plan the next try, and let the other notices of this subscriber wait as well.

    They may be many thousands by now: the subscriber rests, they are not rewritten.
    """
    now, tries = database_time(), notice.tries + 1
    mine = Notice.objects.filter(pk=notice.pk)
    if tries > len(WAITS):
        mine.update(given_up_at=now, error=str(error)[:300])
        _give_up(notice, subscriber, error)
    else:
        mine.update(try_at=now + WAITS[tries - 1], error=str(error)[:300])
    if getattr(error, "status", None) == GONE:
        pause(subscriber, f"It answered that it is gone for good. {error}")
    rest = {"at": now + WAITS[0]}
    Watermark.objects.update_or_create(name=_key(subscriber), defaults=rest)


def _give_up(notice: Notice, subscriber: Subscriber, error: Exception) -> None:
    """Tell people; a subscriber that took nothing all that time is paused."""
    taken = Notice.objects.filter(
        subscriber=subscriber, sent_at__gte=notice.made_at
    ).exists()
    if not taken:
        pause(subscriber, f"It took nothing for nine hours. {error}")
    raise_alert(
        _key(subscriber),
        f"Webhook {subscriber} does not take its messages",
        f"“{notice}” was tried {len(WAITS) + 1} times and given up. Last answer: "
        f"{error}"
        + ("" if taken else " The webhook is paused; what follows is kept for it."),
        link=f"/admin/errorqueue/subscriber/{subscriber.pk}/change/",
    )


def pause(subscriber: Subscriber, reason: str) -> None:
    """Send nothing more until somebody resumes; what happens meanwhile is kept."""
    mine = Subscriber.objects.filter(pk=subscriber.pk, paused_reason="")
    mine.update(paused_reason=reason[:300])


def resume(subscriber: Subscriber) -> bool:
    """Send again what was kept, at once; say whether it was paused."""
    mine = Subscriber.objects.filter(pk=subscriber.pk).exclude(paused_reason="")
    if not mine.update(paused_reason=""):
        return False
    kept = _unsent().filter(subscriber=subscriber)
    kept.update(try_at=database_time(), tries=0)
    _end_rest(subscriber)
    close_alert(_key(subscriber))
    return True


def send_again(notice: Notice) -> bool:
    """Take up a notice that was given up; say whether it was."""
    mine = Notice.objects.filter(pk=notice.pk, given_up_at__isnull=False)
    again = {"given_up_at": None, "tries": 0, "try_at": database_time()}
    _end_rest(notice.subscriber)
    return bool(mine.update(**again))


def _end_rest(subscriber: Subscriber) -> None:
    Watermark.objects.filter(name=_key(subscriber)).delete()


def old(before: datetime) -> QuerySet[Notice]:
    """Return what was taken or given up before a time, of lines that are settled."""
    over = Q(sent_at__lt=before) | Q(given_up_at__lt=before)
    return Notice.objects.filter(over).exclude(line__status__in=FailedRecord.OPEN)


def _key(subscriber: Subscriber) -> str:
    return f"webhook:{subscriber.pk}"
