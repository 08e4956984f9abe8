"""A small study with a past and a server for it: what `screenshots.py` takes its pictures of."""

import asyncio
import dataclasses
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import soundfile

from damer.annotation.protocol import StudySettings
from damer.annotation.robots.ear import Ear, Piece, envelope
from damer.annotation.robots.inside import FastClock, Inside, present
from damer.annotation.robots.music import PLACES, cut
from damer.annotation.robots.robot import Pace, Robot
from damer.annotation.server.app import ServerSettings, create_app
from damer.annotation.server.config import DATABASE, make_folder
from damer.annotation.server.limits import Rate, Rates
from damer.annotation.server.service import StudyService
from damer.annotation.server.serving import Serving, listen, make_server
from damer.annotation.server.studies import Draft
from damer.annotation.simulation import Annotator, Curve, KnownTrack
from damer.annotation.tables import StudyTrack
from damer.examples import QUADRANTS, example_path

T = TypeVar("T")
NAME = "Piano and strings, winter"
DAY_S = 86400.0
SETTINGS = StudySettings(
    duplicate_every=4, duplicate_distance=2, calibration_tracks=3, calibration_attempts=2,
    calibration_distance=0.4, calibration_known=0.6, reset_s=15.0, daily_cap_s=180.0,
)  # fmt: skip

# name: how they annotate, days ago that they began, whether they come back on the days after
PAST = {
    "a01": (Annotator(noise=0.04, lag_s=1.0), 3, True),
    "a02": (Annotator(noise=0.06, lag_s=1.6, bias=(0.08, 0.0)), 3, True),
    "a03": (Annotator(noise=0.05, lag_s=0.8, bias=(-0.05, 0.1)), 1, False),
    "a04": (Annotator(noise=0.07, lag_s=1.3, interrupts=0.35), 2, True),
    "a05": (Annotator(careless=True), 2, True),
    "a06": (Annotator(noise=0.05, lag_s=1.2, bias=(0.1, -0.1)), 2, True),
    "a07": (Annotator(noise=0.08, lag_s=1.8), 1, False),
    "a08": (Annotator(noise=0.06, lag_s=1.1, bias=(-0.1, 0.0)), 3, True),
    "a09": (Annotator(noise=0.05, lag_s=2.0), 4, False),
    "a10": (Annotator(noise=0.06, lag_s=1.4), 0, False),
    "a11": (Annotator(careless=True), 1, True),
}
YOU = "a12"
LEFT = "a09"  # has left, and is to be replaced
FAILED = "a05"  # failed until paused
AGAIN = "a11"  # failed, and may try again
RESTING = "a10"  # has used up the day
FINISHED = "a01"
MIDWAY = "a07"  # in the middle of the work
# fmt: off
INSTRUMENTS = {
    "a01": ("piano", "voice"), "a02": ("violin", "piano"), "a03": ("piano",), "a04": ("guitar", "voice"),
    "a05": ("guitar",), "a06": ("violin", "voice", "piano"), "a07": ("guitar", "piano"), "a08": ("violin",),
    "a09": ("erhu", "piano"), "a10": ("voice", "percussion"), "a11": ("piano", "guitar"),
}
# fmt: on


def pieces(folder: Path, span: tuple[float, float | None] = (0.0, None), name: str = "") -> list[KnownTrack]:
    """Write the bundled pieces, or a span of each in seconds, with a story for each."""
    tracks = []
    for number, (piece, quadrant) in enumerate(QUADRANTS.items()):
        samples, rate = soundfile.read(example_path(piece), dtype="float32", always_2d=True)
        samples = samples[round(span[0] * rate) : None if span[1] is None else round(span[1] * rate)]
        path = folder / f"{piece}{name}.flac"
        soundfile.write(path, samples, rate, format="FLAC")
        row = StudyTrack(path.stem, str(path), len(samples) / rate, group="The bundled pieces",
                         title=piece.capitalize(), licence="CC0-1.0", is_cc0=True)  # fmt: skip
        tracks.append(KnownTrack(row, _story(PLACES[quadrant], number)))
    return tracks


def _story(place: tuple[float, float], number: int) -> Curve:
    def curve(seconds: np.ndarray) -> np.ndarray:
        turn = 2 * np.pi * seconds / 34.0
        valence = place[0] * 0.8 + 0.32 * np.sin(turn + number) + 0.1 * np.sin(3.1 * turn)
        arousal = place[1] * 0.8 + 0.35 * np.cos(turn * 1.3 + 2 * number) + 0.08 * np.sin(4.3 * turn)
        points = np.stack([valence, arousal], axis=-1)
        return points / np.maximum(1.0, np.hypot(valence, arousal) * 1.02)[..., None]

    return curve


class Study:
    """The study, made and served in a thread of its own.

    Args:
        folder: empty, of the study.

    Attributes:
        base: address of the server.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ahead_s = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.base, self.researcher = self.run(self._begin())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the server's loop and return what came of it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def pass_time(self, seconds: float) -> None:
        """Move the server's clock on: rests are over at once."""
        self._ahead_s += seconds

    def link(self, annotator: str) -> str:
        """Return a new link of an annotator."""
        return f"{self.base}/{self.run(self._service.invite(annotator)).path.lstrip('/')}"

    def link_of_researcher(self) -> str:
        """Return a new link of the researcher."""
        path = self.run(self._service.invite("researcher", "researcher")).path
        return f"{self.base}/{path.lstrip('/')}"

    def close(self) -> None:
        """Stop the server."""
        self._server.stop()
        self.run(asyncio.wait_for(asyncio.shield(self._serving), 20))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _begin(self) -> tuple[str, str]:
        music = cut(self._folder / "music")
        exemplars = pieces(self._folder / "music", (16.0, 28.0), "-exemplar")
        work = [*pieces(self._folder / "music"), *pieces(self._folder / "music", (12.0, 33.0), "-again")]
        calibration = [*music.calibration, *pieces(self._folder / "music", (8.0, 16.0), "-calibration-2")]
        extremes = [(track.row, PLACES[quadrant])
                    for track, quadrant in zip(exemplars, QUADRANTS.values(), strict=True)]  # fmt: skip
        draft = Draft(NAME, [track.row for track in work], [*PAST, YOU], extremes,
                      [track.row for track in calibration], SETTINGS, seed=4)  # fmt: skip
        await make_folder(self._folder, draft)
        known = (*exemplars, *calibration, *work)
        ear = Ear([Piece(track, envelope(Path(track.row.file).read_bytes())[0]) for track in known])
        await self._live(ear)
        url = str(self._folder / DATABASE)
        self._service = await StudyService.open(
            url, folder=self._folder, clock=lambda: time.time() + self._ahead_s
        )
        await self._act()
        token = (await self._service.invite("researcher", "researcher")).path

        async def opened() -> StudyService:
            return self._service

        listener = listen("127.0.0.1", 0)
        self._server = make_server(create_app(opened, self._settings()), Serving(self._folder, url))
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        return base, f"{base}/{token.lstrip('/')}"

    def _settings(self) -> ServerSettings:
        plenty = Rate(1e9, 1e9)
        rates = dataclasses.replace(Rates(), requests=plenty, samples=plenty, sounds=plenty)
        return ServerSettings(folder=self._folder, rates=rates, sound_after_s=0.0)

    async def _live(self, ear: Ear) -> None:
        """Let those of the past work, each on a clock of their own."""
        app = create_app(
            lambda: StudyService.open(str(self._folder / DATABASE), clock=present), self._settings()
        )

        async def live(seed: int, name: str, who: Annotator, days_ago: int, days: bool) -> None:
            # Half an hour ago, or that long before on an earlier day; the zone is one where that is noon.
            begun = time.time() - days_ago * DAY_S - 1800.0 - 200.0 * seed
            zone = f"Etc/GMT{-round(12 - (begun % DAY_S) / 3600):+d}"
            clock = FastClock(begun)
            clock.live_by()
            token = (await app.state.service.invite(name)).token
            who = dataclasses.replace(who, timezone=zone)
            await Robot(Inside(app), token, who, seed, ear=ear, pace=Pace(clock=clock, days=days)).run()

        async with app.router.lifespan_context(app), asyncio.TaskGroup() as group:
            for seed, (name, (who, days_ago, days)) in enumerate(PAST.items()):
                group.create_task(live(seed, name, who, days_ago, days))

    async def _act(self) -> None:
        """Do what a researcher did so far, and let people have told what they play."""
        for number, (name, played) in enumerate(INSTRUMENTS.items()):
            await self._service.set_profile(name, {
                "instruments": list(played), "training_years": 2 * number,
                "age_band": ("18_24", "25_34")[number % 2], "gender": ("woman", "man")[number % 2],
            })  # fmt: skip
        await self._service.researcher.drop("researcher", LEFT, "has moved away")
        await self._service.researcher.readmit("researcher", AGAIN)
