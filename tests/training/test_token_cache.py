"""Token features kept beside a store."""

from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic_music import SECONDS, make_tracks, write_store

from damer.features import FeatureSpec
from damer.models import DamerConfig
from damer.training import bank as banks
from damer.training.bank import Bank, load_bank
from damer.training.collection import open_collection

CONFIG = DamerConfig(stem="statistics", context_s=3)


@pytest.fixture
def semitones(tmp_path: Path) -> Path:
    return write_store(tmp_path / "store", make_tracks(4), FeatureSpec(cochleagram="semitone"))


def rows_of(bank: Bank) -> tuple[torch.Tensor, torch.Tensor]:
    return bank.gather(np.arange(bank.rows))


def kept(store: Path) -> list[Path]:
    return sorted((store / "tokens").iterdir())


def test_the_second_run_reads_what_the_first_made(semitones: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = rows_of(load_bank(open_collection([semitones]), CONFIG, quiet=True))
    assert len(kept(semitones)) == 1
    monkeypatch.setattr(banks, "track_tokens", lambda stem, views: pytest.fail("computed again"))
    again = rows_of(load_bank(open_collection([semitones]), CONFIG, quiet=True))
    streamed = load_bank(open_collection([semitones]), CONFIG, "no", quiet=True)
    assert streamed.resident_bytes == 0
    for one, two, three in zip(first, again, rows_of(streamed), strict=True):
        assert torch.equal(one, two)
        assert torch.equal(one, three)


def test_reading_from_disk_makes_the_cache_itself(semitones: Path) -> None:
    data = open_collection([semitones])
    streamed = rows_of(load_bank(data, CONFIG, "no", quiet=True))
    for one, two in zip(streamed, rows_of(load_bank(data, CONFIG, "yes", quiet=True)), strict=True):
        assert torch.equal(one, two)
    assert len(streamed[0]) == 4 * SECONDS


def test_other_settings_are_another_cache(semitones: Path) -> None:
    first = rows_of(load_bank(open_collection([semitones]), CONFIG, quiet=True))
    longer = DamerConfig(stem="statistics", context_s=5)
    second = rows_of(load_bank(open_collection([semitones]), longer, quiet=True))
    assert not torch.equal(first[0], second[0])
    assert len(kept(semitones)) == 2


def test_caches_of_other_code_and_half_written_ones_are_not_believed(
    semitones: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = rows_of(load_bank(open_collection([semitones]), CONFIG, quiet=True))
    folder = kept(semitones)[0]
    path = folder / "mel.f16"
    path.write_bytes(path.read_bytes()[:-100])
    again = rows_of(load_bank(open_collection([semitones]), CONFIG, quiet=True))
    assert torch.equal(whole[0], again[0])
    assert path.stat().st_size == whole[0].nbytes  # mended
    monkeypatch.setattr("damer.training.token_cache._code_hash", lambda: "0" * 12)
    load_bank(open_collection([semitones]), CONFIG, quiet=True)
    assert [item.name[:12] for item in kept(semitones)] == ["0" * 12]


def test_a_store_that_cannot_be_written_is_read_all_the_same(
    semitones: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (semitones / "tokens").write_text("in the way")
    bank = load_bank(open_collection([semitones]), CONFIG, quiet=True)
    streamed = load_bank(open_collection([semitones]), CONFIG, "no", quiet=True)
    rows = np.array([5, 3, 17, 3])
    assert torch.equal(bank.gather(rows)[1], streamed.gather(rows)[1])
