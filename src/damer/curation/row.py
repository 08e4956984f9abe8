"""One row of the manifest: what became of one input file, and why."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["kept", "rejected", "failed"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What became of one input file. Numbers are None, and texts empty, where nothing is known.

    Attributes:
        file: path relative to the source folder, with `/`; bytes that are no text appear as escapes.
        track_id: "t" and the first 12 hex digits of `sha256_source`; also the name of the WAV file.
        status: kept; rejected by a rule; failed, as it could not be read.
        reason: why it was not kept.
        note: what a person should know of a kept file.
        output: path of the WAV file relative to the output folder.
        sha256_source: digest of the input file.
        sha256: digest of the WAV file.
        duration_s: length of the sound, seconds; as the file states it where that alone decided.
        sample_rate_in: Hz.
        channels_in: number of channels.
        codec_in: how the sound was coded, such as `mp3/mpeg_layer_iii`.
        loudness_in_lufs: programme loudness before the gain, measured on the two channels at 44.1 kHz.
        true_peak_in_dbtp: true peak before the gain.
        gain_db: the one gain that was applied.
        loudness_lufs: programme loudness of the WAV file, measured on it.
        true_peak_dbtp: true peak of the WAV file, measured on it.
        peak_limited: whether the gain is smaller than the target asks, as the true peak would be too high.
        screener: who listened for voices.
        screener_version: its version.
        screener_weights_sha256: digest of the weights that decided.
        vocal_score: evidence of a voice in [0, 1].
        vocal_verdict: likely-vocal, review or no-evidence.
        vocal_threshold: score from which the track is rejected.
        duplicate_of: the other file's path.
        duplicate_kind: exact (same bytes) or near (same recording by its fingerprint).
        licence: as the sidecar table or the tags have it.
        is_cc0: whether that licence is CC0 and nothing else.
        source: where the file comes from.
        artist: who made it.
        title: its name.
    """

    file: str
    track_id: str = ""
    status: Status = "failed"
    reason: str = ""
    note: str = ""
    output: str = ""
    sha256_source: str = ""
    sha256: str = ""
    duration_s: float | None = None
    sample_rate_in: int | None = None
    channels_in: int | None = None
    codec_in: str = ""
    loudness_in_lufs: float | None = None
    true_peak_in_dbtp: float | None = None
    gain_db: float | None = None
    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None
    peak_limited: bool = False
    screener: str = ""
    screener_version: str = ""
    screener_weights_sha256: str = ""
    vocal_score: float | None = None
    vocal_verdict: str = ""
    vocal_threshold: float | None = None
    duplicate_of: str = ""
    duplicate_kind: str = ""
    licence: str = ""
    is_cc0: bool = False
    source: str = ""
    artist: str = ""
    title: str = ""
