from dataclasses import replace
from decimal import Decimal

import pytest
from django.core import mail

from errorqueue.clock import database_time
from errorqueue.models import Alert, FailedRecord
from integrations.connectors.netsuite.stock import level
from integrations.models import Attempt, Flow, ScanPlace, SyncRecord
from integrations.sync import comparing, polling
from integrations.sync.schedules import DEFAULTS, JOBS
from mappings.models import ValueTable

pytestmark = pytest.mark.django_db(transaction=True)
MAIN = "Main warehouse"


@pytest.fixture
def poll(demo):
    """Ask NetSuite for its stock at the next sweep."""
    return lambda: Flow.objects.filter(slug="netsuite-inventory").update(
        is_enabled=True, polled_at=None
    )


def test_stock_of_netsuite_reaches_shopify(netsuite, shopify, drain, poll):
    poll()
    netsuite.set_stock("TENT-2P", MAIN, 17)
    drain()
    assert available(shopify, "TENT-2P") == 17
    assert not FailedRecord.objects.exists()


def test_a_stock_failure_alerts_at_once_and_once(netsuite, shopify, drain, poll):
    poll()
    drain()
    netsuite.add_item("NEW-IN-ERP", name="Not in the shop yet")
    netsuite.set_stock("NEW-IN-ERP", MAIN, 4)
    poll()
    drain()
    line = FailedRecord.objects.open().get()
    assert "NEW-IN-ERP" in line.what
    assert Alert.objects.count() == 1 and len(mail.outbox) == 1
    assert "Stock to Shopify" in mail.outbox[0].subject


def test_an_untracked_item_is_told_with_its_field_and_remedy(
    netsuite, shopify, drain, poll
):
    shopify.find_variant("TENT-2P").tracked = False
    poll()
    drain()
    line = FailedRecord.objects.open().get()
    assert line.reference == "TENT-2P at Main warehouse"
    assert "Turn on Track quantity" in line.why
    assert [one["target"] for one in line.problems] == ["inventoryItemId"]
    assert len(mail.outbox) == 1


def test_an_item_made_anew_in_the_shop_is_looked_up_afresh(
    netsuite, shopify, drain, poll, let_pass
):
    """The id that was kept points at nothing any more: it is dropped at once."""
    poll()
    drain()
    old = shopify.find_variant("MUG-BLUE")
    store = shopify.store
    store.variants.remove(old)
    del store._by_item[old.item_id]
    shopify.add_product("MUG-BLUE", "Mug", "9.00", stock={MAIN: 1})
    netsuite.set_stock("MUG-BLUE", MAIN, 8)
    poll()
    drain()
    let_pass(5)
    drain()
    assert available(shopify, "MUG-BLUE") == 8
    assert not FailedRecord.objects.open().exists()


def test_a_quiet_poll_asks_little_and_sends_nothing(netsuite, shopify, drain, poll):
    poll()
    drain()
    sent, asked = Attempt.objects.count(), len(netsuite.journal)
    poll()
    drain()
    assert Attempt.objects.count() == sent
    assert len(netsuite.journal) - asked <= 4  # clock, newest change, what changed


def test_the_nightly_pass_finds_what_the_poll_misses_and_sends_only_that(
    netsuite, shopify, drain, poll
):
    netsuite.change_item("TENT-2P", isInactive=True)
    poll()
    drain()
    assert not SyncRecord.objects.filter(label__startswith="TENT-2P").exists()
    sent = Attempt.objects.count()
    long_ago(netsuite)
    netsuite.change_item("TENT-2P", isInactive=False)
    poll()
    drain()
    assert not SyncRecord.objects.filter(label__startswith="TENT-2P").exists()
    JOBS["whole"].run()
    drain()
    assert SyncRecord.objects.get(label__startswith="TENT-2P").delivered_at
    assert Attempt.objects.count() == sent + 1
    assert [name for _, name, _ in DEFAULTS].count("whole") == 1


def test_a_poll_under_way_gives_way_to_the_nightly_pass(
    netsuite, shopify, drain, poll, monkeypatch
):
    """Its cursor must not stand for a pass that it has not made."""
    poll()
    drain()
    flow = Flow.objects.get(slug="netsuite-inventory")
    assert flow.cursor
    enter, begun = polling.enter, []

    def night_falls(*given):
        if not begun:
            begun.append(polling.read_whole())
        return enter(*given)

    monkeypatch.setattr(polling, "enter", night_falls)
    polling.poll(flow.pk)
    flow.refresh_from_db()
    assert begun == [1] and flow.cursor == ""


def test_of_two_readings_the_later_one_wins(netsuite, shopify, drain, poll):
    poll()
    drain()
    flow = Flow.objects.get(slug="netsuite-inventory")
    record = SyncRecord.objects.get(label__startswith="TENT-2P")
    before = record.changed_at
    netsuite.set_stock("TENT-2P", MAIN, 5)
    poll()
    drain()
    record.refresh_from_db()
    older = {**record.source, "quantity_available": Decimal(99)}
    polling.enter(flow, level(older, before))
    drain()
    assert available(shopify, "TENT-2P") == 5


def test_safety_stock_is_kept_back(netsuite, shopify, drain, poll):
    table = ValueTable.objects.get(name="Safety stock")
    table.rows.create(source="TENT-2P", target="5")
    poll()
    netsuite.set_stock("TENT-2P", MAIN, 7)
    netsuite.set_stock("MUG-BLUE", MAIN, 7)
    drain()
    assert available(shopify, "TENT-2P") == 2
    assert available(shopify, "MUG-BLUE") == 7
    payload = attempt_of("TENT-2P").payload
    assert (payload["quantity"], payload["keepBack"]) == (7, "5")


def test_what_the_shop_holds_too_much_of_is_sent_again(netsuite, shopify, drain, poll):
    poll()
    drain()
    shopify.set_stock("TENT-2P", 400)
    shopify.set_stock("MUG-BLUE", 1)  # sold, and the order is still on its way
    JOBS["held"].run()
    drain()
    assert available(shopify, "TENT-2P") == 40
    assert available(shopify, "MUG-BLUE") == 1
    assert ScanPlace.objects.get(name="compare").row == 0


def test_the_compare_goes_on_where_its_task_ended(
    netsuite, shopify, drain, poll, monkeypatch
):
    poll()
    drain()
    shopify.set_stock("ROPE-10M", 400)
    monkeypatch.setattr(comparing, "BATCH", 2)
    monkeypatch.setattr(comparing, "PAUSE", 0)
    rounds = 1
    while not comparing.compare_on(0):
        rounds += 1
    assert rounds == 4  # six levels, and the end
    assert SyncRecord.objects.filter(confirm_at__lte=database_time()).count() == 1


def test_a_compare_waits_for_points_and_goes_on(
    netsuite, shopify, drain, poll, monkeypatch
):
    poll()
    drain()
    naps = []
    shopify.set_stock("TENT-2P", 400)
    shopify.fail_next(429, path="graphql", retry_after=7)
    with monkeypatch.context() as patched:
        patched.setattr(comparing.time, "sleep", naps.append)
        assert not comparing.compare_on()
        assert comparing.compare_on()
    assert max(naps) == 7.0
    drain()
    assert available(shopify, "TENT-2P") == 40


def test_a_compare_that_fails_is_told_and_begins_anew(netsuite, shopify, drain, poll):
    poll()
    drain()
    ScanPlace.objects.update_or_create(name="compare", defaults={"row": 1})
    shopify.fail_next(503, times=2, path="graphql")
    with pytest.raises(Exception, match="503|Shopify"):
        comparing.compare_on()
    assert ScanPlace.objects.get(name="compare").row == 0


def long_ago(netsuite) -> None:
    """Let an hour pass for the levels that stand, but for one that marks the end."""
    store = netsuite.store
    rows = sorted(store.stock.items(), key=lambda row: row[0])
    for (item, place), held in rows[:-1]:
        moved = replace(held, changed_at=held.changed_at.replace(year=2020))
        store.set_level(item, place, moved)


def attempt_of(sku: str) -> Attempt:
    record = SyncRecord.objects.get(label__startswith=sku)
    return record.attempts.latest("number")


def available(shopify, sku: str) -> int:
    store = shopify.store
    [variant] = [one for one in store.variants if one.sku == sku]
    [level] = store.levels_of(variant.item_id)
    return level.available
