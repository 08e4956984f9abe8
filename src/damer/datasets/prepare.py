"""From a corpus to a store ready for training: render MIDI, extract both views, keep the labels beside.

A store is a `FeatureStore` with one more file, `tracks.jsonl`. Tracks enter in a fixed order whatever the
number of workers. A run killed at any moment goes on where it was: a track is in the store whole or not at
all, and `tracks.jsonl`, without which a store does not open for training, is written when the run ends.
"""

import dataclasses
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from damer import audio
from damer.core.errors import DamerError
from damer.core.processes import Died, in_processes
from damer.core.text import valid
from damer.core.track import Track
from damer.datasets import rendering
from damer.datasets.prepared import TRACKS, write_tracks
from damer.features import FeatureSpec, FeatureStore, Views, extract

SCRATCH = "rendering.tmp"


@dataclass(frozen=True)
class Preparation:
    """How a corpus is prepared.

    Attributes:
        window: Part of each track, as `damer.audio.window` reads it; a track that is a clip keeps its own.
        spec: Settings of the two views.
        variants: Varied renderings of each MIDI track, besides the plain one.
        soundfont: SF2 file; None is FluidR3 where the usual packages put it.
        workers: Processes.
    """

    window: str
    spec: FeatureSpec = field(default_factory=FeatureSpec)
    variants: int = 0
    soundfont: Path | None = None
    workers: int = 1


@dataclass
class Outcome:
    """What a run did.

    Attributes:
        tracks: What the store holds of the corpus now, in order.
        added: Ids added by this run.
        failures: Id and reason of each track that could not be prepared.
    """

    tracks: list[Track] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Job:
    """One track (or variant) to prepare; `rendering` is None where there is audio."""

    track: Track
    window: str
    spec: FeatureSpec
    rendering: rendering.Rendering | None
    soundfont: str
    scratch: str

    @property
    def source(self) -> Path:
        """The file it is made from."""
        return Path((self.track.audio if self.rendering is None else self.track.midi) or "")

    def settings(self) -> dict[str, Any]:
        """Return what decides the numbers, besides the spec: a store never mixes two of these for one id."""
        return {
            "source": valid(self.source.name),
            "window": self.window,
            "clip": [self.track.clip_start, self.track.clip_end],
            "rendering": None if self.rendering is None else dataclasses.asdict(self.rendering),
            "soundfont": None if self.rendering is None else Path(self.soundfont).name,
        }


@dataclass(frozen=True)
class Result:
    """Views of a job, where they start on the file's clock, and the source's checksum."""

    views: Views
    start_s: float
    sha256: str


def prepare(
    tracks: Sequence[Track],
    out: str | Path,
    how: Preparation,
    tell: Callable[[str], None] | None = None,
) -> Outcome:
    """Prepare tracks into a store, going on where an earlier run stopped.

    Args:
        tracks: Tracks of a corpus, variant 0.
        out: Folder of the store; made if it is not there.
        how: Window, spec, variants, soundfont, processes.
        tell: Receives one line for each track that fails, the others go on; None writes to standard error.

    Returns:
        What the store holds and what failed. Clip and labels over time of its tracks are those of the sound
        as prepared: a faster rendering's labels come earlier.

    Raises:
        DamerError: the store was made with other settings, or nothing can be rendered here.
    """
    folder = Path(out)
    scratch = folder / SCRATCH
    jobs = plan(tracks, how, scratch)
    with FeatureStore.open_or_create(folder, how.spec) as store:
        store.lock()
        outcome = Outcome()
        missing = [job for job in jobs if not _is_stored(store, job)]
        _fresh(scratch)
        # Half a corpus must not be trained on by mistake: the store opens again when this run has ended.
        (folder / TRACKS).unlink(missing_ok=True)
        bar = tqdm(
            total=len(jobs), initial=len(jobs) - len(missing), unit="track", disable=None, smoothing=0.05
        )
        try:
            with closing(_results(missing, how.workers)) as done:  # processes end before scratch files go
                for job, result in done:
                    bar.update()
                    if isinstance(result, str):
                        outcome.failures.append((job.track.id, result))
                        line = f"damer: {job.track.id}: {result}"
                        tqdm.write(line, file=sys.stderr) if tell is None else tell(line)
                        continue
                    meta = {"clip_start": result.start_s, "settings": job.settings()}
                    with _writing(folder):
                        store.append(job.track.id, result.views, meta, result.sha256)
                    outcome.added.append(job.track.id)
        finally:
            bar.close()
            shutil.rmtree(scratch, ignore_errors=True)
        outcome.tracks = [_as_stored(store, job) for job in jobs if job.track.id in store]
        with _writing(folder):
            write_tracks(folder, outcome.tracks)
    return outcome


def plan(tracks: Sequence[Track], how: Preparation, scratch: Path) -> list[Job]:
    """Return every job: each track as it is, then its variants where there is MIDI to vary.

    Raises:
        DamerError: MIDI is to be rendered and FluidSynth or its soundfont is missing; a track has no sound.
    """
    needed = [
        track for track in tracks if track.audio is None or (how.variants > 0 and track.midi is not None)
    ]
    soundfont = ""
    if needed:
        rendering.find_fluidsynth()
        soundfont = str(rendering.find_soundfont(how.soundfont))
    jobs = []
    for track in tracks:
        if track.audio is None and track.midi is None:
            raise DamerError(f"track {track.id} names neither a sound file nor a MIDI file")
        for number in range(1 + (how.variants if track.midi else 0)):
            from_midi = number > 0 or track.audio is None
            style = rendering.variation(track.base_id, number) if from_midi else None
            timed = rendering.in_time(track.as_variant(number), style.tempo if style else 1.0)
            jobs.append(Job(timed, how.window, how.spec, style, soundfont, str(scratch)))
    return jobs


def views_of(job: Job) -> Result:
    """Render if need be, read the window and extract the views; leaves no file behind.

    Raises:
        DamerError: the sound cannot be rendered or read.
    """
    if job.rendering is None:
        return _extract(job, job.source)
    with tempfile.TemporaryDirectory(dir=job.scratch) as folder:
        sound = Path(folder) / "sound.wav"
        rendering.render(job.source, sound, job.rendering, job.soundfont)
        try:
            return _extract(job, sound)
        except DamerError as error:
            # The reader names the temporary file, which nobody knows.
            raise DamerError(f"{job.source}: {str(error).removeprefix(f'{sound}: ')}") from error


def _extract(job: Job, sound: Path) -> Result:
    track, rate = job.track, job.spec.sample_rate
    if track.clip_start > 0 or track.clip_end is not None:
        read = audio.read(sound, track.clip_start, track.clip_end, rate)
    elif job.rendering is not None and track.dynamic:
        # What a rendering adds behind the labelled music is the last note fading: up to half a minute of it.
        start, end = audio.window(min(audio.duration(sound), track.dynamic[-1][0]), job.window)
        read = audio.read(sound, start, end, rate)
    else:
        read = audio.read_window(sound, job.window, rate)
    views = extract(read.samples, read.rate, job.spec)
    with job.source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Result(views, read.start_s, digest)


def _attempt(job: Job) -> Result | str:
    """Do a job; what is wrong with one file is told, not raised."""
    try:
        return views_of(job)
    except DamerError as error:
        return str(error)
    except Exception as error:  # whatever a damaged file brings about in a decoder, the other files go on
        return f"{job.source}: cannot be prepared ({error!r})"


def _is_stored(store: FeatureStore, job: Job) -> bool:
    if job.track.id not in store:
        return False
    made, wanted = store.entry(job.track.id).meta.get("settings"), job.settings()
    if made != wanted:
        was = made if isinstance(made, dict) else {}
        differing = ", ".join(
            f"{key} {was.get(key)} (now {wanted[key]})" for key in wanted if was.get(key) != wanted[key]
        )
        raise DamerError(
            f"{store.folder}: {job.track.id} was made with other settings: {differing}; choose another folder"
        )
    return True


def _as_stored(store: FeatureStore, job: Job) -> Track:
    """Return the track with the clip that is really stored."""
    entry = store.entry(job.track.id)
    start = float(entry.meta["clip_start"])
    return dataclasses.replace(job.track, clip_start=start, clip_end=start + entry.seconds)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DamerError(
            f"{folder}: cannot be written ({error.strerror}); mend that and run the same command again"
        ) from error


def _fresh(scratch: Path) -> None:
    """Make an empty scratch folder; what a killed run left in it goes."""
    shutil.rmtree(scratch, ignore_errors=True)
    with _writing(scratch.parent):
        scratch.mkdir()


def _results(jobs: Iterable[Job], workers: int) -> Generator[tuple[Job, Result | str], None, None]:
    """Yield each job's result in the jobs' order; a few are in work at a time, so memory stays bounded."""
    if workers <= 1:
        yield from ((job, _attempt(job)) for job in jobs)
        return
    for job, result in in_processes(_attempt, jobs, workers, ahead=2 * workers):
        if isinstance(result, Died):
            remedy = "run the same command again with fewer --workers: it does what is missing"
            result = f"{job.source}: {result.told(remedy)}"
        yield job, result
