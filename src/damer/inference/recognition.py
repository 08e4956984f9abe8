"""The result that the Python interface returns."""

import os
from typing import TYPE_CHECKING

from damer.core.result import Emotion

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


class Recognition(Emotion):
    """An `Emotion` that can turn into a table or a picture."""

    def to_dataframe(self) -> "pandas.DataFrame":
        """Return one row a second, with columns as in `--format csv`.

        Columns: file, start_s (seconds), arousal and valence (probabilities in [0, 1]), arousal_sd and
        valence_sd (in [0, 0.5]), quadrant (Q1 to Q4), term, uncertainty (in [0, 1]).
        """
        import pandas

        rows = [
            {"file": self.file, **segment.to_dict()}
            | {"quadrant": segment.quadrant, "term": segment.term, "uncertainty": segment.uncertainty}
            for segment in self.segments
        ]
        return pandas.DataFrame(rows)

    def plot(self, path: str | os.PathLike[str] | None = None) -> "Figure":
        """Draw the curves over time and the path through the disc; see `damer.drawing.draw`.

        Args:
            path: where to write it as a PNG too; None does not write.

        Returns:
            A matplotlib figure.
        """
        from damer import drawing

        if path is not None:
            drawing.save(self, path)
        return drawing.draw(self)
