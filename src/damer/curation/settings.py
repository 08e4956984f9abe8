"""What a curation run is asked to do: every rule with its default."""

import hashlib
import json
from dataclasses import asdict, dataclass

from damer.core.errors import DamerError

RATE = 44100
"""Samples a second of what is written, Hz; with 16 bits and two channels that is 1411 kbit/s."""

LONGEST_S = 6 * 3600.0
"""What `max_s` may be at most: a WAV file holds 4 GiB, 6 hours and 45 minutes of such sound."""

NO_SCREENER = "none"


@dataclass(frozen=True)
class CurationSettings:
    """The rules of one run.

    Attributes:
        min_s: shortest duration that is kept, seconds.
        max_s: longest duration that is kept, seconds.
        loudness_lufs: programme loudness to bring every track to, LUFS.
        true_peak_dbtp: highest true peak that may come of it, dBTP.
        screener: who listens for voices; "none" for nobody.
        threshold_file: thresholds made by `damer curate calibrate`; "" for the screener's own.
        threshold_sha256: digest of that file, so that other thresholds under the same name are noticed.
        spleeter_python: the Python of the environment that Spleeter is installed in; "" for none.
    """

    min_s: float = 30.0
    max_s: float = 300.0
    loudness_lufs: float = -23.0
    true_peak_dbtp: float = -1.0
    screener: str = "cues"
    threshold_file: str = ""
    threshold_sha256: str = ""
    spleeter_python: str = ""

    def __post_init__(self) -> None:
        """Check once, so that everything behind may rely on it.

        Raises:
            DamerError: a value is out of its range.
        """
        if not 1 <= self.min_s <= self.max_s <= LONGEST_S:
            raise DamerError(
                f"durations {self.min_s:g} to {self.max_s:g} s: give 1 ≤ shortest ≤ longest ≤ {LONGEST_S:g}"
            )
        if not -70 < self.loudness_lufs <= 0:
            raise DamerError(f"loudness {self.loudness_lufs:g} LUFS: give a number above -70 and at most 0")
        if not -60 <= self.true_peak_dbtp <= 0:
            raise DamerError(f"true peak {self.true_peak_dbtp:g} dBTP: give a number from -60 to 0")

    def key(self, versions: str) -> str:
        """Return a digest of everything a file's result depends on besides the file itself."""
        text = json.dumps([asdict(self), versions], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
