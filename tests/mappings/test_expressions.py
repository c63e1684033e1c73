import subprocess
import sys
import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.engine import DocumentError, Kind, check_document
from mappings.engine.errors import Unfit
from mappings.engine.parsing import parse_expression
from mappings.engine.paths import whole
from tests.mappings.builders import lines, make_row, run, run_row

SOURCE = {
    "first": "Ada",
    "last": "Lovelace",
    "company": "",
    "grams": 1500,
    "tags": ["vip", "b2b"],
    "at": "2026-03-01T23:30:00-05:00",
    "lines": [{"sku": "a", "n": 2}, {"sku": "b", "n": 3}],
    "long": "x" * 30_000,
}


def value_of(text, source=None):
    return parse_expression(text).value(whole(source or SOURCE, {}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("first", "Ada"),
        ("'it\\'s'", "it's"),
        ("grams / 1000", Decimal("1.5")),
        ("(grams - 500) / 1000 + 2 * 3", Decimal(7)),
        ("-grams", Decimal(-1500)),
        ("nothing + 1", None),
        ("if company != null then company else join(first, last)", "Ada Lovelace"),
        ("join(last, first, separator=', ')", "Lovelace, Ada"),
        ("upper(cut(first, 2))", "AD"),
        ("date(at, 'America/New_York', '%d.%m.%Y')", "01.03.2026"),
        ("tags = 'vip' and not company", True),
        ("first in ('Bob', 'Ada')", True),
        ("first not in ('Bob', 'Ada')", False),
        ("grams >= 1500 and grams < '1500.5'", True),
        ("nothing < 3", False),
        ("lines[1].sku", "b"),
        ("join(lines[].sku, separator='-')", "a-b"),
        ("state_code(['Kentucky', 'US'])", "KY"),
        ("if if true then false else true then 1 else 2", 2),
        ("first_non_empty(company, nothing, last)", "Lovelace"),
    ],
)
def test_an_expression_gives_what_it_says(text, expected):
    found = value_of(text)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("first +", "where a value was expected"),
        ("if first then 'a'", "'else' was expected"),
        ("shout(first)", "no transform 'shout'"),
        ("cut(first)", "needs 'length'"),
        ("cut(first, grams)", "fixed values"),
        ("upper()", "needs a value"),
        ("first last", "was not expected"),
        ("first; last", "cannot be read from character 6"),
        ("__import__('os')", "no transform"),
        ("first.upper()", "there is no transform"),
        ("x" * 1001, "1000 characters"),
        ("(" * 30 + "1" + ")" * 30, "20 levels"),
        ("+".join(["1"] * 450), "200 parts"),
    ],
)
def test_an_expression_that_is_wrong_says_where(text, words):
    with pytest.raises(DocumentError, match=words):
        parse_expression(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("grams / 7", "does not come out even"),
        ("grams / 0", "by zero"),
        ("first * 2", "not a number"),
        ("first < 3", "have no order"),
        ("long", "too long for an expression"),
        ("lines", "whole object"),
        ("cut(number(first), 3)", "not a number"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(text, words):
    with pytest.raises(Unfit, match=words):
        value_of(text)


def test_a_row_of_kind_expression_sends_its_value_and_says_where_from():
    row = make_row("weight", kind=Kind.EXPRESSION, expression="grams / 1000")
    mapped = run_row(row, SOURCE)
    assert mapped.payload == {"weight": Decimal("1.5")}
    assert mapped.trace[0].source == "grams"
    [problem] = run_row(row, {"grams": "heavy"}).problems
    assert problem.source == "grams" and "not a number" in problem.rule


def test_an_expression_reads_the_line_and_its_record():
    row = make_row("key", kind=Kind.EXPRESSION, expression="join($.first, sku)")
    mapped = run(lines(row), SOURCE)
    assert [one["key"] for one in mapped.payload["item"]["items"]] == ["Ada a", "Ada b"]


def test_faults_of_an_expression_are_found_before_any_record():
    row = make_row("a", kind=Kind.EXPRESSION, expression="1 +")
    assert any("cannot be read" in text for text in check_document(_document(row)))
    empty = make_row("a", kind=Kind.EXPRESSION)
    assert any(
        "where the value comes from" in t for t in check_document(_document(empty))
    )
    outside = make_row("a", kind=Kind.EXPRESSION, expression="^.x")
    assert any("no list here" in text for text in check_document(_document(outside)))


def _document(*rows):
    from tests.mappings.builders import make_document

    return make_document(*rows)


def test_no_expression_pays_for_the_reading_of_a_table_out_of_its_own_time():
    script = (
        "import mappings.engine.codes, builtins, io\n"
        "def refuse(*_, **__): raise AssertionError('reads a file')\n"
        "builtins.open = io.open = refuse\n"
        "codes = mappings.engine.codes\n"
        "print(codes.state_code(['Kentucky', 'US'], ''), codes.currency_code('usd'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["KY", "USD"]


words = st.sampled_from(
    [
        "if",
        "then",
        "else",
        "and",
        "or",
        "not",
        "in",
        "true",
        "false",
        "null",
        "(",
        ")",
        "[",
        "]",
        ",",
        "+",
        "-",
        "*",
        "/",
        "=",
        "!=",
        "<",
        ">",
        "<=",
        ">=",
        "first",
        "lines[].n",
        "grams",
        "^.x",
        "$.first",
        "'a'",
        "12",
        "0.5",
        "join(",
        "cut(",
        "upper(",
        "sum(",
        "replace(",
        "number(",
        "split(",
        "separator=",
        "date(",
        "template(",
    ]
)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20)
    | st.decimals(allow_nan=True, allow_infinity=True),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["first", "lines", "grams", "n", "x"]), inner),
    max_leaves=15,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.lists(words, max_size=25).map(" ".join), json)
def test_any_text_parses_or_is_refused_and_any_json_gives_a_value_or_a_problem(
    text, value
):
    started = time.thread_time()
    try:
        parse_expression(text)
    except DocumentError:
        return
    finally:
        assert time.thread_time() - started < 1
    row = make_row("a", kind=Kind.EXPRESSION, expression=text)
    mapped = run_row(row, {"first": value, "lines": [value, {"n": value}]})
    assert mapped.payload.keys() <= {"a"}
    assert bool(mapped.problems) + bool(mapped.payload) <= 1
