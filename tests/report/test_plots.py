"""Every plot draws what a report can hold, however little, without a warning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from firstsight.report import plots
from firstsight.report.html import svg
from firstsight.report.plots.embedding import effective_dimension

GREY = np.zeros((1, 8, 8), np.uint8)
COLOUR = np.full((3, 8, 8), 90, np.uint8)
ODD = ("<script>", "$x_{$", "_hidden", "字 図", "a\nb", "x" * 200)
"""Names that are markup, a broken formula, hidden from legends, in another script, of two lines, or long."""


def points(n: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32)


CASES: dict[str, Callable[[], Any]] = {
    "histogram": lambda: plots.score_histogram([0, 0.5, 1], [0.2, 0.8], [0.9, 0.1], 0.4),
    "histogram without threshold": lambda: plots.score_histogram([0, 0.5, 1], [0.2, 0.8], [0.9, 0.1], None),
    "histogram of equal scores": lambda: plots.score_histogram([0.5, 0.5 + 1e-6], [1.0], [1.0], 0.5),
    "histogram of nothing": lambda: plots.score_histogram([], [], [], None),
    "roc": lambda: plots.roc_curve({"": ([0.5, 0.1, 0], [0, 0.1, 0.3])}, {"": (0.1, 0.1)}),
    "roc of several": lambda: plots.roc_curve({n: ([0.5, 0.1], [0.1, 0.2]) for n in ODD}, {"$x_{$": (0.0, 0.1)}),
    "roc without errors": lambda: plots.roc_curve({"": ([1, 0, 0], [0, 0, 0])}, {"": (0.0, 0.0)}),
    "roc of nothing": lambda: plots.roc_curve({}),
    "roc of no points": lambda: plots.roc_curve({"": ([], [])}),
    "roc of one threshold": lambda: plots.roc_curve({"": ([0.5], [0.5])}),
    "roc, all wrong": lambda: plots.roc_curve({"": ([1, 1], [1, 1])}, {"": (1.0, 1.0)}),
    "det": lambda: plots.det_curve({"": ([0.5, 0.1, 0], [0, 0.1, 0.3])}, {"": (0.1, 0.1)}),
    "det of several": lambda: plots.det_curve({n: ([0.5, 0.1], [0.1, 0.2]) for n in ODD}, {"_hidden": (0.0, 1.0)}),
    "det without errors": lambda: plots.det_curve({"": ([1, 0, 0], [0, 0, 0])}, {"": (0.0, 0.0)}),
    "det of nothing": lambda: plots.det_curve({}),
    "det of rare errors": lambda: plots.det_curve({"": ([1e-7, 1e-6], [1e-3, 1e-7])}),
    "reliability": lambda: plots.reliability([0.1, 0.9], [0.2, 0.8], [0.5, 0.5]),
    "reliability with empty bins": lambda: plots.reliability([0.1, None], [0.2, None], [1.0, 0.0]),
    "reliability of nothing": lambda: plots.reliability([], [], []),
    "bars": lambda: plots.bars(ODD, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 0.7),
    "bars of one": lambda: plots.bars(["a"], [1.0], 1.0),
    "bars of nothing": lambda: plots.bars([], [], 0.5),
    "bars of another metric": lambda: plots.bars(["a", "b"], [0.0, 0.0], 0.0, "eer"),
    "bars of a number": lambda: plots.bars(["a", "b"], [-3.0, 12.0], 4.0, "score"),
    "cmc": lambda: plots.cmc([1, 2, 3], [0.8, 0.9, 1.0]),
    "cmc of one": lambda: plots.cmc([1], [1.0]),
    "cmc of many": lambda: plots.cmc(list(range(1, 201)), [i / 200 for i in range(200)]),
    "cmc of nothing": lambda: plots.cmc([], []),
    "open set": lambda: plots.open_set([("20 identities", [0.001, 0.01, 0.1, 1], [0.4, 0.3, 0.1, 0])]),
    "open set of several": lambda: plots.open_set([(n, [0.02, 1], [0.4, 0]) for n in ODD]),
    "open set without errors": lambda: plots.open_set([("g", [0, 0, 1], [0, 0, 0])]),
    "open set of nothing": lambda: plots.open_set([]),
    "open set, none let in": lambda: plots.open_set([("g", [0, 0], [0.1, 0.2])]),
    "requested": lambda: plots.requested_rates([0.01, 0.1], [0.02, 0.1], [0.01, 0.05], [0.03, 0.2]),
    "requested, none achieved": lambda: plots.requested_rates([0.01], [0.0], [0.0], [0.0]),
    "requested of nothing": lambda: plots.requested_rates([], [], [], []),
    "requested, all": lambda: plots.requested_rates([1.0], [1.0], [1.0], [1.0]),
    "draws": lambda: plots.draws("accuracy", [0.8, 0.9, 0.85]),
    "draws, all equal": lambda: plots.draws("FNIR at FPIR 0.05", [0.0] * 50),
    "draws of one": lambda: plots.draws("$x_{$", [1.0]),
    "draws of nothing": lambda: plots.draws("auc", []),
    "confusion": lambda: plots.confusion(ODD[:2], [*ODD[:2], "unknown"], [[3, 1, 0], [0, 0, 4]]),
    "confusion of one class": lambda: plots.confusion(["a"], ["a"], [[5]]),
    "confusion of nothing": lambda: plots.confusion([], [], []),
    "confusion never asked": lambda: plots.confusion(["a", "b"], ["a", "b"], [[0, 0], [0, 0]]),
    "confusion of many": lambda: plots.confusion([str(i) for i in range(60)], [str(i) for i in range(60)], np.eye(60)),
    "map": lambda: plots.class_map(points(60), np.repeat(np.arange(30), 2), [GREY] * 15 + [COLOUR] * 15),
    "map of one class": lambda: plots.class_map(points(3), np.zeros(3, np.int64), [COLOUR]),
    "map of one place": lambda: plots.class_map(np.zeros((4, 2), np.float32), np.zeros(4, np.int64)),
    "map of nothing": lambda: plots.class_map(points(0), np.zeros(0, np.int64)),
    "strips": lambda: plots.colour_strips(points(6), np.repeat(np.arange(3), 2), ODD),
    "strips of one": lambda: plots.colour_strips(points(1)[:, :1], np.zeros(1, np.int64), ["a"]),
    "strips of zeros": lambda: plots.colour_strips(np.zeros((4, 3), np.float32), np.zeros(4, np.int64), ["a"]),
    "strips of nothing": lambda: plots.colour_strips(points(0), np.zeros(0, np.int64), []),
    "spectrum": lambda: plots.spectrum([0.6, 0.3, 0.1]),
    "spectrum of one": lambda: plots.spectrum([1.0]),
    "spectrum without variance": lambda: plots.spectrum([0.0, 0.0]),
    "spectrum of nothing": lambda: plots.spectrum([]),
    "learning": lambda: plots.learning_curve([1, 2, 3], [3.0, 2.0, 1.0], [(2, 0.5), (3, 0.7)]),
    "learning without looks": lambda: plots.learning_curve([1], [3.0], []),
    "learning of nothing": lambda: plots.learning_curve([], [], []),
}


@pytest.mark.parametrize("case", CASES)
def test_every_plot_draws(case: str) -> None:
    """Whatever a report holds becomes a picture that refers to nothing outside and holds no markup of a name."""
    drawn = svg(CASES[case](), case)
    assert drawn.startswith("<svg")
    assert "http" not in drawn
    assert "<script" not in drawn


def test_the_same_plot_is_the_same_bytes() -> None:
    """Identifiers and dates do not change from one drawing to the next."""
    assert len({svg(CASES["map"](), "map") for _ in range(2)}) == 1


def test_plots_take_the_pages_ink() -> None:
    """Axes and text are in a colour that the page chooses, so that they can be read on light and on dark."""
    drawn = svg(plots.cmc([1, 2], [0.5, 1.0]))
    assert "var(--plot-ink" in drawn
    assert drawn.count(plots.INK) == drawn.count(f"var(--plot-ink, {plots.INK})")
    assert "#000000" not in drawn


def test_plots_of_a_page_share_no_identifier() -> None:
    """Clips and markers of two plots do not mix."""
    import re

    first, second = (set(re.findall(r' id="([^"]+)"', svg(plots.cmc([1, 2], [r, 1.0])))) for r in (0.5, 0.7))
    assert first
    assert not first & second


def test_names_are_not_formulas() -> None:
    """A label is shown letter for letter."""
    drawn = svg(plots.bars(["$x_{$", "<b>", "_c"], [0.1, 0.2, 0.3], 0.2))
    assert ">$x_{$<" in drawn
    assert ">&lt;b&gt;<" in drawn
    assert ">_c<" in drawn


def test_the_alternative_text_is_escaped() -> None:
    """What stands for a plot cannot end its attribute."""
    assert 'aria-label="&quot;&gt;&lt;b&gt;"' in svg(plots.cmc([1], [1.0]), '"><b>')


@pytest.mark.parametrize(
    ("shares", "effective"), [([1, 1, 1, 1], 4), ([1, 0, 0], 1), ([0.5, 0.5, 0], 2), ([0.5, 0.1], 1 / 0.26), ([], 0)]
)
def test_effective_dimension(shares: list[float], effective: float) -> None:
    """All where all are equal, one where one holds everything; what is not listed is not taken for nothing."""
    assert effective_dimension(shares) == pytest.approx(effective)
