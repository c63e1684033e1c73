"""The change feed of NetSuite, from its scripts through our door to Shopify."""

import pytest
from django_q.models import OrmQ

from errorqueue.models import Alert, FailedRecord
from integrations.inbox import services
from integrations.models import (
    Bell,
    ChangeNotice,
    Connection,
    Flow,
    FlowHour,
    InboxEvent,
    SyncRecord,
)
from integrations.sync import noticing, sweeper
from integrations.sync.accounts import set_credential

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "feed-secret-of-this-test"
HOOK = "http://waybill.test/hooks/netsuite/"
MAIN = "Main warehouse"
State = InboxEvent.State


@pytest.fixture
def feed(netsuite, demo, client, drain):
    """The feed opened to our own door, with stock flowing and no poll due."""
    connection = Connection.objects.get(slug="netsuite")
    set_credential(connection, "webhook_secret", SECRET, None)
    Flow.objects.filter(slug="netsuite-inventory").update(
        is_enabled=True, polled_at=None
    )
    drain()
    Flow.objects.filter(slug="netsuite-inventory").update(poll_minutes=600)

    def post(url: str, body: bytes, headers: dict) -> int:
        path = url.removeprefix("http://waybill.test")
        given = {k: v for k, v in headers.items() if k != "Content-Type"}
        kind = headers["Content-Type"]
        return client.post(path, body, content_type=kind, headers=given).status_code

    netsuite.feed.url, netsuite.feed.secret, netsuite.feed.post = HOOK, SECRET, post
    return netsuite.feed


def reads(netsuite) -> int:
    asked = [call for call in netsuite.journal if "suiteql" in call.path]
    return len(asked)


def test_a_change_is_told_read_and_sent(feed, netsuite, shopify, drain):
    netsuite.set_stock("TENT-2P", MAIN, 17)
    assert feed.deliver() == 1
    drain()
    assert shopify.available("TENT-2P") == 17
    event = InboxEvent.objects.get(connection__slug="netsuite")
    assert event.state == State.PROCESSED
    assert event.reason.startswith("To be read: inventory of ")
    assert SyncRecord.objects.get(label__startswith="TENT-2P").event == event
    assert not ChangeNotice.objects.exists()
    assert not FailedRecord.objects.exists() and not Alert.objects.exists()


def test_what_is_told_often_is_read_once(feed, netsuite, shopify, drain):
    for quantity in (16, 15, 14):
        netsuite.set_stock("TENT-2P", MAIN, quantity)
        netsuite.set_stock("MUG-BLUE", MAIN, quantity)
    feed.deliver()
    before = reads(netsuite)
    drain()
    assert reads(netsuite) - before == 1
    assert shopify.available("TENT-2P") == shopify.available("MUG-BLUE") == 14
    assert FlowHour.objects.get().arrivals == 6 + 2


def test_f57_a_push_sent_twice_or_replayed_is_kept_once(feed, netsuite, drain):
    netsuite.set_stock("TENT-2P", MAIN, 17)
    feed.deliver()
    [push] = feed.pushes
    again = {**push.headers, "X-Waybill-Delivery": "captured"}
    assert feed.post(HOOK, push.body, push.headers) == 202
    assert feed.post(HOOK, push.body, again) == 202
    assert InboxEvent.objects.filter(connection__slug="netsuite").count() == 1


def test_events_out_of_order_and_doubled_end_with_what_stands(
    feed, netsuite, shopify, drain
):
    feed.swap = feed.double = 1
    netsuite.set_stock("TENT-2P", MAIN, 9)
    netsuite.set_stock("TENT-2P", MAIN, 8)
    netsuite.set_stock("TENT-2P", MAIN, 12)
    feed.deliver()
    drain()
    assert shopify.available("TENT-2P") == 12


def test_f55_a_forged_push_is_refused_and_sent_again_by_the_schedule(
    feed, netsuite, shopify, drain
):
    feed.forge = 1
    netsuite.set_stock("TENT-2P", MAIN, 17)
    assert feed.deliver() == 0
    assert feed.pushes[0].answer == 401
    assert not InboxEvent.objects.filter(connection__slug="netsuite").exists()
    assert feed.run_schedule() == 1
    drain()
    assert shopify.available("TENT-2P") == 17


def test_what_the_feed_lost_is_found_by_the_poll(feed, netsuite, shopify, drain):
    feed.lose = 1
    netsuite.set_stock("TENT-2P", MAIN, 17)
    assert feed.deliver() == 0
    Flow.objects.filter(slug="netsuite-inventory").update(polled_at=None)
    drain()
    assert shopify.available("TENT-2P") == 17


def test_a_push_nobody_can_read_is_quarantined(feed, netsuite, drain):
    feed.pending = [{"id": "e", "record_id": "no number", "change": "stock"}]
    feed.deliver()
    drain()
    event = InboxEvent.objects.get(connection__slug="netsuite")
    assert event.state == State.QUARANTINED
    assert "events[0].record_id is 'no number'" in FailedRecord.objects.get().why


def test_a_deletion_leaves_nothing_to_read_and_says_so(feed, netsuite, drain):
    key = netsuite.store.holder("item", "ROPE-10M").id
    feed.pending = [{"id": "e", "record_id": key, "change": "delete"}]
    feed.deliver()
    drain()
    event = InboxEvent.objects.get(connection__slug="netsuite")
    assert event.state == State.NOT_WANTED
    assert event.reason == "changes: no flow takes what it names."


def test_notices_wait_for_a_source_that_cannot_be_asked(feed, netsuite, shopify, drain):
    netsuite.set_stock("TENT-2P", MAIN, 17)
    feed.deliver()
    netsuite.fail_next(500, times=3, path="suiteql")
    drain()
    assert ChangeNotice.objects.count() == 1
    assert shopify.available("TENT-2P") == 40
    netsuite.forget_faults()
    ChangeNotice.objects.update(due_at="2020-01-01T00:00:00Z")
    drain()
    assert shopify.available("TENT-2P") == 17
    assert not ChangeNotice.objects.exists()


def test_a_source_that_refuses_the_question_is_told_and_calmed(
    feed, netsuite, shopify, drain
):
    netsuite.set_stock("TENT-2P", MAIN, 17)
    feed.deliver()
    answer = {"o:errorDetails": [{"detail": "Invalid search query."}]}
    netsuite.fail_next(400, times=1, path="suiteql", body=answer)
    drain()
    alert = Alert.objects.get(key__startswith="notices:")
    assert "gave notice of changes that could not be read" in alert.text
    ChangeNotice.objects.update(due_at="2020-01-01T00:00:00Z")
    drain()
    alert.refresh_from_db()
    assert alert.closed_at and not ChangeNotice.objects.exists()


def test_a_wake_up_that_was_lost_is_rung_again(feed, netsuite, drain):
    netsuite.set_stock("TENT-2P", MAIN, 17)
    feed.deliver()
    services.read_waiting()
    assert ChangeNotice.objects.count() == 1
    OrmQ.objects.all().delete()
    Bell.objects.all().delete()
    sweeper.sweep()
    assert Bell.objects.filter(lane__startswith="notices:").exists()


def test_a_paused_source_is_asked_later(feed, netsuite, drain):
    netsuite.set_stock("TENT-2P", MAIN, 17)
    feed.deliver()
    Connection.objects.filter(slug="netsuite").update(state="paused")
    before = reads(netsuite)
    drain()
    assert ChangeNotice.objects.count() == 1 and reads(netsuite) == before
    pk = Connection.objects.get(slug="netsuite").pk
    assert noticing.read_waiting(pk) == 0


def test_a_flow_that_is_off_collects_what_is_told(feed, netsuite, shopify, drain):
    Flow.objects.filter(slug="netsuite-inventory").update(is_enabled=False)
    netsuite.set_stock("TENT-2P", MAIN, 17)
    feed.deliver()
    drain()
    assert shopify.available("TENT-2P") == 40
    record = SyncRecord.objects.get(label__startswith="TENT-2P")
    assert record.payload["quantity_available"] == 17
