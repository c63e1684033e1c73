"""What holds for every record: no crash, exact totals, claims of transforms."""

import json as plain_json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks import mapping as bench
from benchmarks.by_hand import sales_order
from mappings.engine import CATALOGUE, Kind, SumCheck, catalogue
from mappings.engine.building import Fields
from mappings.engine.document import Document
from mappings.engine.errors import DocumentError, Unfit
from mappings.engine.transforms import run_chain
from mappings.engine.values import is_empty
from tests.mappings import shipped
from tests.mappings.builders import FakeLookups, lines, make_row, run

NAMES = ["id", "name", "email", "lines", "line_items", "note", "company", "amount", "a"]
single = (
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=30)
    | st.decimals(allow_nan=True, allow_infinity=True)
)  # fmt: skip
json = st.recursive(
    single,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
    ),
    max_leaves=25,
)
objects = st.dictionaries(st.sampled_from(NAMES), json, max_size=9)
quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def is_sound(mapped):
    assert all(problem.rule and problem.remedy for problem in mapped.problems)
    assert len(list(mapped.trace)) == len(mapped.trace)
    assert not any(isinstance(one, Fields) for one in mapped.payload.values())


@pytest.mark.parametrize("slug", shipped.slugs())
@quick
@given(objects, objects, objects)
def test_no_record_breaks_a_shipped_document(slug, source, derived, connection):
    facts = {"derived": derived, "connection": connection, "waybill": {}, "needs": {}}
    document = replace(shipped.document(slug), exclusions=())
    is_sound(run(document, {**source, **derived}, facts))


targets = st.sampled_from(["a", "b", "a.id", "b.c.id", "b.c.d", "l[0].x", "l[1].y"])
sources = st.sampled_from(
    ["id", "name", "lines[].id", "a, name", "$.a", "^.id", "note."]
)
chains = st.lists(st.sampled_from(["trim", "number", "join", "first_non_empty", "split",
                                   "sum", "country_code", "date", "upper"]), max_size=3)  # fmt: skip
rows = st.builds(
    lambda target, source, chain, kind, section, when, flags: replace(
        make_row(target, source, " | ".join(chain)),
        kind=kind,
        expression="name + 1" if kind is Kind.EXPRESSION else "",
        section=section,
        when=when,
        **flags,
    ),
    targets,
    sources,
    chains,
    st.sampled_from(list(Kind)),
    st.sampled_from(["", "Lines"]),
    st.sampled_from(["", "id", "not $.a", "name = 'x' or ^.id", "a b"]),
    st.fixed_dictionaries(
        {
            "required": st.booleans(),
            "clears": st.booleans(),
            "on_miss": st.sampled_from(["refuse", "default", "leave_out"]),
            "table": st.sampled_from(["", "T", "gone"]),
            "max_length": st.sampled_from([None, 3]),
        }
    ),
)


@quick
@given(st.lists(rows, max_size=6), objects)
def test_no_record_breaks_any_document(some, source):
    document = lines(source="$.lines", when="not $.a = 5")
    document = replace(document, rows=tuple(some), tables={"T": {"x": "y"}})
    is_sound(run(document, source))


@quick
@given(st.lists(rows, max_size=6), objects)
def test_a_document_without_clashes_gives_what_a_wary_one_does(some, source):
    document = lines(source="$.lines")
    document = replace(document, rows=tuple(some))
    wary = replace(document)
    wary.__dict__["is_plain"] = False
    one, other = run(document, source), run(wary, source)
    assert (one.payload, one.problems) == (other.payload, other.problems)
    assert list(one.trace) == list(other.trace)


amounts = st.decimals(-(10**7), 10**7, places=2)


@quick
@given(st.lists(amounts, min_size=1, max_size=30), amounts)
def test_a_sum_holds_to_the_cent_or_is_refused(parts, claimed):
    row = make_row("amount", "amount", "number")
    check = SumCheck("Total", "total", ("item.items[].amount",))
    document = lines(row, checks=(check,))
    source = {"lines": [{"amount": str(part)} for part in parts], "total": claimed}
    cents = sum(int(part * 100) for part in parts)
    assert bool(run(document, source).problems) is (cents != int(claimed * 100))
    exact = {**source, "total": str(Decimal(cents) / 100)}
    assert not run(document, exact).problems


SAMPLES = {"number": 12, "zone": "UTC", "number_format": "1.234,56", "layout": "us"}


@pytest.mark.parametrize(
    "transform",
    [t for t in CATALOGUE.values() if t.is_idempotent],
    ids=lambda t: t.name,
)
@quick
@given(st.data())
def test_a_transform_is_idempotent_where_it_claims_to_be(transform, data):
    given_ = {
        parameter.name: SAMPLES.get(parameter.kind, "x, y")
        for parameter in transform.parameters
        if parameter.required
    }
    chain = ((transform.name, given_),)
    value = data.draw(single | st.lists(single, max_size=4))
    try:
        once = run_chain(chain, value)
    except Unfit:
        return
    twice = run_chain(chain, once)
    assert is_empty(once) and is_empty(twice) or repr(twice) == repr(once)


@pytest.mark.parametrize("transform", CATALOGUE.values(), ids=lambda t: t.name)
def test_the_example_of_a_transform_is_true(transform):
    example = transform.example
    found = run_chain(((transform.name, example.given or {}),), example.value)
    assert found == example.result and type(found) is type(example.result)


@pytest.mark.parametrize("transform", CATALOGUE.values(), ids=lambda t: t.name)
@quick
@given(json)
def test_no_value_breaks_a_transform(transform, value):
    given_ = {
        parameter.name: SAMPLES.get(parameter.kind, "%Y")
        for parameter in transform.parameters
        if parameter.required
    }
    try:
        run_chain(((transform.name, given_),), value)
    except (Unfit, DocumentError) as refused:
        assert str(refused)


def test_the_catalogue_is_plain_data_with_all_that_a_form_needs():
    found = plain_json.loads(plain_json.dumps(catalogue()))
    assert [one["name"] for one in found] == list(CATALOGUE)
    for one in found:
        assert one["label"] and one["group"] and one["description"].endswith(".")
        assert one["example"] is not None
        for parameter in one["parameters"]:
            assert parameter["label"] and parameter["description"]
            assert parameter["type"]


def test_an_order_maps_to_what_a_function_by_hand_makes():
    document, order = bench.shipped(), bench.order_of(20)
    facts, lookups = bench.facts_of(order), FakeLookups()
    mapped = run(document, order, facts, lookups)
    assert mapped.problems == () and len(mapped.payload["item"]["items"]) == 21
    assert mapped.payload == sales_order(order, facts, lookups)


def test_a_document_is_renewed_with_tables_as_they_are_now():
    document = Document("A", (make_row("a", "x", kind=Kind.TABLE, table="T"),))
    first = document.renewed("B", {"T": {"1": "one"}})
    assert run(first, {"x": "1"}).payload == {"a": "one"}
    second = first.renewed("B", {"T": {"1": "uno"}})
    assert run(second, {"x": "1"}).payload == {"a": "uno"}
