"""Stands in for fluidsynth where only the way through it is tested: each note is a decaying sine."""

import math
import os
import sys
import time
import wave
from array import array

import mido

RATE = 44100


def main(arguments: list[str]) -> int:
    time.sleep(float(os.environ.get("FAKE_FLUIDSYNTH_SLEEP", "0")))
    out = arguments[arguments.index("-F") + 1]
    gain = float(arguments[arguments.index("-g") + 1])
    try:
        messages = mido.MidiFile(arguments[-1], clip=True)
    except EOFError:
        print("fluidsynth: error: Unexpected end of file", file=sys.stderr)
        return 0
    samples = array("h", bytes(2 * round(RATE * (messages.length + 0.5))))
    now = 0.0
    for message in messages:
        now += message.time
        if message.type == "note_on" and message.velocity > 0:
            frequency = 440 * 2 ** ((message.note - 69) / 12)
            first = round(now * RATE)
            for index in range(first, min(len(samples), first + RATE // 4)):
                t = (index - first) / RATE
                samples[index] = round(
                    32000 * gain * math.exp(-6 * t) * math.sin(2 * math.pi * frequency * t)
                )
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
