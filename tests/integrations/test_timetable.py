from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from integrations.sync.timetable import Daily, Every

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kathmandu",
)
TIMES = (time(0, 0), time(0, 30), time(1, 59), time(2, 30), time(3, 0), time(23, 45))
HOUR = timedelta(hours=1)


def changes(zone):
    """Yield each local date from 2020 to 2035 on which the clocks change."""
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    while moment.year < 2036:
        later = moment + 24 * HOUR
        if moment.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            yield moment.astimezone(zone).date()
        moment = later


def days_around(zone):
    for changed in changes(zone):
        for shift in range(-2, 4):
            yield changed + timedelta(days=shift)


def first_instant_at_or_after(wall, zone):
    """Find by plain search the first minute whose local time is not before `wall`."""
    moment = datetime.combine(wall.date(), time(), UTC) - 15 * HOUR
    while moment.astimezone(zone).replace(tzinfo=None) < wall:
        moment += timedelta(minutes=1)
    return moment


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("at", TIMES)
def test_f75_each_date_has_one_slot_at_its_first_moment(name, at):
    zone = ZoneInfo(name)
    rule = Daily(at, zone)
    for number, day in enumerate(days_around(zone)):
        slot = rule._slot(day)
        assert slot.key == f"{day} {at:%H:%M} {name}"
        assert rule.newest(slot.due_at) == slot
        assert rule.newest(slot.due_at - timedelta(seconds=1)).key != slot.key
        if number % 6 in (1, 2, 3) and number < 40:
            wall = datetime.combine(day, at)
            assert slot.due_at == first_instant_at_or_after(wall, zone)


@pytest.mark.parametrize("name", ZONES)
def test_f75_walking_minute_by_minute_meets_each_slot_once(name):
    zone = ZoneInfo(name)
    rule = Daily(time(2, 30), zone)
    for changed in islice(changes(zone), 4):
        moment = datetime.combine(changed - timedelta(days=2), time(), UTC)
        met = [
            rule.newest(moment + timedelta(minutes=5 * step)) for step in range(1440)
        ]
        keys = list(dict.fromkeys(slot.key for slot in met))
        assert keys == sorted(set(keys)) and len(keys) in (5, 6)
        coming = islice(rule.after(met[0].due_at), len(keys) - 1)
        assert [slot.key for slot in coming] == keys[1:]


def test_f75_a_time_that_does_not_exist_is_due_when_the_clocks_have_jumped():
    rule = Daily(time(2, 30), ZoneInfo("Europe/Berlin"))
    slot = rule._slot(date(2026, 3, 29))
    assert slot.due_at == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert slot.key == "2026-03-29 02:30 Europe/Berlin"


def test_f75_a_time_that_comes_twice_is_due_the_first_time():
    rule = Daily(time(2, 30), ZoneInfo("Europe/Berlin"))
    slot = rule._slot(date(2026, 10, 25))
    assert slot.due_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert rule.newest(slot.due_at + HOUR) == slot


def test_f75_a_leap_day_has_its_slot():
    rule = Daily(time(12), ZoneInfo("UTC"))
    start = datetime(2028, 2, 28, 13, tzinfo=UTC)
    keys = [slot.key[:10] for slot in islice(rule.after(start), 2)]
    assert keys == ["2028-02-29", "2028-03-01"]


def test_periods_are_counted_through_a_change_of_the_clocks():
    rule = Every(15)
    start = datetime(2026, 3, 29, 0, 50, tzinfo=UTC)
    due = [slot.due_at for slot in islice(rule.after(start), 6)]
    assert [b - a for a, b in zip(due, due[1:], strict=False)] == [
        timedelta(minutes=15)
    ] * 5
    assert rule.newest(due[2] + timedelta(minutes=14)).due_at == due[2]


def test_a_period_of_no_length_is_refused():
    with pytest.raises(ValueError, match="every minute"):
        Every(0)
