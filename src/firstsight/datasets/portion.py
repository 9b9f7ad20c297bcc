"""Less of a data set, and two as one: what a learning curve, a long tail and training further are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from firstsight.datasets.dataset import DataSet
from firstsight.errors import DataError, count
from firstsight.types import Example, IntArray


def portion(
    data: DataSet,
    *,
    groups: int = 0,
    classes: int = 0,
    origins: int = 0,
    each: int = 0,
    tail: float = 0.0,
    seed: int = 0,
) -> DataSet:
    """A part of a data set, drawn by a seed; 0 leaves nothing out.

    A smaller portion of the same seed lies within a larger one, so that portions can be compared. Groups, classes and
    origins are ordered by a seeded hash of their names, and a class that is added does not reorder the others.

    Args:
        data: examples with labels.
        groups: so many groups (alphabets, say).
        classes: so many classes, of those groups.
        origins: of each class the examples of at most so many origins (drawers, say); the same ones for every class
            that has them.
        each: of each class at most so many examples.
        tail: exponent a of a truncated Zipf law of class sizes: a class of n examples keeps k of them, where over all
            classes ``P(k) ~ k^-a``, k = 1..n. With 1 the sizes fall from n to 1 evenly on a logarithmic scale, as in
            the long-tailed sets of Cui et al., 2019 (arXiv:1901.05555).
        seed: of the draw.

    Raises:
        DataError: there are fewer groups or classes, or the data has no groups or no origins.

    Example:
        >>> from firstsight.types import Example
        >>> rows = [Example(f"c{c}", lambda: b"", f"{c}/{i}") for c in range(4) for i in range(5)]
        >>> made = DataSet("made", tuple(rows))
        >>> len(portion(made, classes=3, each=2))
        6
        >>> sorted(np.bincount(portion(made, tail=1.0).labels).tolist())
        [1, 1, 2, 4]
    """
    kept = data
    if groups:
        named = data.groups[0]
        if named == ("",):
            raise DataError(f"{data.name} has no groups, {groups} were asked for; use data.classes={groups}")
        chosen = set(_some(named, groups, f"{data.name} has {count(len(named), 'group', 'groups')}", "groups", seed))
        kept = kept.where(lambda e: e.group in chosen, data.name)
    if classes:
        labels = kept.classes
        there = f"{data.name} has {count(len(labels), 'class', 'classes')}{' in those groups' if groups else ''}"
        chosen = set(_some(labels, classes, there, "classes", seed))
        kept = kept.where(lambda e: e.label in chosen, data.name)
    if origins:
        if kept.origins[0] == ("",):
            raise DataError(f"{data.name} does not say who made what, {origins} origins were asked for; use data.each")
        ranks = {name: rank for rank, name in enumerate(_ordered(kept.origins[0], seed))}
        by_class = _members(kept)
        kept = _taken(kept, [m[_first(kept.examples, m, ranks, origins)] for m in by_class])
    if each:
        kept = _taken(kept, [m[_draw(kept.classes[c], len(m), seed)[:each]] for c, m in enumerate(_members(kept))])
    if tail:
        place = {name: rank for rank, name in enumerate(_ordered(kept.classes, seed))}
        share = {c: (place[name] + 0.5) / len(place) for c, name in enumerate(kept.classes)}
        kept = _taken(
            kept,
            [
                m[_draw(kept.classes[c], len(m), seed)[: zipf_size(share[c], len(m), tail)]]
                for c, m in enumerate(_members(kept))
            ],
        )
    return kept


def zipf_size(share: float, most: int, exponent: float) -> int:
    """Size of the class that ``share`` (0..1) of the classes are larger than, where P(k) ~ k^-exponent, k = 1..most.

    Example:
        >>> [zipf_size(share, 20, 1.0) for share in (0.01, 0.25, 0.5, 0.75, 0.99)]
        [20, 8, 3, 1, 1]
    """
    weights = np.arange(1, most + 1, dtype=np.float64) ** -exponent
    below = np.cumsum(weights) / weights.sum()
    return min(most, 1 + int(np.searchsorted(below, 1 - share)))


def joined(data: DataSet, more: DataSet) -> DataSet:
    """Two sets as one, under the name of the first; a class that both name is one class.

    Classes of another kind of data set than the first's are qualified by theirs, as in ``class_names``; images that
    are in both under one label come once.

    Example:
        >>> from firstsight.types import Example
        >>> one = DataSet("folder:a", (Example("ring", lambda: b"", "1"),))
        >>> other = DataSet("omniglot:train", (Example("Greek/character01", lambda: b"", "2"),))
        >>> sorted(joined(one, other).class_names)
        ['omniglot:Greek/character01', 'own:ring']
    """
    foreign = data.kind != more.kind
    seen = set() if foreign else {(key, e.label) for key, e in zip(data.keys, data.examples, strict=True)}
    added = tuple(
        replace(e, label=f"{more.kind}:{e.label}") if foreign else e
        for key, e in zip(more.keys, more.examples, strict=True)
        if (key, e.label) not in seen
    )
    also = data.also | more.also | (more.class_names if foreign else frozenset())
    return replace(data, examples=(*data.examples, *added), also=also)


def _ordered(names: Iterable[str], seed: int) -> list[str]:
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())


def _some(names: tuple[str, ...], number: int, there: str, what: str, seed: int) -> list[str]:
    if number > len(names):
        raise DataError(f"{there}, {number} were asked for; lower data.{what}")
    return _ordered(names, seed)[:number]


def _members(data: DataSet) -> list[npt.NDArray[np.int64]]:
    """The examples of every class, in their order."""
    order = np.argsort(data.labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(data.labels))[:-1])


def _first(
    examples: tuple[Example, ...], members: IntArray, ranks: dict[str, int], number: int
) -> npt.NDArray[np.bool_]:
    """Which of a class's examples are by the first so many of its origins."""
    found = np.array([ranks[examples[i].origin] for i in members])
    return np.isin(found, np.unique(found)[:number])


def _draw(name: str, size: int, seed: int) -> npt.NDArray[np.int64]:
    """A class's examples in an order of its own."""
    own = int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:7], "big")
    return np.random.default_rng(own).permutation(size)


def _taken(data: DataSet, members: list[npt.NDArray[np.int64]]) -> DataSet:
    return data.take(np.sort(np.concatenate(members)), data.name)
