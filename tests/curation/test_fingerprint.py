"""Fingerprints and duplicates: copies that were changed are found, other music is not."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from damer.core.errors import DamerError
from damer.curation import fingerprint as prints
from damer.curation.duplicates import NEIGHBOURS, near_duplicates
from damer.curation.fingerprint import ITEM_SECONDS, fingerprint
from damer.examples import example_path

Samples = NDArray[np.float32]

PIECES = ("joyful", "calm")

needs_chromaprint = pytest.mark.skipif(prints.missing() is not None, reason="Chromaprint is not installed")
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    prints._program.cache_clear()
    yield
    prints._program.cache_clear()  # else the next test file finds this one's broken program


def example(name: str) -> tuple[Samples, int]:
    samples, rate = soundfile.read(example_path(name), dtype="float32", always_2d=True)
    return samples[: 24 * rate], int(rate)


def recoded(samples: Samples, rate: int, path: Path, *options: str) -> tuple[Samples, int]:
    raw = ["-f", "f32le", "-ar", str(rate), "-ac", str(samples.shape[1]), "-i", "-"]
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", *raw, *options, str(path)], input=samples.tobytes(), check=True
    )
    read, new_rate = soundfile.read(path, dtype="float32", always_2d=True)
    return read, int(new_rate)


@needs_chromaprint
@needs_ffmpeg
def test_changed_copies_are_found_and_other_pieces_are_not(tmp_path: Path) -> None:
    found: list[tuple[str, NDArray[np.uint32]]] = []
    for name in PIECES:
        samples, rate = example(name)
        found.append((name, fingerprint(samples, rate)))
        copies = {
            "quiet": (samples * np.float32(0.05), rate),
            "trimmed": (samples[int(5.3 * rate) : -4 * rate], rate),
            "mp3": recoded(samples, rate, tmp_path / "a.mp3", "-b:a", "64k"),
            "mono": recoded(samples, rate, tmp_path / "a.wav", "-ar", "22050", "-ac", "1"),
        }
        found += [(f"{name} {change}", fingerprint(*copy)) for change, copy in copies.items()]
    pairs = {(pair.first, pair.second): pair for pair in near_duplicates(found)}
    for first, second in pairs:
        assert first.split()[0] == second.split()[0]
    for name in PIECES:
        for change in ("quiet", "trimmed", "mp3", "mono"):
            assert pairs[name, f"{name} {change}"].similarity > 0.9
        assert pairs[name, f"{name} trimmed"].offset_s == pytest.approx(5.3, abs=ITEM_SECONDS)


@needs_ffmpeg
def test_both_programs_make_the_same_items(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, rate = example("joyful")
    made = {}
    for program in ("fpcalc", "ffmpeg"):
        monkeypatch.setattr(shutil, "which", lambda name, p=program: f"/usr/bin/{p}" if name == p else None)
        prints._program.cache_clear()
        if prints._program() is None or not Path(f"/usr/bin/{program}").exists():
            pytest.skip(f"{program} with Chromaprint is not installed")
        made[program] = fingerprint(samples[: 20 * rate], rate)
    assert len(made["fpcalc"]) == len(made["ffmpeg"]) > 100
    differing = np.bitwise_count(made["fpcalc"] ^ made["ffmpeg"]).sum()
    assert differing <= 2  # they resample by different versions of the same code


@needs_chromaprint
def test_a_sound_too_short_has_no_items() -> None:
    assert len(fingerprint(np.zeros((20_000, 2), np.float32), 44_100)) == 0


def test_without_chromaprint_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert "libchromaprint-tools" in (prints.missing() or "")
    assert prints.maker() == ""
    with pytest.raises(DamerError, match="libchromaprint-tools"):
        fingerprint(np.zeros((44_100, 2), np.float32), 44_100)


def test_a_program_that_fails_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "fpcalc"
    broken.write_text("#!/bin/sh\necho no licence >&2\nexit 9\n")
    broken.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(broken) if name == "fpcalc" else None)
    with pytest.raises(DamerError, match=r"fpcalc: cannot make a fingerprint \(no licence\)"):
        fingerprint(np.zeros((44_100, 2), np.float32), 44_100)


# -- the search, on made-up fingerprints ---------------------------------------------------------------------


def random_items(generator: np.random.Generator, count: int = 400) -> NDArray[np.uint32]:
    return generator.integers(0, 1 << 32, count, dtype=np.uint32)


def flipped(items: NDArray[np.uint32], share: float, generator: np.random.Generator) -> NDArray[np.uint32]:
    """Turn over a share of all bits."""
    bits = np.unpackbits(items.view(np.uint8))
    return np.packbits(bits ^ (generator.random(len(bits)) < share)).view(np.uint32)


def test_similarity_is_the_share_of_equal_bits() -> None:
    generator = np.random.default_rng(0)
    items = random_items(generator)
    copy = flipped(items[50:350], 0.05, generator)
    (pair,) = near_duplicates([("a", items), ("b", random_items(generator)), ("c", copy)])
    assert (pair.first, pair.second) == ("a", "c")
    equal = np.unpackbits((items[50:350] ^ copy).view(np.uint8)).mean()
    assert pair.similarity == pytest.approx(1 - equal)
    assert pair.offset_s == pytest.approx(50 * ITEM_SECONDS)
    assert pair.overlap_s == pytest.approx(300 * ITEM_SECONDS)


def test_a_shared_jingle_is_no_duplicate() -> None:
    generator = np.random.default_rng(1)
    jingle = random_items(generator, 80)
    tracks = [(name, np.concatenate([jingle, random_items(generator)])) for name in "ab"]
    assert list(near_duplicates(tracks)) == []


def test_silence_and_held_tones_are_no_duplicates() -> None:
    silence = np.full(300, 627_964_279, np.uint32)
    assert list(near_duplicates([("a", silence), ("b", silence), ("c", silence[:0])])) == []


def test_every_copy_of_many_is_found() -> None:
    generator = np.random.default_rng(2)
    items = random_items(generator)
    copies = [(f"{n:03}", flipped(items, 0.02, generator)) for n in range(3 * NEIGHBOURS)]
    found = {pair.second for pair in near_duplicates(copies)}
    assert found == {name for name, _ in copies[1:]}


@pytest.mark.slow
def test_ten_thousand_tracks() -> None:
    """Some 4.8 million items are searched in seconds, and exactly the copies are found."""
    import resource

    generator = np.random.default_rng(3)
    kept = {}

    def tracks() -> Iterator[tuple[str, NDArray[np.uint32]]]:
        for number in range(10_000):
            items = random_items(generator, 480)
            if number % 100 == 0:
                kept[number] = items
            if number % 100 == 50:
                items = flipped(kept[number - 50][40:], 0.05, generator)
            yield str(number), items

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {(int(pair.first), int(pair.second)) for pair in near_duplicates(tracks())}
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert found == {(number, number + 50) for number in range(0, 10_000, 100)}
    assert grown < 200, f"{grown:.0f} MB"
