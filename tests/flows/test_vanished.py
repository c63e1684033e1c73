"""F52: what a person deleted at the target is made again only if a person says so."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from errorqueue import services as queue
from errorqueue.failures import RetryChoice, Start
from errorqueue.models import FailedRecord
from integrations.models import Connection, Refresh, SyncRecord
from tests.errorqueue.pages import page_of, text_of
from tests.flows.test_ledger import newer
from tests.flows.test_orders import post_order
from tests.flows.test_protocol import order_of

__all__ = ["post_order"]

pytestmark = pytest.mark.django_db(transaction=True)

State = SyncRecord.State


@pytest.fixture
def ada(db):
    return User.objects.create_superuser("ada")


@pytest.fixture
def lost(post_order, netsuite, drain, let_pass):
    """A customer that was delivered an hour ago and that somebody deleted since."""
    post_order(number=1005)
    drain()
    [gone] = netsuite.customers.values()
    netsuite.store.remove(netsuite.store.get("customer", gone["id"]), netsuite.now())
    let_pass(3600)
    return SyncRecord.objects.get(flow__slug="shopify-customers")


def line_about(record):
    return FailedRecord.objects.about(record).open().get()


def test_f52_a_customer_that_was_deleted_is_not_made_again_in_silence(
    lost, post_order, netsuite, drain
):
    post_order(number=1006)
    drain()
    line = line_about(lost)
    assert netsuite.customers == {}
    assert (line.kind, line.code) == ("conflict", "TARGET_GONE")
    assert "was deleted in NetSuite" in line.sentence
    assert "Create it again" in line.remedy and "leave it" in line.remedy
    assert order_of(1006).state == State.HELD
    behind = FailedRecord.objects.open().get(reference="#1006")
    assert behind.blocked_by == line, "the order says who holds it up"


def test_f52_the_page_offers_both_and_creating_again_lets_the_order_go(
    lost, post_order, netsuite, drain, ada
):
    post_order(number=1006)
    drain()
    line = line_about(lost)
    browser = Client()
    browser.force_login(ada)
    page = browser.get(page_of(line, "change/"))
    told = text_of(page)
    assert "Create it again in NetSuite" in told and "Leave it deleted" in told
    dialog = browser.get(page_of(line, "retry-as/"))
    assert b'value="again"' in dialog.content
    browser.post(page_of(line, "retry-as/"), {"start": "again", "payload": "kept"})
    drain()
    [made] = netsuite.customers.values()
    assert order_of(1006).state == State.DELIVERED
    assert netsuite.orders[order_of(1006).external_id]["entity"]["id"] == made["id"]
    assert not FailedRecord.objects.open().exists()


def test_f52_a_plain_retry_looks_again_and_makes_nothing(
    lost, post_order, netsuite, drain, ada
):
    post_order(number=1006)
    drain()
    queue.retry(line_about(lost), ada)
    drain()
    assert netsuite.customers == {}
    assert line_about(lost).code == "TARGET_GONE"


def test_f52_the_decision_outlasts_an_outage(
    lost, post_order, netsuite, drain, let_pass, ada
):
    post_order(number=1006)
    drain()
    netsuite.fail_next(503, path="customer/eid")
    queue.retry(line_about(lost), ada, choice=RetryChoice(start=Start.AGAIN))
    drain()
    assert netsuite.customers == {}
    let_pass(60)
    drain()
    assert len(netsuite.customers) == 1 and order_of(1006).state == State.DELIVERED


def test_f52_left_deleted_the_order_comes_to_a_person(
    lost, post_order, netsuite, drain, ada
):
    post_order(number=1006)
    drain()
    queue.exclude(line_about(lost), ada, "merged into their parent company")
    drain()
    assert netsuite.customers == {} and order_of(1006).state == State.FAILED
    assert "set aside" in FailedRecord.objects.open().get().what


def test_f52_news_of_a_deleted_customer_makes_none_either(lost, netsuite, drain):
    newer(lost, **{**lost.source, "updated_at": "2036-01-01T00:00:00Z", "note": "x"})
    drain()
    assert netsuite.customers == {}
    assert line_about(lost).code == "TARGET_GONE"


def test_f52_whoever_it_may_have_been_merged_into_is_named(
    lost, post_order, netsuite, drain
):
    other = netsuite.add_customer(companyName="Berg Holding", email=lost.email)
    post_order(number=1006)
    drain()
    line = line_about(lost)
    assert f"With the same e-mail address it has: CUST2 (id {other})" in line.why


def test_f52_after_a_refresh_of_the_sandbox_everything_goes_by_itself(
    lost, post_order, netsuite, drain, ada
):
    target = Connection.objects.get(slug="netsuite")
    Refresh.objects.create(
        connection=target, at=lost.delivered_at + timedelta(minutes=1), by=ada
    )
    SyncRecord.objects.filter(pk=lost.pk).update(
        delivered_at=lost.delivered_at - timedelta(hours=1)
    )
    post_order(number=1006)
    drain()
    assert len(netsuite.customers) == 1 and order_of(1006).state == State.DELIVERED
