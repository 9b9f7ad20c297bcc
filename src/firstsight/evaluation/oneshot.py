"""N-way K-shot episodes: how they are drawn and how they are scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from firstsight.datasets.dataset import DataSet
from firstsight.decision import Templates
from firstsight.errors import DataError
from firstsight.metrics.identification import rank_one_credit
from firstsight.types import Embedder, FloatArray, IntArray

Across = Literal["origins", "styles", "examples"]


@dataclass(frozen=True, slots=True)
class Episodes:
    """Drawn tasks.

    Attributes:
        support: ``(t, n, k)`` indices of the references, class by class.
        query: ``(t, q)`` indices of the probes.
        target: ``(t, q)`` which of the n classes is right.
    """

    support: IntArray
    query: IntArray
    target: IntArray

    def needed(self) -> tuple[IntArray, Episodes]:
        """Which examples take part ``(m,)``, in order; and the same tasks, drawn from those alone."""
        used, place = np.unique(np.concatenate([self.support.ravel(), self.query.ravel()]), return_inverse=True)
        support, query = np.split(place, [self.support.size])
        return used, Episodes(support.reshape(self.support.shape), query.reshape(self.query.shape), self.target)


def within_group(data: DataSet, *, ways: int, tasks: int, seed: int) -> tuple[Episodes, list[str]]:
    """Tasks of Lake's form: ``ways`` classes of one group, support by one origin, queries by another.

    Tasks go round the groups, so each group counts alike. Groups with fewer classes than ``ways`` cannot serve and
    are returned by name.

    Raises:
        DataError: no group has enough classes drawn by two origins.
    """
    rng = np.random.default_rng(seed)
    group_names, groups = data.groups
    _, origins = data.origins
    table: list[tuple[str, npt.NDArray[np.int64]]] = []
    left_out = []
    for g, name in enumerate(group_names):
        members = np.flatnonzero(groups == g)
        classes = np.unique(data.labels[members])
        drawers = np.unique(origins[members])
        where = np.full((len(classes), len(drawers)), -1, np.int64)
        where[np.searchsorted(classes, data.labels[members]), np.searchsorted(drawers, origins[members])] = members
        drawn = (where >= 0).astype(np.int64)
        shared = drawn.T @ drawn
        np.fill_diagonal(shared, 0)
        if shared.max(initial=0) < ways:
            left_out.append(name)
        else:
            table.append((name, where))
    if not table:
        raise DataError(
            f"no group of {data.name} has {ways} classes by two origins, as a within-group task needs; "
            "use protocol nway, or fewer ways"
        )
    support = np.empty((tasks, ways, 1), np.int64)
    query, target = np.empty((tasks, ways), np.int64), np.empty((tasks, ways), np.int64)
    for t in range(tasks):
        _, where = table[t % len(table)]
        while True:
            one, other = rng.choice(where.shape[1], 2, replace=False)
            usable = np.flatnonzero((where[:, one] >= 0) & (where[:, other] >= 0))
            if len(usable) >= ways:
                break
        chosen = rng.choice(usable, ways, replace=False)
        support[t, :, 0] = where[chosen, one]
        target[t] = rng.permutation(ways)
        query[t] = where[chosen, other][target[t]]
    return Episodes(support, query, target), left_out


def any_classes(data: DataSet, *, ways: int, shots: int, tasks: int, seed: int, across: Across = "origins") -> Episodes:
    """Tasks of ``ways`` random classes, ``shots`` references each, one query a class.

    Args:
        data: with at least ``ways`` classes that have what a task needs.
        ways, shots, tasks: N, K, and how many.
        seed: of the draws.
        across: where the data has origins, references and query of a class come from different ``origins``, or from
            one origin but in different ``styles``, or are merely different ``examples``.

    Raises:
        DataError: fewer than ``ways`` classes have what a task needs.
    """
    rng = np.random.default_rng(seed)
    _, origins = data.origins
    if len(np.unique(origins)) == 1:
        across = "examples"
    members = [np.flatnonzero(data.labels == c) for c in range(len(data.classes))]
    usable = [c for c, m in enumerate(members) if len(_askable(origins[m], shots, across))]
    if len(usable) < ways:
        need = f"{shots + 1} examples" + {"origins": " of two or more origins", "styles": " of one origin"}.get(
            across, ""
        )
        raise DataError(
            f"{len(usable)} of the {len(members)} classes of {data.name} have the {need} that a "
            f"{ways}-way {shots}-shot task needs; use fewer ways or shots, or bring more data"
        )
    support = np.empty((tasks, ways, shots), np.int64)
    query, target = np.empty((tasks, ways), np.int64), np.empty((tasks, ways), np.int64)
    for t in range(tasks):
        chosen = rng.choice(usable, ways, replace=False)
        probes = np.empty(ways, np.int64)
        for column, c in enumerate(chosen):
            probes[column], support[t, column] = _draw(rng, members[c], origins[members[c]], shots, across)
        target[t] = rng.permutation(ways)
        query[t] = probes[target[t]]
    return Episodes(support, query, target)


def _askable(origins: IntArray, shots: int, across: Across) -> IntArray:
    """Origins ``(o,)`` a query may come from, given the origins of a class's examples."""
    names, counts = np.unique(origins, return_counts=True)
    if across == "origins":
        return np.asarray(names[len(origins) - counts >= shots])
    if across == "styles":
        return np.asarray(names[counts > shots])
    return np.asarray(names if len(origins) > shots else names[:0])


def _draw(
    rng: np.random.Generator, members: IntArray, origins: IntArray, shots: int, across: Across
) -> tuple[int, IntArray]:
    """A query and its references; the query's origin is drawn first, so that one with many styles weighs no more."""
    asked = rng.choice(_askable(origins, shots, across))
    query = int(rng.choice(np.flatnonzero(origins == asked)))
    if across == "origins":
        others = np.flatnonzero(origins != asked)
    else:
        others = np.flatnonzero((origins == asked) | (across == "examples"))
        others = others[others != query]
    # References are spread over as many origins as there are.
    others = rng.permutation(others)
    turn = np.zeros(len(others), np.int64)
    for name in np.unique(origins[others]):
        place = np.flatnonzero(origins[others] == name)
        turn[place] = np.arange(len(place))
    order = np.lexsort((rng.random(len(others)), turn))
    return int(members[query]), members[others[order[:shots]]]


def query_credits(embedder: Embedder, embeddings: FloatArray, episodes: Episodes) -> npt.NDArray[np.float64]:
    """Credit ``(t, q)`` of every query; references of a class are fused as a gallery fuses them."""
    _, ways, shots = episodes.support.shape
    owners = np.repeat(np.arange(ways), shots)
    out = np.empty(episodes.query.shape)
    for t, (support, query) in enumerate(zip(episodes.support, episodes.query, strict=True)):
        enrolled = Templates.of(embedder, embeddings[support.ravel()], owners, ways, None)
        out[t] = rank_one_credit(enrolled.scores(embedder, embeddings[query]), episodes.target[t])
    return out
