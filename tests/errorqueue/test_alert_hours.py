"""A team's clock: quiet nights, working hours, days off, and changed clocks."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from errorqueue.alerting.hours import Hours, holidays_in

HOUR = timedelta(hours=1)


def hours(**changes) -> Hours:
    values = {
        "zone": ZoneInfo("Europe/Berlin"),
        "days": frozenset(range(5)),
        "opens": time(9),
        "closes": time(17),
        "quiet_from": time(22),
        "quiet_until": time(7),
    }
    return Hours(**{**values, **changes})


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def test_a_quiet_night_ends_at_seven_on_the_wall():
    night = utc(2026, 11, 18, 1)  # 02:00 in Berlin
    assert hours().is_quiet(night)
    assert hours().loud_from(night) == utc(2026, 11, 18, 6)
    assert hours().loud_from(utc(2026, 11, 18, 12)) == utc(2026, 11, 18, 12)


@pytest.mark.parametrize(
    ("late", "morning"),
    [
        (utc(2026, 3, 28, 21, 30), utc(2026, 3, 29, 5)),  # a night of eight hours
        (utc(2026, 10, 24, 20, 30), utc(2026, 10, 25, 6)),  # and one of ten
    ],
)
def test_quiet_ends_by_the_wall_clock_also_when_clocks_are_changed(late, morning):
    assert hours().loud_from(late) == morning


def test_a_quiet_time_that_begins_in_the_skipped_hour_is_kept():
    early = hours(quiet_from=time(2, 30), quiet_until=time(4))
    assert early.loud_from(utc(2026, 3, 29, 1, 45)) == utc(2026, 3, 29, 2)


def test_days_off_are_quiet_until_the_next_working_day():
    team = hours(is_quiet_off_days=True, holidays=frozenset({date(2026, 12, 25)}))
    # From Friday's holiday over the week-end, and Monday's own night.
    assert team.loud_from(utc(2026, 12, 25, 10)) == utc(2026, 12, 28, 6)


def test_working_time_stops_at_night_and_over_the_week_end():
    friday = utc(2026, 11, 20, 15)  # 16:00 in Berlin
    assert hours().after(friday, 4 * HOUR) == utc(2026, 11, 23, 11)
    assert hours().after(utc(2026, 11, 21, 3), HOUR) == utc(2026, 11, 23, 9)


def test_working_time_skips_holidays():
    team = hours(holidays=frozenset({date(2026, 11, 23)}))
    assert team.after(utc(2026, 11, 20, 15), 4 * HOUR) == utc(2026, 11, 24, 11)


@pytest.mark.parametrize(
    ("night", "due"),
    [
        (utc(2026, 3, 28, 21), utc(2026, 3, 29, 3)),  # 22:00 to 05:00, one is skipped
        (utc(2026, 10, 24, 20), utc(2026, 10, 25, 2)),  # 22:00 to 03:00, one is doubled
    ],
)
def test_working_time_over_a_change_of_clocks_counts_hours_that_go_by(night, due):
    every_day = hours(days=frozenset(range(7)), opens=time(20), closes=time(8))
    assert every_day.after(night, 6 * HOUR) == due


def test_a_team_without_working_days_has_a_clock_that_never_stops():
    start = utc(2026, 11, 20, 15)
    assert hours(days=frozenset()).after(start, 4 * HOUR) == start + 4 * HOUR


def test_holidays_are_read_one_a_line_with_their_names():
    read = holidays_in("2026-12-25 Christmas\n\n2027-01-01\n")
    assert read == [date(2026, 12, 25), date(2027, 1, 1)]
    with pytest.raises(ValueError, match="Christmas"):
        holidays_in("Christmas")


def test_a_quiet_that_never_ends_swallows_nothing():
    noon = utc(2026, 11, 18, 11)
    assert hours(quiet_from=time(9), quiet_until=time(9)).loud_from(noon) == noon
