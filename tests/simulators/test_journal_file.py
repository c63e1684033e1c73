"""The journal that survives everybody: requests and effects, line by line."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.simulators.netsuite_client import Api, open_account, order_for, placed


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journals" / "netsuite.jsonl"


@pytest.fixture
def api(journal: Path) -> Api:
    api = open_account()
    api.simulator.keep_journal(journal.parent)
    return api


def lines(journal: Path, kind: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in journal.read_text().splitlines()]
    return [
        line
        for line in found
        if line["kind"] == kind and line.get("verb") != "standing"
    ]


def orders(journal: Path) -> int:
    return sum(x["record"] == "salesOrder" for x in lines(journal, "effect"))


def test_each_write_stands_there_with_its_whole_content(api: Api, journal: Path):
    api.post("/salesOrder", order_for(api))
    (effect,) = (
        line for line in lines(journal, "effect") if line["record"] == "salesOrder"
    )
    assert effect["record"] == "salesOrder"
    assert effect["verb"] == "created"
    assert effect["external_id"] == "shopify-s-order-1"
    assert effect["content"]["item"]["items"][0]["amount"]
    asked = lines(journal, "request")[-1]
    assert (asked["method"], asked["status"]) == ("POST", 204)


def test_f30_a_lost_answer_is_marked_and_its_effect_stands(api: Api, journal: Path):
    api.simulator.fail_next(lost=True)
    with pytest.raises(requests.exceptions.ReadTimeout):
        api.post("/salesOrder", order_for(api))
    assert lines(journal, "request")[-1]["lost"] is True
    assert orders(journal) == 1


def test_f46_a_request_may_finish_after_its_client_has_gone(api: Api, journal: Path):
    api.simulator.fail_next(late=0.1, path="salesOrder")
    with pytest.raises(requests.exceptions.ReadTimeout):
        api.post("/salesOrder", order_for(api))
    assert orders(journal) == 0
    give_up = time.monotonic() + 2
    while not orders(journal) and time.monotonic() < give_up:
        time.sleep(0.02)
    assert orders(journal) == 1


def test_what_followed_another_record_stands_there_under_its_own_word(
    api: Api, journal: Path
):
    path = placed(api, 1)
    before = len(lines(journal, "effect"))
    api.make(path, "itemFulfillment")
    found = lines(journal, "effect")[before:]
    assert [(line["record"], line["verb"]) for line in found] == [
        ("itemFulfillment", "created"),
        ("salesOrder", "followed"),
    ]


def test_memory_stays_flat_beside_the_file(api: Api, journal: Path, monkeypatch):
    monkeypatch.setattr("integrations.simulators.base.MOST_LINES", 3)
    for _ in range(5):
        api.get("/customer")
    assert len(api.simulator.journal) == 3
    assert len(lines(journal, "request")) >= 5
