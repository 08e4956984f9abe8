"""Algorithm 1 of the paper, one step of it, readable from top to bottom.

The line numbers are the paper's. What the paper leaves open is a named switch of `TrainingConfig`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from damer import objectives
from damer.core.errors import DamerError
from damer.models import Damer, DamerOutput
from damer.training import learner as learning
from damer.training.augment import Augment, Response
from damer.training.config import TrainingConfig
from damer.training.data import Batch


@dataclass(kw_only=True)
class Learner(learning.Learner[Damer]):
    """Everything that changes while a network learns.

    Attributes:
        network: the network being trained (Θ).
        call: how it is called while training; the network itself, or its compiled form.
        queue: the memory of SAML (Q and its pointer p).
        encoder: momentum encoder that fills the queue, with momentum_of = "encoder".
        augment: the batch's augmentation.
    """

    call: Callable[[Tensor, Tensor, Tensor | None], DamerOutput]
    queue: objectives.MemoryQueue
    encoder: Damer | None
    augment: Augment

    def step(
        self,
        batch: Batch,
        config: TrainingConfig,
        progress: float,
        generator: torch.Generator,
        check_gradients: bool = False,
    ) -> dict[str, float]:
        """Do one step of the algorithm."""
        return step(self, batch, config, progress, generator, check_gradients)

    def parts(self) -> dict[str, learning.Stateful]:
        """Return what a saved state holds: networks and the queue."""
        encoder: dict[str, learning.Stateful] = {} if self.encoder is None else {"encoder": self.encoder}
        return {**super().parts(), **encoder, "queue": self.queue}


def make_learner(
    network: Damer, config: TrainingConfig, response: Response, device: torch.device, bfloat16: bool
) -> Learner:
    """Prepare a network, whose standardisation is set, for `step` (line 1)."""
    network = network.to(device)
    dim = network.config.fused_dim if config.memory == "features" else 2
    return Learner(
        network=network,
        call=torch.compile(network) if config.compile else network,
        optimiser=learning.make_optimiser(network.parameters(), config),
        queue=objectives.MemoryQueue(
            config.memory_size, dim, config.momentum_of, config.momentum, device=device
        ),
        encoder=learning.frozen_copy(network) if config.momentum_of == "encoder" else None,
        average=learning.frozen_copy(network) if config.average > 0 else None,
        augment=Augment(config, network, response),
        device=device,
        bfloat16=bfloat16,
    )


def step(
    learner: Learner,
    batch: Batch,
    config: TrainingConfig,
    progress: float,
    generator: torch.Generator,
    check_gradients: bool = False,
) -> dict[str, float]:
    """Do lines 4, 5 and 7 to 18 for one batch and return every loss term and the dynamics of PCL and SAML.

    Args:
        learner: changed in place.
        batch: labelled rows, then unlabelled ones.
        config: switches and weights.
        progress: ρ = (t - 1) / T of line 3.
        generator: for the augmentation of this batch.
        check_gradients: whether every parameter must have a finite gradient.
    """
    # Lines 4 and 5, eqs 9 and 16.
    tau = objectives.temperature(progress, config.tau_max, config.tau_min)
    theta = objectives.threshold(
        progress, config.theta_max, config.theta_min, config.theta_schedule
    )  # line 5
    labelled, unlabelled, target = _forward(learner, batch, generator)  # lines 7 to 12

    # Lines 13 to 15: the pool where there is one, else the batch itself.
    has_pool = len(batch.pool_truth) > 0
    views = unlabelled if has_pool else labelled
    pseudo = objectives.pseudo_label_loss(
        views.mel, views.cochleagram, views.fused, tau=tau, theta=theta, confidence=config.confidence
    )
    query = _memory_features(labelled, config, tau)
    contrastive = objectives.contrastive_loss(
        query,
        batch.label,
        learner.queue.features,
        learner.queue.labels,
        temperature=config.tau_contrast,
        reduction=config.reduction,
    )
    losses = objectives.total_loss(  # line 16, eq 21
        (labelled.mel, labelled.cochleagram, labelled.fused),
        target,
        tau=tau,
        pseudo_label=pseudo.loss,
        contrastive=contrastive,
        weights=_weights(config),
    )
    loss, style = losses.total, _style_loss(labelled, batch)
    if style is not None:
        loss = loss + config.lambda_style * style
    harmony = _harmony_loss(labelled, target)
    if harmony is not None:
        loss = loss + config.lambda_classification * harmony
    norm = learner.update(loss, config, check_gradients)  # line 17
    _remember(learner, batch, query, config, tau)  # line 18
    truth = batch.pool_truth if has_pool else batch.label
    return {
        **{f"loss/{name}": value for name, value in losses.to_dict().items()},
        **({} if style is None else {"loss/style": style.item()}),
        **({} if harmony is None else {"loss/harmony": harmony.item()}),
        **{f"pcl/{name}": value for name, value in pseudo.means().items()},
        **_pseudo_accuracy(pseudo, truth),
        "pcl/tau": tau,
        "pcl/theta": theta,
        **{f"saml/{name}": value for name, value in learner.queue.statistics().items()},
        "gradient_norm": norm,
    }


def _forward(
    learner: Learner, batch: Batch, generator: torch.Generator
) -> tuple[DamerOutput, DamerOutput, Tensor]:
    """Return the answers for the labelled rows and for the pool's, and the targets [B, 2], all augmented."""
    count = len(batch.label)
    mel, cochleagram = learner.augment.features(batch.mel.float(), batch.cochleagram.float(), generator)
    mixed = learner.augment.mix(mel[:count], cochleagram[:count], batch, generator)
    views = torch.cat([mixed[0], mel[count:]]), torch.cat([mixed[1], cochleagram[count:]])
    learner.network.train()
    with learner.autocast():
        output = learner.call(*views, _styles(learner.network, batch))
    labelled, unlabelled = (
        DamerOutput(*(part[rows].float() for part in output)) for rows in (slice(count), slice(count, None))
    )
    return labelled, unlabelled, torch.stack([1 - mixed[2], mixed[2]], dim=1)


def _styles(network: Damer, batch: Batch) -> Tensor | None:
    """Return the style of each row, its corpus, -1 for the pool; None for a network without styles."""
    if network.config.styles == 1:
        return None
    found = int(batch.corpus.max()) + 1
    if found > network.config.styles:
        raise DamerError(
            f"network setting styles={network.config.styles}: there are {found} corpora, use that or 1"
        )
    return torch.cat([batch.corpus, batch.corpus.new_full((len(batch.pool_truth),), -1)])


def _style_loss(labelled: DamerOutput, batch: Batch) -> Tensor | None:
    """Return the cross-entropy of telling the corpora apart; None for a network without styles."""
    if labelled.style.shape[1] < 2:
        return None
    return nn.functional.cross_entropy(labelled.style, batch.corpus)


def _harmony_loss(output: DamerOutput, target: Tensor) -> Tensor | None:
    """Return the cross-entropy of the head that hears harmony alone; None for a network without it."""
    return nn.functional.cross_entropy(output.harmony, target) if len(output.harmony) else None


def _memory_features(output: DamerOutput, config: TrainingConfig, tau: float) -> Tensor:
    return objectives.memory_features(
        output.embedding, output.mel, output.cochleagram, tau=tau, memory=config.memory
    )


def _weights(config: TrainingConfig) -> objectives.LossWeights:
    return objectives.LossWeights(
        classification=config.lambda_classification,
        pseudo_label=config.lambda_pseudo_label,
        consistency=config.lambda_consistency,
        contrastive=config.lambda_contrastive,
    )


@torch.no_grad()
def _remember(learner: Learner, batch: Batch, query: Tensor, config: TrainingConfig, tau: float) -> None:
    """Put the batch into the memory queue (eq 18): as the momentum encoder sees it, or as the network did."""
    key = query
    if learner.encoder is not None:
        objectives.momentum_update(learner.encoder, learner.network, config.momentum)
        count = len(batch.label)
        with learner.autocast():  # without augmentation: the memory is of the music as it is
            seen = learner.encoder(batch.mel[:count].float(), batch.cochleagram[:count].float())
        key = _memory_features(seen, config, tau)
    learner.queue.push(key, batch.label)


def _pseudo_accuracy(pseudo: objectives.PseudoLabels, truth: Tensor) -> dict[str, float]:
    """Return how often a selected pseudo-label is right; nothing where no truth is known."""
    judged = pseudo.selected & (truth >= 0)
    if not judged.any():
        return {}
    return {"pcl/accuracy": (pseudo.labels[judged] == truth[judged]).float().mean().item()}
