"""Scheduled versions go live through the workers, whatever was down meanwhile."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from django_q.models import OrmQ

from errorqueue.models import Alert
from integrations.models import AuditEntry, Bell, Flow, SyncRecord, Watch
from integrations.studio import activation
from mappings import scheduling, services, signing
from mappings.models import MappingDocument, MappingVersion, Signature
from tests.flows.test_orders import post_order

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = MappingVersion.State


@pytest.fixture
def document(demo):
    """The demo's orders, as if their account were a production one."""
    flow = Flow.objects.get(slug="shopify-orders")
    type(flow.target).objects.filter(pk=flow.target_id).update(environment="production")
    into = Flow.objects.filter(target=flow.target).values("mapping")
    MappingDocument.objects.filter(pk__in=into).update(environment="production")
    return MappingDocument.objects.get(pk=flow.mapping_id)


@pytest.fixture
def scheduled(document, admin_user):
    sam = User.objects.create_superuser("sam")
    fay = User.objects.create_superuser("fay")
    draft = services.new_draft(document, admin_user)
    draft.rows.filter(target="otherRefNum").update(
        kind="template", template="Web {name}", source="", transforms=[]
    )
    sent = signing.send(draft, admin_user)
    for role, by in zip(signing.standing(sent).missing, (sam, fay), strict=False):
        signing.sign(sent, role, by)
    return scheduling.schedule(sent, timezone.now() + timedelta(hours=1), admin_user)


def let_time_pass(version, **by) -> None:
    MappingVersion.objects.filter(pk=version.pk).update(
        activate_at=timezone.now() - timedelta(**by)
    )


def test_the_sweeper_lets_it_go_live_and_the_next_order_uses_it(
    scheduled, post_order, drain, netsuite
):
    drain()
    scheduled.refresh_from_db()
    assert scheduled.state == State.SCHEDULED and not activation.is_due()
    let_time_pass(scheduled, seconds=1)
    drain()
    scheduled.refresh_from_db()
    assert scheduled.state == State.PUBLISHED
    assert Watch.objects.get(version=scheduled).state == Watch.State.WATCHING
    post_order(number=1)
    drain()
    [sent] = netsuite.orders.values()
    assert sent["otherRefNum"] == "Web #1"
    assert SyncRecord.objects.get(label="#1").attempts.last().mapping == scheduled


def test_missed_while_everything_was_down_it_goes_live_late_and_once(scheduled, drain):
    let_time_pass(scheduled, hours=9)
    OrmQ.objects.all().delete()  # a restart: whatever was rung is lost
    Bell.objects.all().update(rung_at=None)
    drain()
    drain()
    scheduled.refresh_from_db()
    assert "late" in scheduled.note
    told = AuditEntry.objects.filter(subject_id=scheduled.pk, verb="published")
    assert told.count() == 1


def test_one_that_may_not_go_live_tells_people_once(scheduled, document, drain):
    live = document.published()
    Signature.objects.update(stale_at=timezone.now(), stale_reason="refreshed")
    let_time_pass(scheduled, seconds=1)
    drain()
    drain()
    scheduled.refresh_from_db()
    assert (scheduled.state, document.published()) == (State.REVIEW, live)
    alert = Alert.objects.get(key__startswith="activation:")
    assert "did not go live" in alert.title and "business" in alert.text
