"""Augmentations against what they promise."""

import math
from collections.abc import Callable

import pytest
import torch
from synthetic_music import SPEC

from damer.models import Damer
from damer.models.stem import RawStem
from damer.training.augment import Augment, gain_response
from damer.training.data import Batch
from damer.training.recipes import Recipe

RecipeMaker = Callable[..., Recipe]
MEL, COCHLEA = torch.zeros(64, 8, 6), torch.zeros(64, 5, 6)


def augment(recipe: Recipe) -> Augment:
    network = Damer(recipe.model)
    network.set_standardisation(
        torch.full((8, 1), 3.0), torch.full((8, 1), 2.0), torch.full((5, 1), 4.0), torch.full((5, 1), 0.5)
    )
    return Augment(recipe.training, network, gain_response(network.stem, SPEC))


def batch(corpus: list[int]) -> Batch:
    count = len(corpus)
    target = torch.tensor([1.0, 0.0] * (count // 2))
    numbers, none = torch.tensor(corpus), torch.empty(0, dtype=torch.int64)
    return Batch(MEL[:count], COCHLEA[:count], target, target.long(), numbers, none, numbers, target.long())


def test_nothing_by_default(small_recipe: RecipeMaker) -> None:
    own = augment(small_recipe())
    mel, cochleagram = own.features(MEL, COCHLEA, torch.Generator().manual_seed(0))
    assert torch.equal(mel, MEL)
    assert torch.equal(cochleagram, COCHLEA)
    mixed = own.mix(MEL, COCHLEA, batch([0] * 64), torch.Generator().manual_seed(0))
    assert torch.equal(mixed[2], batch([0] * 64).target)


def test_raw_features_move_by_the_gain() -> None:
    mel, cochleagram = gain_response(RawStem(SPEC.frames), SPEC)
    # 1 dB is a factor 10 ** 0.1 of energy; ln of it for Mel, compression * log10 for the cochleagram.
    assert mel.numpy() == pytest.approx(math.log(10) / 10, rel=1e-4)
    assert cochleagram.numpy() == pytest.approx(SPEC.compression / 10, rel=1e-4)


def test_gain_moves_all_bands_of_a_sample_together(small_recipe: RecipeMaker) -> None:
    own = augment(small_recipe("gain_jitter=6"))
    mel, cochleagram = own.features(MEL, COCHLEA, torch.Generator().manual_seed(0))
    assert (mel.std(dim=(1, 2)) < 1e-4).all()
    decibels = mel[:, 0, 0] / (math.log(10) / 10)
    assert decibels.std().item() == pytest.approx(6, rel=0.25)
    assert cochleagram[:, 0, 0] == pytest.approx(decibels * 0.03, abs=1e-3)


def test_noise_is_in_units_of_the_standardised_feature(small_recipe: RecipeMaker) -> None:
    own = augment(small_recipe("noise=0.1"))
    mel, cochleagram = own.features(MEL, COCHLEA, torch.Generator().manual_seed(0))
    assert mel.std().item() == pytest.approx(0.1 * 2.0, rel=0.05)
    assert cochleagram.std().item() == pytest.approx(0.1 * 0.5, rel=0.05)


def test_masked_bands_take_the_mean(small_recipe: RecipeMaker) -> None:
    own = augment(small_recipe("band_mask=0.5"))
    mel, cochleagram = own.features(MEL, COCHLEA, torch.Generator().manual_seed(0))
    masked = mel[:, :, 0] == 3.0
    assert ((mel == 3.0) | (mel == 0.0)).all()
    assert ((cochleagram == 4.0) | (cochleagram == 0.0)).all()
    assert masked.sum(1).max() <= 4
    for sample in masked[masked.any(1)]:  # one run of neighbours
        place = sample.nonzero()[:, 0]
        assert place[-1] - place[0] + 1 == len(place)
    groups = augment(small_recipe("band_mask=0.3", "band_mask_group=4"))
    scattered = groups.features(MEL, COCHLEA, torch.Generator().manual_seed(0))[0][:, :, 0] == 3.0
    assert torch.equal(scattered[:, 0], scattered[:, 3])
    assert scattered.float().mean().item() == pytest.approx(0.3, abs=0.1)


def test_rows_of_harmony_are_not_masked(small_recipe: RecipeMaker) -> None:
    own = augment(small_recipe("band_mask=1", "band_mask_group=1"))
    below = torch.zeros(4, 7, 6)  # five bands and two rows after them
    own.statistics = (own.statistics[0], (torch.full((7, 6), 4.0), torch.ones(7, 6)))
    _, cochleagram = own.features(MEL[:4], below, torch.Generator().manual_seed(0))
    assert (cochleagram[:, :5] == 4.0).all()
    assert (cochleagram[:, 5:] == 0.0).all()


def test_mixup_keeps_the_larger_share(small_recipe: RecipeMaker) -> None:
    own = augment(small_recipe("mixup=0.5"))
    numbers = torch.arange(64.0)[:, None, None]
    given = batch([0] * 64)
    mel, cochleagram, target = own.mix(
        MEL + numbers, COCHLEA + numbers, given, torch.Generator().manual_seed(0)
    )
    assert torch.equal(mel[:, 0, 0], cochleagram[:, 0, 0])  # both views with the same partner and share
    assert torch.equal((target > 0.5).long(), given.label) or ((target - given.target).abs() <= 0.5).all()
    assert not torch.equal(target, given.target)


def test_mixup_within_a_corpus(small_recipe: RecipeMaker) -> None:
    own = augment(small_recipe("mixup=0.5", "mixup_pairs=corpus"))
    corpus = [0, 1, 1, 0, 2, 1] * 6
    level = torch.tensor(corpus, dtype=torch.float32)[:, None, None]
    mel, _, _ = own.mix(MEL[:36] + level, COCHLEA[:36], batch(corpus), torch.Generator().manual_seed(0))
    assert mel[:, 0, 0] == pytest.approx(level[:, 0, 0])


def test_label_smoothing(small_recipe: RecipeMaker) -> None:
    own = augment(small_recipe("label_smoothing=0.1"))
    _, _, target = own.mix(MEL[:4], COCHLEA[:4], batch([0] * 4), torch.Generator().manual_seed(0))
    assert target.tolist() == pytest.approx([0.95, 0.05, 0.95, 0.05])
