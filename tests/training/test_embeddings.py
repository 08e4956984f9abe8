"""Embeddings that runs keep: means of the network's own, the start as it was, the same after a kill."""

from pathlib import Path

import numpy as np
import torch
from synthetic_views import views_bank, views_task

from damer.training.embeddings import keep_embeddings, track_embeddings
from damer.training.loop import Place, train_network
from damer.training.method import ALGORITHM_1

SMALL = ("model.dim=8", "model.fused_dim=8", "model.heads=2", "memory_size=32")


def test_a_tracks_embedding_is_the_mean_of_its_seconds() -> None:
    task = views_task(views_bank(16), *SMALL)
    network = ALGORITHM_1.learner(task).network.eval()
    rows = task.bank.rows_of(5)
    tracks, found = track_embeddings(network, task.bank, np.concatenate([task.bank.rows_of(2)[1:], rows]))
    assert tracks.tolist() == [2, 5]
    with torch.no_grad():
        mel, cochleagram = task.bank.gather(rows)
        wanted = network(mel.float(), cochleagram.float()).embedding.mean(dim=0)
    np.testing.assert_allclose(found[1], wanted.numpy(), atol=1e-5)


def test_the_start_is_that_of_the_run(tmp_path: Path) -> None:
    """Without a rate to learn at, the end is the start; with one it is not, and the start is the same."""
    kept = []
    for rate in ("0.01", "1e-30"):
        task = views_task(views_bank(16), *SMALL, f"learning_rate={rate}", "weight_decay=0", seed=4)
        trained = train_network(task, Place(tmp_path / rate, "arousal", quiet=True))
        torch.rand(7)  # whatever has been drawn since
        keep_embeddings(tmp_path / rate / "embeddings.npz", task, trained.network, "arousal")
        kept.append(dict(np.load(tmp_path / rate / "embeddings.npz")))
    learned, still = kept
    np.testing.assert_array_equal(learned["start"], still["start"])
    np.testing.assert_allclose(still["end"], still["start"], atol=1e-6)
    assert np.abs(learned["end"] - learned["start"]).max() > 1e-3
    assert int(still["seed"]) == 4
    assert str(still["dimension"]) == "arousal"
