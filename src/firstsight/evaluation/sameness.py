"""Same or different on pairs drawn once: the same seeded pairs for every model, with the confusion they are left in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firstsight.datasets import DataSet
from firstsight.datasets.drawing import drawn_pairs, drawn_triplets
from firstsight.errors import UsageError
from firstsight.evaluation.baseline import BASELINES
from firstsight.evaluation.subject import Outcome, Subject
from firstsight.evaluation.verification import pair_scores, thinned
from firstsight.metrics.intervals import mean_by_cluster
from firstsight.metrics.verification import best_threshold, error_curve
from firstsight.types import BoolArray, Embedder, FloatArray, IntArray, Metric

PAIRS = 20_000
SEED = 2020
"""Of the pairs: no caller chooses it, so that every model is asked the same."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Scores of the pairs and triplets that were drawn from a data set.

    Attributes:
        score, same: ``(n,)`` of the pairs.
        unit: ``(n,)`` class of each pair's first side.
        near, far: ``(n,)`` scores of the triplets' anchor with its same and with its different example.
        anchor: ``(n,)`` class of each anchor.
    """

    score: FloatArray
    same: BoolArray
    unit: IntArray
    near: FloatArray
    far: FloatArray
    anchor: IntArray


def asked(embedder: Embedder, data: DataSet, embeddings: FloatArray, *, count: int = PAIRS) -> Asked:
    """Scores of ``count`` pairs, half of them same, and as many triplets, every class alike often.

    Raises:
        DataError: the data has no pair of either kind.
    """
    pairs = drawn_pairs(data.labels, data.groups[1], count, SEED)
    triplets = drawn_triplets(data.labels, data.groups[1], count, SEED)

    def scored(left: IntArray, right: IntArray) -> FloatArray:
        return pair_scores(embedder, embeddings, left, right)

    return Asked(
        score=scored(pairs[:, 0], pairs[:, 1]),
        same=data.labels[pairs[:, 0]] == data.labels[pairs[:, 1]],
        unit=data.labels[pairs[:, 0]],
        near=scored(triplets[:, 0], triplets[:, 1]),
        far=scored(triplets[:, 0], triplets[:, 2]),
        anchor=data.labels[triplets[:, 0]],
    )


def judged(found: Asked, threshold: float, *, seed: int = 0) -> tuple[dict[str, Metric], dict[str, object]]:
    """Accuracy at a threshold and of the triplets' order, and the confusion matrix and curve behind them.

    Args:
        found: the scores.
        threshold: from which a pair counts as same.
        seed: of the intervals, for which whole classes are resampled.
    """
    accepted = found.score >= np.float32(threshold)
    order = np.where(found.near == found.far, 0.5, found.near > found.far)  # a tie is half right
    metrics = {
        "accuracy": mean_by_cluster((accepted == found.same).astype(np.float64), found.unit, seed=seed),
        "triplets in order": mean_by_cluster(order.astype(np.float64), found.anchor, seed=seed),
    }
    curve = error_curve(found.score[found.same], found.score[~found.same])
    details: dict[str, object] = {
        "threshold": threshold,
        "confusion": {
            "same, called same": int((accepted & found.same).sum()),
            "same, called different": int((~accepted & found.same).sum()),
            "different, called same": int((accepted & ~found.same).sum()),
            "different, called different": int((~accepted & ~found.same).sum()),
        },
        "roc": thinned(curve),
    }
    return metrics, details


def chosen_threshold(found: Asked) -> float:
    """The threshold with the fewest errors on these pairs."""
    return best_threshold(found.score[found.same], found.score[~found.same])


def same_alphabet(subject: Subject) -> Outcome:
    """Are two glyphs of one alphabet? The threshold comes from other alphabets.

    Raises:
        UsageError: the subject brings no data to choose the threshold on.
    """
    choice = subject.choice
    if choice is None:
        raise UsageError("the threshold is chosen on other alphabets, and none came as the choice")
    threshold = chosen_threshold(asked(choice.embedder, choice.data, choice.embeddings))
    found = asked(subject.embedder, subject.data, subject.embeddings)
    metrics, details = judged(found, threshold, seed=subject.settings.seed)
    for baseline in BASELINES:
        plain = [asked(baseline, side.data, baseline.embed_arrays(side.arrays)) for side in (choice, subject)]
        metrics[baseline.name] = judged(plain[1], chosen_threshold(plain[0]), seed=subject.settings.seed)[0]["accuracy"]
    details["chosen_on"] = choice.data.name
    return Outcome("omniglot-same-alphabet", len(found.same), metrics, details)


__all__ = ["Asked", "asked", "chosen_threshold", "judged", "same_alphabet"]
