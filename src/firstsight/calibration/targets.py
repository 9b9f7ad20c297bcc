"""Targets: what a threshold is to promise, in numbers and in words, and the threshold that meets it.

fmr         false matches among different pairs are at most ``value``
fnmr        missed same pairs are at most ``value``
fpir        strangers taken for someone, among ``gallery_size`` identities, are at most ``value``
precision   of the pairs called "same" at least ``value`` are, where a share ``prior`` of all pairs is
cost        least expected cost, a false match costing ``value`` times a missed same pair
eer         as many false matches as missed same pairs, in proportion
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, FiniteFloat

from firstsight.errors import CalibrationError, UsageError, count
from firstsight.metrics.openset import fmr_for_fpir, threshold_for_expected_fpir
from firstsight.metrics.verification import between, threshold_for_fmr
from firstsight.types import FloatArray, IntArray

Float64Array: TypeAlias = npt.NDArray[np.float64]
TargetKind: TypeAlias = Literal["fmr", "fnmr", "fpir", "precision", "cost", "eer"]

TARGETS: tuple[TargetKind, ...] = get_args(TargetKind)


MOST_IDENTITIES = 10**12


class TargetError(CalibrationError, ValueError):
    """A target that means nothing. A ValueError too, so that pydantic reports it when it comes out of a file."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a threshold is to promise.

    Attributes:
        kind: one of the six above.
        value: a rate between 0 and 1; for ``cost`` how many times a false match costs a missed same pair; for
            ``eer`` nothing (0).
        gallery_size: identities in the gallery, for ``fpir``.
        prior: share of all pairs that are the same, for ``precision`` and ``cost``.

    Raises:
        CalibrationError: it means nothing.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    kind: TargetKind
    value: FiniteFloat = 0.0
    gallery_size: int = 1
    prior: FiniteFloat = 0.5

    def __post_init__(self) -> None:
        """Refuse what no threshold could meet, or what every threshold would."""
        if self.kind not in TARGETS:
            raise TargetError(f"there is no target {self.kind!r}; known: {', '.join(TARGETS)}")
        name = self.kind if self.kind in ("precision", "cost") else self.kind.upper()
        if self.kind in ("fmr", "fnmr", "fpir", "precision") and not 0 < self.value < 1:
            example = "0.99 is 99 in 100" if self.kind == "precision" else "0.001 is 1 in 1,000"
            raise TargetError(f"the target {name} is {self.value}, a rate between 0 and 1 was expected ({example})")
        if self.kind == "cost" and not (self.value > 0 and math.isfinite(self.value)):
            raise TargetError(
                f"a false match is to cost {self.value} times a missed same pair, a number above 0 was expected"
            )
        if self.kind == "eer" and self.value != 0:
            raise TargetError(f"the equal error rate takes no value, {self.value} came")
        if self.gallery_size < 1:
            raise TargetError(f"the gallery size is {self.gallery_size}, 1 or more was expected")
        if self.gallery_size > MOST_IDENTITIES:
            raise TargetError(f"the gallery size is {self.gallery_size}, at most {MOST_IDENTITIES:,} was expected")
        if self.gallery_size != 1 and self.kind != "fpir":
            raise TargetError(f"a gallery size ({self.gallery_size}) belongs to a target FPIR, not to {name}")
        if not 0 < self.prior < 1:
            raise TargetError(f"the share of same pairs is {self.prior}, a rate between 0 and 1 was expected")
        if self.prior != 0.5 and self.kind not in ("precision", "cost"):
            raise TargetError(f"a share of same pairs ({self.prior:g}) belongs to precision or cost, not to {name}")
        if self.kind == "precision" and self.value <= self.prior:
            raise TargetError(
                f"the target precision is {self.value:g} when {_percent(self.prior)} of pairs are the same, which "
                "calling every pair the same would meet; a higher precision was expected"
            )

    def describe(self) -> str:
        """In words, as reasons and cards say it: ``FPIR 0.01 among 20 identities``."""
        if self.kind == "fpir":
            return f"FPIR {self.value:g} among {count(self.gallery_size, 'identity', 'identities')}"
        if self.kind == "precision":
            return f"precision {self.value:g} when {_percent(self.prior)} of pairs are the same"
        if self.kind == "cost":
            return (
                f"least cost, a false match costing {self.value:g} times a false non-match when {_percent(self.prior)} "
                "of pairs are the same"
            )
        return "equal error rate" if self.kind == "eer" else f"{self.kind.upper()} {self.value:g}"

    def promised_fmr(self, fnmr: float = 0.0) -> float | None:
        """The false match rate of one comparison that meeting the target implies; None where it implies none.

        Args:
            fnmr: at the threshold; a precision depends on it.
        """
        if self.kind == "fmr":
            return self.value
        if self.kind == "fpir":
            return float(fmr_for_fpir(self.value, self.gallery_size))
        if self.kind == "precision":
            return min(1.0, self.prior * (1 - fnmr) * (1 - self.value) / (self.value * (1 - self.prior)))
        return None


def named_target(
    rates: Mapping[str, float | None], *, eer: bool, gallery_size: int | None, prior: float | None
) -> Target:
    """The one target among those a caller may name; an FMR of 1 % where none is named.

    Args:
        rates: kind -> value, None where it was not named.
        eer: whether that was named.
        gallery_size: for ``fpir``.
        prior: for ``precision`` and ``cost``.

    Raises:
        UsageError: two were named, or what belongs to another one.
        CalibrationError: it means nothing.
    """
    named = {kind: rate for kind, rate in rates.items() if rate is not None} | ({"eer": 0.0} if eer else {})
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)} came, one target was expected")
    kind, rate = next(iter(named.items())) if named else ("fmr", 0.01)
    if (kind == "fpir") != (gallery_size is not None):
        raise UsageError("fpir and gallery_size belong together: fpir=0.01, gallery_size=20")
    if prior is not None and kind not in ("precision", "cost"):
        raise UsageError(f"prior is for precision and cost, {kind} does without")
    return Target(kind, rate, 1 if gallery_size is None else gallery_size, 0.5 if prior is None else prior)  # type: ignore[arg-type]


def threshold_for(
    target: Target, genuine: FloatArray, impostor: FloatArray, rows: npt.NDArray[np.floating] | None = None
) -> float:
    """The threshold that meets a target on genuine ``(g,)`` and impostor ``(i,)`` scores, neither empty.

    It is the one that meets it at the least cost to the other side (the lowest for ``fmr``, ``fpir`` and
    ``precision``, the highest for ``fnmr``), and lies halfway between the two scores it separates, so that it does
    not hang on one pair. "Same" is decided in float32 from the threshold on.

    Args:
        target: of any kind.
        genuine, impostor: float32.
        rows: ``(p, r)`` impostor scores of each probe, for ``fpir``: NaN where a pair does not count. Without, false
            matches are taken as independent: FMR = 1 - (1 - FPIR)^(1 / gallery_size) over the pooled impostor scores.

    Raises:
        CalibrationError: no threshold reaches the precision.
    """
    if target.kind == "fmr":
        return threshold_for_fmr(impostor, target.value)
    if target.kind == "fpir":
        if rows is not None:
            return float(threshold_for_expected_fpir(rows, target.value, target.gallery_size))
        return threshold_for_fmr(impostor, float(fmr_for_fpir(target.value, target.gallery_size)))
    if target.kind == "fnmr":
        return _threshold_for_fnmr(genuine, target.value)
    steps = Steps.of(genuine, impostor)
    return steps.cut(pick(target, *steps.rates(np.ones(len(genuine)), np.ones(len(impostor)))))


@dataclass(frozen=True, slots=True)
class Steps:
    """The thresholds at which error rates change: one under every distinct score, and one above them all.

    Attributes:
        scores: ``(t,)`` distinct float32 scores, rising.
        first_in: ``(s,)`` candidates, rising: each lets in the score of this number (0..t) and those above.
        genuine, impostor: ``(g,)`` and ``(i,)``: how many candidates let each pair in.
    """

    scores: FloatArray
    first_in: IntArray
    genuine: IntArray
    impostor: IntArray

    @classmethod
    def of(cls, genuine: FloatArray, impostor: FloatArray, *, thin: bool = False) -> Steps:
        """The candidates for genuine ``(g,)`` and impostor ``(i,)`` scores.

        With ``thin`` there are a few thousand at most, dense where few pairs are wrong: among the highest impostor and
        the lowest genuine scores, where every rate is met to 1 %.
        """
        scores, place = np.unique(np.concatenate([genuine, impostor]).astype(np.float32), return_inverse=True)
        g, i = place[: len(genuine)], place[len(genuine) :]
        first_in = np.arange(len(scores) + 1)
        if thin:
            highest = np.sort(i)[::-1][_ever_rarer(len(i))]
            lowest = np.sort(g)[_ever_rarer(len(g))]
            first_in = np.unique(np.concatenate([[0, len(scores)], highest, highest + 1, lowest]))
        return cls(
            scores,
            first_in,
            np.searchsorted(first_in, g, side="right"),
            np.searchsorted(first_in, i, side="right"),
        )

    def rates(
        self, genuine: Float64Array, impostor: Float64Array, totals: tuple[float, float] | None = None
    ) -> tuple[Float64Array, Float64Array]:
        """FMR and FNMR ``(s,)`` of the candidates.

        Args:
            genuine, impostor: ``(g,)`` and ``(i,)``: how often each pair counts.
            totals: how often all pairs do, where these are only those that may be wrong.
        """
        size = len(self.first_in) + 1
        missed = np.cumsum(np.bincount(self.genuine, genuine, size))
        kept_out = np.cumsum(np.bincount(self.impostor, impostor, size))
        every = totals or (missed[-1], kept_out[-1])
        return (kept_out[-1] - kept_out[:-1]) / every[1], missed[:-1] / every[0]

    def cut(self, candidate: int) -> float:
        """The threshold of a candidate (0..s - 1): halfway between the scores it parts."""
        return between(self.scores.astype(np.float64), int(self.first_in[candidate]))


def _ever_rarer(size: int) -> IntArray:
    """Positions 0, 1, 2, ... below ``size``, from 100 on each 1 % further than the last."""
    if not size:
        return np.empty(0, np.int64)
    far = 100 * 1.01 ** np.arange(max(0.0, np.log(size / 100) / np.log(1.01)))
    return np.unique(np.concatenate([np.arange(min(100, size)), far.astype(np.int64), [size - 1]]))


def pick(target: Target, fmr: Float64Array, fnmr: Float64Array) -> int:
    """The index of the threshold that meets ``precision``, ``cost`` or ``eer``, from the rates ``(t,)`` as it rises.

    Raises:
        CalibrationError: no threshold reaches the precision.
    """
    if target.kind == "eer":
        # Of two thresholds as far from equal, the one with fewer errors.
        return int(np.lexsort((fmr + fnmr, np.round(np.abs(fmr - fnmr), 12)))[0])
    if target.kind == "cost":
        cost = (1 - target.prior) * target.value * fmr + target.prior * fnmr
        # Of equal costs the highest threshold: in doubt, different.
        return int(np.flatnonzero(cost <= cost.min() + 1e-12)[-1])
    precision = precision_at(target.prior, fmr, fnmr)
    meets = np.flatnonzero(precision >= target.value - 1e-12)
    if not len(meets):
        raise CalibrationError(
            f"no threshold reaches {target.describe()}: the best reaches {precision.max():.3g}; ask for less, or train "
            "the model longer or on data more like this"
        )
    return int(meets[0])


def precision_at(prior: float, fmr: npt.ArrayLike, fnmr: npt.ArrayLike) -> Float64Array:
    """Share of true ones among the pairs called "same", at rates of any shape; 0 where no pair is called so.

    Args:
        prior: share of all pairs that are the same.
        fmr, fnmr: rates, of the same shape.
    """
    right = prior * (1 - np.asarray(fnmr, np.float64))
    called = right + (1 - prior) * np.asarray(fmr, np.float64)
    return np.asarray(np.divide(right, called, out=np.zeros_like(called), where=called > 0))


def _threshold_for_fnmr(genuine: FloatArray, fnmr: float) -> float:
    """The highest threshold whose FNMR on genuine scores ``(g,)`` is at most ``fnmr``."""
    ordered = np.sort(genuine.astype(np.float32))
    allowed = min(int(np.floor(fnmr * len(ordered) + 1e-9)), len(ordered) - 1)
    distinct = np.unique(ordered).astype(np.float64)
    return between(distinct, int(np.searchsorted(distinct, ordered[allowed])))


def _percent(share: float) -> str:
    return f"{100 * share:g} %"
