"""How a reproduction is measured: by a protocol, or in a way of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from firstsight.datasets import DataSet, open_data, refuse_overlap
from firstsight.evaluation import run as protocols
from firstsight.evaluation.baseline import Pixels
from firstsight.evaluation.embedded import embedded
from firstsight.evaluation.identification import transfer
from firstsight.evaluation.protocols import PROTOCOLS, settle
from firstsight.evaluation.sameness import PAIRS, asked, chosen_threshold, judged
from firstsight.evaluation.subject import Settings, Subject
from firstsight.metrics.identification import rank_one_credit
from firstsight.metrics.intervals import mean_by_cluster
from firstsight.model import Model
from firstsight.types import Metric

SMOKE_EXAMPLES = 300
SMOKE_PAIRS = 200
DRAWS, SMOKE_DRAWS = 1000, 5
"""Draws of the references of classes held out."""
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
    kept = {k: report.details[k] for k in ("thresholds",) if k in report.details}
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


def held_out_two_way(model: Model, seed: int, *, smoke: bool, held_out: Sequence[tuple[str, Model]] = ()) -> Found:
    """One reference of each of two classes that a model never saw, all their other images asked; over all folds.

    Intervals resample folds: which two classes are held out matters more than which reference is drawn.

    Raises:
        DataError: a fold learned from the classes it is asked about.
    """
    settled = Settings(ways=2, shots=1, tasks=SMOKE_DRAWS if smoke else DRAWS, seed=seed)
    folds, trials = {}, 0
    for address, learned in held_out:
        data = _sized(open_data(address), smoke)
        if not smoke:
            refuse_overlap("what its fold was trained on", data, learned.trained_classes, "hold them out")
        outcome = transfer(_subject(learned, data, settled))
        trials += outcome.trials
        folds[", ".join(data.classes)] = {k: outcome.metrics[k].value for k in ("accuracy", "pixels")}
    values = {k: np.array([fold[k] for fold in folds.values()]) for k in ("accuracy", "pixels")}
    metrics = {k: mean_by_cluster(v, np.arange(len(v)), seed=seed) for k, v in values.items()}
    metrics["worst pair"] = _exactly(values["accuracy"].min())
    words = f"two classes held out, {len(folds)} pairs of them, {settled.tasks:,} draws of two references each"
    return Found(words, trials, metrics, {"folds": folds})


def rocks_pixels(model: Model, seed: int, *, smoke: bool) -> Found:
    """The pairs of ``rocks-verification`` by comparing pixels."""
    protocol, data, settled = settle("rocks-verification", None, Settings(seed=seed), frozenset())
    data = _sized(data, smoke)
    arrays = embedded(model, data)[0]
    baseline = Pixels()
    outcome = protocol.measure(Subject(baseline, data, arrays, baseline.embed_arrays(arrays), settled, learned=True))
    return Found(f"{outcome.protocol}, pixels", outcome.trials, outcome.metrics)


def _exactly(value: float) -> Metric:
    return Metric(*(float(value),) * 3)


def _sized(data: DataSet, smoke: bool) -> DataSet:
    return _some(data) if smoke else data


def _some(data: DataSet) -> DataSet:
    """A few examples of every class, spread over all it has."""
    few = max(2, SMOKE_EXAMPLES // len(data.classes))
    members = (np.flatnonzero(data.labels == c) for c in range(len(data.classes)))
    return data.take([int(i) for m in members for i in m[:: max(1, len(m) // few)][:few]], data.name)


_OWN: dict[str, Callable[..., Found]] = {
    "same-alphabet": same_alphabet,
    "sphere": sphere,
    "rocks-pixels": rocks_pixels,
}
_OF_FOLDS: dict[str, Callable[..., Found]] = {"held-out-2way": held_out_two_way}
MEASURES = (*PROTOCOLS, *_OWN, *_OF_FOLDS)
"""Names of all measures."""


def measure(name: str, model: Model, seed: int, *, smoke: bool, held_out: Sequence[tuple[str, Model]] = ()) -> Found:
    """Measure a model; or those of the folds, each with the address of what was held out from it."""
    if name in _OF_FOLDS:
        return _OF_FOLDS[name](model, seed, smoke=smoke, held_out=held_out)
    if name in _OWN:
        return _OWN[name](model, seed, smoke=smoke)
    return by_protocol(name, model, seed, smoke=smoke)


def draw_sphere(points: dict[str, Any], place: Path) -> None:
    """Write the picture of points on the sphere as a PNG."""
    from firstsight.report.plots.sphere import on_sphere

    place.parent.mkdir(parents=True, exist_ok=True)
    on_sphere(np.array(points["xyz"]), points["label"]).savefig(place, dpi=130, facecolor="white")
