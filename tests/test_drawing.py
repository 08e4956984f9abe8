"""The picture: what is drawn is what the result says, without global state or complaint about names."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection
from PIL import Image

from damer import drawing
from damer.core import plane
from damer.core.result import Emotion, Model, Segment


def emotion(file: str = "song.mp3", seconds: int = 12, start: float = 15.0) -> Emotion:
    phases = np.linspace(0, 3, seconds)
    segments = tuple(
        Segment(start + i, 0.5 + 0.4 * np.sin(p), 0.5 + 0.4 * np.cos(p), 0.05, 0.1)
        for i, p in enumerate(phases)
    )
    return Emotion(file, 90.0, (start, start + seconds), 0.6, 0.7, segments, Model("m", "1", "0" * 64))


def axes_of(result: Emotion) -> tuple[Axes, Axes, Axes]:
    curves, ribbon, disc = drawing.draw(result).axes
    return curves, ribbon, disc


def test_curves_are_the_probabilities_and_bands_their_deviation() -> None:
    result = emotion()
    curves, _, _ = axes_of(result)
    lines = {line.get_label(): np.asarray(line.get_ydata()) for line in curves.get_lines()}
    np.testing.assert_allclose(lines["arousal"][1:-1], [s.arousal for s in result.segments])
    np.testing.assert_allclose(lines["valence"][1:-1], [s.valence for s in result.segments])
    assert curves.get_xlim() == (15.0, 27.0)
    bands = [c for c in curves.collections if isinstance(c, FillBetweenPolyCollection)]
    heights = [np.ptp(np.asarray(band.get_paths()[0].vertices)[[1, -2], 1]) for band in bands]
    assert heights == pytest.approx([0.1, 0.2])


def test_the_disc_names_all_terms_where_they_belong() -> None:
    _, _, disc = axes_of(emotion())
    places = {text.get_text(): text.get_position() for text in disc.texts}
    for term in plane.TERMS:
        x, y = places[term.name]
        assert np.degrees(np.arctan2(y, x)) % 360 == pytest.approx(term.degrees, abs=1)


def test_a_long_piece_has_a_short_path() -> None:
    _, _, disc = axes_of(emotion(seconds=900))
    assert max(len(np.asarray(c.get_offsets())) for c in disc.collections) == 90


@pytest.mark.parametrize("valence", [0.1, 0.3, 0.7, 0.95])
@pytest.mark.parametrize("step", [-0.004, 0.0, 0.004])
def test_start_and_end_leave_the_cross_and_each_other_free(valence: float, step: float) -> None:
    segments = tuple(
        Segment(float(i), 0.3 + step * (i - 5), valence - step * (i - 5), 0.1, 0.1) for i in range(11)
    )
    figure = drawing.draw(
        Emotion("song.mp3", 11.0, (0.0, 11.0), 0.3, valence, segments, Model("m", "1", "0" * 64))
    )
    figure.canvas.draw()
    disc = figure.axes[2]
    start, end = (t.get_window_extent() for t in disc.texts if t.get_text() in ("start", "end"))
    assert not start.overlaps(end)
    cross = next(
        c for c in disc.collections if c.get_zorder() == max(c.get_zorder() for c in disc.collections)
    )
    x, y = disc.transData.transform(np.asarray(cross.get_offsets())[0])
    assert not start.contains(x, y)
    assert not end.contains(x, y)


@pytest.mark.parametrize(
    "name",
    [
        "日本語の歌.mp3",
        "песня.mp3",
        "שיר.mp3",
        "😀 $x_1$.mp3",
        "line\nbreak.mp3",
        "\udce9.mp3",
        "x" * 300,
        "\U000f0000",
    ],
)
@pytest.mark.parametrize("seconds", [1, 2])
def test_any_name_is_drawn_without_a_warning(name: str, seconds: int, tmp_path: Path) -> None:
    drawing.save(emotion(name, seconds), tmp_path / "plot.png", dots_per_inch=40)
    with Image.open(tmp_path / "plot.png") as picture:
        assert picture.size == (480, 200)
        assert len(picture.convert("RGB").getcolors(100_000) or []) > 50
    assert [path.name for path in tmp_path.iterdir()] == ["plot.png"]


def test_neither_pyplot_nor_torch_is_imported() -> None:
    code = (
        "import sys, damer.drawing; sys.exit(any(n in sys.modules for n in ('matplotlib.pyplot', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
