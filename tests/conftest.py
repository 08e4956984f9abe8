"""What tests of several parts share: small untrained weights, and sound made on the spot."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

RATE = 22050


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return an arousal and a valence checkpoint of the paper's stem: each second is heard by itself."""
    return _untrained(tmp_path_factory.mktemp("weights"), {}, {})


@pytest.fixture(scope="session")
def context_checkpoints(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return checkpoints that hear eight seconds around each, in semitones."""
    network = {"stem": "statistics", "context_s": 8, "tonal_tokens": 2}
    return _untrained(tmp_path_factory.mktemp("context"), network, {"cochleagram": "semitone"})


def _untrained(folder: Path, network: dict[str, Any], views: dict[str, Any]) -> tuple[Path, Path]:
    """Write two small random networks for each dimension, sharply calibrated."""
    import torch

    from damer.features import FeatureSpec
    from damer.models import Damer, DamerConfig
    from damer.models.checkpoint import Checkpoint, Dimension, save

    config = DamerConfig.from_dict({"dim": 16, "layers": 1, "heads": 2, "fused_dim": 16} | network)
    dimensions: tuple[Dimension, ...] = ("arousal", "valence")
    for place, dimension in enumerate(dimensions):
        networks = []
        with torch.random.fork_rng(devices=[]):
            for member in range(2):
                torch.manual_seed(10 * place + member)
                damer = Damer(config)
                rows = len(damer.cochleagram_mean)
                damer.set_standardisation(
                    *(torch.full((128, 1), value) for value in (-6.0, 4.0)),
                    *(torch.full((rows, 1), value) for value in (-1.0, 1.0)),
                )
                networks.append(damer)
        save(
            folder / f"{dimension}.safetensors",
            Checkpoint(
                dimension, networks, FeatureSpec(**views), temperature=0.1, name="untrained", version="0"
            ),
        )
    return folder / "arousal.safetensors", folder / "valence.safetensors"


@pytest.fixture(scope="session")
def tone() -> Callable[[float, float], NDArray[np.float32]]:
    """Return a maker of sound: seconds and pitch in Hz to a trembling tone over faint noise, 22 050 Hz."""

    def make(seconds: float, pitch: float = 220.0) -> NDArray[np.float32]:
        time = np.arange(int(seconds * RATE)) / RATE
        swell = 0.6 + 0.4 * np.sin(2 * np.pi * 0.21 * time + pitch)
        noise = np.random.default_rng(int(pitch)).standard_normal(len(time)) * 0.01
        return (0.3 * swell * np.sin(2 * np.pi * pitch * time) + noise).astype(np.float32)

    return make


@pytest.fixture
def music(tmp_path: Path, tone: Callable[[float, float], NDArray[np.float32]]) -> Path:
    """Return a folder of four short pieces in three formats, one of them in a folder below."""
    folder = tmp_path / "music"
    (folder / "below").mkdir(parents=True)
    for place, name in enumerate(("a.wav", "b.flac", "c.ogg", "below/d.wav")):
        soundfile.write(folder / name, tone(3.0 + place, 110.0 * 2**place), RATE)
    return folder
