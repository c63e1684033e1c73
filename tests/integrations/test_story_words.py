"""How a story says spans, kinds and waits."""

from datetime import UTC, datetime, timedelta

import pytest

from integrations.sync.story import gap_words, lasted_words, spaced, with_gaps
from integrations.sync.telling import Entry, Lane, lasted_ms

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3 * 3600 + 12 * 60, "3 h 12 min"),
        (2 * 86400 + 4 * 3600 + 59 * 60, "2 d 4 h"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(seconds, words):
    assert lasted_words(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [("salesOrder", "sales order"), ("customer", "customer"), ("", "")],
)
def test_a_record_type_is_said_in_words(name, words):
    assert spaced(name) == words


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(None, ""), (0, "0 ms"), (999, "999 ms"), (1200, "1.2 s")],
)
def test_a_call_says_how_long_it_took(milliseconds, words):
    assert lasted_ms(milliseconds) == words


def entry(seconds, then):
    at = NOON + timedelta(seconds=seconds)
    return Entry(at, Lane.WAYBILL, "something", then=then)


def gaps(*entries):
    return [told.gap for told in with_gaps(entries)]


def test_a_wait_is_named_for_what_began_it():
    assert gaps(entry(0, "for a person"), entry(7200, None)) == [
        "",
        "waited 2 h for a person",
    ]


def test_what_changes_nothing_does_not_end_a_wait():
    said = gaps(entry(0, "for a person"), entry(1, None), entry(121, ""))
    assert said == ["", "", "waited 2 min for a person"]


def test_after_the_end_time_just_passes():
    assert gaps(entry(0, ""), entry(86400, None)) == ["", "1 d later"]
    assert gap_words(timedelta(minutes=5), "") == "5 min later"


def test_short_gaps_are_not_named():
    assert gaps(entry(0, "for its turn"), entry(59, "")) == ["", ""]
