"""Running a curation in this process, and what came of it."""

import hashlib
from pathlib import Path

from damer.curation import Curation, CurationSettings, Result, Row

RATE = 44100
RULES = CurationSettings(min_s=1.5, max_s=4, screener="none")


def curate(
    source: Path,
    out: Path,
    settings: CurationSettings = RULES,
    licences: Path | None = None,
    workers: int = 1,
) -> tuple[Result, dict[str, Row], list[str]]:
    """Run; return the result, the rows by file, and the files that were worked on."""
    worked: list[str] = []

    def arrived(row: Row | None, earlier: bool) -> None:
        assert (row is None) == earlier
        if row is not None:
            worked.append(row.file)

    with Curation(source, out, settings, licences) as run:
        run.find()
        run.work(workers, arrived)
        result = run.finish()
        rows = {row.file: row for row in run.rows()}
    return result, rows, worked


def digests(out: Path) -> dict[str, str]:
    """Return the SHA-256 of every result, the hidden memory left out."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and ".curation" not in path.parts
    }
