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
        cross = cross_origin and len(np.unique(origins)) > 1
        same_pairs = _genuine(data.labels, rng, genuine)
        different = _impostor(data.labels, rng, impostor)
        joined = np.concatenate([same_pairs, different])
        truth = np.arange(len(joined)) < len(same_pairs)
        if cross:
            keep = origins[joined[:, 0]] != origins[joined[:, 1]]
            joined, truth = joined[keep], truth[keep]
        pairs = Pairs(joined[:, 0], joined[:, 1], truth)
    if pairs.same.all() or not pairs.same.any():
        lacking = "different" if pairs.same.any() else "same"
        raise DataError(
            f"{data.name} gives no pair of {lacking} examples; at least two classes with two examples each "
            "(of different origins, where it has them) were expected"
        )
    return pairs


def _genuine(labels: IntArray, rng: np.random.Generator, most: int) -> npt.NDArray[np.int64]:
    found = []
    for c in np.unique(labels):
        members = np.flatnonzero(labels == c)
        i, j = np.triu_indices(len(members), 1)
        found.append(np.stack([members[i], members[j]], 1))
    pairs = np.concatenate(found)
    return pairs if len(pairs) <= most else pairs[rng.choice(len(pairs), most, replace=False)]


def _impostor(labels: IntArray, rng: np.random.Generator, most: int) -> npt.NDArray[np.int64]:
    count = len(labels)
    if count * (count - 1) // 2 <= 2 * most:
        i, j = np.triu_indices(count, 1)
        differ = labels[i] != labels[j]
        pairs = np.stack([i[differ], j[differ]], 1)
        return pairs if len(pairs) <= most else pairs[rng.choice(len(pairs), most, replace=False)]
    drawn = rng.integers(0, count, (int(most * 1.1) + 16, 2))
    different: npt.NDArray[np.int64] = drawn[labels[drawn[:, 0]] != labels[drawn[:, 1]]][:most]
    return different
