"""A small study of the bundled music with a past, a present and a place for a newcomer."""

import asyncio
import dataclasses
import signal
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from damer.annotation.protocol import StudySettings
from damer.annotation.robots.connection import Connection
from damer.annotation.robots.ear import Ear
from damer.annotation.robots.inside import FastClock, Inside, present
from damer.annotation.robots.music import PLACES, Music, cut
from damer.annotation.robots.robot import Pace, Robot
from damer.annotation.server.app import ServerSettings, create_app
from damer.annotation.server.config import CONFIG, DATABASE, find_study, make_folder
from damer.annotation.server.limits import Rate, Rates
from damer.annotation.server.service import StudyService
from damer.annotation.server.serving import Serving, make_server
from damer.annotation.server.studies import Draft
from damer.annotation.simulation import Annotator
from damer.core.errors import DamerError
from damer.examples import QUADRANTS

NAME = "Demonstration"
NEWCOMER = "you"
RESEARCHER = "researcher"

PAST: Mapping[str, Annotator] = {
    "ada": Annotator(noise=0.04, lag_s=1.0),
    "ben": Annotator(noise=0.06, lag_s=1.6, bias=(0.08, 0.0)),
    "cyd": Annotator(noise=0.05, lag_s=0.8, bias=(-0.05, 0.1), timezone="Asia/Shanghai"),
    "dee": Annotator(noise=0.07, lag_s=1.3, interrupts=0.15),
    "eli": Annotator(careless=True),
}
"""Who has been here: four have finished, one failed the calibration until the researcher was asked."""

PRESENT: Mapping[str, Annotator] = {
    "fay": Annotator(noise=0.05, lag_s=1.2),
    "gus": Annotator(noise=0.06, lag_s=1.0, bias=(0.0, -0.1), timezone="America/Bogota"),
    "hao": Annotator(noise=0.05, lag_s=1.5, interrupts=0.1, timezone="Asia/Shanghai"),
}
"""Who comes while the newcomer looks on, one after another."""

PROFILES: Mapping[str, tuple[str, str, float, tuple[str, ...]]] = {
    "ada": ("25_34", "woman", 12, ("piano", "voice")),
    "ben": ("18_24", "man", 8, ("guitar", "piano")),
    "cyd": ("25_34", "woman", 15, ("violin", "piano")),
    "dee": ("25_34", "man", 4, ("guitar",)),
    "eli": ("18_24", "man", 0, ()),
    "fay": ("18_24", "woman", 10, ("violin", "voice")),
    "gus": ("18_24", "man", 6, ("guitar", "voice")),
    "hao": ("25_34", "woman", 20, ("piano", "violin", "erhu")),
}
"""What they say of themselves: age, gender, years of training, instruments."""

SETTINGS = StudySettings(
    duplicate_every=4,
    duplicate_distance=2,
    calibration_tracks=3,
    calibration_attempts=2,
    calibration_distance=0.4,
    calibration_known=0.6,
    reset_s=3.0,
)
"""The paper's rules, but everything is short, and the calibration kind: it is passed at 0.4, not at 0.25."""

_READS_S = 6.0  # how long somebody who is at work reads, at most, before each step
_DAY_S = 86400.0


def draft(music: Music) -> Draft:
    """Return the study that is to be made of the bundled music."""
    places = [PLACES[QUADRANTS[track.row.group]] for track in music.exemplars]
    return Draft(
        NAME,
        [track.row for track in music.work],
        [NEWCOMER, *PAST, *PRESENT],
        [(track.row, place) for track, place in zip(music.exemplars, places, strict=True)],
        [track.row for track in music.calibration],
        SETTINGS,
        seed=6,  # those of the past, and those who come, are in different cohorts
    )


async def live_past(url: str, ear: Ear, folder: Path) -> None:
    """Let those of the past work through the study, yesterday, with every rule in force and no time spent.

    Args:
        url: of the study's database.
        ear: what they know the music by.
        folder: the study's.
    """
    plenty = Rate(1e9, 1e9)
    rates = dataclasses.replace(Rates(), requests=plenty, samples=plenty, sounds=plenty)
    settings = ServerSettings(folder=folder, rates=rates, sound_after_s=0.0)
    app = create_app(lambda: StudyService.open(url, clock=present), settings)

    async def live(seed: int, name: str, who: Annotator) -> None:
        clock = FastClock(time.time() - _DAY_S + seed * 900.0)
        clock.live_by()
        token = (await app.state.service.invite(name)).token
        await Robot(Inside(app), token, who, seed, ear=ear, pace=Pace(clock=clock, pause_s=20.0)).run()

    async with app.router.lifespan_context(app), asyncio.TaskGroup() as group:
        for name, (age, gender, years, instruments) in PROFILES.items():
            said = {"age_band": age, "gender": gender, "training_years": years, "instruments": [*instruments]}
            await app.state.service.set_profile(name, said)
        for seed, (name, who) in enumerate(PAST.items()):
            group.create_task(live(seed, name, who))


async def live_present(base: str, tokens: Mapping[str, str], ear: Ear) -> None:
    """Let those of the present work, one after another, as fast as music plays.

    Args:
        base: address of the server.
        tokens: of their invitations, by name.
        ear: what they know the music by.
    """
    for seed, (name, who) in enumerate(PRESENT.items(), len(PAST)):
        robot = Robot(Connection(base), tokens[name], who, seed, ear=ear, pace=Pace(pause_s=_READS_S))
        await robot.run()


def run(folder: Path, listener: socket.socket, say: Callable[[str], None]) -> None:
    """Make the study where it is not there yet, and serve it until SIGINT or SIGTERM.

    Args:
        folder: of the study.
        listener: socket on loopback.
        say: prints a line.

    Raises:
        DamerError: the folder cannot be written, or holds another study.
    """
    asyncio.run(_run(folder, listener, say))


async def _run(folder: Path, listener: socket.socket, say: Callable[[str], None]) -> None:
    music = cut(folder / "music")
    ear = Ear(music.pieces())
    if not (folder / CONFIG).exists():
        say("making a study of the bundled music; five simulated annotators go through it first")
        await make_folder(folder, draft(music))
        await live_past(str(folder / DATABASE), ear, folder)
    study = find_study(folder)
    if study.name != NAME:
        raise DamerError(f"{folder}: holds another study; choose another --out")
    service = await StudyService.open(study.url, folder=folder)
    tokens = {name: (await service.invite(name)).token for name in (NEWCOMER, *PRESENT)}
    tokens[RESEARCHER] = (await service.invite(RESEARCHER, "researcher")).token

    async def opened() -> StudyService:
        return service

    settings = Serving(folder, study.url)
    server = make_server(create_app(opened, settings.settings()), settings)
    port = listener.getsockname()[1]
    robots = asyncio.create_task(live_present(f"http://127.0.0.1:{port}", tokens, ear))

    def stop() -> None:
        robots.cancel()
        server.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    # Two names of one machine: a browser keeps a session for each, so both links can be open at once.
    links = {name: f"http://{host}:{port}/#/enter/{tokens[name]}" for name, host in _HOSTS.items()}
    for line in _WELCOME.format(**links, folder=folder).splitlines():
        say(line)
    await server.serve(sockets=[listener])
    robots.cancel()
    (outcome,) = await asyncio.gather(robots, return_exceptions=True)
    if isinstance(outcome, Exception):
        say(f"the simulated annotators stopped early: {outcome!r}")
    say(f"stopped; what was annotated is in {folder}: damer annotate export {folder} --out {folder}/export")


_HOSTS = {NEWCOMER: "127.0.0.1", RESEARCHER: "localhost"}
_WELCOME = """
Four simulated annotators have finished, one failed the calibration, three more come while you look on.
Everything is short: excerpts of 6 to 8.5 s, rests of 3 s, a calibration of 3 tracks, passed at 0.4. In a
real study there are whole pieces, rests of 15 s, and 20 tracks at 0.25.

  annotate    {you}
  research    {researcher}

The first takes about four minutes; put headphones on. Ctrl-C ends it; the same command goes on.
"""
