"""F94: very many failures of one cause are one incident, not as many messages."""

import pytest
from django.core import mail

from errorqueue import alerts
from errorqueue.failures import Failure, FailureKind
from errorqueue.models import Alert, Cause, FailedRecord
from integrations.models import Flow, SyncRecord
from integrations.sync import alarms
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
