"""Stock as the simulated account tells it: whole, what changed, what is named."""

from datetime import timedelta
from decimal import Decimal

import pytest
import requests

from integrations.connectors import http
from integrations.connectors.errors import RecordMissing, RequestRefused
from integrations.connectors.netsuite import stock
from integrations.connectors.netsuite.connector import NetSuite
from integrations.simulators.netsuite import NetSuiteSimulator
from integrations.simulators.netsuite.switches import utc_now
from integrations.simulators.transport import SimulatorAdapter
from tests.connectors.line import Surroundings, account
from tests.connectors.netsuite.conftest import TBA

MAIN = "Main warehouse"


class Clock:
    """The account's clock, which can be put back while something is entered."""

    back = timedelta()

    def __call__(self):
        return utc_now() - self.back


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def move(vendor, clock):
    """Have a quantity changed so many minutes ago."""

    def moving(sku: str, available: int, ago: int, place: str = MAIN) -> None:
        clock.back = timedelta(minutes=ago)
        vendor.set_stock(sku, place, available)
        clock.back = timedelta()

    return moving


@pytest.fixture
def vendor(monkeypatch, clock) -> NetSuiteSimulator:
    """MUG and TENT changed three hours ago, ROPE two hours ago."""
    simulator = NetSuiteSimulator(account_id="123456_SB1", now=clock)
    simulator.add_token(*TBA.values())
    simulator.add_location("East")
    for sku, hours in (("MUG", 3), ("TENT", 3), ("ROPE", 2)):
        clock.back = timedelta(hours=hours)
        simulator.add_item(sku)
        simulator.set_stock(sku, MAIN, 5)
    clock.back = timedelta()
    new_session = http.new_session

    def simulated() -> requests.Session:
        session = new_session()
        session.mount("http://netsuite.test", SimulatorAdapter(simulator))
        return session

    monkeypatch.setattr(http, "new_session", simulated)
    return simulator


@pytest.fixture
def netsuite(vendor) -> NetSuite:
    given = account(base_url="http://netsuite.test", credentials=TBA)
    return NetSuite(given, Surroundings().services())


@pytest.fixture
def poll(netsuite):
    """Read what changed, and keep the cursor as a poll does."""
    kept = [""]

    def polling() -> list[str]:
        found = []
        for one, cursor in netsuite.changes("inventory", kept[0]):
            found.append(f"{one.skus[0]} {one.payload['quantity_available']}")
            kept[0] = cursor
        kept[0] = netsuite.rest("inventory", kept[0])
        return found

    polling.kept = kept
    return polling


def test_the_first_pass_reads_all_and_the_next_what_changed(poll, move):
    assert poll() == ["MUG 5", "TENT 5", "ROPE 5"]
    move("TENT", 4, ago=90)
    assert poll() == ["TENT 4", "ROPE 5"]
    move("MUG", 1, ago=30, place="East")
    assert poll() == ["MUG 1", "TENT 4"]
    assert poll() == ["MUG 1"]


def test_what_shows_itself_late_is_read_within_a_quarter_of_an_hour(poll, move):
    poll()
    move("TENT", 4, ago=130)
    move("MUG", 4, ago=140)
    assert poll() == ["TENT 4", "ROPE 5"]


def test_a_quiet_pass_asks_three_questions(poll, vendor):
    poll()
    before = len(vendor.journal)
    assert poll() == ["ROPE 5"]
    assert len(vendor.journal) - before == 3


def test_what_changes_during_a_pass_is_found_by_the_next(netsuite, poll, move):
    seen = netsuite.changes("inventory", "")
    next(seen)
    move("MUG", 1, ago=100)
    move("ROPE", 2, ago=1)
    *_, (_, cursor) = seen
    poll.kept[0] = netsuite.rest("inventory", cursor)
    assert "MUG 1" in poll()


def test_a_pass_that_was_cut_goes_on_behind_the_last_whole_item(netsuite, move):
    found = [(one.key, cursor) for one, cursor in netsuite.changes("inventory", "")]
    cursor = found[-1][1]
    move("MUG", 9, ago=60)
    again = [one.skus[0] for one, _ in netsuite.changes("inventory", cursor)]
    assert again == ["ROPE"]
    # It was not read in this pass, so the next begins before the change.
    rest = netsuite.rest("inventory", cursor)
    found = [one.skus[0] for one, _ in netsuite.changes("inventory", rest)]
    assert found == ["MUG", "ROPE"]


def test_an_item_made_active_again_is_left_to_the_nightly_pass(poll, vendor):
    vendor.change_item("TENT", isInactive=True)
    assert poll() == ["MUG 5", "ROPE 5"]
    vendor.change_item("TENT", isInactive=False)
    assert poll() == ["ROPE 5"]
    poll.kept[0] = ""
    assert poll() == ["MUG 5", "TENT 5", "ROPE 5"]


@pytest.mark.parametrize("refused", ["MAX(ail", "TO_TIMESTAMP"])
def test_an_account_without_the_column_is_read_whole(monkeypatch, poll, move, refused):
    poll()
    move("TENT", 4, ago=90)
    ask = stock.suiteql.query

    def without(client, sql, *values):
        if refused in sql:
            raise RequestRefused("Invalid search query. Unknown identifier.")
        return ask(client, sql, *values)

    monkeypatch.setattr(stock.suiteql, "query", without)
    assert poll() == ["MUG 5", "TENT 4", "ROPE 5"]


def test_a_query_that_is_refused_for_all_is_not_hidden(monkeypatch, poll):
    def refuse(client, sql, *values):
        raise RequestRefused("Invalid search query.")

    monkeypatch.setattr(stock.suiteql, "query", refuse)
    with pytest.raises(RequestRefused):
        poll()


@pytest.mark.parametrize("old", ["999", "a/b", "1/2/3/4"])
def test_a_cursor_of_another_form_begins_anew(netsuite, old):
    assert len(list(netsuite.changes("inventory", old))) == 3


def test_named_items_are_read_at_every_location(netsuite, vendor):
    mug, tent = (vendor.store.holder("item", sku).id for sku in ("MUG", "TENT"))
    vendor.set_stock("MUG", "East", 2)
    vendor.change_item("TENT", isInactive=True)
    found = list(netsuite.noticed("inventory", [mug, tent, "999999"]))
    assert [key for key, _ in found] == [mug, mug]
    assert {one.payload["location"] for _, one in found} == {MAIN, "East"}
    assert all(one.changed_at for _, one in found)


def test_many_named_items_are_asked_for_together(netsuite, vendor):
    before = len(vendor.journal)
    list(netsuite.noticed("inventory", [str(key) for key in range(1, 402)]))
    assert len(vendor.journal) - before == 1 + 3


def test_one_level_is_read_again_as_of_now(netsuite, vendor):
    mug = vendor.store.holder("item", "MUG").id
    place = next(iter(netsuite.changes("inventory", "")))[0].payload["location_id"]
    found = netsuite.fetch("inventory", f"{mug}-{place}")
    assert found.payload["quantity_available"] == Decimal(5)
    assert found.changed_at is not None
    vendor.change_item("MUG", isInactive=True)
    with pytest.raises(RecordMissing, match="inactive"):
        netsuite.fetch("inventory", f"{mug}-{place}")
