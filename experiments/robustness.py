"""Does a piece keep its answer when it is coded anew, resampled, mixed to mono, made louder or softer?

Makes versions of each file with ffmpeg, asks the recogniser about all of them and says how far the answers
move. Give lossless files: what was coded before has lost already what another coding would take.

    python experiments/robustness.py FOLDER [--arousal FILE] [--valence FILE]
"""

import argparse
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from damer import Recognizer
from damer.core.errors import DamerError

VERSIONS = {
    "MP3, LAME -q:a 0": ("mp3", "-c:a libmp3lame -q:a 0"),
    "MP3, LAME -q:a 5": ("mp3", "-c:a libmp3lame -q:a 5"),
    "MP3, 128 kbit/s": ("mp3", "-c:a libmp3lame -b:a 128k"),
    "MP3, 64 kbit/s": ("mp3", "-c:a libmp3lame -b:a 64k"),
    "Ogg Vorbis, -q:a 3": ("ogg", "-c:a libvorbis -q:a 3"),
    "AAC, 128 kbit/s": ("m4a", "-c:a aac -b:a 128k"),
    "Opus, 64 kbit/s": ("opus", "-c:a libopus -b:a 64k"),
    "22 050 Hz": ("wav", "-ar 22050"),
    "mono": ("wav", "-ac 1"),
    "6 dB louder": ("wav", "-af volume=6dB"),
    "6 dB softer": ("wav", "-af volume=-6dB"),
    "12 dB softer": ("wav", "-af volume=-12dB"),
}


def main() -> None:
    """Print a table: for each version and dimension mean and largest change, and how many labels change."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of lossless files (WAV, FLAC, AIFF)")
    parser.add_argument("--arousal", type=Path, help="checkpoint in place of the packaged one")
    parser.add_argument("--valence", type=Path, help="checkpoint in place of the packaged one")
    arguments = parser.parse_args()
    files = sorted(
        path for path in arguments.folder.iterdir() if path.suffix.lower() in (".wav", ".flac", ".aiff")
    )
    recognizer = Recognizer(arousal=arguments.arousal, valence=arguments.valence)

    def answer(path: Path) -> tuple[float, float]:
        found = recognizer(path)
        return found.arousal, found.valence

    pairs: dict[str, list[tuple[tuple[float, float], tuple[float, float]]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for path in files:
            try:
                plain = answer(path)
            except DamerError as error:
                print(error)
                continue
            for name, (ending, options) in VERSIONS.items():
                version = Path(folder) / f"version.{ending}"
                call = ["ffmpeg", "-y", "-v", "error", "-i", str(path), *options.split(), str(version)]
                subprocess.run(call, check=True)
                pairs[name].append((plain, answer(version)))
    print(
        "| version | files | "
        + " | ".join(f"{d}: mean, largest, labels" for d in ("arousal", "valence"))
        + " |"
    )
    print("|---|---|---|---|")
    for name, found in pairs.items():
        before, after = np.array(found).transpose(1, 2, 0)
        cells = [
            f"{np.abs(b - a).mean():.3f}, {np.abs(b - a).max():.2f}, {np.mean((b >= 0.5) != (a >= 0.5)):.0%}"
            for b, a in zip(before, after, strict=True)
        ]
        print(f"| {name} | {len(found)} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
