"""Has workers go on with privacy requests: one locked row, one step, one commit."""

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.db import transaction

from errorqueue import failpoints
from errorqueue.clock import database_time
from integrations.models import PrivacyRequest
from integrations.sync import background
from integrations.sync.privacy import gathering, receipt, redacting, telling
from integrations.sync.privacy.scope import Waits
from integrations.sync.stopping import is_stopping

log = logging.getLogger(__name__)

State = PrivacyRequest.State
# A worker that dies in a step leaves the request for so long.
LEASE = timedelta(seconds=60)
LOOK_AGAIN = timedelta(minutes=10)
ASK_PEOPLE_AGAIN = timedelta(hours=1)


def has_due() -> bool:
    return PrivacyRequest.objects.filter(look_at__lte=database_time()).exists()


def step() -> None:
    """Go on with requests that are due until none is or the time is up."""
    ends_at = time.monotonic() + settings.DRAIN_SECONDS
    while time.monotonic() < ends_at and not is_stopping():
        request_id = _claim()
        if request_id is None:
            return
        _go_on(request_id)
    background.ring()


def _claim() -> int | None:
    """Take the request that is due longest, for as long as a lease."""
    now = database_time()
    due = PrivacyRequest.objects.filter(look_at__lte=now)
    found = due.order_by("look_at", "pk").first()
    if found is None:
        return None
    mine = PrivacyRequest.objects.filter(pk=found.pk, look_at=found.look_at)
    return found.pk if mine.update(look_at=now + LEASE) else None


def _go_on(request_id: int) -> None:
    """The one place that settles a step, hence the broad except."""
    try:
        with transaction.atomic():
            request = _locked(request_id)
            if request is not None:
                _take_step(request)
                failpoints.hit("privacy.step")
    except Waits as waits:
        _wait(request_id, str(waits))
    except Exception as error:
        log.exception("Privacy request %s could not go on", request_id)
        _wait(request_id, f"A step broke and is tried again: {type(error).__name__}.")


def _locked(request_id: int) -> PrivacyRequest | None:
    locked = PrivacyRequest.objects.select_for_update(of=("self",))
    return locked.select_related("connection", "asked_by").filter(pk=request_id).first()


def _take_step(request: PrivacyRequest) -> None:
    now = database_time()
    if not request.is_open:
        # Delivered once more after it was done.
        receipt.empty_deliveries(request)
        request.look_at = None
    elif request.state == State.PERSON:
        request.look_at = now + ASK_PEOPLE_AGAIN
    else:
        request.state, request.said, request.look_at = State.OPEN, "", now
        (gathering if request.is_for_data else redacting).step(request, now)
    request.save()
    telling.tell(request, now)


@transaction.atomic
def _wait(request_id: int, what: str) -> None:
    """Leave it for a while, say why, and tell people if its day is near."""
    request = _locked(request_id)
    if request is None or not request.is_open:
        return
    now = database_time()
    request.state, request.said = State.WAITING, what[:300]
    request.look_at = now + LOOK_AGAIN
    request.save()
    telling.tell(request, now)
