"""The page of agreement: the tables, the figures, and what the words mean. It needs nothing but itself."""

import base64
import html
import io
from collections.abc import Sequence

from damer.core.text import one_line
from damer.core.track import DIMENSIONS
from damer.report.agreement_figures import Picture, pictures
from damer.report.agreement_words import NAMES, SCOPES, Found, design, interval, number, repeated, size
from damer.report.page import csp_hash, template

MEANINGS = {
    "icc_a1": "how well one annotator stands for all; who is always higher by the same is in error",
    "icc_ak": "the same of the mean of the k annotators a track: the reliability of the label",
    "icc_ck": "as ICC(A,k), but being always higher by the same is no error",
    "icc_c1": "as ICC(A,1), but being always higher by the same is no error",
    "krippendorff_alpha": "1 less observed over expected squared difference of two annotators",
    "cronbach_alpha": "reliability of the mean, from covariances; for complete tables it is ICC(C,k)",
    "pairwise_ccc": "concordance of two annotators, mean over pairs",
    "pairwise_pearson": "correlation of two annotators, mean over pairs",
    "pairwise_spearman": "rank correlation of two annotators, mean over pairs",
    "leave_one_out_ccc": "concordance of one annotator and the mean of the others, mean over annotators",
    "leave_one_out_pearson": "the same with correlation",
    "leave_one_out_spearman": "the same with rank correlation",
    "rmse": "root mean square difference of a rating and the mean of the others; on a scale from −1 to 1",
}


def page(found: Found, drawn: Sequence[tuple[Picture, bytes]] | None = None) -> str:
    """Return the page as HTML that loads nothing from anywhere.

    Args:
        found: What is to be told.
        drawn: Its figures and their PNG files, where they are drawn already.
    """
    shown = [(picture, png(picture)) for picture in pictures(found)] if drawn is None else drawn
    style = template("page.css") + template("agreement.css")
    parts = {
        "style": style,
        "style_hash": csp_hash(style),
        "title": html.escape(f"Agreement: {one_line(found.name)}"),
        "lead": html.escape(f"{size(found)}. Lag: {found.lag}."),
        "notes": "".join(f"<p>{html.escape(note)}</p>" for note in _notes(found)),
        "table": _table(found),
        "figures": "".join(_figure(*one) for one in shown),
        "foot": _foot(found),
    }
    text = template("agreement.html")
    for name, value in parts.items():
        text = text.replace("{{" + name + "}}", value)
    return text


def png(picture: Picture, dots_per_inch: int = 110) -> bytes:
    """Return a figure as a PNG file."""
    file = io.BytesIO()
    picture.figure.savefig(file, format="png", dpi=dots_per_inch)
    return file.getvalue()


def _notes(found: Found) -> list[str]:
    flat = found.agreement.flat
    still = (
        f"Never moved: {flat['arousal']:.1%} of trajectories in arousal, {flat['valence']:.1%} in valence."
    )
    return [note for note in (repeated(found.repeats), still, design(found)) if note]


def _table(found: Found) -> str:
    heads = "".join(f'<th colspan="2" scope="colgroup">{title}</th>' for title, _ in SCOPES.values())
    second = '<th scope="col">arousal</th><th scope="col">valence</th>' * len(SCOPES)
    rows = []
    for name, label in NAMES.items():
        cells = []
        for scope in SCOPES:
            for dimension in DIMENSIONS:
                one = found.agreement.table(scope, dimension).estimates[name]
                cells.append(f"<td><b>{number(one.value)}</b><small>{interval(one)}</small></td>")
        meaning = html.escape(MEANINGS[name])
        rows.append(
            f'<tr><th scope="row">{html.escape(label)}<small>{meaning}</small></th>{"".join(cells)}</tr>'
        )
    return (
        f'<table class="numbers"><thead><tr><th rowspan="2" scope="col">statistic</th>{heads}</tr>'
        f"<tr>{second}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _figure(picture: Picture, image: bytes) -> str:
    data = base64.b64encode(image).decode()
    caption = html.escape(picture.caption)
    return (
        f'<section><h2>{html.escape(picture.title)}</h2><figure class="{picture.name}">'
        f'<img src="data:image/png;base64,{data}" alt="{caption}">'
        f"<figcaption>{caption}</figcaption></figure></section>"
    )


def _foot(found: Found) -> str:
    lines = [f"{title}: {words}." for title, words in SCOPES.values()]
    lines.append(
        f"Intervals of 95 % from {found.bootstrap} draws of tracks with replacement."
        if found.bootstrap
        else "Intervals of static ICCs after McGraw and Wong (1996); no bootstrap was made."
    )
    lines.append("A dash: the design cannot tell.")
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)
