"""Named, seeded evaluation procedures: a data set and any Embedder become a Report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import numpy.typing as npt

from firstsight.calibration import Calibration
from firstsight.datasets import DataSet, open_data
from firstsight.datasets.pairs import draw_pairs
from firstsight.decision import accepts
from firstsight.errors import UsageError, unknown
from firstsight.evaluation.oneshot import Across, Episodes, any_classes, query_credits, within_group
from firstsight.metrics.intervals import bootstrap, mean_by_cluster
from firstsight.metrics.verification import auc, eer, error_curve
from firstsight.types import BoolArray, Embedder, FloatArray, IntArray, Metric, PixelArray


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a protocol measured; the verb ``evaluate`` wraps it into a Report."""

    protocol: str
    trials: int
    metrics: dict[str, Metric]
    details: dict[str, object]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """What a caller may choose; protocols with fixed rules refuse other values.

    Attributes:
        ways: N, classes in a task.
        shots: K, references a class.
        tasks: tasks drawn.
        across: what sets both sides of a comparison apart, where the data has origins: ``origins``; ``styles`` (one
            origin, another drawing; N-way tasks only); or ``examples`` (merely different ones).
        seed: of every draw.
    """

    ways: int = 20
    shots: int = 1
    tasks: int = 1000
    across: Across = "origins"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("ways", 2), ("shots", 1), ("tasks", 1)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}, at least {least} was expected")
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}, 0 or more was expected")
        if self.across not in get_args(Across):
            raise UsageError(f"across is {self.across!r}, one of {', '.join(get_args(Across))} was expected")


Measure = Callable[[Embedder, DataSet, PixelArray, Settings, Calibration | None], Outcome]


@dataclass(frozen=True, slots=True)
class Protocol:
    """A procedure and the data it is for.

    Attributes:
        about: one line.
        measure: the procedure.
        data: the address it is fixed to; "" when the caller names any data.
        fixed: settings that are part of the protocol.
        takes: settings that a caller may choose, beside the seed.
    """

    about: str
    measure: Measure
    data: str = ""
    fixed: tuple[tuple[str, int | str], ...] = ()
    takes: tuple[str, ...] = ()


def lake(
    embedder: Embedder, data: DataSet, arrays: PixelArray, settings: Settings, calibration: Calibration | None
) -> Outcome:
    """The 20 published runs: 20 references by one drawer, 20 probes by another, 400 trials."""
    _, runs = data.groups
    sides, side = data.origins
    probe, reference = sides.index("test"), sides.index("training")
    support, query, target = [], [], []
    for run in np.unique(runs):
        refs = np.flatnonzero((runs == run) & (side == reference))
        asked = np.flatnonzero((runs == run) & (side == probe))
        support.append(refs[:, None])
        query.append(asked)
        target.append(np.argmax(data.labels[refs][None, :] == data.labels[asked][:, None], axis=1))
    episodes = Episodes(np.stack(support), np.stack(query), np.stack(target))
    return _one_shot("omniglot-lake-20way", embedder, data, arrays, episodes, settings.seed)


def within(
    embedder: Embedder, data: DataSet, arrays: PixelArray, settings: Settings, calibration: Calibration | None
) -> Outcome:
    """Lake's form over all alphabets and random drawers."""
    episodes, left_out = within_group(data, ways=settings.ways, tasks=settings.tasks, seed=settings.seed)
    notes = (f"groups with fewer than {settings.ways} classes left out: {', '.join(left_out)}",) if left_out else ()
    name = f"within-group {settings.ways}-way 1-shot"
    return _one_shot(name, embedder, data, arrays, episodes, settings.seed, notes)


def nway(
    embedder: Embedder, data: DataSet, arrays: PixelArray, settings: Settings, calibration: Calibration | None
) -> Outcome:
    """N random classes, K references each, one probe a class."""
    episodes = any_classes(
        data, ways=settings.ways, shots=settings.shots, tasks=settings.tasks, seed=settings.seed, across=settings.across
    )
    name = f"{settings.ways}-way {settings.shots}-shot, across {settings.across}"
    notes = (
        ()
        if settings.across == "examples" or len(data.origins[0]) > 1
        else ("the data has no origins: any two examples may face",)
    )
    return _one_shot(name, embedder, data, arrays, episodes, settings.seed, notes)


def _one_shot(
    name: str,
    embedder: Embedder,
    data: DataSet,
    arrays: PixelArray,
    episodes: Episodes,
    seed: int,
    notes: tuple[str, ...] = (),
) -> Outcome:
    credit = query_credits(embedder, embedder.embed_arrays(arrays), episodes)
    pixels = query_credits(Pixels(), Pixels().embed_arrays(arrays), episodes)
    group_names, groups = data.groups
    grouped = len(group_names) > 1
    names = group_names if grouped else data.classes
    unit = (groups if grouped else data.labels)[episodes.query].ravel()
    flat = credit.ravel()
    ways = episodes.support.shape[1]
    table = [
        {
            "name": names[u],
            "accuracy": float(flat[unit == u].mean()),
            "trials": int((unit == u).sum()),
        }
        for u in np.unique(unit)
    ]
    details: dict[str, object] = {
        "by": "group" if grouped else "class",
        "table": sorted(table, key=lambda r: r["accuracy"]),
        "examples": _strips(data, episodes, credit),
    }
    metrics = {
        "accuracy": mean_by_cluster(flat, unit, seed=seed),
        "pixels": mean_by_cluster(pixels.ravel(), unit, seed=seed),
        "chance": Metric(1 / ways, 1 / ways, 1 / ways),
    }
    return Outcome(name, credit.size, metrics, details, notes)


def _strips(data: DataSet, episodes: Episodes, credit: npt.NDArray[np.float64]) -> list[dict[str, object]]:
    """A few tasks a person can look at: the indices of support and query, and whether each was right."""
    chosen = range(0, len(credit), max(1, len(credit) // 3))
    return [
        {
            "support": episodes.support[t, :, 0].tolist(),
            "query": episodes.query[t].tolist(),
            "target": episodes.target[t].tolist(),
            "credit": credit[t].tolist(),
        }
        for t in list(chosen)[:3]
    ]


def verification(
    embedder: Embedder, data: DataSet, arrays: PixelArray, settings: Settings, calibration: Calibration | None
) -> Outcome:
    """Same or different, over all pairs or a large seeded draw of them."""
    pairs = draw_pairs(data, impostor=500_000, seed=settings.seed, cross_origin=settings.across == "origins")
    scores = pair_scores(embedder, embedder.embed_arrays(arrays), pairs.left, pairs.right)
    genuine, impostor = scores[pairs.same], scores[~pairs.same]
    # Pairs share examples, so whole groups (or classes; or examples, for data given as pairs) are resampled.
    names, groups = data.groups
    unit = np.arange(len(data)) if data.pairs else groups if len(names) > 1 else data.labels
    statistic = _error_rates(scores, pairs.same, unit[pairs.left], unit[pairs.right], calibration)
    metrics = bootstrap(statistic, int(unit.max()) + 1, seed=settings.seed, rounds=100)
    curve = error_curve(genuine, impostor)
    thin = np.unique(np.linspace(0, len(curve.thresholds) - 2, 400).astype(int))
    details = {
        "roc": {
            "threshold": curve.thresholds[thin].tolist(),
            "fmr": curve.fmr[thin].tolist(),
            "fnmr": curve.fnmr[thin].tolist(),
        },
        "histogram": _histogram(genuine, impostor),
        "genuine_pairs": len(genuine),
        "impostor_pairs": len(impostor),
        "threshold": calibration.threshold if calibration else None,
    }
    notes = () if calibration else ("the model is not calibrated: error rates at a saved threshold are not shown",)
    return Outcome(f"verification, across {settings.across}", len(scores), metrics, details, notes)


def pair_scores(embedder: Embedder, embeddings: FloatArray, left: IntArray, right: IntArray) -> FloatArray:
    """Scores ``(n,)`` of index pairs, block by block so that memory stays bounded."""
    out = np.empty(len(left), np.float32)
    order = np.argsort(left, kind="stable")
    start = 0
    while start < len(order):
        stop = min(len(order), start + 4096)
        block = order[start:stop]
        rows, row = np.unique(left[block], return_inverse=True)
        columns, column = np.unique(right[block], return_inverse=True)
        out[block] = embedder.score(embeddings[rows], embeddings[columns])[row, column]
        start = stop
    return out


def _error_rates(
    scores: FloatArray, same: BoolArray, left: IntArray, right: IntArray, calibration: Calibration | None
) -> Callable[[IntArray], dict[str, float]]:
    names = ["auc", "eer", "tar@fmr=0.01"]
    if calibration:
        names += ["fmr@threshold", "fnmr@threshold", "accuracy@threshold"]

    def statistic(counts: IntArray) -> dict[str, float]:
        repeat = counts[left] * np.where(left == right, 1, counts[right])
        g, i = np.repeat(scores[same], repeat[same]), np.repeat(scores[~same], repeat[~same])
        if not len(g) or not len(i):
            return dict.fromkeys(names, float("nan"))
        curve = error_curve(g, i)
        at = int(np.argmax(curve.fmr <= 0.01))
        values = [auc(g, i), eer(curve), float(1 - curve.fnmr[at])]
        if calibration:
            fmr, fnmr = float(accepts(i, calibration).mean()), float(1 - accepts(g, calibration).mean())
            values += [fmr, fnmr, 1 - (fmr + fnmr) / 2]
        return dict(zip(names, values, strict=True))

    return statistic


def _histogram(genuine: FloatArray, impostor: FloatArray) -> dict[str, list[float]]:
    edges = np.linspace(min(genuine.min(), impostor.min()), max(genuine.max(), impostor.max()) + 1e-6, 61)
    return {
        "edges": edges.tolist(),
        "genuine": (np.histogram(genuine, edges)[0] / len(genuine)).tolist(),
        "impostor": (np.histogram(impostor, edges)[0] / len(impostor)).tolist(),
    }


class Pixels:
    """The baseline without learning: cosine of the readings' pixels."""

    name = "pixels"

    def embed_arrays(self, arrays: PixelArray) -> FloatArray:
        """Readings ``(n, c, h, w)`` flattened and normalised ``(n, c * h * w)``."""
        flat: FloatArray = arrays.reshape(len(arrays), -1).astype(np.float32)
        flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
        return flat

    def score(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Cosines ``(a, b)``."""
        cosines: FloatArray = left @ right.T
        return cosines


PROTOCOLS: dict[str, Protocol] = {
    "omniglot-lake-20way": Protocol(
        "the 20 published one-shot runs of Lake et al., within alphabet, 400 trials",
        lake,
        "omniglot:runs",
        (("ways", 20), ("shots", 1), ("tasks", 20)),
    ),
    "omniglot-within-20way": Protocol(
        "20-way 1-shot within each of the 20 evaluation alphabets, random drawers, 20,000 trials",
        within,
        "omniglot:evaluation",
        (("ways", 20), ("shots", 1), ("tasks", 1000)),
    ),
    "icons-20way": Protocol(
        "20-way 1-shot on 100 unseen icon concepts, reference and probe by different design families",
        nway,
        "icons:test",
        (("ways", 20), ("shots", 1), ("across", "origins")),
        ("tasks",),
    ),
    "nway": Protocol("N-way K-shot on any data set", nway, takes=("ways", "shots", "tasks", "across")),
    "within": Protocol("N-way 1-shot within the groups of any data set", within, takes=("ways", "tasks")),
    "verification": Protocol("same or different, on any data set", verification, takes=("across",)),
}
"""Every protocol by its name."""


def settle(
    name: str, data: str | None, settings: Settings, chosen: frozenset[str]
) -> tuple[Protocol, DataSet, Settings]:
    """The protocol, its data and its settings.

    Args:
        name: of a protocol.
        data: an address, or None for the protocol's own.
        settings: as asked for.
        chosen: which of them the caller set; a protocol's fixed ones may not be.

    Raises:
        UsageError: no such protocol, data is missing, or a fixed setting was changed.
    """
    protocol = PROTOCOLS.get(name)
    if protocol is None:
        raise unknown("protocol", name, PROTOCOLS)
    if protocol.data and data:
        raise UsageError(f"{name} is fixed to {protocol.data}; for {data} use protocol nway or verification")
    if not protocol.data and not data:
        raise UsageError(f"{name} needs a data set: firstsight evaluate MODEL {name} DATA, such as folder:photos/")
    for key, value in protocol.fixed:
        if key in chosen and getattr(settings, key) != value:
            raise UsageError(f"{name} fixes {key} to {value}; for {key}={getattr(settings, key)} use protocol nway")
    for key in sorted(chosen - set(protocol.takes) - {k for k, _ in protocol.fixed}):
        raise UsageError(f"{name} has no {key} to choose; it takes {', '.join(protocol.takes) or 'only the seed'}")
    if protocol.measure is verification and settings.across == "styles":
        raise UsageError("verification compares across origins or examples; styles is for protocol nway")
    return protocol, open_data(data or protocol.data), replace(settings, **dict(protocol.fixed))  # type: ignore[arg-type]
