"""The nights: what happens at 02:00, who hears of it, and what is left in the morning."""

from datetime import timedelta

import pytest
from django.core import mail

from errorqueue import services as queue
from errorqueue.models import Alert, FailedRecord
from integrations.models import Flow, SyncRecord
from tests.errorqueue.alerting import make_channel, make_rule, make_team
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)


@pytest.fixture
def night_watch(demo):
    """A team that wants quiet all day, except for what is urgent."""
    team = make_team(
        (0, make_channel("Watch")),
        quiet_from="00:00",
        quiet_until="23:59:59",
        name="Night watch",
    )
    team.refresh_from_db()
    make_rule(team)
    return team


def test_f39_access_revoked_at_night_is_one_alert_and_drains_alone(
    night_watch, post_order, netsuite, drain, let_pass
):
    netsuite.revoke_access()
    for number in range(6):
        post_order(number=3901 + number, email=f"n{number}@example.com")
    drain()
    alert = Alert.objects.get()
    assert (alert.kind, alert.is_urgent) == ("access", True)
    assert alert.connection == str(Flow.objects.get(slug="shopify-orders").target)
    assert alert.sent_at - alert.raised_at < MINUTE
    [told] = mail.outbox
    assert told.to == ["watch@example.com"]
    assert not FailedRecord.objects.exists()  # none is lost, none is dead

    for _ in range(5):
        let_pass(130)
        drain()
    assert len(mail.outbox) == 1
    netsuite.restore_access()
    let_pass(130)
    drain()
    assert len(netsuite.orders) == 6
    states = SyncRecord.objects.values_list("state", flat=True)
    assert set(states) == {SyncRecord.State.DELIVERED}
    alert.refresh_from_db()
    assert alert.closed_at
    assert [one.subject.partition(": ")[0] for one in mail.outbox[1:]] == [
        "[Waybill] Over"
    ]


def test_an_order_that_fails_is_told_within_the_minute_and_over_after_the_fix(
    post_order, netsuite, drain, order_line
):
    make_rule(make_team((0, make_channel("Ops"))), kind="data")
    post_order(number=3950, lines=[("HAMMOCK-XL", "Hammock XL", "89.00", 2)])
    drain()
    line, alert = order_line("#3950"), Alert.objects.get()
    assert alert.line == line and alert.sent_at - line.first_failed_at < MINUTE
    assert "HAMMOCK-XL" in mail.outbox[0].subject
    netsuite.add_item("HAMMOCK-XL", name="Hammock XL")
    queue.retry(line)
    drain()
    assert len(netsuite.orders) == 1
    alert.refresh_from_db()
    line.refresh_from_db()
    assert line.status == FailedRecord.Status.RESOLVED
