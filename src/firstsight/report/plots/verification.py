"""Same or different: score histograms, error trade-offs, reliability."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from firstsight.report.plots.canvas import (
    CLASSES,
    GENUINE,
    IMPOSTOR,
    INK,
    LINE,
    figure,
    floor_of,
    grid,
    legend,
    legible,
    log_rates,
    nothing,
    percent,
    percent_axis,
    stacked,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Curves = Mapping[str, tuple[Sequence[float], Sequence[float]]]
"""Name -> (FMR, FNMR), each ``(t,)``, of as many thresholds."""

Points = Mapping[str, tuple[float, float]]
"""Name of a curve -> its (FMR, FNMR) at the saved threshold."""


def score_histogram(
    edges: Sequence[float], genuine: Sequence[float], impostor: Sequence[float], threshold: float | None
) -> Figure:
    """Shares of same ``(b,)`` and different ``(b,)`` pairs a bin of score, ``edges (b + 1,)``, with the threshold."""
    made, axes = figure()
    if len(edges) > 1:
        axes.stairs(impostor, edges, fill=True, alpha=0.5, color=IMPOSTOR, label="different")
        axes.stairs(genuine, edges, fill=True, alpha=0.5, color=GENUINE, label="same")
    else:
        nothing(axes, "no scores")
    if threshold is not None:
        axes.axvline(threshold, color=INK, linestyle="--", linewidth=1.2, label="threshold")
    axes.set_xlabel("score (higher is more alike)")
    axes.set_ylabel("share of pairs")
    percent_axis(axes.yaxis)
    legend(axes, loc="upper center", ncols=3, bbox_to_anchor=(0.5, 1.16), columnspacing=1.2)
    return made


def roc_curve(curves: Curves, points: Points | None = None) -> Figure:
    """TAR (1 - FNMR) against FMR, the latter logarithmic, with the operating points marked."""
    made, axes = figure()
    low = floor_of([a for fmr, _ in curves.values() for a in fmr])
    worst = 1.0
    for (name, (fmr, fnmr)), colour in zip(curves.items(), cycle((LINE, *CLASSES[1:])), strict=False):
        kept = [(a, 1 - b) for a, b in zip(fmr, fnmr, strict=True) if a > 0]
        if kept:
            axes.plot(*zip(*kept, strict=True), color=colour, label=legible(name) if len(curves) > 1 else None)
            worst = min(worst, *(t for a, t in kept if a >= low), 1.0)
        if points and name in points:
            x, y = points[name]
            worst = min(worst, 1 - y)
            _mark(axes, max(x, low), 1 - y, colour)
    log_rates(axes.xaxis, low, 1.0)
    axes.set_ylim(max(0.0, worst - 0.02), 1.004)
    percent_axis(axes.yaxis)
    axes.set_xlabel("FMR: different taken for the same")
    axes.set_ylabel("TAR: same recognised")
    grid(axes)
    legend(axes, loc="lower right")
    return made


def det_curve(curves: Curves, points: Points | None = None) -> Figure:
    """FNMR against FMR on normal-deviate axes, with the operating points marked.

    Source: Martin et al., 1997, "The DET curve in assessment of detection task performance". Rates of 0 have no place
    on such axes and are left out.
    """
    made, axes = figure()
    kept = {
        name: [(a, b) for a, b in zip(fmr, fnmr, strict=True) if 0 < a < 1 and 0 < b < 1]
        for name, (fmr, fnmr) in curves.items()
    }
    rates = [r for pairs in kept.values() for pair in pairs for r in pair]
    low, high = floor_of(rates, 1e-4), _widest(kept.values())
    for (name, pairs), colour in zip(kept.items(), cycle((LINE, *CLASSES[1:])), strict=False):
        if pairs:
            x, y = ndtri(np.array(pairs, np.float64)).T
            axes.plot(x, y, color=colour, label=legible(name) if len(kept) > 1 else None)
        if points and name in points:
            at = ndtri(np.clip(points[name], low, high))
            _mark(axes, float(at[0]), float(at[1]), colour)
    if not rates:
        nothing(axes, "no threshold makes both kinds of error:\nthere is nothing to trade")
    ticks = [t for t in (1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99) if low <= t <= high]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(ndtri(ticks), [percent(t) for t in ticks])
    axes.set(xlim=ndtri([low, high]), ylim=ndtri([low, high]))
    axes.set_xlabel("FMR: different taken for the same")
    axes.set_ylabel("FNMR: same missed")
    grid(axes)
    legend(axes, loc="upper right")
    return made


def _widest(curves: Iterable[Sequence[tuple[float, float]]]) -> float:
    """Where the axes end: at 0.6, or further where a curve leaves them there on its way through equal errors."""
    equal = [min(max(point) for point in pairs) for pairs in curves if pairs]
    return 0.6 if max(equal, default=0.0) < 0.3 else 0.995


def _mark(axes: Any, x: float, y: float, colour: str) -> None:
    """An operating point; one that is off the axes was moved to their edge, where it is shown whole."""
    axes.plot([x], [y], "o", color=colour, markersize=7, markeredgecolor=INK, clip_on=False, zorder=5)


def reliability(predicted: Sequence[float], observed: Sequence[float], share: Sequence[float]) -> Figure:
    """Observed against predicted probability ``(b,)`` with the diagonal; below, the share of pairs in each bin."""
    made, (axes, below) = stacked([3.2, 1], height=3.3)
    axes.plot([0, 1], [0, 1], color=INK, linestyle="--", linewidth=1)
    seen = [(p, o, s) for p, o, s in zip(predicted, observed, share, strict=True) if p is not None and o is not None]
    if seen:
        p, o, s = zip(*seen, strict=True)
        axes.plot(p, o, "o-", color=LINE, markersize=4.5)
        below.bar(p, s, width=0.8 / max(len(seen), 10), color=LINE, alpha=0.6)
    else:
        nothing(axes, "no pairs")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.03, 1.03))
    axes.set_ylabel("truly the same")
    below.set_ylabel("pairs")
    below.set_xlabel('stated probability of "same"')
    for axis in (axes.yaxis, below.xaxis):
        percent_axis(axis)
    from matplotlib.ticker import MaxNLocator

    percent_axis(below.yaxis)
    below.yaxis.set_major_locator(MaxNLocator(2))
    grid(axes)
    return made
