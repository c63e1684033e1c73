"""F99: the key that signs wake-ups is changed while some are queued."""

import logging
from queue import Queue
from threading import Event

import pytest
from django.core.signing import BadSignature
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.pusher import pusher
from django_q.signing import SignedPackage

from integrations.models import SyncRecord, ringing
from tests.flows.test_orders import post_order
from tests.flows.test_protocol import creates

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)


def push_once() -> Queue:
    """Let the library's own pusher take what is queued, and end."""
    for _ in range(OrmQ.objects.count()):
        ended, handed = Event(), Queue()
        ended.set()
        pusher(handed, ended, broker=ORM())
    return handed


def test_f99_wake_ups_signed_with_the_old_key_are_rung_again_and_nothing_is_lost(
    post_order, drain, let_pass, netsuite, monkeypatch, settings
):
    for number in (9901, 9902, 9903):
        post_order(number=number)
    queued = list(OrmQ.objects.all())
    assert queued
    monkeypatch.setattr(Conf, "SECRET_KEY", "quite another key")
    with pytest.raises(BadSignature):
        SignedPackage.loads(queued[0].payload)
    logging.disable(logging.CRITICAL)
    try:
        handed = push_once()
    finally:
        logging.disable(logging.NOTSET)
    assert handed.empty() and not OrmQ.objects.exists(), "the library drops them"
    ringing.package.cache_clear()  # a new key means a new process
    let_pass(settings.BELL_SECONDS + 1)
    drain()
    ringing.package.cache_clear()
    assert {one.state for one in SyncRecord.objects.all()} == {"delivered"}
    assert len(creates(netsuite)) == 3
