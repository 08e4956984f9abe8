"""Sound for browsers: it decodes to the file's own samples, and nothing tells which track it is."""

import io
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from annotate_api import API, Running, running, walk_to

from damer.annotation.server.answers import Track
from damer.annotation.server.app import ServerSettings
from damer.annotation.server.containers import CLASS_RATIO, SMALLEST_CLASS, contained, covert_size
from damer.annotation.server.limits import Limits
from damer.annotation.server.problems import Problem
from damer.annotation.server.sounds import Sounds
from damer.annotation.tables import StudyTrack

Sound = npt.NDArray[np.float64]
NAMES = [f"{number:032x}" for number in range(400)]


@pytest.fixture(scope="module")
def noise() -> Sound:
    return np.random.default_rng(1).uniform(-0.5, 0.5, (30_000, 2))


def write(path: Path, sound: Sound, **options: Any) -> Path:
    with soundfile.SoundFile(path, "w", 44_100, sound.shape[1], **options) as file:
        file.title, file.artist = "A title that tells", "An artist"
        file.write(sound)
    return path


def whole(path: Path, name: str = NAMES[0]) -> bytes:
    found = contained(path)
    assert found is not None
    data = path.read_bytes()[found.start : found.start + found.length]
    return found.padded_head(name) + data


# -- containers ----------------------------------------------------------------------------------------------

PLAYABLE = [
    ("a.flac", {"subtype": "PCM_16"}),
    ("a.flac", {"subtype": "PCM_24"}),
    ("a.wav", {"subtype": "PCM_16"}),
    ("a.wav", {"subtype": "PCM_24"}),
    ("a.wav", {"subtype": "FLOAT"}),
    ("a.wav", {"subtype": "PCM_16", "format": "WAVEX"}),
]


@pytest.mark.parametrize(("name", "options"), PLAYABLE)
@pytest.mark.parametrize("hearing", NAMES[:3])
def test_what_is_sent_has_the_samples_of_the_file(
    tmp_path: Path, noise: Sound, name: str, options: dict[str, str], hearing: str
) -> None:
    path = write(tmp_path / name, noise, **options)
    sent = whole(path, hearing)
    found, rate = soundfile.read(io.BytesIO(sent))
    expected, _ = soundfile.read(path)
    assert rate == 44_100
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("name", "options"), PLAYABLE)
def test_tags_and_checksums_are_left_out(
    tmp_path: Path, noise: Sound, name: str, options: dict[str, str]
) -> None:
    path = write(tmp_path / name, noise, **options)
    assert b"A title that tells" in path.read_bytes()
    sent = whole(path)
    assert b"title" not in sent
    assert b"artist" not in sent.lower()
    if name.endswith("flac"):
        digest = path.read_bytes()[26:42]  # STREAMINFO's checksum of the samples
        assert digest != bytes(16)
        assert digest not in sent


def test_ffmpeg_reads_it_too(tmp_path: Path, noise: Sound) -> None:
    """An independent decoder, the one that Chromium has inside."""
    for name in ("a.flac", "a.wav"):
        path = write(tmp_path / name, noise, subtype="PCM_16")
        command = ["ffmpeg", "-v", "error", "-i", "pipe:0", "-f", "s16le", "pipe:1"]
        try:
            done = subprocess.run(command, input=whole(path), capture_output=True, check=False)
        except FileNotFoundError:
            pytest.skip("ffmpeg is missing")
        assert done.stderr == b""
        expected, _ = soundfile.read(path, dtype="int16")
        assert done.stdout == expected.tobytes()


def test_a_riff_file_counts_its_own_size(tmp_path: Path, noise: Sound) -> None:
    sent = whole(write(tmp_path / "a.wav", noise, subtype="PCM_16"))
    assert struct.unpack_from("<I", sent, 4) == (len(sent) - 8,)


def test_large_padding_is_split_into_blocks(tmp_path: Path, noise: Sound) -> None:
    found = contained(write(tmp_path / "a.flac", noise))
    assert found is not None
    bare = len(found.head())
    limit = 2**24 + 3  # bytes of the largest block with its header
    for padding in (12, 13, 100, limit - 1, limit, limit + 1, limit + 3, limit + 4, limit + 5, 2 * limit + 3):
        head = found.head(padding)
        assert len(head) == bare + padding
        position, last, kinds = 4, False, []
        while not last:
            last, kind = bool(head[position] & 0x80), head[position] & 0x7F
            kinds.append(kind)
            position += 4 + int.from_bytes(head[position + 1 : position + 4], "big")
        assert position == len(head)
        assert kinds == [0] + [1] * (len(kinds) - 1)


UNPLAYABLE: list[tuple[str, Callable[[Path, Sound], object]]] = [
    ("vorbis", lambda path, sound: soundfile.write(path, sound, 44_100, format="OGG")),
    ("8-bit law", lambda path, sound: soundfile.write(path, sound, 44_100, "ULAW", format="WAV")),
    ("double", lambda path, sound: soundfile.write(path, sound, 44_100, "DOUBLE", format="WAV")),
    ("odd", lambda path, sound: soundfile.write(path, sound[:999, :1], 44_100, "PCM_U8", format="WAV")),
    ("cut", lambda path, sound: path.write_bytes(b"RIFF\x10\0\0\0WAVEdata\xff\xff\xff\x7f")),
    ("empty", lambda path, sound: path.write_bytes(b"")),
    ("no frames", lambda path, sound: path.write_bytes(b"fLaC\x80\0\0\x22" + bytes(34))),
    ("cut flac", lambda path, sound: path.write_bytes(b"fLaC\0\0")),
]


@pytest.mark.parametrize(("kind", "make"), UNPLAYABLE)
def test_what_browsers_cannot_play_is_not_passed_on(
    tmp_path: Path, noise: Sound, kind: str, make: Callable[[Path, Sound], object]
) -> None:
    make(tmp_path / "sound", noise)
    assert contained(tmp_path / "sound") is None


# -- sizes ---------------------------------------------------------------------------------------------------


def test_sizes_follow_from_class_and_name_alone() -> None:
    """Two tracks of one class are sent at the same size under one name: no size tells them apart."""
    bottom = SMALLEST_CLASS * CLASS_RATIO**20
    small, large = round(bottom * 1.01), round(bottom * 1.24)
    assert [covert_size(small, name) for name in NAMES] == [covert_size(large, name) for name in NAMES]


def test_sizes_of_hearings_are_spread_over_the_class() -> None:
    sizes = np.array([covert_size(5_000_000, name) for name in NAMES])
    assert len(set(sizes)) > 0.99 * len(NAMES)
    top, bottom = sizes.max(), sizes.min()
    assert top / bottom == pytest.approx(CLASS_RATIO, rel=0.01)
    shares, _ = np.histogram(sizes, 4, (bottom, top))
    assert shares.min() > 0.15 * len(NAMES)


@pytest.mark.parametrize("plain", [0, 1, 4000, SMALLEST_CLASS, 81_920, 1_000_001, 52_920_044, 300_000_000])
def test_sizes_are_large_enough_and_not_wasteful(plain: int) -> None:
    for name in NAMES[:50]:
        size = covert_size(plain, name)
        assert size % 2 == 0
        assert plain + 12 <= size <= max(1.6 * plain, 1.6 * SMALLEST_CLASS)


# -- decoding ------------------------------------------------------------------------------------------------


def track(path: Path, gain_db: float = 0.0) -> Track:
    return Track(StudyTrack("t", str(path), 1.0, gain_db=gain_db), path)


async def body_of(sounds: Sounds, of: Track) -> bytes:
    response: Any = await sounds.plain(of)
    return b"".join([bytes(part) async for part in response.body_iterator])


@pytest.mark.anyio
class TestDecoding:
    async def test_other_formats_become_flac_once(self, tmp_path: Path, noise: Sound) -> None:
        path = tmp_path / "a.ogg"
        soundfile.write(path, 0.5 * noise, 44_100)
        sounds = Sounds(tmp_path / "kept", Limits())
        found, rate = soundfile.read(io.BytesIO(await body_of(sounds, track(path))))
        expected, _ = soundfile.read(path)
        assert rate == 44_100
        np.testing.assert_allclose(found, expected, atol=2**-15)
        (kept,) = (tmp_path / "kept").iterdir()
        made = kept.stat().st_mtime_ns
        await body_of(Sounds(tmp_path / "kept", Limits()), track(path))
        assert [one.stat().st_mtime_ns for one in (tmp_path / "kept").iterdir()] == [made]

    async def test_gain_is_applied(self, tmp_path: Path, noise: Sound) -> None:
        path = write(tmp_path / "a.flac", noise)
        sounds = Sounds(tmp_path / "kept", Limits())
        found, _ = soundfile.read(io.BytesIO(await body_of(sounds, track(path, -6.0))))
        np.testing.assert_allclose(found, soundfile.read(path)[0] * 10 ** (-0.3), atol=2**-15)

    async def test_a_file_that_changed_is_read_anew(self, tmp_path: Path, noise: Sound) -> None:
        path = write(tmp_path / "a.flac", noise)
        sounds = Sounds(tmp_path / "kept", Limits())
        await body_of(sounds, track(path))
        write(path, noise[:20_000])
        assert len(soundfile.read(io.BytesIO(await body_of(sounds, track(path))))[0]) == 20_000

    @pytest.mark.parametrize("content", [None, b"", b"no sound at all" * 100])
    async def test_a_file_that_is_gone_or_damaged(self, tmp_path: Path, content: bytes | None) -> None:
        path = tmp_path / "a.mp3"
        if content is not None:
            path.write_bytes(content)
        sounds = Sounds(tmp_path / "kept", Limits())
        with pytest.raises(Problem) as caught:
            await sounds.plain(track(path))
        assert (caught.value.status, caught.value.code) == (404, "sound_missing")
        (line,) = await sounds.prepare([track(path)])
        assert str(path) in line
        assert not list((tmp_path / "kept").glob("*")) if (tmp_path / "kept").exists() else True


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# -- over HTTP -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = ServerSettings(folder=tmp_path_factory.mktemp("kept"), sound_after_s=0.1)
    with running(tmp_path_factory.mktemp("audio"), (2.7,) * 8, settings) as found:
        yield found


def test_a_covert_duplicate_looks_like_any_other_track(study: Running) -> None:
    """Four tracks and one covert second hearing: nothing in Me or in the answers tells which it is."""
    person = study.enter("a01")
    walk_to(person, study.clock, ["work"])
    seen, tracks, times = [], [], []
    while (me := walk_to(person, study.clock, ["work", "finished"]))["step"] == "work":
        state = study.call(study.service.state, "a01")
        tracks.append(state.next_place.track)
        assert me["audio"]["duration_s"] == 3.0, "an exact length would tell one track from another"
        began = time.perf_counter()
        answer = person.client.get(me["audio"]["url"])
        times.append(time.perf_counter() - began)
        assert answer.status_code == 200
        seen.append((me, answer))
        study.call(_hear, person, study, me)
    (first, second) = [
        n for n, one in enumerate(tracks) if tracks.count(one) == 2
    ]  # the design has exactly one duplicate
    (me_1, answer_1), (me_2, answer_2) = seen[first], seen[second]
    assert me_1["audio"]["name"] != me_2["audio"]["name"]
    assert len(answer_1.content) != len(answer_2.content)
    shapes = {(*sorted(me["audio"]), me["audio"]["list"], me["step"], me["total"]) for me, _ in seen}
    assert len(shapes) == 1
    heads = [
        {name: value for name, value in answer.headers.items() if name != "content-length"}
        for _, answer in seen
    ]
    assert all(head == heads[0] for head in heads)
    for name in ("etag", "last-modified", "content-disposition", "age"):
        assert name not in heads[0]
    assert heads[0]["cache-control"] == "no-store"
    sounds = [soundfile.read(io.BytesIO(answer.content))[0] for _, answer in (seen[first], seen[second])]
    np.testing.assert_array_equal(*sounds)
    assert min(times) >= 0.1, "an answer that came from memory must not come sooner"


async def _hear(person: Any, study: Running, me: Any) -> None:
    """Finish the track behind the client's back: only what is seen before it matters here."""
    service = study.service
    started = await service.start_trial("a01", me["audio"]["name"], {})
    study.clock.now += me["audio"]["duration_s"]
    await service.add_batch("a01", started.trial_id, 0, [(0, 0.0, 0.0, 0.1, 0.1, 1)])
    await service.finish_trial("a01", started.trial_id, 1)


def test_only_the_present_or_next_place_is_served(study: Running) -> None:
    person = study.enter("a02")
    me = walk_to(person, study.clock, ["calibrate"])
    before, state = me["audio"]["url"], study.call(study.service.state, "a02")
    assert person.client.get(before).status_code == 200
    later = [study.service.place_name("a02", "calibration", 0, place) for place in (1, 2, 3)]
    later += [
        study.service.place_name("a02", "work", 0, 0),
        study.service.place_name("a01", "calibration", 0, 0),
    ]
    later += [state.next_place.track, "t04", "0" * 32, "audio", "study.sqlite3", "é"]
    for name in later:
        assert person.get(f"/audio/{name}").status_code in (404, 422), name
    study.call(_finish_one, study, "a02", me)
    assert person.client.get(before).status_code == 404
    rest = person.me()
    assert rest["step"] == "rest"
    assert person.client.get(rest["audio"]["url"]).status_code == 200, "it is loaded during the rest"


async def _finish_one(study: Running, annotator: str, me: Any) -> None:
    started = await study.service.start_trial(annotator, me["audio"]["name"], {})
    study.clock.now += me["audio"]["duration_s"]
    await study.service.add_batch(annotator, started.trial_id, 0, [(0, 0.0, 0.0, 0.1, 0.1, 1)])
    await study.service.finish_trial(annotator, started.trial_id, 1)


TRAVERSALS = [
    "../study.sqlite3", "..%2f..%2fetc%2fpasswd", "%2e%2e/study.sqlite3", "....//etc/passwd", "%00", "a%00b",
    "..\\..\\etc", "%c0%ae%c0%ae/x", "/etc/passwd", "t04/../../study.sqlite3",
]  # fmt: skip


@pytest.mark.parametrize("path", TRAVERSALS)
@pytest.mark.parametrize("below", [f"{API}/audio/", "/assets/", "/", f"{API}/researcher/tracks/"])
def test_path_traversal(study: Running, path: str, below: str) -> None:
    boss = study.people.get("boss") or study.enter("boss", "researcher")
    answer = boss.client.get(below + path + ("/audio" if "tracks" in below else ""))
    assert answer.status_code in (400, 403, 404, 405, 422), answer.status_code
    assert b"SQLite" not in answer.content
    assert b"root:" not in answer.content


def test_no_part_of_a_sound_is_served_alone(study: Running) -> None:
    """Ranges and conditions would let a client ask about a file without hearing it."""
    person = study.enter("a03")
    me = walk_to(person, study.clock, ["training"])
    answer = person.client.get(me["audio"]["url"], headers={"Range": "bytes=0-10", "If-None-Match": "*"})
    assert answer.status_code == 200
    assert len(answer.content) == int(answer.headers["content-length"])
