"""Fit a calibration: curve, threshold, what was measured there and how sure it is."""

from __future__ import annotations

import numpy as np

from firstsight.calibration.curves import CURVES, DEFAULT_CURVE, CurveKind, fit_curve
from firstsight.calibration.record import MOST_RATES, Calibration, needed_pairs
from firstsight.calibration.resampling import Units, band, kinds, rate_interval, strict_threshold
from firstsight.calibration.searches import Searches
from firstsight.calibration.targets import Target, threshold_for
from firstsight.errors import CalibrationError
from firstsight.metrics.openset import expected_fpir, fpir_from_fmr
from firstsight.metrics.verification import rates_at
from firstsight.types import BoolArray, FloatArray


def check_target(target: Target, seed: int, *, confidence: float = 0.5, curve: str = DEFAULT_CURVE) -> None:
    """Refuse, before any work, what no calibration can be made for (a ``Target`` refuses its own when it is made).

    Raises:
        CalibrationError: the seed is negative, the confidence no share or not one for this target, the curve unknown.
    """
    if seed < 0:
        raise CalibrationError(f"the seed is {seed}, 0 or more was expected")
    if not 0.5 <= confidence < 1:
        raise CalibrationError(
            f"the confidence is {confidence}, a share from 0.5 (the plain estimate) to below 1 was expected (0.95 is "
            "19 in 20)"
        )
    if confidence > 0.5 and target.kind in ("cost", "eer"):
        raise CalibrationError(
            f"a confidence ({confidence:g}) needs a rate to promise, and {target.describe()} promises none; leave it "
            "out, or ask for an FMR, FNMR, FPIR or precision"
        )
    if curve not in CURVES:
        raise CalibrationError(f"there is no curve {curve!r}; known: {', '.join(CURVES)}")


def fit_calibration(
    scores: FloatArray,
    same: BoolArray,
    *,
    target: Target,
    data: str,
    classes: tuple[str, ...],
    seed: int,
    model: str,
    data_fingerprint: str = "",
    units: Units | None = None,
    rows: FloatArray | None = None,
    rows_units: Units | None = None,
    confidence: float = 0.5,
    curve: CurveKind = DEFAULT_CURVE,
    shifts: tuple[float, ...] = (),
) -> Calibration:
    """Fit probability and threshold to scores ``(n,)`` of pairs ``same (n,)``.

    Args:
        scores: float32.
        same: whether each pair is of one class.
        target: what the threshold is to meet.
        data, classes, model, data_fingerprint, shifts: kept, see :class:`Calibration`.
        seed: of the draw of pairs, kept, and of the resamples.
        units: the classes ``(n,)`` of both sides, for the intervals; without, pairs are taken as independent.
        rows: ``(p, r)`` impostor scores of each probe, NaN where a pair does not count, for a target FPIR; without,
            false matches are taken as independent of the probe.
        rows_units: the classes of the probes ``(p,)`` and of the references ``(r,)`` of ``rows``.
        confidence: in which share of resamples of the classes the target is to be met; 0.5 takes the plain estimate.
        curve: platt, beta or isotonic; see ``docs/decisions/0008-probability-curve.md``.

    Raises:
        CalibrationError: the request means nothing (:func:`check_target`), there are no pairs of one kind, scores are
            not finite, same pairs do not score higher, or no threshold reaches the precision.
    """
    check_target(target, seed, confidence=confidence, curve=curve)
    genuine, impostor = kinds(np.asarray(scores, np.float32), np.asarray(same, bool), units)
    g, i = genuine.scores, impostor.scores
    if not len(g) or not len(i):
        raise CalibrationError(f"{data} gives {len(g)} same and {len(i)} different pairs; both are needed")
    if not np.isfinite(scores).all():
        raise CalibrationError(
            f"{data} gives scores that are not finite, so no threshold can help; train the model again"
        )
    try:
        fitted = fit_curve(curve, g, i)
        rises = g.mean(dtype=np.float64) > i.mean(dtype=np.float64)
    except ValueError:
        rises = False
    if not rises:
        raise CalibrationError(
            f"on {data} same pairs do not score higher than different ones, so no threshold can help; train the model "
            "longer or on data more like this"
        )
    independent = units is None
    threshold = threshold_for(target, g, i, rows)
    searches = None if rows is None or target.kind != "fpir" else Searches(rows, rows_units, threshold)
    if confidence > 0.5 and searches is not None:
        threshold = searches.strict_threshold(target, confidence, threshold, seed=seed)
    elif confidence > 0.5:
        threshold = strict_threshold(
            target, genuine, impostor, confidence, threshold, seed=seed, independent=independent
        )
    fmr, fnmr = rates_at(g, i, threshold)
    fmr_low, fmr_high = rate_interval(i >= np.float32(threshold), impostor, seed=seed, independent=independent)
    fnmr_low, fnmr_high = rate_interval(g < np.float32(threshold), genuine, seed=seed, independent=independent)
    fpir: tuple[float | None, float | None, float | None] = (None, None, None)
    if searches is not None and rows is not None:
        measured = expected_fpir(rows, threshold, target.gallery_size)
        low, high = searches.interval(threshold, target.gallery_size, seed=seed)
        fpir = min(low, measured), measured, max(high, measured)
    elif target.kind == "fpir":
        size = target.gallery_size
        fpir = fpir_from_fmr(min(fmr_low, fmr), size), fpir_from_fmr(fmr, size), fpir_from_fmr(max(fmr_high, fmr), size)
    grid, lows, highs = band(curve, genuine, impostor, seed=seed, independent=independent)
    middle = fitted.probability(grid)
    rate_scores, rate_fmr, rate_fnmr = rates_by_threshold(g, i, threshold)
    return Calibration(
        curve=fitted,
        threshold=threshold,
        target=target,
        confidence=confidence,
        fmr=fmr,
        fmr_low=min(fmr_low, fmr),
        fmr_high=max(fmr_high, fmr),
        fnmr=fnmr,
        fnmr_low=min(fnmr_low, fnmr),
        fnmr_high=max(fnmr_high, fnmr),
        fpir=fpir[1],
        fpir_low=fpir[0],
        fpir_high=fpir[2],
        genuine_pairs=len(g),
        impostor_pairs=len(i),
        needed_pairs=needed_pairs(target, fnmr),
        band_scores=tuple(grid.tolist()),
        band_low=tuple(np.minimum(lows, middle).tolist()),
        band_high=tuple(np.maximum(highs, middle).tolist()),
        shifts=shifts,
        rate_scores=rate_scores,
        rate_fmr=rate_fmr,
        rate_fnmr=rate_fnmr,
        data=data,
        classes=classes,
        seed=seed,
        model=model,
        data_fingerprint=data_fingerprint,
    )


def rates_by_threshold(
    genuine: FloatArray, impostor: FloatArray, threshold: float
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """What both error rates would be at other thresholds.

    Args:
        genuine, impostor: scores ``(g,)`` and ``(i,)``.
        threshold: which is among those looked at.

    Returns:
        Thresholds ``(r,)``, rising, from where nearly all pass to where nearly none does, and FMR and FNMR ``(r,)``.
    """
    both = np.concatenate([np.quantile(genuine, (0.001, 1)), np.quantile(impostor, (0.001, 1)), [threshold]])
    places = np.append(np.linspace(both.min(), both.max(), MOST_RATES - 1), threshold)
    places = np.unique(places.astype(np.float32))
    fmr = (len(impostor) - np.searchsorted(np.sort(impostor), places)) / len(impostor)
    fnmr = np.searchsorted(np.sort(genuine), places) / len(genuine)
    return tuple(places.astype(float).tolist()), tuple(fmr.tolist()), tuple(fnmr.tolist())
