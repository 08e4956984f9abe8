"""What is stored can always be read again, judged and exported: whatever clients round, and however."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damer.annotation.samples import trajectory
from damer.annotation.server.answers import BadBatch
from damer.annotation.server.packing import SAMPLE, digest, pack, pack_events, unpack
from damer.annotation.tables import Trial

TRIAL = Trial(
    trial_id="x", annotator="a", track_id="t", kind="work", valid=False, started_at=0.0, finished_at=1.0
)

angles = st.floats(0, 2 * math.pi)
sizes = st.one_of(st.floats(0, 1.001), st.floats(1 - 1e-6, 1 + 2e-6), st.just(1.0))
points = st.tuples(angles, sizes).map(lambda p: (math.cos(p[0]) * p[1], math.sin(p[0]) * p[1]))
axes = st.sampled_from([(1.0, 0.0), (0.0, -1.0), (1.0000005, 0.0), (0.0, 1.0000002), (-1.001, 0.0)])
steps = st.floats(-30.0, 400.0)


@given(st.lists(st.tuples(st.one_of(points, axes, st.none()), steps), max_size=60), st.integers(1, 20))
def test_what_is_accepted_can_be_read_again(
    said: list[tuple[tuple[float, float] | None, float]], size: int
) -> None:
    rows, position = [], 0.0
    for number, (point, step) in enumerate(said):
        position = min(max(0.0, position + step), 25_000.0)
        rows.append((number, position, 50.0 * number, *(point or (None, None)), 1))
    blobs = [pack(rows[first : first + size], 20.0) for first in range(0, len(rows), size)]
    samples = unpack(blobs)
    assert samples.seq.tolist() == list(range(len(rows)))
    assert samples.position_ms.tolist() == [row[1] for row in rows]
    path = trajectory(TRIAL, samples, 20.0)  # checks everything once more
    assert (np.hypot(path.valence, path.arousal)[~np.isnan(path.valence)] <= 1 + 1e-6).all()
    for row, valence, arousal in zip(rows, samples.valence, samples.arousal, strict=True):
        if row[3] is None:
            assert np.isnan(valence)
        else:
            assert math.hypot(valence - row[3], arousal - row[4]) < 1.1e-3


def test_a_sample_takes_29_bytes_and_says_what_was_sent() -> None:
    blob = pack([(7, 123.25, 1e12 + 0.5, 0.25, -0.5, 0)], 20.0)
    assert len(blob) == SAMPLE.itemsize == 29
    (row,) = np.frombuffer(blob, SAMPLE)
    assert tuple(row) == (7, 123.25, 1e12 + 0.5, 0.25, -0.5, False)


def test_a_number_that_comes_twice_counts_once_and_the_first_holds() -> None:
    one = pack([(0, 0.0, 0.0, 0.1, 0.0, 1), (1, 50.0, 50.0, 0.2, 0.0, 1)], 20.0)
    two = pack([(1, 60.0, 60.0, 0.9, 0.0, 1), (2, 100.0, 100.0, 0.3, 0.0, 1)], 20.0)
    samples = unpack([one, two])
    assert samples.position_ms.tolist() == [0.0, 50.0, 100.0]
    assert samples.valence.tolist() == pytest.approx([0.1, 0.2, 0.3])


def test_every_part_of_a_batch_is_in_its_digest() -> None:
    rows = [(0, 0.0, 0.0, 0.1, 0.2, 1)]
    events = [{"kind": "focus", "position_ms": 1.0, "client_ms": 2.0, "detail": ""}]
    known = digest(pack(rows, 20.0), pack_events(events))
    for column, other in enumerate((1, 1.0, 1.0, 0.3, 0.3, 0)):
        changed = [tuple(other if n == column else value for n, value in enumerate(rows[0]))]
        assert digest(pack(changed, 20.0), pack_events(events)) != known
    for name in events[0]:
        assert digest(pack(rows, 20.0), pack_events([{**events[0], name: 5}])) != known
    assert digest(pack(rows, 20.0), pack_events([dict(reversed(events[0].items()))])) == known
    # Half a character: no database would take it as it is.
    strange = pack_events([{"detail": "\ud800 \x00 钢琴"}])
    assert len(digest(b"", strange)) == 32
    assert strange.isascii()
    assert digest(b"ab", "c") != digest(b"a", "bc")


def test_nothing_is_a_batch_too() -> None:
    assert pack([], 20.0) == b""
    assert len(unpack([])) == 0
    with pytest.raises(BadBatch):
        pack([(0, 0.0, 0.0, 0.1, float("nan"), 1)], 20.0)
