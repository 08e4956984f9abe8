"""Screeners that separate the voice from the rest: their score is the vocals' share of the energy.

Both work in a process of their own, which keeps PyTorch and TensorFlow out of the curation's: Demucs under
this Python, Spleeter (which needs TensorFlow 2.12 and numpy 1) under the Python of another environment. The
scripts in `runners` are all that runs there; they answer in JSON, one object a line.
"""

import contextlib
import importlib.util
import json
import subprocess
import sys
import tempfile
import threading
from importlib import resources
from pathlib import Path
from typing import IO, Any

import numpy as np
import soxr
from numpy.typing import NDArray

from damer.core.errors import DamerError
from damer.curation.screening.base import Thresholds, Verdict

RATE = 44_100
# Not measured here, the weights being a download: common leakage is some hundredths of the energy.
# `damer curate calibrate` finds better ones on clips of one's own.
THRESHOLDS = Thresholds(review=0.02, likely=0.10)
_LOADING_S = 1_800  # the first start downloads weights
_SCORING_S, _SCORING_S_PER_S = 120, 20

SPLEETER_COMMANDS = (
    "python3.10 -m venv spleeter-env && spleeter-env/bin/pip install spleeter==2.4.2, "
    "then --spleeter-python spleeter-env/bin/python"
)


class SeparationScreener:
    """Energy of the vocals over the energy of the whole, by a separator in another process.

    Args:
        name: Name on the command line; its runner is `runners/{name}_runner.py`.
        python: The Python that has the separator.
        cure: What to do when it does not work, for the message.
        thresholds: Where scores turn into verdicts; None: `THRESHOLDS`.
    """

    def __init__(self, name: str, python: str, cure: str, thresholds: Thresholds | None = None) -> None:
        self.name = name
        self.thresholds = thresholds or THRESHOLDS
        self._python, self._cure = python, cure
        self._process: subprocess.Popen[str] | None = None
        self._complaints: IO[bytes] | None = None
        self._about: dict[str, Any] = {}

    @property
    def version(self) -> str:
        """Version of the separator and its model; starts it if need be."""
        self._start()
        return str(self._about["version"])

    @property
    def weights_sha256(self) -> str:
        """Hex digest of the separator's weights; starts it if need be."""
        self._start()
        return str(self._about["weights_sha256"])

    def verdict(self, score: float) -> Verdict:
        """Return likely-vocal, review or no-evidence."""
        return self.thresholds.verdict(score)

    def score(self, samples: NDArray[np.float32], rate: int) -> float:
        """Return the vocals' share of the energy, in [0, 1]; 0 for silence.

        Args:
            samples: float32 (n, 2), full scale ±1.
            rate: Samples a second.

        Raises:
            DamerError: The separator does not start or failed on this sound.
        """
        self._start()
        sound = samples if rate == RATE else soxr.resample(samples, rate, RATE)
        with tempfile.TemporaryDirectory(prefix="damer-screening-") as folder:
            path = Path(folder) / "sound.npy"
            np.save(path, np.ascontiguousarray(sound, dtype=np.float32))
            limit = _SCORING_S + _SCORING_S_PER_S * len(sound) / RATE
            answer = self._ask({"sound": str(path)}, limit)
        try:
            vocal, total = float(answer["vocal"]), float(answer["total"])
        except (KeyError, TypeError, ValueError):
            self.close()
            raise DamerError(f"{self.name}: answered {answer}, not energies: {self._cure}") from None
        return float(np.clip(vocal / total, 0, 1)) if total > 0 else 0.0

    def close(self) -> None:
        """End the separator's process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()
        if self._complaints is not None:
            self._complaints.close()
            self._complaints = None

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    def _start(self) -> None:
        if self._process is not None:
            return
        runner = resources.files(__package__).joinpath("runners", f"{self.name}_runner.py")
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        with resources.as_file(runner) as path:
            try:
                # The script itself is handed over, so that the file may be gone when the process has begun.
                self._process = subprocess.Popen(
                    [self._python, "-u", "-c", path.read_text(encoding="utf-8")],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._complaints,
                    text=True,
                )
            except OSError as error:
                raise DamerError(f"{self._python}: cannot be run ({error.strerror}): {self._cure}") from error
        self._about = self._answer(_LOADING_S)
        if not {"version", "weights_sha256"} <= self._about.keys():
            self.close()
            raise DamerError(f"{self.name}: answered {self._about}, not its version: {self._cure}")

    def _ask(self, question: dict[str, str], limit_s: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # why it ended is found below
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        return self._answer(limit_s)

    def _answer(self, limit_s: float) -> dict[str, Any]:
        """Read one answer; a separator that fails or takes too long is ended."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        timer = threading.Timer(limit_s, process.kill)
        timer.daemon = True
        timer.start()
        line = process.stdout.readline()
        late = not timer.is_alive()
        timer.cancel()
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if isinstance(answer, dict) and "error" not in answer:
            return answer
        why = answer["error"] if isinstance(answer, dict) else self._last_words()
        self.close()
        if late:
            why = f"no answer within {limit_s:.0f} s"
        raise DamerError(f"{self.name}: {why}: {self._cure}")

    def _last_words(self) -> str:
        """Return the last line that the process wrote on standard error."""
        assert self._process is not None
        assert self._complaints is not None
        self._process.wait()
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"ended with status {self._process.returncode}"


def demucs(thresholds: Thresholds | None = None) -> SeparationScreener:
    """Return the Demucs screener.

    Raises:
        DamerError: Demucs is not installed.
    """
    cure = "pip install 'damer[demucs]'; the weights are downloaded when it is first used"
    if importlib.util.find_spec("demucs") is None:
        raise DamerError(f"the screener demucs is not installed: {cure}")
    return SeparationScreener("demucs", sys.executable, cure, thresholds)


def spleeter(python: Path | None, thresholds: Thresholds | None = None) -> SeparationScreener:
    """Return the Spleeter screener.

    Args:
        python: The Python of the environment that has Spleeter.
        thresholds: Where scores turn into verdicts.

    Raises:
        DamerError: No Python is named, or it has no Spleeter.
    """
    cure = f"Spleeter needs an environment of its own: {SPLEETER_COMMANDS}"
    if python is None:
        raise DamerError(f"the screener spleeter is not told where Spleeter is: {cure}")
    find = "import importlib.util, sys; sys.exit(importlib.util.find_spec('spleeter') is None)"
    try:
        found = subprocess.run([str(python), "-c", find], capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        raise DamerError(f"{python}: is no Python that runs: {cure}") from None
    if found.returncode:
        raise DamerError(f"{python}: has no Spleeter: {cure}")
    return SeparationScreener("spleeter", str(python), cure, thresholds)
