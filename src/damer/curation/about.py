"""What `curation.json` tells: every step in its order, with its parameters and versions."""

import platform
from collections.abc import Sequence
from importlib import metadata
from typing import Any

import damer
from damer.curation.settings import NO_SCREENER, RATE, CurationSettings


def about(settings: CurationSettings, screener: Sequence[str], fingerprints: str) -> dict[str, Any]:
    """Return the parameters and versions of every step, for JSON; the same for the same set-up, always.

    Args:
        settings: the rules of the run.
        screener: name, version and weights' digest of who listens for voices; empty for nobody.
        fingerprints: what makes the fingerprints; "" where nothing can.
    """
    rules = settings
    voices: dict[str, Any] = {"step": "voices", "screener": rules.screener}
    if rules.screener != NO_SCREENER:
        voices |= dict(zip(("screener", "version", "weights_sha256"), screener, strict=True))
        voices["thresholds_sha256"] = rules.threshold_sha256 or "the screener's own"
    return {
        "format": "damer-curation-v1",
        "damer": damer.__version__,
        "python": platform.python_version(),
        "steps": [
            {
                "step": "decode",
                "rate_hz": RATE,
                "bits": 16,
                "channels": 2,
                "dither": "triangular, two steps wide, seeded by the source's SHA-256",
                "more_than_two_channels": "ITU-R BS.775",
            }
            | _versions("numpy", "soundfile", "soxr", "sphn"),
            {"step": "duration", "shortest_s": rules.min_s, "longest_s": rules.max_s},
            voices,
            {
                "step": "loudness",
                "measure": "EBU R 128, ITU-R BS.1770",
                "target_lufs": rules.loudness_lufs,
                "highest_true_peak_dbtp": rules.true_peak_dbtp,
                "gain": "one for the whole track",
            }
            | _versions("scipy"),
            {
                "step": "duplicates",
                "exact": "SHA-256 of the source",
                "near": fingerprints or "not looked for",
            },
            {"step": "licences", "from": "the table given, else the tags"} | _versions("tinytag"),
            {"step": "manifest"} | _versions("pyarrow"),
        ],
    }


def _versions(*names: str) -> dict[str, Any]:
    return {"versions": {name: metadata.version(name) for name in names}}
