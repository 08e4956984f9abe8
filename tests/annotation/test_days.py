"""Days of a calendar: compared, minute by minute, with what the local clocks show."""

import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damer.annotation.protocol.days import day_bounds, day_start, zone
from damer.core.errors import DamerError

# What happens there on that day.
ODD = [
    ("Europe/Berlin", "2026-03-29"),  # 23 hours
    ("Europe/Berlin", "2026-10-25"),  # 25 hours
    ("America/Havana", "2026-03-08"),  # midnight does not exist: 0:00 becomes 1:00
    ("America/Havana", "2026-11-01"),  # 1:00 becomes 0:00: midnight comes twice
    ("America/Santiago", "2026-09-06"),  # midnight does not exist
    ("America/Santiago", "2026-04-04"),  # 24:00 becomes 23:00
    ("Africa/Cairo", "2026-04-24"),
    ("Asia/Beirut", "2026-03-29"),
    ("America/St_Johns", "2006-10-29"),  # 0:01 becomes 23:01 of the day before
    ("America/Toronto", "1919-03-30"),  # 23:30 becomes 0:30
    ("Pacific/Apia", "2011-12-30"),  # the whole date is left out
    ("Pacific/Kwajalein", "1993-08-21"),  # so is this one
    ("Australia/Lord_Howe", "2026-04-05"),  # half an hour
    ("Asia/Kathmandu", "2026-01-01"),
    ("UTC", "2026-06-30"),
]


def days_by_the_minute(name: str, around: str) -> dict[int, datetime.date]:
    """For every minute of five days, the latest date that the clocks have shown so far."""
    where = ZoneInfo(name)
    noon = datetime.datetime.fromisoformat(f"{around}T12:00+00:00").timestamp()
    latest, found = datetime.date.min, {}
    for minute in range(int(noon) - 60 * 3600, int(noon) + 60 * 3600, 60):
        latest = max(latest, datetime.datetime.fromtimestamp(minute, where).date())
        found[minute] = latest
    return found


@pytest.mark.parametrize(("name", "around"), ODD)
def test_days_are_what_the_clocks_show(name: str, around: str) -> None:
    minutes = days_by_the_minute(name, around)
    changes = [minute for minute in minutes if minutes[minute] != minutes.get(minute - 60, minutes[minute])]
    assert len(changes) >= 4
    for minute in changes:
        assert day_start(minutes[minute], name) == minute
        assert day_bounds(minute, name)[0] == minute
        assert day_bounds(minute - 0.001, name)[1] == minute
    for minute, date in list(minutes.items())[::7]:
        start, end = day_bounds(minute, name)
        assert start <= minute < end
        shown = [change for change in changes if change <= minute]
        assert not shown or start == shown[-1]
        assert start == day_start(date, name)


@pytest.mark.parametrize(
    ("name", "date", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/Havana", "2026-03-08", 23),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Pacific/Apia", "2011-12-30", 0),
        ("Asia/Tokyo", "2026-03-29", 24),
    ],
)
def test_length_of_a_day(name: str, date: str, hours: float) -> None:
    day = datetime.date.fromisoformat(date)
    assert day_start(day + datetime.timedelta(days=1), name) - day_start(day, name) == hours * 3600


@given(
    name=st.sampled_from([name for name, _ in ODD]),
    moment=st.floats(min_value=0, max_value=2_100_000_000, allow_nan=False),
)
@settings(deadline=None, max_examples=300)
def test_days_divide_time_without_gap_or_overlap(name: str, moment: float) -> None:
    start, end = day_bounds(moment, name)
    assert start <= moment < end
    assert day_bounds(start, name) == day_bounds(end - 0.001, name) == (start, end)
    assert day_bounds(end, name)[0] == day_bounds(start - 0.001, name)[1] + (end - start) == end


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "../etc/passwd", "/etc/passwd"])
def test_unknown_zones_are_named(name: str) -> None:
    with pytest.raises(DamerError, match="Europe/Berlin"):
        zone(name)
