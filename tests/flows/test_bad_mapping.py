"""F89: a bad mapping is seen before it is live, stops by itself, and goes in a click."""

import pytest
from django.core import mail
from django.urls import reverse

from integrations.models import EffectReport, Flow, SyncRecord, Watch
from integrations.studio import effect
from mappings import services
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State


@pytest.fixture
def bad_draft(demo, admin_user):
    """A draft that wants a field which no order has."""
    document = Flow.objects.get(slug="shopify-orders").mapping
    draft = services.new_draft(document, admin_user)
    draft.rows.create(
        target="custbody_gift", kind="copy", source="gift_note", required=True
    )
    return draft


def orders(state: str) -> int:
    records = SyncRecord.objects.filter(flow__slug="shopify-orders")
    return records.filter(state=state).count()


def test_f89_the_effect_report_shows_it_before_it_is_live(
    post_order, bad_draft, drain, netsuite
):
    for number in (8901, 8902, 8903):
        post_order(number=number)
    drain()
    report = effect.ask(bad_draft, None)
    drain()
    seen = EffectReport.objects.get(pk=report.pk)
    assert (seen.seen, seen.failing, seen.same) == (3, 3, 0)
    assert len(netsuite.orders) == 3 and orders(State.DELIVERED) == 3


def test_f89_published_all_the_same_it_stops_after_a_few_and_one_click_mends_it(
    post_order, bad_draft, drain, netsuite, admin_user, admin_client
):
    bad = services.publish(bad_draft, admin_user)
    watch = Watch.objects.get(version=bad)
    assert (watch.size, watch.limit_percent) == (50, 10)
    for number in range(8911, 8926):
        post_order(number=number, email=f"m{number}@example.com")
        drain()
    allowed = watch.size * watch.limit_percent // 100
    assert orders(State.FAILED) == allowed + 1
    assert orders(State.HELD) == 15 - allowed - 1
    assert netsuite.orders == {}
    assert len(mail.outbox) == 2  # the cause, and that the version was stopped
    page = reverse("admin:integrations_watch", args=[watch.pk])
    admin_client.post(f"{page}roll-back/")
    drain()
    assert orders(State.HELD) == 0
    assert len(netsuite.orders) == 15 - allowed - 1
