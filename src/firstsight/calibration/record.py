"""What a model knows about its scores, as it is kept in ``calibration.json``."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import scipy
from pydantic import ConfigDict, FiniteFloat

from firstsight.calibration.curves import Curve
from firstsight.calibration.targets import Target
from firstsight.errors import CalibrationError, count
from firstsight.metrics.openset import fmr_for_fpir, fpir_from_fmr
from firstsight.types import Verdict

MOST_BAND = 33
MOST_RATES = 130
FEW_CLASSES = 20
MOST_SCORE = 1e30  # of a size that float32 holds, and its square in float64
MOST_PAIRS = 10**15


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a model knows about its scores.

    Attributes:
        curve: score -> probability of "same", when same and different are equally likely beforehand.
        threshold: "same" from this score on.
        target: what the threshold was chosen for.
        confidence: in which share of resamples of the classes it meets the target; 0.5 is the plain estimate.
        fmr, fmr_low, fmr_high: false match rate at the threshold, with its 95 % interval by resampling classes
            (for data given as pairs the exact binomial one).
        fnmr, fnmr_low, fnmr_high: false non-match rate at the threshold, likewise.
        fpir, fpir_low, fpir_high: how often a stranger is taken for someone among ``target.gallery_size``
            identities, likewise; None unless the target is of that kind.
        genuine_pairs, impostor_pairs: how many pairs stand behind it.
        needed_pairs: how many independent pairs the target needs to be shown, by the rule of three: 3 / rate;
            impostor pairs, for ``fnmr`` genuine ones; 0 where the target promises no rate.
        band_scores, band_low, band_high: ``(b,)`` scores, rising, and the 95 % interval of the probability there, by
            refitting the curve to resampled classes; b <= 33.
        shifts: by how much scores against 1, 2, ... references are too high; the last holds for more, () is no shift.
        rate_scores, rate_fmr, rate_fnmr: ``(r,)`` scores, rising, the threshold among them, and both error rates that
            each would have as the threshold; r <= 130, () in calibrations of earlier versions.
        verdict: what the model is good for on this data; None in calibrations of earlier versions.
        data: the data set.
        classes: its classes, so that a test on them can be refused; () for data given as pairs.
        seed: of the draw of pairs and of the resamples.
        model: fingerprint of the model whose scores these are.
        data_fingerprint: of the data set, so that a test on its very pairs can be refused; "" if unknown.

    Raises:
        ValueError: the numbers contradict each other.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    curve: Curve
    threshold: FiniteFloat
    target: Target
    confidence: FiniteFloat
    fmr: FiniteFloat
    fmr_low: FiniteFloat
    fmr_high: FiniteFloat
    fnmr: FiniteFloat
    fnmr_low: FiniteFloat
    fnmr_high: FiniteFloat
    genuine_pairs: int
    impostor_pairs: int
    data: str
    classes: tuple[str, ...]
    seed: int
    model: str
    data_fingerprint: str = ""
    fpir: FiniteFloat | None = None
    fpir_low: FiniteFloat | None = None
    fpir_high: FiniteFloat | None = None
    needed_pairs: int = 0
    band_scores: tuple[FiniteFloat, ...] = ()
    band_low: tuple[FiniteFloat, ...] = ()
    band_high: tuple[FiniteFloat, ...] = ()
    shifts: tuple[FiniteFloat, ...] = ()
    rate_scores: tuple[FiniteFloat, ...] = ()
    rate_fmr: tuple[FiniteFloat, ...] = ()
    rate_fnmr: tuple[FiniteFloat, ...] = ()
    verdict: Verdict | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself; a calibration read from a file comes through here too."""
        rates = [self.fmr_low, self.fmr, self.fmr_high, self.fnmr_low, self.fnmr, self.fnmr_high]
        given = [rate for rate in (self.fpir_low, self.fpir, self.fpir_high) if rate is not None]
        if len(given) != (3 if self.target.kind == "fpir" else 0):
            raise ValueError(f"{len(given)} numbers of FPIR do not belong to a target of {self.target.describe()}")
        curves = (self.band_low, self.band_high, self.rate_fmr, self.rate_fnmr)
        if not all(0 <= rate <= 1 for rate in [*rates, *given, *itertools.chain(*curves)]):
            raise ValueError("a rate or probability is not between 0 and 1")
        ordered = [rates[:3], rates[3:], given, *zip(self.band_low, self.band_high, strict=False)]
        if any(list(some) != sorted(some) for some in ordered):
            raise ValueError("a rate or probability is outside its own interval")
        scores = [self.threshold, *self.band_scores, *self.rate_scores, *self.shifts, *self.curve.knots_x]
        if max(map(abs, [*scores, *self.curve.parameters])) > MOST_SCORE:
            raise ValueError("a score is larger than any that embeddings give")
        if max(self.genuine_pairs, self.impostor_pairs, self.needed_pairs) > MOST_PAIRS:
            raise ValueError("more pairs are told than could be counted")
        if not 0.5 <= self.confidence < 1 or min(self.genuine_pairs, self.impostor_pairs) < 1 or self.needed_pairs < 0:
            raise ValueError("the confidence or a number of pairs is out of range")
        sizes = {len(self.band_scores), len(self.band_low), len(self.band_high)}
        if len(sizes) > 1 or max(sizes) > MOST_BAND or (np.diff(self.band_scores) <= 0).any():
            raise ValueError(f"the band is not of up to {MOST_BAND} rising scores with a low and a high each")
        sizes = {len(self.rate_scores), len(self.rate_fmr), len(self.rate_fnmr)}
        if len(sizes) > 1 or max(sizes) > MOST_RATES or (np.diff(self.rate_scores) <= 0).any():
            raise ValueError(f"the error rates are not of up to {MOST_RATES} rising scores, two each")
        if (np.diff(self.rate_fmr) > 0).any() or (np.diff(self.rate_fnmr) < 0).any():
            raise ValueError("the error rates do not fall and rise with the threshold")
        if self.shifts and (self.shifts[0] != 0 or (np.diff(self.shifts) < 0).any()):
            raise ValueError("the shifts do not rise from 0")

    def probability(self, scores: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Probability of "same" for scores of any shape, when same and different are equally likely beforehand."""
        return self.curve.probability(scores)

    def band(self, score: float) -> tuple[float, float]:
        """The 95 % interval of the probability at a score, which it holds; the bare probability if none was fitted."""
        middle = float(self.curve.probability(score))
        if not self.band_scores:
            return middle, middle
        # Between the scores of the band it is the distance from the curve, in log odds, that is interpolated.
        centre = _safe_logit(self.curve.probability(self.band_scores))
        here = _safe_logit(middle)
        ends = []
        for side in (self.band_low, self.band_high):
            distance = np.interp(score, self.band_scores, _safe_logit(side) - centre)
            ends.append(float(scipy.special.expit(here + distance)))
        return min(ends[0], middle), max(ends[1], middle)

    def expected_fpir(self, gallery_size: int) -> float:
        """How often a stranger is taken for someone among ``gallery_size`` identities: 1 - (1 - FMR)^N.

        Few pairs may show no false match at all, so no less than the target is believed, nor less than one false match
        among all pairs. For a target FPIR the FMR is the one that explains the FPIR seen at its gallery size.
        """
        if self.fpir is not None:
            believed = fmr_for_fpir(max(self.fpir, self.target.value), self.target.gallery_size)
        else:
            promised = self.target.promised_fmr(self.fnmr)
            believed = max(self.fmr, promised if promised is not None else 1 / (self.impostor_pairs + 1))
        return float(fpir_from_fmr(min(1.0, float(believed)), gallery_size))

    def shift(self, references: int) -> float:
        """What to subtract from a score against the mean of so many references.

        Raises:
            CalibrationError: there are fewer than 1.
        """
        if references < 1:
            raise CalibrationError(f"a score against {references} references was asked for, 1 or more was expected")
        return self.shifts[min(references, len(self.shifts)) - 1] if self.shifts else 0.0

    def warnings(self) -> tuple[str, ...]:
        """Sentences a person must know before relying on the threshold; none when all is well."""
        found = []
        stand = self.genuine_pairs if self.target.kind == "fnmr" else self.impostor_pairs
        if stand < self.needed_pairs:
            kind = ("same pair", "same pairs") if self.target.kind == "fnmr" else ("different pair", "different pairs")
            verb = "stands" if stand == 1 else "stand"
            found.append(
                f"{self.target.describe()} needs at least {count(self.needed_pairs, *kind)} to be shown; {stand:,} "
                f"{verb} behind it"
            )
        if 0 < len(self.classes) < FEW_CLASSES:
            rate = self.target.kind.upper() if self.target.kind in ("fnmr", "fpir") else "FMR"
            cure = "bring more classes"
            if self.confidence < 0.9 and self.target.kind not in ("cost", "eer"):
                cure += " or ask for --confidence 0.95"
            found.append(
                f"chosen on {count(len(self.classes), 'class', 'classes')}: on others the {rate} may be several times "
                f"as high; {cure}"
            )
        size = self.target.gallery_size
        if self.fpir is not None and 0 < len(self.classes) < 3 * size:
            found.append(
                f"{count(len(self.classes), 'class', 'classes')} cannot stand for a gallery of {size:,}: the FPIR may "
                "be a quarter higher; bring more classes, or ask for a quarter less and measure with protocol openset"
            )
        return tuple(found)


def needed_pairs(target: Target, fnmr: float) -> int:
    """How many independent pairs without one error show a target's rate at 95 %: 3 / rate; 0 where it has none.

    Source: the rule of three (Hanley and Lippman-Hand, 1983).
    """
    rate = target.value if target.kind == "fnmr" else target.promised_fmr(fnmr)
    return math.ceil(3 / rate - 1e-9) if rate else 0


def _safe_logit(probability: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.asarray(scipy.special.logit(np.clip(np.asarray(probability, np.float64), 1e-12, 1 - 1e-12)))
