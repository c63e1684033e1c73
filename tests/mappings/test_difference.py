from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.engine import Exclusion, Kind, Section, SumCheck
from mappings.engine.difference import differences
from mappings.engine.digest import content_digest
from tests.mappings import shipped
from tests.mappings.builders import make_document, make_row

SHIP = make_row(
    "shipMethod.id",
    "shipping",
    kind=Kind.LOOKUP,
    table="Shipping methods",
    record="shipItem",
    by="name",
)
EMAIL = make_row("email", "email", "trim", max_length=254, owner="shopify")
NAME = make_row("companyName", "company", "printable | collapse_spaces")


def between(before, after):
    return differences(make_document(*before), make_document(*after))


def test_a_changed_field_is_told_with_both_values():
    [found] = between([SHIP], [replace(SHIP, table="Carriers")])
    assert found.sentence == "Ship method: table 'Shipping methods' now → 'Carriers'"
    assert (found.part, found.field, found.kind) == (
        "Row shipMethod.id",
        "table",
        "changed",
    )
    assert (found.before, found.after) == ("Shipping methods", "Carriers")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"required": True}, "Email: required no now → yes"),
        ({"max_length": None}, "Email: longest length 254 taken away"),
        ({"max_length": 40}, "Email: longest length 254 now → 40"),
        ({"when": "a = 'b'"}, r"Email: condition now 'a = \'b\'', was empty"),
        ({"default": "x"}, "Email: default now 'x', was empty"),
        ({"on_miss": "leave_out"}, "Email: when not found refuse the record now "
         "→ leave the field out"),
        ({"direction": "both"}, "Email: direction source to target now → both ways"),
        ({"transforms": ()}, "Email: transforms 'trim' taken away"),
        ({"owner": "netsuite"}, "Email: owner Shopify now → NetSuite"),
        ({"target": "contact.email"}, "Email: target field 'email' now → "
         "'contact.email'"),
    ],
)  # fmt: skip
def test_a_change_reads_as_a_sentence(change, sentence):
    [found] = between([EMAIL, NAME], [replace(EMAIL, **change), NAME])
    assert found.sentence == sentence


def test_one_as_text_and_one_as_number_differ():
    row = make_row("a", kind=Kind.CONSTANT, constant=1)
    [found] = between([row], [replace(row, constant="1")])
    assert (found.before, found.after) == ("1", "'1'")
    [found] = between([row], [replace(row, constant=True)])
    assert (found.before, found.after) == ("1", "true")


def test_rows_are_added_and_removed():
    [added] = between([EMAIL], [EMAIL, SHIP])
    assert added.kind == "added" and added.before == ""
    assert added.sentence.startswith("Ship method: added (kind look-up, source ")
    [removed] = between([EMAIL, SHIP], [EMAIL])
    assert removed.kind == "removed" and removed.after == ""


def test_rows_with_one_target_are_matched_by_condition():
    first, second = replace(EMAIL, when="a"), replace(EMAIL, source="other")
    [found] = between([first, second], [first, replace(second, source="third")])
    assert (found.before, found.after) == ("other", "third")


def test_a_row_that_moved_is_named_once():
    rows = [EMAIL, NAME, SHIP]
    [found] = between(rows, [SHIP, EMAIL, NAME])
    assert found.kind == "moved"
    assert found.sentence == "Ship method: moved from place 3 to place 1"


def test_keys_do_not_count():
    assert between([replace(EMAIL, key="1")], [replace(EMAIL, key="2")]) == []


def test_rows_of_lists_name_their_list():
    row = make_row("item.id", "sku", section="Lines")
    [found] = between([row], [replace(row, source="code")])
    assert found.sentence == "Lines, item: source 'sku' now → 'code'"
    assert found.part == "Row Lines: item.id"


def test_the_other_parts_are_compared():
    before = make_document(
        EMAIL,
        sections=(Section("Lines", "item.items", "lines"),),
        exclusions=(Exclusion("Test", "test"),),
        checks=(SumCheck("Total", "total", ("a", "b")),),
    )
    after = replace(
        before,
        sections=(Section("Lines", "item.items", "line_items"),),
        exclusions=(),
        checks=(SumCheck("Total", "total", ("a", "b", "c")),),
    )
    assert [found.sentence for found in differences(before, after)] == [
        "Section Lines: source 'lines' now → 'line_items'",
        "Exclusion Test: removed (condition 'test')",
        "Sum Total: amounts 'a, b' now → 'a, b, c'",
    ]


slugs = shipped.slugs()
ROWS = shipped.document("shopify-order").rows


@given(st.permutations(range(6)), st.sets(st.integers(0, 5)))
def test_a_difference_is_found_exactly_when_the_content_differs(order, dropped):
    before = make_document(*ROWS[:6])
    kept = [ROWS[number] for number in order if number not in dropped]
    after = make_document(*kept)
    same = content_digest(before) == content_digest(after)
    assert (differences(before, after) == []) is same
    removed = [one for one in differences(before, after) if one.kind == "removed"]
    assert len(removed) == len(dropped)


@pytest.mark.parametrize("slug", slugs)
def test_a_document_does_not_differ_from_itself(slug):
    document = shipped.document(slug)
    copy = replace(
        document,
        name="Other",
        tables={},
        rows=tuple(replace(row, key=f"x{row.key}") for row in document.rows),
    )
    assert differences(document, copy) == []
    assert content_digest(document) == content_digest(copy)


def test_the_digest_is_of_the_content_alone():
    document = make_document(EMAIL, SHIP, tables={"Shipping methods": {"a": "b"}})
    digest = content_digest(document)
    assert len(digest) == 64 and set(digest) <= set("0123456789abcdef")
    assert content_digest(replace(document, tables={})) == digest
    assert content_digest(make_document(SHIP, EMAIL)) != digest
    for change in ({"note": "x"}, {"owner": "netsuite"}, {"clears": True}):
        assert content_digest(make_document(replace(EMAIL, **change), SHIP)) != digest


@pytest.mark.parametrize(
    ("one", "other"), [(1, "1"), (True, "true"), (True, 1), (Decimal("1.0"), "1.0")]
)
def test_values_of_another_type_give_another_digest(one, other):
    row = make_row("a", kind=Kind.CONSTANT, constant=one)
    assert content_digest(make_document(row)) != content_digest(
        make_document(replace(row, constant=other))
    )
