"""Whole tracks in batches: in order, cut where they are long, and as many seconds as single ones would be."""

import numpy as np
import torch
from synthetic_views import SECONDS, views_bank, views_task
from torch import Tensor, nn

from damer.baselines.base import Baseline, Standardised, band_statistics, pad, padding_mask, to_tracks
from damer.training.data import LONGEST_SEQUENCE, Sampler, sequence_starts


def test_where_sequences_begin() -> None:
    assert sequence_starts(np.array([3, 3, 3, 1, 7, 7])).tolist() == [0, 3, 4, 6]
    long = np.zeros(2 * LONGEST_SEQUENCE + 5, dtype=np.int64)
    assert sequence_starts(long).tolist() == [0, LONGEST_SEQUENCE, 2 * LONGEST_SEQUENCE, len(long)]
    assert sequence_starts(np.empty(0, dtype=np.int64)).tolist() == [0]


def test_an_epoch_holds_every_track_whole() -> None:
    task = views_task(views_bank())
    batches = Sampler(task.bank, task.parts, task.config, 0, sequences=True).epoch(0)
    assert sorted(np.concatenate(batches).tolist()) == sorted(task.parts.train.tolist())
    for rows in batches:
        starts = sequence_starts(task.bank.track_of_row[rows])
        assert set(np.diff(starts)) == {SECONDS}
        for first in starts[:-1]:
            assert (np.diff(rows[first : first + SECONDS]) == 1).all()
        assert abs(len(rows) - task.config.batch_size) <= task.config.batch_size


def test_as_many_seconds_as_single_ones() -> None:
    task = views_task(views_bank(), "segments_per_track=2")
    single, whole = (
        sum(map(len, Sampler(task.bank, task.parts, task.config, 0, sequences).epoch(0)))
        for sequences in (False, True)
    )
    assert abs(single - whole) < SECONDS


def test_a_batch_of_tracks() -> None:
    task = views_task(views_bank())
    sampler = Sampler(task.bank, task.parts, task.config, 0, sequences=True)
    rows = np.concatenate([task.bank.rows_of(4)[:2], task.bank.rows_of(9)])
    batch = sampler.batch(rows, 0)
    found = to_tracks(batch._replace(mel=batch.mel.float(), cochleagram=batch.cochleagram.float()))
    assert found.mel.shape == (2, SECONDS, 128, 44)
    assert found.mask.tolist() == [[True, True, False, False, False], [True] * 5]
    assert found.label[0].tolist() == [*batch.label[:2].tolist(), -1, -1, -1]
    assert torch.equal(found.mel[1], batch.mel[2:].float())
    assert torch.equal(found.mel[0, 2:], torch.zeros(3, 128, 44))
    assert found.track_label.tolist() == task.parts.track_labels[[4, 9]].tolist()


class Counting(nn.Module):
    """Says of each second and track how long its sequence is."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, mel: Tensor, cochleagram: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Return the number of seconds of each sequence as logits."""
        count = mask.sum(dim=1).float()
        segment = count[:, None, None].expand(*mask.shape, 2)
        return {"segment": segment, "track": -count[:, None].expand(-1, 2)}


def test_answers_come_back_in_the_order_of_the_rows() -> None:
    baseline = Baseline("x", "X", "our own", "a test", Counting, sequences=True)
    task = views_task(views_bank())
    network = Standardised(Counting(44), band_statistics(task))
    rows = np.concatenate([task.bank.rows_of(2)[:3], task.bank.rows_of(5), task.bank.rows_of(6)[1:3]])
    answer = baseline.answer(network, task.bank, rows)
    assert answer.shape == (2, len(rows), 2)
    assert answer[0, :, 0].tolist() == [3.0] * 3 + [5.0] * 5 + [2.0] * 2
    assert torch.equal(answer[1], -answer[0])
    empty = np.empty(0, dtype=np.int64)
    assert baseline.answer(network, task.bank, empty).shape == (2, 0, 2)


def test_bands_are_standardised_by_the_training_part() -> None:
    task = views_task(views_bank(level=4.0))
    mel, cochleagram = (view.double().numpy() for view in task.bank.gather(task.parts.train))
    found = [part.numpy()[:, 0] for part in band_statistics(task)]
    for view, (mean, deviation) in ((mel, found[:2]), (cochleagram, found[2:])):
        np.testing.assert_allclose(mean, view.mean(axis=(0, 2)), atol=1e-4)
        np.testing.assert_allclose(deviation, view.std(axis=(0, 2)), rtol=1e-3)


def test_padding() -> None:
    starts = np.array([0, 2, 3])
    assert pad(torch.tensor([1.0, 2.0, 3.0]), starts).tolist() == [[1.0, 2.0], [3.0, 0.0]]
    assert padding_mask(starts).tolist() == [[True, True], [True, False]]
