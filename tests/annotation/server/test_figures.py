"""The two figures of a study show the numbers that they are made of."""

import asyncio
from pathlib import Path

import annotation_study as small
import numpy as np
import pytest
from matplotlib.collections import PathCollection

from damer.annotation.protocol import StudySettings, TrainingDone
from damer.annotation.server.config import make_folder
from damer.annotation.server.figures import draw_instruments, draw_interface
from damer.annotation.server.researcher_schemas import Count, Instruments, Trajectories, Trajectory
from damer.annotation.server.service import StudyService
from damer.cli import main

PLAYED = {"piano": 14, "二胡": 5, "other": 4}
COUNTED = Instruments(
    people=30,
    answered=27,
    instruments=[Count(name=name, people=people) for name, people in PLAYED.items()],
    training=[],
    gender=[],
    age_bands=[],
)


def a_take(annotator: str, kind: str, valid: bool, path: list[tuple[float, float] | None]) -> Trajectory:
    return Trajectory(
        trial_id=annotator,
        annotator=annotator,
        kind=kind,
        valid=valid,
        started_at=0.0,
        time_s=[0.5 * n for n in range(len(path))],
        valence=[None if point is None else point[0] for point in path],
        arousal=[None if point is None else point[1] for point in path],
    )


def test_a_bar_is_as_long_as_people_are_many() -> None:
    (axes,) = draw_instruments(COUNTED).axes
    assert [bar.get_width() for bar in axes.patches] == [14, 5, 4]  # type: ignore[attr-defined]
    written = [text.get_text() for text in axes.texts]
    assert {"14", "5", "4", "piano", "other"} <= set(written)
    assert axes.get_xlabel() == "annotators (27 of 30 told)"
    first, last = (axes.transData.transform((0, place))[1] for place in (0, 2))
    assert first > last  # the most played stands above


def test_the_point_is_where_the_take_lies_furthest_out() -> None:
    path = [None, (0.1, 0.0), (-0.6, 0.7), (0.2, 0.2)]
    takes = [
        a_take("broken", "work", False, [(1.0, 0.0)] * 4),
        a_take("practice", "calibration", True, [(0.0, -1.0)] * 4),
        a_take("shown", "work", True, path),
        a_take("other", "duplicate", True, [(0.3, 0.3)] * 4),
    ]
    found = Trajectories(track_id="t", title="A piece", duration_s=3.0, rate_hz=2.0, takes=takes)
    disc, valence, arousal = draw_interface(found).axes
    (point,) = (one for one in disc.collections if isinstance(one, PathCollection))
    assert np.allclose(np.asarray(point.get_offsets()), [[-0.6, 0.7]])
    assert "intensity 0.92, 0:02 left" in [text.get_text() for text in disc.texts]
    for axes, series in ((valence, [0.1, -0.6, 0.2]), (arousal, [0.0, 0.7, 0.2])):
        shown = [np.asarray(line.get_ydata(), dtype=float) for line in axes.lines]
        assert any(len(line) == 4 and np.allclose(line[1:], series) for line in shown)
        # Neither what was broken off nor a calibration of somebody else is among the work.
        assert not any(len(line) == 4 and np.allclose(np.abs(line), 1.0) for line in shown)


async def _heard(folder: Path, players: int) -> None:
    """Let some of five people tell that they play the piano, and one of them hear three tracks."""
    people = [f"a{n}" for n in range(5)]
    clock = small.Clock()
    settings = StudySettings(
        groups=1,
        cohorts=1,
        cohorts_per_group=1,
        calibration_tracks=3,
        duplicate_every=0,
        calibration_distance=2,
    )
    await make_folder(folder, small.draft(people, settings))
    service = await StudyService.open(str(folder / "study.sqlite3"), clock=clock)
    for name in people[:players]:
        await service.set_profile(name, {"instruments": ["Piano"]})
    await small.enter(service, "a0")
    await service.record("a0", TrainingDone(0.0))
    for _ in range(3):
        await small.hear(service, clock, "a0")
        clock.now += settings.reset_s
    await service.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "study"


def test_the_command_writes_both_figures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(_heard(folder, players=3))
    out = folder.parent / "figures"
    assert main(["annotate", "figures", str(folder), "--out", str(out), "--format", "svg"]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["instruments.svg", "interface.svg"]
    assert (out / "instruments.svg").read_text(encoding="utf-8").startswith("<?xml")
    said = capsys.readouterr()
    assert said.out.splitlines() == [str(out / "instruments.svg"), str(out / "interface.svg")]
    assert said.err == ""


def test_what_cannot_be_drawn_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(make_folder(folder, small.draft()))
    command = ["annotate", "figures", str(folder), "--out", str(folder.parent / "figures")]
    assert main(command) == 1
    assert "nothing to draw yet" in capsys.readouterr().err.splitlines()[-1]
    assert main([*command, "--track", "no such"]) == 1
    assert (
        capsys.readouterr().err
        == "damer: no such: no track of this study; its tracks are on the page Tracks\n"
    )
    assert not (folder.parent / "figures").exists()
