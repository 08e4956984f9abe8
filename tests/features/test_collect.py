"""`damer features`: a folder into a store, through kills and bad files."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from damer import audio
from damer.cli import main
from damer.features import FeatureSpec, FeatureStore, extract
from damer.features.collect import collect

RATE = 22050


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight short pieces in two folders, and two files that are none."""
    root = tmp_path_factory.mktemp("music")
    (root / "inner").mkdir()
    for number in range(8):
        time = np.arange((3 + number) * RATE) / RATE
        place = root / ("inner" if number % 2 else "") / f"piece{number}.flac"
        soundfile.write(place, 0.3 * np.sin(2 * np.pi * (200 + 50 * number) * time), RATE)
    (root / "letter.mp3").write_text("no music\n" * 500)
    (root / "nothing.wav").touch()
    return root


def check(store: FeatureStore, folder: Path) -> None:
    """Every track of the store is what `extract` gives, to half precision."""
    assert store.verify() == []
    for track in store.ids:
        sound = audio.read_window(folder / track, "15:75", RATE)
        expected = extract(sound.samples, sound.rate, store.spec)
        stored = store.views(track)
        np.testing.assert_allclose(stored.mel, expected.mel, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(stored.cochleagram, expected.cochleagram, rtol=1e-3, atol=1e-3)


def test_command(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "store"
    assert main(["features", str(folder), "--out", str(out), "--workers", "1"]) == 1
    told = capfd.readouterr().err
    assert f"damer: {folder}/letter.mp3: " in told
    assert f"damer: {folder}/nothing.wav: is empty" in told
    assert "8 files extracted, 0 were there, 2 failed; 8 tracks, 52 seconds in the store" in told
    store = FeatureStore.open(out)
    assert sorted(store.ids) == [
        *(f"inner/piece{number}.flac" for number in (1, 3, 5, 7)),
        *(f"piece{number}.flac" for number in (0, 2, 4, 6)),
    ]
    check(store, folder)
    before = (out / "manifest.jsonl").read_bytes()
    assert main(["features", str(folder), "--out", str(out), "--workers", "1"]) == 1
    assert "0 files extracted, 8 were there, 2 failed" in capfd.readouterr().err
    assert (out / "manifest.jsonl").read_bytes() == before


def test_refusals(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    for arguments, message in (
        ([str(tmp_path / "none")], "is not a folder"),
        ([str(tmp_path / "empty")], "no audio file"),
        ([str(folder), "--window", "5"], "is not START:END"),
        ([str(folder), "--spec", "colour=red"], "unknown setting colour"),
    ):
        assert main(["features", *arguments, "--out", str(tmp_path / "store")]) == 1
        assert message in capfd.readouterr().err
    assert not (tmp_path / "store").exists()


def test_another_window_or_file_is_told(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "piece.flac"
    path.write_bytes((folder / "piece0.flac").read_bytes())
    with FeatureStore.create(tmp_path / "store", FeatureSpec()) as store:
        assert [outcome.error for outcome in collect([("a", str(path))], store)] == [None]
        (again,) = collect([("a", str(path))], store)
        assert (again.error, again.was_there) == (None, True)
        os.utime(path)
        (touched,) = collect([("a", str(path))], store)
        assert touched.error is None
        (other,) = collect([("a", str(path))], store, window="all")
        assert "the store has it with window 15:75" in str(other.error)
        path.write_bytes((folder / "piece2.flac").read_bytes())
        (changed,) = collect([("a", str(path))], store)
        assert "has changed since the store took it" in str(changed.error)


def test_a_file_longer_than_a_block(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    generator = np.random.default_rng(2)
    soundfile.write(path, 0.1 * generator.standard_normal(310 * 8000).astype(np.float32), 8000)
    spec = FeatureSpec(sample_rate=8000)
    with FeatureStore.create(tmp_path / "store", spec) as store:
        assert [outcome.error for outcome in collect([("long", str(path))], store, "all")] == [None]
        sound = audio.read(path, rate=8000).samples
        expected = extract(sound, 8000, spec)
        np.testing.assert_array_equal(store.views("long").mel, expected.mel.astype(np.float16))
        np.testing.assert_array_equal(
            store.views("long").cochleagram, expected.cochleagram.astype(np.float16)
        )


def start(folder: Path, out: Path, workers: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "damer", "features", str(folder), "--out", str(out)]
    return subprocess.Popen(
        [*command, "--workers", str(workers)], stderr=subprocess.DEVNULL, start_new_session=True
    )


def children(process: int) -> list[int]:
    """Return the processes that `process` has started and that still live (Linux)."""
    listed = Path(f"/proc/{process}/task/{process}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


@pytest.mark.e2e
@pytest.mark.parametrize(("workers", "kills"), [(1, 3), pytest.param(2, 6, marks=pytest.mark.slow)])
def test_kill_and_go_on(folder: Path, tmp_path: Path, workers: int, kills: int) -> None:
    out = tmp_path / "store"
    manifest = out / "manifest.jsonl"
    seen: set[int] = set()
    for _ in range(kills):
        process = start(folder, out, workers)
        size = manifest.stat().st_size if manifest.exists() else 0
        while process.poll() is None and (not manifest.exists() or manifest.stat().st_size <= size):
            time.sleep(0.001)
        workers_of_it = children(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        store = FeatureStore.open(out)
        assert store.verify() == []
        seen.add(len(store))
        deadline = time.monotonic() + 30
        while any(Path(f"/proc/{worker}").exists() for worker in workers_of_it):
            assert time.monotonic() < deadline, "workers outlive the process that started them"
            time.sleep(0.05)
    assert len(seen) >= 2  # it was killed with the store in several states
    assert start(folder, out, workers).wait() == 1  # the two bad files
    store = FeatureStore.open(out)
    assert len(store) == 8
    check(store, folder)
    left = {path.name for path in out.iterdir()}
    assert left == {"cochleagram.f16", "manifest.jsonl", "mel.f16", "spec.json", "writer.lock"}


@pytest.mark.e2e
def test_kill_in_the_middle_of_writing(tmp_path: Path) -> None:
    code = f"""if True:
        import numpy as np
        from damer.features import FeatureSpec, FeatureStore, Views
        store = FeatureStore.open_or_create({str(tmp_path)!r}, FeatureSpec())
        while True:
            n = len(store)
            views = Views(np.full((3, 128, 87), n, np.float32), np.full((3, 84, 87), -n, np.float32))
            store.append(str(n), iter([views] * 5))
    """
    generator = np.random.default_rng(0)
    had = 0
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", code])
        manifest = tmp_path / "manifest.jsonl"
        size = manifest.stat().st_size if manifest.exists() else 0
        while not manifest.exists() or manifest.stat().st_size <= size:
            assert process.poll() is None
            time.sleep(0.001)
        time.sleep(float(generator.uniform(0, 0.05)))
        process.send_signal(signal.SIGKILL)
        process.wait()
        store = FeatureStore.open(tmp_path)
        assert len(store) > had
        had = len(store)
        assert store.verify() == []
        for track in store.ids:
            stored = store.views(track)
            assert stored.seconds == 15
            assert (stored.mel == int(track)).all()
            assert (stored.cochleagram == -int(track)).all()


@pytest.mark.e2e
def test_a_worker_that_dies_costs_one_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A file that kills whoever opens it: the start-up hook of the worker processes sees to that.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, pathlib\n"
        "original = pathlib.Path.stat\n"
        "def stat(self, **options):\n"
        "    if self.name == 'piece2.flac' and 'SPAWNED' in os.environ:\n"
        "        os.kill(os.getpid(), 9)\n"
        "    return original(self, **options)\n"
        "pathlib.Path.stat = stat\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("SPAWNED", "1")
    files = [(f"piece{number}", str(folder / f"piece{number}.flac")) for number in (0, 2, 4, 6)]
    with FeatureStore.create(tmp_path / "store", FeatureSpec()) as store:
        outcomes = {outcome.id: outcome.error for outcome in collect(files, store, workers=2)}
        assert sorted(store.ids) == ["piece0", "piece4", "piece6"]
        check_ids = {"piece0": None, "piece4": None, "piece6": None}
    assert {key: error for key, error in outcomes.items() if key != "piece2"} == check_ids
    assert "its process died" in str(outcomes["piece2"])
