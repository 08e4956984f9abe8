"""The configuration: round trip, and every impossible value refused with its name."""

from typing import Any

import pytest

from damer.core.errors import DamerError
from damer.models import DamerConfig


def test_defaults_are_the_papers() -> None:
    config = DamerConfig()
    assert (config.dim, config.fused_dim, config.heads, config.layers) == (128, 256, 4, 2)  # section V.A
    assert (config.mel_bands, config.cochlea_bands, config.frames) == (128, 84, 1 + 22050 // 256)
    assert (config.tokens, config.positions, config.head) == ("band", "learned", "fused")


def test_round_trip() -> None:
    config = DamerConfig(frames=44, tokens="frame", positions="none", head="mean", dropout=0.0)
    assert DamerConfig.from_dict(config.to_dict()) == config
    assert DamerConfig.from_dict({"dim": 64}) == DamerConfig(dim=64)


def test_unknown_settings_are_refused_by_name() -> None:
    with pytest.raises(DamerError, match=r"width.*use frames, mel_bands"):
        DamerConfig.from_dict({"width": 3})


@pytest.mark.parametrize(
    "settings",
    [
        {"dim": 0},
        {"dim": 128.0},
        {"dim": True},
        {"dim": "128"},
        {"dim": 10**9},
        {"dim": 100, "heads": 3},
        {"layers": -1},
        {"layers": 10**6},
        {"dropout": 1.0},
        {"dropout": -0.1},
        {"dropout": float("nan")},
        {"dropout": "0.1"},
        {"dropout": False},
        {"tokens": "bin"},
        {"positions": None},
        {"head": "all"},
        {"head": ["fused"]},
        {"stem": "conv"},
        {"stem": "raw", "context_s": 5},
        {"stem": "statistics", "tokens": "frame"},
    ],
)
def test_impossible_values_are_refused_by_name(settings: dict[str, Any]) -> None:
    name = (
        "tokens" if "tokens" in settings else "context_s" if "context_s" in settings else next(iter(settings))
    )
    with pytest.raises(DamerError, match=f"network setting {name}="):
        DamerConfig.from_dict(settings)
