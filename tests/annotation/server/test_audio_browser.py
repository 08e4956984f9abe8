"""Chromium takes what the server sends: decodeAudioData gives the file's own samples."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from annotate_api import SETTINGS
from annotator_page import ARGUMENTS, CHROMIUM

from damer.annotation.server.answers import Track
from damer.annotation.server.app import ServerSettings, create_app
from damer.annotation.server.limits import Limits
from damer.annotation.server.service import StudyService
from damer.annotation.server.serving import Serving, listen, make_server
from damer.annotation.server.sounds import Sounds
from damer.annotation.server.studies import Draft, make_study
from damer.annotation.tables import StudyTrack

SECONDS, RATE = 8.0, 44_100
KINDS: dict[str, tuple[str, dict[str, str], float]] = {
    "flac16": (".flac", {"subtype": "PCM_16"}, 0.0),
    "flac24": (".flac", {"subtype": "PCM_24"}, 0.0),
    "wav16": (".wav", {"subtype": "PCM_16"}, 0.0),
    "wav24": (".wav", {"subtype": "PCM_24"}, 0.0),
    "wavfloat": (".wav", {"subtype": "FLOAT"}, 0.0),
    "wavex": (".wav", {"format": "WAVEX", "subtype": "PCM_16"}, 0.0),
    "ogg": (".ogg", {}, 0.0),
    "gain": (".flac", {"subtype": "PCM_16"}, -6.0),
}
DECODE = """async (url) => {
  const answer = await fetch(url);
  const data = await answer.arrayBuffer();
  const context = new OfflineAudioContext(2, 44100, 44100);
  const sound = await context.decodeAudioData(data.slice(0));
  const left = sound.getChannelData(0);
  return {status: answer.status, size: data.byteLength, frames: sound.length, rate: sound.sampleRate,
          channels: sound.numberOfChannels, some: Array.from(left.slice(100000, 100400))};
}"""


@asynccontextmanager
async def served(folder: Path, rows: list[StudyTrack]) -> AsyncIterator[str]:
    """Serve a study in this loop, with all that is in `web` as its pages; give its address."""
    database = str(folder / "study.sqlite3")
    await make_study(database, Draft("Sounds", rows[3:], ["a01"], calibration=rows[:3], settings=SETTINGS))

    async def opened() -> StudyService:
        return await StudyService.open(database, folder=folder)

    app = create_app(opened, ServerSettings(folder=folder, web=folder / "web"))
    with listen("127.0.0.1", 0) as listener:
        server = make_server(app, Serving(folder, ""))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.stop()
            await task


@pytest.mark.e2e
def test_chromium_decodes_every_kind(tmp_path: Path) -> None:
    pytest.importorskip("playwright")
    if not Path(CHROMIUM).exists():
        pytest.skip("chromium is missing")
    sound = np.random.default_rng(0).uniform(-0.4, 0.4, (int(SECONDS * RATE), 2))
    rows = []
    for name, (suffix, options, gain_db) in KINDS.items():
        soundfile.write(tmp_path / f"{name}{suffix}", sound, RATE, **options)
        rows.append(StudyTrack(name, f"{name}{suffix}", SECONDS, gain_db=gain_db))
    found = asyncio.run(decoded(tmp_path, rows))
    for row in rows:
        expected = soundfile.read(tmp_path / row.file)[0][100_000:100_400, 0] * 10 ** (row.gain_db / 20)
        told = found[row.track_id]
        assert (told["status"], told["rate"], told["channels"]) == (200, RATE, 2), row.track_id
        assert told["frames"] == len(sound), row.track_id
        np.testing.assert_allclose(told["some"], expected, atol=1.1 * 2**-15, err_msg=row.track_id)
        assert told["size"] > told["frames"], "nothing was cut off"


async def decoded(folder: Path, rows: list[StudyTrack]) -> dict[str, Any]:
    """Let Chromium load what annotators are sent of every track, padding and all."""
    from playwright.async_api import async_playwright

    assets = folder / "web" / "assets"
    assets.mkdir(parents=True)
    sounds = Sounds(folder / "sounds", Limits(), 0.0)
    for row in rows:
        answer: Any = await sounds.covert("a01", row.track_id, Track(row, folder / row.file))
        (assets / row.track_id).write_bytes(b"".join([bytes(part) async for part in answer.body_iterator]))
    found: dict[str, Any] = {}
    async with served(folder, rows) as address, async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = await chromium.new_page()
        await page.goto(f"{address}/api/docs")
        for row in rows:
            found[row.track_id] = await page.evaluate(DECODE, f"/assets/{row.track_id}")
        await chromium.close()
    return found
