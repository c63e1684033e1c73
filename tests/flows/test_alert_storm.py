"""F94: very many failures of one cause are one incident, not as many messages."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail

from errorqueue import alerts
from errorqueue import services as queue
from errorqueue.clock import database_time
from errorqueue.failures import Failure, FailureKind
from errorqueue.models import Alert, Cause, FailedRecord
from integrations.connectors.errors import PermissionMissing
from integrations.models import Flow, SyncRecord
from integrations.sync import alarms, sweeper
from tests.errorqueue.conftest import flow, make_record

__all__ = ["flow", "make_record"]

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 200


def test_f94_a_storm_of_one_cause_is_one_cause_and_at_most_five_messages(
    flow, make_record
):
    Flow.objects.filter(pk=flow.pk).update(alert_at_once=True)
    for number in range(MANY):
        record = make_record(label=f"#{number}")
        record = SyncRecord.objects.select_related("flow__source", "flow__target").get(
            pk=record.pk
        )
        failure = Failure(
            kind=FailureKind.MAPPING,
            what=f"– ship method 'Drone' of #{number} is not known",
            why="NetSuite does not know it.",
            remedy="Add it to the value table.",
        )
        alarms.report(record, failure, 1)
        if number % 50 == 0:
            alerts.send_waiting()
    alerts.send_waiting()
    assert FailedRecord.objects.open().count() == MANY
    assert Cause.objects.count() == 1
    assert Alert.objects.count() == 1
    assert 1 <= len(mail.outbox) <= 5


def fresh(record):
    joined = SyncRecord.objects.select_related("flow__source", "flow__target")
    return joined.get(pk=record.pk)


BUSY = Failure(
    kind=FailureKind.TEMPORARY,
    what="could not be sent",
    why="The shop was busy.",
    remedy="Nothing to do.",
)
BROKEN = Failure(
    kind=FailureKind.DATA,
    what="has no such variant",
    why="The shop does not know it.",
    remedy="Create it.",
)


def test_f96_stock_that_fails_for_moments_is_told_once_and_what_lasts_at_once(
    flow, make_record
):
    Flow.objects.filter(pk=flow.pk).update(alert_at_once=True)
    for number in range(20):
        record = fresh(make_record(label=f"#{number}"))
        soon = database_time() + timedelta(seconds=2)
        alarms.report(record, BUSY, 1, next_try_at=soon)
        alerts.send_waiting()
        queue.resolve(record, "Delivered.")
        sweeper.calm_flows()
        alerts.send_waiting()
    assert len(mail.outbox) == 1
    # One that passes by itself is under way as another one turns out to be lasting.
    alarms.report(fresh(make_record()), BUSY, 1, next_try_at=soon)
    alerts.send_waiting()
    assert len(mail.outbox) == 1
    alarms.report(fresh(make_record()), BROKEN, 1)
    alerts.send_waiting()
    assert len(mail.outbox) == 2


def test_f94_an_incident_of_stock_ends_when_the_flow_is_told_by_causes_again(
    flow, make_record
):
    Flow.objects.filter(pk=flow.pk).update(alert_at_once=True)
    alarms.report(fresh(make_record()), BROKEN, 1)
    sweeper.calm_flows()
    assert Alert.objects.get().is_open
    Flow.objects.filter(pk=flow.pk).update(alert_at_once=False)
    sweeper.calm_flows()
    assert not Alert.objects.get().is_open


def test_f94_a_missing_permission_ends_with_its_last_record_and_is_told_anew(
    flow, make_record
):
    refused = Failure(
        kind=FailureKind.ACCESS,
        what="may not be written",
        why="The role lacks Sales Order: Create.",
        remedy="Add it.",
    )
    error = PermissionMissing("Sales Order: Create")
    anna = User.objects.create_user("anna")

    def fail_once():
        record = make_record()
        alarms.report(fresh(record), refused, 1, error=error)
        alerts.send_waiting()
        return FailedRecord.objects.open().get()

    line = fail_once()
    sweeper.calm_flows()
    assert Alert.objects.get().is_open
    queue.resolve_by_hand(line, anna, "by phone")
    sweeper.calm_flows()
    assert not Alert.objects.get().is_open
    fail_once()
    assert len(mail.outbox) == 2
