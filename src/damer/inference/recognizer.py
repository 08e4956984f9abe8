"""The façade: one object for files, samples, views and live sound."""

import os
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike

from damer.core.errors import DamerError
from damer.core.memory import A_FEW_BLOCKS, keep_freed_memory
from damer.core.result import Model, Segment
from damer.inference.networks import Views2Emotion
from damer.inference.recognition import Recognition
from damer.inference.sound import File2Emotion, Floats, Samples2Emotion, to_mono

PathLike = str | os.PathLike[str]


class Recognizer:
    """Tells the emotion of music: arousal and valence, second by second.

    Args:
        arousal: arousal checkpoint; None is the one in the package.
        valence: valence checkpoint; None is the one in the package.
        device: "cpu", "cuda", or "auto": CUDA where there is some.

    Attributes:
        model: which weights answer.
        context_s: how many seconds around a second have a part in its answer.

    Raises:
        DamerError: a checkpoint is missing or unusable, or the device is not there.

    With glibc the process keeps up to 128 MB of memory that is freed, which makes the next file a quarter
    quicker (`damer.core.memory`).

    Example:
        recognizer = damer.Recognizer()
        emotion = recognizer("song.mp3")
        print(emotion.term, emotion.arousal, emotion.valence)
        emotion.plot("song.png")
    """

    def __init__(
        self, arousal: PathLike | None = None, valence: PathLike | None = None, device: str = "auto"
    ) -> None:
        keep_freed_memory(A_FEW_BLOCKS)
        self._networks = Views2Emotion(arousal, valence, device)
        self._listener = Samples2Emotion(self._networks)
        self._reader = File2Emotion(self._listener)
        self.model: Model = self._networks.model
        self.context_s: int = self._networks.context_s

    def __call__(self, path: PathLike, window: str | tuple[float, float] = "15:75") -> Recognition:
        """Return the emotion of a file.

        Args:
            path: a music file: MP3, FLAC, Ogg Vorbis, Opus, WAV, AIFF, M4A/AAC.
            window: which part to hear: "START:END" or a pair, in seconds, or "all". Where a track ends
                before the window does, what there is of the window is heard if that is 15 s, else the
                whole track.

        Raises:
            DamerError: the file cannot be used; the message says why and what to do.
        """
        return self._reader(path, window)

    def from_samples(self, samples: ArrayLike, rate: int) -> Recognition:
        """Return the emotion of samples, all of them; see `Samples2Emotion.__call__`."""
        return self._listener(samples, rate)

    def from_views(self, mel: ArrayLike, cochleagram: ArrayLike) -> Recognition:
        """Return the emotion of views extracted before; see `Views2Emotion.__call__`."""
        return self._networks(mel, cochleagram)

    def stream(self, blocks: Iterable[ArrayLike], rate: int, lookahead_s: int = 0) -> Iterator[Segment]:
        """Yield the seconds of live audio, each as soon as it can be told.

        A second is answered when it and `lookahead_s` seconds more have come, from the stretch of sound
        around it that is there; the numbers are those of `from_samples` on that stretch. With 0, the
        default, the latency is the second itself and about a tenth of one of computing, and the network hears
        its whole context in the past. With half the context or more, every second after the first half
        context is answered as in the whole recording (but for what the edges of a stretch do to views
        whose windows cross seconds, and rounding).

        Args:
            blocks: samples [n] or [n, channels], any n, as they come; see `from_samples` for their kinds.
            rate: samples a second, Hz.
            lookahead_s: whole seconds to wait for, at least 0; half the context is `context_s // 2`.

        Raises:
            DamerError: a block holds NaN or infinity, or has a shape that cannot be.
        """
        if lookahead_s < 0:
            raise DamerError(f"stream: lookahead_s is {lookahead_s}; it must be 0 or more")
        own, context = self._listener.rate, self._networks.context_s
        reach = max(context // 2, context - 1 - lookahead_s) + self._networks.halo_s
        held: Floats = np.empty(0, np.float32)
        first, second = 0, 0  # the second at which `held` begins, and the next to answer
        before: float | None = None  # the sample before `held`
        for part, is_last in _resampled(blocks, rate, own):
            held = np.concatenate([held, part])
            come = first + len(held) // own
            while second < come and (is_last or second + lookahead_s < come):
                start, stop = max(0, second - reach) - first, min(come, second + 1 + lookahead_s) - first
                previous = float(held[start * own - 1]) if start else before
                sound = held[start * own : stop * own]
                yield self._listener.segments(sound, first + start, [second - first - start], previous)[0]
                second += 1
            if passed := max(0, second - reach - first):
                before, held, first = float(held[passed * own - 1]), held[passed * own :], first + passed


def _resampled(blocks: Iterable[ArrayLike], rate: int, wanted: int) -> Iterator[tuple[Floats, bool]]:
    """Yield mono blocks at another rate and whether each is the last; the last may be empty."""
    empty = np.empty(0, np.float32)
    if rate == wanted:
        for block in blocks:
            yield to_mono(block, rate, "stream"), False
        yield empty, True
        return
    import soxr

    resampler = soxr.ResampleStream(rate, wanted, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield resampler.resample_chunk(to_mono(block, rate, "stream")), False
    yield resampler.resample_chunk(empty, last=True), True
