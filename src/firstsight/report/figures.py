"""``Report.details`` -> plots, each with a sentence that says how to read it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firstsight.errors import ModelError, count
from firstsight.files import FILE, read_file, state_of
from firstsight.report import plots
from firstsight.report.plots.embedding import effective_dimension
from firstsight.report.space import Sample, by_pca, by_tsne
from firstsight.report.wording import is_cost, number, title
from firstsight.types import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LOOK, _MAX_LOG = "validation_accuracy", 64 << 20
HARDEST, _POINTS, _STRIP_EACH, _STRIP_WIDTH = 25, 300, 8, 256


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure with its title and a caption for a newcomer; the caption is also its text alternative."""

    title: str
    caption: str
    figure: Figure


def verification(report: Report) -> list[Plot]:
    """Histogram, ROC, DET and reliability, of what there is."""
    details, made = report.details, []
    threshold = details.get("threshold")
    if h := details.get("histogram"):
        figure = plots.score_histogram(h["edges"], h["genuine"], h["impostor"], threshold)
        caption = (
            "The less the two hills overlap, the better; what lies on the wrong side of the threshold is an error."
        )
        made.append(Plot("Scores of same and different pairs", caption, figure))
    if rocs := _rocs(details):
        curves = {name: (roc["fmr"], roc["fnmr"]) for name, roc in rocs.items()}
        points = {name: point for name, roc in rocs.items() if (point := _point(report, roc, name)) is not None}
        mark = "; the dot is the saved threshold" if points else ""
        caption = f"Every threshold is a point of the curve: the nearer to the top left, the better{mark}."
        made.append(Plot("Recognised against false matches (ROC)", caption, plots.roc_curve(curves, points)))
        caption = (
            f"Moving the threshold trades one error for the other: the nearer to the bottom left, the better{mark}."
        )
        made.append(Plot("Error trade-off (DET)", caption, plots.det_curve(curves, points)))
    if r := details.get("reliability"):
        ece = report.metrics.get("ece")
        error = f" On average they are off by {number('ece', ece.value)} (ECE)." if ece else ""
        caption = f"On the dashed line a stated 80% comes true 8 times in 10; below it the model is too sure.{error}"
        figure = plots.reliability(r["predicted"], r["observed"], r["share"])
        made.append(Plot("Do the probabilities hold?", caption, figure))
    return made


def _rocs(details: Mapping[str, Any]) -> dict[str, Any]:
    """Every ROC by its name; the unnamed one stands alone as ""."""
    named = dict(details.get("curves") or {})
    if "roc" in details and not named:
        return {"": details["roc"]}
    return named


def _point(report: Report, roc: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    """(FMR, FNMR) at the saved threshold: as measured where the report says, else read off the curve."""
    metrics = report.metrics
    if not name and "fmr@threshold" in metrics and "fnmr@threshold" in metrics:
        return metrics["fmr@threshold"].value, metrics["fnmr@threshold"].value
    threshold, known = report.details.get("threshold"), roc.get("threshold")
    if threshold is None or not known:
        return None
    return float(np.interp(threshold, known, roc["fmr"])), float(np.interp(threshold, known, roc["fnmr"]))


def identification(report: Report) -> list[Plot]:
    """CMC, open-set errors, requested rates, spread over draws and confusion, of what there is."""
    details, made = report.details, []
    if c := details.get("cmc"):
        caption = "How often the right identity is the first candidate, among the first two, and so on."
        made.append(Plot("Right identity by rank (CMC)", caption, plots.cmc(c["rank"], c["rate"])))
    if o := details.get("openset"):
        galleries = [o] if isinstance(o, Mapping) else list(o)
        figure = plots.open_set([(_gallery(g), g["fpir"], g["fnir"]) for g in galleries])
        caption = "The fewer strangers are let in (left), the more enrolled ones are missed; the dots are 1% and 5%."
        made.append(Plot("Strangers let in, enrolled ones missed", caption, figure))
    if r := details.get("requested"):
        caption = "A dot on the dashed line did just what was asked of it; above, more strangers came in than asked."
        figure = plots.requested_rates(r["asked"], r["achieved"], r["low"], r["high"])
        made.append(Plot("Does the threshold keep its word?", caption, figure))
    if d := details.get("draws"):
        caption = "The result hangs on which references were enrolled: each count is one draw of them."
        made.append(Plot("Luck of the reference", caption, plots.draws(d["name"], d["values"])))
    if c := details.get("confusion"):
        rows = list(c["labels"])
        width = len(c["matrix"][0]) if c["matrix"] else len(rows)
        columns = rows + ["unknown"] * (width - len(rows))
        caption = "Each row is a true class, spread over the answers given; off the diagonal is an error."
        made.append(Plot("What is taken for what", caption, plots.confusion(rows, columns, c["matrix"])))
    return made


def _gallery(curve: Mapping[str, Any]) -> str:
    size, each = curve.get("gallery_size"), curve.get("references")
    named = [count(size, "identity", "identities")] if size else []
    return ", ".join([*named, count(each, "reference", "references") + " each"] if each else named) or "gallery"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a report.

    Attributes:
        by: what a row is ("class").
        columns: of numbers, the first is the one the rows are ordered by.
        rows: hardest first.
        plot: of the hardest.
    """

    by: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    plot: Plot


def table(report: Report) -> Table | None:
    """The table by class or group, hardest first, if there is one."""
    rows, by = report.details.get("table") or [], report.details.get("by", "class")
    columns = [k for k in (rows[0] if rows else {}) if k != "name"]
    measured = [k for k in columns if k != "trials"]
    if not measured:
        return None
    first = "accuracy" if "accuracy" in measured else measured[0]
    # An unknown value is neither hard nor easy: it comes last.
    ordered = sorted(
        rows, key=lambda r: (r[first] is None, (-1 if is_cost(first) else 1) * (0 if r[first] is None else r[first]))
    )
    shown = [r for r in ordered if r[first] is not None][:HARDEST]
    values = [r[first] for r in rows if r[first] is not None]
    mean = report.metrics[first].value if first in report.metrics else float(np.mean(values)) if values else 0.0
    which = "" if len(shown) == len(rows) else f", the {len(shown)} hardest of {len(rows):,}"
    figure = plots.bars([r["name"] for r in shown], [r[first] for r in shown], mean, first)
    caption = f"Where it is weakest: more or better references of these help most. Dashed: {title(first)} over all."
    columns = [first, *(k for k in columns if k != first)]
    words = title(first)
    plot = Plot(f"{words[:1].upper()}{words[1:]} by {by}{which}", caption, figure)
    return Table(by, tuple(columns), tuple(ordered), plot)


def embedding(report: Report, seen: Sample | None) -> tuple[list[Plot], list[str]]:
    """Maps, colour strips and the spectrum; and notes on what could not be drawn."""
    made, notes = [], []
    if seen is not None and len(seen.labels):
        maps = "Every mark is an example of a class the model never saw, coloured by class"
        caption = f"{maps}; tight clumps far apart are what it aims for. Flattened by its two strongest directions."
        figure = plots.class_map(by_pca(seen.embeddings), seen.labels, seen.thumbnails)
        made.append(Plot("Map of unseen classes (PCA)", caption, figure))
        try:
            flat = by_tsne(seen.embeddings, report.seed)
        except ImportError:
            notes.append("the map by t-SNE needs scikit-learn, which is not installed; pip install scikit-learn")
        else:
            if flat is not None:
                caption = f"{maps}. Neighbours stay neighbours here; distances between clumps mean little."
                figure = plots.class_map(flat, seen.labels, seen.thumbnails)
                made.append(Plot("Map of unseen classes (t-SNE)", caption, figure))
        made.append(_strips(seen))
    if shares := report.details.get("spectrum"):
        effective = effective_dimension(shares)
        dims = seen.embeddings.shape[1] if seen is not None else len(shares)
        part = f" The {len(shares)} strongest are shown." if len(shares) < dims else ""
        caption = (
            f"Of {count(dims, 'dimension', 'dimensions')} about {effective:.0f} do the work: "
            f"the sooner the curve is at the top, the fewer there are.{part}"
        )
        made.append(Plot("Dimensions in use", caption, plots.spectrum(shares)))
    return made, notes


def _strips(seen: Sample) -> Plot:
    rows = np.concatenate([np.flatnonzero(seen.labels == c)[:_STRIP_EACH] for c in range(len(seen.names))])
    shown = seen.embeddings[rows, :_STRIP_WIDTH]
    dims = seen.embeddings.shape[1]
    part = f" (the first {_STRIP_WIDTH} of {dims:,} dimensions)" if dims > _STRIP_WIDTH else ""
    caption = f"One row an example, one column a dimension{part}: rows of a class should look alike, and unlike others."
    return Plot("Embeddings as colours", caption, plots.colour_strips(shown, seen.labels[rows], seen.names))


def training(file: Path) -> list[Plot]:
    """The learning curve out of a model's ``metrics.jsonl``, if that is there."""
    if state_of(file) != FILE:
        return []
    lines = []
    for line in read_file(file, _MAX_LOG, ModelError, inside=file.parent).decode(errors="replace").splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue  # a run that was killed leaves half a line
        if isinstance(row, dict):
            lines.append({key: value for key, value in row.items() if type(value) in (int, float)})
    looks = [(line["step"], line[_LOOK]) for line in lines if {"step", _LOOK} <= line.keys()]
    steps, loss = _thinned([(line["step"], line["loss"]) for line in lines if {"step", "loss"} <= line.keys()])
    if not steps:
        return []
    caption = "The loss should fall and level off; accuracy on held-out classes is what it is for."
    return [Plot("Learning curve", caption, plots.learning_curve(steps, loss, looks))]


def _thinned(points: Sequence[tuple[int, float]]) -> tuple[list[int], list[float]]:
    """Means over even stretches, so that a long run stays a small picture."""
    stretches = [s for s in np.array_split(np.array(points, np.float64).reshape(-1, 2), _POINTS) if len(s)]
    return [int(s[-1, 0]) for s in stretches], [float(s[:, 1].mean()) for s in stretches]
