"""A table that can be written as Markdown, LaTeX or CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

_LATEX = {
    "&": r"\&",
    "%": r"\%",
    "_": r"\_",
    "#": r"\#",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "<": "$<$",
    ">": "$>$",
    "±": r"$\pm$",
    "−": r"$-$",
    "–": "--",
    "θ": r"$\theta$",
}


@dataclass
class Grid:
    """A table of texts.

    Attributes:
        name: of its file, such as "table-II".
        title: what it shows.
        columns: headings.
        rows: as many texts each.
        notes: sentences to stand below it.
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """Return it as Markdown, numbers to the right."""
        marks = ["---" if place < 2 else "---:" for place in range(len(self.columns))]
        lines = [f"### {self.title}", ""]
        for cells in (self.columns, marks, *self.rows):
            lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
        lines += ["", *(f"{note}\n" for note in self.notes)]
        return "\n".join(lines)

    def latex(self) -> str:
        """Return it as a LaTeX table that needs no package but booktabs."""
        head = " & ".join(map(_latex, self.columns))
        body = [" & ".join(map(_latex, cells)) + r" \\" for cells in self.rows]
        notes = [r"\\ \footnotesize " + _latex(note) for note in self.notes]
        align = "ll" + "r" * (len(self.columns) - 2)
        lines = [r"\begin{table}", r"\centering", rf"\caption{{{_latex(self.title)}}}"]
        lines += [rf"\begin{{tabular}}{{{align}}}", r"\toprule", head + r" \\", r"\midrule", *body]
        lines += [r"\bottomrule", r"\end{tabular}", *notes, r"\end{table}", ""]
        return "\n".join(lines)

    def csv(self) -> str:
        """Return it as comma-separated values with a header line."""
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([self.columns, *self.rows])
        return out.getvalue()


def _latex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)
