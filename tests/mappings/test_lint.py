from dataclasses import replace

import pytest

from mappings.engine import (
    DocumentError,
    Exclusion,
    Kind,
    Section,
    SumCheck,
    check_document,
    document_from,
    tables_from,
)
from tests.mappings.builders import make_document, make_row

LOOKUP = {"kind": Kind.LOOKUP, "record": "item", "by": "sku"}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (make_row("a[]", "x"), "is no target"),
        (make_row("a", "x..y"), "cannot be read"),
        (make_row("a", ""), "say where the value comes from"),
        (make_row("a", "x", constant="y"), "fill in source or constant, not both"),
        (make_row("a", kind=Kind.CONSTANT), "needs its constant"),
        (make_row("a", "x", kind=Kind.CONSTANT), "needs its constant"),
        (make_row("a", "x", kind=Kind.TEMPLATE), "needs its template"),
        (make_row("a", kind=Kind.TEMPLATE, template="{x"), "stray brace"),
        (make_row("a", kind=Kind.TEMPLATE, template="x" * 1001), "1000 characters"),
        (make_row("a", "x", kind=Kind.TABLE), "choose a value table"),
        (make_row("a", "x", kind=Kind.TABLE, table="T"), "no value table 'T'"),
        (make_row("a", "x", table="T"), "uses no value table"),
        (make_row("a", "x", kind=Kind.LOOKUP, by="sku"), "needs a look-up record"),
        (make_row("a", "x", kind=Kind.LOOKUP, record="item"), "needs a key"),
        (make_row("a", "x", record="item"), "only a look-up uses a look-up record"),
        (make_row("a", "x", needs="customer"), "can wait for another record"),
        (make_row("a", "x, y"), "first_non_empty, join or sum"),
        (make_row("a", "x[].y"), "first_non_empty, join or sum"),
        (make_row("a", "x", when="x in y"), "cannot be read"),
        (make_row("a", "^.x"), "no list here"),
        (make_row("a", "x", when="^.x"), "no list here"),
        (make_row("a", kind=Kind.TEMPLATE, template="{^.x}"), "no list here"),
        (make_row("a", "x", section="Lines"), "no section 'Lines'"),
        (make_row("a", "x", on_too_long="squeeze"), "choose one of refuse, cut"),
        (make_row("a", "x", on_too_long="cut"), "at which length"),
        (make_row("a", "x", max_length=0), "above 0"),
        (make_row("a", "x", length_option="limit"), "where the option is not set"),
    ],
)
def test_a_faulty_row_is_named_with_its_fault(row, words):
    found = check_document(make_document(row))
    assert any(words in text and text.startswith("Row ") for text in found), found


def with_chain(*chain):
    return replace(make_row("a", "x"), transforms=chain)


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        ((("shout", {}),), "no transform"),
        ((("cut", {}),), "needs 'length'"),
        ((("cut", {"size": 1}),), "no parameter"),
        ((("date", {"zone": "Mars"}),), "no time zone"),
    ],
)
def test_faulty_transforms_are_found(chain, words):
    assert any(
        words in text for text in check_document(make_document(with_chain(*chain)))
    )


def test_a_sound_document_has_no_faults():
    document = make_document(
        make_row("a", "x, y", "first_non_empty", when="x = 1"),
        make_row("a", kind=Kind.CONSTANT, constant=False),
        make_row("item.id", "sku", section="Lines", **LOOKUP),
        make_row("ref", "^.name", section="Lines", when="^.name != null"),
        make_row("amount", "amount", section="Lines"),
        sections=(Section("Lines", "item.items", "lines"),),
        exclusions=(Exclusion("Test", "test"),),
        checks=(SumCheck("Total", "total", ("item.items[].amount",)),),
    )
    assert check_document(document) == []


def test_a_row_behind_one_that_always_fills_its_target_is_found():
    first = make_row("a", "x")
    assert check_document(make_document(replace(first, when="x"), first)) == []
    [fault] = check_document(make_document(first, replace(first, when="x")))
    assert "an earlier row fills this target always" in fault


def test_a_value_with_fields_is_found():
    [fault] = check_document(make_document(make_row("a", "x"), make_row("a.id", "x")))
    assert fault == "Row a.id: a is filled as a value by another row"


def test_faults_of_the_other_parts_are_found():
    document = make_document(
        make_row("b", "x", section="Lines"),
        sections=(
            Section("Lines", "item[0]", "^.lines", "a ="),
            Section("Lines", "item.items", ""),
            Section("Empty", "more", "x"),
        ),
        exclusions=(Exclusion("All", " "), Exclusion("Bad", "a b")),
        checks=(
            SumCheck("Total", "a..b", ("shippingCost",)),
            SumCheck("None", "total", ()),
        ),
    )
    found = "\n".join(check_document(document))
    for words in (
        "Section Lines: the target of a section must end with a name",
        "Section Lines: the condition 'a =' cannot be read",
        "Section Lines: ^.lines asks for a parent",
        "Section Lines: two sections have this name",
        "Section Empty: no row belongs to this section",
        "Exclusion All: a rule without a condition keeps every record out",
        "Exclusion Bad: the condition 'a b' cannot be read",
        "Check Total: the path 'a..b' cannot be read",
        "Check Total: no row fills shippingCost",
        "Check None: name the parts that are added",
    ):
        assert words in found, found


def test_a_row_into_the_list_of_a_section_is_found():
    document = make_document(
        make_row("items", "x"),
        make_row("items[0].b", "x"),
        make_row("c", "x", section="Lines"),
        sections=(Section("Lines", "items", "lines"),),
    )
    assert sum("a section fills this list" in f for f in check_document(document)) == 2


def test_a_document_without_rows_is_found():
    assert check_document(make_document()) == ["The document has no rows."]


def data(**row):
    return {"name": "D", "rows": [{"target": "a", **row}]}


def test_a_file_gives_typed_constants_and_only_the_tables_it_uses():
    tables = tables_from(
        [
            {"name": "T", "rows": {"x": "y", 1: {"target": "one", "note": "n"}}},
            {"name": "Other", "rows": None},
        ]
    )
    row = {"source": "x", "kind": "table", "table": "T", "default": "'007'"}
    document = document_from(data(**row), tables)
    assert document.tables == {"T": {"x": "y", "1": "one"}}
    assert document.rows[0].default == "007"
    assert document_from(data(constant="false"), {}).rows[0].constant is False
    assert document_from(data(constant=True), {}).rows[0].constant is True
    assert document_from(data(constant="'-1'"), {}).rows[0].constant == "-1"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (data(sauce="x"), "row 1 has unknown keys: sauce"),
        (data(constant=0.5), "must stay exact"),
        (data(transforms="trim"), "must be a list"),
        (data() | {"sections": [{"name": "L", "target": "x", "surce": "y"}]}, "surce"),
    ],
)
def test_a_file_with_unknown_keys_or_floats_is_refused(document, words):
    with pytest.raises(DocumentError, match=words):
        document_from(document, {})
