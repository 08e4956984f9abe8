"""The study folder as an archive to be downloaded."""

import asyncio
import re
import shutil
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

if TYPE_CHECKING:
    from damer.annotation.server.service import StudyService

_ABANDONED_S = 86_400.0
_DATE = (1980, 1, 1, 0, 0, 0)  # of every file: the same study gives the same archive


class Exports:
    """Archives of one study; one is made at a time."""

    def __init__(self, folder: Path | None) -> None:
        """Begin without any.

        Args:
            folder: of the study; archives lie in a folder of it while they are sent. None: where the system
                has such files.
        """
        self._folder = folder
        self._one = asyncio.Lock()

    async def response(self, service: "StudyService") -> FileResponse:
        """Return what is recorded so far, as a .zip with one folder."""
        url = service.database.url.render_as_string(hide_password=False)
        name = re.sub(r"[^A-Za-z0-9]+", "-", service.info.name).strip("-")[:60].lower() or "study"
        async with self._one:
            scratch = Path(await asyncio.to_thread(tempfile.mkdtemp, "", "export-", self._scratch()))
            try:
                archive = await asyncio.to_thread(_make, url, scratch, name, self._folder)
            except BaseException:
                shutil.rmtree(scratch, ignore_errors=True)
                raise
        remove = BackgroundTask(shutil.rmtree, scratch, ignore_errors=True)
        return FileResponse(
            archive,
            media_type="application/zip",
            filename=archive.name,
            headers={"Cache-Control": "no-store"},
            background=remove,
        )

    def _scratch(self) -> Path | None:
        if self._folder is None:
            return None
        parent = self._folder / "exports"
        parent.mkdir(exist_ok=True)
        for left in parent.glob("export-*"):  # by a server that was killed
            if time.time() - left.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(left, ignore_errors=True)
        return parent


def _make(url: str, scratch: Path, name: str, study: Path | None) -> Path:
    from damer.annotation.server.export import export_study  # brings Parquet and scipy: not needed to start

    folder, archive = scratch / name, scratch / f"{name}.zip"
    export_study(url, folder, folder=study)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:  # Parquet is compressed already
        for path in sorted(folder.iterdir()):
            about = zipfile.ZipInfo(f"{name}/{path.name}", _DATE)
            about.external_attr = 0o644 << 16
            with path.open("rb") as source, file.open(about, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target, 1 << 20)
    shutil.rmtree(folder)
    return archive
