"""The change feed: docs/netsuite-script.md says what it promises."""

import hashlib
import hmac
import json
import time

import pytest
import requests

from tests.simulators.netsuite_client import HOST, open_account, placed

SECRET = "feed-secret"


class Console:
    """Takes pushes in place of the console; `answers` are given in turn, then 200."""

    def __init__(self):
        self.answers = []
        self.taken = []

    def __call__(self, url, body, headers):
        self.taken.append((url, body, headers))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def events(self):
        return [
            event for _, body, _ in self.taken for event in json.loads(body)["events"]
        ]

    @property
    def skus(self):
        return [event["sku"] for event in self.events]


@pytest.fixture
def api():
    return open_account()


@pytest.fixture
def console(api):
    console = Console()
    feed = api.simulator.feed
    feed.url, feed.secret, feed.post = "https://console.test/feed", SECRET, console
    return console


def test_saved_item_is_pushed_at_once_with_a_signature(api, console):
    api.simulator.add_item("MUG")
    assert api.simulator.feed.deliver() == 1
    [(url, body, headers)] = console.taken
    assert url == "https://console.test/feed"
    stamp = headers["X-Waybill-Timestamp"]
    assert int(stamp) == int(api.clock().timestamp())
    digest = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256)
    assert headers["X-Waybill-Signature"] == f"sha256={digest.hexdigest()}"
    told = json.loads(body)
    assert (told["version"], told["account"]) == (1, "123456_SB1")
    assert told["source"] == "user_event"
    [event] = told["events"]
    assert event.pop("id")
    assert event == {
        "record": "inventoryItem",
        "record_id": api.simulator.store.holder("item", "MUG").id,
        "sku": "MUG",
        "change": "create",
        "at": "2026-03-26T16:21:00Z",
    }


def test_edit_price_stock_and_deletion_are_each_pushed(api, console):
    key = api.simulator.add_item("MUG")
    api.simulator.set_price("MUG", "9.50")
    api.simulator.set_stock("MUG", "Main warehouse", 4)
    api.simulator.change_item("MUG", isInactive=True)
    api.write("DELETE", f"/inventoryItem/{key}")
    api.simulator.feed.deliver()
    assert [event["change"] for event in console.events] == [
        "create",
        "edit",
        "stock",
        "edit",
        "delete",
    ]
    assert console.events[2]["location"] == "1"


def test_goods_that_a_fulfillment_took_are_pushed_as_stock(api, console):
    placed(api, 1)
    api.simulator.set_stock("ITEM-1", "Main warehouse", 5)
    path = placed(api, 2, externalId="o-2", location={"id": "1"})
    api.simulator.feed.pending.clear()
    api.make(path, "itemFulfillment")
    api.simulator.feed.deliver()
    assert [(one["sku"], one["change"]) for one in console.events] == [
        ("ITEM-1", "stock")
    ]


def test_orders_and_customers_are_not_pushed(api, console):
    placed(api, 1)
    kinds = {event["record"] for event in api.simulator.feed.pending}
    assert kinds == {"inventoryItem"}


def test_nothing_is_kept_for_a_feed_that_has_no_address(api):
    api.simulator.add_item("MUG")
    assert api.simulator.feed.deliver() == 0
    assert api.simulator.feed.pending == []


@pytest.mark.parametrize("answer", [500, 302, ConnectionError("down")])
def test_push_that_failed_is_sent_again_by_the_schedule(api, console, answer):
    console.answers = [answer]
    api.simulator.add_item("MUG")
    assert api.simulator.feed.deliver() == 0
    assert api.simulator.feed.deliver() == 0
    assert api.simulator.feed.run_schedule() == 1
    first, again = (json.loads(body) for _, body, _ in console.taken)
    assert (first["source"], again["source"]) == ("user_event", "scheduled")
    assert first["events"] == again["events"]
    assert api.simulator.feed.run_schedule() == 0


def test_schedule_sends_two_hundred_events_at_most(api, console):
    console.answers = [503] * 201
    for number in range(201):
        api.simulator.add_item(f"SKU-{number}")
    api.simulator.feed.deliver()
    api.simulator.feed.run_schedule()
    sizes = [len(json.loads(body)["events"]) for _, body, _ in console.taken[201:]]
    assert sizes == [200, 1]


def test_script_that_did_not_run_loses_a_change_for_good(api, console):
    api.simulator.feed.lose = 1
    for sku in ("A", "B"):
        api.simulator.add_item(sku)
    api.simulator.feed.deliver()
    api.simulator.feed.run_schedule()
    assert console.skus == ["B"]


def test_change_may_come_twice_under_one_id(api, console):
    api.simulator.feed.double = 1
    api.simulator.add_item("A")
    api.simulator.feed.deliver()
    first, second = console.events
    assert first == second


def test_later_change_may_overtake(api, console):
    api.simulator.feed.swap = 1
    for sku in ("A", "B", "C"):
        api.simulator.add_item(sku)
    api.simulator.feed.deliver()
    assert console.skus == ["B", "A", "C"]


def test_signature_may_be_wrong(api, console):
    api.simulator.feed.forge = 1
    for sku in ("A", "B"):
        api.simulator.add_item(sku)
    api.simulator.feed.deliver()
    good = []
    for _, body, headers in console.taken:
        text = headers["X-Waybill-Timestamp"].encode() + b"." + body
        digest = hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()
        good.append(headers["X-Waybill-Signature"] == f"sha256={digest}")
    assert good == [False, True]


def visitor(api):
    session = requests.Session()
    session.adapters = api.session.adapters
    return session


def test_controls_open_the_feed_and_show_what_it_pushed(api):
    console = Console()
    api.simulator.feed.post = console
    url = f"{HOST}/_simulator/feed"
    body = {"url": "https://console.test/feed", "secret": SECRET}
    assert visitor(api).post(url, json=body).ok
    item = {"sku": "MUG", "name": "Mug"}
    assert visitor(api).post(f"{HOST}/_simulator/items", json=item).ok
    deadline = time.monotonic() + 10
    while not console.taken and time.monotonic() < deadline:
        time.sleep(0.05)
    api.simulator.feed.url = ""
    state = visitor(api).get(url).json()
    assert [push["answer"] for push in state["pushes"]] == [200]
    assert state["pushes"][0]["events"][0]["sku"] == "MUG"
    assert SECRET not in visitor(api).get(url).text


@pytest.mark.parametrize("body", [{"lost": 1}, {"lose": "many"}])
def test_control_of_the_feed_that_makes_no_sense_is_refused(api, body):
    answer = visitor(api).post(f"{HOST}/_simulator/feed", json=body)
    assert answer.status_code == 400
