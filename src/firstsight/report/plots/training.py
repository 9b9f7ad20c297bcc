"""How a model learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from firstsight.report.plots.canvas import GENUINE, LINE, figure, percent_axis, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def learning_curve(steps: Sequence[int], loss: Sequence[float], looks: Sequence[tuple[int, float]]) -> Figure:
    """Loss of each batch, and accuracy on held-out classes where it was looked at."""
    made, axes = figure()
    axes.plot(steps, loss, color=LINE, linewidth=1, label="loss")
    axes.set_xlabel("step")
    axes.set_ylabel("loss", color=LINE)
    axes.tick_params(axis="y", colors=LINE)
    axes.ticklabel_format(axis="x", useOffset=False)
    if looks:
        other = axes.twinx()
        plain(other)
        other.plot(
            [s for s, _ in looks], [a for _, a in looks], color=GENUINE, marker="o", markersize=4, label="accuracy"
        )
        other.set_ylabel("accuracy on unseen classes", color=GENUINE)
        other.tick_params(axis="y", colors=GENUINE, labelsize=9)
        other.set_ylim(0, 1.02)
        percent_axis(other.yaxis)
    return made
