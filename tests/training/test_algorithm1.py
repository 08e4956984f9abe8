"""One step of Algorithm 1, and the check of gradients."""

from collections.abc import Callable

import pytest
import torch
from synthetic_music import SECONDS, SPEC, make_tokens, make_tracks
from torch import nn

from damer.core.errors import DamerError
from damer.models import Damer
from damer.training import algorithm1
from damer.training.augment import gain_response
from damer.training.bank import Bank, resident_bank
from damer.training.data import Sampler, make_parts, split_ids
from damer.training.learner import require_gradients
from damer.training.recipes import Recipe

RecipeMaker = Callable[..., Recipe]


def learner_and_batch(bank: Bank, recipe: Recipe):  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    network = Damer(recipe.model)
    config = recipe.training
    response = gain_response(network.stem, SPEC)
    learner = algorithm1.make_learner(network, config, response, torch.device("cpu"), bfloat16=False)
    test = split_ids(bank.tracks, "arousal", config).test
    sampler = Sampler(bank, make_parts(bank, "arousal", config, test), config, seed=0)
    return learner, sampler.batch(sampler.epoch(0)[0], 0)


def do_step(learner, batch, recipe: Recipe) -> dict[str, float]:  # type: ignore[no-untyped-def]
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(1)
    found: dict[str, float] = algorithm1.step(learner, batch, recipe.training, 0.0, generator, True)
    return found


@pytest.mark.parametrize("head", ["fused", "mel", "cochleagram", "mean"])
@pytest.mark.parametrize("tokens", ["band", "frame"])
def test_every_parameter_gets_a_gradient(
    head: str, tokens: str, bank: Bank, small_recipe: RecipeMaker
) -> None:
    recipe = small_recipe(f"head={head}", f"tokens={tokens}")
    learner, batch = learner_and_batch(bank, recipe)
    do_step(learner, batch, recipe)  # refuses a parameter without gradient
    for name, parameter in learner.network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_a_parameter_without_gradient_is_named() -> None:
    network = nn.ModuleDict({"used": nn.Linear(2, 1), "idle": nn.Linear(2, 1)})
    network["used"](torch.ones(1, 2)).sum().backward()
    with pytest.raises(DamerError, match=r"idle\.weight gets no gradient"):
        require_gradients(network)
    network["idle"].requires_grad_(False)
    require_gradients(network)
    network["used"].weight.grad = torch.tensor([[1.0, float("nan")]])
    with pytest.raises(DamerError, match=r"used\.weight gets a gradient that is not finite"):
        require_gradients(network)


def test_divergence_is_said_in_plain_words(bank: Bank, small_recipe: RecipeMaker) -> None:
    recipe = small_recipe()
    learner, batch = learner_and_batch(bank, recipe)
    with torch.no_grad():
        learner.network.fused_head.weight.fill_(float("nan"))
    with pytest.raises(DamerError, match=r"not finite|training diverged"):
        do_step(learner, batch, recipe)


def test_gradient_is_clipped_and_terms_add_up(bank: Bank, small_recipe: RecipeMaker) -> None:
    recipe = small_recipe("clip_norm=0.01", "optimiser=adam")
    learner, batch = learner_and_batch(bank, recipe)
    numbers = do_step(learner, batch, recipe)
    squares = sum(float(p.grad.square().sum()) for p in learner.network.parameters())
    assert squares**0.5 == pytest.approx(0.01, rel=1e-3)
    assert numbers["gradient_norm"] > 0.01
    assert numbers["loss/contrastive"] == 0.0  # the queue was empty
    assert len(learner.queue) == len(batch.label)


def test_momentum_encoder_fills_the_queue(bank: Bank, small_recipe: RecipeMaker) -> None:
    recipe = small_recipe("momentum=0.5", "dropout=0.0")
    learner, batch = learner_and_batch(bank, recipe)
    before = [parameter.clone() for parameter in learner.network.parameters()]
    do_step(learner, batch, recipe)
    after = list(learner.network.parameters())
    for start, end, kept in zip(before, after, learner.encoder.parameters(), strict=True):
        torch.testing.assert_close(kept, 0.5 * start + 0.5 * end)
    with torch.no_grad():
        seen = learner.encoder(batch.mel.float(), batch.cochleagram.float()).embedding
    torch.testing.assert_close(learner.queue.features, nn.functional.normalize(seen, dim=-1)[-32:])


@pytest.mark.parametrize("momentum", ["encoder", "slot", "none"])
@pytest.mark.parametrize("memory", ["features", "probabilities"])
@pytest.mark.parametrize("confidence", ["views", "fused_head"])
def test_every_switch_runs(
    momentum: str, memory: str, confidence: str, bank: Bank, small_recipe: RecipeMaker
) -> None:
    recipe = small_recipe(
        f"momentum_of={momentum}", f"memory={memory}", f"confidence={confidence}", "reduction=sum",
        "theta_schedule=clipped", "label_fraction=0.5", "optimiser=adamw",
    )  # fmt: skip
    learner, batch = learner_and_batch(bank, recipe)
    assert len(batch.pool_truth) == len(batch.label)
    first = do_step(learner, batch, recipe)
    second = do_step(learner, batch, recipe)
    assert first["loss/contrastive"] == 0.0
    assert second["loss/contrastive"] > 0.0
    assert (learner.encoder is not None) == (momentum == "encoder")


def test_styles_are_the_corpora(small_recipe: RecipeMaker) -> None:
    tracks = [*make_tracks(24, "a"), *make_tracks(24, "b")]
    bank = resident_bank(tracks, make_tokens(tracks), [SECONDS] * len(tracks))
    recipe = small_recipe("styles=2", "label_fraction=0.5", "segments_per_track=0", "batch_size=64")
    learner, batch = learner_and_batch(bank, recipe)
    assert set(batch.corpus.tolist()) == {0, 1}
    numbers = do_step(learner, batch, recipe)
    assert 0.3 < numbers["loss/style"] < 1.5  # near ln 2 at the start
    alone = small_recipe("styles=1")
    learner, batch = learner_and_batch(bank, alone)
    assert "loss/style" not in do_step(learner, batch, alone)


def test_more_corpora_than_styles_is_an_error(small_recipe: RecipeMaker) -> None:
    tracks = [track for corpus in "abc" for track in make_tracks(24, corpus)]
    bank = resident_bank(tracks, make_tokens(tracks), [SECONDS] * len(tracks))
    recipe = small_recipe("styles=2", "batch_size=200", "segments_per_track=0")
    learner, batch = learner_and_batch(bank, recipe)
    with pytest.raises(DamerError, match="there are 3 corpora"):
        do_step(learner, batch, recipe)


def test_switched_off_modules_change_nothing_else(bank: Bank, small_recipe: RecipeMaker) -> None:
    off = ["lambda_pseudo_label=0", "lambda_consistency=0", "lambda_contrastive=0"]
    recipe = small_recipe(*off)
    learner, batch = learner_and_batch(bank, recipe)
    numbers = do_step(learner, batch, recipe)
    assert numbers["loss/total"] == pytest.approx(numbers["loss/classification"])
