"""A door: some classes enrolled with one image each, the others strangers; how many are missed at a stated FPIR.

The figure that a verdict rests on, measured alike for the model and for the baselines: by the same draws, and with the
same classes resampled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firstsight.datasets import DataSet
from firstsight.decision import Templates
from firstsight.errors import DataError
from firstsight.evaluation.baseline import BASELINES
from firstsight.evaluation.enrolment import DrawnGallery, draw_enrolment
from firstsight.evaluation.oneshot import Across
from firstsight.evaluation.subject import Subject
from firstsight.metrics.intervals import exact
from firstsight.types import Embedder, FloatArray, IntArray, Metric
from firstsight.verdict import Door

FPIR, IDENTITIES = 0.05, 20
"""Of the door that is looked at where no other was asked for: one stranger in twenty, twenty enrolled."""
FMR = 0.01
"""At which one claimed identity is verified there."""
_DRAWS, _PROBES, _STRANGERS = 20, 200, 400
_ROUNDS = 100

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Searches:
    """Scores of all searches by one embedder.

    Attributes:
        own: ``(m,)`` of each mated search, against its own reference.
        right: ``(m,)`` whether that is alone the best.
        best: ``(s,)`` best of each search of a stranger.
        others: ``(s, n)`` all of them.
    """

    own: FloatArray
    right: npt.NDArray[np.bool_]
    best: FloatArray
    others: FloatArray


def at_the_door(*subjects: Subject, identities: int = IDENTITIES, fpir: float = FPIR) -> Door | None:
    """Measure a door; None where the data can't serve: fewer than two classes, or none with two images.

    Args:
        subjects: model and data, labelled; or several, trained alike while other classes were held out: each has a
            door of its own, and a rate is their mean, by how many classes each has.
        identities: enrolled at most; half of the classes at most, so that there are strangers.
        fpir: share of strangers who may be taken for somebody.
    """
    first = subjects[0]
    size = min(identities, *(len(one.data.classes) // 2 for one in subjects))
    found = [rates for one in subjects if (rates := _rates(one, size, fpir)) is not None]
    if not found:
        return None
    weight = np.array([len(rates.classes) for rates in found], float)
    names = found[0].fnir
    fnir = {name: _mean([rates.fnir[name] for rates in found], weight) for name in names}
    classes = len(frozenset[str]().union(*(rates.classes for rates in found)))
    better = np.min([values for name, values in fnir.items() if name], axis=0)
    return Door(
        min(rates.identities for rates in found),
        fpir,
        _metric(fnir[""], classes),
        _metric(_mean([rates.fnmr for rates in found], weight), classes),
        _metric(_mean([rates.rank1 for rates in found], weight), classes),
        {name: _metric(values, classes) for name, values in fnir.items() if name},
        _metric(better - fnir[""]),
        classes,
        first.learned,
        len(found),
    )


@dataclass(frozen=True, slots=True)
class _Rates:
    """What one subject's door shows: of the data as it is, then of resamples of its classes (or groups), ``(1 + r,)``.

    Attributes:
        identities: enrolled.
        classes: that were there.
        fnir: of the model ("") and of the baselines, by name.
        fnmr, rank1: of the model.
    """

    identities: int
    classes: frozenset[str]
    fnir: dict[str, Float64Array]
    fnmr: Float64Array
    rank1: Float64Array


def _rates(subject: Subject, identities: int, fpir: float) -> _Rates | None:
    data, rng = subject.data, np.random.default_rng((subject.settings.seed, 18))
    drawn = _drawn(data, rng, identities, subject.settings.across)
    if drawn is None:
        return None
    used, place = np.unique(
        np.concatenate([np.concatenate([d.references, d.probes, d.strangers]) for d in drawn]), return_inverse=True
    )
    within, at = [], 0
    for d in drawn:
        ends = np.cumsum([len(d.references), len(d.probes), len(d.strangers)])
        within.append(np.split(place[at : at + ends[-1]], ends[:-1]))
        at += ends[-1]
    arrays = subject.arrays[used]
    seen: list[tuple[str, Embedder, FloatArray]] = [("", subject.embedder, subject.embeddings[used])]
    seen += [(b.name, b, b.embed_arrays(arrays)) for b in BASELINES]
    searches = {name: _search(embedder, vectors, drawn, within) for name, embedder, vectors in seen}
    names, groups = data.groups
    unit = groups if len(names) > 1 and not subject.learned else data.labels
    mated = np.concatenate([unit[d.probes] for d in drawn])
    strange = np.concatenate([unit[d.strangers] for d in drawn])
    clusters = int(unit.max()) + 1
    resample = np.random.default_rng((subject.settings.seed, 78))
    counts = [np.ones(clusters)] + [
        np.bincount(resample.integers(0, clusters, clusters), minlength=clusters).astype(float) for _ in range(_ROUNDS)
    ]
    missed = {name: _fnir(found, mated, strange, fpir) for name, found in searches.items()}
    ours = searches[""]
    refused = _fnmr(ours, mated, strange)
    return _Rates(
        len(drawn[0].classes),
        frozenset(data.classes),
        {name: np.array([rate(c) for c in counts]) for name, rate in missed.items()},
        np.array([refused(c) for c in counts]),
        np.array([_weighted(ours.right.astype(float), c[mated]) for c in counts]),
    )


def _mean(values: list[Float64Array], weight: Float64Array) -> Float64Array:
    """Over subjects, where they have a rate: a resample may have lost all who were enrolled, or all strangers."""
    rows = np.array(values)
    share = weight[:, None] * np.isfinite(rows)
    total = share.sum(axis=0)
    mean = (np.nan_to_num(rows) * share).sum(axis=0) / np.maximum(total, 1e-9)
    return np.where(total > 0, mean, np.nan)


def _drawn(data: DataSet, rng: np.random.Generator, identities: int, across: Across) -> list[DrawnGallery] | None:
    """Galleries, of which each holds at most half of the classes; None where none can be."""
    classes = len(data.classes)
    for way in dict.fromkeys((across, "examples")):
        size = min(identities, classes // 2)
        while size >= 1:
            try:
                first = draw_enrolment(data, rng, identities=size, shots=1, across=way)
            except DataError:
                size //= 2
                continue
            more = [draw_enrolment(data, rng, identities=size, shots=1, across=way) for _ in range(_DRAWS - 1)]
            return [_fewer(one, rng) for one in (first, *more)]
    return None


def _fewer(drawn: DrawnGallery, rng: np.random.Generator) -> DrawnGallery:
    """The gallery with some of the searches."""
    probes = rng.permutation(len(drawn.probes))[:_PROBES]
    strangers = rng.permutation(drawn.strangers)[:_STRANGERS]
    return DrawnGallery(
        drawn.classes, drawn.references, drawn.owners, drawn.probes[probes], drawn.target[probes], strangers
    )


def _search(
    embedder: Embedder, vectors: FloatArray, drawn: list[DrawnGallery], within: list[list[IntArray]]
) -> _Searches:
    own, right, others = [], [], []
    for d, (references, probes, strangers) in zip(drawn, within, strict=True):
        enrolled = Templates.of(embedder, vectors[references], d.owners, len(d.classes), None)
        scores = enrolled.scores(embedder, vectors[probes])
        mine = scores[np.arange(len(scores)), d.target]
        own.append(mine)
        right.append((scores >= mine[:, None]).sum(axis=1) == 1)
        others.append(enrolled.scores(embedder, vectors[strangers]))
    every = np.concatenate(others)
    return _Searches(np.concatenate(own), np.concatenate(right), every.max(axis=1), every)


class _fnir:  # noqa: N801  a function that holds what was sorted once
    """FNIR ``(counts) -> rate`` at the threshold that lets in a share of the strangers."""

    def __init__(self, found: _Searches, mated: IntArray, strange: IntArray, fpir: float) -> None:
        order = np.argsort(-found.best, kind="stable")
        self.scores, self.strange = found.best[order].astype(np.float64), strange[order]
        self.own = np.where(found.right, found.own.astype(np.float64), -np.inf)
        self.mated, self.fpir = mated, fpir

    def __call__(self, counts: Float64Array) -> float:
        weight = counts[self.strange].cumsum()
        if not weight[-1]:
            return float("nan")
        out = int(np.searchsorted(weight, self.fpir * weight[-1] + 1e-9, side="right"))
        limit = self.scores[out] if out < len(self.scores) else -np.inf
        return _weighted((self.own <= limit).astype(float), counts[self.mated])


class _fnmr(_fnir):  # noqa: N801
    """FNMR at an FMR of 1 %, of one claimed identity."""

    def __init__(self, found: _Searches, mated: IntArray, strange: IntArray) -> None:
        flat = _Searches(found.own, np.ones(len(found.own), bool), found.others.ravel(), found.others)
        super().__init__(flat, mated, np.repeat(strange, found.others.shape[1]), FMR)


def _weighted(values: Float64Array, weight: Float64Array) -> float:
    total = weight.sum()
    return float(weight @ values / total) if total else float("nan")


def _metric(values: Float64Array, classes: int = 0) -> Metric:
    """The first of some values, with the interval of the others; no narrower than so many classes can show a rate.

    Of two classes resamples can't show what a third would do. So each class is taken for one trial too (Clopper and
    Pearson): no error among ``c`` classes shows no less than about 3 / c.
    """
    value, spread = float(values[0]), values[1:][np.isfinite(values[1:])]
    low, high = np.quantile(spread, [0.025, 0.975]) if len(spread) else (value, value)
    if classes:
        least, most = exact(value * classes, classes)
        low, high = min(low, least), max(high, most)
    return Metric(value, float(min(low, value)), float(max(high, value)))
