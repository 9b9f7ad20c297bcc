"""Who is it: CMC, open-set errors, confusion, spreads, bars by class or group."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from firstsight.report.plots.canvas import (
    ACCENT,
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
    rgb,
)
from firstsight.report.wording import is_rate, number, short, title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ANNOTATED, _NAMED = 10, 40


def bars(names: Sequence[str], values: Sequence[float], mean: float, metric: str = "accuracy") -> Figure:
    """A metric by class or group ``(n,)``, hardest first, with the mean."""
    made, axes = figure(4.0, max(1.6, 0.19 * len(names) + 0.8))
    places = range(len(names))
    axes.barh(places, values, color=LINE, height=0.7)
    axes.set_yticks(places, [short(n) for n in names], parse_math=False)
    axes.tick_params(axis="y", labelsize=8, length=0)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.axvline(mean, color=ACCENT, linestyle="--", linewidth=1.2)
    least, most = min([*values, mean]), max([*values, mean])
    if is_rate(metric):
        axes.set_xlim(
            max(0.0, np.floor(10 * least - 0.5) / 10), 1.0 if metric == "accuracy" else min(1, 1.1 * most + 1e-3)
        )
        percent_axis(axes.xaxis)
    axes.set_xlabel(f"{title(metric)} (dashed: mean)", parse_math=False)
    if not len(names):
        nothing(axes, "nothing to compare")
    return made


def cmc(rank: Sequence[int], rate: Sequence[float]) -> Figure:
    """Share of searches ``(k,)`` whose right identity is among the first ``rank (k,)``."""
    made, axes = figure()
    axes.plot(rank, rate, "o-" if len(rank) <= 25 else "-", color=LINE, markersize=4)
    if rate:
        axes.set_ylim(max(0.0, min(rate) - 0.05), 1.005)
    last = max(rank, default=1)
    if last <= 50:
        axes.set_xticks(range(1, last + 1) if last <= 10 else [1, *range(5, last + 1, 5)])
    axes.set_xlim(0.6, last + 0.4)
    percent_axis(axes.yaxis)
    axes.set_xlabel("rank: among the first so many candidates")
    axes.set_ylabel("right identity found")
    grid(axes)
    return made


def open_set(curves: Sequence[tuple[str, Sequence[float], Sequence[float]]]) -> Figure:
    """FNIR against FPIR, the latter logarithmic, at 1 % and 5 % marked.

    Args:
        curves: (name, FPIR ``(t,)``, FNIR ``(t,)``) for each gallery.
    """
    made, axes = figure()
    low = floor_of([x for _, fpir, _ in curves for x in fpir], 1e-4)
    for (name, fpir, fnir), colour in zip(curves, cycle((LINE, *CLASSES[1:])), strict=False):
        kept = sorted((a, b) for a, b in zip(fpir, fnir, strict=True) if a > 0)
        if not kept:
            continue
        x, y = zip(*kept, strict=True)
        axes.plot(x, y, color=colour, label=legible(name))
        for asked in (0.01, 0.05):
            # FNIR at the strictest threshold that lets in no more than was asked, as the metric is defined.
            upto = [b for a, b in kept if a <= asked]
            if upto:
                axes.plot([asked], [min(upto)], "o", color=colour, markersize=6, markeredgecolor=INK, zorder=5)
                if len(curves) == 1:
                    text = percent(round(min(upto), 4))
                    axes.annotate(text, (asked, min(upto)), (4, 5), textcoords="offset points", color=INK, fontsize=8.5)
    log_rates(axes.xaxis, low, 1.0)
    axes.set_ylim(bottom=0)
    percent_axis(axes.yaxis)
    axes.set_xlabel("FPIR: strangers taken for somebody")
    axes.set_ylabel("FNIR: enrolled ones missed")
    grid(axes)
    legend(axes, loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2)
    return made


def requested_rates(
    asked: Sequence[float], achieved: Sequence[float], low: Sequence[float], high: Sequence[float]
) -> Figure:
    """FPIR achieved ``(n,)`` with its interval against the one asked for ``(n,)``; the band is a factor of 1.5."""
    made, axes = figure()
    seen = [(a, b, lo, hi) for a, b, lo, hi in zip(asked, achieved, low, high, strict=True) if a > 0]
    rates = [r for row in seen for r in row if r > 0] or [0.01, 0.1]
    least, most = 0.6 * min(rates), min(1.0, 1.8 * max(rates))
    line = np.array([least, most])
    axes.fill_between(
        line, line / 1.5, line * 1.5, color=GENUINE, alpha=0.15, linewidth=0, label="within a factor of 1.5"
    )
    axes.plot(line, line, color=INK, linestyle="--", linewidth=1)
    for a, b, lo, hi in seen:
        kept = a / 1.5 <= b <= a * 1.5 or lo <= a <= hi
        colour = GENUINE if kept else IMPOSTOR
        axes.plot([a, a], [max(lo, least), max(hi, least)], color=colour, linewidth=1.4)
        # None at all has no place on a logarithmic axis: an arrow at its foot.
        axes.plot([a], [b or least], "o" if b > 0 else "v", color=colour, markersize=6, clip_on=b > 0, zorder=5)
    if not seen:
        nothing(axes, "nothing was asked for")
    log_rates(axes.xaxis, least, most)
    log_rates(axes.yaxis, least, most)
    axes.set_xlabel("FPIR asked for")
    axes.set_ylabel("FPIR achieved")
    grid(axes)
    legend(axes, loc="upper left")
    return made


def draws(name: str, values: Sequence[float]) -> Figure:
    """Spread of a metric over draws of references ``(n,)``: histogram, mean and middle 90 %."""
    from matplotlib.ticker import MaxNLocator

    made, axes = figure(4.0, 2.4)
    seen = np.array([v for v in values if v is not None], np.float64)
    if len(seen):
        low, high = float(seen.min()), float(seen.max())
        room = (high - low) or 0.01
        axes.hist(
            seen,
            bins=min(30, max(5, len(seen) // 4)),
            range=(low - 0.05 * room, high + 0.05 * room),
            color=LINE,
            alpha=0.7,
        )
        five, ninety_five = np.quantile(seen, [0.05, 0.95])
        axes.axvspan(five, ninety_five, color=INK, alpha=0.12, linewidth=0, label="middle 90%")
        mean = float(seen.mean())
        axes.axvline(mean, color=ACCENT, linestyle="--", linewidth=1.3, label=f"mean {number(name, mean)}")
    else:
        nothing(axes, "no draws")
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_xlabel(title(name), parse_math=False)
    axes.set_ylabel("draws")
    if is_rate(name):
        percent_axis(axes.xaxis)
    legend(axes, loc="upper center", ncols=2, bbox_to_anchor=(0.5, 1.2))
    return made


def confusion(rows: Sequence[str], columns: Sequence[str], matrix: Sequence[Sequence[float]]) -> Figure:
    """Counts ``(rows, columns)`` as a heat map: right, wrong and, beyond the rows' classes, unknown."""
    counts: npt.NDArray[np.float64] = np.array(matrix, np.float64).reshape(len(rows), len(columns))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    named = max(counts.shape, default=0) <= _NAMED
    made, axes = figure(4.0, 4.0)
    pixels = np.empty((*counts.shape, 4))
    pixels[..., :3] = rgb(IMPOSTOR)
    pixels[:, len(rows) :, :3] = rgb(ACCENT)
    pixels[range(len(rows)), range(len(rows)), :3] = rgb(GENUINE)
    # The square root keeps a rare confusion visible.
    pixels[..., 3] = np.sqrt(shares)
    if counts.size:
        axes.imshow(pixels, interpolation="none", aspect="auto")
    else:
        nothing(axes, "no classes")
    if max(counts.shape, default=0) <= _ANNOTATED:
        for (i, j), c in np.ndenumerate(counts):
            if c:
                white = shares[i, j] > 0.3
                axes.text(j, i, f"{c:g}", ha="center", va="center", fontsize=8, color="#ffffff" if white else INK)
    if named and counts.size:
        size = 8 if len(rows) <= 20 else 6
        axes.set_xticks(
            range(len(columns)), [short(c, 16) for c in columns], rotation=90, fontsize=size, parse_math=False
        )
        axes.set_yticks(range(len(rows)), [short(r, 18) for r in rows], fontsize=size, parse_math=False)
    else:
        axes.set(xticks=[], yticks=[])
    axes.tick_params(length=0)
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")
    return made
