"""Time: rests, the daily cap through midnights and changes of the clocks, and a clock that is set back."""

import dataclasses
import datetime
import math
from zoneinfo import ZoneInfo

import pytest
from annotation_player import Player, player_at_work

from damer.annotation.protocol import (
    ClockSetBack,
    Exemplar,
    StudySettings,
    TimezoneSet,
    TrainingDone,
    TrialFinished,
    TrialInterrupted,
    assign,
    clock_event,
    decide,
    listened_today,
    may_start,
)

RULES = StudySettings(calibration_tracks=3, duplicate_every=4, duplicate_distance=2, calibration_attempts=2)
MINUTES = {f"t{number:02d}": 60.0 for number in range(30)}
EXEMPLARS = (Exemplar("joy", 20.0, 0.7, 0.7), Exemplar("grief", 20.0, -0.7, -0.7))


def local(text: str, zone: str) -> float:
    """Seconds of a local time such as 2026-03-29T01:30."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def capped(**changes: float) -> StudySettings:
    return dataclasses.replace(RULES, **{"daily_cap_s": 300.0, **changes})  # type: ignore[arg-type]


# -- reset ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reset", [0.0, 15.0, 60.0])
def test_the_rest_is_served_to_its_end(reset: float) -> None:
    player = player_at_work(dataclasses.replace(RULES, reset_s=reset), MINUTES)
    for _ in range(5):
        ended = player.state.takes[-1].ended_at
        assert ended is not None
        track = player.next.track
        for waited in (0.0, 7.5, reset - 0.001):
            if 0 <= waited < reset:
                following = decide(player.state, ended + waited)
                assert (following.step, following.until) == ("rest", ended + reset)
                refusal = may_start(player.state, track, ended + waited)
                assert refusal is not None
                assert (refusal.code, refusal.until) == ("rest", ended + reset)
        player.now = ended + reset
        player.hear()
        assert player.state.takes[-1].reset_s == pytest.approx(reset, abs=1e-6)


# -- the daily cap -------------------------------------------------------------------------------------------


def test_a_track_that_would_overrun_is_refused() -> None:
    player = player_at_work(capped(), MINUTES, local("2026-06-01T09:00", "Europe/Berlin"))
    player.go(lambda here: here.next.step == "done_for_today")
    assert listened_today(player.state, player.now) == pytest.approx(300.0, abs=1e-6)
    midnight = local("2026-06-02T00:00", "Europe/Berlin")
    assert player.next.until == midnight
    refusal = may_start(player.state, player.next.track, midnight - 0.01)
    assert refusal is not None
    assert (refusal.code, refusal.until) == ("cap", midnight)
    assert may_start(player.state, player.next.track, midnight) is None
    assert listened_today(player.state, midnight) == 0


def test_a_short_track_waits_for_its_turn_though_it_would_fit() -> None:
    """What is left of the day may hold the track after the next one: order goes first."""
    player = player_at_work(capped(), dict.fromkeys(MINUTES, 61.0))
    player.go(lambda here: here.next.step == "done_for_today")
    assert listened_today(player.state, player.now) == pytest.approx(4 * 61.0, abs=1e-6)


@pytest.mark.parametrize(
    ("zone", "evening", "hours"),
    [
        ("Europe/Berlin", "2026-03-28T12:00", 23),
        ("Europe/Berlin", "2026-10-24T12:00", 25),
        ("America/Havana", "2026-03-07T12:00", 23),
        ("America/New_York", "2026-11-01T12:00", 24),
        ("Pacific/Apia", "2011-12-28T12:00", 24),
        ("Asia/Kolkata", "2026-03-28T12:00", 24),
    ],
)
def test_days_with_other_hours(zone: str, evening: str, hours: int) -> None:
    """A new day begins at local midnight, so days on which the clocks change have 23 or 25 hours."""
    player = player_at_work(capped(), MINUTES, local(evening, zone), zone)
    starts = []
    for _ in range(2):
        player.go(lambda here: here.next.step == "done_for_today")
        player.wait()
        starts.append(player.now)
        player.hear()
    assert starts[1] - starts[0] == hours * 3600


def test_a_date_that_is_left_out_is_no_day() -> None:
    """Samoa went from 29 to 31 December 2011: 24 hours after the day of the 29th began, it is the 31st."""
    player = player_at_work(
        capped(), MINUTES, local("2011-12-29T12:00", "Pacific/Apia"), zone := "Pacific/Apia"
    )
    player.go(lambda here: here.next.step == "done_for_today")
    player.wait()
    shown = datetime.datetime.fromtimestamp(player.now, ZoneInfo(zone))
    assert (shown.day, shown.hour) == (31, 0)


def test_listening_over_midnight_counts_where_it_happens() -> None:
    zone = "Europe/Berlin"
    midnight = local("2026-06-02T00:00", zone)
    player = player_at_work(capped(), MINUTES, local("2026-06-01T20:00", zone), zone)
    player.now = midnight - 20.0
    player.hear()
    evening = player.state.listened_s(midnight - 86400, midnight, player.now)
    assert evening == pytest.approx(180 + 20, abs=1e-6)  # the calibration and a third
    assert listened_today(player.state, player.now) == pytest.approx(40.0, abs=1e-6)
    heard = 1
    while player.next.step != "done_for_today":
        if player.next.step == "rest":
            player.wait()
        player.hear()
        heard += 1
    # 40 s of the day were gone: four more tracks fit, a fifth would overrun.
    assert heard == 1 + 4
    assert player.next.until == local("2026-06-03T00:00", zone)


def test_a_track_over_midnight_must_fit_into_the_old_day() -> None:
    zone = "Europe/Berlin"
    midnight = local("2026-06-02T00:00", zone)
    player = player_at_work(capped(daily_cap_s=290.0), MINUTES, local("2026-06-01T20:00", zone), zone)
    player.go(lambda here: here.next.step == "done_for_today")
    track = player.next.track
    for before in (3600.0, 50.0, 1.0):  # 50 s are left
        refusal = may_start(player.state, track, midnight - before)
        assert refusal is not None
        assert refusal.until == midnight


def test_what_was_heard_of_an_interrupted_track_counts() -> None:
    player = player_at_work(capped(), MINUTES, local("2026-06-01T20:00", "Europe/Berlin"))
    before = listened_today(player.state, player.now)
    player.wait()
    trial = player.start()
    assert listened_today(player.state, player.now + 30) == pytest.approx(before + 30, abs=1e-6)
    assert listened_today(player.state, player.now + 3000) == pytest.approx(before + 60, abs=1e-6)
    player.now += 3000.0  # lost, found much later: no more than the track's length was heard
    player.do(TrialInterrupted(player.now, trial))
    assert listened_today(player.state, player.now) == pytest.approx(before + 60, abs=1e-6)


def test_rests_count_where_the_study_says_so() -> None:
    player = player_at_work(capped(cap_counts_reset=True), MINUTES)
    player.go(lambda here: here.next.step == "done_for_today")
    assert listened_today(player.state, player.now + 15) == pytest.approx(4 * 75.0, abs=1e-6)


def test_a_cap_lowered_later_never_hangs() -> None:
    """Settings may be changed by hand; a track that fits into no day any more is simply never due."""
    drawn = assign(RULES, MINUTES, ["a", "b"], 0)
    player = Player(dataclasses.replace(RULES, daily_cap_s=30.0), drawn, "a")
    player.enter()
    player.do(TrainingDone(player.now))
    assert player.next.step == "done_for_today"
    assert player.next.until == math.inf


def test_moving_to_another_time_zone_gives_no_second_day() -> None:
    berlin, tokyo = "Europe/Berlin", "Asia/Tokyo"
    player = player_at_work(capped(), MINUTES, local("2026-06-01T16:00", berlin), berlin)
    player.go(lambda here: here.next.step == "done_for_today")
    assert player.now < local("2026-06-02T00:00", tokyo)  # which is 17:00 in Berlin
    player.do(TimezoneSet(player.now, tokyo))
    assert player.next.until == local("2026-06-02T00:00", berlin)
    player.wait()
    player.hear()
    # From now on Tokyo's days count: the next one begins at 17:00 in Berlin.
    player.go(lambda here: here.next.step == "done_for_today")
    assert player.next.until == local("2026-06-03T00:00", tokyo)


def test_setting_the_same_zone_again_changes_nothing() -> None:
    player = player_at_work(capped(), MINUTES)
    before = player.state
    player.do(TimezoneSet(player.now, "Europe/Berlin"))
    assert player.state == dataclasses.replace(before, clock=player.now)


# -- the clock set back --------------------------------------------------------------------------------------


@pytest.mark.parametrize("back", [0.5, 3600.0, 40 * 86400.0])
def test_a_clock_set_back_costs_no_rest_and_gives_none(back: float) -> None:
    player = player_at_work(RULES, MINUTES)
    player.now += 5.0
    assert clock_event(player.state, player.now) is None
    player.now -= 5.0 + back
    event = clock_event(player.state, player.now)
    assert event == ClockSetBack(player.now)
    assert decide(player.state, player.now).until == player.now + 15.0  # also before it is stored
    player.do(event)
    assert player.next.until == player.now + 15.0
    refusal = may_start(player.state, player.next.track, player.now + 14.9)
    assert refusal is not None
    player.wait()
    player.hear()


def test_a_clock_set_back_gives_no_second_hour() -> None:
    player = player_at_work(capped(), MINUTES, local("2026-06-01T12:00", "Europe/Berlin"))
    player.go(lambda here: here.next.step == "done_for_today")
    player.now -= 86400.0
    player.do(ClockSetBack(player.now))
    assert listened_today(player.state, player.now) == pytest.approx(300.0, abs=1e-6)
    assert player.next.step == "done_for_today"
    assert player.next.until == local("2026-06-01T00:00", "Europe/Berlin")


def test_a_clock_set_back_while_a_track_plays_does_not_shorten_it() -> None:
    player = player_at_work(RULES, MINUTES)
    player.wait()
    trial = player.start()
    back = player.now - 600.0
    refusal = player.attempt(TrialFinished(back + 30, trial))
    assert refusal is not None
    assert refusal.code == "early"
    player.do(ClockSetBack(back))
    player.do(TrialFinished(back + 60, trial))
