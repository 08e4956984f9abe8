"""The store: what goes in comes out, and no kill spoils it."""

import json
from pathlib import Path

import numpy as np
import pytest

from damer.core.errors import DamerError
from damer.features import FeatureSpec, FeatureStore, Views

SPEC = FeatureSpec()


def views(seconds: int, seed: int) -> Views:
    generator = np.random.default_rng(seed)
    shapes = ((seconds, 128, 87), (seconds, 84, 87))
    return Views(*(generator.standard_normal(shape).astype(np.float32) for shape in shapes))


def filled(folder: Path, count: int = 3) -> FeatureStore:
    with FeatureStore.create(folder, SPEC) as store:
        for number in range(count):
            store.append(f"track{number}", views(number + 2, number), {"n": number}, f"sha{number}")
    return store


def same(stored: Views, expected: Views) -> bool:
    return all(
        np.array_equal(one, other.astype(np.float16)) for one, other in zip(stored, expected, strict=True)
    )


def test_round_trip(tmp_path: Path) -> None:
    filled(tmp_path / "store")
    store = FeatureStore.open(tmp_path / "store")
    assert store.spec == SPEC
    assert store.ids == ["track0", "track1", "track2"]
    assert len(store) == 3
    assert "track1" in store
    for number, track in enumerate(store.ids):
        assert store.seconds(track) == number + 2
        assert same(store.views(track), views(number + 2, number))
        assert store.entry(track).meta == {"n": number}
        assert store.entry(track).source_sha256 == f"sha{number}"
    assert store.views("track1").mel.dtype == np.float16
    assert isinstance(store.views("track1").mel, np.memmap)
    assert store.arrays.mel.shape == (9, 128, 87)
    assert store.verify() == []


def test_parts_of_a_track_are_joined(tmp_path: Path) -> None:
    with FeatureStore.create(tmp_path, SPEC) as store:
        store.append("long", iter([views(2, 1), views(3, 2)]))
    expected = Views(*(np.concatenate(both) for both in zip(views(2, 1), views(3, 2), strict=True)))
    assert same(FeatureStore.open(tmp_path).views("long"), expected)


def test_the_manifest_is_one_line_a_track(tmp_path: Path) -> None:
    filled(tmp_path)
    lines = (tmp_path / "manifest.jsonl").read_text().splitlines()
    assert [json.loads(line)["offset"] for line in lines] == [0, 2, 5]
    assert json.loads((tmp_path / "spec.json").read_text())["hash"] == SPEC.hash()


def test_every_cut_of_the_manifest_opens_and_goes_on(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    manifest = tmp_path / "manifest.jsonl"
    whole = manifest.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(len(whole) + 1):
        manifest.write_bytes(whole[:cut])
        expected = 2 if cut == len(whole) else 1 if cut >= first else 0
        assert len(FeatureStore.open(tmp_path)) == expected
    manifest.write_bytes(whole[: len(whole) - 7])
    with FeatureStore.open(tmp_path) as store:
        store.append("track1", views(4, 9))
    store = FeatureStore.open(tmp_path)
    assert store.ids == ["track0", "track1"]
    assert same(store.views("track1"), views(4, 9))
    assert store.verify() == []


@pytest.mark.parametrize("name", ["mel.f16", "cochleagram.f16"])
def test_arrays_cut_or_too_long(tmp_path: Path, name: str) -> None:
    filled(tmp_path)
    path = tmp_path / name
    whole = path.read_bytes()
    path.write_bytes(whole + b"half a second that a kill left behind")
    assert len(FeatureStore.open(tmp_path)) == 3
    path.write_bytes(whole[:-1])
    with FeatureStore.open(tmp_path) as store:
        assert store.ids == ["track0", "track1"]
        store.append("new", views(1, 7))
    store = FeatureStore.open(tmp_path)
    assert same(store.views("new"), views(1, 7))
    assert store.verify() == []


def test_an_append_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    store = filled(tmp_path, 1)

    def parts() -> object:
        yield views(2, 3)
        raise DamerError("the file broke off")

    with pytest.raises(DamerError, match="broke off"):
        store.append("broken", parts())  # type: ignore[arg-type]
    store.append("whole", views(3, 4))
    store.close()
    assert store.ids == ["track0", "whole"]
    assert same(store.views("whole"), views(3, 4))
    assert FeatureStore.open(tmp_path).verify() == []


def test_damage_is_found(tmp_path: Path) -> None:
    filled(tmp_path)
    data = bytearray((tmp_path / "mel.f16").read_bytes())
    data[3 * 128 * 87 * 2] ^= 1
    (tmp_path / "mel.f16").write_bytes(data)
    assert FeatureStore.open(tmp_path).verify() == ["track1"]


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    first = FeatureStore.create(tmp_path, SPEC)
    first.append("a", views(1, 1))
    second = FeatureStore.open(tmp_path)
    with pytest.raises(DamerError, match="another process is writing"):
        second.append("b", views(1, 2))
    first.append("c", views(2, 3))
    first.close()
    second.append("b", views(1, 2))
    assert second.ids == ["a", "c", "b"]
    second.close()
    assert same(FeatureStore.open(tmp_path).views("c"), views(2, 3))


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(DamerError, match="is no feature store; make one"):
        FeatureStore.open(tmp_path / "none")
    store = filled(tmp_path / "store")
    with pytest.raises(DamerError, match="is a feature store already"):
        FeatureStore.create(tmp_path / "store", SPEC)
    with pytest.raises(DamerError, match="has a track 'track0' already"):
        store.append("track0", views(1, 1))
    with pytest.raises(DamerError, match="holds no track 'nobody'"):
        store.views("nobody")
    with pytest.raises(DamerError, match=r"mel has shape \(1, 64, 87\)"):
        store.append("thin", Views(np.zeros((1, 64, 87), np.float32), np.zeros((1, 84, 87), np.float32)))
    with pytest.raises(DamerError, match="NaN or infinity"):
        store.append("nan", Views(np.full((1, 128, 87), np.nan, np.float32), views(1, 1).cochleagram))
    with pytest.raises(DamerError, match="without a second"):
        store.append("none", iter([]))
    store.close()
    with pytest.raises(DamerError, match="other settings: sample_rate 22050 \\(now 44100\\)"):
        FeatureStore.open_or_create(tmp_path / "store", FeatureSpec(sample_rate=44100))
    (tmp_path / "store" / "spec.json").write_text("{")
    with pytest.raises(DamerError, match="cannot be read"):
        FeatureStore.open(tmp_path / "store")


def test_an_empty_store_opens(tmp_path: Path) -> None:
    FeatureStore.create(tmp_path, SPEC).close()
    store = FeatureStore.open(tmp_path)
    assert store.ids == []
    assert store.arrays.mel.shape == (0, 128, 87)
