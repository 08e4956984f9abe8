import dataclasses
import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from corpus_copies import write_midi, write_tone

from damer import audio
from damer.core.errors import DamerError
from damer.core.track import Track
from damer.datasets.emopia import Emopia
from damer.datasets.emotify import Emotify
from damer.datasets.prepare import Preparation, prepare
from damer.datasets.prepared import open_prepared
from damer.datasets.rendering import variation
from damer.datasets.vgmidi import Vgmidi
from damer.features import FeatureSpec, FeatureStore, extract


def silent(line: str) -> None:
    raise AssertionError(line)


@pytest.fixture
def tones(tmp_path: Path) -> list[Track]:
    """A file of 40 s that rises each second, its window by rule, and a clip of it."""
    rate = 22050
    seconds = np.arange(40 * rate) / rate
    samples = 0.01 * (1 + seconds.astype(int)) * np.sin(2 * np.pi * 300 * seconds)
    soundfile.write(tmp_path / "rising.wav", samples, rate)
    whole = Track(id="f:rising", group="a", corpus="f", audio=str(tmp_path / "rising.wav"), arousal=0.5)
    clip = dataclasses.replace(whole, id="f:rising#3-8", clip_start=3.0, clip_end=8.5)
    return [whole, clip]


def test_views_and_clip_are_those_of_the_window(tones: list[Track], tmp_path: Path) -> None:
    outcome = prepare(tones, tmp_path / "store", Preparation("15:75"), silent)
    assert outcome.added == ["f:rising", "f:rising#3-8"]
    prepared = open_prepared([tmp_path / "store"])
    whole, clip = prepared.tracks
    assert prepared.tracks == outcome.tracks
    # 40 s: under 75, at least 30, so 15 s to the end; the clip's last half second is dropped.
    assert (whole.clip_start, whole.clip_end, prepared.seconds(whole.id)) == (15.0, 40.0, 25)
    assert (clip.clip_start, clip.clip_end, prepared.seconds(clip.id)) == (3.0, 8.0, 5)
    sound = audio.read(tones[0].audio or "", 3.0, 8.5)
    expected = extract(sound.samples, sound.rate)
    np.testing.assert_allclose(prepared.views(clip.id).mel, expected.mel, atol=0.02)
    np.testing.assert_allclose(prepared.views(clip.id).cochleagram, expected.cochleagram, atol=0.02)
    assert prepared.views(clip.id).mel.dtype == np.float16


def test_stored_seconds_meet_their_labels(tones: list[Track], tmp_path: Path) -> None:
    # The label of each second is its loudness: after preparation the two must still run together.
    steps = tuple((second + 1.0, second / 40, -second / 40) for second in range(40))
    labelled = [dataclasses.replace(track, dynamic=steps) for track in tones]
    prepare(labelled, tmp_path / "store", Preparation("15:75"), silent)
    prepared = open_prepared([tmp_path / "store"])
    for track in prepared.tracks:
        count = prepared.seconds(track.id)
        labels = track.labels_per_second("valence", count)
        np.testing.assert_allclose(labels, (track.clip_start + np.arange(count)) / 40)
        loudness = np.exp(prepared.views(track.id).mel[:, :, 40].astype(np.float64).max(axis=1) / 2)
        np.testing.assert_allclose(
            loudness / loudness[0], (labels * 40 + 1) / (labels[0] * 40 + 1), rtol=0.02
        )


def test_midi_is_rendered_with_variants(vgmidi: Path, tmp_path: Path, fake_fluidsynth: None) -> None:
    tracks = Vgmidi().tracks(vgmidi)
    outcome = prepare(tracks, tmp_path / "store", Preparation("all", variants=2), silent)
    assert [track.id.removeprefix(tracks[0].id) for track in outcome.tracks[:3]] == ["", "@1", "@2"]
    assert {track.group for track in outcome.tracks[:3]} == {tracks[0].group}
    assert not (tmp_path / "store" / "rendering.tmp").exists()
    tempo = variation(tracks[0].id, 1).tempo
    assert outcome.tracks[1].dynamic[-1][0] == pytest.approx(8 / tempo)
    prepared = open_prepared([tmp_path / "store"])
    plain, varied = (prepared.views(track.id).mel for track in prepared.tracks[:2])
    # The scale rises: its strongest band does too, and the transposed one's is shifted by about as much.
    assert not np.allclose(plain[0], varied[0], atol=0.5)
    # The stand-in's sound lasts 4.5 s; labels end after 4 s and cut Start's, whose music ends there.
    assert prepared.seconds(tracks[0].id) == prepared.seconds(tracks[1].id) == 4


def test_one_bad_file_is_told_and_the_rest_go_on(emotify: Path, tmp_path: Path) -> None:
    (emotify / "audio/rock/1.opus").write_text("not music")
    lines: list[str] = []
    tracks = Emotify().tracks(emotify)  # rock/2.mp3 is all silence
    outcome = prepare(tracks, tmp_path / "store", Preparation("all"), lines.append)
    assert [track.id for track in outcome.tracks] == ["emotify:pop/1"]
    assert [name for name, _ in outcome.failures] == ["emotify:rock/1", "emotify:rock/2"]
    assert str(emotify / "audio/rock/1.opus") in lines[0]
    assert "silen" in lines[1]
    # Mended, the same run adds what was missing and keeps the corpus's order.
    for name in ("rock/1.opus", "rock/2.mp3"):
        write_tone(emotify / "audio" / name, 3, rate=48000)
    again = prepare(tracks, tmp_path / "store", Preparation("all"), silent)
    assert again.added == ["emotify:rock/1", "emotify:rock/2"]
    assert [track.id for track in again.tracks] == [track.id for track in tracks]


def test_bad_midi_is_named_by_its_own_name(emopia: Path, tmp_path: Path, fake_fluidsynth: None) -> None:
    broken = emopia / "midis/Q2_plainSong_1.mid"
    broken.write_bytes(broken.read_bytes()[:40])
    write_midi(emopia / "midis/Q1_short_1.mid", [(60, 0.0, 0.2, 80)])
    lines: list[str] = []
    outcome = prepare(
        Emopia().tracks(emopia), tmp_path / "store", Preparation("all", variants=1), lines.append
    )
    assert len(outcome.tracks) == 4
    assert len(lines) == 4
    assert all("Q2_plainSong_1.mid" in line for line in lines[2:])
    assert all("Q1_short_1.mid" in line and "sound.wav" not in line for line in lines[:2])


def test_labels_can_be_mended_without_extracting_again(tones: list[Track], tmp_path: Path) -> None:
    prepare(tones, tmp_path / "store", Preparation("15:75"), silent)
    mended = [dataclasses.replace(track, arousal=-1.0) for track in tones]
    outcome = prepare(mended, tmp_path / "store", Preparation("15:75"), silent)
    assert outcome.added == []
    assert [track.arousal for track in open_prepared([tmp_path / "store"]).tracks] == [-1.0, -1.0]


def test_an_interrupted_run_is_not_mistaken_for_a_finished_one(tones: list[Track], tmp_path: Path) -> None:
    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    prepare(tones, tmp_path / "store", Preparation("15:75"), silent)
    (tmp_path / "bad.wav").write_text("not music")
    more = [*tones, Track(id="f:bad", group="b", corpus="f", audio=str(tmp_path / "bad.wav"))]
    with pytest.raises(KeyboardInterrupt):
        prepare(more, tmp_path / "store", Preparation("15:75"), interrupt)
    with pytest.raises(DamerError, match="no finished preparation"):
        open_prepared([tmp_path / "store"])
    prepare(tones, tmp_path / "store", Preparation("15:75"), silent)
    assert len(open_prepared([tmp_path / "store"]).tracks) == 2


def test_a_full_disk_is_one_line_and_goes_on_later(
    tones: list[Track], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(FeatureStore, "_write_arrays", full)
        with pytest.raises(DamerError, match="No space left on device"):
            prepare(tones, tmp_path / "store", Preparation("15:75"), silent)
    assert len(prepare(tones, tmp_path / "store", Preparation("15:75"), silent).added) == 2


def test_other_settings_are_refused(tones: list[Track], tmp_path: Path) -> None:
    prepare(tones, tmp_path / "store", Preparation("15:75"), silent)
    with pytest.raises(DamerError, match=r"window 15:75 \(now all\)"):
        prepare(tones, tmp_path / "store", Preparation("all"), silent)
    with pytest.raises(DamerError, match="mel_scale slaney"):
        prepare(tones, tmp_path / "store", Preparation("15:75", FeatureSpec(mel_scale="htk")), silent)


def test_two_writers_do_not_meet(tones: list[Track], tmp_path: Path) -> None:
    prepare(tones, tmp_path / "store", Preparation("15:75"), silent)
    code = (
        "import sys, time; from damer.features import FeatureStore\n"
        "store = FeatureStore.open(sys.argv[1]); store.lock(); print('locked', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, tmp_path / "store"], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(DamerError, match="another process is writing"):
            prepare(tones, tmp_path / "store", Preparation("15:75"), silent)
        other.kill()


def test_open_prepared_joins_stores_and_names_what_does_not_fit(tones: list[Track], tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    prepare(tones[:1], one, Preparation("15:75"), silent)
    prepare(tones[1:], two, Preparation("15:75"), silent)
    both = open_prepared([one, two])
    assert [track.id for track in both.tracks] == [track.id for track in tones]
    assert both.spec == FeatureSpec()
    with pytest.raises(DamerError, match="no track 'x'"):
        both.views("x")
    with pytest.raises(DamerError, match=r"is in .*one too"):
        open_prepared([one, one])
    prepare(tones[1:], tmp_path / "htk", Preparation("15:75", FeatureSpec(mel_scale="htk")), silent)
    with pytest.raises(DamerError, match="differ in mel_scale slaney and htk"):
        open_prepared([one, tmp_path / "htk"])
    (two / "tracks.jsonl").unlink()
    with pytest.raises(DamerError, match="no finished preparation"):
        open_prepared([two])
    (two / "tracks.jsonl").write_text("{")
    with pytest.raises(DamerError, match="cannot be read"):
        open_prepared([two])
    with pytest.raises(DamerError, match="no prepared store given"):
        open_prepared([])


def test_a_track_without_sound_is_named(tmp_path: Path) -> None:
    with pytest.raises(DamerError, match="neither a sound file nor a MIDI file"):
        prepare(
            [Track(id="c:a", group="a", corpus="c", clip_start=0)], tmp_path / "store", Preparation("all")
        )


@pytest.mark.e2e
def test_a_killed_run_goes_on_and_ends_like_one_never_killed(
    emopia: Path, tmp_path: Path, fake_fluidsynth: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, font = tmp_path / "store", tmp_path / "bin" / "font.sf2"
    call = [sys.executable, "-m", "damer", "dataset", "prepare", "emopia", str(emopia), "--out", str(store)]
    call += ["--variants", "1", "--soundfont", str(font), "--workers", "2"]
    monkeypatch.setenv("FAKE_FLUIDSYNTH_SLEEP", "0.5")
    with subprocess.Popen(call, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not any(store.glob("manifest.jsonl")) or not (store / "manifest.jsonl").stat().st_size:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.kill()
    assert 1 <= len((store / "manifest.jsonl").read_text().splitlines()) < 6
    with pytest.raises(DamerError, match="no finished preparation"):
        open_prepared([store])
    monkeypatch.setenv("FAKE_FLUIDSYNTH_SLEEP", "0")
    assert subprocess.run(call, stderr=subprocess.DEVNULL, check=False).returncode == 0
    # One process, never killed, makes the same files byte for byte.
    prepare(Emopia().tracks(emopia), tmp_path / "whole", Preparation("all", variants=1), silent)
    for name in ("mel.f16", "cochleagram.f16", "manifest.jsonl", "tracks.jsonl"):
        assert (store / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (store / "rendering.tmp").exists()


@pytest.mark.data
def test_real_tracks_prepare(real: Path, tmp_path: Path) -> None:
    for corpus in (Vgmidi(), Emopia(), Emotify()):
        tracks = corpus.tracks(real / corpus.name)[:3]
        store = tmp_path / corpus.name
        prepare(tracks, store, Preparation(corpus.window, workers=os.cpu_count() or 1), silent)
        for line in (store / "tracks.jsonl").read_text().splitlines():
            track = Track.from_dict(json.loads(line))
            assert track.clip_end is not None
            assert track.clip_end - track.clip_start >= 10
