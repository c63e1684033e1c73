"""What people do about privacy requests: hurry one, take the file, settle it."""

from datetime import timedelta
from typing import Any

from django.db import transaction

from errorqueue.clock import database_time
from errorqueue.text import clean
from integrations.models import PrivacyRequest
from integrations.models.vault import SealBroken
from integrations.sync import background
from integrations.sync.privacy import gathering, receipt, telling

User = Any
State = PrivacyRequest.State
# How long the file of a data request is kept after it was sent.
SENT_KEPT = timedelta(days=7)


class Refused(Exception):
    """It was not done; the text says why and what to do."""


@transaction.atomic
def carry_out_now(request_id: int, by: User, reason: str) -> PrivacyRequest:
    """Have an erasure done at once: what is not settled is excluded and erased.

    Raises Refused.
    """
    request = _locked(request_id, reason)
    if request.is_for_data or request.state not in (State.OPEN, State.WAITING):
        raise Refused(f"{request} is not an erasure that waits.")
    request.excludes_open, request.reason = True, clean(reason)[:300]
    request.asked_by, request.look_at = by, database_time()
    request.save()
    request.note("carried out now", request.reason, by)
    background.ring()
    return request


@transaction.atomic
def settle(request_id: int, by: User, reason: str) -> PrivacyRequest:
    """Note that the file was sent, or that what was left is settled; raises Refused."""
    request = _locked(request_id, reason)
    if request.state != State.PERSON:
        raise Refused(f"{request} does not wait for a person.")
    now = database_time()
    request.reason = clean(reason)[:300]
    if request.is_for_data:
        request.file_until = now + SENT_KEPT
    how = "The file was sent" if request.is_for_data else "Settled by hand"
    receipt.finish(request, by, f"{how}: {request.reason}")
    request.save()
    telling.tell(request, now)
    return request


@transaction.atomic
def download(request_id: int, by: User) -> bytes:
    """Return the file of a data request, and note who took it; raises Refused."""
    request = PrivacyRequest.objects.select_related("connection").get(pk=request_id)
    if not request.is_for_data or not request.parts.exists():
        raise Refused(f"There is no file of {request}: not ready yet, or deleted.")
    if request.state in (State.OPEN, State.WAITING):
        raise Refused(f"The file of {request} is not complete yet. Try in a minute.")
    try:
        content = gathering.file_of(request)
    except SealBroken as error:
        raise Refused(
            "The file cannot be opened with the encryption keys in use. Bring the key "
            "back into WAYBILL_FIELD_KEYS."
        ) from error
    request.note("file downloaded", f"{len(content)} bytes", by)
    return content


def _locked(request_id: int, reason: str) -> PrivacyRequest:
    """Return an open request for a person who says why; raises Refused."""
    locked = PrivacyRequest.objects.select_for_update(of=("self",))
    request = locked.select_related("connection").get(pk=request_id)
    if not reason.strip():
        raise Refused("Say why, or by which way: it stays in the audit trail.")
    if any(word.casefold() in reason.casefold() for word in request.words):
        raise Refused("The reason would keep the address: write it without.")
    return request
