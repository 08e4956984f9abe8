from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from damer.core.errors import DamerError
from damer.core.track import Track
from damer.datasets.splits import (
    balanced_parts,
    binary_labels,
    contiguous_split,
    grouped_folds,
    segment_split,
    thresholds,
    track_split,
    validation_part,
)


def make_tracks(groups: Sequence[tuple[str, Sequence[float]]], threshold: str = "zero") -> list[Track]:
    return [
        Track.from_dict(
            {
                "id": f"c:{name}/{row}",
                "group": name,
                "corpus": "c",
                "arousal": label,
                "valence": -label,
                "threshold": threshold,
            }
        )
        for name, labels in groups
        for row, label in enumerate(labels)
    ]


def random_tracks(seed: int, groups: int = 60) -> list[Track]:
    rng = np.random.default_rng(seed)
    return make_tracks(
        [(f"g{g}", rng.uniform(-1, 1, rng.integers(1, 9)).round(3).tolist()) for g in range(groups)]
    )


def sides(tracks: list[Track], ids: Sequence[str]) -> set[str]:
    chosen = set(ids)
    return {track.group for track in tracks if track.id in chosen}


labels = st.floats(-1, 1, allow_nan=False)
collections = st.lists(st.lists(labels, min_size=1, max_size=5), min_size=2, max_size=12).map(
    lambda rows: make_tracks([(f"g{number}", row) for number, row in enumerate(rows)])
)


@settings(deadline=None)
@given(collections, st.integers(0, 99), st.floats(0.1, 0.9), st.sampled_from(["arousal", "valence", "both"]))
def test_track_split_keeps_groups_whole_and_every_track_once(
    tracks: list[Track], seed: int, fraction: float, dimension: str
) -> None:
    split = track_split(tracks, dimension, seed, fraction)  # type: ignore[arg-type]
    assert sorted(split.train + split.test) == sorted(track.id for track in tracks)
    assert not sides(tracks, split.train) & sides(tracks, split.test)
    assert split.train
    assert split.test


@settings(deadline=None)
@given(collections, st.integers(0, 99), st.data())
def test_every_track_is_tested_in_exactly_one_fold(
    tracks: list[Track], seed: int, data: st.DataObject
) -> None:
    k = data.draw(st.integers(2, len({track.group for track in tracks})))
    folds = grouped_folds(tracks, k, "arousal", seed)
    assert len(folds) == k
    assert sorted(name for fold in folds for name in fold.test) == sorted(track.id for track in tracks)
    for fold in folds:
        assert fold.test
        assert sorted(fold.train + fold.test) == sorted(track.id for track in tracks)
        assert not sides(tracks, fold.train) & sides(tracks, fold.test)


@settings(deadline=None)
@given(collections, st.integers(0, 99), st.randoms())
def test_split_does_not_depend_on_the_order_of_the_tracks(
    tracks: list[Track], seed: int, random: object
) -> None:
    shuffled = list(tracks)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = track_split(tracks, "arousal", seed), track_split(shuffled, "arousal", seed)
    assert set(one.test) == set(other.test)


def test_seed_decides() -> None:
    tracks = random_tracks(1)
    assert track_split(tracks, seed=3) == track_split(tracks, seed=3)
    assert track_split(tracks, seed=3) != track_split(tracks, seed=4)


@pytest.mark.parametrize("seed", range(5))
def test_split_has_the_wanted_size_and_balance(seed: int) -> None:
    tracks = random_tracks(seed)
    split = track_split(tracks, "arousal", seed)
    high = binary_labels(tracks, "arousal", split.train)
    assert len(split.test) / len(tracks) == pytest.approx(0.3, abs=0.01)
    shares = [np.mean([high[name] for name in part]) for part in (split.train, split.test)]
    assert shares[0] == pytest.approx(shares[1], abs=0.02)


@pytest.mark.parametrize("seed", range(5))
def test_both_keeps_the_four_quadrants_in_proportion(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tracks = [
        Track(
            id=f"{corpus}:{n}",
            group=str(n // 3),
            corpus=corpus,
            arousal=float(rng.choice([-1, 1])),
            valence=float(rng.choice([-1, 1])),
        )
        for corpus in ("a", "b")
        for n in range(150)
    ]
    split = track_split(tracks, "both", seed)
    whole = Counter((t.corpus, t.arousal, t.valence) for t in tracks)
    test = Counter((t.corpus, t.arousal, t.valence) for t in tracks if t.id in set(split.test))
    for cell, count in whole.items():
        assert test[cell] == pytest.approx(0.3 * count, abs=2.5)


@pytest.mark.parametrize("seed", range(4))
def test_balance_is_at_least_that_of_scikit_learn(seed: int) -> None:
    tracks = random_tracks(seed)
    high = binary_labels(tracks, "arousal", [track.id for track in tracks])
    y = np.array([high[track.id] for track in tracks])
    groups = np.array([track.group for track in tracks])

    def unevenness(tests: list[np.ndarray]) -> float:
        table = np.array([np.bincount(y[rows], minlength=2) for rows in tests])
        return float((((table - table.mean(0)) ** 2) / table.mean(0)).sum())

    rows = {track.id: row for row, track in enumerate(tracks)}
    ours = [np.array([rows[i] for i in f.test]) for f in grouped_folds(tracks, 5, "arousal", seed)]
    peer = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    theirs = [test for _, test in peer.split(np.zeros(len(y)), y, groups)]
    assert unevenness(ours) <= unevenness(theirs) + 1e-9


def test_balanced_parts_finds_the_best_table_of_a_small_case() -> None:
    counts = np.array([[2.0, 0], [0, 2], [1, 1], [1, 1], [2, 0], [0, 2]])
    parts = balanced_parts(counts, np.array([0.5, 0.5]), seed=0)
    np.testing.assert_array_equal(counts[parts == 0].sum(0), [3, 3])


def test_variants_stay_with_their_track() -> None:
    tracks = [one.as_variant(n) for one in random_tracks(2, groups=20) for n in range(3)]
    split = track_split(tracks)
    home = defaultdict(set)
    for name, part in [(t, "train") for t in split.train] + [(t, "test") for t in split.test]:
        home[name.split("@")[0]].add(part)
    assert all(len(parts) == 1 for parts in home.values())


def test_one_group_name_in_two_corpora_is_two_groups() -> None:
    tracks = [Track(id=f"{c}:1", group="x", corpus=c, arousal=1, valence=1) for c in ("a", "b")]
    assert len(track_split(tracks).test) == 1


def test_median_comes_from_the_training_tracks_only() -> None:
    tracks = make_tracks([("a", [0.1, 0.2, 0.3]), ("b", [0.9, 0.95, 1.0])], "train_median")
    train = [track.id for track in tracks[:3]]
    assert thresholds(tracks, "arousal", train) == {"c": 0.2}
    assert list(binary_labels(tracks, "arousal", train).values()) == [0, 0, 1, 1, 1, 1]
    everything = [track.id for track in tracks]
    assert list(binary_labels(tracks, "arousal", everything).values()) == [0, 0, 0, 1, 1, 1]


def test_median_counts_each_piece_once() -> None:
    tracks = make_tracks([("a", [0.1, 0.2, 0.9])], "train_median")
    more = [*tracks, tracks[2].as_variant(1), tracks[2].as_variant(2), tracks[2].as_variant(3)]
    assert thresholds(more, "arousal", [track.id for track in more]) == {"c": 0.2}


def test_zero_means_above_zero_and_unlabelled_is_left_out() -> None:
    tracks = [*make_tracks([("a", [0.0, 0.001, -0.5])]), Track(id="c:u", group="u", corpus="c")]
    assert list(binary_labels(tracks, "arousal", []).values()) == [0, 1, 0]
    split = track_split(tracks)
    assert len(split.train + split.test) == 4


def test_no_labelled_training_track_is_named() -> None:
    tracks = make_tracks([("a", [0.1])], "train_median")
    with pytest.raises(DamerError, match="median"):
        binary_labels(tracks, "arousal", [])


def test_validation_part_comes_out_of_the_training_part() -> None:
    tracks = random_tracks(5)
    split = track_split(tracks, "valence", 1)
    rest = [track for track in tracks if track.id in set(split.train)]
    inner = validation_part(rest, "valence", 1)
    assert set(inner.train) | set(inner.test) == set(split.train)
    assert not sides(tracks, inner.train) & sides(tracks, inner.test)
    assert len(inner.test) / len(rest) == pytest.approx(0.15, abs=0.02)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=3), st.integers(1, 9), min_size=2, max_size=8), st.integers(0, 9))
def test_segment_split_uses_every_second_once(seconds: dict[str, int], seed: int) -> None:
    split = segment_split(seconds, seed)
    assert sorted(split.train + split.test) == sorted((t, s) for t, n in seconds.items() for s in range(n))
    total = sum(seconds.values())
    assert len(split.test) == max(1, round(0.3 * total))


def test_segment_split_divides_tracks() -> None:
    split = segment_split({"a": 60, "b": 60})
    assert {name for name, _ in split.train} == {name for name, _ in split.test} == {"a", "b"}


@pytest.mark.parametrize("k", [0, 1, 3])
def test_folds_need_groups(k: int) -> None:
    with pytest.raises(DamerError, match=r"groups|at least 2"):
        grouped_folds(make_tracks([("a", [0.1]), ("b", [0.2])]), k)


def test_bad_requests_are_named() -> None:
    tracks = make_tracks([("a", [0.1]), ("b", [0.2])])
    with pytest.raises(DamerError, match="fraction"):
        track_split(tracks, test_fraction=1.0)
    with pytest.raises(DamerError, match="twice"):
        track_split([*tracks, tracks[0]])
    with pytest.raises(DamerError, match="seconds"):
        segment_split({"a": 1})


def test_segment_split_keeps_the_classes_in_proportion() -> None:
    seconds = {"a": 50, "b": 50}
    classes = {"a": [1] * 10 + [0] * 40, "b": [0] * 50}
    split = segment_split(seconds, 3, 0.3, classes)
    assert len(split.test) == 30
    assert sum(classes[track][second] for track, second in split.test) == 3
    assert sorted([*split.train, *split.test]) == [(track, n) for track in "ab" for n in range(50)]
    assert split != segment_split(seconds, 4, 0.3, classes)


def test_contiguous_split() -> None:
    assert contiguous_split(10) == 7
    assert contiguous_split(2, 0.01) == 1
    with pytest.raises(DamerError, match="cannot split 1 seconds"):
        contiguous_split(1)
