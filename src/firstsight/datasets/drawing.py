"""Pairs and triplets drawn once: as many as asked for, half of the pairs same, every group alike often.

A different partner never has the anchor's label and nothing is its own partner: both are left out of what is drawn
from, so no draw has to be looked at again.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from firstsight.errors import DataError
from firstsight.types import IntArray

Apart = Literal["anywhere", "group"]
"""Where a different partner comes from: any group, or the anchor's own."""


def drawn_pairs(labels: IntArray, groups: IntArray, count: int, seed: int, *, apart: Apart = "anywhere") -> IntArray:
    """``(count, 2)`` indices of examples; even rows are same, odd ones different.

    Anchors come from every group alike often (from every class, where there is one group), each of its examples alike.

    Args:
        labels: ``(n,)`` class index of every example.
        groups: ``(n,)`` group index of every example.
        count: how many.
        seed: of the draw.
        apart: where different partners come from.

    Raises:
        DataError: no example has a partner of its label, or one of another.

    Example:
        >>> import numpy as np
        >>> labels = np.repeat([0, 1, 2], 4)
        >>> pairs = drawn_pairs(labels, labels * 0, 6, seed=0)
        >>> (labels[pairs[:, 0]] == labels[pairs[:, 1]]).tolist()
        [True, False, True, False, True, False]
    """
    shelf, draw = _Shelf(labels, groups, apart), np.random.default_rng((seed, 7))
    anchors = shelf.anchors(count, draw)
    partners = np.where(np.arange(count) % 2 == 0, shelf.same(anchors, draw), shelf.different(anchors, draw))
    return np.stack([anchors, partners], 1)


def drawn_triplets(labels: IntArray, groups: IntArray, count: int, seed: int, *, apart: Apart = "anywhere") -> IntArray:
    """``(count, 3)`` indices of examples: anchor, same, different; as :func:`drawn_pairs`."""
    shelf, draw = _Shelf(labels, groups, apart), np.random.default_rng((seed, 8))
    anchors = shelf.anchors(count, draw)
    return np.stack([anchors, shelf.same(anchors, draw), shelf.different(anchors, draw)], 1)


def two_class_triplets(labels: IntArray, count: int, draw: np.random.Generator) -> IntArray:
    """``(count, 3)`` indices of examples: two of one class, one of another, all ordered pairs of classes alike likely.

    A class with a single example is only ever the other one.

    Args:
        labels: ``(n,)`` class index of every example.
        count: how many.
        draw: decides.

    Raises:
        DataError: there is one class only, or none has two examples.

    Example:
        >>> import numpy as np
        >>> labels = np.array([0, 0, 1, 1, 2])
        >>> drawn = labels[two_class_triplets(labels, 8, np.random.default_rng(0))]
        >>> bool((drawn[:, 0] == drawn[:, 1]).all()), bool((drawn[:, 0] != drawn[:, 2]).all())
        (True, True)
    """
    order = np.argsort(labels, kind="stable")
    _, start, size = np.unique(labels[order], return_index=True, return_counts=True)
    paired = np.flatnonzero(size > 1)
    if len(size) < 2 or not len(paired):
        raise DataError(_NO_TRIPLET)
    one = paired[draw.integers(0, len(paired), count)]
    other = (one + 1 + draw.integers(0, len(size) - 1, count)) % len(size)
    anchor = (draw.random(count) * size[one]).astype(np.int64)
    same = (anchor + 1 + (draw.random(count) * (size[one] - 1)).astype(np.int64)) % size[one]
    different = (draw.random(count) * size[other]).astype(np.int64)
    made: IntArray = order[np.stack([start[one] + anchor, start[one] + same, start[other] + different], 1)]
    return made


def trails(pairs: IntArray, longest: int, draw: np.random.Generator) -> list[IntArray]:
    """Every row of ``pairs`` once, in trails: each pair shares an example with the one before it.

    A walk from example to example along pairs that were not taken yet, until none is left where it stands (Hierholzer,
    1873, doi:10.1007/BF01442866, without joining what he joins), cut to pieces, the pieces in a drawn order. ``k``
    pairs of a piece hold ``k + 1`` examples at most, where pairs apart hold ``2 k``.

    Args:
        pairs: ``(n, 2)`` indices of examples.
        longest: pairs of a piece.
        draw: decides.

    Returns:
        Rows of ``pairs`` of each piece, ``(1..longest,)``.

    Example:
        >>> import numpy as np
        >>> ring = np.array([[0, 1], [2, 3], [1, 2], [3, 0]])
        >>> [len(piece) for piece in trails(ring, 4, np.random.default_rng(0))]
        [4]
    """
    order = draw.permutation(len(pairs))
    rows, left, right = np.tile(order, 2), pairs[order].ravel(order="F"), pairs[order][:, ::-1].ravel(order="F")
    by = np.argsort(left, kind="stable")
    many = np.bincount(left)
    going, row = right[by].tolist(), rows[by].tolist()
    stop = np.cumsum(many)
    at, end = (stop - many).tolist(), stop.tolist()
    taken, pieces = bytearray(len(pairs)), []
    first = draw.permutation(len(many))
    for start in np.concatenate([first[many[first] % 2 == 1], first]).tolist():  # walks end where an odd number meet
        here, walk = start, []
        while True:
            while at[here] < end[here] and taken[row[at[here]]]:
                at[here] += 1
            if at[here] == end[here]:
                break
            taken[row[at[here]]] = True
            walk.append(row[at[here]])
            here = going[at[here]]
        pieces += [np.array(walk[i : i + longest]) for i in range(0, len(walk), longest)]
    return [pieces[i] for i in draw.permutation(len(pieces))]


_NO_TRIPLET = (
    "no example has both a partner of its class and one of another class to be drawn; at least two classes "
    "with two examples each were expected"
)


class _Shelf:
    """Examples in such an order that a label's stand together, and within a group's where that matters."""

    def __init__(self, labels: IntArray, groups: IntArray, apart: Apart) -> None:
        region = groups if apart == "group" else np.zeros_like(groups)
        self.order = np.lexsort((labels, region))
        self.place = np.argsort(self.order)
        self.start, self.size = _extent(labels[self.order] + region[self.order] * (labels.max() + 1))
        self.region_start, self.region_size = _extent(region[self.order])
        fit = np.flatnonzero((self.size > 1) & (self.region_size > self.size))
        if not len(fit):
            raise DataError(_NO_TRIPLET)
        usable = self.order[fit]
        balance = groups if len(np.unique(groups)) > 1 else labels
        self.members = [usable[balance[usable] == b] for b in np.unique(balance[usable])]

    def anchors(self, count: int, draw: np.random.Generator) -> IntArray:
        """``(count,)`` examples, each group in turn."""
        turn = draw.permutation(len(self.members))[np.arange(count) // 2 % len(self.members)]
        sizes = np.array([len(m) for m in self.members])[turn]
        nth = (draw.random(count) * sizes).astype(np.int64)
        starts = np.cumsum([0, *(len(m) for m in self.members)])[turn]
        made: IntArray = np.concatenate(self.members)[starts + nth]
        return made

    def same(self, anchors: IntArray, draw: np.random.Generator) -> IntArray:
        """Another example of each anchor's label."""
        place = self.place[anchors]
        start, size = self.start[place], self.size[place]
        step = 1 + (draw.random(len(anchors)) * (size - 1)).astype(np.int64)
        made: IntArray = self.order[start + (place - start + step) % size]
        return made

    def different(self, anchors: IntArray, draw: np.random.Generator) -> IntArray:
        """An example of another label than each anchor's."""
        place = self.place[anchors]
        start, size = self.start[place], self.size[place]
        region, length = self.region_start[place], self.region_size[place]
        step = (draw.random(len(anchors)) * (length - size)).astype(np.int64)  # counted from the label's end, round
        made: IntArray = self.order[region + (start - region + size + step) % length]
        return made


def _extent(codes: npt.NDArray[np.int64]) -> tuple[IntArray, IntArray]:
    """Start and length, for each place ``(n,)``, of the run of equal sorted codes it stands in."""
    _, start, which, size = np.unique(codes, return_index=True, return_inverse=True, return_counts=True)
    return start[which], size[which]
