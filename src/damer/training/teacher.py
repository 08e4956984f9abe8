"""Targets softened by a teacher: other methods' answers for the tracks that are learnt (Hinton et al. 2015).

A teacher's answer for a track must come from tracks of other groups, or it only repeats the label; and the
teacher of a fold must know nothing of its test part. So answers are given for each division by its name, in
JSON lines such as

    {"dimension": "arousal", "fold": "2/5", "id": "emopia:Q1_0vLPYiPN7qY_0", "probability": 0.83}

with "all data" as the fold of a run that tests on nothing; `experiments/teach.py` writes such a file.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from damer.core.errors import DamerError
from damer.core.track import Dimension
from damer.training.bank import Bank
from damer.training.data import Parts

Key = tuple[str, str]  # dimension and fold


@dataclass(frozen=True)
class Teacher:
    """Answers for tracks, by dimension and fold.

    Attributes:
        path: file they come from.
        sha256: its checksum.
        answers: probability of class 1 in [0, 1] by track id, by (dimension, fold).
    """

    path: Path
    sha256: str
    answers: dict[Key, dict[str, float]]

    @classmethod
    def load(cls, path: Path) -> "Teacher":
        """Read answers from JSON lines.

        Raises:
            DamerError: the file is missing or a line is not as described above; the line is named.
        """
        try:
            content = path.read_bytes()
            lines = content.decode("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DamerError(f"{path}: cannot be read as a teacher's answers ({error})") from None
        answers: dict[Key, dict[str, float]] = {}
        for number, line in enumerate(lines, 1):
            try:
                values = json.loads(line)
                probability = float(values["probability"])
                key, name = (str(values["dimension"]), str(values["fold"])), str(values["id"])
            except (ValueError, KeyError, TypeError):
                raise DamerError(
                    f"{path}, line {number}: a teacher's answer has dimension, fold, id and probability"
                ) from None
            if not 0 <= probability <= 1:
                raise DamerError(f"{path}, line {number}: probability {probability} is not in [0, 1]")
            answers.setdefault(key, {})[name] = probability
        return cls(path, hashlib.sha256(content).hexdigest(), answers)

    def soften(
        self, parts: Parts, bank: Bank, dimension: Dimension, fold: str, test_ids: Sequence[str], share: float
    ) -> Parts:
        """Return `parts` with targets of (1 - share) · label + share · teacher on the rows to train.

        Args:
            parts: rows by their use.
            bank: features of all tracks.
            dimension: what is learnt.
            fold: name of the division: "2/5", "70/30 split" or "all data".
            test_ids: tracks to be reported.
            share: weight of the teacher, in [0, 1].

        Raises:
            DamerError: there are no answers for this division, none for a track to train on, or some for a
                track that is to be tested: then the teacher was made from another division.
        """
        answers = self.answers.get((dimension, fold))
        if answers is None:
            known = ", ".join(f"{name} {part}" for name, part in sorted(self.answers)) or "nothing"
            raise DamerError(f"{self.path}: has no answers for {dimension} {fold}, but for {known}")
        seen = sorted(set(test_ids) & set(answers))
        if seen:
            raise DamerError(
                f"{self.path}: answers for {seen[0]}, a test track of {fold}: the teacher was made from "
                "another division of the tracks"
            )
        given = np.array([answers.get(track.base_id, np.nan) for track in bank.tracks])[bank.track_of_row]
        missing = parts.train[np.isnan(given[parts.train])]
        if len(missing):
            track = bank.tracks[int(bank.track_of_row[missing[0]])]
            raise DamerError(f"{self.path}: has no answer for {track.base_id} in {dimension} {fold}")
        targets = parts.targets.copy()
        rows = parts.train
        targets[rows] = (1 - share) * targets[rows] + share * given[rows].astype(np.float32)
        return replace(parts, targets=targets)
