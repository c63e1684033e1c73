from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from errorqueue.text import clean, clean_tree, one_line
from errorqueue.wording import ago, exact_time, money, next_try

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("1240", "EUR", "1,240.00 EUR"),
        ("1240.0000", "USD", "1,240.00 USD"),
        ("0.1234", "USD", "0.1234 USD"),
        ("15000.0000", "JPY", "15,000 JPY"),
        ("1.5", "KWD", "1.500 KWD"),
        ("-12.5", "GBP", "-12.50 GBP"),
        ("100", "", "100.00"),
    ],
)
def test_money_shows_every_digit_that_is_there(amount, currency, shown):
    assert money(Decimal(amount), currency) == shown


def test_no_amount_is_shown_as_nothing():
    assert money(None, "EUR") == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5, "just now"), (61, "1 minute ago"), (3 * 3600 + 59, "3 hours ago")],
)
def test_ages_are_said_in_their_largest_unit(seconds, said):
    assert ago(NOW - timedelta(seconds=seconds), NOW) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "due now"), (8, "in 8 s"), (130, "in 2 minutes"), (7300, "in 2 hours")],
)
def test_next_tries_are_said_as_people_say_them(seconds, said):
    assert next_try(NOW + timedelta(seconds=seconds), NOW) == said


def test_exact_times_carry_their_zone():
    assert exact_time(NOW) == "01 Mar 2026 12:00:00 UTC"
    assert (exact_time(None), ago(None), next_try(None)) == ("", "", "")


def test_clean_text_keeps_everything_a_database_takes():
    assert clean("naïve 😀\n\ttext") == "naïve 😀\n\ttext"
    assert clean_tree({"a\x00": ["b\x00", 3, None]}) == {"a": ["b", 3, None]}


def test_one_line_folds_every_kind_of_line_end():
    assert one_line("a\r\nb\u2028c\x85d\x1ce") == "a b c d e"
    assert len(one_line("x" * 900)) == 200
