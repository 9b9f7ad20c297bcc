"""Folds: other classes held out in turn, so that few classes still tell what a training is worth, and how surely.

Of seven classes two are held out, and the figure they give is a coin's. So the same training is done again with others
held out, until each class was (leave-classes-out). The model that is exported is that of the first training; the
figures are of all of them.
"""

from __future__ import annotations

import numpy as np

from firstsight.datasets import DataSet
from firstsight.datasets.dataset import OWN
from firstsight.datasets.portion import joined
from firstsight.datasets.splits import in_order, units_of

FEW = 20
"""Held-out classes, below which others are held out in turn."""
_LEAST = 2  # classes (or groups) held out: one alone has no strangers


def folds_of(data: DataSet, held: DataSet | None, most: int) -> list[tuple[DataSet, DataSet]]:
    """What further trainings learn from and hold out; none where that was chosen by whoever named the data.

    Args:
        data, held: the two sides of the split of one folder or manifest.
        most: trainings, beside the first.
    """
    base = data.name.removesuffix(":train")
    if held is None or data.kind != OWN or not data.name.endswith(":train") or held.name != f"{base}:validation":
        return []
    if most < 1 or len(held.classes) >= FEW:
        return []
    whole = joined(data, held)
    units = units_of(whole)
    out = in_order({units[label] for label in held.classes})
    rest = in_order(set(units.values()) - set(out))
    if not out or len(rest) < _LEAST:
        return []
    folds = []
    for part in np.array_split(np.array(rest, object), min(most, max(1, round(len(rest) / len(out))))):
        others = [unit for unit in (*out, *rest) if unit not in part]
        chosen = {*part, *others[: max(0, _LEAST - len(part))]}
        within = np.array([units[e.label] in chosen for e in whole.examples])
        if len(set(units.values()) - chosen) >= _LEAST:
            folds.append(
                (whole.take(np.flatnonzero(~within), data.name), whole.take(np.flatnonzero(within), held.name))
            )
    return folds
