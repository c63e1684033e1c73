import time
import unicodedata
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.engine import (
    CATALOGUE,
    DocumentError,
    chain_from,
    chain_items,
    parse_chain,
    parse_literal,
    print_chain,
    print_literal,
)
from mappings.engine.errors import Unfit
from mappings.engine.texts import cut
from mappings.engine.transforms import run_chain
from mappings.engine.values import length_of


def through(chain, value):
    return run_chain(parse_chain(chain), value)


@pytest.mark.parametrize(
    ("chain", "value", "expected"),
    [
        ("trim", "  a b ", "a b"),
        ("collapse_spaces", " a \n\n b\t c ", "a b c"),
        ("upper", "straße", "STRASSE"),
        ("lower", "ÄB", "äb"),
        ("title", "mary o'neill-smith", "Mary O'neill-Smith"),
        ("cut(11)", "Two-person tent", "Two-person"),
        ("cut(10)", "Two-person tent", "Two-person"),
        ("cut(4)", "Two-person tent", "Two-"),
        ("cut(40)", "Two-person tent", "Two-person tent"),
        ("replace('#', '')", "#1001", "1001"),
        ("replace(find=a, with=b)", "banana", "bbnbnb"),
        ("split", "a, b,,c", ["a", "b", "c"]),
        ("split(' ')", "a b", ["a", "b"]),
        ("join", ["Ada", None, " ", "Lovelace"], "Ada Lovelace"),
        ("join(', ')", ["a", 2, Decimal("1.50")], "a, 2, 1.50"),
        ("join", "alone", "alone"),
        (
            "join",
            [["12 Harbour Road", "Unit 4"], "Bergen"],
            "12 Harbour Road Unit 4 Bergen",
        ),
        ("split_lines", " a \r\n\n b\u2028c ", ["a", "b", "c"]),
        (
            "address_block",
            ["Ada", "", ["1 Mill St", "Unit 4"], "", "Louisville", "KY", "40202", "US"],
            "Ada\n1 Mill St\nUnit 4\nLouisville, KY 40202\nUS",
        ),
        ("first_non_empty", [None, "", " ", "x", "y"], "x"),
        ("first_non_empty", [None, ""], None),
        ("default_if_empty(Standard)", None, "Standard"),
        ("default_if_empty(Standard)", "Express", "Express"),
        ("strip_html", "<p>Tent &amp; <b>poles</b></p>", "Tent & poles"),
        ("strip_html", "1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("strip_emoji", "Tent 🏕️ for 👨‍👩‍👧", "Tent for"),
        ("strip_emoji", "नमस्ते क्‍ष", "नमस्ते क्‍ष"),
        ("printable", "a\x00b\u202ec\ufefflf\nx", "abclf\nx"),
        ("number", "10.50", Decimal("10.50")),
        ("number", " 7 ", Decimal("7")),
        ("number", 3, Decimal("3")),
        ("whole_number", "12.00", 12),
        ("negate", Decimal("3.34"), Decimal("-3.34")),
        ("negate", Decimal("0.00"), Decimal("0.00")),
        ("absolute", "-3.34", Decimal("3.34")),
        ("at_least_zero", Decimal("-3"), Decimal("0")),
        ("at_least_zero", 4, Decimal("4")),
        ("sum", ["0.10", Decimal("0.20"), None, 1], Decimal("1.30")),
        ("date", "2026-03-01T23:30:00-05:00", "2026-03-02"),
        ("date(America/New_York)", "2026-03-02T04:30:00Z", "2026-03-01"),
        (
            "date(Europe/Berlin, '%d.%m.%Y %H:%M')",
            "2026-03-29T01:30:00Z",
            "29.03.2026 03:30",
        ),
        ("date(Europe/Berlin)", "2026-03-01", "2026-03-01"),
        ("country_code", "us", "US"),
        ("country_code", "Germany", "DE"),
        ("country_code", "DEU", "DE"),
        ("country_code", "XK", "XK"),
        ("state_code", ["KY", "US"], "KY"),
        ("state_code", ["Kentucky", "US"], "KY"),
        ("state_code", ["JP-13", "JP"], "13"),
        ("state_code", [None, "US"], None),
        ("state_code(US)", "ohio", "OH"),
        ("currency_code", "usd", "USD"),
        ("phone", "555-555-SHIP", "555-555-SHIP"),
        ("phone", " +1 (502)  459-2181 ", "+1 (502) 459-2181"),
        ("phone(14)", "+1 (502) 459-2181", "+15024592181"),
        ("phone(20)", "+1 (502) 459-2181 extension 77", "+15024592181 x77"),
        ("yes_no", True, "Yes"),
        ("yes_no(T, F)", False, "F"),
        ("yes_no", None, None),
        ("external_id_safe", "shopify-a_b-order-1", "shopify-a_b-order-1"),
        ("trim | upper", None, None),
        ("trim | cut(3) | upper", " abcdef ", "ABC"),
        ("upper", 5, "5"),
        ("trim", True, "true"),
    ],
)
def test_a_transform_does_what_it_says(chain, value, expected):
    found = through(chain, value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("chain", "value", "words"),
    [
        ("number", "12,50", "not a number"),
        ("number", "1e400", "not a number"),
        ("number", "NaN", "not a number"),
        ("negate", True, "not a number"),
        ("whole_number", "1.5", "not a whole number"),
        ("sum", ["1", "x"], "not a number"),
        ("date", "yesterday", "not a date"),
        ("country_code", "Narnia", "not a country"),
        ("state_code", ["Narnia", "US"], "not a state"),
        ("currency_code", "XXZ", "not a currency"),
        ("phone", "n/a", "no digits"),
        ("phone(8)", "+1 (502) 459-2181", "8 are allowed"),
        ("yes_no", "maybe", "neither true nor false"),
        ("external_id_safe", "a b", "may not have"),
        ("trim", ["a"], "needs one value"),
        ("upper", {"a": 1}, "whole object"),
        ("join", [{"a": 1}, "b"], "object cannot stand in a text"),
        ("address_block", [{"a": 1}], "object cannot stand in a text"),
        ("template('x {1}')", [["a"]], "list cannot stand in a text"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_words(chain, value, words):
    with pytest.raises(Unfit, match=words) as refused:
        through(chain, value)
    assert not refused.value.rule.endswith(".")


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        ("shout", "no transform 'shout'"),
        ("cut", "needs 'length'"),
        ("cut(0)", "above 0"),
        ("cut(ten)", "above 0"),
        ("date(Mars/Base)", "no time zone"),
        ("trim(3)", "at most"),
        ("cut(length=3, length=4)", "twice"),
        ("cut(size=3)", "no parameter 'size'"),
        ("trim | | upper", "cannot be read"),
        ("trim |", "cannot be read"),
        ("cut(3", "cannot be read"),
        ("Trim", "cannot be read"),
        (" | ".join(["trim"] * 13), "more than 12"),
    ],
)
def test_a_chain_that_is_wrong_says_why(chain, words):
    with pytest.raises(DocumentError, match=words):
        through(chain, "x")


def test_every_transform_explains_itself_and_its_parameters():
    for name, transform in CATALOGUE.items():
        assert name == transform.name and transform.description.endswith(".")
        assert transform.takes in ("text", "number", "list", "any")
        for parameter in transform.parameters:
            assert parameter.description and parameter.kind in (
                "text",
                "number",
                "zone",
                "date_format",
                "number_format",
                "layout",
            )
            assert parameter.required == (parameter.default is None)


@pytest.mark.parametrize("items", ["trim", [5], [{"cut": 3}], [{"a": {}, "b": {}}], {}])
def test_a_stored_chain_of_another_shape_is_refused(items):
    with pytest.raises(DocumentError):
        chain_from(items)


words = st.text(st.characters(codec="utf-8"), max_size=60)


@given(words, st.integers(1, 70))
def test_f63_a_cut_text_never_exceeds_and_ends_at_a_word(text, length):
    found = cut(text, length)
    stripped = text.strip()
    assert length_of(found) <= length
    assert stripped.startswith(found)
    rest = stripped[len(found) :]
    first_word_fits = (
        length_of(stripped.split(maxsplit=1)[0]) <= length if stripped else True
    )
    if rest and first_word_fits:
        assert rest[0].isspace()


@given(words)
def test_f63_printable_text_has_no_control_and_keeps_the_rest(text):
    found = through("printable", text) or ""
    for character in found:
        allowed = character in "\n\t\u200c\u200d"
        assert allowed or unicodedata.category(character) not in ("Cc", "Cf")
    assert through("printable", found) == (found or None)


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=12)
steps = st.one_of(
    st.sampled_from([("trim", {}), ("upper", {}), ("join", {})]),
    st.integers(1, 99).map(lambda n: ("cut", {"length": n})),
    texts.map(lambda t: ("join", {"separator": t})),
    st.tuples(texts, texts).map(lambda p: ("replace", {"find": p[0], "with": p[1]})),
    texts.map(lambda t: ("replace", {"with": t})),
)


@given(st.lists(steps, max_size=6).map(tuple))
def test_a_chain_is_read_as_it_was_printed(chain):
    assert parse_chain(print_chain(chain)) == chain
    assert chain_from(chain_items(chain)) == chain


values = (
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.decimals(-(10**9), 10**9, places=2)
    | texts
)


@given(values)
def test_a_literal_is_read_as_it_was_printed(value):
    found = parse_literal(print_literal(value))
    assert found == value
    assert isinstance(found, bool) == isinstance(value, bool)
    assert not isinstance(found, float)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("null", None),
        ("", None),
        ("12", 12),
        ("12.50", Decimal("12.50")),
        ("007", "007"),
        ("'12'", "12"),
        ("'it\\'s'", "it's"),
        ("Pending Fulfilment", "Pending Fulfilment"),
        ("1e5", "1e5"),
        ("-1", -1),
    ],
)
def test_a_literal_means_what_people_expect(text, value):
    found = parse_literal(text)
    assert found == value and type(found) is type(value)


amounts = st.decimals(-(10**7), 10**7, places=2)


@given(st.lists(amounts, max_size=40))
def test_f79_a_sum_is_exact_to_the_cent(parts):
    cents = sum(int(part * 100) for part in parts)
    found = through("sum", [str(part) for part in parts])
    assert isinstance(found, Decimal) and found * 100 == cents


@pytest.mark.parametrize(
    "text",
    [
        "cut(" + " " * 3_000 + "'a'b)",
        "trim" + " " * 30_000 + "(",
        "cut(" + "a = " * 1_000 + "'",
        "cut(" + "'a' " * 1_000 + "b)",
    ],
)
def test_no_text_makes_reading_a_chain_long(text):
    start = time.thread_time()
    with pytest.raises(DocumentError):
        parse_chain(text)
    assert time.thread_time() - start < 0.5


@pytest.mark.parametrize("name", sorted(CATALOGUE))
@pytest.mark.parametrize("text", [" " * 60_000, "<!-- " * 12_000, "x 1" * 20_000])
def test_no_text_keeps_a_transform_busy(name, text):
    example = CATALOGUE[name].example
    chain = ((name, (example and example.given) or {}),)
    start = time.thread_time()
    with suppress(Unfit):
        run_chain(chain, f"a{text}b")
    assert time.thread_time() - start < 1
