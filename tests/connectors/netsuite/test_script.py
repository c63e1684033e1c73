"""The installable scripts, run under node, against the reader of what they push."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import integrations.connectors.netsuite
from integrations.connectors.netsuite import feed
from integrations.connectors.secret import Secret

NODE = shutil.which("node")
FOLDER = Path(integrations.connectors.netsuite.__file__).parent / "script"
SECRET = "feed-secret, with ümlaut"
pytestmark = pytest.mark.skipif(NODE is None, reason="there is no node")


def run(script: str, **asked) -> dict:
    given = {
        "folder": str(FOLDER),
        "script": script,
        "account": "123456_SB1",
        "url": "https://waybill.test/hooks/netsuite/",
        "secrets": {"custsecret_waybill_feed": SECRET},
        "answers": [202],
        **asked,
    }
    harness = Path(__file__).with_name("suitescript.js")
    done = subprocess.run(  # noqa: S603
        [str(NODE), str(harness)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


def save(**asked) -> dict:
    return run("waybill_feed_event.js", **asked)


def taken(post: dict) -> list[tuple[str, str]]:
    """Take a post as our door does: signature first, then what it wants read."""
    body = post["body"].encode()
    head = feed.verify(post["headers"], body, [Secret(SECRET)], "123456_SB1")
    assert head.topic == feed.TOPIC and head.event_id
    return feed.items(body)


MUG = {"id": 201, "type": "inventoryitem", "fields": {"itemid": "MÜG"}}


@pytest.mark.parametrize(
    ("type", "change"),
    [("create", "create"), ("edit", "edit"), ("delete", "delete"), ("copy", "create")],
)
def test_a_saved_item_is_posted_signed_as_we_read_it(type, change):
    told = save(type=type, newRecord=MUG)
    [post] = told["posts"]
    assert post["url"] == "https://waybill.test/hooks/netsuite/"
    assert taken(post) == [(change, "201")]
    assert json.loads(post["body"])["events"][0]["sku"] == "MÜG"
    assert told["kept"] == [] and told["errors"] == []


def test_an_inline_edit_is_known_by_the_record_before():
    told = save(type="xedit", newRecord={"id": 201, "type": "x"}, oldRecord=MUG)
    assert taken(told["posts"][0]) == [("edit", "201")]


def test_each_item_that_a_transaction_moves_is_named_with_its_place():
    lines = [{"item": "201", "itemtype": "InvtPart"}, {"item": "9", "itemtype": "Kit"}]
    elsewhere = {"item": "202", "itemtype": "Assembly", "location": "4"}
    new = {"fields": {"location": "1", "trandate": "x"}, "lists": {"item": lines}}
    old = {"fields": {"trandate": "x"}, "lists": {"item": [*lines, elsewhere]}}
    told = save(type="edit", newRecord=new, oldRecord=old)
    [post] = told["posts"]
    assert set(taken(post)) == {("stock", "201"), ("stock", "202")}
    places = [event.get("location") for event in json.loads(post["body"])["events"]]
    assert "1" in places and "4" in places


@pytest.mark.parametrize("answer", [401, 302, 503, "SSS_CONNECTION_TIME_OUT"])
def test_what_is_not_taken_is_kept_and_the_save_stands(answer):
    told = save(type="edit", newRecord=MUG, answers=[answer])
    assert len(told["kept"]) == 1 and len(told["errors"]) == 1


def test_a_transaction_without_stock_posts_nothing():
    line = {"item": "9", "itemtype": "Service"}
    new = {"fields": {"trandate": "x"}, "lists": {"item": [line]}}
    assert save(type="create", newRecord=new)["posts"] == []


def test_the_schedule_sends_what_was_kept_in_batches_and_forgets_it():
    [post] = save(type="edit", newRecord=MUG)["posts"]
    event = json.dumps(json.loads(post["body"])["events"][0])
    told = run("waybill_feed_schedule.js", kept=[event] * 250)
    assert [len(taken(post)) for post in told["posts"]] == [200, 50]
    assert told["kept"] == []


def test_the_schedule_stops_and_keeps_all_when_nobody_takes_them():
    told = run("waybill_feed_schedule.js", kept=['{"id": "e"}'] * 3, answers=[503])
    assert len(told["posts"]) == 1 and len(told["kept"]) == 3
