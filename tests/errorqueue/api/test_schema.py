import re

import pytest
from django.test import Client
from drf_spectacular.validation import validate_schema

from errorqueue.api.page import document
from errorqueue.api.routes import router
from tests.errorqueue.pages import text_of

SCHEMA, PAGE = "/api/schema/", "/api/"


def test_the_document_is_valid_and_holds_every_operation():
    made = document()
    validate_schema(made)
    actions = {
        (pattern.callback.cls.__name__, action)
        for pattern in router.urls
        for action in pattern.callback.actions.values()
    }
    described = [way for ways in made["paths"].values() for way in ways.values()]
    assert len(described) == len(actions)
    for way in described:
        assert way["summary"] and way["description"] and way["tags"]


def test_every_operation_tells_its_refusals_and_its_log_in():
    for path, ways in document()["paths"].items():
        for method, way in ways.items():
            codes = set(way["responses"])
            assert {"401", "403", "429"} <= codes
            assert ("409" in codes) == (method == "post")
            assert ("404" in codes) == ("{id}" in path)
            assert {"token": []} in way["security"]


def test_nothing_but_our_own_addresses_is_described():
    assert all(path.startswith("/api/v1/") for path in document()["paths"])


def test_what_is_answered_is_what_is_described(program, make_line):
    line = make_line()
    made = document()["components"]["schemas"]
    whole = program.get(f"failed-records/{line.pk}/").json()
    assert set(whole) == set(made["LineDetail"]["properties"])
    row = program.get("failed-records/").json()["results"][0]
    assert set(row) == set(made["LineShape"]["properties"])
    plan = program.post("bulk-plans/", {"verb": "retry", "ids": [line.pk]}).json()
    assert set(plan) == set(made["PlanShape"]["properties"])


@pytest.mark.parametrize("address", [SCHEMA, PAGE])
def test_both_are_behind_the_log_in(db, address):
    answer = Client().get(address)
    assert answer.status_code in (302, 401)
    assert b"failed-records" not in answer.content


def test_the_document_is_read_with_a_token(program):
    answer = program.client.get(SCHEMA)
    assert answer.json()["openapi"].startswith("3.")


def test_the_page_lists_every_operation_with_an_example(operator):
    shown = text_of(operator.get(PAGE))
    for path, ways in document()["paths"].items():
        assert path in shown
        for way in ways.values():
            assert way["summary"] in shown
    assert "curl -X POST" in shown and "Authorization: Bearer $WAYBILL_TOKEN" in shown


def test_the_page_takes_nothing_from_elsewhere_and_nothing_inline(operator):
    answer = operator.get(PAGE)
    page = answer.content.decode()
    assert not re.search(r"<script(?![^>]*src=\"/)", page)
    assert not re.search(r"\sstyle=\"|\son\w+=\"", page)
    assert not re.search(r"(src|href)=\"https?://", page)
    assert "default-src 'self'" in answer["Content-Security-Policy"]
