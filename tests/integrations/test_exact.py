from decimal import Decimal

import pytest

from integrations.connectors import exact


def test_fractions_are_decimals_and_come_back_digit_for_digit():
    value = exact.loads('{"amount": 19.90, "count": 3}')
    assert value["amount"] == Decimal("19.90")
    assert isinstance(value["amount"], Decimal)
    assert exact.dumps(value) == '{"amount": 19.90, "count": 3}'


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", '{"a": 1, "a": 2}', "{", "[1,]", ""]
)
def test_f61_what_is_no_plain_json_is_refused(text):
    with pytest.raises(ValueError):
        exact.loads(text)


def test_f61_absurd_nesting_is_refused_without_a_crash():
    with pytest.raises((ValueError, RecursionError)):
        exact.loads("[" * 100_000)


def test_written_json_is_ascii_and_survives_odd_characters():
    text = exact.dumps({"name": "Zoë \x00 \ud800"})
    assert text.isascii()
    assert exact.loads(text)["name"] == "Zoë \x00 \ud800"
