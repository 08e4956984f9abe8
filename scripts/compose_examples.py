"""Compose and render the four bundled examples, one for each quadrant of the valence–arousal plane.

usage: python scripts/compose_examples.py [FOLDER]      (default: src/damer/examples)

The music is our own and in the public domain (CC0). Rendering needs fluidsynth and FluidR3_GM
(Debian: fluidsynth, fluid-soundfont-gm). The notation is explained in score.py.
"""

import sys
from pathlib import Path

from score import Note, Part, Piece, each_bar, hits, line, render, shaped

EXAMPLES = Path(__file__).parents[1] / "src" / "damer" / "examples"

# General MIDI programs
PIANO, BRIGHT_PIANO, BELLS, GUITAR, DISTORTION = 0, 1, 9, 24, 30
DEEP_BASS, BASS, PICKED_BASS, CELLO, CONTRABASS = 32, 33, 34, 42, 43
TREMOLO, HARP, TIMPANI, STRINGS, TRUMPET, TROMBONE, BRASS = 44, 46, 47, 48, 56, 57, 61
OBOE, FLUTE, WARM_PAD = 68, 73, 89
# General MIDI percussion keys
KICK, SNARE, CLAP, HAT, OPEN_HAT, CRASH, CHINA, TAMBOURINE = 36, 38, 39, 42, 46, 49, 52, 54

# -- Q1, joyful and excited: a quick dance in D major, all off-beats, handed from flute to trumpet -----------
JOYFUL_VERSE = """
    F#5:1! A5:.5 F#5:.5 D5:1 E5:.5 F#5:.5     | E5:1.5! C#5:.5 A4:1 r:.5 A4:.5
    D5:1! F#5:.5 D5:.5 B4:1 C#5:.5 D5:.5      | G5:1! F#5:.5 E5:.5 D5:1 B4:.5 E5:.5
    F#5:1! A5:.5 F#5:.5 A5:1 B5:.5 A5:.5      | C#6:1.5! B5:.5 A5:1 r:.5 A5:.5
    B5:1! A5:.5 G5:.5 F#5:.5 G5:.5 E5:1       | F#5:.5 E5:.5 C#5:.5 E5:.5 D5:1.5! r:.5
"""
JOYFUL_CHORUS = """
    D5:.5 G5:.5 B5:1! A5:.5 G5:.5 B5:1        | A5:.5 C#6:1! B5:.5 A5:.5 E5:.5 A5:1
    A5:1.5! F#5:.5 C#5:.5 F#5:.5 A5:1         | B5:1 D6:1! C#6:.5 B5:.5 A5:.5 F#5:.5
    G5:.5 B5:.5 D6:1.5! C#6:.5 B5:1           | C#6:.5 A5:.5 E5:.5 A5:.5 C#6:1! E6:1
    F#6:1! D6:.5 A5:.5 F#5:.5 A5:.5 D6:1      | E6:.5 C#6:.5 A5:.5 C#6:.5 D6:1.5! r:.5
"""
JOYFUL_INTRO_CHORDS = "D3,F#3,A3 A2,C#3,E3 "
JOYFUL_VERSE_CHORDS = "D3,F#3,A3 A2,C#3,E3 B2,D3,F#3 G2,B2,D3 D3,F#3,A3 A2,C#3,E3 G2,B2,D3 A2,C#3,E3 "
JOYFUL_CHORUS_CHORDS = "G2,B2,D3 A2,C#3,E3 F#2,A2,C#3 B2,D3,F#3 G2,B2,D3 A2,C#3,E3 D3,F#3,A3 A2,C#3,E3 "
JOYFUL_TAG = "D5+F#5+A5:.5! r:.5 D5+F#5+A5:.5! r:1 E5+G5+A5:.5! r:.5 E5+A5+C#6:.5! D5+F#5+A5+D6:2.5!"
JOYFUL_TAG_BASS = "D2:.5! r:.5 D2:.5! r:1 A2:.5! r:.5 A2:.5! D2:2.5!"


def joyful() -> Piece:
    """Two bars of vamp, eight of verse, eight of chorus and a tag, at 144 beats a minute."""
    verse, chorus, tag = 8, 40, 72
    chords = JOYFUL_INTRO_CHORDS + JOYFUL_VERSE_CHORDS + JOYFUL_CHORUS_CHORDS
    bars = range(18)
    drums = [
        *hits("...xxxXX", SNARE, 6, 88, 0.25),
        *(note for bar in bars for note in hits("X..x x...", KICK, 4 * bar, 100)),
        *(note for bar in bars[2:] for note in hits("..X. ..X.", SNARE, 4 * bar, 92)),
        *(note for bar in bars[10:] for note in hits("..X. ..Xx", CLAP, 4 * bar, 84)),
        *(note for bar in bars for note in hits("oXoX oXoX", HAT, 4 * bar, 70)),
        *(note for bar in bars[2:] for note in hits("xoXo xoXo", TAMBOURINE, 4 * bar, 62)),
        *(Note(4 * bar, 2, CRASH, 92) for bar in (2, 10, 14, 18, 19)),
        *hits("X.X....X X", KICK, tag, 96),
    ]
    flute = line(JOYFUL_VERSE, verse, 92, 0.8) + line(JOYFUL_CHORUS, chorus, 96, 0.85)
    trumpet = line(JOYFUL_CHORUS, chorus, 96, 0.8, -12)
    bells = line(JOYFUL_VERSE, verse, 60, 0.6, 12)[16:] + line(JOYFUL_CHORUS, chorus, 62, 0.6)
    piano = each_bar(chords, "r:.5 4+5+6:.5! " * 4, 0, 4, 84, 0.6)
    strings = each_bar(JOYFUL_CHORUS_CHORDS, "4+5+6:4", 10, 4, 74, 0.98)
    bass = each_bar(chords, "1:.5! 1:.5 3:.5 4:.5 3:.5! 1:.5 2:.5 3:.5", 0, 4, 98, 0.8)
    parts = [
        Part(FLUTE, flute + line(JOYFUL_TAG, tag, 84, 0.8), level=112, pan=54),
        Part(TRUMPET, trumpet + line(JOYFUL_TAG, tag, 84, 0.8, -12), level=98, pan=78),
        Part(BELLS, bells, level=78, pan=84),
        Part(BRIGHT_PIANO, piano + line(JOYFUL_TAG, tag, 78, 0.9), pan=40),
        Part(STRINGS, strings + line(JOYFUL_TAG, tag, 70, 0.9), level=88, pan=90, reverb=60),
        Part(BASS, bass + line(JOYFUL_TAG_BASS, tag, 90, 0.9), level=108, reverb=20),
        Part(0, drums, level=104, reverb=30, drums=True),
    ]
    return Piece("joyful", [(0, 144)], parts, peak=0.8, looseness=0.004)


# -- Q2, angry and tense: a D-Phrygian riff full of tritones, hammered and then driven upwards ---------------
ANGRY_RIFF = """
    D2:.5! D2:.5 Eb2:.5 D2:.5 Ab2:.5! G2:.5 Eb2:.5 D2:.5
    D2:.5! D2:.5 D2:.25 D2:.25 Eb2:.5 Ab2:1! A2:.5! Ab2:.5
"""
ANGRY_CLIMB = """
    D2:.5! D2:.5 Eb2:.5! Eb2:.5 E2:.5! E2:.5 F2:.5! F2:.5
    F#2:.5! F#2:.5 G2:.5! G2:.5 Ab2:.5! Ab2:.5 A2:.5! A2:.5
"""
ANGRY_CRY = """
    A4:1.5! Bb4:.5 A4:1 Ab4:1                 | D5:1.5! Eb5:.5 D5:.5 C5:.5 Bb4:1
    A4:1.5! Bb4:.5 C#5:1 D5:1                 | Eb5:2.5! D5:.5 C#5:1
"""
ANGRY_LAST_CRY = """
    Ab5:1.5! A5:.5 Ab5:1 G5:1                 | Eb5:.5! D5:.5 Eb5:.5 D5:.5 Ab5:2!
    A5:1! Ab5:1! G5:1! F#5:1!                 | F5:1! E5:1! Eb5:2!
"""
ANGRY_STABS = "D3+Ab3+C4+Eb4:.5! r:1 D3+Ab3+C4+Eb4:.5! r:1 Eb3+A3+C#4+E4:.5! r:.5 "
ANGRY_TREMOLO = """
    D4+F4+Ab4+B4:8   Eb4+Gb4+A4+C5:8   D4+F4+Ab4+B4:8   E4+G4+Bb4+C#5:8
    D4+F4+Ab4:4 Eb4+Gb4+A4:4 E4+G4+Bb4:4 F4+Ab4+B4:2 F#4+A4+C5:2
    D4+F4+Ab4:4 Eb4+Gb4+A4:4 E4+G4+Bb4:4 F4+Ab4+B4:2 F#4+A4+C5:2
"""
ANGRY_END = "D3+A3+D4+Eb4+Ab4:.5! r:.5 D3+A3+D4+Eb4+Ab4:.5! r:.5 D2+D3+A3+Eb4+Ab4:2.5!"


def angry() -> Piece:
    """Four bars of riff, eight of cries, four of climbing, four of both and three blows, at 158."""
    cries, climb, both, end = 16, 48, 64, 80
    bars = range(20)
    low = ANGRY_RIFF * 6 + ANGRY_CLIMB * 2 + ANGRY_RIFF * 2
    high = ANGRY_RIFF * 4 + ANGRY_CLIMB * 4
    drums = [
        *(note for bar in bars for note in hits("XxxX xxXx Xxxx XxXx", KICK, 4 * bar, 104, 0.25)),
        *(note for bar in bars[2:] for note in hits("..X. ..X.", SNARE, 4 * bar, 112)),
        *(note for bar in bars[12:16] for note in hits("oooo oxox oxox xxXX", SNARE, 4 * bar, 92, 0.25)),
        *(note for bar in bars[4:16] for note in hits("X.X. X.X.", OPEN_HAT, 4 * bar, 84)),
        *(note for bar in bars[16:] for note in hits("X.X. X.X.", CHINA, 4 * bar, 84)),
        *(Note(4 * bar, 2, CRASH, 118) for bar in (0, 4, 8, 12, 14, 16, 17, 18, 19)),
        *hits("X.X.X", KICK, end, 120),
        *hits("X.X.X", CRASH, end, 120),
    ]
    blows = line(ANGRY_END, end, 98, 0.9)
    brass = line(ANGRY_CRY * 2, cries, 108, 0.9) + line(ANGRY_STABS * 4, climb, 112, 0.8)
    trombone = line(ANGRY_CRY, 32, 104, 0.9, -12) + line(ANGRY_LAST_CRY, both, 112, 0.9, -13)
    tremolo = shaped(line(ANGRY_TREMOLO, cries, 104, 1.0), (16, 0.7), (48, 1.0), (64, 1.15), (80, 1.15))
    timpani = hits("XxXxxxXX", 38, 60, 110) + hits("X...X...", 38, both, 110, 1) + hits("X.X.X", 38, end, 120)
    bass = line(low, 0, 112, 0.8, -12) + line("D1:.5! r:.5 D1:.5! r:.5 D1:2.5!", end, 120, 0.9)
    fifths = line(ANGRY_RIFF * 6 + ANGRY_CLIMB * 2, 0, 98, 0.62, 7)
    parts = [
        Part(DISTORTION, line(low, 0, 104, 0.62) + fifths + blows, level=96, pan=34, reverb=30),
        Part(DISTORTION, line(high, cries, 100, 0.62, 12) + blows, level=86, pan=96, reverb=30),
        Part(PICKED_BASS, bass, level=112, reverb=15),
        Part(PIANO, line(low, 0, 108, 0.8, -12) + line(low, 0, 100, 0.8) + blows, level=96, pan=58),
        Part(TREMOLO, tremolo, level=108, pan=84, reverb=50),
        Part(BRASS, brass + line(ANGRY_LAST_CRY, both, 114) + blows, level=106, pan=46),
        Part(TROMBONE, trombone, pan=80),
        Part(TIMPANI, timpani, level=110),
        Part(0, drums, level=112, reverb=25, drums=True),
    ]
    return Piece("angry", [(0, 158)], parts, peak=0.8, looseness=0.003)


# -- Q3, sad: a slow lament in A minor over a falling bass; a cello sings, an oboe answers ------------------
SAD_CHORDS = "A2,E3,A3,C4 G2,E3,G3,B3 F2,C3,F3,A3 E2,B2,E3,G#3 C3,G3,C4,E4 D3,A3,D4,F4 B2,F3,A3,D4 "
SAD_CELLO = """
    r:1 E4:1.5 D4:.5 C4:1                     | B3:2.5 r:.5 G3:.5~ B3:.5~
    C4:1.5 B3:.5~ A3:2                        | A3:1 G#3:2.5~ r:.5
    r:.5 A3:.5~ A4:1.5! G4:.5 E4:1            | F4:2.5! E4:.5~ D4:1
    E4:1 D4:.5~ C4:.5~ B3:1 A3:.5~ G#3:.5~    | A3:4~
"""
SAD_OBOE = "r:2 B4:1.5 C5:.5~ | B4:1~ r:3 | r:4 | r:4 | r:3 B4:1~ | A4:2.5~"
SAD_STRINGS = """
    A3+C4+E4:4 | G3+B3+E4:4 | F3+A3+C4:4 | E3+A3+B3:1 E3+G#3+B3:3
    E3+A3+C4:4 | F3+A3+D4:4 | F3+A3+D4:2 E3+G#3+D4:2 | E3+A3+C4:5
"""
SAD_BASS = "A2:4 | G2:4 | F2:4 | E2:4 | C3:4 | D3:4 | B2:2 E2:2 | A2:5"


def sad() -> Piece:
    """Eight bars of four, sinking from 60 beats a minute to 44."""
    piano = each_bar(SAD_CHORDS, "1:.5 2:.5~ 3:.5~ 4:.5 3:.5~ 2:.5~ 4:.5~ 3:.5~", 0, 4, 46, 1.6)
    piano += line("A1:.5 E2:.5~ A2:.5~ C3:.5~ E3:2~ A1+E2+C3:3~", 28, 40, 1.4)
    arch = ((0, 0.8), (12, 0.9), (20, 1.15), (26, 0.95), (32, 0.7))
    parts = [
        Part(CELLO, shaped(line(SAD_CELLO, 0, 70, 1.02), *arch), level=118, pan=70, reverb=75),
        Part(OBOE, shaped(line(SAD_OBOE, 12, 52, 1.0), (12, 0.9), (32, 0.8)), level=84, pan=48, reverb=80),
        Part(STRINGS, shaped(line(SAD_STRINGS, 0, 40, 1.0), *arch), level=92, pan=60, reverb=90),
        Part(PIANO, shaped(piano, *arch), level=96, pan=56, reverb=70),
        Part(CONTRABASS, shaped(line(SAD_BASS, 0, 38, 1.0, -12), *arch), level=92, pan=66, reverb=70),
    ]
    tempo = [(0, 60), (6, 57), (16, 62), (21, 59), (26, 53), (28, 48), (30, 44)]
    return Piece("sad", tempo, parts, peak=0.42, looseness=0.014)


# -- Q4, calm: a lullaby in F major, guitar and harp under a low flute, never far from home -----------------
CALM_CHORDS = """
    F2,C3,A3,G3  Bb2,F3,A3,D4  F2,C3,A3,G3   Bb2,F3,C4,D4  A2,F3,C4,F4   C3,G3,C4,D4
    Bb2,F3,A3,D4 F2,C3,A3,C4   Bb2,F3,A3,D4  C3,F3,A3,C4   Bb2,F3,C4,D4
"""
CALM_FLUTE = """
    r:3 | r:3 | C5:2 A4:1~ | D5:1.5 C5:.5~ A4:1~ | C5:3 | r:1 F4:.5~ G4:.5~ A4:1
    D5:2 C5:1~ | C5:1 A4:2~ | D5:1 C5:.5~ A4:.5~ G4:1~ | A4:3 | G4:1.5~ F4:1.5~ | F4:3~
"""
CALM_PAD = """
    F3+A3+C4:3 | F3+A3+D4:3 | F3+A3+C4:3 | F3+Bb3+D4:3 | F3+A3+C4:3 | G3+C4+D4:3
    F3+A3+D4:3 | F3+A3+C4:3 | F3+A3+D4:3 | F3+A3+C4:3 | F3+Bb3+D4:3 | F3+A3+C4:5
"""
CALM_HARP = """
    r:9 | r:1.5 F5:.5~ A5:.5~ C6:.5~ | r:3 | r:2 C6:.5~ G5:.5~ | r:6
    r:1 A5:.5~ C6:.5~ F6:1~ | r:6 | r:1 F5:.5~ A5:.5~ C6:1~
"""
CALM_BASS = "F2:3 Bb2:3 F2:3 Bb2:3 A2:3 C3:3 Bb2:3 F2:3 Bb2:3 C3:3 Bb2:3 F2:4"


def calm() -> Piece:
    """Twelve bars of three at 68 beats a minute, settling at the end."""
    guitar = each_bar(CALM_CHORDS, "1:.5 2:.5~ 3:.5~ 4:.5 3:.5~ 2:.5~", 0, 3, 58, 2.2)
    guitar += line("F2:.5 C3:.5~ A3:.5~ C4:.5~ F4:2~", 33, 50, 1.8)
    breath = ((0, 0.9), (12, 1.0), (20, 1.08), (30, 0.95), (36, 0.75))
    pad = shaped(line(CALM_PAD, 0, 44, 1.02), (0, 0.7), (9, 1.0), (36, 0.8))
    parts = [
        Part(GUITAR, shaped(guitar, *breath), level=108, pan=50, reverb=70),
        Part(FLUTE, shaped(line(CALM_FLUTE, 0, 56, 1.0), *breath), level=92, pan=72, reverb=85),
        Part(WARM_PAD, pad, level=66, reverb=90),
        Part(HARP, shaped(line(CALM_HARP, 0, 50, 3.0), *breath), level=92, pan=88, reverb=85),
        Part(DEEP_BASS, shaped(line(CALM_BASS, 0, 48, 0.98), *breath), level=92, pan=60, reverb=50),
    ]
    return Piece("calm", [(0, 68), (30, 66), (33, 60), (34.5, 52)], parts, peak=0.42, looseness=0.012)


def main() -> None:
    """Render the four pieces and say how large each became."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLES
    for piece in (joyful(), angry(), sad(), calm()):
        path = render(piece, folder)
        print(f"{path}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
