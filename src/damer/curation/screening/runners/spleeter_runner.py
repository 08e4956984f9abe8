"""Hear the share of vocals with Spleeter: started by damer with the Python of Spleeter's own environment.

It uses nothing of damer, since that environment has another Python and another numpy. Protocol, one JSON
object a line: after loading it prints {"version", "weights_sha256"}; for each line {"sound": path of a .npy,
float32 (n, 2) at 44 100 Hz} it prints {"vocal", "total"} (energies) or {"error"}. It ends with its input.
"""

import hashlib
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

# Libraries print to standard output as they please; answers go to a copy of it that they do not know.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def answer(**content: object) -> None:
    """Print one JSON object."""
    answers.write(json.dumps(content) + "\n")
    answers.flush()


def load() -> "tuple[Any, Path]":
    """Return Spleeter's separator of two stems and the folder of its weights, downloaded on first use."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    # By default Spleeter would put 70 MB of weights into whatever folder it is started in.
    folder = Path(os.environ.setdefault("MODEL_PATH", str(cache / "damer" / "spleeter")))
    folder.mkdir(parents=True, exist_ok=True)
    from spleeter.model.provider import ModelProvider
    from spleeter.separator import Separator

    # Two processes must not download at once: the second would take a half-filled folder for a full one.
    with (folder / "lock").open("w") as lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        except ImportError:  # Windows
            pass
        weights = Path(ModelProvider.default().get("2stems"))
    return Separator("spleeter:2stems", multiprocess=False), weights


def digest(folder: Path) -> str:
    """Return the digest of the files of weights, in the order of their paths."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()


def main() -> None:
    """Load, then answer line by line."""
    try:
        import numpy

        separator, weights = load()
        answer(version="spleeter " + version("spleeter"), weights_sha256=digest(weights))
    except Exception as error:
        answer(error=type(error).__name__ + ": " + str(error))
        return
    for line in sys.stdin:
        try:
            sound = numpy.load(json.loads(line)["sound"])
            stems = separator.separate(sound)
            vocal = float((stems["vocals"].astype("float64") ** 2).sum())
            answer(vocal=vocal, total=float((sound.astype("float64") ** 2).sum()))
        except Exception as error:
            answer(error=type(error).__name__ + ": " + str(error))


main()
