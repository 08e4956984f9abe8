"""The dataset described for machines: Croissant 1.0 (MLCommons), JSON-LD on schema.org."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from damer.datasets import release_tables as tables
from damer.datasets.release_tables import Column, Table

# The context of the specification, version 1.0: https://docs.mlcommons.org/croissant/docs/croissant-spec.html
_OWN = [
    "citeAs",
    "column",
    "examples",
    "extract",
    "field",
    "fileProperty",
    "fileObject",
    "fileSet",
    "format",
    "includes",
    "isLiveDataset",
    "jsonPath",
    "key",
    "md5",
    "parentField",
    "path",
    "recordSet",
    "references",
    "regex",
    "repeated",
    "replace",
    "samplingRate",
    "separator",
    "source",
    "subField",
    "transform",
    "equivalentProperty",
]
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{name: f"cr:{name}" for name in _OWN},
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
}
PARQUET = "application/x-parquet"  # the one that the official library reads
_TYPES = {
    "text": "sc:Text",
    "number": "sc:Float",
    "whole": "sc:Integer",
    "flag": "sc:Boolean",
    "numbers": "sc:Float",
}
_SPLITS = {"train": "TrainingSplit", "validation": "ValidationSplit", "test": "TestSplit"}


def croissant(
    description: Mapping[str, Any], sums: Mapping[str, str], sizes: Mapping[str, int]
) -> dict[str, Any]:
    """Return the description of a release as a JSON-LD object.

    Args:
        description: What `dataset.json` holds.
        sums: SHA-256 of each file, by its name relative to the release.
        sizes: Bytes of the same files.
    """
    found = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        # Names in Croissant hold letters, digits and a few signs; the title is the name as it was given.
        "name": re.sub(r"[^\w.-]+", "-", description["name"]).strip("-") or "release",
        "alternateName": description["name"],
        "description": description["description"],
        "license": licence_url(description["licence"]),
        "url": description["url"],
        "version": description["version"],
        "datePublished": description["published"],
        "creator": {"@type": "sc:Organization", "name": description["creator"]}
        if description["creator"]
        else "",
        "citeAs": description["citation"],
        "keywords": ["music", "emotion", "valence", "arousal", "continuous annotation"],
        "isLiveDataset": False,
        **_responsible(description),
        "distribution": [*_files(sums, sizes), *_file_sets(sums)],
        "recordSet": [_splits(), *(_records(table, sums) for table in tables.TABLES if _has(table, sums))],
    }
    return {key: value for key, value in found.items() if value != ""}


def licence_url(licence: str) -> str:
    """Return the SPDX page of a licence that looks like an SPDX identifier, and any other text as it is."""
    looks_so = re.fullmatch(r"[A-Za-z][A-Za-z0-9.+]*(-[A-Za-z0-9.+]+)+", licence)
    return f"https://spdx.org/licenses/{licence}.html" if looks_so else licence


def _responsible(description: Mapping[str, Any]) -> dict[str, str]:
    """The vocabulary of responsible AI: what was asked of whom, and what is left out."""
    low, middle, high = description["raters"]
    return {
        "rai:dataCollection": "Annotators moved a pointer over the plane of valence and arousal while the "
        "music played.",
        "rai:annotationsPerItem": f"{low:g} to {high:g} annotators a track, median {middle:g}",
        "rai:personalSensitiveInformation": "Annotators are pseudonyms; nothing else about them is in the "
        "dataset.",
    }


def _files(sums: Mapping[str, str], sizes: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "@type": "cr:FileObject",
            "@id": table.path,
            "name": PurePosixPath(table.path).name,
            "description": f"{table.name}: each row is {table.rows}",
            "contentUrl": table.path,
            "contentSize": f"{sizes[table.path]} B",
            "encodingFormat": PARQUET,
            "sha256": sums[table.path],
        }
        for table in tables.TABLES
        if table.path in sums
    ]


def _file_sets(sums: Mapping[str, str]) -> list[dict[str, Any]]:
    found = [
        {
            "@type": "cr:FileSet",
            "@id": f"{table.name}-files",
            "name": f"{table.name}-files",
            "description": f"{table.name}: each row is {table.rows}",
            "encodingFormat": PARQUET,
            "includes": table.path,
        }
        for table in tables.TABLES
        if "*" in table.path and _has(table, sums)
    ]
    kinds = sorted({PurePosixPath(name).suffix for name in sums if name.startswith("audio/")})
    return found + [
        {
            "@type": "cr:FileSet",
            "@id": f"audio-{kind.lstrip('.')}",
            "name": f"audio-{kind.lstrip('.')}",
            "description": "the sound files, named by their track",
            "encodingFormat": {".wav": "audio/wav", ".mp3": "audio/mpeg"}.get(
                kind, f"audio/{kind.lstrip('.')}"
            ),
            "includes": f"audio/*{kind}",
        }
        for kind in kinds
    ]


def _has(table: Table, sums: Mapping[str, str]) -> bool:
    return any(PurePosixPath(name).match(table.path) for name in sums)


def _splits() -> dict[str, Any]:
    """The names of the splits, said in Croissant's own words for them."""
    fields = {"name": "sc:Text", "url": "sc:URL"}
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {"@type": "cr:Field", "@id": f"splits/{name}", "name": name, "dataType": kind}
            for name, kind in fields.items()
        ],
        "data": [
            {"splits/name": name, "splits/url": f"http://mlcommons.org/croissant/{word}"}
            for name, word in _SPLITS.items()
        ],
    }


def _records(table: Table, sums: Mapping[str, str]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": table.name,
        "name": table.name,
        "description": f"Each row is {table.rows}.",
        "key": [{"@id": f"{table.name}/{name}"} for name in table.key],
        "field": [_field(table, column) for column in table.columns],
    }


def _field(table: Table, column: Column) -> dict[str, Any]:
    home = (
        {"fileSet": {"@id": f"{table.name}-files"}}
        if "*" in table.path
        else {"fileObject": {"@id": table.path}}
    )
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{table.name}/{column.name}",
        "name": column.name,
        "description": column.meaning,
        "dataType": _TYPES[column.kind],
        "source": {**home, "extract": {"column": column.name}},
    }
    if column.kind == "numbers":
        field["repeated"] = True
    if table is tables.TRACKS and column.name == "split":
        field["references"] = {"field": {"@id": "splits/name"}}
    elif column.name == "track_id" and table is not tables.TRACKS:
        # By its column, not by its field: the library does not follow a reference through another one.
        field["references"] = {"fileObject": {"@id": tables.TRACKS.path}, "extract": {"column": "track_id"}}
    return field
