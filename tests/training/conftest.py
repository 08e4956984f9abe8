"""Fixtures of the training tests; the music itself is made in synthetic_music.py."""

from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_music import SECONDS, SMALL, SPEC, make_tokens, make_tracks, write_store

from damer.core.track import Track
from damer.training.bank import Bank, resident_bank
from damer.training.recipes import Recipe, load_recipe


@pytest.fixture
def small_recipe() -> Callable[..., Recipe]:
    """Return a function from further settings to a recipe for the synthetic collection."""

    def make(*settings: str) -> Recipe:
        return load_recipe("tiny", [*SMALL, *settings])

    return make


@pytest.fixture
def bank() -> Bank:
    """Twenty-four labelled tracks."""
    tracks = make_tracks(24)
    return resident_bank(tracks, make_tokens(tracks), [SECONDS] * len(tracks))


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared store of twenty-four tracks with two renders each and four unlabelled ones."""
    tracks = make_tracks(24, renders=2)
    pool = [Track(id=f"toy:u{number}", group=f"u{number}", corpus="toy") for number in range(4)]
    return write_store(tmp_path_factory.mktemp("stores") / "toy", [*tracks, *pool], SPEC)
