"""Annotators of known noise, lag, bias and care, who go through the real protocol on an injected clock.

What they say of a track follows its known curve, so whatever is made of a study (agreement, fused labels, a
release) can be compared with the truth.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from damer.annotation.protocol import (
    AnnotatorState,
    Assignment,
    CalibrationJudged,
    Consented,
    DroppedOut,
    Event,
    Exemplar,
    Invited,
    Next,
    StudySettings,
    TrainingDone,
    TrialFinished,
    TrialInterrupted,
    TrialStarted,
    VolumeChecked,
    apply,
    assign,
    begin,
    check,
    decide,
    heard_tracks,
    judge,
)
from damer.annotation.protocol.orders import generator
from damer.annotation.records import Study
from damer.annotation.rows import Client, annotator_row, trial_row
from damer.annotation.samples import trajectory
from damer.annotation.tables import Samples, StudyTrack, Trial
from damer.core.errors import DamerError

Values = npt.NDArray[np.float64]
Curve = Callable[[Values], Values]

START = 1_772_438_400.0
"""When the studies begin: 2 March 2026, 8:00 UTC."""
_CLIENT = Client("simulation", "mouse")
_HAND_S = 2.0  # how fast a hand wanders about what it means


@dataclass(frozen=True)
class KnownTrack:
    """A track and what it truly conveys.

    Attributes:
        row: the track.
        curve: seconds, float64 [n], to valence and arousal, float64 [n, 2], inside the unit disc.
    """

    row: StudyTrack
    curve: Curve


@dataclass(frozen=True)
class Annotator:
    """How somebody annotates.

    Attributes:
        noise: standard deviation of each coordinate about what is meant; two hearings then differ by
            1.77 times that on average, so that about 0.14 is the most that passes calibration.
        lag_s: seconds by which the hand follows the music; until then it rests in the centre.
        bias: added to valence and arousal.
        careless: the hand wanders without regard for the music.
        parked: the hand stays where it is.
        timezone: where they live.
        interrupts: share of the takes that are broken off.
        leaves_after: tracks of the work after which they drop out; None: they stay.
    """

    noise: float = 0.05
    lag_s: float = 2.0
    bias: tuple[float, float] = (0.0, 0.0)
    careless: bool = False
    parked: bool = False
    timezone: str = "Europe/Berlin"
    interrupts: float = 0.0
    leaves_after: int | None = None


def smooth_curve(seed: int, slowest_s: float = 20.0) -> Curve:
    """Return a random curve that moves through the disc as music does: slowly, never the same way twice.

    Args:
        seed: of the curve.
        slowest_s: period of its fastest part, seconds.
    """
    rng = generator(seed, "curve")
    angle, size = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.4)
    centre = size * np.array([np.cos(angle), np.sin(angle)])
    periods = slowest_s * np.array([1.0, 1.7, 3.1])
    phases = rng.uniform(0, 2 * np.pi, (2, 3))
    sizes = rng.uniform(0.05, 0.17, (2, 3))

    def curve(seconds: Values) -> Values:
        waves = np.sin(2 * np.pi * seconds[:, None, None] / periods + phases) * sizes
        return np.asarray(centre + waves.sum(axis=2))

    return curve


def simulate(
    folder: Path | str,
    tracks: Sequence[KnownTrack],
    annotators: Sequence[Annotator] | Mapping[str, Annotator],
    *,
    settings: StudySettings | None = None,
    seed: int = 0,
    exemplars: Sequence[KnownTrack] = (),
    calibration: Sequence[KnownTrack] = (),
) -> Study:
    """Run a whole study and write its folder.

    Args:
        folder: where the study goes; must not hold one.
        tracks: of the work.
        annotators: by pseudonym; a sequence is named a01, a02, …
        settings: the rules; by default the protocol's.
        seed: of the assignment and of every hand.
        exemplars: of the training; the place of each is the mean of its curve.
        calibration: tracks kept for calibration; without, they come from groups that an annotator does not
            work on.

    Returns:
        The study, written.

    Raises:
        DamerError: the design does not fit the tracks and annotators, or the folder cannot be written.
    """
    settings = settings or StudySettings()
    if not isinstance(annotators, Mapping):
        annotators = {f"a{number:02d}": who for number, who in enumerate(annotators, 1)}
    known = {track.row.track_id: track for track in (*tracks, *calibration, *exemplars)}
    assignment = assign(
        settings,
        {track.row.track_id: track.row.duration_s for track in tracks},
        list(annotators),
        seed,
        [_exemplar(track) for track in exemplars],
        {track.row.track_id: track.row.duration_s for track in calibration},
    )
    study = Study.create(folder, "simulated", [track.row for track in known.values()], settings, seed)
    rows = []
    for name, annotator in annotators.items():
        session = Session(settings, assignment, name, annotator, known)
        for trial, samples in session.run():
            study.append_trial(trial, samples)
        rows.append(annotator_row(session.state))
    study.annotators = tuple(rows)
    study.write()
    return study


@dataclass
class Session:
    """One simulated annotator at work.

    Attributes:
        settings, assignment, name, annotator, known: what it is about.
        now: the injected clock, UTC seconds.
        events: everything that happened.
        state: where they stand; the real one, changed by nothing but events.
    """

    settings: StudySettings
    assignment: Assignment
    name: str
    annotator: Annotator
    known: Mapping[str, KnownTrack]
    now: float = START
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin at the beginning."""
        self.state: AnnotatorState = begin(self.settings, self.assignment, self.name)
        self._rng = generator(self.assignment.seed, "session", self.name)
        self._takes: dict[str, tuple[Trial, Samples]] = {}

    def run(self) -> Iterator[tuple[Trial, Samples]]:
        """Do what the protocol says comes next until there is nothing to do; yield each take when it ends."""
        while True:
            following = decide(self.state, self.now)
            if following.step in ("finished", "paused", "dropped"):
                return
            if following.step in ("training", "retrain", "calibrate", "work"):
                leaves = self.annotator.leaves_after
                if following.step == "work" and leaves is not None and self._worked() >= leaves:
                    self._record(DroppedOut(self.now, "left"))
                    continue
                yield self._hear(following.track)
            else:
                self._answer(following)

    def _answer(self, following: Next) -> None:
        if following.step == "invitation":
            self._record(Invited(self.now, self.annotator.timezone))
        elif following.step == "consent":
            self._record(Consented(self.now))
        elif following.step == "volume_check":
            self._record(VolumeChecked(self.now))
        elif following.step == "training_done":
            self._record(TrainingDone(self.now))
        elif following.step == "judgement":
            self._judge()
            return
        elif following.until is not None and math.isfinite(following.until):
            self.now = following.until
        else:
            raise DamerError(f"annotator {self.name}: cannot go on from step {following.step}")
        self.now += self._rng.uniform(0.2, 3.0)

    def _record(self, event: Event) -> None:
        refusal = check(self.state, event)
        if refusal is not None:
            raise DamerError(f"annotator {self.name}: {refusal.message}")
        self.state = apply(self.state, event)
        self.events.append(event)

    def _worked(self) -> int:
        return len(heard_tracks(self.state))

    def _hear(self, track_id: str) -> tuple[Trial, Samples]:
        """Play a track to its end, or break it off somewhere, and keep what the hand said."""
        track = self.known[track_id]
        words = f"{self.assignment.seed} {self.name} {len(self.state.takes)}"
        trial_id = hashlib.sha256(words.encode()).hexdigest()[:16]
        self._record(TrialStarted(self.now, trial_id, track_id))
        length = track.row.duration_s
        broken = bool(self._rng.random() < self.annotator.interrupts)
        heard = length * float(self._rng.uniform(0.05, 0.95)) if broken else length
        samples = hand(self.annotator, track, heard, self._rng)
        self.now += heard + self._rng.uniform(0.05, 0.3)
        self._record(
            TrialInterrupted(self.now, trial_id, "simulated") if broken else TrialFinished(self.now, trial_id)
        )
        trial = trial_row(self.name, self.state.takes[-1], samples, _CLIENT)
        self._takes[trial_id] = (trial, samples)
        return trial, samples

    def _judge(self) -> None:
        verdict = judge(
            self.state,
            lambda take: trajectory(*self._takes[take.trial_id], self.assignment.durations[take.track]),
        )
        self._record(CalibrationJudged(self.now, verdict))
        self._takes.clear()


def hand(annotator: Annotator, track: KnownTrack, heard_s: float, rng: np.random.Generator) -> Samples:
    """Return what somebody's pointer does while a track plays, 20 samples a second.

    Args:
        annotator: whose.
        track: what is heard.
        heard_s: how much of it, seconds.
        rng: where the chance comes from.
    """
    count = max(1, math.floor(heard_s * _CLIENT.rate_hz))
    nominal = np.arange(count) / _CLIENT.rate_hz
    seconds = np.clip(nominal + rng.normal(0.0, 0.002, count), 0.0, heard_s)
    seconds = np.maximum.accumulate(seconds)
    if annotator.parked:
        points = np.tile(rng.uniform(-0.02, 0.02, 2), (count, 1))
    elif annotator.careless:
        points = _wander(count, 0.45, rng)
    else:
        points = track.curve(np.maximum(seconds - annotator.lag_s, 0.0)) + annotator.bias
        points = points + _wander(count, annotator.noise, rng)
        points[seconds < annotator.lag_s] = 0.0
    size = np.linalg.norm(points, axis=1)
    points /= np.maximum(size, 1.0)[:, None]
    client_ms = 1000.0 * (seconds + rng.uniform(1.0, 100.0))
    return Samples(seconds * 1000.0, points[:, 0], points[:, 1], inside=size <= 1.0, client_ms=client_ms)


def _wander(count: int, size: float, rng: np.random.Generator) -> Values:
    """Return a random path about 0 (Ornstein-Uhlenbeck), float64 [count, 2]; `size` is its deviation."""
    keep = math.exp(-1.0 / (_CLIENT.rate_hz * _HAND_S))
    steps = rng.normal(0.0, size, (count, 2))
    steps[1:] *= math.sqrt(1.0 - keep * keep)
    return np.asarray(lfilter([1.0], [1.0, -keep], steps, axis=0))


def _exemplar(track: KnownTrack) -> Exemplar:
    length = track.row.duration_s
    valence, arousal = track.curve(np.linspace(0.0, length, 200)).mean(axis=0)
    return Exemplar(track.row.track_id, length, float(valence), float(arousal))


def still(valence: float, arousal: float, row: StudyTrack) -> KnownTrack:
    """Return a track that conveys the same from beginning to end."""
    return KnownTrack(row, lambda seconds: np.tile([valence, arousal], (len(seconds), 1)).astype(np.float64))
