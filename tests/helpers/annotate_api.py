"""A study with short sounds and its application, asked without a network, on a clock that tests move."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
from fastapi import FastAPI
from starlette.testclient import TestClient

from damer.annotation.protocol import StudySettings
from damer.annotation.server.answers import About
from damer.annotation.server.app import ServerSettings, create_app
from damer.annotation.server.service import StudyService
from damer.annotation.server.studies import Draft, make_study
from damer.annotation.tables import StudyTrack

if TYPE_CHECKING:
    from httpx2 import Response  # what the test client answers with

API = "/api/v1"
START = 1_780_311_600.0
SETTINGS = StudySettings(
    groups=1, cohorts=1, cohorts_per_group=1, duplicate_every=3, duplicate_distance=2,
    calibration_tracks=4, calibration_distance=2.0, calibration_movement=0.0, calibration_known=0.01,
    extreme_share=0.01, reset_s=2.0, daily_cap_s=300.0,
)  # fmt: skip


class Clock:
    """Time that stands until a test moves it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@dataclass
class Person:
    """Somebody with a session.

    Attributes:
        client: with the cookie.
        name: pseudonym.
        csrf: what X-CSRF-Token must say.
        token: of the link.
    """

    client: TestClient
    name: str
    csrf: str
    token: str

    def get(self, path: str) -> "Response":
        return self.client.get(API + path)

    def send(self, method: str, path: str, body: Any = None) -> "Response":
        return self.client.request(method, API + path, json=body, headers={"X-CSRF-Token": self.csrf})

    def post(self, path: str, body: Any = None) -> "Response":
        return self.send("POST", path, body)

    def me(self) -> dict[str, Any]:
        answer = self.get("/me")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@dataclass
class Running:
    """An application with its study.

    Attributes:
        app: the application.
        client: without a session.
        clock: of the study.
        service: the study itself.
        folder: where it lies.
    """

    app: FastAPI
    client: TestClient
    clock: Clock
    folder: Path
    people: dict[str, Person] = field(default_factory=dict)

    @property
    def service(self) -> StudyService:
        return self.app.state.service  # type: ignore[no-any-return]

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a coroutine function of the service in the application's event loop."""
        assert self.client.portal is not None
        return self.client.portal.call(function, *arguments)

    def enter(self, name: str, role: str = "annotator") -> Person:
        """Invite somebody and log in."""
        token = self.call(self.service.invite, name, role).token
        client = TestClient(self.app)
        client.portal = self.client.portal
        answer = client.post(f"{API}/session", json={"token": token})
        assert answer.status_code == 200, answer.text
        person = Person(client, name, answer.json()["csrf_token"], token)
        self.people[name] = person
        return person


@contextmanager
def running(
    folder: Path,
    lengths_s: Sequence[float] = (3.0,) * 8,
    settings: ServerSettings | None = None,
    suffixes: Sequence[str] = (".flac",),
    protocol: StudySettings = SETTINGS,
    url: str = "",
) -> Iterator[Running]:
    """Make a study in a folder, or a database elsewhere, and serve it to tests."""
    rows = tracks(folder, lengths_s, suffixes)
    draft = Draft(
        "Test study", rows[4:], ["a01", "a02", "a03"], exemplars=[(rows[0], (0.6, 0.6))],
        calibration=rows[1:4], settings=protocol, about=About(made_by="test"), seed=1,
    )  # fmt: skip
    url, clock = url or str(folder / "study.sqlite3"), Clock()
    asyncio.run(make_study(url, draft, clock=clock))

    async def opened() -> StudyService:
        return await StudyService.open(url, folder=folder, clock=clock)

    app = create_app(opened, settings or ServerSettings(folder=folder, sound_after_s=0.0))
    with TestClient(app) as client:
        yield Running(app, client, clock, folder)


def tracks(folder: Path, lengths_s: Sequence[float], suffixes: Sequence[str]) -> list[StudyTrack]:
    """Write sounds, with tags that name them, and return their rows."""
    found = []
    for number, seconds in enumerate(lengths_s):
        path = folder / "audio" / f"track{number:02}{suffixes[number % len(suffixes)]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).uniform(-0.3, 0.3, (round(seconds * 44_100), 2))
        with soundfile.SoundFile(path, "w", 44_100, 2) as file:
            file.title = f"Title {number}"
            file.write(noise)
        found.append(StudyTrack(f"t{number:02}", str(path.relative_to(folder)), seconds))
    return found


def walk_to(person: Person, clock: Clock, steps: Sequence[str]) -> dict[str, Any]:
    """Take an annotator along until one of some steps comes, and return that Me."""
    for _ in range(200):
        me = person.me()
        if me["step"] in steps:
            return me
        _take(person, clock, me)
    raise AssertionError(f"{person.name} does not get to {steps}")


def _take(person: Person, clock: Clock, me: Mapping[str, Any]) -> None:
    step = me["step"]
    if step == "invitation":
        answer = person.post("/me/steps", {"step": "invitation", "timezone": "Europe/Berlin"})
    elif step == "consent":
        answer = person.post("/me/steps", {"step": "consent", "consent_version": "1"})
    elif step in ("volume_check", "training_done"):
        answer = person.post("/me/steps", {"step": step})
    elif step in ("rest", "done_for_today"):
        clock.now = me["until"]
        return
    else:
        answer = hear(person, clock, me)
    assert answer.status_code == 200, answer.text


def hear(person: Person, clock: Clock, me: Mapping[str, Any]) -> "Response":
    """Hear a track to its end."""
    trial_id = start(person, me)
    rows = [[n, n * 50.0, n * 50.0, 0.3 + 0.005 * n, 0.3, 1] for n in range(60)]
    answer = person.post(f"/trials/{trial_id}/batches/0", {"samples": rows})
    assert answer.status_code == 200, answer.text
    clock.now += me["audio"]["duration_s"]
    return person.post(f"/trials/{trial_id}/finish", {"batches": 1})


def start(person: Person, me: Mapping[str, Any]) -> str:
    """Start the next track and return the trial's id."""
    answer = person.post("/trials", {"audio_name": me["audio"]["name"], "client": {"program": "test"}})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["trial_id"])
