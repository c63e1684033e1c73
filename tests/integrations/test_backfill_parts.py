"""Parts of a back-fill apart: days of a zone, typed numbers, the order of flows."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from errorqueue.clock import database_time
from integrations.connectors.errors import (
    AccessRefused,
    LimitReached,
    RecordRejected,
    TimedOut,
)
from integrations.models import (
    Backfill,
    BackfillItem,
    BackfillLeg,
    Connection,
    Dependency,
    Flow,
)
from integrations.sync import pruning
from integrations.sync.backfill import asking, listing
from integrations.sync.backfill.lease import NotNow, minding
from mappings.models import MappingDocument


def test_days_begin_and_end_by_the_clock_of_the_source():
    backfill = Backfill(first=date(2026, 11, 1), last=date(2026, 11, 1))
    start, end = listing.stretch(backfill, ZoneInfo("America/New_York"))
    assert start == datetime(2026, 11, 1, 4, tzinfo=UTC)
    assert end - start == timedelta(hours=25)
    backfill = Backfill(first=date(2026, 3, 29), last=date(2026, 3, 30))
    start, end = listing.stretch(backfill, ZoneInfo("Europe/Berlin"))
    assert end - start == timedelta(hours=47)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", []),
        (" #1001,#1002;\n1003\t#1001 ", ["#1001", "#1002", "1003"]),
        ("NW-7,NW-8", ["NW-7", "NW-8"]),
    ],
)
def test_numbers_are_read_however_they_are_parted(text, numbers):
    assert asking.numbers_in(text) == numbers


@pytest.fixture
def legs(db):
    """Flows that need each other, from one shop."""
    shop = Connection.objects.create(
        name="Shop", slug="shop", system="shopify", namespace="shop"
    )
    books = Connection.objects.create(
        name="Books", slug="books", system="netsuite", namespace="books"
    )
    document = MappingDocument.objects.create(name="Any", slug="any")

    def make(slug, entity, *needs):
        flow = Flow.objects.create(
            name=slug,
            slug=slug,
            source=shop,
            source_entity=entity,
            target=books,
            target_record="salesOrder" if entity == "order" else entity,
            mapping=document,
        )
        for other in needs:
            Dependency.objects.create(flow=flow, needs=other, source_path="customer")
        return flow

    return make


def test_what_is_needed_comes_before_what_needs_it(legs):
    customers = legs("z-customers", "customer")
    orders = legs("a-orders", "order", customers)
    assert asking.in_order([orders]) == [customers, orders]
    Dependency.objects.create(flow=customers, needs=orders, source_path="last_order")
    assert set(asking.in_order([orders, customers])) == {customers, orders}


def test_only_what_is_on_listed_and_read_one_by_one_can_be_filled(legs):
    orders, levels = legs("orders", "order"), legs("levels", "inventory")
    assert asking.fillable_flows() == [orders]
    assert not asking.can_be_filled(levels)
    assert list(asking.recognisable_by(orders)) == ["otherRefNum"]
    assert asking.recognisable_by(levels) == {}
    Flow.objects.update(is_enabled=False)
    assert asking.fillable_flows() == []
    with pytest.raises(asking.NotAsked, match="publish Any"):
        asking.prepare(asking.Wish([orders], numbers=["1"]), None)


def test_a_number_is_unknown_only_where_no_flow_knows_it(legs):
    backfill = Backfill.objects.create(
        numbers=["1", "2", "3"], made_at=datetime(2026, 11, 1, tzinfo=UTC)
    )
    customers = legs("customers", "customer")
    for position, (flow, chosen, missed) in enumerate(
        (
            (customers, True, [["1", "not found"], ["2", "not found"]]),
            (legs("orders", "order"), True, [["2", "3 are called so: paste the id"]]),
            (legs("more", "customer"), False, []),
        )
    ):
        BackfillLeg.objects.create(
            backfill=backfill,
            flow=flow,
            position=position,
            is_chosen=chosen,
            missed=missed,
        )
    unknown = listing.unknown_numbers(backfill)
    assert unknown == [["2", "3 are called so: paste the id"]]


@pytest.mark.parametrize("error", [AccessRefused(), LimitReached(), TimedOut()])
def test_what_an_account_cannot_do_now_is_no_fault_of_a_record(legs, error):
    source = legs("orders", "order").source
    with pytest.raises(NotNow), minding(source):
        raise error
    Connection.objects.update(probe_at=None, state="ready")
    source.refresh_from_db()
    with pytest.raises(RecordRejected), minding(source):
        raise RecordRejected("This one.")
    Connection.objects.update(state="paused")
    source.refresh_from_db()
    with pytest.raises(NotNow, match="Shop is not in use"), minding(source):
        raise AssertionError("nobody is asked")


def test_back_fills_are_kept_for_a_year(legs):
    now = database_time()
    flow = legs("orders", "order")
    for days in (300, 400):
        at = now - timedelta(days=days)
        backfill = Backfill.objects.create(made_at=at, state="done", ended_at=at)
        leg = BackfillLeg.objects.create(backfill=backfill, flow=flow, position=0)
        told = {"source_key": "1", "changed_at": at}
        BackfillItem.objects.create(backfill=backfill, leg=leg, **told)
    pruning.prune()
    assert BackfillItem.objects.get().backfill == Backfill.objects.get()
    assert Backfill.objects.get().made_at == now - timedelta(days=300)
