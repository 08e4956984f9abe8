"""The configuration of the network: everything that decides its shape, and nothing about training."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from damer.core.errors import DamerError

TokenKind = Literal["band", "frame"]
PositionKind = Literal["learned", "none"]
Head = Literal["fused", "mel", "cochleagram", "mean"]
StemKind = Literal["raw", "statistics"]

# Far above any sensible network; a damaged file cannot ask for more memory than this allows.
_LIMITS = {
    "frames": (1, 4096),
    "mel_bands": (1, 4096),
    "cochlea_bands": (1, 4096),
    "dim": (1, 4096),
    "layers": (0, 64),
    "heads": (1, 256),
    "ffn_ratio": (1, 64),
    "fused_dim": (1, 16384),
    "context_s": (1, 600),
    "mel_patch": (1, 4096),
    "cochleagram_patch": (1, 4096),
    "tonal_tokens": (0, 256),
    "tonal_hidden": (0, 4096),
    "tonal_context_s": (0, 600),
    "styles": (1, 64),
}


@dataclass(frozen=True)
class DamerConfig:
    """Shape of one network. The defaults are the paper's (section V.A) where it gives them.

    Attributes:
        frames: frames in one second of either view, T (87 = 1 + 22 050 // 256; 44 for half a second).
        mel_bands: Mel bands, N_mel (section III.C).
        cochlea_bands: Gammatone bands, N_coch (section III.C).
        dim: width of a token, D (section V.A).
        layers: cross-view layers, L (section V.A); 0 leaves the two views apart until the fusion.
        heads: attention heads, H (section V.A); `dim` must be a multiple of it.
        ffn_ratio: width of the feed-forward network over `dim` (section IV.B: 4).
        dropout: probability of dropping an element in eqs 6 and 7, in [0, 1); the paper gives no value.
        fused_dim: width of the fused embedding, D_f (section V.A).
        tokens: "band": one token a band, its features the band's frames (the reading of eqs 1 and 2 that the
            authors' code confirms); "frame": one token a frame, its features the frame's bands.
        positions: "learned": an embedding for each token of each view, so that the network knows which band
            it sees; "none": the literal reading, which gives no position.
        head: which answer `Damer.probability` reads: one of the three heads, or the mean of their three
            probabilities (section IV.A: "standalone or ensemble inference").
        stem: "raw": a token's features are its frames in one second (the paper); "statistics": statistics
            over `context_s` seconds around it.
        context_s: seconds around a second that its features look at; 1 for the raw stem.
        mel_patch: neighbouring Mel bands that share a token; 1 is the paper's. A divisor of `mel_bands`.
        cochleagram_patch: neighbouring cochleagram bands that share a token; 12 makes a semitone reading's
            tokens octaves.
        tonal_tokens: tokens made of the harmony that the statistics stem reads; they join the cochleagram's.
        tonal_dropout: probability of dropping one of the harmony's features, in [0, 1).
        tonal_hidden: width of a head that answers from the harmony alone, beside the paper's three; 0 has
            none. With head="mean" it weighs as much as those three together.
        tonal_context_s: seconds around a second whose harmony is read; 0 takes `context_s`.
        feature_limit: standardised features are kept within ± this many deviations, so that strange sound
            cannot shout; 0 sets no limit.
        styles: kinds of music that the heads tell apart, each with an offset of its own to the shared answer,
            weighted by how likely the network finds each style; 1, the paper's, has no styles.
    """

    frames: int = 87
    mel_bands: int = 128
    cochlea_bands: int = 84
    dim: int = 128
    layers: int = 2
    heads: int = 4
    ffn_ratio: int = 4
    dropout: float = 0.1
    fused_dim: int = 256
    tokens: TokenKind = "band"
    positions: PositionKind = "learned"
    head: Head = "fused"
    stem: StemKind = "raw"
    context_s: int = 1
    mel_patch: int = 1
    cochleagram_patch: int = 1
    tonal_tokens: int = 0
    tonal_dropout: float = 0.0
    tonal_hidden: int = 0
    tonal_context_s: int = 0
    feature_limit: float = 0.0
    styles: int = 1

    def __post_init__(self) -> None:
        """Refuse values no network can be built from."""
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise DamerError(f"network setting {name}={value!r}: use a whole number from {low} to {high}")
        for name, limit in (("dropout", 1.0), ("tonal_dropout", 1.0), ("feature_limit", float("inf"))):
            rate = getattr(self, name)
            if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0.0 <= rate < limit:
                raise DamerError(f"network setting {name}={rate!r}: use a number from 0 to below {limit:g}")
        for name in ("tonal_tokens", "tonal_hidden", "tonal_context_s"):
            if getattr(self, name) and self.stem != "statistics":
                raise DamerError(
                    f"network setting {name}={getattr(self, name)}: needs stem='statistics', or 0"
                )
        choices = {"tokens": TokenKind, "positions": PositionKind, "head": Head, "stem": StemKind}
        for name, kind in choices.items():
            value = getattr(self, name)
            if value not in get_args(kind):
                raise DamerError(f"network setting {name}={value!r}: use one of {', '.join(get_args(kind))}")
        if self.dim % self.heads:
            raise DamerError(f"network setting dim={self.dim}: use a multiple of heads={self.heads}")
        if self.tokens == "frame" and self.stem != "raw":
            raise DamerError(f"network setting tokens='frame': needs stem='raw', not {self.stem!r}")
        for bands, patch in (("mel_bands", "mel_patch"), ("cochlea_bands", "cochleagram_patch")):
            if getattr(self, bands) % getattr(self, patch):
                raise DamerError(
                    f"network setting {patch}={getattr(self, patch)}: use a divisor of "
                    f"{bands}={getattr(self, bands)}"
                )
        if self.tokens == "frame" and (self.mel_patch, self.cochleagram_patch) != (1, 1):
            raise DamerError("network setting tokens='frame': needs mel_patch=1 and cochleagram_patch=1")
        if self.stem == "statistics" and self.cochlea_bands % 12:
            raise DamerError(
                f"network setting cochlea_bands={self.cochlea_bands}: the statistics stem reads octaves of "
                "12 semitones, use a multiple of 12"
            )
        if self.stem == "raw" and self.context_s != 1:
            raise DamerError(f"network setting context_s={self.context_s}: the raw stem sees 1 second, use 1")

    def to_dict(self) -> dict[str, Any]:
        """Return every setting by name, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> "DamerConfig":
        """Build a configuration from settings by name; what is left out keeps its default.

        Raises:
            DamerError: a setting is unknown or has an impossible value.
        """
        known = [field.name for field in fields(cls)]
        unknown = sorted(str(name) for name in settings if name not in known)
        if unknown:
            raise DamerError(f"unknown network setting {', '.join(unknown)}: use {', '.join(known)}")
        return cls(**settings)
