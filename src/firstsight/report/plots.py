"""Plots: functions from plain numbers to matplotlib figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GENUINE, IMPOSTOR, LINE = "#1a9a74", "#d1495b", "#3a6ea5"
_INK = "#808080"  # readable on light and on dark


def figure(width: float = 6.0, height: float = 3.2) -> tuple[Figure, Any]:
    """An empty figure with one set of axes, transparent, in a grey that reads on light and dark pages."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained")
    made.patch.set_alpha(0)
    axes = made.add_subplot()
    axes.patch.set_alpha(0)
    for side in axes.spines.values():
        side.set_color(_INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=_INK, labelsize=9)
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)
    return made, axes


def score_histogram(
    edges: Sequence[float], genuine: Sequence[float], impostor: Sequence[float], threshold: float | None
) -> Figure:
    """Shares of same and different pairs a bin of score, with the threshold."""
    made, axes = figure()
    axes.stairs(impostor, edges, fill=True, alpha=0.45, color=IMPOSTOR, label="different")
    axes.stairs(genuine, edges, fill=True, alpha=0.45, color=GENUINE, label="same")
    if threshold is not None:
        axes.axvline(threshold, color=_INK, linestyle="--", linewidth=1.2, label="threshold")
    axes.set_xlabel("score")
    axes.set_ylabel("share of pairs")
    axes.legend(frameon=False, labelcolor=_INK, fontsize=9)
    return made


def det_curve(fmr: Sequence[float], fnmr: Sequence[float]) -> Figure:
    """FNMR against FMR on logarithmic axes: the trade every threshold makes."""
    made, axes = figure()
    points = [(a, b) for a, b in zip(fmr, fnmr, strict=True) if a > 0 and b > 0]
    axes.plot([p[0] for p in points], [p[1] for p in points], color=LINE)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("FMR (different taken for same)")
    axes.set_ylabel("FNMR (same not recognised)")
    axes.grid(visible=True, which="major", color=_INK, alpha=0.25)
    return made


def bars(names: Sequence[str], values: Sequence[float], mean: float) -> Figure:
    """Accuracy by group, worst first, with the mean."""
    made, axes = figure(6.0, max(1.6, 0.24 * len(names) + 0.8))
    places = range(len(names))
    axes.barh(places, values, color=LINE, height=0.7)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.axvline(mean, color=_INK, linestyle="--", linewidth=1.2)
    axes.set_xlim(max(0.0, min(values) - 0.1), 1.0)
    axes.set_xlabel("accuracy (dashed: mean)")
    return made


def learning_curve(steps: Sequence[int], loss: Sequence[float], looks: Sequence[tuple[int, float]]) -> Figure:
    """Loss of each batch, and accuracy on held-out classes where it was looked at."""
    made, axes = figure()
    axes.plot(steps, loss, color=LINE, linewidth=1, label="loss")
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    if looks:
        other = axes.twinx()
        other.patch.set_alpha(0)
        other.plot([s for s, _ in looks], [a for _, a in looks], color=GENUINE, marker="o", label="held-out accuracy")
        other.set_ylabel("accuracy on unseen classes", color=GENUINE)
        other.tick_params(colors=GENUINE, labelsize=9)
        other.spines[["top"]].set_visible(False)
        other.set_ylim(0, 1)
    return made
