"""From MIDI to sound by FluidSynth, plainly or varied.

FluidSynth runs as a process of its own, so its licence (LGPL) touches nothing here. A variation changes the
instrument, tempo, key, touch, loudness and room of a piece, and is decided by the track's id and the
variant's number alone: the same on every machine, whatever else is rendered.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from damer.core.errors import DamerError
from damer.core.track import Track

if TYPE_CHECKING:
    import mido

RATE = 44100
PLAIN_GAIN = 0.5
BYTES_A_SECOND = 4 * RATE  # stereo, 16 bit
LONGEST_S = 1800
SUSTAIN, ALL_NOTES_OFF = 64, 123  # controllers
DRUM_CHANNEL = 9  # General MIDI's channel 10, counted from 0
SOUNDFONTS = (
    "/usr/share/sounds/sf2/FluidR3_GM.sf2",
    "/usr/share/soundfonts/FluidR3_GM.sf2",
    "/usr/share/sounds/sf2/default-GM.sf2",
    "/opt/homebrew/share/soundfonts/default.sf2",
)
# General MIDI programs (from 0) that carry a piano arrangement, with how often each is drawn: the pianos
# most, since the corpora are piano music, and most families at least once so that no one timbre is learned.
PROGRAMS = {
    **dict.fromkeys(range(6), 3),  # acoustic and electric pianos
    **dict.fromkeys((6, 7, 8, 11, 12), 1),  # harpsichord, clavi, celesta, vibraphone, marimba
    **dict.fromkeys((16, 18, 19, 21), 1),  # organs, accordion
    **dict.fromkeys((24, 25, 26, 27, 29), 1),  # guitars
    **dict.fromkeys((40, 42, 46, 48, 49, 50, 52), 1),  # violin, cello, harp, strings, choir
    **dict.fromkeys((56, 60, 61, 65, 68, 71, 73), 1),  # brass, saxophone, oboe, clarinet, flute
    **dict.fromkeys((80, 81, 88, 89, 90), 1),  # synthesizer leads and pads
}
# Else every run reads all 140 MB of a soundfont. The sound is the same to the last bit.
_LOAD_WHAT_SOUNDS = ("-o", "synth.dynamic-sample-loading=1")


@dataclass(frozen=True)
class Rendering:
    """How a MIDI file becomes sound. The default is the plain command: `fluidsynth -ni -q -g 0.5 -r 44100`.

    Attributes:
        program: General MIDI program 0–127 for all channels but drums; None keeps the file's own.
        tempo: Factor on the speed, > 0; 1.1 is a tenth faster.
        transposition: Semitones up (down if negative); drums stay.
        velocity: Factor on every note's velocity, which stays in 1–127.
        gain: FluidSynth's master gain, (0, 10].
        reverb: Whether there is a room at all.
        room: Size of the room, 0–1; None is FluidSynth's own.
        damping: Damping of the room, 0–1; None is FluidSynth's own.
        level: Loudness of the room, 0–1; None is FluidSynth's own.
        chorus: Whether there is a chorus.
    """

    program: int | None = None
    tempo: float = 1.0
    transposition: int = 0
    velocity: float = 1.0
    gain: float = PLAIN_GAIN
    reverb: bool = True
    room: float | None = None
    damping: float | None = None
    level: float | None = None
    chorus: bool = True

    @property
    def edits_midi(self) -> bool:
        """Whether the MIDI file itself must be changed before it is played."""
        return (self.program, self.tempo, self.transposition, self.velocity) != (None, 1.0, 0, 1.0)

    def options(self) -> list[str]:
        """Return FluidSynth's options; for the plain command that is the gain alone."""
        call = ["-g", f"{self.gain:.4g}"]
        call += [] if self.reverb else ["-R", "0"]
        call += [] if self.chorus else ["-C", "0"]
        settings = {"room-size": self.room, "damp": self.damping, "level": self.level}
        for name, value in settings.items():
            call += [] if value is None else ["-o", f"synth.reverb.{name}={value:.4f}"]
        return call


def variation(track_id: str, variant: int) -> Rendering:
    """Return how variant `variant` of a track is rendered; 0 is the plain command.

    Args:
        track_id: Id of the track without its variant (`Track.base_id`).
        variant: 0, 1, 2, …
    """
    if variant == 0:
        return Rendering()
    seed = hashlib.sha256(f"{track_id}@{variant}".encode()).digest()
    rng = np.random.default_rng(np.frombuffer(seed, dtype=np.uint32))
    programs, weights = list(PROGRAMS), np.array(list(PROGRAMS.values()), dtype=np.float64)
    return Rendering(
        program=int(rng.choice(programs, p=weights / weights.sum())),
        # Small enough that the piece keeps its labels: tempo and loudness are what arousal is heard by.
        tempo=round(float(np.exp(rng.uniform(np.log(0.92), np.log(1.09)))), 4),
        transposition=int(rng.integers(-5, 7)),
        velocity=round(float(rng.uniform(0.85, 1.15)), 4),
        gain=round(PLAIN_GAIN * 10 ** (float(rng.uniform(-8, 4)) / 20), 4),
        reverb=bool(rng.random() < 0.8),
        room=round(float(rng.uniform(0.1, 0.9)), 4),
        damping=round(float(rng.uniform(0.0, 0.6)), 4),
        level=round(float(rng.uniform(0.2, 0.9)), 4),
        chorus=bool(rng.random() < 0.5),
    )


def in_time(track: Track, tempo: float) -> Track:
    """Return the track with its clip and labels over time moved to a rendering `tempo` times as fast."""
    if tempo == 1.0:
        return track
    record = track.to_dict()
    record["clip_start"] = track.clip_start / tempo
    record["clip_end"] = None if track.clip_end is None else track.clip_end / tempo
    record["dynamic"] = [(end / tempo, valence, arousal) for end, valence, arousal in track.dynamic]
    return Track.from_dict(record)


def find_soundfont(chosen: str | Path | None = None) -> Path:
    """Return the soundfont to use: the chosen one, or FluidR3 where the usual packages put it.

    Raises:
        DamerError: there is none.
    """
    if chosen is not None:
        if not Path(chosen).is_file():
            raise DamerError(f"{chosen}: no such soundfont file")
        return Path(chosen)
    for place in SOUNDFONTS:
        if Path(place).is_file():
            return Path(place)
    raise DamerError(
        f"no soundfont in {', '.join(SOUNDFONTS)}; install the package fluid-soundfont-gm "
        "or name a file with --soundfont"
    )


def find_fluidsynth() -> str:
    """Return the path of the fluidsynth command.

    Raises:
        DamerError: it is not installed.
    """
    command = shutil.which("fluidsynth")
    if command is None:
        raise DamerError(
            "fluidsynth is not installed; MIDI cannot be rendered without it: install the package fluidsynth"
        )
    return command


def render(
    midi: str | Path, out: str | Path, how: Rendering | None = None, soundfont: str | Path | None = None
) -> None:
    """Render a MIDI file to a 16-bit stereo WAV at 44 100 Hz.

    Args:
        midi: The MIDI file.
        out: The WAV to write; an edited copy of the MIDI file lies beside it while it is played.
        how: The variation; None is the plain command.
        soundfont: An SF2 file; None is FluidR3 as found by `find_soundfont`.

    Raises:
        DamerError: FluidSynth or the soundfont is missing, the file cannot be read or played.
    """
    how = how or Rendering()
    command, font = find_fluidsynth(), find_soundfont(soundfont)
    source, target = Path(midi), Path(out)
    if not source.is_file():
        raise DamerError(f"{source}: no such MIDI file")
    copy = target.with_suffix(".mid") if how.edits_midi else None
    try:
        if copy is not None:
            _save(edited(source, how), copy)
        # FluidSynth takes a name that starts with "-" for an option, hence absolute paths.
        played = (copy or source).absolute()
        call = [command, "-ni", "-q", *_LOAD_WHAT_SOUNDS, *how.options()]
        call += ["-r", str(RATE), "-F", str(target.absolute())]
        _run([*call, str(font.absolute()), str(played)], source, target)
    finally:
        if copy is not None:
            copy.unlink(missing_ok=True)
    if not target.is_file():
        raise DamerError(f"{source}: fluidsynth made no sound of it; is it a MIDI file?")


def _run(call: list[str], source: Path, target: Path) -> None:
    """Run FluidSynth until it ends; one that never would (a note is never released) is ended."""
    try:
        process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    except OSError as error:
        raise DamerError(f"{source}: fluidsynth cannot be started ({error.strerror})") from error
    with process:
        while True:
            try:
                _, errors = process.communicate(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                if target.is_file() and target.stat().st_size > LONGEST_S * BYTES_A_SECOND:
                    process.kill()
                    raise DamerError(
                        f"{source}: still sounds after {LONGEST_S // 60} minutes; is a note never released?"
                    ) from None
    said = errors.decode(errors="replace").strip().splitlines()
    wrong = [line for line in said if line.startswith("fluidsynth: error:")]
    if process.returncode != 0 or wrong:
        reason = (wrong or said or [f"status {process.returncode}"])[0].removeprefix("fluidsynth: error: ")
        raise DamerError(f"{source}: fluidsynth failed ({reason}); is it a whole MIDI file?")


def edited(source: Path, how: Rendering) -> "mido.MidiFile":
    """Return the MIDI file with another program, tempo, key and touch; drums (channel 10) keep kit and pitch.

    Raises:
        DamerError: mido is not installed, or the file is no MIDI file.
    """
    try:
        import mido
    except ImportError:
        raise DamerError(
            "varied rendering needs mido; install it with: pip install 'damer[datasets]'"
        ) from None
    try:
        file = mido.MidiFile(source, clip=True)
    except (OSError, ValueError, EOFError, KeyError, IndexError) as error:
        raise DamerError(f"{source}: cannot be read as MIDI ({error!r})") from error
    for track in file.tracks:
        track[:] = list(_edited_track(track, how))
    if how.program is not None and file.tracks:
        channels = [channel for channel in range(16) if channel != DRUM_CHANNEL]
        programs = [mido.Message("program_change", channel=c, program=how.program, time=0) for c in channels]
        file.tracks[0][:0] = programs
    _release(file)
    if how.tempo != 1.0 and file.tracks:
        # MIDI's own tempo until the first change is 120 beats a minute: it must be set to be scaled.
        file.tracks[0].insert(0, mido.MetaMessage("set_tempo", tempo=_tempo(500_000, how.tempo), time=0))
    return file


def _edited_track(track: Iterable[Any], how: Rendering) -> Iterable[Any]:
    """Yield the messages changed; a removed message's time goes to the next one."""
    waited = 0
    for message in track:
        waited += message.time
        melodic = not message.is_meta and getattr(message, "channel", DRUM_CHANNEL) != DRUM_CHANNEL
        if how.program is not None and _sets_program(message, melodic):
            continue
        changes: dict[str, int] = {"time": waited}
        waited = 0
        if message.type == "set_tempo":
            changes["tempo"] = _tempo(message.tempo, how.tempo)
        elif message.type in {"note_on", "note_off"}:
            if melodic:
                changes["note"] = _transposed(message.note, how.transposition)
            if message.type == "note_on" and message.velocity > 0:
                changes["velocity"] = min(127, max(1, round(message.velocity * how.velocity)))
        yield message.copy(**changes)


def _sets_program(message: Any, melodic: bool) -> bool:
    """Whether a message would take the chosen program back: program, bank, or a system reset (sysex)."""
    bank = message.type == "control_change" and message.control in {0, 32}
    return message.type == "sysex" or (melodic and (bank or message.type == "program_change"))


def _release(file: "mido.MidiFile") -> None:
    """End every note with the piece: a pedal never lifted fades on a piano, but holds an organ for ever."""
    import mido

    if not file.tracks:
        return
    longest = max(file.tracks, key=lambda track: sum(message.time for message in track))
    rest = longest.pop().time if longest and longest[-1].type == "end_of_track" else 0
    for channel in range(16):
        for control in (SUSTAIN, ALL_NOTES_OFF):
            longest.append(
                mido.Message("control_change", channel=channel, control=control, value=0, time=rest)
            )
            rest = 0
    longest.append(mido.MetaMessage("end_of_track", time=0))


def _tempo(microseconds: int, factor: float) -> int:
    """Microseconds a beat, scaled; MIDI keeps them in 24 bits."""
    return min(2**24 - 1, max(1, round(microseconds / factor)))


def _transposed(note: int, semitones: int) -> int:
    """Move a note; one that would leave MIDI's range is brought back by octaves: its pitch class stays."""
    moved = note + semitones
    while moved > 127:
        moved -= 12
    while moved < 0:
        moved += 12
    return moved


def _save(file: "mido.MidiFile", path: Path) -> None:
    try:
        file.save(path)
    except (OSError, ValueError) as error:
        raise DamerError(f"{path}: the varied MIDI file cannot be written ({error})") from error
