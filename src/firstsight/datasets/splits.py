"""Splitting a user's data: disjoint by group where classes have groups, else by class; seeded and stable."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from firstsight.datasets.contents import image_keys
from firstsight.datasets.dataset import DataSet
from firstsight.errors import DataError, UsageError, count
from firstsight.types import Example

SPLITS = ("all", "train", "validation")
SHARE = 0.7  # of the classes (or groups) goes to train


def split(data: DataSet, name: str, *, seed: int = 0) -> DataSet:
    """One part of a data set that has no published split.

    Classes (or groups, when every class lies in one of at least four) are ordered by a seeded hash of their name;
    the first 70 % are ``train``, the rest ``validation``. So the same folder is always split the same way, and a
    class never changes its place in the order when others are added.

    Raises:
        UsageError: no such split.
        DataError: too few classes to cut two from.
    """
    if name == "all":
        return data
    if name not in SPLITS:
        raise UsageError(f"{data.name} has no split {name!r}; known: {', '.join(SPLITS)}")
    units = units_of(data)
    ordered = in_order(units.values(), seed)
    if len(data.classes) < 4 or len(ordered) < 2:
        raise DataError(
            f"{data.name} has {count(len(data.classes), 'class', 'classes')} ({', '.join(data.classes[:3])}), at least "
            "4 are needed to learn from some and hold others out; add classes"
        )
    cut = min(max(2, round(SHARE * len(ordered))), len(ordered) - min(2, len(ordered) // 2))
    chosen = set(ordered[:cut] if name == "train" else ordered[cut:])
    return data.where(lambda e: units[e.label] in chosen, f"{data.name}:{name}")


def in_order(units: Iterable[str], seed: int = 0) -> list[str]:
    """Classes (or groups) by a seeded hash of their names."""
    return sorted(set(units), key=lambda u: hashlib.sha256(f"{seed}:{u}".encode()).digest())


def units_of(data: DataSet) -> dict[str, str]:
    """What a split keeps together, by label: the group of a class, where every class lies in one of at least four
    groups, else the class itself."""
    groups: dict[str, set[str]] = {}
    for e in data.examples:
        groups.setdefault(e.label, set()).add(e.group)
    nested = all(len(g) == 1 and "" not in g for g in groups.values())
    if nested and len({next(iter(g)) for g in groups.values()}) >= 4:
        return {label: next(iter(g)) for label, g in groups.items()}
    return {label: label for label in groups}


def duplicates(one: DataSet, other: DataSet) -> list[tuple[Example, Example]]:
    """Pairs of examples, one from each set, whose bytes are equal: what a split must not have."""
    seen = dict(zip(image_keys(one.examples), one.examples, strict=True))
    keys = image_keys(other.examples)
    return [(seen[key], e) for key, e in zip(keys, other.examples, strict=True) if key in seen]
