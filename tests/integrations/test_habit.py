"""When silence is odd: the rule, and how often it is wrong."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from integrations.sync.rhythm import habit
from integrations.sync.rhythm.habit import HOUR, WEEK, Tally

ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 18, 11, 0, tzinfo=UTC)  # a Wednesday
LONG_AGO = NOW - 8 * WEEK


def steady(per_hour, until=NOW, weeks=5, only=lambda hour: True):
    """The same number in each hour of the weeks before."""
    count = int(weeks * WEEK / HOUR)
    hours = [until.replace(minute=0) - number * HOUR for number in range(1, count)]
    return {hour: per_hour for hour in hours if only(hour)}


def judge(hours, silent_for, since=LONG_AGO, now=NOW):
    return habit.judge(hours, since, now - silent_for, now, ZONE)


@pytest.mark.parametrize(
    ("per_hour", "silent_for", "is_odd"),
    [
        (60, timedelta(minutes=14), False),  # no pause of that length is told
        (60, timedelta(minutes=20), True),
        (10, timedelta(minutes=60), False),
        (10, timedelta(minutes=90), True),
        (1, timedelta(hours=8), False),
        (1, timedelta(hours=12), True),
    ],
)
def test_the_busier_a_flow_the_sooner_its_silence_is_odd(per_hour, silent_for, is_odd):
    assert judge(steady(per_hour), silent_for).is_odd is is_odd


def test_a_new_flow_never_alarms():
    two_weeks = NOW - habit.LEARNING + timedelta(minutes=1)
    assert not judge(steady(100), timedelta(hours=9), since=two_weeks).is_odd


def test_a_quiet_shop_never_alarms():
    rare = {NOW - number * timedelta(days=2, hours=1): 1 for number in range(20)}
    for hours in range(1, 24 * 30):
        assert not judge(rare, timedelta(hours=hours)).is_odd
    assert not habit.can_ever_be_odd(rare, LONG_AGO, NOW, ZONE)
    assert habit.can_ever_be_odd(steady(1), LONG_AGO, NOW, ZONE)


def test_the_night_of_a_shop_that_sleeps_is_no_silence():
    by_day = steady(60, only=lambda hour: 8 <= hour.astimezone(ZONE).hour < 20)
    morning = datetime(2026, 11, 18, 6, 55, tzinfo=UTC)  # 07:55 in Berlin
    last = datetime(2026, 11, 17, 18, 59, tzinfo=UTC)
    assert not habit.judge(by_day, LONG_AGO, last, morning, ZONE).is_odd
    assert habit.usual_gap(by_day, LONG_AGO, morning - 4 * HOUR, ZONE) is None
    later = morning + timedelta(minutes=25)
    assert habit.judge(by_day, LONG_AGO, last, later, ZONE).is_odd


def test_a_sunday_is_judged_by_sundays():
    weekdays = steady(60, only=lambda hour: hour.astimezone(ZONE).weekday() < 5)
    sunday = datetime(2026, 11, 15, 18, 0, tzinfo=UTC)
    friday = datetime(2026, 11, 13, 22, 59, tzinfo=UTC)
    assert not habit.judge(weekdays, LONG_AGO, friday, sunday, ZONE).is_odd


def test_one_holiday_or_outage_among_four_weeks_hides_no_silence():
    hours = steady(60)
    a_week_ago = NOW - WEEK
    kept = {
        hour: count
        for hour, count in hours.items()
        if not a_week_ago - 12 * HOUR <= hour <= a_week_ago
    }
    assert judge(kept, timedelta(minutes=30)).is_odd


def test_two_quiet_weeks_are_a_habit():
    hours = steady(60)
    kept = {
        hour: count
        for hour, count in hours.items()
        if not any(
            NOW - number * WEEK - 12 * HOUR <= hour <= NOW - number * WEEK
            for number in (1, 2)
        )
    }
    assert not judge(kept, timedelta(minutes=30)).is_odd


@pytest.mark.parametrize(
    ("at", "weeks", "expected"),
    [
        # The clocks went back on 25 October: 09:00 stays 09:00.
        ("2026-10-28T08:00:00", 1, "2026-10-21T07:00:00"),
        # And forward on 29 March.
        ("2026-04-01T07:00:00", 1, "2026-03-25T08:00:00"),
        ("2026-11-18T11:00:00", 2, "2026-11-04T11:00:00"),
    ],
)
def test_a_week_back_is_a_week_by_the_clock_on_the_wall(at, weeks, expected):
    found = habit.back(datetime.fromisoformat(at).replace(tzinfo=UTC), weeks, ZONE)
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_a_shop_that_opens_at_nine_is_not_told_at_eight_when_the_clocks_change():
    """09:00 in Berlin is 07:00 UTC in summer and 08:00 UTC in winter."""
    summer_and_winter = steady(
        100,
        until=datetime(2026, 10, 26, 0, 0, tzinfo=UTC),
        only=lambda hour: 9 <= hour.astimezone(ZONE).hour < 18,
    )
    last = datetime(2026, 10, 24, 15, 59, tzinfo=UTC)
    before_nine = datetime(2026, 10, 26, 7, 59, tzinfo=UTC)
    weekend = {
        hour: count
        for hour, count in summer_and_winter.items()
        if hour.astimezone(ZONE).weekday() != 6
    }
    assert not habit.judge(weekend, LONG_AGO, last, before_nine, ZONE).is_odd
    after = datetime(2026, 10, 26, 8, 30, tzinfo=UTC)
    assert habit.judge(weekend, LONG_AGO, last, after, ZONE).is_odd


def test_the_hour_that_is_skipped_makes_no_quarter_of_an_hour_an_hour():
    """From 01:50 to 03:10 on the wall only 20 minutes pass that night."""
    night = datetime(2026, 3, 29, 1, 10, tzinfo=UTC)  # 03:10 in Berlin
    hours, long_ago = steady(20, until=night), night - 8 * WEEK
    found = habit.judge(hours, long_ago, night - timedelta(minutes=20), night, ZONE)
    assert max(found.weeks) == pytest.approx(20 / 3) and not found.is_odd


@pytest.mark.parametrize("passed", [30, 60, 90])
def test_the_hour_that_comes_twice_is_never_told_too_soon(passed):
    night = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 02:30, the second one
    last = night - timedelta(minutes=passed)
    found = habit.judge(steady(20, until=night), LONG_AGO, last, night, ZONE)
    assert max(found.weeks) <= 20 * passed / 60


def test_nothing_is_expected_of_a_holiday_and_silence_counts_from_its_end():
    midnight = NOW.replace(hour=0)
    holiday = [(midnight - timedelta(days=1), midnight)]
    hours = steady(60)
    last = midnight - timedelta(hours=20)

    def is_odd(at):
        return habit.judge(hours, LONG_AGO, last, at, ZONE, holiday).is_odd

    assert not is_odd(midnight - HOUR) and not is_odd(midnight + timedelta(minutes=5))
    assert is_odd(midnight + timedelta(minutes=20))
    assert habit.judge(hours, LONG_AGO, last, midnight - HOUR, ZONE).is_odd


def test_what_began_before_a_holiday_is_odd_during_it():
    midnight = NOW.replace(hour=0)
    holiday = [(midnight, midnight + timedelta(days=1))]
    last = midnight - timedelta(minutes=40)
    assert habit.judge(steady(60), LONG_AGO, last, NOW, ZONE, holiday).is_odd


@pytest.mark.parametrize(
    ("off", "left"),
    [
        ([], [(0, 10)]),
        ([(2, 4)], [(0, 2), (4, 10)]),
        ([(-5, 3), (8, 20)], [(3, 8)]),
        ([(6, 7), (1, 2), (1, 3)], [(0, 1), (3, 6), (7, 10)]),
        ([(-1, 11)], []),
        ([(12, 13), (-9, -4)], [(0, 10)]),
    ],
)
def test_what_is_off_is_cut_out_of_a_stretch(off, left):
    def at(hour):
        return NOW + hour * HOUR

    spans = [(at(begin), at(end)) for begin, end in off]
    wanted = [(at(begin), at(end)) for begin, end in left]
    assert habit.without(at(0), at(10), spans) == wanted


def test_parts_of_an_hour_count_in_proportion():
    hours = {NOW: 60, NOW + HOUR: 30}
    found = habit.count_between(
        hours, NOW + timedelta(minutes=45), NOW + HOUR + timedelta(minutes=20)
    )
    assert found == pytest.approx(15 + 10)


def test_the_usual_gap_is_that_of_this_hour_of_the_week():
    assert habit.usual_gap(steady(15), LONG_AGO, NOW, ZONE) == pytest.approx(240)
    assert habit.usual_gap({}, LONG_AGO, NOW, ZONE) is None


@pytest.mark.parametrize("per_hour", [0.5, 3, 20, 150])
def test_pure_chance_alarms_at_most_once_a_year(per_hour):
    """Ten years of orders by chance, each gap judged at its end."""
    dice = random.Random(f"rhythm {per_hour}")
    alarms, gaps = 0, 0
    week = steady(round(per_hour) or 1) if per_hour >= 1 else steady(1)
    needed = habit.least_expected(habit.per_year(week, NOW))
    for _ in range(int(per_hour * 24 * 365)):
        gaps += 1
        alarms += dice.expovariate(1) > needed
    assert alarms <= 2 and gaps


# Too good to be true


def tallies(days, delivered, failed, first=NOW):
    return [
        Tally(first - number * timedelta(days=1), delivered, failed)
        for number in range(days)
    ]


def test_a_perfect_run_of_a_flow_that_usually_fails_is_a_hint():
    before = tallies(14, 98, 2, first=NOW - timedelta(days=8))
    run, share = habit.flawless([*before, *tallies(8, 200, 0)])
    assert run == 1600 and share == pytest.approx(0.02)


@pytest.mark.parametrize(
    "history",
    [
        tallies(20, 500, 0),  # never failed: no habit
        [*tallies(5, 100, 2, NOW - timedelta(days=9)), *tallies(3, 50, 0)],  # short
        [*tallies(1, 0, 90, NOW - timedelta(days=9)), *tallies(8, 200, 0)],  # one day
        [*tallies(5, 999, 1, NOW - timedelta(days=9)), *tallies(8, 200, 0)],  # rare
        [*tallies(9, 100, 5), Tally(NOW, 100, 5)],  # it fails as ever
        [],
    ],
)
def test_what_chance_explains_is_no_hint(history):
    assert habit.flawless(history) is None
