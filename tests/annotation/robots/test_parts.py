"""The parts of a robot by themselves: its ear, its HTTP, its outbox. Whole lives are tested elsewhere."""

import asyncio
import io
import json
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from damer.annotation.robots import (
    Answer,
    Batch,
    Connection,
    Ear,
    Outbox,
    RefusedError,
    UnreachableError,
    Visitor,
)
from damer.annotation.robots.robot import rows_of
from damer.annotation.simulation import Annotator, hand
from damer.annotation.tables import Samples

RATE = 8000


def sound(seed: int, seconds: float, gain: float = 1.0, kind: str = "FLAC") -> bytes:
    """Noise that swells in its own way."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * RATE)) / RATE
    swell = sum(rng.uniform(0.1, 0.3) * np.sin(2 * np.pi * times * rng.uniform(0.2, 2)) for _ in range(4))
    file = io.BytesIO()
    wave: npt.NDArray[np.float64] = gain * 0.2 * np.exp(3 * swell) * rng.standard_normal(len(times))
    soundfile.write(file, np.clip(wave, -1, 1), RATE, format=kind)
    return file.getvalue()


def test_an_ear_knows_a_piece_again_whatever_its_gain_and_format() -> None:
    ear = Ear()
    first = [ear.hear(sound(seed, 4.0)) for seed in range(20)]
    again = [ear.hear(sound(seed, 4.0, gain=0.3, kind="WAV")) for seed in reversed(range(20))]
    assert [track.row.track_id for track in first] == [track.row.track_id for track in reversed(again)]
    assert len({track.row.track_id for track in first}) == 20
    assert ear.hear(sound(0, 3.0)).row.duration_s == 3.0


def test_what_travels_stays_inside_the_disc() -> None:
    angles = np.linspace(0, 2 * np.pi, 1000)
    samples = Samples(50.0 * np.arange(1000), np.cos(angles), np.sin(angles), client_ms=np.arange(1000.0))
    rows = rows_of(samples)
    assert max(np.hypot(row[3], row[4]) for row in rows) <= 1.0
    assert max(abs(row[3] - np.cos(angle)) for row, angle in zip(rows, angles, strict=True)) <= 1e-4
    assert json.loads(json.dumps(rows[7]))[:2] == [7, 350.0]


def test_a_hand_gives_twenty_samples_a_second() -> None:
    track = Ear().hear(sound(1, 4.0))
    assert len(rows_of(hand(Annotator(), track, 4.0, np.random.default_rng(0)))) == 80


class Script:
    """A door behind which somebody answers from a list; an exception in it is raised."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, bytes]] = []

    async def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.asked.append((f"{method} {path}", body))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        pass


def ok(**value: object) -> Answer:
    return Answer(200, {}, json.dumps(value).encode())


def test_an_outbox_keeps_what_was_not_acknowledged_and_sends_the_same_bytes_again() -> None:
    batches = [Batch.of("t", number, [(number, 50.0 * number, 0.0, 0.1, 0.2, 1)]) for number in range(4)]
    conflict = Answer(409, {}, b'{"code": "conflict", "message": "another content"}')
    door = Script(
        ok(duplicate=False),
        UnreachableError("gone"),
        Answer(503, {}, b"busy"),
        Answer(429, {}, b'{"code": "rate"}'),
        ok(duplicate=True),
        conflict,
        ok(duplicate=False),
    )

    async def scenario() -> Outbox:
        outbox = Outbox()
        for batch in batches:
            await outbox.put(batch)
        sender = asyncio.create_task(outbox.run(Visitor(door)))
        await asyncio.wait_for(outbox.empty(), 10)
        sender.cancel()
        return outbox

    outbox = asyncio.run(scenario())
    assert [batch.number for batch in outbox.acknowledged] == [0, 1, 3]
    assert [batch.number for batch, _ in outbox.refused] == [2]
    assert outbox.repeated == 1
    second = {body for path, body in door.asked if path.endswith("/batches/1")}
    assert second == {batches[1].body}
    assert len(door.asked) == 7


def test_a_connection_survives_a_server_that_hangs_up_and_says_so_each_time() -> None:
    served = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        while head := await reader.readline():
            length = 0
            while (line := await reader.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            body = await reader.readexactly(length)
            served += 1
            if served == 2:  # acted on, but nobody is told
                break
            told = json.dumps({"asked": head.decode().strip(), "said": body.decode()}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(told) + told)
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        door = Connection(f"http://127.0.0.1:{port}")
        first = await door.request("POST", "/a", {}, b"one")
        assert first.json() == {"asked": "POST /a HTTP/1.1", "said": "one"}
        with pytest.raises(UnreachableError, match="POST /b"):
            await door.request("POST", "/b", {}, b"two")
        both = await asyncio.gather(*(door.request("POST", f"/{n}", {}, b"") for n in range(5)))
        assert [answer.json()["asked"] for answer in both] == [f"POST /{n} HTTP/1.1" for n in range(5)]
        server.close()
        await door.close()
        closed = Connection(f"http://127.0.0.1:{port}")
        with pytest.raises(UnreachableError):
            await closed.request("GET", "/", {}, b"")

    asyncio.run(scenario())


def test_a_refusal_says_why() -> None:
    with pytest.raises(RefusedError, match="the rest is not over") as caught:
        Answer(409, {}, b'{"code": "rest", "message": "the rest is not over", "until": 12.5}').json()
    assert (caught.value.code, caught.value.until) == ("rest", 12.5)
