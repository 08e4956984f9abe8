"""`damer annotate init`, `invite` and `export`, as people type them."""

import asyncio
import csv
import json
import re
import sqlite3
import stat
from pathlib import Path

import numpy as np
import pytest
import soundfile
from annotation_study import Clock, enter, hear

from damer.annotation.protocol import TrainingDone
from damer.annotation.records import Study
from damer.annotation.server.service import StudyService
from damer.cli import main

pytestmark = pytest.mark.anyio

SMALL = ["groups=1", "cohorts=1", "cohorts_per_group=1", "calibration_tracks=3"]


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Nine short tracks: six to work on, three for calibration, one exemplar."""
    rng = np.random.default_rng(0)
    for name in [f"t{n}" for n in range(6)] + [f"c{n}" for n in range(3)] + ["bright"]:
        soundfile.write(tmp_path / f"{name}.wav", rng.uniform(-0.1, 0.1, 16_000), 8000)
    (tmp_path / "tracks.csv").write_text("file,licence\n" + "".join(f"t{n}.wav,CC0\n" for n in range(6)))
    (tmp_path / "kept.csv").write_text("file\n" + "".join(f"c{n}.wav\n" for n in range(3)))
    (tmp_path / "exemplars.csv").write_text("file,valence,arousal\nbright.wav,0.6,0.6\n")
    return tmp_path


def init(music: Path, *more: str) -> int:
    given = [
        "--tracks",
        str(music / "tracks.csv"),
        "--calibration",
        str(music / "kept.csv"),
        "--settings",
        *SMALL,
    ]
    return main(["annotate", "init", str(music / "study"), *given, *more])


async def typed(*words: str) -> int:
    """Run a command; each has an event loop of its own."""
    return await asyncio.to_thread(main, list(words))


def token(line: str) -> str:
    return line.rpartition("/#/enter/")[2].strip()


def test_a_study_is_made_and_its_researcher_told_the_link_once(
    music: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        init(music, "--annotators", "3", "--exemplars", str(music / "exemplars.csv"), "--name", "Our music")
        == 0
    )
    told = capsys.readouterr()
    assert told.out.splitlines()[:5] == [
        f"{music / 'study'}: Our music",
        "  6 tracks, 0:12 in all; 3 annotators in 1 cohorts",
        "  each annotator hears 6 tracks (0:12 at most, on 1 or more days)",
        "  each track is heard by 3 annotators",
        "  calibration: 3 hearings, 1 fresh sets for each annotator",
    ]
    link = told.out.splitlines()[5].rpartition(" ")[2]
    assert re.fullmatch(r"http://127\.0\.0\.1:8642/#/enter/[\w-]{43}", link)
    assert "no --exemplars" not in told.err
    kept = json.loads((music / "study" / "annotate.json").read_text())
    assert (kept["format"], kept["name"], kept["database"]) == (
        "damer-annotate-v1",
        "Our music",
        "study.sqlite3",
    )
    database = music / "study" / "study.sqlite3"
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    assert token(link).encode() not in database.read_bytes()
    assert init(music, "--annotators", "3") == 1
    assert "holds a study already" in capsys.readouterr().err


def test_without_exemplars_the_command_says_what_that_means(
    music: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (music / "names.txt").write_text("# the choir\nalto\n\ntenor\n")
    assert init(music, "--annotators", str(music / "names.txt"), "--url", "https://study.example.org/") == 0
    told = capsys.readouterr()
    assert "no --exemplars: there is no training" in told.err
    assert "https://study.example.org/#/enter/" in told.out
    with sqlite3.connect(music / "study" / "study.sqlite3") as database:
        names = {
            name for (name,) in database.execute("SELECT annotator FROM people WHERE role = 'annotator'")
        }
    database.close()
    assert names == {"alto", "tenor"}


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--annotators", "0"], "1 to 10000 are possible"),
        (["--annotators", "nobody.txt"], "is no number and no file"),
        (["--annotators", "3", "--settings", "calibration_tracks=9"], "one set needs 8"),
        (["--annotators", "3", "--settings", "speed=9"], "unknown 'speed'"),
        (["--annotators", "3", "--db", "mysql://h/n"], "mysql: is not known"),
        (
            ["--annotators", "3", "--db", "postgresql://u:secret@127.0.0.1:1/n"],
            r"u:\*\*\*@127.0.0.1:1/n: cannot be",
        ),
    ],
)
def test_what_cannot_be_made_is_told_in_one_line_and_leaves_nothing(
    music: Path, capsys: pytest.CaptureFixture[str], more: list[str], problem: str
) -> None:
    assert init(music, *more) == 1
    told = capsys.readouterr().err
    assert re.search(problem, told)
    assert len(told.splitlines()) == 1
    assert "secret" not in told
    assert not (music / "study").exists()


async def test_links_are_made_for_whom_they_are_asked(
    music: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = str(music / "study")
    assert await asyncio.to_thread(init, music, "--annotators", "3") == 0
    capsys.readouterr()
    assert await typed("annotate", "invite", study, "--annotator", "a02", "--url", "https://x.org") == 0
    first = capsys.readouterr().out
    assert re.fullmatch(r"a02  https://x\.org/#/enter/[\w-]{43}\n", first)
    links = music / "links.csv"
    assert await typed("annotate", "invite", study, "--all", "--csv", str(links)) == 0
    assert capsys.readouterr().out == f"2 links: {links}\n"
    assert stat.S_IMODE(links.stat().st_mode) == 0o600
    rows = list(csv.DictReader(links.read_text().splitlines()))
    assert [row["name"] for row in rows] == ["a01", "a03"]
    assert await typed("annotate", "invite", study, "--all") == 0
    assert "everybody has a link" in capsys.readouterr().err
    assert await typed("annotate", "invite", study, "--annotator", "a01", "a99") == 1
    assert "a99: is not in this study" in capsys.readouterr().err
    assert await typed("annotate", "invite", study, "--researcher", "ada") == 0
    ada = capsys.readouterr().out
    service = await StudyService.open(str(music / "study" / "study.sqlite3"))
    made = [(first, "a02", "annotator"), (rows[0]["link"], "a01", "annotator"), (ada, "ada", "researcher")]
    for given, name, role in made:
        session = await service.open_session(token(given))
        assert session is not None
        assert (session.annotator, session.role) == (name, role)
    await service.close()


async def test_what_was_annotated_is_exported_while_the_study_runs(
    music: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    study, out = str(music / "study"), str(music / "out")
    team = url.startswith("postgresql")
    more = ["--db", url.replace("damer@", "damer:secret@")] if team else []
    assert await asyncio.to_thread(init, music, "--annotators", "2", *more) == 0
    kept = json.loads((music / "study" / "annotate.json").read_text())["database"]
    assert "secret" not in kept
    assert ("postgresql://damer@127.0.0.1" in kept) == team
    capsys.readouterr()
    clock = Clock()
    place = kept if team else str(music / "study" / kept)
    service = await StudyService.open(place, clock=clock, folder=music / "study")
    await enter(service, "a01")
    await service.record("a01", TrainingDone(0.0))
    await hear(service, clock, "a01")
    assert await typed("annotate", "export", study, "--out", out) == 0
    await service.close()
    assert capsys.readouterr().out.splitlines() == [
        f"{out}: study",
        "  2 annotators, 0 of them calibrated",
        "  1 takes, 1 of them valid; 40 samples",
    ]
    exported = Study.open(out)
    assert all(Path(track.file).is_file() for track in exported.tracks)
    assert exported.trials[0].annotator == "a01"
    assert await typed("annotate", "export", study, "--out", out) == 1
    assert "is there already" in capsys.readouterr().err


def test_without_the_extra_the_command_says_what_to_install(
    music: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("damer.cli.annotate_extra._PACKAGES", ("sqlalchemy", "no_such_package"))
    assert init(music, "--annotators", "2") == 1
    assert "needs the extra: pip install 'damer[annotate]'" in capsys.readouterr().err
