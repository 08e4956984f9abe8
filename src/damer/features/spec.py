"""What one second of sound becomes: every choice of the two views, in one frozen record.

A spec travels inside each feature store and each checkpoint; two specs with the same `hash()` give
the same numbers. Which seconds of a track are taken is not part of it: see `damer.audio.window`.
"""

import dataclasses
import hashlib
import json
import math
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self

from damer.core.errors import DamerError
from damer.features import mel

REFERENCE_RATE = 22050
REFERENCE_FRAME = 512
SEMITONES = 84
"""Bands of the semitone reading: C1 to B7."""


@dataclasses.dataclass(frozen=True)
class FeatureSpec:
    """Settings of the Mel view and the cochleagram view.

    Defaults are those of the DAMER paper, section III.C, where it gives a value. Where it gives none, the
    default is named below with its alternatives.

    Attributes:
        sample_rate: Hz. 22 050 (default) or 44 100; both give 87 frames of 11.6 ms a second.
        frame_length: samples a frame (N of the paper); None derives it from the rate: 512 at 22 050 Hz,
            1 024 at 44 100 Hz. The hop is half of it and the FFT twice. 1 024 at 22 050 Hz gives the
            44 frames that the authors' PMEmo arrays have.
        pre_emphasis: a in x'(n) = x(n) - a x(n-1).
        window: "hamming" (III.C) or "hann"; periodic.
        padding: what stands before and after a second, so that frames can be centred on its edges:
            "reflect" (default) or "zero".
        n_mels: number of Mel bands.
        mel_scale: "slaney" (default, librosa's) or "htk".
        mel_norm: "slaney" (default; every band has the same area) or "none" (every peak is 1).
        mel_fmin: Hz, lower edge of the first Mel band.
        mel_fmax: Hz, upper edge of the last Mel band; None is half the sample rate.
        mel_floor: energies below this are raised to it before the natural logarithm.
        cochleagram: how the cochleagram is computed: "fft" (default; Gammatone power responses applied to the
            Mel view's spectrum), "time" (the Gammatone filters themselves, sample by sample) or "semitone"
            (one band a semitone, C1 to B7, from longer windows where the pitch is low; range, spacing and
            tail below mean nothing for it, and its floor is added to the energies).
        n_cochlea: number of cochleagram bands.
        cochlea_spacing: "log" (default; centre frequencies log-spaced from cochlea_fmin to cochlea_fmax) or
            "semitone" (12 an octave upwards from cochlea_fmin; from 32.70 Hz 84 of them are seven octaves).
        cochlea_fmin: Hz, centre of the first band; None is 50 for "log" and 32.70 for "semitone".
        cochlea_fmax: Hz, centre of the last band for "log"; None is 0.9 of half the sample rate.
        compression: exponent of the outer hair cells' power law, applied to a band's energy.
        cochleagram_floor: energies below this are raised to it before compression and the decimal logarithm.
        cochlea_tail: for "fft": responses below this share of a filter's peak power are taken as 0.
    """

    sample_rate: int = REFERENCE_RATE
    frame_length: int | None = None
    pre_emphasis: float = 0.97
    window: Literal["hamming", "hann"] = "hamming"
    padding: Literal["reflect", "zero"] = "reflect"
    n_mels: int = 128
    mel_scale: Literal["slaney", "htk"] = "slaney"
    mel_norm: Literal["slaney", "none"] = "slaney"
    mel_fmin: float = 0.0
    mel_fmax: float | None = None
    mel_floor: float = 1e-10
    cochleagram: Literal["fft", "time", "semitone"] = "fft"
    n_cochlea: int = 84
    cochlea_spacing: Literal["log", "semitone"] = "log"
    cochlea_fmin: float | None = None
    cochlea_fmax: float | None = None
    compression: float = 0.3
    cochleagram_floor: float = 1e-10
    cochlea_tail: float = 1e-9

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _checked(field.name, getattr(self, field.name)))
        _require(self.sample_rate >= 8000, "sample_rate", self.sample_rate, "at least 8000")
        _require(16 <= self.frame <= self.sample_rate // 2, "frame_length", self.frame, "16 to half a second")
        _require(self.frame % 2 == 0, "frame_length", self.frame, "even")
        _require(0 <= self.pre_emphasis < 1, "pre_emphasis", self.pre_emphasis, "in [0, 1)")
        _require(0 < self.compression <= 1, "compression", self.compression, "in (0, 1]")
        _require(0 <= self.cochlea_tail < 1, "cochlea_tail", self.cochlea_tail, "in [0, 1)")
        for name in ("mel_floor", "cochleagram_floor", "n_mels", "n_cochlea"):
            _require(getattr(self, name) > 0, name, getattr(self, name), "above 0")
        nyquist = self.sample_rate / 2
        low, high = self.mel_range
        _require(
            0 <= low < high <= nyquist, "mel_fmin, mel_fmax", (low, high), f"rising within 0 to {nyquist:g}"
        )
        enough = "few enough for each Mel band to hold a bin of the FFT"
        _require(mel.every_band_hears(self), "n_mels", self.n_mels, enough)
        low, high = self.cochlea_range
        _require(
            0 < low < high < nyquist, "cochlea_fmin, cochlea_fmax", (low, high), f"rising below {nyquist:g}"
        )
        if self.cochleagram == "semitone":  # a reading of its own: the settings of filters do not reach it
            _require(self.n_cochlea == SEMITONES, "n_cochlea", self.n_cochlea, f"{SEMITONES} with semitones")
            for name in ("cochlea_fmin", "cochlea_fmax"):
                _require(getattr(self, name) is None, name, getattr(self, name), "left out with semitones")

    @property
    def frame(self) -> int:
        """Samples a frame, N; the nearest power of two to 23.2 ms where `frame_length` is None."""
        if self.frame_length is not None:
            return self.frame_length
        wanted = REFERENCE_FRAME * self.sample_rate / REFERENCE_RATE
        return 1 << round(math.log2(wanted))

    @property
    def hop(self) -> int:
        """Samples between frames, N/2 (III.C)."""
        return self.frame // 2

    @property
    def fft(self) -> int:
        """Points of the Fourier transform, 2N (III.C)."""
        return 2 * self.frame

    @property
    def frames(self) -> int:
        """Frames a second, T: 87 by default."""
        return 1 + self.sample_rate // self.hop

    @property
    def mel_range(self) -> tuple[float, float]:
        """Lower edge of the first and upper edge of the last Mel band, Hz."""
        return self.mel_fmin, self.sample_rate / 2 if self.mel_fmax is None else self.mel_fmax

    @property
    def cochlea_range(self) -> tuple[float, float]:
        """Centre of the first and of the last cochleagram band, Hz."""
        if self.cochlea_spacing == "semitone":
            low = 32.70 if self.cochlea_fmin is None else self.cochlea_fmin
            return low, low * 2 ** ((self.n_cochlea - 1) / 12)
        low = 50.0 if self.cochlea_fmin is None else self.cochlea_fmin
        return low, 0.45 * self.sample_rate if self.cochlea_fmax is None else self.cochlea_fmax

    def to_dict(self) -> dict[str, Any]:
        """Return every setting by name, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """Return the spec of `settings`; what is not named keeps its default.

        Raises:
            DamerError: a name is unknown or a value is of the wrong kind or out of range.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(settings) - known)
        if unknown:
            raise DamerError(
                f"feature spec: unknown setting {', '.join(unknown)}; "
                f"the settings are {', '.join(sorted(known))}"
            )
        return cls(**settings)

    @classmethod
    def from_options(cls, options: Iterable[str]) -> Self:
        """Return the spec of command-line options such as "cochleagram=semitone".

        Raises:
            DamerError: an option is not NAME=VALUE, or as in `from_dict`.
        """
        settings: dict[str, Any] = {}
        for option in options:
            name, equals, text = option.partition("=")
            if not equals:
                raise DamerError(
                    f"feature spec: {option!r} is not NAME=VALUE; write for example sample_rate=44100"
                )
            try:
                settings[name] = json.loads(text)
            except json.JSONDecodeError:
                settings[name] = None if text == "None" else text
        return cls.from_dict(settings)

    def hash(self) -> str:
        """Return 16 hexadecimal digits that name these settings, the same on any machine."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _require(condition: bool, name: str, value: object, wanted: str) -> None:
    if not condition:
        raise DamerError(f"feature spec: {name} is {value}; it must be {wanted}")


def _checked(name: str, value: Any) -> Any:
    """Return `value` in the type its field declares, or raise; 1 and 1.0 are the same setting."""
    wanted = typing.get_type_hints(FeatureSpec)[name]
    if isinstance(wanted, types.UnionType):
        if value is None:
            return None
        wanted = next(kind for kind in typing.get_args(wanted) if kind is not types.NoneType)
    if typing.get_origin(wanted) is Literal:
        _require(value in typing.get_args(wanted), name, repr(value), " or ".join(typing.get_args(wanted)))
        return value
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    _require(
        number and (wanted is float or value == int(value)), name, repr(value), f"of type {wanted.__name__}"
    )
    return wanted(value)
