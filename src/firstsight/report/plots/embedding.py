"""The space of embeddings: maps of unseen classes, colour strips, spread over dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from firstsight.report.plots.canvas import (
    ACCENT,
    CARD,
    CLASSES,
    INK,
    LINE,
    MARKERS,
    figure,
    grid,
    legend,
    nothing,
    percent_axis,
    rgb,
)
from firstsight.report.wording import short
from firstsight.types import FloatArray, IntArray, PixelArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_POSITIVE, _NEGATIVE = (0.82, 0.38, 0.12), (0.31, 0.51, 0.90)
_LEVELS = 24


def class_map(points: FloatArray, labels: IntArray, thumbnails: Sequence[PixelArray] = ()) -> Figure:
    """Examples on a plane, coloured by class.

    Args:
        points: ``(n, 2)``.
        labels: ``(n,)`` in 0..classes - 1.
        thumbnails: for each class a reading ``(c, h, w)``, set above the middle of the class; of one channel it is
            drawn in the colour of its class.
    """
    made, axes = figure(4.0, 3.9)
    for c in np.unique(labels):
        mine = points[labels == c]
        axes.scatter(
            mine[:, 0],
            mine[:, 1],
            s=17,
            color=CLASSES[c % len(CLASSES)],
            marker=MARKERS[(c // len(CLASSES)) % len(MARKERS)],
            linewidths=0,
            alpha=0.85,
        )
    for c, pixels in enumerate(thumbnails):
        _set(axes, points[labels == c], pixels, CLASSES[c % len(CLASSES)])
    axes.set(xticks=[], yticks=[])
    axes.margins(0.06)
    for side in axes.spines.values():
        side.set_visible(False)
    if not len(points):
        nothing(axes, "no examples")
    return made


def _set(axes: Any, mine: FloatArray, pixels: PixelArray, colour: str) -> None:
    """A picture above the middle of these points."""
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    if not len(mine):
        return
    x, y = float(np.median(mine[:, 0])), float(np.quantile(mine[:, 1], 0.85))
    frame = {"edgecolor": colour, "linewidth": 1.2, "facecolor": CARD, "alpha": 0.85, "boxstyle": "square,pad=0"}
    shown = _in_colour(pixels[0], colour) if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    image = OffsetImage(shown, zoom=16 / max(shown.shape[:2]), interpolation="none")
    image.image.axes = axes
    axes.add_artist(AnnotationBbox(image, (x, y), (0, 11), boxcoords="offset points", pad=0, bboxprops=frame))


def _in_colour(pixels: npt.NDArray[np.uint8], colour: str) -> npt.NDArray[np.float64]:
    """Grey pixels ``(h, w)`` as ink of one colour on nothing, ``(h, w, 4)``; what most pixels are is no ink."""
    ink = np.abs(pixels - np.median(pixels)) / 255
    made = np.empty((*pixels.shape, 4))
    made[..., :3] = rgb(colour)
    made[..., 3] = ink / max(float(ink.max()), 1e-9)
    return made


def colour_strips(embeddings: FloatArray, labels: IntArray, names: Sequence[str]) -> Figure:
    """Embeddings ``(n, d)`` as rows of colour, grouped by class: orange above 0, blue below, pale near it.

    Args:
        embeddings: of examples in the order of their classes.
        labels: ``(n,)`` ascending.
        names: of the classes.
    """
    from matplotlib.ticker import MaxNLocator

    made, axes = figure(4.0, max(1.8, min(5.0, 0.035 * len(embeddings) + 0.9)))
    if embeddings.size:
        # The strongest values would leave the rest pale: the scale ends at the 99th of a hundred.
        most = float(np.quantile(np.abs(embeddings), 0.99)) or 1.0
        strength = np.round(np.clip(np.abs(embeddings) / most, 0, 1) * _LEVELS) / _LEVELS
        pixels: npt.NDArray[np.float64] = np.empty((*embeddings.shape, 4))
        pixels[..., :3] = np.where(embeddings[..., None] > 0, _POSITIVE, _NEGATIVE)
        pixels[strength == 0, :3] = 0
        pixels[..., 3] = strength
        axes.imshow(pixels, interpolation="none", aspect="auto")
    else:
        nothing(axes, "no examples")
    found, first, many = np.unique(labels, return_index=True, return_counts=True)
    axes.set_yticks(first + (many - 1) / 2, [short(names[c], 18) for c in found], fontsize=7, parse_math=False)
    for start in first[1:]:
        axes.axhline(start - 0.5, color=INK, linewidth=0.6)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlabel("dimension of the embedding")
    return made


def spectrum(shares: Sequence[float]) -> Figure:
    """Share of the variance held by ever more principal directions, with the effective dimension.

    Args:
        shares: ``(k,)`` of each, descending; where they fall short of 1, the rest lies in directions not listed.
    """
    from matplotlib.ticker import MaxNLocator

    made, axes = figure()
    seen = np.array(shares, np.float64)
    effective = effective_dimension(shares)
    if effective:
        axes.plot(
            np.arange(1, len(seen) + 1),
            np.cumsum(seen) / max(1.0, seen.sum()),
            color=LINE,
            label="variance held so far",
        )
        axes.axvline(
            effective, color=ACCENT, linestyle="--", linewidth=1.2, label=f"effective dimension {effective:.1f}"
        )
    else:
        nothing(axes, "no variance: every embedding is the same")
    axes.set_ylim(0, 1.02)
    axes.set_xlim(0, max(len(seen), 1, 1.05 * effective) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    percent_axis(axes.yaxis)
    axes.set_xlabel("principal directions, strongest first")
    axes.set_ylabel("share of the variance")
    grid(axes)
    legend(axes, loc="lower left", ncols=2, bbox_to_anchor=(-0.05, 1.0), borderaxespad=0.2, columnspacing=1.2)
    return made


def effective_dimension(shares: Sequence[float]) -> float:
    """Participation ratio of shares of variance ``(k,)``: how many directions an embedding fills, 0 without any."""
    seen = np.array(shares, np.float64)
    square = float(np.square(seen).sum())
    return max(1.0, float(seen.sum())) ** 2 / square if square else 0.0
