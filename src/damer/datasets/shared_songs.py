"""Corpora that hold the same songs: never one of them for training and the other for testing."""

from collections.abc import Iterable

from damer.core.errors import DamerError
from damer.core.track import Track

# A corpus read from the authors' ready-made arrays has no names of songs, so it gets a name of its own.
ARRAYS = "-arrays"
# DEAM was put together from three years of one benchmark; the first year's songs are those of 1000songs.
_CONTAINS = {"deam": "DEAM contains the songs of 1000songs, under the same numbers"}
FAMILIES = (frozenset({"deam", "1000songs"}),)


def plain_name(corpus: str) -> str:
    """Return the corpus's name without what says that it was read from ready-made arrays."""
    return corpus.removesuffix(ARRAYS)


def share_songs(first: str, second: str) -> bool:
    """Say whether two different corpora, by the names in their tracks, hold the same songs."""
    if first == second:
        return False
    pair = {plain_name(first), plain_name(second)}
    return len(pair) == 1 or any(pair <= family for family in FAMILIES)


def why(first: str, second: str) -> str:
    """Say in words how two corpora come to share songs."""
    names = {plain_name(first), plain_name(second)}
    if len(names) == 1:
        return f"{first} and {second} are the same songs, once from sound and once from ready-made arrays"
    return next(text for name, text in _CONTAINS.items() if name in names)


def shared_pairs(corpora: Iterable[str], others: Iterable[str]) -> list[tuple[str, str]]:
    """Return each pair (one of `corpora`, one of `others`) that holds the same songs."""
    right = sorted(set(others))
    return [(one, other) for one in sorted(set(corpora)) for other in right if share_songs(one, other)]


def refuse_shared_songs(tracks: Iterable[Track]) -> None:
    """Refuse tracks to be divided into training and test where two of their corpora hold the same songs.

    Raises:
        DamerError: naming the two corpora.
    """
    names = {track.corpus for track in tracks}
    for first, second in shared_pairs(names, names):
        raise DamerError(
            f"{first} and {second} together: {why(first, second)}, so a song could be trained on in one and "
            "tested on in the other: give only one of them"
        )
