import dataclasses
import shutil
import subprocess
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from corpus_copies import SCALE, write_midi

from damer.core.errors import DamerError
from damer.core.track import Track
from damer.datasets import rendering
from damer.datasets.rendering import Rendering, edited, find_soundfont, in_time, render, variation

FLUIDSYNTH = shutil.which("fluidsynth") is not None and any(Path(p).is_file() for p in rendering.SOUNDFONTS)
needs_fluidsynth = pytest.mark.skipif(not FLUIDSYNTH, reason="fluidsynth or its soundfont is not installed")


def notes(file: mido.MidiFile) -> list[tuple[int, float, int]]:
    """Pitch, time in seconds and velocity of every note."""
    found, now = [], 0.0
    for message in file:
        now += message.time
        if message.type == "note_on" and message.velocity > 0:
            found.append((message.note, now, message.velocity))
    return found


@pytest.fixture
def piece(tmp_path: Path) -> Path:
    write_midi(tmp_path / "piece.mid", SCALE)
    return tmp_path / "piece.mid"


def test_variation_is_decided_by_id_and_number() -> None:
    assert variation("c:a", 0) == Rendering()
    assert variation("c:a", 1) == variation("c:a", 1)
    assert len({variation(track, n) for track in ("c:a", "c:b") for n in (1, 2, 3)}) == 6
    # Written down once: it must be the same on every machine and in every version.
    first = variation("emopia:Q1_x_0", 1)
    assert (first.program, first.tempo, first.transposition) == (5, 1.0144, -3)


def test_variations_cover_their_ranges() -> None:
    many = [variation("c:a", number) for number in range(1, 400)]
    assert {style.program for style in many} == set(rendering.PROGRAMS)
    assert {style.transposition for style in many} == set(range(-5, 7))
    for name, low, high in (
        ("tempo", 0.92, 1.09),
        ("velocity", 0.85, 1.15),
        ("gain", 0.19, 0.80),
        ("room", 0.1, 0.9),
    ):
        values = [getattr(style, name) for style in many]
        assert low <= min(values) < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < max(values) <= high


def test_plain_rendering_is_the_plain_command() -> None:
    assert Rendering().options() == ["-g", "0.5"]
    assert not Rendering().edits_midi
    varied = Rendering(gain=0.25, reverb=False, chorus=False, room=0.5)
    assert varied.options() == ["-g", "0.25", "-R", "0", "-C", "0", "-o", "synth.reverb.room-size=0.5000"]
    assert not varied.edits_midi


def test_tempo_transposition_and_velocity(piece: Path) -> None:
    file = edited(piece, Rendering(tempo=1.25, transposition=-3, velocity=1.1))
    expected = [(pitch - 3, start / 1.25, round(velocity * 1.1)) for pitch, start, _, velocity in SCALE]
    got = notes(file)
    assert [(pitch, velocity) for pitch, _, velocity in got] == [(p, v) for p, _, v in expected]
    np.testing.assert_allclose([time for _, time, _ in got], [time for _, time, _ in expected], atol=1e-3)


def test_tempo_is_scaled_where_the_file_sets_none(piece: Path) -> None:
    file = mido.MidiFile(piece)
    file.tracks[0][:] = [message for message in file.tracks[0] if message.type != "set_tempo"]
    file.save(piece)
    assert notes(edited(piece, Rendering(tempo=0.5)))[-1][1] == pytest.approx(SCALE[-1][1] * 2, abs=1e-3)


def test_later_tempo_changes_are_scaled(piece: Path) -> None:
    file = mido.MidiFile(piece)
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_000, time=960)]))
    file.type = 1
    file.save(piece)
    plain, fast = notes(mido.MidiFile(piece)), notes(edited(piece, Rendering(tempo=1.2)))
    np.testing.assert_allclose([t for _, t, _ in fast], [t / 1.2 for _, t, _ in plain], atol=1e-3)


def test_program_replaces_the_files_own_and_nothing_takes_it_back(piece: Path) -> None:
    file = mido.MidiFile(piece)
    file.tracks[0][1:1] = [
        mido.Message("sysex", data=(0x7E, 0x7F, 9, 1)),
        mido.Message("control_change", control=0, value=8),
        mido.Message("program_change", program=3, channel=2, time=10),
    ]
    file.save(piece)
    got = edited(piece, Rendering(program=48))
    programs = [(m.channel, m.program) for m in got if m.type == "program_change"]
    assert {program for _, program in programs} == {48}
    assert {channel for channel, _ in programs} == set(range(16)) - {9}
    assert not [m for m in got if m.type == "sysex" or (m.type == "control_change" and m.control in {0, 32})]
    # The removed messages' time is kept: notes lie where they lay.
    np.testing.assert_allclose(
        [t for _, t, _ in notes(got)], [t for _, t, _ in notes(mido.MidiFile(piece))], atol=1e-9
    )


def test_drums_keep_kit_and_pitch(tmp_path: Path) -> None:
    write_midi(tmp_path / "drums.mid", [(36, 0.0, 0.2, 100), (42, 0.5, 0.2, 60)], drums=True)
    file = mido.MidiFile(tmp_path / "drums.mid")
    file.tracks[0].insert(0, mido.Message("program_change", channel=9, program=16))
    file.save(tmp_path / "drums.mid")
    got = edited(tmp_path / "drums.mid", Rendering(program=48, transposition=4, velocity=0.5))
    assert [(pitch, velocity) for pitch, _, velocity in notes(got)] == [(36, 50), (42, 30)]
    assert [m.program for m in got if m.type == "program_change" and m.channel == 9] == [16]


@pytest.mark.parametrize(("note", "semitones", "expected"), [(126, 6, 120), (2, -5, 9), (60, 6, 66)])
def test_notes_out_of_range_move_by_octaves(tmp_path: Path, note: int, semitones: int, expected: int) -> None:
    write_midi(tmp_path / "edge.mid", [(note, 0.0, 0.5, 100)])
    got = notes(edited(tmp_path / "edge.mid", Rendering(transposition=semitones, velocity=2.0)))
    assert [(pitch, velocity) for pitch, _, velocity in got] == [(expected, 127)]
    assert expected % 12 == (note + semitones) % 12


def test_labels_over_time_follow_the_tempo() -> None:
    track = Track(
        id="c:a",
        group="g",
        corpus="c",
        midi="a.mid",
        valence=0,
        arousal=0,
        dynamic=((10.0, 0, 0), (20.0, 1, 1)),
    )
    fast = in_time(track, 1.25)
    assert [end for end, _, _ in fast.dynamic] == [8.0, 16.0]
    assert in_time(track, 1.0) is track
    clip = in_time(dataclasses.replace(track, clip_start=5.0, clip_end=15.0), 1.25)
    assert (clip.clip_start, clip.clip_end) == (4.0, 12.0)


@pytest.mark.parametrize(
    "content", [b"", b"text", b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0MTrk\x00\x00\x01\x00"]
)
def test_what_is_no_midi_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.mid").write_bytes(content)
    with pytest.raises(DamerError, match=r"bad\.mid: cannot be read as MIDI"):
        edited(tmp_path / "bad.mid", Rendering(program=1))


def test_missing_program_and_soundfont_name_the_package(
    tmp_path: Path, piece: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DamerError, match="no such soundfont"):
        find_soundfont(tmp_path / "nothing.sf2")
    monkeypatch.setattr(rendering, "SOUNDFONTS", (str(tmp_path / "none.sf2"),))
    with pytest.raises(DamerError, match="install the package fluid-soundfont-gm"):
        find_soundfont()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DamerError, match="install the package fluidsynth"):
        render(piece, tmp_path / "out.wav")


def pitch(path: Path, start: float) -> float:
    """Strongest frequency of half a second, Hz."""
    samples, rate = soundfile.read(path, start=round(start * 44100), frames=22050)
    spectrum = np.abs(np.fft.rfft(samples.mean(axis=1) * np.hanning(len(samples)), 1 << 17))
    return float(np.argmax(spectrum) * rate / (1 << 17))


def test_a_rendering_that_never_ends_is_ended(
    tmp_path: Path, piece: Path, fake_fluidsynth: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = tmp_path / "bin" / "fluidsynth"
    endless.write_text('#!/bin/sh\nwhile [ "$1" != "-F" ]; do shift; done\nexec cat /dev/zero > "$2"\n')
    monkeypatch.setattr(rendering, "LONGEST_S", 60)
    with pytest.raises(DamerError, match=r"piece\.mid: still sounds after 1 minutes"):
        render(piece, tmp_path / "out.wav")


def test_a_truncated_file_is_an_error_though_fluidsynth_calls_it_done(
    tmp_path: Path, piece: Path, fake_fluidsynth: None
) -> None:
    piece.write_bytes(piece.read_bytes()[:40])
    with pytest.raises(DamerError, match="Unexpected end of file"):
        render(piece, tmp_path / "out.wav")


@needs_fluidsynth
def test_the_sound_is_that_of_the_plain_command_to_the_last_bit(piece: Path, tmp_path: Path) -> None:
    render(piece, tmp_path / "ours.wav")
    plain = ["fluidsynth", "-ni", "-q", "-g", "0.5", "-r", "44100", "-F", str(tmp_path / "plain.wav")]
    subprocess.run([*plain, str(find_soundfont()), str(piece)], check=True, capture_output=True)
    assert (tmp_path / "ours.wav").read_bytes() == (tmp_path / "plain.wav").read_bytes()
    assert float(np.abs(soundfile.read(tmp_path / "plain.wav")[0]).max()) > 0.01


@needs_fluidsynth
def test_fluidsynth_plays_what_is_asked(tmp_path: Path) -> None:
    write_midi(tmp_path / "la.mid", [(69, 0.0, 2.0, 100)])
    render(tmp_path / "la.mid", tmp_path / "plain.wav")
    render(tmp_path / "la.mid", tmp_path / "again.wav")
    render(
        tmp_path / "la.mid",
        tmp_path / "up.wav",
        Rendering(program=19, transposition=7, gain=0.2, reverb=False),
    )
    assert (tmp_path / "plain.wav").read_bytes() == (tmp_path / "again.wav").read_bytes()
    assert pitch(tmp_path / "plain.wav", 0.5) == pytest.approx(440, rel=0.01)
    fifth = 440 * 2 ** (7 / 12)
    got = pitch(tmp_path / "up.wav", 0.5)
    # An organ's octave may be stronger than its fundamental.
    assert min(abs(np.log2(got / fifth) - octave) for octave in (-1, 0, 1, 2)) < 0.01
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.wav", "la.mid", "plain.wav", "up.wav"]


@needs_fluidsynth
def test_a_pedal_never_lifted_ends_with_the_piece(tmp_path: Path) -> None:
    write_midi(tmp_path / "pedal.mid", [(60, 0.0, 1.0, 100)])
    file = mido.MidiFile(tmp_path / "pedal.mid")
    file.tracks[0].insert(2, mido.Message("control_change", control=64, value=127))
    file.save(tmp_path / "pedal.mid")
    render(tmp_path / "pedal.mid", tmp_path / "organ.wav", Rendering(program=19))
    assert soundfile.info(tmp_path / "organ.wav").duration < 8


@needs_fluidsynth
def test_a_midi_name_like_an_option_is_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_midi(tmp_path / "-n.mid", [(60, 0.0, 1.0, 100)])
    monkeypatch.chdir(tmp_path)
    render("-n.mid", "out.wav")
    assert soundfile.info("out.wav").duration > 1
