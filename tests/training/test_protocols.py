"""The three protocols, and the refusal of what leaks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic_music import SECONDS, SPEC, make_tokens, make_tracks, write_store

from damer.cli import main
from damer.core.errors import DamerError
from damer.core.track import Track
from damer.datasets.shared_songs import share_songs
from damer.features import FeatureStore, Views
from damer.models import checkpoint
from damer.training.bank import Bank, IntArray, resident_bank
from damer.training.data import split_ids
from damer.training.protocols import divide, refuse_leak
from damer.training.recipes import Recipe

RecipeMaker = Callable[..., Recipe]


def bank_of(tracks: list[Track]) -> Bank:
    return resident_bank(tracks, make_tokens(tracks), [SECONDS] * len(tracks))


def names(bank: Bank, rows: IntArray) -> set[str]:
    return {bank.tracks[int(number)].id for number in bank.track_of_row[rows]}


def test_contiguous_trains_on_the_first_seconds_in_order(small_recipe: RecipeMaker) -> None:
    tracks = make_tracks(20, renders=1)  # 20 originals of 6 seconds: 120 rows of originals
    bank = bank_of(tracks)
    parts = divide(bank, "arousal", small_recipe("split=contiguous").training, ())
    originals = np.concatenate([bank.rows_of(n) for n, track in enumerate(tracks) if track.variant == 0])
    assert np.array_equal(np.concatenate([parts.train, parts.validation, parts.test]), originals)
    assert len(parts.test) == round(0.3 * 120)
    assert len(parts.validation) == round(0.15 * 84)
    assert names(bank, parts.test) == {f"toy:{number}" for number in range(14, 20)}


@pytest.mark.parametrize("split", ["track", "segment", "contiguous"])
def test_the_epoch_is_chosen_on_seconds_that_are_not_tested(split: str, small_recipe: RecipeMaker) -> None:
    bank = bank_of(make_tracks(40))
    config = small_recipe(f"split={split}").training
    parts = divide(bank, "arousal", config, split_ids(bank.tracks, "arousal", config).test)
    used = np.concatenate([parts.train, parts.validation, parts.test])
    assert len(np.unique(used)) == len(used) == 40 * SECONDS
    assert len(parts.validation) > 0


def test_segment_leaks_and_track_does_not(small_recipe: RecipeMaker) -> None:
    bank = bank_of(make_tracks(40))
    shared = {}
    for split in ("track", "segment"):
        config = small_recipe(f"split={split}").training
        parts = divide(bank, "arousal", config, split_ids(bank.tracks, "arousal", config).test)
        shared[split] = names(bank, parts.train) & names(bank, parts.test)
    assert not shared["track"]
    assert len(shared["segment"]) > 20


def test_a_test_group_put_into_training_is_refused(small_recipe: RecipeMaker) -> None:
    bank = bank_of(make_tracks(40))
    config = small_recipe().training
    parts = divide(bank, "arousal", config, split_ids(bank.tracks, "arousal", config).test)
    for name in ("train", "pool", "validation"):
        kept, moved = parts.test[SECONDS:], parts.test[:SECONDS]  # one track of a group of two
        changed: dict[str, Any] = {name: np.concatenate([getattr(parts, name), moved]), "test": kept}
        leaking = replace(parts, **changed)
        with pytest.raises(
            DamerError, match=r"leak: toy:\d+ is trained on and toy:\d+ is tested on.*same group"
        ):
            refuse_leak(bank, leaking, "track")
        refuse_leak(bank, leaking, "segment")  # there it is the point
    with pytest.raises(DamerError, match="a second is used for two parts"):
        refuse_leak(bank, replace(parts, train=np.append(parts.train, parts.test[0])), "segment")


def test_renders_under_another_group_are_refused(small_recipe: RecipeMaker) -> None:
    tracks = make_tracks(20, renders=1)
    tracks = [replace(track, group=f"render {track.group}") if track.variant else track for track in tracks]
    bank = bank_of(tracks)
    config = small_recipe().training
    with pytest.raises(DamerError, match="renders of the same piece"):
        divide(bank, "arousal", config, split_ids(bank.tracks[::2], "arousal", config).test)


def test_one_sound_file_under_two_names_is_refused(small_recipe: RecipeMaker) -> None:
    bank = bank_of(make_tracks(20))
    config = small_recipe().training
    test = split_ids(bank.tracks, "arousal", config).test
    trained = next(
        track.id for track in bank.tracks if track.id not in names(bank, np.array([0])) | set(test)
    )
    divide(bank, "arousal", config, test)
    bank.sources = {test[0]: "abc", trained: "abc", "toy:0": "other"}
    with pytest.raises(DamerError, match="made from the same sound file"):
        divide(bank, "arousal", config, test)


def test_which_corpora_share_songs() -> None:
    assert share_songs("deam", "1000songs")
    assert share_songs("1000songs-arrays", "deam")
    assert share_songs("pmemo", "pmemo-arrays")
    assert not share_songs("pmemo", "pmemo")
    assert not share_songs("pmemo", "1000songs")


@pytest.mark.parametrize("split", ["track", "segment", "contiguous"])
def test_deam_and_1000songs_are_never_divided_together(split: str, small_recipe: RecipeMaker) -> None:
    bank = bank_of([*make_tracks(12, "deam"), *make_tracks(12, "1000songs")])
    config = small_recipe(f"split={split}").training
    with pytest.raises(DamerError, match="DEAM contains the songs of 1000songs"):
        divide(bank, "arousal", config, ("deam:0",))


SMALL = ["model.frames=6", "mel_bands=8", "cochlea_bands=5", "dim=8", "fused_dim=8", "layers=1", "heads=2",
         "batch_size=16", "memory_size=32", "epochs=1"]  # fmt: skip


def train(store: Path, out: Path, *more: str) -> int:
    settings = [word for setting in SMALL for word in ("--set", setting)]
    call = ["train", "tiny", "--data", str(store), "--out", str(out), "--dimension", "arousal", "--quiet"]
    return main([*call, "--device", "cpu", *settings, *more])


def test_contiguous_by_the_command(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(store, tmp_path / "run", "--set", "split=contiguous") == 0
    assert "split=contiguous: one artist" in capsys.readouterr().out
    assert train(store, tmp_path / "folds", "--set", "split=contiguous", "--folds", "3") == 1
    assert "split = 'contiguous' is one 70/30 split" in capsys.readouterr().err


def test_songs_of_1000songs_are_not_judged_by_what_was_trained_on_deam(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deam = write_store(tmp_path / "deam", make_tracks(24, "deam"), SPEC)
    songs = write_store(tmp_path / "songs", make_tracks(6, "1000songs"), SPEC)
    assert train(deam, tmp_path / "run") == 0
    checkpoint_file = str(tmp_path / "run" / "arousal.safetensors")
    capsys.readouterr()
    assert main(["evaluate", checkpoint_file, "--data", str(songs)]) == 1
    message = capsys.readouterr().err
    assert "DEAM contains the songs of 1000songs" in message
    assert message.count("\n") == 1
    assert main(["evaluate", checkpoint_file, "--data", str(songs), "--allow-leak"]) == 0


def test_the_same_files_under_another_name_are_not_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = np.random.default_rng(1)
    for corpus in ("one", "other"):
        tracks = make_tracks(24, corpus)
        write_store(tmp_path / "draft", tracks, SPEC).rename(tmp_path / f"draft-{corpus}")
        with FeatureStore.create(tmp_path / corpus, SPEC) as store:
            for number, track in enumerate(tracks):
                mel = generator.standard_normal((2, 8, 6)).astype(np.float32) + (track.arousal or 0)
                cochleagram = generator.standard_normal((2, 5, 6)).astype(np.float32)
                store.append(track.id, Views(mel, cochleagram), source_sha256=f"{number:02d}" * 32)
        (tmp_path / f"draft-{corpus}" / "tracks.jsonl").rename(tmp_path / corpus / "tracks.jsonl")
    assert train(tmp_path / "one", tmp_path / "run") == 0
    path = tmp_path / "run" / "arousal.safetensors"
    assert len(checkpoint.load(path).record["files"]) == 16
    capsys.readouterr()
    assert main(["evaluate", str(path), "--data", str(tmp_path / "other")]) == 1
    assert "16 of 24 tracks" in capsys.readouterr().err
    assert main(["evaluate", str(path), "--data", str(tmp_path / "other"), "--skip-seen", "--json"]) == 0
    assert (
        train(tmp_path / "one", tmp_path / "both", "--data", str(tmp_path / "one"), str(tmp_path / "other"))
        == 1
    )
    assert "made from the same sound file" in capsys.readouterr().err
