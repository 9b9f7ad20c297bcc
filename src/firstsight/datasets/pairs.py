"""Pairs of examples, drawn evenly and seeded: what verification and calibration look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firstsight.datasets.dataset import DataSet
from firstsight.errors import DataError
from firstsight.types import BoolArray, IntArray


@dataclass(frozen=True, slots=True)
class Pairs:
    """Index pairs into a data set; ``left``, ``right`` and ``same`` are all ``(n,)``."""

    left: IntArray
    right: IntArray
    same: BoolArray


def draw_pairs(
    data: DataSet,
    *,
    genuine: int = 100_000,
    impostor: int = 1_000_000,
    seed: int = 0,
    cross_origin: bool = True,
) -> Pairs:
    """All pairs, or a draw without bias where there are more than asked for.

    Where the data has origins, only pairs of different origins count (as they would be met in use) unless
    ``cross_origin`` is False. Data given as pairs is taken as it is.

    Raises:
        DataError: there is no same pair, or no different pair.
    """
    if data.pairs:
        left, right, same = (np.array(column) for column in zip(*data.pairs, strict=True))
        pairs = Pairs(left.astype(np.int64), right.astype(np.int64), same.astype(bool))
    else:
        rng = np.random.default_rng((seed, 5))
        _, origins = data.origins
        apart = origins if cross_origin and len(np.unique(origins)) > 1 else np.arange(len(data))
        same_pairs = _genuine(data.labels, apart, rng, genuine)
        different = _impostor(data.labels, apart, rng, impostor)
        joined = np.concatenate([same_pairs, different])
        pairs = Pairs(joined[:, 0], joined[:, 1], np.arange(len(joined)) < len(same_pairs))
    if pairs.same.all() or not pairs.same.any():
        lacking = "different" if pairs.same.any() else "same"
        raise DataError(
            f"{data.name} gives no pair of {lacking} examples; at least two classes with two examples each "
            "(of different origins, where it has them) were expected"
        )
    return pairs


def _genuine(labels: IntArray, apart: IntArray, rng: np.random.Generator, most: int) -> npt.NDArray[np.int64]:
    """Same pairs whose ``apart`` differs: all of them, or as many of each class as its share of ``most``."""
    classes, counts = np.unique(labels, return_counts=True)
    possible = counts * (counts - 1) // 2
    share = min(1.0, 4 * most / max(1, possible.sum()))  # some are lost to equal origins
    found = [np.empty((0, 2), np.int64)]
    for c, n in zip(classes, possible, strict=True):
        members = np.flatnonzero(labels == c)
        number = np.arange(n) if share == 1 else np.unique(rng.integers(0, n, max(1, round(share * n))))
        left, right = _unrank(number)
        pairs = np.stack([members[left], members[right]], 1)
        found.append(pairs[apart[pairs[:, 0]] != apart[pairs[:, 1]]])
    joined = np.concatenate(found)
    return joined if len(joined) <= most else joined[rng.choice(len(joined), most, replace=False)]


def _impostor(labels: IntArray, apart: IntArray, rng: np.random.Generator, most: int) -> npt.NDArray[np.int64]:
    """Different pairs whose ``apart`` differs: all of them, or ``most`` without repetition."""
    count = len(labels) * (len(labels) - 1) // 2
    everything = count <= 4 * most
    number = np.arange(count) if everything else np.unique(rng.integers(0, count, 4 * most))
    left, right = _unrank(number)
    usable = np.flatnonzero((labels[left] != labels[right]) & (apart[left] != apart[right]))
    if len(usable) > most:
        usable = np.sort(rng.choice(usable, most, replace=False))
    return np.stack([left[usable], right[usable]], 1)


def _unrank(number: npt.NDArray[np.int64]) -> tuple[IntArray, IntArray]:
    """The pairs ``(i, j)``, i < j, of the numbers 0, 1, 2, ... in the order (0,1), (0,2), (1,2), (0,3), ..."""
    right = ((1 + np.sqrt(1 + 8 * number.astype(np.float64))) / 2).astype(np.int64)
    right -= right * (right - 1) // 2 > number  # the root may round up ...
    right += (right + 1) * right // 2 <= number  # ... or down
    return number - right * (right - 1) // 2, right
