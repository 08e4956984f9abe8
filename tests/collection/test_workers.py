"""Worker processes: the same numbers, and no file dies but the one whose process died."""

import os
import signal
import threading
from pathlib import Path

import pytest

from damer.collection import Outcome, Run, Settings, Task, Workers, find_audio
from damer.collection.workers import InProcess
from damer.core.errors import DamerError
from damer.core.result import Emotion, Failure


@pytest.fixture
def settings(checkpoints: tuple[Path, Path]) -> Settings:
    return Settings(str(checkpoints[0]), str(checkpoints[1]), "cpu", "all")


def test_any_number_of_workers_says_the_same(settings: Settings, music: Path) -> None:
    (music / "bad.wav").write_text("no music")
    entries = find_audio([music])
    told: list[str] = []
    answers = []
    for count in (1, 2):
        with Run(entries, settings, workers=count) as run:
            outcomes = list(run.outcomes(lambda result, earlier: told.append(result.file)))
        assert [outcome.index for outcome in outcomes] == list(range(5))
        answers.append([outcome.result.to_dict() for outcome in outcomes])
    assert answers[0] == answers[1]
    assert sorted(told) == sorted(2 * [str(entry) for entry in entries])
    assert [("error" in answer) for answer in answers[0]] == [False, False, True, False, False]


def test_a_killed_process_costs_its_file_alone(settings: Settings, music: Path) -> None:
    tasks = [Task(index, str(file)) for index, file in enumerate(sorted(music.glob("*.*")))]
    workers = Workers(settings, 1)
    try:
        victim = workers._workers[0].process.pid
        assert victim is not None
        os.kill(victim, signal.SIGSTOP)  # it takes the first file and never answers
        threading.Timer(0.3, os.kill, (victim, signal.SIGKILL)).start()
        outcomes = list(workers.run(tasks))
    finally:
        workers.stop()
    first, *rest = (outcome.result for outcome in outcomes)
    assert isinstance(first, Failure)
    assert first.error.startswith(f"{tasks[0].file}: its process died (SIGKILL, most likely out of memory)")
    assert [isinstance(result, Emotion) for result in rest] == [True, True]


def test_leaving_early_ends_all_processes(settings: Settings, music: Path) -> None:
    with Run(find_audio([music]), settings, workers=2) as run:
        next(run.outcomes(lambda result, earlier: None))
        engine = run._engine
        assert isinstance(engine, Workers)
        pids = [worker.process.pid for worker in engine._workers]
    for pid in pids:
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_workers_without_weights_say_so(settings: Settings) -> None:
    with pytest.raises(DamerError, match="no such file: give the path of a checkpoint"):
        Workers(Settings("missing.safetensors", settings.valence), 2)


def test_an_unexpected_error_is_a_failure_of_its_file(
    settings: Settings, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = InProcess(settings)

    def broken(file: str, window: str) -> Emotion:
        raise MemoryError if "a.wav" in file else ZeroDivisionError("oh")

    monkeypatch.setattr(engine, "_recognizer", broken)
    first, second = engine.run([Task(0, "a.wav"), Task(1, "b.wav")])
    assert first.result == Failure(
        "a.wav", "a.wav: not enough memory: use a shorter --window or fewer --workers"
    )
    assert second == Outcome(
        1, Failure("b.wav", "b.wav: unexpected ZeroDivisionError (oh): please report this with the file")
    )
