"""How a reproduction is measured: by a protocol, or in a way of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from firstsight.datasets import DataSet, open_data, refuse_overlap
from firstsight.evaluation import run as protocols
from firstsight.evaluation.embedded import embedded
from firstsight.evaluation.protocols import PROTOCOLS, settle
from firstsight.evaluation.sameness import PAIRS, asked, chosen_threshold, judged
from firstsight.evaluation.subject import Settings, Subject
from firstsight.metrics.identification import rank_one_credit
from firstsight.metrics.intervals import mean_by_cluster
from firstsight.model import Model
from firstsight.types import Metric

SMOKE_EXAMPLES = 300
SMOKE_PAIRS = 200
_SHOWN = 1500  # points on a sphere


@dataclass(frozen=True, slots=True)
class Found:
    """What a measure found.

    Attributes:
        protocol: in words.
        trials: decisions behind it.
        metrics: by name.
        details: JSON-ready.
        pictures: file names of the pictures it drew.
    """

    protocol: str
    trials: int
    metrics: dict[str, Metric]
    details: dict[str, Any] = field(default_factory=dict)
    pictures: tuple[str, ...] = ()


def by_protocol(name: str, model: Model, seed: int, *, smoke: bool) -> Found:
    """A protocol of ``firstsight evaluate``, without what only a page shows."""
    if smoke:
        protocol, data, settled = settle(name, None, Settings(seed=seed), frozenset())
        choice = _subject(model, _some(open_data(protocol.choice)), settled) if protocol.choice else None
        few = data if name.endswith("lake-20way") else _some(data)
        outcome = protocol.measure(_subject(model, few, settled, choice))
        return Found(outcome.protocol, outcome.trials, outcome.metrics)
    report = protocols.evaluate(model, name, settings=Settings(seed=seed))
    kept = {k: report.details[k] for k in ("thresholds", "confusion", "draws") if k in report.details}
    return Found(report.protocol, report.trials, dict(report.metrics), kept)


def _subject(model: Model, data: DataSet, settings: Settings, choice: Subject | None = None) -> Subject:
    return Subject(model, data, *embedded(model, data), settings, choice=choice)


def same_alphabet(model: Model, seed: int, *, smoke: bool) -> Found:
    """Pairs and triplets of the alphabets learned from, of unseen ones, and of all together; one threshold for all.

    The threshold comes from the validation alphabets.
    """
    count = SMOKE_PAIRS if smoke else PAIRS
    learned, unseen, choice = (
        _sized(open_data(f"omniglot:alphabets-{part}"), smoke)
        for part in ("train", "evaluation", "train" if smoke else "validation")
    )
    together = replace(
        learned, name="omniglot:alphabets-train and -evaluation", examples=(*learned.examples, *unseen.examples)
    )
    if not smoke:
        for data, what in ((unseen, "evaluate"), (choice, "choose the threshold")):
            refuse_overlap("what the model was trained on", data, model.trained_classes, f"{what} on other alphabets")
    threshold = chosen_threshold(asked(model, choice, embedded(model, choice)[1], count=count))
    metrics: dict[str, Metric] = {}
    details: dict[str, Any] = {"threshold": threshold, "chosen on": choice.name}
    for part, data in (("unseen", unseen), ("learned", learned), ("all", together)):
        found = asked(model, data, embedded(model, data)[1], count=count)
        measured, further = judged(found, threshold, seed=seed)
        metrics |= {f"{part}: {name}": metric for name, metric in measured.items()}
        details[part] = {k: v for k, v in further.items() if k != "threshold"}
    words = f"{count:,} pairs and as many triplets of each set, threshold from {choice.name}"
    return Found(words, count, metrics, details)


def sphere(model: Model, seed: int, *, smoke: bool) -> Found:
    """Embeddings of three numbers as points of the unit sphere; accuracy of one reference of each class."""
    data = _sized(open_data("mnist:test"), smoke)
    vectors = embedded(model, data)[1]
    draw = np.random.default_rng(seed)
    references = np.array([draw.choice(np.flatnonzero(data.labels == c)) for c in range(len(data.classes))])
    credit = rank_one_credit(model.score(vectors, vectors[references]), data.labels)
    rest = np.setdiff1d(np.arange(len(data)), references)
    shown = draw.permutation(len(data))[:_SHOWN]
    points = {
        "xyz": vectors[shown, :3].astype(float).round(4).tolist(),
        "label": [data.classes[c] for c in data.labels[shown]],
    }
    metrics = {"accuracy": mean_by_cluster(credit[rest], data.labels[rest], seed=seed)}
    return Found("one reference of each digit, all others asked", len(rest), metrics, {"points": points}, ("sphere",))


def _sized(data: DataSet, smoke: bool) -> DataSet:
    return _some(data) if smoke else data


def _some(data: DataSet) -> DataSet:
    """A few examples of every class, spread over all it has."""
    few = max(2, SMOKE_EXAMPLES // len(data.classes))
    members = (np.flatnonzero(data.labels == c) for c in range(len(data.classes)))
    return data.take([int(i) for m in members for i in m[:: max(1, len(m) // few)][:few]], data.name)


_OWN: dict[str, Callable[..., Found]] = {"same-alphabet": same_alphabet, "sphere": sphere}
MEASURES = (*PROTOCOLS, *_OWN)
"""Names of all measures."""


def measure(name: str, model: Model, seed: int, *, smoke: bool) -> Found:
    """Measure a model."""
    if name in _OWN:
        return _OWN[name](model, seed, smoke=smoke)
    return by_protocol(name, model, seed, smoke=smoke)


def draw_sphere(points: dict[str, Any], place: Path) -> None:
    """Write the picture of points on the sphere as a PNG."""
    from firstsight.report.plots.sphere import on_sphere

    place.parent.mkdir(parents=True, exist_ok=True)
    on_sphere(np.array(points["xyz"]), points["label"]).savefig(place, dpi=130, facecolor="white")
