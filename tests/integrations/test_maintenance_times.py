"""When a maintenance window takes place, also when the clocks change in it."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from integrations.sync.maintenance.times import Plan, Span

BERLIN = ZoneInfo("Europe/Berlin")


def wall(text, zone=BERLIN):
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def plan(begin, end, **more):
    span = Span(wall(begin).astimezone(UTC), wall(end).astimezone(UTC))
    return Plan(span, BERLIN, **more)


def shown(spans, count):
    return [
        tuple(
            f"{at.astimezone(BERLIN):%m-%d %H:%M %Z}"
            for at in (one.starts_at, one.ends_at)
        )
        for one in islice(spans, count)
    ]


def test_a_window_holds_from_its_start_to_just_before_its_end():
    once = plan("2026-11-22 02:00", "2026-11-22 06:00")
    assert once.current(wall("2026-11-22 01:59:59")) is None
    assert once.current(wall("2026-11-22 02:00")) == once.first
    assert once.current(wall("2026-11-22 05:59:59")) == once.first
    assert once.current(wall("2026-11-22 06:00")) is None
    assert list(once.after(wall("2026-11-22 06:00"))) == []


def test_f75_a_weekly_window_keeps_the_clock_on_the_wall_over_the_change():
    weekly = plan("2026-10-18 01:00", "2026-10-18 05:00", is_weekly=True)
    spans = weekly.after(wall("2026-10-18 05:00"))
    assert shown(spans, 2) == [
        ("10-25 01:00 CEST", "10-25 05:00 CET"),
        ("11-01 01:00 CET", "11-01 05:00 CET"),
    ]
    [night] = islice(weekly.after(wall("2026-10-18 05:00")), 1)
    assert night.ends_at - night.starts_at == timedelta(hours=5)


def test_f75_times_that_come_twice_are_the_first_to_begin_and_the_second_to_end():
    weekly = plan("2026-10-18 02:15", "2026-10-18 02:45", is_weekly=True)
    assert shown(weekly.after(wall("2026-10-20 00:00")), 1) == [
        ("10-25 02:15 CEST", "10-25 02:45 CET")
    ]


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        ("02:30", "05:00", ("03-28 03:00 CEST", "03-28 05:00 CEST")),
        ("01:00", "02:30", ("03-28 01:00 CET", "03-28 03:00 CEST")),
        ("02:10", "02:50", ("04-04 02:10 CEST", "04-04 02:50 CEST")),
    ],
)
def test_f75_a_time_that_is_jumped_over_is_the_jump(begin, end, expected):
    weekly = plan(f"2027-03-21 {begin}", f"2027-03-21 {end}", is_weekly=True)
    assert shown(weekly.after(wall("2027-03-22 00:00")), 1) == [expected]


def test_a_window_over_midnight_and_its_last_day():
    weekly = plan(
        *("2026-11-21 23:00", "2026-11-22 02:00"),
        is_weekly=True,
        last_on=date(2026, 11, 28),
    )
    spans = list(weekly.after(wall("2026-11-20 00:00")))
    assert len(spans) == 2
    assert weekly.current(wall("2026-11-29 01:59")) == spans[1]
    assert weekly.current(wall("2026-12-06 01:00")) is None


def test_a_weekly_window_of_ten_years_ago_is_found_at_once():
    weekly = plan("2016-11-20 02:00", "2016-11-20 04:00", is_weekly=True)
    now = wall("2026-11-22 03:00")
    assert weekly.current(now).starts_at == wall("2026-11-22 02:00").astimezone(UTC)
