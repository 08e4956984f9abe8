"""The bundled pieces, cut into what a small study needs: exemplars, and tracks for calibration and work."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from damer.annotation.robots.ear import Piece, envelope
from damer.annotation.simulation import Curve, KnownTrack, smooth_curve
from damer.annotation.tables import StudyTrack
from damer.core.checksums import file_sha256
from damer.examples import QUADRANTS, example_path

PLACES = {"Q1": (0.65, 0.6), "Q2": (-0.6, 0.65), "Q3": (-0.65, -0.6), "Q4": (0.6, -0.65)}
"""What a piece of each quadrant conveys, valence and arousal, as far as the demonstration is concerned."""

PARTS = {"exemplar": ((10.0, 16.0),), "calibration": ((0.0, 8.0),), "work": ((16.0, 24.5), (24.5, 33.0))}
"""Seconds of each piece that go into each list."""
_FADE_S = 0.05


@dataclass(frozen=True)
class Music:
    """What a study is made of, with what it conveys.

    Attributes:
        exemplars, calibration, work: tracks by list.
    """

    exemplars: tuple[KnownTrack, ...]
    calibration: tuple[KnownTrack, ...]
    work: tuple[KnownTrack, ...]

    @property
    def tracks(self) -> tuple[KnownTrack, ...]:
        """All of them."""
        return (*self.exemplars, *self.calibration, *self.work)

    def pieces(self) -> list[Piece]:
        """Return what an ear needs to know them again."""
        return [Piece(track, envelope(Path(track.row.file).read_bytes())[0]) for track in self.tracks]


def cut(folder: Path) -> Music:
    """Cut the bundled pieces into excerpts, FLAC files in a folder.

    Args:
        folder: where they go; made if it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lists: dict[str, list[KnownTrack]] = {name: [] for name in PARTS}
    for piece, quadrant in QUADRANTS.items():
        samples, rate = soundfile.read(example_path(piece), dtype="float32", always_2d=True)
        for part, spans in PARTS.items():
            for number, (start, end) in enumerate(spans, 1):
                name = f"{piece}-{part}-{number}"
                row = _write(
                    folder / f"{name}.flac", samples[round(start * rate) : round(end * rate)], rate, piece
                )
                lists[part].append(KnownTrack(row, _about(PLACES[quadrant], len(lists["work"]))))
    return Music(tuple(lists["exemplar"]), tuple(lists["calibration"]), tuple(lists["work"]))


def _write(path: Path, samples: npt.NDArray[np.float32], rate: int, piece: str) -> StudyTrack:
    fade = np.linspace(0.0, 1.0, round(_FADE_S * rate), dtype=np.float32)[:, None]
    samples = samples.copy()
    samples[: len(fade)] *= fade
    samples[-len(fade) :] *= fade[::-1]
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="FLAC")
    path.write_bytes(file.getvalue())
    return StudyTrack(
        path.stem,
        str(path.resolve()),
        len(samples) / rate,
        group=piece,
        title=f"{piece.capitalize()} (excerpt)",
        licence="CC0-1.0",
        is_cc0=True,
        source="bundled with damer",
        sha256=file_sha256(path),
    )


def _about(place: tuple[float, float], seed: int) -> Curve:
    """Return a curve that wanders about a place, another one for each seed."""
    waves = smooth_curve(seed, slowest_s=5.0)

    def curve(seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(place + 0.6 * (waves(seconds) - waves(np.zeros(1))))

    return curve
