"""The protocol with a separator in another process: a stand-in Spleeter in a stand-in environment."""

import os
import stat
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from damer.core.errors import DamerError
from damer.curation.screening import screener, separation

SPLEETER = {
    "spleeter/__init__.py": "",
    "spleeter/model/__init__.py": "",
    "spleeter/model/provider.py": """
        import os
        class ModelProvider:
            @classmethod
            def default(cls):
                return cls()
            def get(self, name):
                folder = os.path.join(os.environ["MODEL_PATH"], name)
                os.makedirs(folder, exist_ok=True)
                with open(os.path.join(folder, "model.data"), "wb") as file:
                    file.write(b"weights")
                return folder
        """,
    "spleeter/separator.py": """
        import os, sys, time
        print("a library prints what it likes")
        class Separator:
            def __init__(self, name, multiprocess):
                assert (name, multiprocess) == ("spleeter:2stems", False)
            def separate(self, sound):
                assert sound.dtype == "float32" and sound.shape[1] == 2
                print("even now")
                if len(sound) == 13:
                    raise ValueError("an unlucky sound")
                if len(sound) == 17:
                    sys.stderr.write("warming up\\nout of memory\\n")
                    os._exit(3)
                if len(sound) == 19:
                    time.sleep(60)
                return {"vocals": sound * 0.5, "accompaniment": sound * 0.5}
        """,
    "spleeter-2.4.2.dist-info/METADATA": "Metadata-Version: 2.1\nName: spleeter\nVersion: 2.4.2\n",
}


def environment(folder: Path, files: dict[str, str]) -> Path:
    """Make a Python that has these modules, and return it."""
    for name, text in files.items():
        path = folder / "modules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{folder}/modules" exec "{sys.executable}" "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return python


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MODEL_PATH", raising=False)
    return environment(tmp_path, SPLEETER)


def sound(frames: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    return np.random.default_rng(frames).uniform(-1, 1, (frames, 2)).astype(np.float32)


def test_score_is_the_vocals_share_of_the_energy(python: Path, tmp_path: Path) -> None:
    judge = screener("spleeter", spleeter_python=python)
    assert judge.score(sound(5000), 44_100) == pytest.approx(0.25)
    assert judge.version == "spleeter 2.4.2"
    assert len(judge.weights_sha256) == 64
    # The weights go to the user's cache, not to the folder the command was started in.
    assert (tmp_path / "cache/damer/spleeter/2stems/model.data").is_file()
    first = judge._process  # type: ignore[attr-defined]
    assert judge.score(sound(22_050), 22_050) == pytest.approx(0.25)
    assert judge._process is first  # type: ignore[attr-defined]
    assert judge.score(np.zeros((100, 2), np.float32), 44_100) == 0.0
    judge.close()
    assert first.poll() is not None


def test_a_failure_is_told_and_the_next_sound_gets_a_new_process(python: Path) -> None:
    judge = screener("spleeter", spleeter_python=python)
    with pytest.raises(
        DamerError, match=r"spleeter: ValueError: an unlucky sound: Spleeter needs an environ"
    ):
        judge.score(sound(13), 44_100)
    with pytest.raises(DamerError, match="spleeter: out of memory: "):
        judge.score(sound(17), 44_100)
    assert judge.score(sound(100), 44_100) == pytest.approx(0.25)
    judge.close()


def test_a_separator_that_hangs_is_ended(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = screener("spleeter", spleeter_python=python)
    assert judge.version
    monkeypatch.setattr(separation, "_SCORING_S", 0.3)
    with pytest.raises(DamerError, match="no answer within 0 s"):
        judge.score(sound(19), 44_100)
    judge.close()


def test_a_spleeter_that_does_not_load(tmp_path: Path) -> None:
    broken = SPLEETER | {"spleeter/separator.py": "raise ImportError('numpy 2 will not do')"}
    judge = screener("spleeter", spleeter_python=environment(tmp_path, broken))
    with pytest.raises(
        DamerError, match=r"ImportError: numpy 2 will not do: .*pip install spleeter==2\.4\.2"
    ):
        judge.score(sound(100), 44_100)


@pytest.mark.parametrize("case", ["unnamed", "missing", "without"])
def test_without_spleeter_the_commands_that_make_its_environment_are_given(case: str, tmp_path: Path) -> None:
    places = {"unnamed": None, "missing": tmp_path / "none", "without": environment(tmp_path, {})}
    with pytest.raises(DamerError) as caught:
        screener("spleeter", spleeter_python=places[case])
    assert "python3.10 -m venv spleeter-env && spleeter-env/bin/pip install spleeter==2.4.2" in str(
        caught.value
    )
    assert "--spleeter-python spleeter-env/bin/python" in str(caught.value)
    assert "\n" not in str(caught.value)


# -- Demucs --------------------------------------------------------------------------------------------------

DEMUCS = {
    "demucs/__init__.py": "",
    "demucs/pretrained.py": """
        import torch
        class Model(torch.nn.Module):
            sources = ["drums", "bass", "other", "vocals"]
            def __init__(self):
                super().__init__()
                self.weight = torch.nn.Parameter(torch.arange(3.0))
        def get_model(name):
            assert name == "htdemucs"
            return Model().eval()
        """,
    "demucs/apply.py": """
        import torch
        def apply_model(model, mix, shifts, device):
            assert shifts == 0 and mix.shape[:2] == (1, 2)
            assert abs(float(mix.mean(1).std()) - 1) < 1e-3
            return torch.stack([0 * mix, 0 * mix, 0.6 * mix, 0.4 * mix], dim=1)
        """,
    "demucs-4.1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: demucs\nVersion: 4.1.0\n",
}


def test_without_demucs_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(DamerError, match=r"pip install 'damer\[demucs\]'"):
        screener("demucs")


@pytest.mark.slow
def test_demucs_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(tmp_path, DEMUCS)
    modules = tmp_path / "modules"
    monkeypatch.syspath_prepend(modules)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(modules), os.environ.get("PYTHONPATH", "")]))
    judge = screener("demucs")
    assert judge.score(sound(44_100), 44_100) == pytest.approx(0.16, rel=1e-3)
    assert judge.version == "demucs 4.1.0 htdemucs"
    judge.close()
