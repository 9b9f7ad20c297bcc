"""Embeddings of three numbers: points of a sphere, seen from either side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from firstsight.report.plots.canvas import CLASSES, INK, MARKERS, legible

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def on_sphere(points: npt.NDArray[Any], labels: Sequence[str]) -> Figure:
    """Points ``(n, 3)`` brought to length 1, by class: the half towards the viewer, and the half behind.

    The axes are turned so that the first disc looks at the middle of the first class.

    Args:
        points: not all zero.
        labels: the class of each.
    """
    from matplotlib.figure import Figure

    unit = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    names = sorted(set(labels))
    which = np.array([names.index(label) for label in labels])
    seen = unit @ _towards(unit[which == 0].mean(0)).T
    made = Figure(figsize=(7.6, 3.9), layout="constrained")
    made.patch.set_alpha(0)
    for axes, side, title in zip(made.subplots(1, 2), (1, -1), ("in front", "behind"), strict=True):
        axes.set_aspect("equal")
        axes.axis("off")
        turn = np.linspace(0, 2 * np.pi, 200)
        axes.plot(np.cos(turn), np.sin(turn), color=INK, linewidth=0.8)
        axes.set_title(title, color=INK, fontsize=9.5)
        half = side * seen[:, 2] >= 0
        for c, name in enumerate(names):
            mine = half & (which == c)
            axes.scatter(
                side * seen[mine, 0],
                seen[mine, 1],
                s=5,
                color=CLASSES[c % len(CLASSES)],
                marker=MARKERS[c // len(CLASSES) % len(MARKERS)],
                linewidths=0,
                label=legible(name) if side == 1 else None,
            )
    handles, shown = made.axes[0].get_legend_handles_labels()
    if len(names) <= 2 * len(CLASSES):
        made.legend(
            handles,
            shown,
            loc="outside lower center",
            ncols=10,
            frameon=False,
            fontsize=8,
            labelcolor=INK,
            markerscale=2.5,
        )
    return made


def _towards(direction: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A rotation ``(3, 3)`` that brings a direction to the third axis."""
    third = direction / max(float(np.linalg.norm(direction)), 1e-12)
    aside = np.eye(3)[int(np.argmin(np.abs(third)))]
    first = np.cross(aside, third)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(third, first), third])
