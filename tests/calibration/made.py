"""Scores whose truth is known, and calibrations of them."""

from __future__ import annotations

import numpy as np

from firstsight.calibration import Calibration, Target, fit_calibration


def drawn(genuine=20_000, impostor=20_000, seed=0, apart=2.0, middle=0.0):
    """Two normals of deviation 1; at equal priors their posterior is a sigmoid of slope ``apart`` about ``middle``."""
    draw = np.random.default_rng(seed)
    return (
        (middle + apart / 2 + draw.normal(size=genuine)).astype(np.float32),
        (middle - apart / 2 + draw.normal(size=impostor)).astype(np.float32),
    )


def fitted(genuine, impostor, target=None, **settings) -> Calibration:
    """A calibration from both kinds of scores."""
    same = np.arange(len(genuine) + len(impostor)) < len(genuine)
    settings = {"data": "made", "classes": ("a", "b"), "seed": 3, "model": "m", **settings}
    scores = np.concatenate([genuine, impostor]).astype(np.float32)
    return fit_calibration(scores, same, target=target or Target("fmr", 0.01), **settings)


class World:
    """Classes that differ: some are alike to all others ("wolves and lambs"), so pairs of a class err together.

    The score of two examples is the sum of both classes' effects and noise; genuine pairs score 3 higher.
    """

    def __init__(self, effect=0.7, noise=0.7):
        self.effect, self.noise = effect, noise

    def sample(self, classes, seed, each=4, pairs=30):
        """Scores ``(n,)``, same ``(n,)`` and units of ``each`` genuine a class and ``pairs`` impostors a class."""
        draw = np.random.default_rng(seed)
        effect = draw.normal(0, self.effect, classes)
        own = np.repeat(np.arange(classes), each)
        left = np.repeat(np.arange(classes), pairs)
        right = (left + draw.integers(1, classes, len(left))) % classes
        left, right = np.concatenate([own, left]), np.concatenate([own, right])
        same = np.arange(len(left)) < len(own)
        scores = effect[left] + effect[right] + 3 * same + draw.normal(0, self.noise, len(left))
        return scores.astype(np.float32), same, (left, right)

    def fmr(self, threshold):
        """The true FMR, over all classes there could be."""
        from scipy.stats import norm

        return float(norm.sf(threshold, 0, np.hypot(np.sqrt(2) * self.effect, self.noise)))
