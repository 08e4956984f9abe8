"""Hear the share of vocals with Demucs, in a process of its own: PyTorch stays out of the curation's.

Protocol as in spleeter_runner.py.
"""

import hashlib
import json
import os
import sys
from importlib.metadata import version
from typing import Any

# Libraries print to standard output as they please; answers go to a copy of it that they do not know.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

MODEL = "htdemucs"


def answer(**content: object) -> None:
    """Print one JSON object."""
    answers.write(json.dumps(content) + "\n")
    answers.flush()


def digest(model: Any) -> str:
    """Return the digest of a model's parameters and buffers, in the order of their names."""
    found = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        found.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def main() -> None:
    """Load, then answer line by line."""
    try:
        import numpy
        import torch
        from demucs.apply import apply_model
        from demucs.pretrained import get_model

        model = get_model(MODEL)
        vocals = model.sources.index("vocals")
        device = "cuda" if torch.cuda.is_available() else "cpu"
        answer(version="demucs " + version("demucs") + " " + MODEL, weights_sha256=digest(model))
    except BaseException as error:  # demucs ends the process where a model cannot be had
        answer(error=type(error).__name__ + ": " + str(error))
        return
    for line in sys.stdin:
        try:
            sound = torch.from_numpy(numpy.load(json.loads(line)["sound"]).T.copy())
            # The level that Demucs was trained at, as its own command line does it.
            middle = sound.mean(0)
            mean, deviation = middle.mean(), middle.std() + 1e-8
            with torch.no_grad():
                # No random shift: the same file gets the same score.
                stems = apply_model(model, ((sound - mean) / deviation)[None], shifts=0, device=device)[0]
            vocal = (stems[vocals].double() * deviation.double()).square().sum()
            answer(vocal=float(vocal), total=float(sound.double().square().sum()))
        except Exception as error:
            answer(error=type(error).__name__ + ": " + str(error))


main()
