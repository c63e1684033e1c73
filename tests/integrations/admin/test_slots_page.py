"""The page of slots: limits, holders, waiting records, refusals."""

from datetime import timedelta

import pytest
from page_builders import make_record

from errorqueue.clock import database_time
from integrations.models import SlotMinute, SlotWait
from integrations.sync import allowance, slots

pytestmark = pytest.mark.django_db

PAGE = "/admin/integrations/slot/"


def card(client, connection):
    cards = client.get(PAGE).context["cards"]
    return next(one for one in cards if one["connection"] == connection)


def test_the_page_tells_who_holds_what_and_what_is_kept_for_orders(
    integrator, netsuite
):
    slots.take(netsuite, "worker-1", 1, 60, "bulk")
    page = integrator.get(PAGE).content.decode()
    assert "worker-1" in page
    shown = card(integrator, netsuite)
    assert shown["summary"] == "1 in use, 4 free, 1 of them kept for orders"
    assert shown["cells"] == ["bulk", "free", "free", "free", "reserved"]


def test_a_learnt_limit_is_told_with_its_reason(integrator, netsuite):
    slots.take(netsuite, "w", 1, 60)
    allowance.refuse(netsuite)
    shown = card(integrator, netsuite)
    assert shown["cells"][-1] == "off"
    assert shown["is_shrunk"]
    assert "refused that many, so 4 are used" in shown["learnt"]
    assert ("Refused as too many, last hour", "1") in shown["facts"]


def test_what_waits_and_how_busy_it_was_is_counted(integrator, orders):
    record = make_record(orders)
    now = database_time()
    SlotWait.objects.create(
        connection=record.target_connection,
        holder="page",
        since=now,
        until=now + timedelta(seconds=10),
    )
    minute = now.replace(second=0, microsecond=0) - timedelta(minutes=2)
    SlotMinute.objects.create(
        connection=record.target_connection, minute=minute, calls=300, busy_ms=90_000
    )
    facts = dict(card(integrator, record.target_connection)["facts"])
    assert facts["Orders waiting"] == "1"
    assert facts["Pages waiting for a slot"] == "1"
    assert facts["Busy, last 5 minutes"] == "10%"
    assert facts["Calls, last hour"] == "300"
