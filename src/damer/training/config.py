"""Every hyper-parameter of training, each default with its source in the paper."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from damer.core.errors import DamerError

Balance = Literal["none", "class", "corpus", "corpus_class"]


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained. The defaults are the paper's (sections IV and V); zero turns an extra off.

    Optimisation (section V.A)
        epochs, batch_size: the paper gives 80 epochs and no batch size; 256 is the authors' sibling release.
        learning_rate, weight_decay, clip_norm: Adam 1e-3 and 1e-4, gradient norm clipped at 5.
        optimiser: "adam" (weight decay inside the gradient, as in the paper) or "adamw" (decoupled).
        schedule: "cosine" annealing to 0 over all steps, or "constant"; warmup_steps: linear rise before it.
        precision: "auto" (bfloat16 where the device computes it natively), "float32" or "bfloat16".
        compile: let torch.compile fuse the network; needs a C++ compiler and a minute at the start.

    Objective (eq 21): lambda_classification, lambda_pseudo_label, lambda_consistency, lambda_contrastive.
        lambda_style: weight of telling the corpora apart, for a network with `styles` (one a corpus); ours.

    Progressive Confidence Labelling (eqs 9-17)
        tau_max, tau_min: temperature, falling linearly; theta_max, theta_min: threshold.
        theta_schedule: "linear" (eq 16) or "clipped" (Algorithm 1, line 5).
        confidence: "views" (eq 14) or "fused_head" (Algorithm 1, line 14).
        pseudo_labels: "unlabelled", "batch", or "auto": unlabelled where there is a pool, else the batch.

    Style-Anchored Memory Learning (eqs 18-20)
        memory_size: K = 512 slots; memory: "features" (Algorithm 1, line 18) or "probabilities" (eq 18).
        reduction: "mean" over positives (Khosla et al. 2020) or "sum" (eq 19 to the letter).
        tau_contrast: 0.07; momentum: 0.95, of "encoder" (He et al. 2020), "slot" or "none" (`momentum_of`).

    Data
        labels: "second" (per-second labels where the corpus has them) or "track".
        teacher_share: with `--teacher`, how much of a target is the teacher's answer, 0 to 1.
        soft_label_width: 0 for hard classes; else the class is sigmoid(value / width), so that a value near
            the threshold says less.
        segments_per_track: seconds drawn from each track in each epoch; 0 takes all of them.
        balance: how tracks are drawn: "none" (each once), or so that classes, corpora or both weigh equally;
            balance_power between 0 and 1 goes only part of the way (1 / count ** power).
        renders: train on the augmented renders of a track too (never validate or test on them).
        label_fraction: share of training groups that keep their labels; the rest become the unlabelled pool.
        unlabelled_batch: unlabelled segments a step; 0 means as many as labelled ones.
        preload: keep token features in memory: "auto" (where they fit), "yes" or "no" (read from the store).

    Augmentation
        mixup: alpha of the Beta distribution; mixup_pairs: partners from "any" corpus or the same "corpus".
        label_smoothing: share of the target given to both classes alike.
        band_mask: with band_mask_group = 0 the largest share of neighbouring bands set to their mean; with
            n above 0 the probability with which each group of n neighbouring tokens is.
        gain_jitter: standard deviation in dB; noise: standard deviation in units of a standardised feature.

    Split
        split: "track" (grouped, default), "segment" (rows at random, to measure the leakage) or "contiguous"
            (the first 70 % of the rows are trained on).
        test_fraction: 0.3; validation_fraction: share of the training part held out, grouped.
        validation_rotates: each member of an ensemble holds out another part.

    Choosing weights
        select: "best" (best epoch on the validation part) or "last"; select_by: "loss", "accuracy", "auc" or
            "balanced_accuracy", per track, averaged over corpora.
        average: decay per step of an exponential moving average of the weights that is validated and kept in
            place of the weights; 0 turns it off. The SAML encoder has its own momentum.

    Calibration
        temperature: 0 fits it on the validation part (and is 1 without one); else this one is taken, such as
            the one that `damer evaluate` names for a cross-validation with the same settings.

    Running: seed, members (networks of one ensemble, seeds seed … seed + members - 1), save_every (steps
        between resumable states).
    """

    epochs: int = 80
    batch_size: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    clip_norm: float = 5.0
    optimiser: Literal["adam", "adamw"] = "adam"
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_steps: int = 0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    compile: bool = False

    lambda_classification: float = 1.0
    lambda_pseudo_label: float = 0.8
    lambda_consistency: float = 0.2
    lambda_contrastive: float = 0.1
    lambda_style: float = 0.3

    tau_max: float = 1.5
    tau_min: float = 0.7
    theta_max: float = 0.65
    theta_min: float = 0.35
    theta_schedule: Literal["linear", "clipped"] = "linear"
    confidence: Literal["views", "fused_head"] = "views"
    pseudo_labels: Literal["auto", "unlabelled", "batch"] = "auto"

    memory_size: int = 512
    memory: Literal["features", "probabilities"] = "features"
    reduction: Literal["mean", "sum"] = "mean"
    tau_contrast: float = 0.07
    momentum: float = 0.95
    momentum_of: Literal["encoder", "slot", "none"] = "encoder"

    labels: Literal["second", "track"] = "second"
    soft_label_width: float = 0.0
    teacher_share: float = 0.5
    segments_per_track: int = 0
    balance: Balance = "none"
    balance_power: float = 1.0
    renders: bool = True
    label_fraction: float = 1.0
    unlabelled_batch: int = 0
    preload: Literal["auto", "yes", "no"] = "auto"

    mixup: float = 0.0
    mixup_pairs: Literal["any", "corpus"] = "any"
    label_smoothing: float = 0.0
    band_mask: float = 0.0
    band_mask_group: int = 0
    gain_jitter: float = 0.0
    noise: float = 0.0

    split: Literal["track", "segment", "contiguous"] = "track"
    test_fraction: float = 0.3
    validation_fraction: float = 0.15
    validation_rotates: bool = False

    select: Literal["best", "last"] = "best"
    select_by: Literal["loss", "accuracy", "auc", "balanced_accuracy"] = "loss"
    average: float = 0.0
    temperature: float = 0.0

    seed: int = 0
    members: int = 1
    save_every: int = 200

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        for name in ("epochs", "batch_size", "memory_size", "members", "save_every"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        for name in ("learning_rate", "clip_norm", "tau_max", "tau_min", "tau_contrast"):
            self._require(name, getattr(self, name) > 0, "above 0")
        not_negative = [name for name in _FIELDS if name.startswith("lambda_")]
        not_negative += ["weight_decay", "warmup_steps", "soft_label_width", "segments_per_track"]
        not_negative += [
            "temperature",
            "unlabelled_batch",
            "mixup",
            "gain_jitter",
            "noise",
            "seed",
            "band_mask_group",
        ]
        for name in not_negative:
            self._require(name, getattr(self, name) >= 0, "0 or more")
        for name in ("theta_max", "theta_min", "band_mask", "balance_power", "teacher_share"):
            self._require(name, 0 <= getattr(self, name) <= 1, "between 0 and 1")
        for name in ("test_fraction", "validation_fraction", "label_smoothing", "momentum", "average"):
            self._require(name, 0 <= getattr(self, name) < 1, "at least 0 and below 1")
        self._require("label_fraction", 0 < self.label_fraction <= 1, "above 0 and at most 1")
        if self.select == "best" and self.validation_fraction == 0:
            raise DamerError(
                'select = "best" chooses the epoch on a validation part, and validation_fraction is 0: '
                'set select = "last", or validation_fraction above 0'
            )

    def _require(self, name: str, holds: bool, what: str) -> None:
        if not holds:
            raise DamerError(f"training setting {name} is {getattr(self, name)}: it must be {what}")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return dataclasses.asdict(self)


_FIELDS = tuple(field.name for field in dataclasses.fields(TrainingConfig))
