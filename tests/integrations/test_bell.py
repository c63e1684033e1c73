from datetime import timedelta

import pytest
from django.db import transaction
from django.utils.module_loading import import_string
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from integrations.models import Bell, ring_alerts, ring_connection, ring_inbox


def test_many_rings_of_one_lane_queue_one_wake_up(db):
    for _ in range(5):
        ring_connection(7)
    assert OrmQ.objects.count() == 1


def test_an_answered_bell_can_be_rung_again(db):
    ring_inbox()
    Bell.objects.answer("inbox")
    ring_inbox()
    assert OrmQ.objects.count() == 2


def test_f15_a_lost_wake_up_is_rung_again_after_a_while(db, settings):
    ring_inbox()
    OrmQ.objects.all().delete()
    ring_inbox()
    assert OrmQ.objects.count() == 0
    rung_at = Bell.objects.get().rung_at
    Bell.objects.update(rung_at=rung_at - timedelta(seconds=settings.BELL_SECONDS + 1))
    ring_inbox()
    assert OrmQ.objects.count() == 1


def test_a_wake_up_vanishes_with_the_transaction_that_rang_it(transactional_db):
    with pytest.raises(RuntimeError), transaction.atomic():
        ring_inbox()
        raise RuntimeError
    assert OrmQ.objects.count() == 0
    assert not Bell.objects.exclude(rung_at=None).exists()


def test_every_bell_rings_a_function_that_exists_with_integers_only(db):
    ring_inbox()
    ring_connection(7)
    ring_alerts()
    for row in OrmQ.objects.all():
        task = SignedPackage.loads(row.payload)
        assert callable(import_string(task["func"]))
        assert all(type(value) is int for value in task["args"])
