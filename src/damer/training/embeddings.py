"""Where tested tracks lie in a network's embedding before and after it was trained, for figure 7."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from damer.core.files import replacing
from damer.models import Damer
from damer.training.bank import Bank, IntArray
from damer.training.data import chunks
from damer.training.evaluate import BATCH
from damer.training.method import ALGORITHM_1, Task

NAME = "embeddings.npz"


@torch.no_grad()
def track_embeddings(network: Damer, bank: Bank, rows: IntArray) -> tuple[IntArray, NDArray[np.float32]]:
    """Return the tracks of some rows [N], and for each the mean of its rows' embeddings z_fuse.

    Args:
        network: evaluated as it is, without dropout.
        bank: the features' bank.
        rows: seconds to embed.

    Returns:
        Numbers of the tracks, ascending, int64 [T]; float32 [T, fused_dim].
    """
    network = network.to(bank.device).eval()
    tracks, place = np.unique(bank.track_of_row[rows], return_inverse=True)
    total = np.zeros((len(tracks), network.config.fused_dim))
    begun = 0
    for chosen in chunks(rows, BATCH):
        mel, cochleagram = bank.gather(chosen)
        found = network(mel.float(), cochleagram.float()).embedding.double().cpu().numpy()
        np.add.at(total, place[begun : begun + len(chosen)], found)
        begun += len(chosen)
    means: NDArray[np.float32] = (total / np.bincount(place)[:, None]).astype(np.float32)
    return tracks, means


def keep_embeddings(path: Path, task: Task, trained: Damer, dimension: str) -> None:
    """Write the test part's embeddings by the network as it began and as it ended, without pickled objects.

    The beginning is made anew: it is a function of the task's seed alone, so a run that was killed and gone
    on with has the same.

    Args:
        path: file to write, whole or not at all; its folder is made.
        task: what the network learned.
        trained: the network with the weights chosen.
        dimension: what it learned to tell.
    """
    bank, parts = task.bank, task.parts
    tracks, start = track_embeddings(ALGORITHM_1.learner(task).network, bank, parts.test)
    _, end = track_embeddings(trained, bank, parts.test)
    chosen = [bank.tracks[int(number)] for number in tracks]
    with replacing(path, parents=True) as part, part.open("wb") as file:
        np.savez(
            file,
            id=np.array([item.id for item in chosen], dtype=np.str_),
            corpus=np.array([item.corpus for item in chosen], dtype=np.str_),
            truth=parts.track_labels[tracks].astype(np.int64),
            start=start,
            end=end,
            dimension=np.array(dimension),
            seed=np.array(task.seed),
        )
