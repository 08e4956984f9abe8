"""Random orders that are nevertheless balanced, and covert duplicates that keep their distance."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Place:
    """One place in a list of hearings.

    Attributes:
        track: what is heard.
        repeats: for a covert duplicate the number of the first hearing's place in the same list; else -1.
    """

    track: str
    repeats: int = -1


def generator(seed: int, *words: object) -> np.random.Generator:
    """Return a generator of its own for each purpose, so that no draw depends on how many came before it."""
    digest = hashlib.sha256(repr((seed, *map(str, words))).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))


def shuffled(items: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Return the items in random order."""
    return [items[index] for index in rng.permutation(len(items))]


def balanced_orders(
    groups: Sequence[Sequence[str]], members: int, rng: np.random.Generator
) -> list[list[str]]:
    """Return one order of all tracks for each member of a cohort, as in a Latin square.

    The tracks are dealt into as many blocks as there are members, each with its share of every group. Every
    member hears every block, in every place of the row one member each: so no track is always heard tired,
    and when a study is cut short, all tracks have been heard about equally often. Inside a block the order
    is random for each member.

    Args:
        groups: the tracks of the cohort, by group.
        members: number of annotators in the cohort.
        rng: where the chance comes from.

    Returns:
        `members` lists, each a permutation of all tracks.
    """
    if not members:
        return []
    blocks: list[list[str]] = [[] for _ in range(members)]
    dealt = 0
    for group in groups:
        for track in shuffled(group, rng):
            blocks[dealt % members].append(track)
            dealt += 1
    names = rng.permutation(members)
    return [
        [
            track
            for place in range(members)
            for track in shuffled(blocks[names[(member + place) % members]], rng)
        ]
        for member in range(members)
    ]


def with_duplicates(
    order: Sequence[str], every: int, distance: int, rng: np.random.Generator
) -> tuple[Place, ...]:
    """Return the order with covert second hearings spread evenly through it.

    The places behind the first `distance` are cut into as many stretches as there are duplicates; each
    stretch has one, of a track heard at least `distance` others before, never the same track twice.

    Args:
        order: tracks, each once.
        every: one duplicate for so many tracks; 0: none.
        distance: how many other hearings lie between the two, at least.
        rng: where the chance comes from.
    """
    count = _duplicates(len(order), every, distance)
    total = len(order) + count
    lowest = distance + 1
    edges = (
        [lowest + (total - lowest) * number // count for number in range(count)] + [total] if count else []
    )
    seconds = {int(rng.integers(edges[number], edges[number + 1])) for number in range(count)}
    places: list[Place] = []
    fresh = iter(order)
    used: set[int] = set()
    for here in range(total):
        if here not in seconds:
            places.append(Place(next(fresh)))
            continue
        heard = range(here - distance)
        candidates = [first for first in heard if first not in used and places[first].repeats < 0]
        first = candidates[int(rng.integers(len(candidates)))]
        used.add(first)
        places.append(Place(places[first].track, first))
    return tuple(places)


def calibration_sets(
    pool: Sequence[str], distinct: int, rng: np.random.Generator
) -> tuple[tuple[Place, ...], ...]:
    """Return sets of `distinct` tracks and one covert duplicate each; no track is in two sets.

    The two hearings of the duplicate lie at least half a set apart.

    Args:
        pool: tracks that may be used, each once.
        distinct: different tracks in a set, 2 or more.
        rng: where the chance comes from.
    """
    tracks = shuffled(pool, rng)
    sets = []
    for start in range(0, len(tracks) - distinct + 1, distinct):
        chosen = [Place(track) for track in tracks[start : start + distinct]]
        apart = (distinct + 2) // 2
        second = int(rng.integers(apart, distinct + 1))
        first = int(rng.integers(0, second - apart + 1))
        chosen.insert(second, Place(chosen[first].track, first))
        sets.append(tuple(chosen))
    return tuple(sets)


def _duplicates(tracks: int, every: int, distance: int) -> int:
    """How many duplicates there are: a share of the tracks, fewer where the distance leaves no room for them.

    Each stretch must be two places long or more. Then before the last place of which the first hearing may
    be, there is always a track that was not repeated yet.
    """
    return max(0, min(tracks // every, tracks - distance - 1)) if every else 0
