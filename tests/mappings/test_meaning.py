"""What the lint refuses for its meaning, and the columns that act on a value."""

import pytest

from mappings.engine import Kind, SumCheck, check_document
from tests.mappings import shipped
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

TABLE = {"kind": Kind.TABLE, "table": "T"}
LOOKUP = {"kind": Kind.LOOKUP, "record": "term", "by": "name"}


def faults(row, **parts):
    return "\n".join(check_document(make_document(row, **parts)))


@pytest.mark.parametrize(
    ("target", "value", "instead"),
    [
        ("terms.id", "12", "record term, by name"),
        ("item.id", 4711, "record item, by sku"),
        ("currency.id", "1", "record currency, by symbol"),
        ("custbody_shop.id", "7", "record custbody_shop, by name"),
        ("locationId", "gid://shopify/Location/1", "record location, by name"),
        ("memo", "gid://shopify/Order/12", "look-up"),
        ("OwnerId", "0055g00000AbCdE", "record Owner, by name"),
        ("note", "0015g00000XyZabAAF", "look-up"),
        ("terms", "12", "record term, by name"),
        ("Terms", 12, "record term, by name"),
        ("shipMethod", "5", "record shipItem, by name"),
        ("item.items[0].item", "4711", "record item, by sku"),
        ("subsidiary", "2", "record subsidiary, by name"),
    ],
)
def test_a_constant_that_is_an_internal_id_is_refused(target, value, instead):
    found = faults(make_row(target, kind=Kind.CONSTANT, constant=value))
    assert "looks like an internal id" in found and instead in found


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ("price.id", "-1"),
        ("orderStatus.id", "B"),
        ("quantity", 1),
        ("externalId", "1001"),
        ("memo", "Shopifycustomer"),
        ("memo", "123456789012345678"),
        ("isPerson", True),
        ("terms", "Net 30"),
        ("item.items[0].price", "12"),
        ("account", "4000"),
        ("location", "-1"),
    ],
)
def test_other_constants_pass(target, value):
    assert faults(make_row(target, kind=Kind.CONSTANT, constant=value)) == ""


def test_a_bare_name_is_a_reference_only_where_it_is_one():
    """What NetSuite calls `class` may be a plain text of any other target."""
    row = make_row("class", kind=Kind.CONSTANT, constant="12")
    assert "look-up" in faults(row)
    assert faults(row, target_system="shopify") == ""


def test_a_bare_reference_that_a_table_or_a_step_fills_is_refused_too():
    table = {"T": {"Net 30": "5"}}
    assert "internal id" in faults(make_row("terms", "x", **TABLE), tables=table)
    row = make_row("terms", source="terms", chain="default_if_empty(value=12)")
    assert "internal id" in faults(row)


def test_ids_are_found_wherever_a_fixed_value_may_stand():
    assert "internal id" in faults(make_row("terms.id", "x", default="5", **LOOKUP))
    text = "if a then '12' else default_if_empty(b, '13')"
    row = make_row("terms.id", kind=Kind.EXPRESSION, expression=text)
    assert faults(row).count("internal id") == 2
    table = {"T": {"Net 30": "5"}}
    assert "internal id" in faults(make_row("terms.id", "x", **TABLE), tables=table)
    row = make_row(
        "terms.id", "x", kind=Kind.LOOKUP, record="term", by="name", table="T"
    )
    assert faults(row, tables=table) == ""


@pytest.mark.parametrize(
    "text",
    [
        "price * quantity",
        "subtotal + 5",
        "total_price / 2",
        "grams * 2 + shippingCost",
        "sum(tax, duty)",
        "if a then discount - 1 else 0",
    ],
)
def test_business_arithmetic_is_refused(text):
    found = faults(make_row("memo", kind=Kind.EXPRESSION, expression=text))
    assert "decides no price, tax, discount or credit" in found


def test_arithmetic_for_a_field_of_money_is_refused_whatever_it_reads():
    row = make_row("item.amount", kind=Kind.EXPRESSION, expression="a * b")
    assert "reckons with item.amount" in faults(row)
    assert "'sum' reckons" in faults(make_row("total", "a, b", "sum"))
    assert "'at_least_zero' reckons" in faults(make_row("rate", "x", "at_least_zero"))


def test_signs_units_and_checks_are_no_business_arithmetic():
    assert faults(make_row("amount", "discount", "negate")) == ""
    assert faults(make_row("amount", "discount", "absolute")) == ""
    assert faults(make_row("quantity", "stock", "at_least_zero")) == ""
    row = make_row("weight", kind=Kind.EXPRESSION, expression="grams / 1000")
    assert faults(row) == ""
    row = make_row(
        "memo", kind=Kind.EXPRESSION, expression="if total > 100 then 'big' else ''"
    )
    assert faults(row) == ""
    assert faults(make_row("total", "total, a, b", "sum_check")) == ""
    check = SumCheck("Total", "total", ("amount",))
    assert faults(make_row("amount", "x", "number"), checks=(check,)) == ""


@pytest.mark.parametrize("slug", shipped.slugs())
def test_the_documents_that_come_with_waybill_say_nothing_forbidden(slug):
    assert check_document(shipped.document(slug)) == []


# Clearing


def test_only_a_row_that_clears_sends_an_empty_value():
    clears = make_row("memo", "note", "trim", clears=True)
    keeps = make_row("email", "mail")
    mapped = run(make_document(clears, keeps), {"note": " "})
    assert mapped.payload == {"memo": None}
    assert [(one.target, one.value, one.source) for one in mapped.trace] == [
        ("memo", None, "note")
    ]
    assert run_row(clears, {"note": "Hi"}).payload == {"memo": "Hi"}


def test_a_reference_is_cleared_as_a_whole():
    row = make_row("terms.id", "terms", clears=True, **LOOKUP)
    assert run_row(row, {}).payload == {"terms": None}
    assert run_row(row, {"terms": "Net 30"}).payload == {"terms": {"id": "term:Net 30"}}


def test_clearing_beside_a_field_of_the_same_reference_is_a_problem():
    rows = (make_row("terms.id", "x", clears=True), make_row("terms.name", "y"))
    [problem] = run(make_document(*rows), {"y": "Net 30"}).problems
    assert "both a value and something with fields" in problem.rule


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"required": True}, "never empty"),
        ({"default": "x"}, "nothing clears"),
        ({"target": "addressBook.items[0].city"}, "sent as a whole"),
        ({"target": "externalId"}, "must stay"),
    ],
)
def test_clearing_that_cannot_be_meant_is_refused(changes, words):
    row = make_row(**{"target": "memo", "source": "note", "clears": True, **changes})
    assert words in faults(row)


def test_a_line_clears_nothing():
    document = lines(make_row("memo", "note", clears=True))
    assert "sent as a whole" in "\n".join(check_document(document))


# Misses


@pytest.mark.parametrize(
    ("on_miss", "payload"), [("default", {"a": "Other"}), ("leave_out", {})]
)
def test_a_miss_of_a_table_does_what_the_row_says(on_miss, payload):
    default = "Other" if on_miss == "default" else None
    row = make_row("a", "x", on_miss=on_miss, default=default, **TABLE)
    document = make_document(row, tables={"T": {"red": "rot"}})
    assert run(document, {"x": "blue"}).payload == payload
    assert run(document, {"x": "red"}).payload == {"a": "rot"}
    assert not run(document, {"x": "blue"}).problems


@pytest.mark.parametrize("on_miss", ["default", "leave_out"])
@pytest.mark.parametrize("value", [MANY, INACTIVE])
def test_an_ambiguous_look_up_refuses_whatever_the_row_says(on_miss, value):
    row = make_row("terms.id", "x", on_miss=on_miss, default="a", **LOOKUP)
    mapped = run_row(row, {"x": value})
    assert mapped.payload == {} and len(mapped.problems) == 1


def test_a_miss_of_a_look_up_does_what_the_row_says():
    row = make_row("terms.id", "x", on_miss="leave_out", clears=True, **LOOKUP)
    mapped = run_row(row, {"x": "Net 31"}, lookups=FakeLookups("Net 31"))
    assert mapped.payload == {} and not mapped.problems
    refuses = make_row("terms.id", "x", **LOOKUP)
    assert run_row(refuses, {"x": "Net 31"}, lookups=FakeLookups("Net 31")).problems


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"on_miss": "guess"}, "choose one of refuse, default, leave_out"),
        ({"on_miss": "default"}, "which default"),
        ({"on_miss": "leave_out", "required": True}, "cannot be left out"),
        ({"conflict": "loudest"}, "choose one of owner_wins"),
        ({"status": "maybe"}, "choose one of agreed"),
        ({"sensitivity": "odd"}, "choose one of personal"),
        ({"direction": "sideways"}, "choose one of to_target"),
    ],
)
def test_a_choice_that_is_none_is_refused(changes, words):
    row = make_row("terms.id", "x", **{**LOOKUP, **changes})
    assert words in faults(row)


def test_an_id_that_a_transform_puts_is_found_too():
    default = "default_if_empty(value=12)"
    words = "yes_no(yes=5, no=F)"
    for chain in (default, words):
        row = make_row("terms.id", source="terms", chain=chain)
        assert "looks like an internal id" in faults(row)
    named = make_row("terms.id", source="terms", chain=default, **LOOKUP)
    assert "internal id" not in faults(named)
