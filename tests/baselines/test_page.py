"""The page on baselines tells the truth about each of them."""

import re
from pathlib import Path

import pytest
import torch
from cues import segment_cue

from damer.baselines.base import Baseline, Context, count_parameters
from damer.baselines.registry import BASELINES

PAGE = (Path(__file__).parents[2] / "docs" / "baselines.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.splitlines() if "| `" in line[:3]]
METHODS = {row[0].strip("`"): row for row in ROWS if len(row) == 6}


def test_every_method_has_its_row_in_order() -> None:
    assert list(METHODS) == list(BASELINES)


@pytest.mark.parametrize("name", BASELINES)
def test_row(name: str) -> None:
    item, (_, title, provenance, learns_from, *counts) = BASELINES[name], METHODS[name]
    assert (title, provenance) == (item.title, item.provenance)
    if isinstance(item, Baseline):
        found = [f"{count_parameters(item.network(frames)):,}".replace(",", " ") for frames in (87, 44)]
        assert counts == found
        expected = "tracks" if item.sequences else "seconds"
        assert learns_from == expected + (", also unlabelled" if item.uses_pool else "")


def test_every_adapted_method_says_what_is_ours() -> None:
    told = {row[0].strip("`") for row in ROWS if len(row) == 3}
    assert told == {name for name, item in BASELINES.items() if item.provenance != "our own"} - {"rgcb-bls"}


def test_the_example_is_a_method() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    space: dict[str, object] = {}
    exec(compile(code, "docs/baselines.md", "exec"), space)
    method = space["BASELINE"]
    assert isinstance(method, Baseline)
    batch = segment_cue(4, seed=0)
    batch = batch._replace(mel=torch.randn(4, 128, 44), cochleagram=torch.randn(4, 84, 44))
    terms = method.loss(method.network(44), batch, Context(0.0, torch.Generator(), 0))
    assert terms["total"].isfinite()
