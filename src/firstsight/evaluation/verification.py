"""Verification: same or different?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from firstsight.calibration import Calibration
from firstsight.datasets.pairs import Pairs, draw_pairs
from firstsight.decision import accepts
from firstsight.errors import UsageError
from firstsight.evaluation.baseline import BASELINES, Baseline
from firstsight.evaluation.identification import units
from firstsight.evaluation.subject import Outcome, Subject
from firstsight.metrics.intervals import bootstrap
from firstsight.metrics.reliability import ece, reliability
from firstsight.metrics.verification import (
    ErrorCurve,
    best_threshold,
    confusion,
    eer,
    error_curve,
    fnmr_at_fmr,
    min_dcf,
    rates_at,
)
from firstsight.types import BoolArray, Embedder, FloatArray, IntArray, Metric, PairEmbedder

_BLOCK = 4096  # pairs scored at a time
_POINTS = 400  # of a curve in a report
_WORST = 8
_ROUNDS = 100
_BASELINE_PAIRS = 50_000  # of each kind: an EER known to a tenth of a per cent
PRIOR = 0.01
"""Share of same pairs that min-DCF assumes, as in NIST's speaker evaluations; both errors cost 1."""


def verification(subject: Subject) -> Outcome:
    """Same or different, over all pairs or a large seeded draw of them."""
    data, s, calibration = subject.data, subject.settings, subject.calibration
    pairs = draw_pairs(data, impostor=500_000, seed=s.seed, cross_origin=s.across == "origins")
    scores = pair_scores(subject.embedder, subject.embeddings, pairs.left, pairs.right)
    genuine, impostor = scores[pairs.same], scores[~pairs.same]
    # Pairs share examples, so whole groups (or classes; or examples, for pairs or learned classes) are resampled.
    by, names, unit = ("pair", (), np.arange(len(data))) if data.pairs else units(data)
    drawn = np.arange(len(data)) if subject.learned else unit
    statistic = _error_rates(scores, pairs.same, drawn[pairs.left], drawn[pairs.right], calibration)
    metrics = bootstrap(statistic, int(drawn.max()) + 1, seed=s.seed, rounds=_ROUNDS)
    for baseline in BASELINES:
        metrics[f"{baseline.name} eer"] = _plain_eer(baseline.embed_arrays(subject.arrays), pairs)
    left, right = unit[pairs.left], unit[pairs.right]
    curve = error_curve(genuine, impostor)
    threshold = calibration.threshold if calibration else None
    details: dict[str, object] = {
        "roc": thinned(curve),
        "histogram": _histogram(genuine, impostor),
        "genuine_pairs": len(genuine),
        "impostor_pairs": len(impostor),
        "threshold": threshold,
        "worst": _worst(pairs, np.arange(len(data)) if data.pairs else data.labels, scores),
    }
    if calibration:
        counts = confusion(genuine, impostor, calibration.threshold)
        details["decisions"] = {
            "true_match": counts.true_positives,
            "false_non_match": counts.false_negatives,
            "false_match": counts.false_positives,
            "true_non_match": counts.true_negatives,
        }
        details["reliability"] = _reliability(calibration.probability(scores), pairs.same)
    if names:
        at = threshold if threshold is not None else best_threshold(genuine, impostor)
        details["by"] = by
        details["table"] = _by_unit(names, left, right, scores >= np.float32(at), pairs.same)
    notes = () if calibration else ("the model is not calibrated: error rates at a saved threshold are not shown",)
    return Outcome(f"verification, across {s.across}", len(scores), metrics, details, notes)


def _plain_eer(flat: FloatArray, pairs: Pairs) -> Metric:
    """EER of the cosines of vectors ``(n, d)`` on the same pairs: of each kind all, or evenly chosen ones of many."""
    scores = []
    for kind in (np.flatnonzero(pairs.same), np.flatnonzero(~pairs.same)):
        some = kind[:: -(-len(kind) // _BASELINE_PAIRS)]
        made = np.empty(len(some), np.float32)
        for start in range(0, len(some), _BLOCK):
            block = some[start : start + _BLOCK]
            made[start : start + _BLOCK] = np.einsum("nd,nd->n", flat[pairs.left[block]], flat[pairs.right[block]])
        scores.append(made)
    return Metric(*(eer(error_curve(*scores)),) * 3)


def koch(subject: Subject) -> Outcome:
    """Accuracy on the last 10 alphabets by 4 drawers, its threshold chosen on 10 others by 4 others.

    Same and different pairs weigh the same, as when drawn half and half. Koch et al. (2015) do not say whether a
    different pair is of one alphabet, so both are measured, each with its own threshold.

    Raises:
        UsageError: the subject brings no data to choose the threshold on.
    """
    if subject.choice is None:
        raise UsageError("the threshold is chosen on other alphabets by other drawers, and none came as the choice")
    metrics, curves, trials = {}, {}, 0
    thresholds: dict[str, float] = {}
    for name, within in (("same alphabet", True), ("any alphabet", False)):
        chosen_on, tested = _koch_pairs(subject.choice, within=within), _koch_pairs(subject, within=within)
        threshold = best_threshold(chosen_on[0][chosen_on[1]], chosen_on[0][~chosen_on[1]])
        scores, same, left, right = tested
        names = subject.data.groups[0]
        statistic = _accuracy_at(scores, same, left, right, threshold)
        found = bootstrap(statistic, len(names), seed=subject.settings.seed)
        metrics[f"accuracy, {name}"] = found["accuracy"]
        metrics[f"eer, {name}"] = found["eer"]
        thresholds[name] = threshold
        curves[name] = thinned(error_curve(scores[same], scores[~same]))
        trials += len(scores)
    for baseline in BASELINES:
        chosen_on, tested = (_koch_pairs(_as(baseline, side), within=False) for side in (subject.choice, subject))
        threshold = best_threshold(chosen_on[0][chosen_on[1]], chosen_on[0][~chosen_on[1]])
        fmr, fnmr = rates_at(tested[0][tested[1]], tested[0][~tested[1]], threshold)
        metrics[f"{baseline.name}, any alphabet"] = Metric(*(1 - (fmr + fnmr) / 2,) * 3)
    details: dict[str, object] = {"curves": curves, "thresholds": thresholds, "chosen_on": subject.choice.data.name}
    return Outcome(f"threshold chosen on {subject.choice.data.name}", trials, metrics, details)


def _as(baseline: Baseline, subject: Subject) -> Subject:
    return Subject(baseline, subject.data, subject.arrays, baseline.embed_arrays(subject.arrays), subject.settings)


def _koch_pairs(subject: Subject, *, within: bool) -> tuple[FloatArray, BoolArray, IntArray, IntArray]:
    """Scores of all pairs ``(n,)``, whether they are the same, and the alphabets of both sides."""
    pairs = draw_pairs(subject.data, impostor=5_000_000, seed=subject.settings.seed, cross_origin=False)
    _, groups = subject.data.groups
    left, right = groups[pairs.left], groups[pairs.right]
    kept = (left == right) if within else np.ones(len(left), bool)
    scores = pair_scores(subject.embedder, subject.embeddings, pairs.left[kept], pairs.right[kept])
    return scores, pairs.same[kept], left[kept], right[kept]


def _accuracy_at(
    scores: FloatArray, same: BoolArray, left: IntArray, right: IntArray, threshold: float
) -> Callable[[IntArray], dict[str, float]]:
    curve = _Weighted(scores, same)
    accepted = scores >= np.float32(threshold)

    def statistic(counts: IntArray) -> dict[str, float]:
        weight = counts[left] * np.where(left == right, 1, counts[right])
        genuine, impostor = weight[same].sum(), weight[~same].sum()
        if not genuine or not impostor:
            return {"accuracy": float("nan"), "eer": float("nan")}
        fnmr = (weight * (same & ~accepted)).sum() / genuine
        fmr = (weight * (~same & accepted)).sum() / impostor
        return {"accuracy": float(1 - (fmr + fnmr) / 2), "eer": eer(curve.curve(weight))}

    return statistic


def pair_scores(embedder: Embedder, embeddings: FloatArray, left: IntArray, right: IntArray) -> FloatArray:
    """Scores ``(n,)`` of index pairs, block by block so that memory stays bounded."""
    out = np.empty(len(left), np.float32)
    if isinstance(embedder, PairEmbedder) and embedder.pairwise:
        for start in range(0, len(left), _BLOCK):
            some = slice(start, start + _BLOCK)
            out[some] = embedder.aligned(embeddings[left[some]], embeddings[right[some]])
        return out
    order = np.argsort(left, kind="stable")
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        rows, row = np.unique(left[block], return_inverse=True)
        columns, column = np.unique(right[block], return_inverse=True)
        out[block] = embedder.score(embeddings[rows], embeddings[columns])[row, column]
    return out


class _Weighted:
    """Error curves of the same scores under other weights, sorted once: what a bootstrap asks a hundred times.

    Args:
        scores: ``(n,)``.
        same: ``(n,)``.
    """

    def __init__(self, scores: FloatArray, same: BoolArray) -> None:
        self.order = np.argsort(scores, kind="stable")
        self.same = same[self.order]
        ordered = scores[self.order]
        self.first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        self.thresholds = np.append(ordered[self.first].astype(np.float64), np.inf)

    def curve(self, weight: IntArray) -> ErrorCurve:
        """The curve where pair i counts ``weight[i]`` times."""
        genuine, impostor = self._below(weight)
        return ErrorCurve(self.thresholds, 1 - impostor / impostor[-1], genuine / genuine[-1])

    def area(self, weight: IntArray) -> float:
        """AUC, ties counted half."""
        genuine, impostor = self._below(weight)
        middle = (impostor[1:] + impostor[:-1]) / 2
        return float(np.diff(genuine) @ middle / (genuine[-1] * impostor[-1]))

    def _below(self, weight: IntArray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Weight of genuine and of impostor pairs below each threshold, ending with the totals."""
        ordered = weight[self.order].astype(np.float64)
        sums = []
        for kind in (self.same, ~self.same):
            total = np.concatenate([[0.0], np.cumsum(ordered * kind)])
            sums.append(np.append(total[self.first], total[-1]))
        return sums[0], sums[1]


def _error_rates(
    scores: FloatArray, same: BoolArray, left: IntArray, right: IntArray, calibration: Calibration | None
) -> Callable[[IntArray], dict[str, float]]:
    names = ["eer", "auc", "tar@fmr=0.01", "tar@fmr=0.001", "min_dcf"]
    weighted = _Weighted(scores, same)
    if calibration:
        names = ["accuracy@threshold", "fmr@threshold", "fnmr@threshold", *names, "ece"]
        accepted, probability = accepts(scores, calibration), calibration.probability(scores)

    def statistic(counts: IntArray) -> dict[str, float]:
        weight = counts[left] * np.where(left == right, 1, counts[right])
        genuine, impostor = weight[same].sum(), weight[~same].sum()
        if not genuine or not impostor:
            return dict.fromkeys(names, float("nan"))
        curve = weighted.curve(weight)
        tar = [1 - fnmr_at_fmr(curve, fmr) for fmr in (0.01, 0.001)]
        values = [eer(curve), weighted.area(weight), *tar, min_dcf(curve, PRIOR)]
        if calibration:
            fmr = float((weight * (~same & accepted)).sum() / impostor)
            fnmr = float((weight * (same & ~accepted)).sum() / genuine)
            share = np.where(same, weight / genuine, weight / impostor)
            values = [1 - (fmr + fnmr) / 2, fmr, fnmr, *values, ece(probability, same, share)]
        return dict(zip(names, values, strict=True))

    return statistic


def _reliability(probability: npt.NDArray[np.float64], same: BoolArray) -> dict[str, list[float]]:
    share = np.where(same, 1 / same.sum(), 1 / (~same).sum())
    bins = reliability(probability, same, share)
    filled = bins.weight > 0
    return {
        "predicted": bins.predicted[filled].tolist(),
        "observed": bins.observed[filled].tolist(),
        "share": (bins.weight[filled] / bins.weight.sum()).tolist(),
    }


def _by_unit(
    names: tuple[str, ...], left: IntArray, right: IntArray, accepted: BoolArray, same: BoolArray
) -> list[dict[str, object]]:
    """Error rates of the pairs a group (or class) takes part in, worst first."""
    rows: list[dict[str, object]] = []
    for u, name in enumerate(names):
        mine = (left == u) | (right == u)
        genuine, impostor = mine & same, mine & ~same
        if genuine.any() and impostor.any():
            fnmr, fmr = float(1 - accepted[genuine].mean()), float(accepted[impostor].mean())
            pairs = int(mine.sum())
            rows.append({"name": name, "accuracy": 1 - (fmr + fnmr) / 2, "fmr": fmr, "fnmr": fnmr, "trials": pairs})
    return sorted(rows, key=lambda row: float(str(row["accuracy"])))


def _worst(pairs: Pairs, labels: IntArray, scores: FloatArray) -> dict[str, list[dict[str, float | int]]]:
    """The different pairs that score highest and the same pairs that score lowest, one for each pair of classes."""

    def first(order: IntArray) -> list[dict[str, float | int]]:
        seen: set[tuple[int, int]] = set()
        chosen: list[dict[str, float | int]] = []
        for i in order:
            one, other = int(pairs.left[i]), int(pairs.right[i])
            classes = (min(labels[one], labels[other]), max(labels[one], labels[other]))
            if classes not in seen:
                seen.add(classes)
                chosen.append({"left": one, "right": other, "score": float(scores[i])})
            if len(chosen) == _WORST:
                break
        return chosen

    order = np.argsort(scores, kind="stable")
    return {
        "false_matches": first(order[~pairs.same[order]][::-1][:2000]),
        "misses": first(order[pairs.same[order]][:2000]),
    }


def thinned(curve: ErrorCurve) -> dict[str, list[float]]:
    """A curve with few points, those of small rates kept: what a page draws."""
    last = len(curve.thresholds) - 1
    even = np.linspace(0, last - 1, _POINTS)
    rare = last - np.geomspace(1, last, _POINTS) if last > 1 else even
    kept = np.unique(np.concatenate([even, rare]).clip(0, last - 1).astype(int))
    return {
        "threshold": curve.thresholds[kept].tolist(),
        "fmr": curve.fmr[kept].tolist(),
        "fnmr": curve.fnmr[kept].tolist(),
    }


def _histogram(genuine: FloatArray, impostor: FloatArray) -> dict[str, list[float]]:
    edges = np.linspace(min(genuine.min(), impostor.min()), max(genuine.max(), impostor.max()) + 1e-6, 61)
    return {
        "edges": edges.tolist(),
        "genuine": (np.histogram(genuine, edges)[0] / len(genuine)).tolist(),
        "impostor": (np.histogram(impostor, edges)[0] / len(impostor)).tolist(),
    }


__all__ = ["koch", "pair_scores", "thinned", "verification"]
