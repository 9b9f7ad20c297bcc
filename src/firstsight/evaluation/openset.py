"""Open-set identification: some classes are enrolled, others are strangers; names as in ISO/IEC 19795-1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from firstsight.decision import Templates, accepts
from firstsight.errors import DataError
from firstsight.evaluation.baseline import BASELINES
from firstsight.evaluation.enrolment import draw_enrolment
from firstsight.evaluation.identification import units
from firstsight.evaluation.subject import Outcome, Subject
from firstsight.metrics.intervals import bootstrap, mean_by_cluster
from firstsight.metrics.openset import OpenSetCurve, fnir_at_fpir, open_set_curve
from firstsight.types import BoolArray, FloatArray, IntArray, Metric

ASKED = (0.01, 0.05)
"""False positive identification rates at which FNIR is reported."""
_POINTS = 300  # of the curve in a report


def openset(subject: Subject) -> Outcome:
    """N classes enrolled with K references, again and again; enrolled ones and strangers are asked.

    FNIR: searches of an enrolled class that do not return it (another one is better, or none reaches the threshold).
    FPIR: searches of strangers that return anyone. Both hold for this N and K only, which the report states.
    """
    data, s, calibration = subject.data, subject.settings, subject.calibration
    if len(data.classes) < s.ways + 2:
        raise DataError(
            f"{data.name} has {len(data.classes)} classes: with {s.ways} enrolled, at least 2 strangers are needed; "
            "enroll fewer with --ways, or bring more classes"
        )
    rng = np.random.default_rng(s.seed)
    _, names, units_of = units(data)
    mated, right, strangers, mated_unit, stranger_unit = [], [], [], [], []
    achieved, missed, draws = [], [], []
    without = [(b, b.embed_arrays(subject.arrays), ([], [], [])) for b in BASELINES]  # type: ignore[var-annotated]
    for _ in range(s.tasks):
        drawn = draw_enrolment(data, rng, identities=s.ways, shots=s.shots, across=s.across)
        references = subject.embeddings[drawn.references]
        enrolled = Templates.of(subject.embedder, references, drawn.owners, s.ways, calibration)
        scores = enrolled.scores(subject.embedder, subject.embeddings[drawn.probes])
        best = scores.max(axis=1)
        hit = _alone_best(scores, drawn.target)
        other = _best_alone(enrolled.scores(subject.embedder, subject.embeddings[drawn.strangers]))
        mated.append(best)
        right.append(hit)
        strangers.append(other)
        mated_unit.append(units_of[drawn.probes])
        stranger_unit.append(units_of[drawn.strangers])
        draws.append(_rates(best, hit, other))
        for baseline, flat, found in without:
            plain = Templates.of(baseline, flat[drawn.references], drawn.owners, s.ways, None)
            theirs = plain.scores(baseline, flat[drawn.probes])
            others = _best_alone(plain.scores(baseline, flat[drawn.strangers]))
            for kept, value in zip(found, (theirs.max(axis=1), _alone_best(theirs, drawn.target), others), strict=True):
                kept.append(value)
        if calibration:
            achieved.append(accepts(other, calibration).mean())
            missed.append(1 - (accepts(best, calibration) & hit).mean())
    everyone = [np.concatenate(a) for a in (mated, right, strangers, mated_unit, stranger_unit)]
    metrics = _with_intervals(*everyone, clusters=len(names), seed=s.seed)
    for baseline, _, found in without:
        rates = _rates(*(np.concatenate(kept) for kept in found))
        metrics |= {f"{baseline.name} fnir@fpir={f:g}": Metric(r, r, r) for f, r in zip(ASKED, rates, strict=True)}
    metrics["rank 1"] = mean_by_cluster(everyone[1].astype(np.float64), everyone[3], seed=s.seed)
    if calibration:
        metrics |= _at_threshold(np.array(achieved), np.array(missed), s.seed)
        expected = calibration.expected_fpir(s.ways)
        metrics["fpir expected"] = Metric(expected, expected, expected)
    curve = open_set_curve(*everyone[:3])
    thin = _thinned(curve)
    details: dict[str, object] = {
        "openset": {
            "fpir": curve.fpir[thin].tolist(),
            "fnir": curve.fnir[thin].tolist(),
            "gallery_size": s.ways,
            "references": s.shots,
        },
        "draws": {"name": f"FNIR at FPIR {ASKED[-1]:g}", "values": [d[-1] for d in draws]},
        "mated_searches": len(everyone[0]),
        "nonmated_searches": len(everyone[2]),
        "gallery_size": s.ways,
        "references": s.shots,
        "threshold": calibration.threshold if calibration else None,
    }
    if calibration:
        details["fpir_of_draws"] = np.array(achieved).tolist()
    name = (
        f"open set, {s.ways} enrolled with {s.shots} reference{'s' * (s.shots > 1)} each, "
        f"{s.tasks} enrolment{'s' * (s.tasks > 1)}, across {s.across}"
    )
    notes = () if calibration else ("the model is not calibrated: rates at a saved threshold are not shown",)
    return Outcome(name, len(everyone[0]) + len(everyone[2]), metrics, details, notes)


def _alone_best(scores: FloatArray, target: IntArray) -> BoolArray:
    """Whether the right identity scores best and no other as high, as the decision rule asks."""
    top = scores.max(axis=1, keepdims=True)
    tied = scores == top
    return np.asarray(np.take_along_axis(tied, target[:, None], 1)[:, 0] & (tied.sum(axis=1) == 1))


def _thinned(curve: OpenSetCurve) -> IntArray:
    """Places of a few points, even in the logarithm of FPIR as a page draws it, the asked rates among them."""
    least = curve.fpir[curve.fpir > 0].min(initial=1)
    wanted = np.sort(np.concatenate([np.geomspace(least, 1, _POINTS), ASKED]))[::-1]
    return np.unique(np.searchsorted(-curve.fpir, -wanted, side="left").clip(0, len(curve.fpir) - 1))


def _best_alone(scores: FloatArray) -> FloatArray:
    """Best score of each stranger; the least there is in a tie for it, which the decision rule takes for no one."""
    best = scores.max(axis=1)
    tied = (scores == best[:, None]).sum(axis=1) > 1
    return np.where(tied, np.finfo(np.float32).min, best).astype(np.float32)


def _rates(mated: FloatArray, right: BoolArray, strangers: FloatArray) -> list[float]:
    curve = open_set_curve(mated, right, strangers)
    return [fnir_at_fpir(curve, f) for f in ASKED]


def _at_threshold(achieved: npt.NDArray[np.float64], missed: npt.NDArray[np.float64], seed: int) -> dict[str, Metric]:
    draw = np.arange(len(achieved))
    return {
        "fpir@threshold": mean_by_cluster(achieved, draw, seed=seed),
        "fnir@threshold": mean_by_cluster(missed, draw, seed=seed),
    }


def _with_intervals(
    mated: FloatArray,
    right: BoolArray,
    strangers: FloatArray,
    mated_unit: IntArray,
    stranger_unit: IntArray,
    *,
    clusters: int,
    seed: int,
) -> dict[str, Metric]:
    """FNIR at the asked FPIRs, resampling the groups (or classes) of what was asked."""
    down = np.argsort(-strangers, kind="stable")
    scores, unit = strangers[down], stranger_unit[down]
    best = np.where(right, mated, -np.inf)

    def statistic(counts: IntArray) -> dict[str, float]:
        weight = counts[unit].cumsum()
        values = {}
        for asked in ASKED:
            # The threshold lies above the first stranger that may not pass.
            out = int(np.searchsorted(weight, asked * weight[-1], side="right")) if weight[-1] else 0
            limit = scores[out] if out < len(scores) else -np.inf
            weights = counts[mated_unit]
            values[f"fnir@fpir={asked:g}"] = float(weights @ (best <= limit) / max(1, weights.sum()))
        return values

    return bootstrap(statistic, clusters, seed=seed)
