"""Title, artist, licence and source from a file's own tags, and whether a licence is CC0."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_LICENCE_KEYS = ("license", "licence", "license_url", "licence_url", "wcop", "copyright_url")
_SOURCE_KEYS = ("source", "source_url", "url", "website", "www", "woas", "woaf", "contact")
_CC_URL = re.compile(r"https?://(?:www\.)?creativecommons\.org/(?:licenses|publicdomain)/[\w./-]+", re.I)
_LONGEST = 1000

# What names CC0, and what may stand beside it: once both are taken away nothing may be left, so that neither
# "CC0 / CC BY, see each file" nor "not CC0" passes.
_NAMES_CC0 = re.compile(
    r"(?:https?://)?(?:www\.)?creativecommons\.org/publicdomain/zero/1\.0\S*|\bcc[ -]?(?:0|zero)\b"
    r"|\bcreative commons (?:0|zero)\b",
    re.I,
)
_BESIDE_CC0 = re.compile(
    r"\b(?:creative commons|public domain(?: dedication)?|universal|v?1\.0|licen[sc]ed?|dedicated|released"
    r"|under|as|the|to)\b|[\s(),.;:-]",
    re.I,
)


def is_cc0(licence: str) -> bool:
    """Say whether a licence's text is that of CC0 and of nothing else; "public domain" alone is not."""
    without, named = _NAMES_CC0.subn(" ", licence)
    return named > 0 and not _BESIDE_CC0.sub("", without)


def read_tags(path: Path) -> dict[str, str]:
    """Return licence, source, artist and title as a file's tags have them, "" where they do not."""
    from tinytag import TinyTag

    try:
        found: Mapping[str, Any] = TinyTag.get(path, duration=False).as_dict()
    except Exception:  # whatever a damaged tag makes it raise: that is no reason to lose the music
        found = {}
    texts = {
        key.lstrip("_").lower(): [str(one).strip("\0 \t\r\n") for one in value]
        for key, value in found.items()
        if isinstance(value, list)
    }
    return {
        "licence": _licence(texts)[:_LONGEST],
        "source": _first(texts, _SOURCE_KEYS)[:_LONGEST],
        "artist": "; ".join(texts.get("artist", []))[:_LONGEST],
        "title": _first(texts, ("title",))[:_LONGEST],
    }


def _licence(texts: Mapping[str, list[str]]) -> str:
    """Return what is named a licence, else a Creative Commons address anywhere, else the copyright."""
    if named := _first(texts, _LICENCE_KEYS):
        return named
    everything = " ".join(text for values in texts.values() for text in values)
    if address := _CC_URL.search(everything):
        return address[0]
    return _first(texts, ("copyright",))


def _first(texts: Mapping[str, list[str]], keys: tuple[str, ...]) -> str:
    return next((text for key in keys for text in texts.get(key, ()) if text), "")
