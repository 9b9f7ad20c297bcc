"""What every plot stands on: transparent figures, colours that a page can turn for its theme, rates on log axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from firstsight.report.wording import short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GENUINE, IMPOSTOR, LINE, ACCENT = "#1a9a74", "#d1495b", "#3a6ea5", "#b57900"
INK = "#808080"
"""Of text and axes. This grey is legible on light and on dark; a page puts its own ink in its place."""

CARD = "#fefefe"
"""Of what a picture stands on; a page puts the colour of its cards in its place."""

CLASSES = (
    "#4e82e5",
    "#d1601f",
    "#00a157",
    "#be5cad",
    "#b57900",
    "#0097cf",
    "#d35570",
    "#7f9200",
    "#936dd9",
    "#00a29b",
)
"""Ten hues of one lightness in OKLCH: each has a contrast of 3 to 5 with white and with a dark page."""

MARKERS = ("o", "^", "s", "D")
"""Beyond ten classes the hue comes again with another marker."""


def figure(width: float = 4.0, height: float = 2.7) -> tuple[Figure, Any]:
    """An empty figure (inches) with one set of axes, transparent, in a grey that reads on light and dark pages."""
    made, (axes,) = stacked([1.0], width, height)
    return made, axes


def stacked(heights: Sequence[float], width: float = 4.0, height: float = 2.7) -> tuple[Figure, list[Any]]:
    """As :func:`figure`, with axes one above the other that share their x axis."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained")
    made.patch.set_alpha(0)
    grid = made.subplots(len(heights), 1, sharex=True, height_ratios=list(heights), squeeze=False)[:, 0]
    for axes in grid:
        plain(axes)
    return made, list(grid)


def plain(axes: Any) -> None:
    """Axes without a background or a frame, in ink."""
    axes.patch.set_alpha(0)
    for side in axes.spines.values():
        side.set_color(INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(which="both", colors=INK, labelsize=9)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_color(INK)
        axis.label.set_size(9.5)


def rgb(colour: str) -> tuple[float, float, float]:
    """A colour ``#rrggbb`` as shares of 1."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def grid(axes: Any) -> None:
    """Faint lines at the major ticks."""
    axes.grid(visible=True, which="major", color=INK, alpha=0.22, linewidth=0.6)
    axes.set_axisbelow(True)


def legend(axes: Any, **placed: Any) -> None:
    """The legend of what has a name; names are shown as they are, never read as formulas."""
    if axes.get_legend_handles_labels()[0]:
        made = axes.legend(frameon=False, labelcolor=INK, fontsize=8.5, handlelength=1.6, **placed)
        for text in made.get_texts():
            text.set_parse_math(False)


def legible(name: str) -> str:
    """A name as a legend takes it: short, in one line; one that begins with an underscore would be left out."""
    name = short(name, 36)
    return f"\u200b{name}" if name.startswith("_") else name


def nothing(axes: Any, sentence: str) -> None:
    """Say in empty axes why they are empty."""
    axes.text(0.5, 0.5, sentence, transform=axes.transAxes, ha="center", va="center", color=INK, fontsize=9.5)


def percent(value: float, _: int = 0) -> str:
    """A share as a tick label: 0.001 is "0.1%"."""
    return f"{100 * value:.6g}%"


def percent_axis(axis: Any) -> None:
    """Ticks of a linear axis in percent."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(percent))


def log_rates(axis: Any, low: float, high: float) -> None:
    """A logarithmic axis of rates from ``low`` to ``high``, a tick a decade in percent."""
    import numpy as np
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), 1)
    fine = np.log10(high / low) < 1.7
    ticks = np.outer(decades, [1, 2, 5] if fine else [1]).ravel()
    axis.set_major_locator(FixedLocator([float(t) for t in ticks if low / 1.001 <= t <= high * 1.001]))
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(percent))
    axis.axes.set(**{f"{axis.axis_name}lim": (low, high)})


def floor_of(rates: Sequence[float], least: float = 1e-5) -> float:
    """Where a logarithmic axis of these rates begins: a little below the smallest that is not 0."""
    seen = [r for r in rates if r > 0]
    return max(least, 0.8 * min([*seen, 0.1]))
