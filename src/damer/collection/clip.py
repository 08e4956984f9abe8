"""The sound of a result's window, small enough to travel inside a page."""

import io

import soundfile

from damer import audio
from damer.core.errors import DamerError
from damer.core.result import Emotion

CLIP_RATE = 22050
_COMPRESSION = 0.85
"""soundfile's scale from 0 (largest) to 1 (smallest); 0.85 is about 32 kbit/s at this rate, in mono."""


def encode_clip(emotion: Emotion) -> bytes | None:
    """Return the window that was heard as an MP3 file: mono, 22 050 Hz, about 4 kB a second.

    MP3 is what every browser plays and seeks in.

    Returns:
        The file's bytes, or None where the sound can no longer be read or this libsndfile writes no MP3.
    """
    start_s, end_s = emotion.window_s
    try:
        sound = audio.read(emotion.file, start_s, end_s, CLIP_RATE)
    except DamerError:
        return None
    target = io.BytesIO()
    try:
        soundfile.write(
            target,
            sound.samples.clip(-1.0, 1.0),
            CLIP_RATE,
            format="MP3",
            subtype="MPEG_LAYER_III",
            compression_level=_COMPRESSION,
            bitrate_mode="CONSTANT",
        )
    except (soundfile.LibsndfileError, ValueError):
        return None
    return target.getvalue()
