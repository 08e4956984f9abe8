"""From a study to a folder that can be published: sound, trajectories, labels, splits, descriptions, sums."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from damer import __version__
from damer.annotation.records import Study
from damer.annotation.release.about import About
from damer.annotation.release.card import card
from damer.annotation.release.croissant import croissant
from damer.annotation.release.datasheet import datasheet
from damer.annotation.release.draft import draft_of
from damer.annotation.release.figure import draw_overview, save_overview
from damer.annotation.release.gather import Material, gather
from damer.annotation.release.labels import Labels, fuse_study
from damer.annotation.release.lags import Lag, lags_of
from damer.annotation.release.sounds import Sound, copy_sounds, name_sounds
from damer.annotation.release.splits import Division, divide
from damer.annotation.release.writing import write_columns, write_table, write_trajectories
from damer.core import checksums
from damer.core.fusion import Method
from damer.core.track import Track
from damer.datasets import release_tables as tables
from damer.datasets.release import slug

NOT_STATED = "not stated"


@dataclass(frozen=True)
class ReleaseSettings:
    """How a study is released.

    Attributes:
        published: Day of publication, YYYY-MM-DD.
        rate_hz: Labels a second.
        fusion: How annotators become one label.
        lag: Seconds by which annotators follow the music: estimated for each ("auto"), one number for all, or
            not taken off ("none").
        licence: Of the labels, best as SPDX identifier.
        audio: Whether the sound files are part of the release.
        name: Of the dataset; "" takes the study's.
        seed: Of the splits.
        about: What its makers say.
    """

    published: str
    rate_hz: float = 1.0
    fusion: Method = "ewe"
    lag: Lag = "auto"
    licence: str = ""
    audio: Literal["copy", "none"] = "copy"
    name: str = ""
    seed: int = 0
    about: About = field(default_factory=About)


def release(study: Study, out: str | Path, settings: ReleaseSettings) -> dict[str, Any]:
    """Write a release of a study; the folder appears whole or not at all.

    Args:
        study: As written to its folder.
        out: Folder of the release; must not be there yet, or be empty.
        settings: How.

    Returns:
        What `dataset.json` holds.

    Raises:
        DamerError: there is nothing to release, a sound file is missing or another one than was annotated, or
            the folder cannot be written.
    """
    material = gather(study)
    with draft_of(Path(out)) as folder:
        sounds = copy_sounds(material, folder) if settings.audio == "copy" else name_sounds(material)
        lags = lags_of(material, settings.lag)
        heard = write_trajectories(folder, material.trajectories())
        labels = fuse_study(material, heard, settings.rate_hz, settings.fusion, lags)
        division = divide(_tracks(material, labels), settings.seed)
        description = _describe(material, labels, division, settings)
        _write_tables(folder, material, labels, division, sounds)
        _write_documents(folder, material, labels, description, settings.about)
        sums = {sound.file: sound.sha256 for sound in sounds.values() if sound.file}
        others = [name for name in checksums.files_below(folder) if name not in sums]
        sums |= {name: checksums.file_sha256(folder / name) for name in others}
        sizes = {name: (folder / name).stat().st_size for name in sums}
        _write_json(folder / "croissant.json", croissant(description, sums, sizes))
        checksums.write_sums(folder, sums)
    return description


def _tracks(material: Material, labels: Labels) -> list[Track]:
    """Return what the splits look at: groups and quadrants."""
    static = labels.static
    values = {
        name: (_known(valence), _known(arousal))
        for name, valence, arousal in zip(
            static["track_id"], static["valence"], static["arousal"], strict=True
        )
    }
    return [
        Track(
            id=track.track_id,
            group=track.group or track.track_id,
            corpus="release",
            valence=values[track.track_id][0],
            arousal=values[track.track_id][1],
        )
        for track in material.tracks
    ]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _describe(
    material: Material, labels: Labels, division: Division, settings: ReleaseSettings
) -> dict[str, Any]:
    """Return what `dataset.json` holds."""
    about, study, tracks = settings.about, material.study, material.tracks
    lengths = [track.duration_s for track in tracks]
    name = settings.name or study.name
    return {
        "format": tables.FORMAT,
        "name": name,
        "version": about.version,
        "description": about.description or _sentence(name, settings.rate_hz),
        "creator": about.creator,
        "contact": about.contact,
        "url": about.url,
        "citation": about.citation or _citation(name, about, settings.published),
        "published": settings.published,
        "licence": settings.licence or NOT_STATED,
        "audio": settings.audio,
        "rate_hz": settings.rate_hz,
        "fusion": settings.fusion,
        "lag": labels.lag,
        "terms": study.terms,
        "protocol": study.settings.to_dict()["version"],
        "tracks": len(tracks),
        "groups": len({track.group or track.track_id for track in tracks}),
        "hours": round(sum(lengths) / 3600, 4),
        "duration_s": _range(lengths),
        "annotators": len(material.annotators),
        "takes": material.takes,
        "duplicates": material.duplicates,
        "agreement": labels.agreement,
        "raters": _range([material.raters[track.track_id] for track in tracks]),
        "tracks_left_out": material.tracks_left_out,
        "annotators_left_out": material.annotators_left_out,
        "licences": dict(Counter(track.licence or NOT_STATED for track in tracks).most_common()),
        "splits": {"seed": division.seed, **division.counts(), "folds": division.folds},
        "made_by": f"damer {__version__}",
    }


def _citation(name: str, about: About, published: str) -> str:
    """Return BibTeX of what is known."""
    author = f" author = {{{about.creator}}}," if about.creator else ""
    year = published.partition("-")[0]
    return f"@misc{{{slug(name)},{author} title = {{{name}}}, year = {{{year}}}, note = {{{about.version}}}}}"


def _sentence(name: str, rate_hz: float) -> str:
    return (
        f"{name}: music with the emotion it conveys, valence and arousal {rate_hz:g} a second, "
        "by several annotators, each kept."
    )


def _range(values: list[float] | list[int]) -> list[float]:
    """Return least, median and greatest."""
    return [round(float(value), 3) for value in (min(values), np.median(values), max(values))]


def _write_tables(
    folder: Path, material: Material, labels: Labels, division: Division, sounds: Mapping[str, Sound]
) -> None:
    ids = [track.track_id for track in material.tracks]
    same = ("duration_s", "group", "title", "licence", "is_cc0", "source", "gain_db")
    columns: dict[str, Any] = {name: [getattr(track, name) for track in material.tracks] for name in same}
    columns |= {"track_id": ids, "file": [sounds[name].file for name in ids]}
    columns |= {"sha256": [sounds[name].sha256 for name in ids]}
    columns |= {
        "split": [division.split[name] for name in ids],
        "fold": [division.fold[name] for name in ids],
    }
    write_table(folder, tables.TRACKS, columns)
    write_table(folder, tables.ANNOTATORS, labels.annotators)
    write_table(folder, tables.DYNAMIC, labels.dynamic)
    write_table(folder, tables.STATIC, labels.static)
    _write_examples(folder, columns, labels, division)
    (folder / "splits").mkdir()
    _write_json(folder / "splits" / "split.json", division.split_record())
    _write_json(folder / "splits" / "folds.json", division.fold_record())
    rows = zip(ids, columns["split"], columns["fold"], strict=True)
    text = "track_id,split,fold\n" + "".join(f"{name},{split},{fold}\n" for name, split, fold in rows)
    (folder / "splits" / "splits.csv").write_text(text, encoding="utf-8")


def _write_examples(folder: Path, tracks: Mapping[str, Any], labels: Labels, division: Division) -> None:
    """Write `data/SPLIT.parquet` for each split that has tracks: what `load_dataset` reads first."""
    lists = {"second": "second"} | {f"{name}_curve": name for name in ("valence", "arousal")}
    lists |= {f"{name}_curve_sd": f"{name}_sd" for name in ("valence", "arousal")}
    owner = np.asarray(labels.dynamic["track_id"], dtype=object)
    place = {name: row for row, name in enumerate(labels.static["track_id"])}
    # Rows of one track stand together.
    borders = np.flatnonzero(owner[1:] != owner[:-1]) + 1
    order = {owner[rows[0]]: rows for rows in np.split(np.arange(len(owner)), borders) if len(rows)}
    for split, count in division.counts().items():
        if not count:
            continue
        chosen = [row for row, name in enumerate(tracks["track_id"]) if division.split[name] == split]
        names = [tracks["track_id"][row] for row in chosen]
        same = ("track_id", "duration_s", "group", "title", "licence")
        columns: dict[str, Any] = {name: [tracks[name][row] for row in chosen] for name in same}
        columns["audio"] = [tracks["file"][row] for row in chosen]
        for name in tables.STATIC.names[1:]:
            columns[name] = np.asarray(labels.static[name])[[place[track] for track in names]]
        for name, source in lists.items():
            values = np.asarray(labels.dynamic[source])
            columns[name] = [values[order.get(track, [])] for track in names]
        write_columns(folder / tables.EXAMPLES.path.replace("*", split), tables.EXAMPLES, columns)


def _write_documents(
    folder: Path, material: Material, labels: Labels, description: Mapping[str, Any], about: About
) -> None:
    _write_json(folder / tables.DESCRIPTION_FILE, description)
    (folder / "README.md").write_text(card(description), encoding="utf-8")
    (folder / "DATASHEET.md").write_text(datasheet(description, about.datasheet), encoding="utf-8")
    lengths = [track.duration_s for track in material.tracks]
    figure = draw_overview(description["name"], labels.static, labels.dynamic, lengths)
    save_overview(figure, folder / "figures" / "overview.png")


def _write_json(path: Path, record: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
