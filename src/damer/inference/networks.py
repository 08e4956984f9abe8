"""The lowest rung: what the networks say of views."""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

import damer
from damer.core.errors import DamerError
from damer.core.result import Model, Segment
from damer.features import FeatureSpec, Views
from damer.inference.recognition import Recognition
from damer.models import Damer, DamerOutput
from damer.models.checkpoint import Checkpoint, load
from damer.models.companion import Companion, blend
from damer.models.stem import Stem, make_stem

WEIGHTS = Path(damer.__file__).parent / "weights"
"""Where the packaged checkpoints lie: `arousal.safetensors` and `valence.safetensors`."""

_BATCH = 64
_DECIMALS = 6


class _Reading(NamedTuple):
    """One way to make token features: networks that share it share the work."""

    spec: FeatureSpec
    stem: str
    context_s: int
    tonal_context_s: int


@dataclass
class _Ensemble:
    """The networks of one dimension, ready on a device."""

    networks: list[Damer]
    readings: list[_Reading]
    temperature: float
    companion: Companion | None = None

    @classmethod
    def of(cls, checkpoint: Checkpoint, device: torch.device) -> "_Ensemble":
        readings = [
            _Reading(checkpoint.spec, c.stem, c.context_s, c.tonal_context_s) for c in checkpoint.configs
        ]
        companion = None if checkpoint.companion is None else checkpoint.companion.to(device).eval()
        networks = [network.to(device).eval() for network in checkpoint.networks]
        return cls(networks, readings, checkpoint.temperature, companion)

    @property
    def context_s(self) -> int:
        """How many seconds, with itself in the middle, have a part in a second's answer."""
        own = max(max(reading.context_s, reading.tonal_context_s) for reading in self.readings)
        return own if self.companion is None else own + self.companion.config.window_s

    def ask(
        self,
        summaries: Mapping[_Reading, tuple[Tensor, Tensor]],
        tokens: Mapping[_Reading, tuple[Tensor, Tensor]],
        centres: Tensor,
    ) -> Tensor:
        """Return [2, B]: the probability of B seconds and the standard deviation of the voices."""
        answers, voices = self._networks(tokens)
        spread = voices.std(dim=0, correction=0)
        if self.companion is None:
            return torch.stack([answers, spread])
        low = max(0, int(centres.min()) - self.companion.config.window_s)
        high = int(centres.max()) + self.companion.config.window_s + 1
        summary = summaries[self.readings[0]]
        wide = torch.arange(low, min(high, len(summary[0])), device=centres.device)
        logit = self.companion.around(*self.companion.stem.tokens(*summary, wide), centres - low)
        # The companion's voice weighs as much as all the networks'.
        other = (logit.sigmoid() - answers).abs() / 2
        return torch.stack([blend(answers, logit), (spread.square() / 2 + other.square()).sqrt()])

    def _networks(self, tokens: Mapping[_Reading, tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Return the networks' mean probability [B] and the voices that it is the mean of [voices, B]."""
        outputs = [
            network(*tokens[reading]) for network, reading in zip(self.networks, self.readings, strict=True)
        ]
        answers = torch.stack(
            [
                n.probability(output, self.temperature)
                for n, output in zip(self.networks, outputs, strict=True)
            ]
        )
        voices = answers if len(outputs) > 1 else _heads(outputs[0], self.temperature)
        return answers.mean(dim=0), voices


def _heads(output: DamerOutput, temperature: float) -> Tensor:
    """Return the positive probabilities of the heads [3, B], [4, B] with one for the harmony."""
    heads = [output.mel, output.cochleagram, output.fused]
    logits = torch.stack([*heads, output.harmony] if len(output.harmony) else heads).float()
    return (logits / temperature).softmax(dim=-1)[..., 1]


class Views2Emotion:
    """Asks the networks of both dimensions about views, second by second.

    A second's probability is the mean over the ensemble's members, each calibrated by the checkpoint's
    temperature, blended with the companion's answer where the checkpoint has one. Its deviation is that of
    the members, of a lone network that of its three heads, and of the companion.

    Args:
        arousal: arousal checkpoint; None is the one in the package.
        valence: valence checkpoint; None is the one in the package.
        device: "cpu", "cuda", or "auto": CUDA where there is some.

    Attributes:
        model: which weights answer.
        specs: the feature specifications they read; one, unless the checkpoints differ.
        context_s: how many seconds, with itself in the middle, have a part in a second's answer.
        halo_s: how many seconds more on either side its views look at.

    Raises:
        DamerError: a checkpoint is missing or unusable, or the device is not there.
    """

    def __init__(
        self,
        arousal: str | os.PathLike[str] | None = None,
        valence: str | os.PathLike[str] | None = None,
        device: str = "auto",
    ) -> None:
        self.device = _device(device)
        checkpoints = [_load("arousal", arousal), _load("valence", valence)]
        self.model = _identity(checkpoints)
        self._ensembles = [_Ensemble.of(checkpoint, self.device) for checkpoint in checkpoints]
        self._stems: dict[_Reading, Stem] = {
            reading: make_stem(config)
            for checkpoint, ensemble in zip(checkpoints, self._ensembles, strict=True)
            for reading, config in zip(ensemble.readings, checkpoint.configs, strict=True)
        }
        self.specs: tuple[FeatureSpec, ...] = tuple(dict.fromkeys(reading.spec for reading in self._stems))
        self.context_s = max(ensemble.context_s for ensemble in self._ensembles)
        self.halo_s = int(any(spec.cochleagram == "semitone" for spec in self.specs))

    def __call__(
        self, mel: ArrayLike, cochleagram: ArrayLike, start_s: float = 0.0, file: str = "views"
    ) -> Recognition:
        """Return the emotion of views that were extracted before.

        Args:
            mel: float32 [S, 128, T], as `damer.features.extract` gives it with the weights' `specs[0]`.
            cochleagram: float32 [S, 84, T], likewise.
            start_s: where the first second starts, in seconds.
            file: the name the result carries.

        Raises:
            DamerError: wrong shapes, values that are not finite, or weights that read two kinds of views.
        """
        if len(self.specs) > 1:
            raise DamerError("from views: these two checkpoints read different views; give samples or a file")
        views = Views(np.asarray(mel, np.float32), np.asarray(cochleagram, np.float32))
        _check_views(views, self.specs[0])
        segments = self.segments([{self.specs[0]: views}], start_s)
        end_s = start_s + views.seconds
        return self.recognition(segments, file, duration_s=end_s, window_s=(start_s, end_s))

    @torch.inference_mode()
    def segments(
        self,
        parts: Iterable[Mapping[FeatureSpec, Views]],
        start_s: float = 0.0,
        only: Sequence[int] | None = None,
    ) -> tuple[Segment, ...]:
        """Return the seconds of views that come in parts, in order.

        Args:
            parts: for each stretch of time, its views by feature specification.
            start_s: where the first second starts, in seconds.
            only: the seconds to answer for, counted from 0; None is all.

        Raises:
            DamerError: the answer is no number: values far out of range, or weights whose training failed.
        """
        summaries = self._summaries(parts)
        seconds = len(next(iter(summaries.values()))[0])
        wanted = torch.arange(seconds) if only is None else torch.tensor(list(only), dtype=torch.long)
        answers = []
        for centres in torch.split(wanted.to(self.device), _BATCH):
            tokens = {
                reading: self._stems[reading].tokens(*summary, centres)
                for reading, summary in summaries.items()
            }
            answers.append(
                torch.stack([ensemble.ask(summaries, tokens, centres) for ensemble in self._ensembles])
            )
        table = torch.cat(answers, dim=-1).double().cpu().numpy()
        if not np.isfinite(table).all():
            raise DamerError(
                "the networks' answer is no number; check the views' values, or train them again"
            )
        return tuple(
            _segment(start_s + int(second), *table[:, :, column]) for column, second in enumerate(wanted)
        )

    def recognition(
        self, segments: tuple[Segment, ...], file: str, duration_s: float, window_s: tuple[float, float]
    ) -> Recognition:
        """Return the result of a whole file: its probabilities are the means over its seconds."""
        return Recognition(
            file=file,
            duration_s=round(duration_s, 3),
            window_s=(round(window_s[0], 3), round(window_s[1], 3)),
            arousal=round(float(np.mean([segment.arousal for segment in segments])), _DECIMALS),
            valence=round(float(np.mean([segment.valence for segment in segments])), _DECIMALS),
            segments=segments,
            model=self.model,
        )

    def _summaries(
        self, parts: Iterable[Mapping[FeatureSpec, Views]]
    ) -> dict[_Reading, tuple[Tensor, Tensor]]:
        collected: dict[_Reading, list[tuple[Tensor, Tensor]]] = {reading: [] for reading in self._stems}
        for part in parts:
            for reading, stem in self._stems.items():
                mel, cochleagram = (torch.from_numpy(view).to(self.device) for view in part[reading.spec])
                collected[reading].append(stem.summarise(mel, cochleagram))
        return {
            reading: (
                torch.cat([mel for mel, _ in pairs]),
                torch.cat([cochleagram for _, cochleagram in pairs]),
            )
            for reading, pairs in collected.items()
        }


def _device(name: str) -> torch.device:
    if name not in ("auto", "cpu", "cuda"):
        raise DamerError(f"device {name!r}: use auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise DamerError("device cuda: PyTorch finds no CUDA device on this machine; use --device cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def _load(dimension: str, path: str | os.PathLike[str] | None) -> Checkpoint:
    packaged = WEIGHTS / f"{dimension}.safetensors"
    if path is None and not packaged.is_file():
        raise DamerError(
            f"{packaged}: this installation holds no {dimension} weights; reinstall damer, or name a "
            f"checkpoint of your own with --{dimension}"
        )
    checkpoint = load(packaged if path is None else path)
    if checkpoint.dimension != dimension:
        raise DamerError(
            f"{path}: holds {checkpoint.dimension} networks, not {dimension}; name the other file"
        )
    return checkpoint


def _identity(checkpoints: Sequence[Checkpoint]) -> Model:
    digest = hashlib.sha256("".join(checkpoint.sha256 for checkpoint in checkpoints).encode()).hexdigest()
    names = dict.fromkeys(checkpoint.name for checkpoint in checkpoints)
    versions = dict.fromkeys(checkpoint.version for checkpoint in checkpoints)
    return Model("+".join(names), "+".join(versions), digest)


def _check_views(views: Views, spec: FeatureSpec) -> None:
    wanted = ((spec.n_mels, spec.frames), (spec.n_cochlea, spec.frames))
    for name, view, shape in zip(("mel", "cochleagram"), views, wanted, strict=True):
        if view.ndim != 3 or view.shape[1:] != shape or not len(view):
            raise DamerError(
                f"from views: {name} has shape {view.shape}; "
                f"these weights read [seconds, {shape[0]}, {shape[1]}]"
            )
        if not np.isfinite(view).all():
            raise DamerError(f"from views: {name} holds NaN or infinity; extract it again")
    if len(views.mel) != len(views.cochleagram):
        raise DamerError(
            f"from views: mel has {len(views.mel)} seconds and cochleagram {len(views.cochleagram)}; "
            "give views of the same sound"
        )


def _segment(start_s: float, arousal: NDArray[np.float64], valence: NDArray[np.float64]) -> Segment:
    """Return a second from (probability, deviation) of each dimension."""
    values = [round(float(value), _DECIMALS) for value in (arousal[0], valence[0], arousal[1], valence[1])]
    return Segment(round(float(start_s), 3), *values)
