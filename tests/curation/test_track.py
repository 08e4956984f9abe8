"""One file's way: what is written, what is turned away and why, what cannot be read, whatever its length."""

import hashlib
import io
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from ebur128 import ebur128, varied
from numpy.typing import NDArray
from sounds import tones

from damer.core.errors import DamerError
from damer.curation.loudness import Meter
from damer.curation.row import Row
from damer.curation.settings import CurationSettings
from damer.curation.track import Outcome, Task, _write_wav, curate_file

RATE = 44100
RULES = CurationSettings(min_s=2, max_s=4, screener="none")
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def run(path: Path, settings: CurationSettings = RULES) -> Outcome:
    out = path.parent / "out"
    (out / "audio").mkdir(parents=True, exist_ok=True)
    outcome = curate_file(Task(path.name, path, out, out / "scratch.f32", settings, prints=False))
    left = [found.name for found in out.iterdir()]
    assert left == ["audio"], "scratch files are left behind"
    return outcome


def row_of(path: Path, settings: CurationSettings = RULES) -> Row:
    row = run(path, settings).row
    assert row is not None
    return row


def written(path: Path, row: Row) -> NDArray[np.float32]:
    file = path.parent / "out" / row.output
    about = soundfile.info(file)
    assert (about.samplerate, about.channels, about.format, about.subtype) == (RATE, 2, "WAV", "PCM_16")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == row.sha256
    return np.asarray(soundfile.read(file, dtype="float32")[0], np.float32)


# -- what is kept --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "channels", "suffix"), [(44100, 2, "wav"), (48000, 1, "flac"), (22050, 2, "ogg")]
)
def test_kept(tmp_path: Path, rate: int, channels: int, suffix: str) -> None:
    path = tmp_path / f"song.{suffix}"
    soundfile.write(path, np.stack([tones(3, rate, seed) for seed in range(channels)], 1), rate)
    row = row_of(path)
    assert (row.status, row.reason, row.note) == ("kept", "", "")
    assert row.sha256_source == hashlib.sha256(path.read_bytes()).hexdigest()
    assert row.track_id == "t" + row.sha256_source[:12]
    assert row.output == f"audio/{row.track_id}.wav"
    assert (row.sample_rate_in, row.channels_in) == (rate, channels)
    assert row.codec_in.startswith(suffix)
    assert row.duration_s == pytest.approx(3, abs=0.001)
    samples = written(path, row)
    assert len(samples) == pytest.approx(3 * RATE, abs=1)
    if channels == 1:
        assert (
            np.abs(samples[:, 0] - samples[:, 1]).max() <= 3.01 / 32768
        )  # each side has a dither of its own
    meter = Meter(RATE)
    meter.add(samples)
    found = meter.measure()
    assert found.loudness_lufs == pytest.approx(-23, abs=0.02)
    assert row.loudness_lufs == pytest.approx(found.loudness_lufs, abs=0.001)
    assert row.true_peak_dbtp == pytest.approx(found.true_peak_dbtp, abs=0.001)
    assert row.gain_db == pytest.approx(-23 - (row.loudness_in_lufs or 0), abs=0.01)


def test_one_gain_for_the_whole_track_and_noise_that_does_not_follow_the_music(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    sound = np.stack([tones(3, RATE, 1), tones(3, RATE, 2)], 1)
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    row = row_of(path)
    error = written(path, row) * 32768 - sound * 10 ** ((row.gain_db or 0) / 20) * 32768
    assert np.abs(error).max() <= 1.5 + 0.01
    assert np.abs(error.mean()) < 0.01
    # Triangular dither and rounding: a variance of 1/4 step², the same wherever the music stands.
    loud = np.abs(sound) > np.quantile(np.abs(sound), 0.9)
    for part in (error[loud], error[~loud]):
        assert part.var() == pytest.approx(0.25, rel=0.05)
    assert abs(np.corrcoef(error[:, 0], sound[:, 0])[0, 1]) < 0.01


def test_same_bytes_every_time(tmp_path: Path) -> None:
    path = tmp_path / "song.flac"
    soundfile.write(path, tones(2.5, 32000), 32000)
    assert row_of(path) == row_of(path)


@needs_ffmpeg
@pytest.mark.parametrize("number", [0, 3, 7])
def test_what_is_written_measures_the_same_in_ffmpeg(tmp_path: Path, number: int) -> None:
    sound, rate = varied(number)
    path = tmp_path / "song.wav"
    soundfile.write(path, sound, rate, subtype="FLOAT")
    row = row_of(path, CurationSettings(min_s=2, max_s=10, screener="none"))
    loudness, peak = ebur128(path.parent / "out" / row.output)
    assert row.loudness_lufs is not None
    assert loudness == pytest.approx(row.loudness_lufs, abs=0.1 + 1e-6)
    assert loudness == pytest.approx(-23, abs=0.1 + 1e-6)
    assert peak <= -1.0


@pytest.mark.parametrize("ceiling", [-1.0, -6.0])
def test_true_peak_stays_under_the_limit_and_the_track_is_flagged(tmp_path: Path, ceiling: float) -> None:
    path = tmp_path / "clicks.wav"
    sound = 0.001 * tones(3, RATE)
    sound[RATE // 3 :: RATE // 2] = 0.9  # rare clicks over soft music: -23 LUFS would clip them
    soundfile.write(path, np.stack([sound, sound], 1), RATE, subtype="FLOAT")
    row = row_of(path, CurationSettings(min_s=2, max_s=4, screener="none", true_peak_dbtp=ceiling))
    assert row.status == "kept"
    assert row.peak_limited
    assert row.true_peak_dbtp is not None
    assert row.loudness_lufs is not None
    assert ceiling - 0.01 < row.true_peak_dbtp <= ceiling
    assert row.loudness_lufs < -24
    assert "below the target, as the true peak would be too high" in row.note
    assert np.abs(written(path, row)).max() < 10 ** (ceiling / 20)
    if shutil.which("ffmpeg"):
        assert ebur128(path.parent / "out" / row.output)[1] <= ceiling


@pytest.mark.parametrize("level", [-40, 12])
def test_soft_and_overfull_sounds_reach_the_target(tmp_path: Path, level: float) -> None:
    path = tmp_path / "song.wav"
    soundfile.write(path, tones(3, RATE) * 10 ** (level / 20), RATE, subtype="FLOAT")
    row = row_of(path)
    assert row.loudness_lufs == pytest.approx(-23, abs=0.02)
    assert ("noise may be heard" in row.note) == (level < 0)


@needs_ffmpeg
def test_a_streamed_recording_that_states_no_length(tmp_path: Path) -> None:
    sound, path = tmp_path / "sound.wav", tmp_path / "recording.webm"
    soundfile.write(sound, tones(3, 48000), 48000)
    command = ["ffmpeg", "-v", "error", "-i", str(sound), "-c:a", "libopus", "-f", "webm", "-"]
    path.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    row = row_of(path)
    assert (row.status, row.codec_in) == ("kept", "opus")
    assert row.duration_s == pytest.approx(3, abs=0.05)


def test_a_fingerprint_that_fails_loses_no_track(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(samples: object, rate: int) -> None:
        raise DamerError("fpcalc: cannot make a fingerprint (status 9)")

    monkeypatch.setattr("damer.curation.fingerprint.fingerprint", fail)
    path, out = tmp_path / "song.wav", tmp_path / "out"
    soundfile.write(path, tones(3, RATE), RATE)
    (out / "audio").mkdir(parents=True)
    outcome = curate_file(Task("song.wav", path, out, out / "scratch.f32", RULES, prints=True))
    assert outcome.row is not None
    assert outcome.row.status == "kept"
    assert outcome.row.note == "not compared with other tracks: fpcalc: cannot make a fingerprint (status 9)"
    assert outcome.fingerprint == b""


# -- what is turned away -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "status", "reason"),
    [
        (1.999, "rejected", "too short: lasts 2.00 s, less than 2 s"),
        (2.0, "kept", ""),
        (4.0, "kept", ""),
        (4.001, "rejected", "too long: lasts 4.00 s, more than 4 s"),
        (4.4, "rejected", "too long: lasts 4.40 s, more than 4 s"),
        (6.0, "rejected", "too long: lasts 6.00 s, more than 4 s"),
    ],
)
def test_durations(tmp_path: Path, seconds: float, status: str, reason: str) -> None:
    path = tmp_path / "song.wav"
    soundfile.write(path, tones(seconds, RATE), RATE)
    row = row_of(path)
    assert (row.status, row.reason) == (status, reason)
    assert row.duration_s == pytest.approx(seconds, abs=0.001)


@pytest.mark.parametrize("level", [0.0, 1e-5])
def test_silence(tmp_path: Path, level: float) -> None:
    path = tmp_path / "still.wav"
    soundfile.write(path, level * tones(3, RATE), RATE, subtype="FLOAT")
    row = row_of(path)
    assert (row.status, row.reason) == ("rejected", "silent: nothing in it is louder than -70 LUFS")
    assert not list((tmp_path / "out" / "audio").iterdir())


# -- what cannot be read -------------------------------------------------------------------------------------


def failure(path: Path) -> str:
    row = row_of(path)
    assert row.status == "failed"
    assert row.file == path.name
    assert str(path) not in row.reason, "the path stands in the row already"
    assert not list((path.parent / "out" / "audio").iterdir())
    return row.reason


def test_missing(tmp_path: Path) -> None:
    assert "there is no such file" in failure(tmp_path / "none.mp3")


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    assert failure(tmp_path / "empty.wav") == "is empty (0 bytes); fetch or export it again"


@pytest.mark.parametrize("suffix", [".mp3", ".wav", ".flac"])
def test_no_sound(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"noise{suffix}"
    path.write_bytes(np.random.default_rng(5).bytes(5000))
    assert "cannot be decoded" in failure(path)


@needs_ffmpeg
def test_video_without_sound(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=d=3", str(path)], check=True)
    assert failure(path) == "has no audio stream; give a file with sound"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers(tmp_path: Path, value: float) -> None:
    path = tmp_path / "broken.wav"
    sound = tones(3, RATE)
    sound[RATE] = value
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    assert failure(path) == "holds samples that are NaN or infinite; export it again"


def test_header_that_states_an_absurd_rate(tmp_path: Path) -> None:
    path = tmp_path / "slow.wav"
    soundfile.write(path, np.zeros(4000), 1000)
    assert failure(path) == "states a rate of 1000 Hz; export it again"


def test_too_many_channels(tmp_path: Path) -> None:
    path = tmp_path / "many.wav"
    soundfile.write(path, np.zeros((3 * RATE, 10)), RATE)
    assert "has 10 channels" in failure(path)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg"])
@pytest.mark.parametrize(("share", "status"), [(0.75, "kept"), (0.3, "rejected")])
def test_cut_short(tmp_path: Path, suffix: str, share: float, status: str) -> None:
    whole, cut = tmp_path / f"whole.{suffix}", tmp_path / f"cut.{suffix}"
    soundfile.write(whole, np.random.default_rng(0).uniform(-0.3, 0.3, 4 * RATE), RATE)
    data = whole.read_bytes()
    cut.write_bytes(data[: int(share * len(data))])
    row = row_of(cut)
    assert row.status == status
    if status == "kept":
        assert row.duration_s == pytest.approx(3, abs=0.3)
        # Where the header still tells what there should be, so does the note.
        assert row.note.startswith("cut short: ") == (suffix in ("flac", "mp3"))
    else:
        assert row.reason.startswith("too short")


@pytest.mark.parametrize("stated_s", [100.0, 3600.0])
def test_header_that_promises_more_than_there_is(tmp_path: Path, stated_s: float) -> None:
    """A FLAC header's length is a number that anything can write: only sound makes a file too long."""
    path = tmp_path / "song.flac"
    soundfile.write(path, tones(3, RATE), RATE)
    data = bytearray(path.read_bytes())
    frames = round(stated_s * RATE)
    data[21] = (data[21] & 0xF0) | frames >> 32  # STREAMINFO: 36 bits of total samples
    data[22:26] = (frames & 0xFFFFFFFF).to_bytes(4, "big")
    path.write_bytes(data)
    assert soundfile.info(path).duration == pytest.approx(stated_s)
    row = row_of(path)
    assert row.status == "kept"
    assert row.note == f"cut short: 3.0 s of {stated_s:.1f} s could be decoded"


# -- memory and disk -----------------------------------------------------------------------------------------

_LONG = """
import resource, sys
from pathlib import Path
from damer.curation.settings import CurationSettings
from damer.curation.track import Task, curate_file
path, out, longest = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
(out / "audio").mkdir(parents=True)
rules = CurationSettings(min_s=1, max_s=longest, screener="none")
row = curate_file(Task(path.name, path, out, out / "scratch.f32", rules, False)).row
anonymous = int(next(line for line in open("/proc/self/status") if line.startswith("RssAnon")).split()[1])
print(row.status, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, anonymous // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Twenty minutes that are kept: decoded they are 423 MB; at most 100 MB more than a minute are held."""
    peaks = []
    for minutes in (1, 20):
        path = tmp_path / f"{minutes}.wav"
        minute = np.stack([tones(60, RATE, 1), tones(60, RATE, 2)], 1)
        with soundfile.SoundFile(path, "w", RATE, 2) as file:
            for _ in range(minutes):
                file.write(minute)
        command = [sys.executable, "-c", _LONG, str(path), str(tmp_path / f"out{minutes}"), "2000"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        status, _, anonymous = done.stdout.split()
        assert status == "kept"
        peaks.append(int(anonymous))
    assert peaks[1] < peaks[0] + 100


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems limit it otherwise")
def test_long_file_is_turned_away_by_its_header_alone(tmp_path: Path) -> None:
    """Three hours of silence as a sparse WAV of 1.9 GB: neither decoded nor hashed."""
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros((10, 2)), RATE)
    frames = 3 * 3600 * RATE
    data = bytearray(path.read_bytes()[:44])
    data[4:8], data[40:44] = (36 + 4 * frames).to_bytes(4, "little"), (4 * frames).to_bytes(4, "little")
    path.write_bytes(data)
    with path.open("r+b") as file:
        file.truncate(44 + 4 * frames)
    before = resource.getrusage(resource.RUSAGE_SELF)
    row = row_of(path)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert row.reason == "too long: lasts 10800.00 s, more than 4 s"
    assert after.ru_utime - before.ru_utime < 1
    assert row.sha256_source == ""


def test_full_disk_ends_the_run_and_leaves_nothing(tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk: the system refuses the write half-way."""
    path = tmp_path / "song.wav"
    soundfile.write(path, tones(3, RATE), RATE)
    code = (
        "import resource, signal, sys\nfrom pathlib import Path\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))\n"
        "from damer.curation.settings import CurationSettings\n"
        "from damer.curation.track import Task, curate_file\n"
        "path = Path(sys.argv[1]); out = path.parent / 'out'; (out / 'audio').mkdir(parents=True)\n"
        "rules = CurationSettings(min_s=1, max_s=10, screener='none')\n"
        "outcome = curate_file(Task(path.name, path, out, out / 'scratch.f32', rules, False))\n"
        "print(outcome.row, '|', outcome.fatal, '|', sorted(p.name for p in out.rglob('*')))\n"
    )
    for limit in (100_000, 900_000):
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        done = subprocess.run(
            [sys.executable, "-c", code, str(path), str(limit)], capture_output=True, text=True, check=True
        )
        row, fatal, left = done.stdout.strip().split(" | ")
        assert row == "None"
        assert "cannot be written (file too large); make room" in fatal
        assert left == "['audio']"


def test_disk_that_is_full_within_a_wav_file_is_named_as_such() -> None:
    """`wave` mends the header of what broke off: that must not hide why it did."""

    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            if self.tell() > 100_000:
                raise OSError(28, "No space left on device")
            return super().write(data)  # type: ignore[arg-type]

    sound = np.zeros((400_000, 2), np.float32)
    with pytest.raises(OSError, match="No space left on device"):
        _write_wav(Full(), sound, 0.0, 0, Meter(RATE))
