from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.engine import Exclusion, Kind, Section, SumCheck, row_for, trace_for
from tests.mappings.builders import (
    INACTIVE,
    MANY,
    FakeLookups,
    lines,
    make_document,
    make_row,
    run,
    run_row,
)


def only(mapped):
    [problem] = mapped.problems
    return problem


def test_targets_build_nested_objects_and_lists():
    mapped = run(
        make_document(
            make_row("entity.id", "customer"),
            make_row("book.items[1].city", "second"),
            make_row("book.items[0].city", "first"),
            make_row("book.items[0].zip", "zip"),
        ),
        {"customer": "7", "first": "Bonn", "second": "Ulm", "zip": "53111"},
    )
    assert mapped.payload == {
        "entity": {"id": "7"},
        "book": {"items": [{"city": "Bonn", "zip": "53111"}, {"city": "Ulm"}]},
    }


@pytest.mark.parametrize("empty", [None, "", "   ", [], {}])
def test_an_empty_value_is_left_out_not_sent_as_null(empty):
    document = make_document(make_row("a.b", "x"), make_row("c", "x", default="d"))
    assert run(document, {"x": empty}).payload == {"c": "d"}


@pytest.mark.parametrize("value", [False, 0, Decimal("0.00")])
def test_false_and_zero_are_sent(value):
    assert run_row(make_row("a", "x", required=True), {"x": value}).payload == {
        "a": value
    }


def test_a_gap_in_a_fixed_list_closes():
    document = make_document(make_row("items[0].a", "x"), make_row("items[1].a", "y"))
    assert run(document, {"y": 1}).payload == {"items": [{"a": 1}]}


def test_a_default_is_final_and_not_looked_up():
    lookups = FakeLookups()
    row = make_row("a", "x", kind=Kind.LOOKUP, record="item", by="sku", default="42")
    assert run_row(row, {}, lookups=lookups).payload == {"a": "42"}
    assert lookups.asked == []


def test_a_required_value_says_which_part_is_missing():
    row = make_row("entity.id", "customer.address.city", required=True)
    problem = only(run_row(row, {"customer": {}}))
    assert (problem.kind, problem.target) == ("data", "entity.id")
    assert problem.source == "customer.address.city"
    assert problem.rule == "entity.id is required, but customer.address is empty"
    assert "Shopify" in problem.remedy


def test_the_first_row_whose_condition_holds_fills_the_target():
    document = make_document(
        make_row("a", kind=Kind.CONSTANT, constant="gift", when="gift"),
        make_row("a", kind=Kind.CONSTANT, constant="tip", when="tip"),
        make_row("a", "sku"),
    )
    assert run(document, {"gift": True, "tip": True}).payload == {"a": "gift"}
    assert run(document, {"tip": True}).payload == {"a": "tip"}
    assert run(document, {"sku": "X"}).payload == {"a": "X"}


def test_a_look_up_gives_the_id_and_asks_once_for_each_value():
    lookups = FakeLookups()
    row = make_row("item.id", "sku", "trim", kind=Kind.LOOKUP, record="item", by="sku")
    mapped = run(
        lines(row), {"lines": [{"sku": "A "}, {"sku": "B"}, {"sku": "A"}]}, {}, lookups
    )
    assert mapped.payload["item"]["items"] == [
        {"item": {"id": "item:A"}},
        {"item": {"id": "item:B"}},
        {"item": {"id": "item:A"}},
    ]
    assert lookups.asked == [("item", "sku", "A"), ("item", "sku", "B")]


def test_f67_a_look_up_that_finds_two_names_both_and_picks_none():
    row = make_row("a", "x", kind=Kind.LOOKUP, record="customer", by="external id")
    mapped = run_row(row, {"x": MANY})
    problem = only(mapped)
    assert mapped.payload == {}
    assert problem.kind == "data"
    assert problem.allowed == ("First (id 7)", "Second (id 8), inactive")
    assert "fits 2 records in NetSuite" in problem.rule


def test_an_inactive_match_is_a_problem():
    row = make_row("a", "x", kind=Kind.LOOKUP, record="item", by="sku")
    problem = only(run_row(row, {"x": INACTIVE}))
    assert "SKU 'INACTIVE' is inactive in NetSuite" in problem.rule
    assert "active again" in problem.remedy


def test_a_look_up_that_waits_for_another_record_is_a_dependency():
    row = make_row(
        "a",
        "x",
        kind=Kind.LOOKUP,
        record="customer",
        by="external id",
        needs="customer",
    )
    problem = only(run_row(row, {"x": "c-1"}, lookups=FakeLookups("c-1")))
    assert (problem.kind, problem.needs, problem.value) == (
        "dependency",
        "customer",
        "c-1",
    )


def test_an_unknown_constant_points_at_target_and_mapping():
    row = make_row("a", kind=Kind.LOOKUP, constant="Discount", record="item", by="sku")
    problem = only(run_row(row, {}, lookups=FakeLookups("Discount")))
    assert problem.rule == "Item 'Discount' is not known in NetSuite"
    assert "name another one in the mapping" in problem.remedy


def test_a_table_translates_and_a_miss_names_the_values_there_are():
    row = make_row("a", "x", kind=Kind.TABLE, table="Colours")
    tables = {"Colours": {"rot": "red", "blau": "blue"}}
    document = make_document(row, tables=tables)
    assert run(document, {"x": " rot "}).payload == {"a": "red"}
    problem = only(run(document, {"x": "gelb"}))
    assert (problem.kind, problem.value) == ("mapping", "gelb")
    assert problem.allowed == ("rot", "blau")
    assert "Add a row for 'gelb' to the value table 'Colours'" in problem.remedy


def test_a_star_stands_for_anything_else():
    row = make_row("a", "x", kind=Kind.TABLE, table="T")
    fallback = make_document(row, tables={"T": {"a": "1", "*": "9"}})
    assert run(fallback, {"x": "z"}).payload == {"a": "9"}
    as_it_is = make_document(row, tables={"T": {"a": "1", "*": "*"}})
    assert run(as_it_is, {"x": "z"}).payload == {"a": "z"}


def test_a_table_can_stand_before_a_look_up():
    row = make_row("a", "x", kind=Kind.LOOKUP, record="shipItem", by="name", table="T")
    document = make_document(row, tables={"T": {"std": "Standard"}})
    assert run(document, {"x": "std"}).payload == {"a": "shipItem:Standard"}
    problem = only(run(document, {"x": "std"}, lookups=FakeLookups("Standard")))
    assert problem.kind == "mapping"
    assert problem.rule == "Shipping item 'Standard' is not known in NetSuite"


def test_a_template_fills_placeholders_and_nothing_else():
    row = make_row(
        "a", kind=Kind.TEMPLATE, template="{{{name}}} {lines[0].sku}, {tags[]}"
    )
    source = {"name": "#1", "lines": [{"sku": "A"}], "tags": ["x", "y"]}
    assert run_row(row, source).payload == {"a": "{#1} A, x, y"}
    assert run_row(row, {}).payload == {}


@pytest.mark.parametrize(
    "template", ["{name!r}", "{name:>9}", "{name.__class__.x()}", "{", "}"]
)
def test_a_template_knows_no_calls_and_no_formats(template):
    problem = only(
        run_row(make_row("a", kind=Kind.TEMPLATE, template=template), {"name": "n"})
    )
    assert problem.kind == "mapping"


def test_a_list_of_objects_stands_in_no_template():
    row = make_row("a", kind=Kind.TEMPLATE, template="Lines {lines}")
    found = only(run_row(row, {"lines": [{"sku": "A"}]}))
    assert found.rule == "An object cannot stand in a text"


def test_a_template_reaches_no_attributes():
    row = make_row("a", kind=Kind.TEMPLATE, template="{name.__class__}", required=True)
    assert only(run_row(row, {"name": "n"})).kind == "data"


def test_a_template_of_endless_text_is_a_problem_of_the_record():
    row = make_row("a", kind=Kind.TEMPLATE, template="{name}{name}")
    assert "longer than 10000" in only(run_row(row, {"name": "x" * 6000})).rule


def test_a_text_that_is_too_long_is_refused_or_cut():
    row = make_row("a", "x", max_length=5)
    problem = only(run_row(row, {"x": "ten letters"}))
    assert problem.rule == "11 characters, but NetSuite takes 5"
    row = make_row("a", "x", max_length=5, on_too_long="cut")
    assert run_row(row, {"x": "ten letters"}).payload == {"a": "ten"}


def test_an_option_of_the_connection_stands_for_the_length():
    row = make_row("a", "x", max_length=5, length_option="limit")
    assert run_row(row, {"x": "123456"}, facts={"connection": {"limit": "6"}}).payload
    assert run_row(row, {"x": "123456"}, facts={"connection": {"limit": ""}}).problems
    assert run_row(row, {"x": "123456"}, facts={}).problems


def test_sections_of_one_target_append_and_skip_what_their_condition_refuses():
    document = make_document(
        make_row("sku", "sku", section="Goods"),
        make_row("amount", "^.total", section="Goods"),
        make_row("sku", kind=Kind.CONSTANT, constant="TIP", section="Tip"),
        sections=(
            Section("Goods", "item.items", "lines", "quantity != 0"),
            Section("Tip", "item.items", "", "tip"),
        ),
    )
    rows = [{"sku": "A", "quantity": 1}, {"sku": "B", "quantity": 0}, {"sku": "C"}]
    source = {"lines": rows, "tip": "2.00", "total": 9}
    assert run(document, source).payload == {
        "item": {
            "items": [
                {"sku": "A", "amount": 9},
                {"sku": "C", "amount": 9},
                {"sku": "TIP"},
            ]
        }
    }
    assert run(document, {"lines": [], "tip": None}).payload == {}


def test_a_line_that_gives_nothing_takes_no_place():
    document = lines(make_row("sku", "sku"))
    mapped = run(document, {"lines": [{}, {"sku": "B"}, {}]})
    assert mapped.payload == {"item": {"items": [{"sku": "B"}]}}
    [trace] = mapped.trace
    assert (trace.target, trace.source, trace.line) == (
        "item.items[0].sku",
        "lines[1].sku",
        2,
    )
    assert run(document, {"lines": [{}]}).payload == {}


def test_a_derived_element_may_name_the_element_it_was_made_from():
    document = lines(
        make_row("sku", "sku", required=True),
        make_row("amount", "net", "number"),
        source="derived.lines",
    )
    element = {"source_path": "line_items[4]", "sku": "", "net": "x"}
    source = {"line_items": [{}, {}, {}, {}, {"sku": ""}]}
    first, second = run(document, source, {"derived": {"lines": [element]}}).problems
    assert (first.source, first.line) == ("line_items[4].sku", 5)
    assert (second.source, second.line) == ("derived.lines[0].net", 5)
    assert first.target == "item.items[0].sku"


def test_a_named_rule_keeps_a_record_out_before_anything_is_asked():
    lookups = FakeLookups()
    row = make_row("a", "x", kind=Kind.LOOKUP, record="item", by="sku")
    rules = (Exclusion("Never", "no"), Exclusion("Test order", "test = true"))
    document = make_document(row, exclusions=rules)
    mapped = run(document, {"x": "A", "test": True}, {}, lookups)
    assert (mapped.excluded, mapped.payload, lookups.asked) == ("Test order", {}, [])


def test_a_float_is_a_fault_of_ours_wherever_it_hides():
    with pytest.raises(TypeError, match="exact"):
        run_row(make_row("a", "x"), {"x": 1, "deep": [{"price": 0.1}]})
    with pytest.raises(TypeError, match="exact"):
        run_row(make_row("a", "x"), {"x": 1}, facts={"derived": {"tip": 1.5}})


def test_absurd_nesting_is_a_problem_and_no_crash():
    deep: dict = {}
    for _ in range(5_000):
        deep = {"a": deep}
    assert "nested deeper" in only(run_row(make_row("a", "x"), deep)).rule


def test_f60_too_many_lines_end_with_words():
    mapped = run(lines(make_row("n", "n")), {"lines": [{"n": 1}] * 20_001})
    assert "more than 20000 lines" in only(mapped).rule


def test_a_broken_row_is_a_problem_of_the_mapping_and_stops_no_other():
    document = make_document(
        make_row("a", "x..y"),
        make_row("b", "x", when="x ="),
        make_row("c.d", "x"),
        make_row("c", "x"),
        make_row("e", "x", kind=Kind.TABLE, table="gone"),
        make_row("f", "x"),
    )
    mapped = run(document, {"x": "1"})
    assert mapped.payload == {"c": {"d": "1"}, "f": "1"}
    assert [(one.kind, one.target) for one in mapped.problems] == [
        ("mapping", "a"),
        ("mapping", "b"),
        ("mapping", "c"),
        ("mapping", "e"),
    ]


def test_a_section_over_something_else_than_a_list_is_a_problem():
    problem = only(run(lines(make_row("a", "b")), {"lines": "three"}))
    assert problem.rule == "The section Lines cannot be used: lines is not a list"


SUM = SumCheck("Order total", "total", ("item.items[].amount", "shippingCost"))


def summed(rows, **source):
    document = lines(
        make_row("amount", "amount", "number"),
        checks=(SUM,),
    )
    return run(document, {"lines": [{"amount": one} for one in rows], **source})


def test_a_sum_check_agrees_to_the_cent():
    assert summed(["0.10", "0.20"], total="0.30").is_good
    problem = only(summed(["0.10", "0.20"], total="0.31"))
    assert (problem.kind, problem.source, problem.value) == ("mapping", "total", "0.30")
    assert problem.allowed == ("0.31",)


def test_a_sum_check_is_silent_when_a_part_was_refused():
    assert only(summed(["0.10", "x"], total="9")).target == "item.items[1].amount"


def test_a_sum_check_without_an_amount_to_reach_is_a_problem():
    assert "holds no amount" in only(summed(["1"], total=None)).rule


amounts = st.decimals(-(10**7), 10**7, places=2)


@given(st.lists(amounts, min_size=1, max_size=30), st.sampled_from([0, 1, -1]))
def test_f79_sums_agree_exactly_or_are_refused(parts, off):
    total = sum(parts, Decimal(0)) + Decimal(off) / 100
    mapped = summed([str(part) for part in parts], total=str(total))
    assert mapped.is_good == (off == 0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | amounts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["sku", "x", "amount"]), inner, max_size=3)
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["lines", "x", "total"]), json_values))
def test_any_json_gives_a_payload_or_problems_and_never_a_float(source):
    document = lines(
        make_row("id", "sku", kind=Kind.LOOKUP, record="item", by="sku", required=True),
        make_row("amount", "amount", "number", required=True),
        make_row("text", "x", "trim | cut(3)", max_length=3),
        checks=(SUM,),
    )
    mapped = run(document, source)
    assert not list(floats(mapped.payload))
    for problem in mapped.problems:
        assert problem.rule and problem.remedy and problem.row


def floats(value):
    if isinstance(value, float):
        yield value
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from floats(inner)


@given(st.lists(st.sampled_from(["", "GONE", "MANY", "A"]), max_size=12))
def test_f62_each_bad_line_is_reported_and_each_good_one_kept(skus):
    row = make_row(
        "id", "sku", kind=Kind.LOOKUP, record="item", by="sku", required=True
    )
    mapped = run(
        lines(row), {"lines": [{"sku": sku} for sku in skus]}, {}, FakeLookups("GONE")
    )
    bad = [number for number, sku in enumerate(skus, start=1) if sku != "A"]
    assert [problem.line for problem in mapped.problems] == bad
    assert [p.source for p in mapped.problems] == [f"lines[{n - 1}].sku" for n in bad]
    assert [p.target for p in mapped.problems] == [
        f"item.items[{n - 1}].id" for n in bad
    ]


DOCUMENT = lines(
    make_row("item.id", "sku"),
    make_row("amount", "amount"),
)
WHOLE = make_document(
    make_row("entity.id", "customer"),
    make_row("phone", "phone"),
    make_row("book.items[0].city", "city"),
    *DOCUMENT.rows,
    sections=DOCUMENT.sections,
)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("phone", "phone"),
        ("entity", "entity.id"),
        ("entity.id", "entity.id"),
        ("entity.id.value", "entity.id"),
        ("item.items[7].item", "item.id"),
        ("item.items[0].amount", "amount"),
        ("item", "item.id"),
        ("book.items[3].city", "book.items[0].city"),
    ],
)
def test_a_vendors_error_path_leads_to_its_row(path, target):
    assert row_for(WHOLE, path).target == target


@pytest.mark.parametrize("path", ["", "phones", "item.items[0].tax", "nothing"])
def test_a_path_that_no_row_fills_leads_nowhere(path):
    assert row_for(WHOLE, path) is None


def test_a_vendors_error_path_leads_to_the_very_value_that_was_sent():
    source = {"customer": "7", "lines": [{"sku": "A"}, {"amount": 1}, {"sku": "C"}]}
    mapped = run(WHOLE, source)
    assert trace_for(mapped, "item.items[2].item").source == "lines[2].sku"
    assert trace_for(mapped, "item.items[2].item").line == 3
    assert trace_for(mapped, "entity").value == "7"
    assert trace_for(mapped, "entity.id.x").value == "7"
    assert trace_for(mapped, "item.items[1].item") is None
    assert trace_for(mapped, "") is None


def test_a_joined_value_names_all_its_sources_and_how_sensitive_it_is():
    row = make_row(
        "label", "name, buyer.phone", "join", sensitivity="personal", max_length=3
    )
    whole = make_row("copy", "name, buyer.phone", "join", sensitivity="personal")
    source = {"name": "#1", "buyer": {"phone": "555"}}
    problem = only(run_row(row, source))
    [trace] = run_row(whole, source).trace
    for told in (problem, trace):
        assert told.source == "name"
        assert told.sources == ("name", "buyer.phone")
        assert told.sensitivity == "personal"
