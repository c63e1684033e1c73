from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorqueue.failures import FailureKind
from errorqueue.policy import (
    DEFAULT_SCHEDULE,
    JITTER,
    LONGEST_ASKED,
    next_wait,
    tries_allowed,
)

for_people = [
    kind
    for kind in FailureKind
    if kind not in (FailureKind.TEMPORARY, FailureKind.LIMIT)
]


def test_the_default_schedule_grows_from_a_second_to_two_hours():
    assert DEFAULT_SCHEDULE == (1, 2, 4, 8, 30, 120, 600, 1800, 7200)


@given(st.integers(1, len(DEFAULT_SCHEDULE)), st.integers())
def test_a_wait_is_its_step_plus_at_most_a_fifth(tries, seed):
    wait = next_wait(FailureKind.TEMPORARY, tries, chance=Random(seed))
    step = DEFAULT_SCHEDULE[tries - 1]
    assert step <= wait <= step * (1 + JITTER)


@given(st.integers(1, len(DEFAULT_SCHEDULE)), st.floats(0, 1e6))
def test_the_vendors_own_wait_is_not_undercut(tries, retry_after):
    wait = next_wait(FailureKind.TEMPORARY, tries, retry_after=retry_after)
    assert wait >= min(retry_after, LONGEST_ASKED)


def test_an_absurd_wait_does_not_park_a_record_for_years():
    wait = next_wait(FailureKind.TEMPORARY, 1, retry_after=999_999_999_999)
    assert wait == LONGEST_ASKED


@given(st.integers(len(DEFAULT_SCHEDULE) + 1, 10_000), st.floats(0, 1e6))
def test_a_used_up_schedule_asks_for_a_person(tries, retry_after):
    assert next_wait(FailureKind.TEMPORARY, tries, retry_after=retry_after) is None


@pytest.mark.parametrize("kind", for_people)
@given(tries=st.integers(1, 20))
def test_what_waiting_cannot_mend_goes_to_a_person_at_once(kind, tries):
    assert next_wait(kind, tries) is None


@given(st.integers(0, 10_000))
def test_a_limit_waits_however_often_it_was_met(tries):
    wait = next_wait(FailureKind.LIMIT, tries)
    assert 2 <= wait <= 2 * (1 + JITTER)


def test_two_records_that_fail_together_do_not_return_together():
    chance = Random(1)
    waits = {next_wait(FailureKind.TEMPORARY, 5, chance=chance) for _ in range(50)}
    assert len(waits) > 40


@given(st.lists(st.floats(0.1, 1e5), min_size=1, max_size=12), st.data())
def test_a_flow_may_bring_its_own_schedule(schedule, data):
    tries = data.draw(st.integers(1, len(schedule)))
    wait = next_wait(FailureKind.TEMPORARY, tries, schedule=schedule)
    assert wait >= schedule[tries - 1]
    assert (
        next_wait(FailureKind.TEMPORARY, len(schedule) + 1, schedule=schedule) is None
    )


def test_tries_allowed_count_the_first_one_too():
    assert tries_allowed(FailureKind.TEMPORARY) == len(DEFAULT_SCHEDULE) + 1
    assert tries_allowed(FailureKind.DATA) == 1
