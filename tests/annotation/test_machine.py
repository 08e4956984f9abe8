"""One annotator's way through the protocol, rule by rule."""

import dataclasses

import pytest
from annotation_player import FAILED, NOON, PASSED, Player, at_work, never, player_at_work

from damer.annotation.protocol import (
    CalibrationJudged,
    Consented,
    DroppedOut,
    Event,
    Exemplar,
    Invited,
    Paused,
    ProtocolError,
    Readmitted,
    StudySettings,
    TimezoneSet,
    TrainingDone,
    TrialFinished,
    TrialInterrupted,
    TrialStarted,
    VolumeChecked,
    apply,
    assign,
    begin,
    check,
    coverage,
    decide,
    heard_tracks,
    judgement,
    may_start,
    open_tracks,
    replay,
    succeed,
)
from damer.core.errors import DamerError

RULES = StudySettings(calibration_tracks=3, duplicate_every=4, duplicate_distance=2, calibration_attempts=2)
MINUTES = {f"t{number:02d}": 60.0 for number in range(30)}
EXEMPLARS = (Exemplar("joy", 20.0, 0.7, 0.7), Exemplar("grief", 20.0, -0.7, -0.7))


# -- the way -------------------------------------------------------------------------------------------------


def test_the_whole_way_in_order() -> None:
    drawn = assign(RULES, MINUTES, ["a", "b"], 0, EXEMPLARS)
    player = Player(RULES, drawn, "a")
    seen = []

    def note(here: Player) -> bool:
        seen.append((here.next.step, here.next.track, here.next.number))
        return False

    note(player)
    for event in (Invited(player.now, "Asia/Shanghai"), Consented(player.now), VolumeChecked(player.now)):
        player.do(event)
        note(player)
    seen.pop()
    player.go(note)
    assert [entry[0] for entry in seen[:3]] == ["invitation", "consent", "volume_check"]
    steps = [entry for entry in seen[3:] if entry[0] not in ("rest", "done_for_today")]
    plan = drawn.plans["a"]
    expected = [("training", "joy", 1), ("training", "grief", 2), ("training_done", "", 0)]
    expected += [("calibrate", place.track, n) for n, place in enumerate(plan.calibration[0], 1)]
    expected += [("judgement", "", 0)]
    expected += [("work", place.track, n) for n, place in enumerate(plan.work, 1)]
    assert steps == [*expected, ("finished", "", 0)]
    kinds = [take.kind for take in player.state.takes]
    assert kinds[:5] == ["training", "training", "calibration", "calibration", "calibration"]
    assert kinds[5:] == ["work" if place.repeats < 0 else "duplicate" for place in plan.work]
    assert heard_tracks(player.state) == plan.tracks
    assert open_tracks(player.state) == ()


def test_covert_duplicates_name_the_first_hearing() -> None:
    player = player_at_work(RULES, MINUTES)
    player.go(never)
    takes = {take.trial_id: take for take in player.state.takes}
    seconds = [take for take in takes.values() if take.duplicate_of]
    assert len(seconds) == 1 + 20 // 4  # of the calibration and of the work
    for take in seconds:
        first = takes[take.duplicate_of]
        assert first.track == take.track
        assert first.place < take.place
        assert (first.kind, take.kind) in (("calibration", "calibration"), ("work", "duplicate"))


@pytest.mark.parametrize(
    "event",
    [
        Consented(NOON),
        VolumeChecked(NOON),
        TrainingDone(NOON),
        CalibrationJudged(NOON, PASSED),
        TrialStarted(NOON, "x", "t00"),
        TrialFinished(NOON, "x"),
        TrialInterrupted(NOON, "x"),
        Readmitted(NOON),
        TimezoneSet(NOON, "Europe/Berlin"),
        Invited(NOON, "Europe/Atlantis"),
        Event(NOON),
    ],
    ids=lambda event: type(event).__name__,
)
def test_nothing_happens_before_its_turn(event: Event) -> None:
    state = begin(RULES, assign(RULES, MINUTES, ["a", "b"], 0), "a")
    assert check(state, event) is not None
    with pytest.raises(ProtocolError, match="annotator a: "):
        apply(state, event)


def test_training_is_heard_whole_before_calibration() -> None:
    player = Player(RULES, assign(RULES, MINUTES, ["a", "b"], 0, EXEMPLARS), "a")
    player.enter()
    for _ in EXEMPLARS:
        refusal = player.attempt(TrainingDone(player.now))
        assert refusal is not None
        assert "exemplars" in refusal.message
        if player.next.step == "rest":
            player.wait()
        player.hear()
    player.do(TrainingDone(player.now))


# -- order ---------------------------------------------------------------------------------------------------


def test_only_the_next_track_may_start() -> None:
    player = player_at_work(RULES, MINUTES)
    player.wait()
    for track in MINUTES:
        refusal = may_start(player.state, track, player.now)
        assert (refusal is None) == (track == player.next.track)
        assert refusal is None or refusal.code == "order"


def test_one_track_at_a_time() -> None:
    """Two tabs: the second one is told that the first one plays."""
    player = player_at_work(RULES, MINUTES)
    player.wait()
    track = player.next.track
    trial = player.start()
    refusal = player.attempt(TrialStarted(player.now + 1, "tab2", track))
    assert refusal is not None
    assert refusal.code == "listening"
    assert decide(player.state, player.now + 1).step == "listening"
    assert decide(player.state, player.now + 1).until == player.now + 60
    assert player.attempt(TrialFinished(player.now + 60, "tab2")) is not None
    player.do(TrialFinished(player.now + 60, trial))
    again = player.attempt(TrialFinished(player.now + 61, trial))
    assert again is not None
    assert again.code == "over"  # so that a server can answer a message that comes twice


def test_a_track_cannot_end_before_it_was_heard() -> None:
    player = player_at_work(RULES, MINUTES)
    player.wait()
    trial = player.start()
    for seconds in (0.0, 30.0, 58.9):
        refusal = player.attempt(TrialFinished(player.now + seconds, trial))
        assert refusal is not None
        assert (refusal.code, refusal.until) == ("early", player.now + 59.0)
    player.do(TrialFinished(player.now + 59.0, trial))


# -- interruption --------------------------------------------------------------------------------------------


def test_an_interrupted_track_is_played_again_from_its_start() -> None:
    player = player_at_work(RULES, MINUTES)
    player.wait()
    track, number = player.next.track, player.next.number
    first = player.start()
    player.now += 25.0
    player.do(TrialInterrupted(player.now, first, "tab closed"))
    assert player.next.step == "rest"
    assert (player.next.track, player.next.number) == (track, number)
    player.wait()
    second = player.hear()
    takes = player.state.takes[-2:]
    assert [(take.trial_id, take.track, take.valid) for take in takes] == [
        *((first, track, False), (second, track, True))
    ]
    assert takes[0].place == takes[1].place
    assert player.next.number == number + 1
    late = player.attempt(TrialFinished(player.now + 100, first))
    assert late is not None
    assert late.code == "over"


def test_an_interrupted_first_hearing_is_not_what_a_duplicate_repeats() -> None:
    player = player_at_work(RULES, MINUTES)
    while not any(take.kind == "duplicate" for take in player.state.takes):
        player.wait()
        player.trials += 1
        player.do(TrialStarted(player.now, f"broken{player.trials}", player.next.track))
        player.now += 10
        player.do(TrialInterrupted(player.now, f"broken{player.trials}"))
        player.wait()
        player.hear()
    take = player.state.takes[-1]
    first = next(other for other in player.state.takes if other.trial_id == take.duplicate_of)
    assert first.valid
    assert first.track == take.track


# -- calibration ---------------------------------------------------------------------------------------------


def test_after_a_failed_calibration_all_is_fresh() -> None:
    drawn = assign(RULES, MINUTES, ["a", "b"], 0, EXEMPLARS)
    player = Player(RULES, drawn, "a")
    player.enter()
    player.go(lambda here: here.next.step == "judgement")
    player.do(CalibrationJudged(player.now, FAILED))
    assert (player.next.step, player.next.track) == ("rest", "joy")
    player.wait()
    assert player.next.step == "retrain"
    player.go(at_work)
    takes = [take for take in player.state.takes if take.kind == "calibration"]
    first, second = ({take.track for take in takes if take.attempt == attempt} for attempt in (0, 1))
    assert len(first) == len(second) == 2
    assert not first & second
    assert player.state.calibrated


def test_judgement_names_the_takes_of_the_last_round() -> None:
    player = Player(RULES, assign(RULES, MINUTES, ["a", "b"], 0, EXEMPLARS), "a")
    player.enter()
    with pytest.raises(ValueError, match="training"):
        judgement(player.state)
    player.go(lambda here: here.next.step == "judgement")
    player.do(CalibrationJudged(player.now, FAILED))
    player.go(lambda here: here.next.step == "judgement")
    said = judgement(player.state)
    assert (said.first.attempt, said.second.attempt) == (1, 1)
    assert said.first.track == said.second.track
    assert said.second.duplicate_of == said.first.trial_id
    assert [(exemplar.track, take.track, take.attempt) for exemplar, take in said.extremes] == [
        *(("joy", "joy", 1), ("grief", "grief", 1))
    ]


def test_the_researcher_is_asked_after_so_many_failures() -> None:
    player = Player(RULES, assign(RULES, MINUTES, ["a", "b"], 0), "a")
    player.enter()
    player.go(never, FAILED)
    assert (player.next.step, player.next.reason) == ("paused", "2 calibrations failed")
    assert player.state.attempt == 2
    player.do(Readmitted(player.now))
    player.go(never, FAILED)
    assert player.state.attempt == 4  # as many attempts again
    player.do(Readmitted(player.now))
    player.go(never, FAILED)
    refusal = player.attempt(Readmitted(player.now))  # ten tracks make five sets of two
    assert player.state.attempt == 5
    assert refusal is not None
    assert "fresh" in refusal.message


# -- pause and drop-out --------------------------------------------------------------------------------------


def test_pause_lets_a_track_end_and_starts_none() -> None:
    player = player_at_work(RULES, MINUTES)
    player.wait()
    trial = player.start()
    player.do(Paused(player.now + 1, "a word first"))
    player.now += 60
    player.do(TrialFinished(player.now, trial))
    assert (player.next.step, player.next.reason) == ("paused", "a word first")
    refusal = may_start(player.state, player.state.places[player.state.place].track, player.now + 100)
    assert refusal is not None
    assert refusal.code == "paused"
    player.do(Readmitted(player.now + 50))
    player.now += 50
    assert player.next.step == "work"


def test_drop_out_is_for_good_and_keeps_what_was_done() -> None:
    player = player_at_work(RULES, MINUTES)
    for _ in range(3):
        player.wait()
        player.hear()
    player.wait()
    player.start()
    player.do(DroppedOut(player.now + 10, "moved away"))
    assert player.next.step == "dropped"
    assert len(heard_tracks(player.state)) == 3
    assert [take.valid for take in player.state.takes[-2:]] == [True, False]
    for event in (
        Readmitted(player.now + 20),
        Paused(player.now + 20),
        TrialFinished(player.now + 99, "a-7"),
    ):
        refusal = player.attempt(event)
        assert refusal is not None
        assert refusal.code == "dropped"


def test_nothing_is_lost_on_drop_out() -> None:
    drawn = assign(RULES, MINUTES, ["a", "b", "c"], 0)
    planned = {track: cover.planned for track, cover in coverage(drawn, {}).items()}
    assert set(planned.values()) == {2}
    players = {name: Player(RULES, drawn, name) for name in drawn.plans}
    for name, player in players.items():
        player.enter()
        player.go(lambda here, most=5 if name == "a" else 9: len(heard_tracks(here.state)) >= most)  # type: ignore[misc]

    def covered() -> tuple[int, int, int]:
        found = coverage(drawn, {name: player.state for name, player in players.items()})
        assert {track: cover.planned for track, cover in found.items()} == planned
        return tuple(
            sum(getattr(cover, name) for cover in found.values()) for name in ("done", "to_come", "open")
        )

    assert covered() == (23, 37, 0)
    players["a"].do(DroppedOut(players["a"].now))
    assert covered() == (23, 22, 15)
    drawn = succeed(RULES, drawn, "a", "new", open_tracks(players["a"].state))
    assert covered() == (23, 37, 0)
    players["new"] = Player(RULES, drawn, "new")
    players["new"].enter()
    for name in ("new", "b", "c"):
        players[name].go(never)
    assert covered() == (60, 0, 0)


# -- replay --------------------------------------------------------------------------------------------------


def test_a_history_is_read_again_under_other_settings() -> None:
    """Facts stay facts: with a longer rest and a lower cap the stored events are still what happened."""
    player = player_at_work(RULES, MINUTES)
    player.go(never)
    stricter = dataclasses.replace(RULES, reset_s=60.0, daily_cap_s=100.0)
    state = replay(stricter, player.assignment, "a", player.events)
    assert state.phase == "finished"
    assert state.takes == player.state.takes


def test_who_is_not_in_the_study() -> None:
    with pytest.raises(DamerError, match="nobody"):
        begin(RULES, assign(RULES, MINUTES, ["a", "b"], 0), "nobody")
