"""Parts, sampling and labels on a small collection."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic_music import SECONDS, make_tokens, make_tracks

from damer.core.errors import DamerError
from damer.core.track import Track
from damer.models import DamerConfig
from damer.training.bank import Bank, IntArray, load_bank, resident_bank
from damer.training.collection import open_collection
from damer.training.data import Parts, Sampler, classes, make_parts, split_ids, standardisation
from damer.training.recipes import Recipe

RecipeMaker = Callable[..., Recipe]


def bank_of(tracks: list[Track]) -> Bank:
    return resident_bank(tracks, make_tokens(tracks), [SECONDS] * len(tracks))


def parts_of(bank: Bank, recipe: Recipe, member: int = 0) -> Parts:
    test = split_ids([track for track in bank.tracks if track.variant == 0], "arousal", recipe.training).test
    return make_parts(bank, "arousal", recipe.training, test, member)


def groups(bank: Bank, rows: IntArray) -> set[str]:
    return {bank.tracks[int(number)].group for number in np.unique(bank.track_of_row[rows])}


def test_no_group_on_two_sides(small_recipe: RecipeMaker) -> None:
    bank = bank_of(make_tracks(40, renders=2))
    parts = parts_of(bank, small_recipe())
    sides = [groups(bank, rows) for rows in (parts.train, parts.validation, parts.test)]
    assert sum(len(side) for side in sides) == 20  # every group once
    assert len(set.union(*sides)) == 20
    for rows in (parts.validation, parts.test):  # judged on originals, never on renders
        assert {bank.tracks[int(number)].variant for number in bank.track_of_row[rows]} == {0}
    assert {bank.tracks[int(number)].variant for number in bank.track_of_row[parts.train]} == {0, 1, 2}
    plain = parts_of(bank, small_recipe("renders=false"))
    assert {bank.tracks[int(number)].variant for number in bank.track_of_row[plain.train]} == {0}


def test_label_fraction_hides_labels_of_whole_groups(small_recipe: RecipeMaker) -> None:
    bank = bank_of(make_tracks(80))
    whole = parts_of(bank, small_recipe())
    part = parts_of(bank, small_recipe("label_fraction=0.25"))
    assert not len(whole.pool)
    assert not groups(bank, part.train) & groups(bank, part.pool)
    assert np.array_equal(np.sort(np.concatenate([part.train, part.pool])), whole.train)
    assert len(part.train) / len(whole.train) == pytest.approx(0.25, abs=0.05)
    assert np.array_equal(part.test, whole.test)
    assert (part.labels[part.pool] >= 0).all()  # the truth is kept, to say how good pseudo-labels are


def test_unlabelled_tracks_are_the_pool_unless_their_group_is_held_out(small_recipe: RecipeMaker) -> None:
    tracks = make_tracks(24)
    tracks += [Track(id=f"toy:u{n}", group=f"artist {n}", corpus="toy") for n in range(12)]
    bank = bank_of(tracks)
    parts = parts_of(bank, small_recipe())
    assert groups(bank, parts.pool) == groups(bank, parts.train)
    assert set(parts.labels[parts.pool]) == {-1}


def test_members_may_rotate_their_validation_part(small_recipe: RecipeMaker) -> None:
    bank = bank_of(make_tracks(40))
    fixed, rotating = small_recipe(), small_recipe("validation_rotates=true")
    assert np.array_equal(parts_of(bank, fixed, 0).validation, parts_of(bank, fixed, 1).validation)
    assert not np.array_equal(parts_of(bank, rotating, 0).validation, parts_of(bank, rotating, 1).validation)


def test_classes_and_soft_targets() -> None:
    values, border = np.array([-0.5, 0.2, 0.6, np.nan]), np.array([0.0, 0.2, 0.2, 0.0])
    label, share = classes(values, border, 0.0)
    assert label.tolist() == [0, 0, 1, -1]
    assert share[:3].tolist() == [0.0, 0.0, 1.0]
    assert np.isnan(share[3])
    _, soft = classes(values, border, 0.2)
    assert soft[:3] == pytest.approx([1 / (1 + np.exp(2.5)), 0.5, 1 / (1 + np.exp(-2.0))])


def test_median_threshold_comes_from_the_training_part(small_recipe: RecipeMaker) -> None:
    rng = np.random.default_rng(0)
    tracks = [
        Track(
            id=f"m:{n}", group=str(n), corpus="m", arousal=float(value), valence=0.1, threshold="train_median"
        )
        for n, value in enumerate(rng.uniform(0.1, 0.9, 40))  # all above zero
    ]
    bank = bank_of(tracks)
    parts = parts_of(bank, small_recipe())
    trained = [bank.tracks[int(n)].arousal for n in np.unique(bank.track_of_row[parts.train])]
    assert parts.thresholds["m"] == pytest.approx(np.median(np.array(trained, dtype=float)))
    assert parts.labels[parts.train].mean() == pytest.approx(0.5, abs=0.05)


def test_labels_over_time() -> None:
    steps = ((2.0, 0.5, -0.5), (float(SECONDS), 0.5, 0.5))
    track = Track(id="d:1", group="1", corpus="d", arousal=0.2, valence=0.5, dynamic=steps)
    bank = bank_of([track])
    assert bank.values("arousal", per_second=True).tolist() == [-0.5] * 2 + [0.5] * (SECONDS - 2)
    assert bank.values("arousal", per_second=False).tolist() == [0.2] * SECONDS


def test_sampler_draws_every_second_once(bank: Bank, small_recipe: RecipeMaker) -> None:
    recipe = small_recipe("segments_per_track=0", "batch_size=20")
    parts = parts_of(bank, recipe)
    sampler = Sampler(bank, parts, recipe.training, seed=1)
    batches = sampler.epoch(0)
    assert sorted(np.concatenate(batches)) == sorted(parts.train)
    sizes = [len(rows) for rows in batches]
    assert max(sizes) - min(sizes) <= 1
    assert [rows.tolist() for rows in batches] == [rows.tolist() for rows in sampler.epoch(0)]
    assert batches[0].tolist() != sampler.epoch(1)[0].tolist()


def test_sampler_takes_one_render_and_a_few_seconds(small_recipe: RecipeMaker) -> None:
    bank = bank_of(make_tracks(24, renders=3))
    recipe = small_recipe("segments_per_track=2")
    sampler = Sampler(bank, parts_of(bank, recipe), recipe.training, seed=1)
    renders: set[int] = set()
    for epoch in range(8):
        rows = np.concatenate(sampler.epoch(epoch))
        chosen = [bank.tracks[int(number)] for number in bank.track_of_row[rows]]
        bases = [track.base_id for track in chosen]
        assert all(bases.count(name) == 2 for name in bases)
        assert len({track.id for track in chosen}) == len(set(bases))  # both from the same render
        renders |= {track.variant for track in chosen}
    assert renders == {0, 1, 2, 3}


def test_balance_evens_out_corpora(small_recipe: RecipeMaker) -> None:
    tracks = [*make_tracks(60, "large"), *make_tracks(12, "small")]
    bank = bank_of(tracks)

    def share(*settings: str) -> float:
        recipe = small_recipe("segments_per_track=1", *settings)
        sampler = Sampler(bank, parts_of(bank, recipe), recipe.training, seed=0)
        rows = np.concatenate([np.concatenate(sampler.epoch(epoch)) for epoch in range(60)])
        return float(np.mean([bank.tracks[int(n)].corpus == "small" for n in bank.track_of_row[rows]]))

    assert share() == pytest.approx(1 / 6, abs=0.03)
    assert share("balance=corpus") == pytest.approx(1 / 2, abs=0.04)
    halfway = np.sqrt(1 / 5) / (1 + np.sqrt(1 / 5))
    assert share("balance=corpus", "balance_power=0.5") == pytest.approx(halfway, abs=0.04)


def test_batch_joins_labelled_and_unlabelled(small_recipe: RecipeMaker) -> None:
    bank = bank_of(make_tracks(40))
    recipe = small_recipe("label_fraction=0.5", "unlabelled_batch=7")
    parts = parts_of(bank, recipe)
    sampler = Sampler(bank, parts, recipe.training, seed=0)
    rows = sampler.epoch(0)[0]
    batch = sampler.batch(rows, step=3)
    assert len(batch.mel) == len(rows) + 7 == len(batch.cochleagram)
    assert batch.label.tolist() == parts.labels[rows].tolist()
    assert len(batch.pool_truth) == 7
    again, later = sampler.batch(rows, step=3), sampler.batch(rows, step=4)
    assert torch.equal(batch.mel, again.mel)
    assert not torch.equal(batch.mel, later.mel)
    alone = Sampler(bank, parts, small_recipe("pseudo_labels=batch").training, seed=0)
    assert not len(alone.batch(rows, step=3).pool_truth)


def test_pool_on_demand_is_an_error_without_one(bank: Bank, small_recipe: RecipeMaker) -> None:
    recipe = small_recipe("pseudo_labels=unlabelled")
    with pytest.raises(DamerError, match="needs an unlabelled pool"):
        Sampler(bank, parts_of(bank, recipe), recipe.training, seed=0)


def test_one_class_is_an_error(small_recipe: RecipeMaker) -> None:
    tracks = [Track(id=f"t:{n}", group=str(n), corpus="t", arousal=0.5) for n in range(20)]
    with pytest.raises(DamerError, match="every training second is high in arousal"):
        parts_of(bank_of(tracks), small_recipe())


def test_too_few_groups_for_a_validation_part(small_recipe: RecipeMaker) -> None:
    with pytest.raises(DamerError, match="a validation part needs another"):
        parts_of(bank_of(make_tracks(4)), small_recipe())


def test_standardisation_is_of_the_training_rows_alone(bank: Bank, small_recipe: RecipeMaker) -> None:
    parts = parts_of(bank, small_recipe())
    mel, cochleagram = bank.gather(parts.train)
    found = standardisation(bank, parts.train)
    expected = (
        mel.float().mean(0), mel.float().std(0, unbiased=False),
        cochleagram.float().mean(0), cochleagram.float().std(0, unbiased=False),
    )  # fmt: skip
    for own, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(own, wanted, atol=1e-4, rtol=1e-4)


def test_reading_from_the_store_is_the_same_as_from_memory(store: Path) -> None:
    data = open_collection([store])
    config = DamerConfig(frames=6, mel_bands=8, cochlea_bands=5, dim=8, heads=2)
    resident = load_bank(data, config, "yes", quiet=True)
    streaming = load_bank(data, config, "no", quiet=True)
    assert resident.resident_bytes == resident.rows * 2 * 6 * (8 + 5)
    assert streaming.resident_bytes == 0
    rows = np.random.default_rng(0).integers(resident.rows, size=50)
    for first, second in zip(resident.gather(rows), streaming.gather(rows), strict=True):
        assert torch.equal(first, second)
    views = data.views(data.tracks[3].id)
    third = resident.gather(resident.rows_of(3))
    assert np.array_equal(third[0].numpy(), views.mel)
    assert resident.second_of(resident.rows_of(3)).tolist() == list(range(SECONDS))
