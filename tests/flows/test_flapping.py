"""F96: an incident that comes and goes is one incident, and is told once."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db.models import F

from errorqueue import alerts
from errorqueue.models import Alert
from integrations.models import Connection, SyncRecord
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)


@pytest.fixture
def pass_time(let_pass):
    """Let time pass for records, connections and alerts alike."""

    def go(by: timedelta):
        let_pass(by.total_seconds())
        Alert.objects.update(
            raised_at=F("raised_at") - by,
            try_at=F("try_at") - by,
            closed_at=F("closed_at") - by,
        )

    return go


@pytest.fixture
def flap(netsuite, drain, pass_time):
    """Let NetSuite refuse the log-in for some minutes, and then accept it again."""

    def once(minutes=3, again=5):
        netsuite.revoke_access()
        drain()
        pass_time(MINUTE * minutes)
        netsuite.restore_access()
        drain()
        pass_time(MINUTE * again)

    return once


def test_f96_an_account_that_flaps_for_an_hour_is_told_once_and_loses_nothing(
    post_order, flap, netsuite, drain
):
    for number in range(8):  # over an hour
        post_order(number=9601 + number, email=f"f{number}@example.com")
        flap()
    drain()
    assert len(mail.outbox) == 1
    assert "refuses our log-in" in mail.outbox[0].subject
    told = Alert.objects.get()
    assert not told.is_open and told.sent_at
    assert len(netsuite.orders) == 8
    states = SyncRecord.objects.values_list("state", flat=True)
    assert set(states) == {SyncRecord.State.DELIVERED}


def test_f96_a_return_that_lasts_is_told_again(
    post_order, flap, netsuite, drain, pass_time
):
    post_order(number=9631)
    flap()
    netsuite.revoke_access()
    post_order(number=9632)
    drain()
    assert len(mail.outbox) == 1
    assert Alert.objects.filter(closed_at=None).count() == 1
    pass_time(alerts.CALM + MINUTE)
    drain()
    assert len(mail.outbox) == 2
    assert Connection.objects.get(slug="netsuite").state == "refused"


def test_f96_after_a_quiet_time_it_is_a_new_incident(post_order, flap):
    post_order(number=9641)
    flap(again=20)
    post_order(number=9642)
    flap()
    assert len(mail.outbox) == 2
    assert Alert.objects.exclude(closed_at=None).count() == 2


def test_f96_the_calm_is_counted_from_the_latest_return(post_order, flap):
    for number in range(4):
        post_order(number=9651 + number)
        flap(minutes=2, again=10)
    assert len(mail.outbox) == 1
