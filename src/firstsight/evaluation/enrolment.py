"""Galleries as an evaluation draws them: some classes enrolled with K references, the rest of the examples asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firstsight.datasets import DataSet
from firstsight.errors import DataError
from firstsight.evaluation.oneshot import Across
from firstsight.types import IntArray


@dataclass(frozen=True, slots=True)
class DrawnGallery:
    """One gallery and what is asked of it.

    Attributes:
        classes: ``(n,)`` the enrolled classes.
        references: ``(n * k,)`` indices of their references.
        owners: ``(n * k,)`` place of each in ``classes``.
        probes: ``(p,)`` indices of examples of enrolled classes (mated searches).
        target: ``(p,)`` the right place in ``classes``.
        strangers: ``(s,)`` indices of examples of all other classes (non-mated searches).
    """

    classes: IntArray
    references: IntArray
    owners: IntArray
    probes: IntArray
    target: IntArray
    strangers: IntArray


def draw_enrolment(
    data: DataSet, rng: np.random.Generator, *, identities: int, shots: int, across: Across = "origins"
) -> DrawnGallery:
    """Enroll random classes.

    Args:
        data: labelled examples.
        rng: of the draw.
        identities: N.
        shots: K references of each.
        across: with ``origins``, examples of a reference's own origin are not asked of its identity.

    Raises:
        DataError: too few classes have K references and something left to ask.
    """
    _, origins = data.origins
    apart = across == "origins" and len(np.unique(origins)) > 1
    references, probes, target = [], [], []
    chosen: list[int] = []
    for c in rng.permutation(len(data.classes)):
        if len(chosen) == identities:
            break
        members = rng.permutation(np.flatnonzero(data.labels == c))
        drawn, rest = members[:shots], members[shots:]
        if apart:
            rest = rest[~np.isin(origins[rest], origins[drawn])]
        if len(drawn) < shots or not len(rest):
            continue
        target.append(np.full(len(rest), len(chosen)))
        chosen.append(int(c))
        references.append(drawn)
        probes.append(rest)
    if len(chosen) < identities:
        raise DataError(
            f"{len(chosen)} of the {len(data.classes)} classes of {data.name} have {shots + 1} examples"
            f"{' of different origins' if apart else ''}, {identities} were expected; enroll fewer, or bring more data"
        )
    classes = np.array(chosen, np.int64)
    return DrawnGallery(
        classes,
        np.concatenate(references),
        np.repeat(np.arange(identities), shots),
        np.concatenate(probes),
        np.concatenate(target),
        np.flatnonzero(~np.isin(data.labels, classes)),
    )
