from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.engine import DocumentError
from mappings.engine.conditions import holds, parse_condition
from mappings.engine.paths import whole

SOURCE = {
    "test": True,
    "live": False,
    "name": "#1001",
    "status": "paid",
    "total": "10.50",
    "zero": Decimal("0.00"),
    "count": 3,
    "tags": ["vip", "new"],
    "nothing": None,
    "blank": "  ",
    "company": {"id": 1},
    "none": [],
}
SCOPE = whole(SOURCE, {"connection": {"tax_mode": "legacy", "namespace": "paid"}})


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "test",
        "company",
        "tags",
        "not live",
        "not zero",
        "not nothing",
        "not blank",
        "not none",
        "not absent.field",
        "test = true",
        "live = false",
        "live != true",
        "status = paid",
        "status = 'paid'",
        'status = "paid"',
        "name = '#1001'",
        "name != '#1002'",
        "total = 10.5",
        "total = 10.50",
        "total != 10.51",
        "zero = 0",
        "count = 3",
        "nothing = null",
        "blank = null",
        "absent = null",
        "name != null",
        "status in (paid, refunded)",
        "status not in (voided, refunded)",
        "count in (1, 2, 3)",
        "tags = vip",
        "tags != old",
        "connection.tax_mode = legacy",
        "test and status = paid",
        "live or status = paid",
        "live and test or count = 3",
        "test or live and live",
        "not (live or nothing)",
        "not live and not nothing",
        "(test) and ((count = 3))",
        "status='paid'and count=3",
        "$.status = paid",
        "status = {connection.namespace}",
        "status != {connection.tax_mode}",
        "not absent and nothing = {absent.field}",
    ],
)
def test_a_condition_holds(condition):
    assert holds(condition, SCOPE)


@pytest.mark.parametrize(
    "condition",
    [
        "live",
        "zero",
        "nothing",
        "blank",
        "none",
        "absent.field",
        "not test",
        "test = 'true'",
        "status = Paid",
        "total = '10.5'",
        "name = null",
        "count = 3.1",
        "status in (voided, 'refunded')",
        "tags = old",
        "test and live",
        "not (test or live)",
        "company = 1",
        "status = {connection.tax_mode}",
        "status != {connection.namespace}",
        "status = {absent}",
    ],
)
def test_a_condition_does_not_hold(condition):
    assert not holds(condition, SCOPE)


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("status =", "a value was expected"),
        ("= paid", "path"),
        ("status paid", "'paid' was not expected"),
        ("status in paid", r"'\(' was expected"),
        ("status in (paid", r"'\)' was expected"),
        ("(status", r"'\)' was expected"),
        ("status and", "a path was expected"),
        ("and status", "a path was expected"),
        ("not", "a path was expected"),
        ("true", "a path was expected"),
        ("status = 'paid", "quote|cannot be read"),
        ("status == paid", "a value was expected"),
        ("a..b = 1", "cannot be read"),
        ("status = {a..b}", "cannot be read"),
        ("status = {}", "path"),
        ("not " * 30 + "status", "levels"),
        ("(" * 30 + "status" + ")" * 30, "levels"),
    ],
)
def test_a_condition_that_cannot_be_read_says_why(condition, reason):
    with pytest.raises(DocumentError, match=reason):
        parse_condition(condition)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, max_value=10**9))
def test_numbers_are_compared_exactly(number):
    scope = whole({"amount": number, "text": str(number)}, {})
    assert holds(f"amount = {number:f}", scope)
    assert holds(f"text = {number:f}", scope)
    assert holds(f"amount != {number + Decimal('0.01'):f}", scope)


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader_of_conditions(text):
    try:
        holds(text, SCOPE)
    except DocumentError:
        return


def test_a_condition_without_end_is_refused_before_it_is_read():
    with pytest.raises(DocumentError, match="2000 characters at most"):
        parse_condition("name or " * 100_000 + "name")
