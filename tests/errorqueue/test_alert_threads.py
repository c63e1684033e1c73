"""Many workers at once: one incident, and each message once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core import mail
from django.db import connections

from errorqueue import alerts
from errorqueue.models import Alert, Message
from tests.errorqueue.alerting import make_channel, make_rule, make_team

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS = 6


def at_once(work) -> list:
    def alone(number):
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(alone, range(WORKERS)))


def test_many_failures_at_the_same_moment_open_one_incident():
    raised = at_once(lambda number: alerts.raise_alert("cause:1", "Title", "Text"))
    assert sum(raised) == 1 and Alert.objects.count() == 1


def test_many_workers_that_send_tell_each_place_once():
    make_rule(make_team((0, make_channel("First")), (0, make_channel("Second"))))
    for number in range(3):
        alerts.raise_alert(f"cause:{number}", f"Title {number}", "Text")
    at_once(lambda number: alerts.send_waiting())
    assert Message.objects.count() == 6
    told = sorted((one.to[0], one.subject) for one in mail.outbox)
    assert len(told) == 6 and len(set(told)) == 6
    assert not alerts.has_waiting()
