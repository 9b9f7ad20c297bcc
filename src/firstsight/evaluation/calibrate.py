"""Calibrate a model on a data set: draw pairs, score them, fit the probability and the threshold, save both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from firstsight.calibration import (
    DEFAULT_CURVE,
    MOST_REFERENCES,
    Calibration,
    CurveKind,
    Target,
    check_target,
    fit_calibration,
    fit_shifts,
)
from firstsight.datasets import DataSet, absolute, addressed, open_data, refuse_overlap
from firstsight.datasets.blanks import blanks
from firstsight.datasets.depths import chosen, depths_of
from firstsight.datasets.pairs import draw_pairs
from firstsight.datasets.readings import Progress, read_all
from firstsight.errors import CalibrationError, DataError, ModelError
from firstsight.evaluation.embedded import embeddings_of
from firstsight.evaluation.judging import judge
from firstsight.evaluation.repeats import once
from firstsight.evaluation.subject import Settings, Subject
from firstsight.evaluation.verification import pair_scores
from firstsight.learned import learned_images, notes_of, refuse_met
from firstsight.model import SHIPPED, Model
from firstsight.notices import tell
from firstsight.types import FloatArray, IntArray

_PROBES, _REFERENCES = 1500, 8000  # whose scores tell how often a stranger is taken for someone
_TEMPLATES = 6000  # drawn for each number of references, or the tail hangs on which were
_LEAST_FMR = 1e-3  # at which scores are levelled: below, a sample's tail hangs on a few pairs of classes


def calibrate(
    model: Model,
    data: str | Path | None = None,
    *,
    target: Target,
    confidence: float = 0.5,
    curve: CurveKind = DEFAULT_CURVE,
    seed: int = 0,
    same_names_are_different: bool = False,
    progress: Progress | None = None,
) -> Calibration:
    """Fit and save a probability and the threshold for a target, on classes the model has not seen.

    Args:
        model: changed in place, and on disk. Where the data has pictures of more than 8 bits and the model states no
            depth, their depth is stated from now on, which changes the model's fingerprint.
        data: an address; None takes what the model's recipe holds out for it.
        target: what the threshold must meet.
        confidence: in what share of resamples of the classes it must meet it; 0.5 takes the data as it is.
        curve: of the probability: platt, beta or isotonic.
        seed: of the draw of pairs.
        same_names_are_different: the data's own classes are others under the names of learned ones; only their
            content counts then.
        progress: called while the data is decoded.

    Raises:
        DataError: the data shares classes or images with the model's training data.
        CalibrationError: there is no data, or no threshold can help.
    """
    check_target(target, seed, confidence=confidence, curve=curve)
    if model.path.parent == SHIPPED:
        raise ModelError(
            f"{model.name} came with FirstSight, and galleries rely on its threshold; copy {model.path} to a folder of "
            "your own and calibrate that"
        )
    address = model.spec.trained.calibration_data if data is None else addressed(data)
    if not address:
        raise CalibrationError(
            f"{model.name} holds no data out for calibration; name some: firstsight calibrate MODEL DATA"
        )
    try:
        held = open_data(address)
    except DataError as error:
        if data is not None:
            raise
        raise DataError(f"{error}; or name other data: firstsight calibrate MODEL DATA") from None
    held.tell_notes()
    refuse_overlap(
        "what the model was trained on",
        held,
        model.trained_classes,
        "calibrate on other classes, or the threshold lies",
        same_names_are_different=same_names_are_different,
    )
    depth = 0 if model.depth else chosen(depths_of([held]))
    given, model = model, model.stating(depth) if depth else model
    arrays = read_all(held, model.input, progress=progress)
    met = learned_images(model, held, arrays)
    refuse_met(met, held, "what the model was trained on", "leave them out, or the threshold lies")
    if empty := blanks(held, arrays):
        tell(f"{held.name}: {empty}")
    whole, single = held, once(held, arrays)
    for note in (*notes_of(model, met, held), *single.notes):
        tell(f"{held.name}: {note}")
    held, arrays = single.data, single.arrays
    embeddings = embeddings_of(model, held, arrays)
    pairs = draw_pairs(held, seed=seed)
    scores = pair_scores(model, embeddings, pairs.left, pairs.right)
    if not np.isfinite(scores).all():
        raise CalibrationError(f"{model.name} gives scores that are not finite on {held.name}; train it again")
    by_class = not held.pairs
    rows, rows_units = _strangers(model, held, embeddings, seed) if target.kind == "fpir" and by_class else (None, None)
    calibration = fit_calibration(
        scores,
        pairs.same,
        target=target,
        data=held.name,
        classes=tuple(sorted(held.class_names)) if by_class else (),
        seed=seed,
        model=model.fingerprint,
        data_fingerprint=whole.fingerprint,
        units=(held.labels[pairs.left], held.labels[pairs.right]) if by_class else None,
        rows=rows,
        rows_units=rows_units,
        confidence=confidence,
        curve=curve,
        shifts=_shifts(model, held, embeddings, target, seed) if by_class else (),
    )
    subject = Subject(model, held, arrays, embeddings, Settings(seed=seed), calibration)
    found = judge(subject, learned_from=len(model.spec.trained.classes), model=model.fingerprint)
    known = model.spec.trained.verdict
    own = absolute(whole.name) == model.spec.trained.calibration_data
    if known is not None and target.kind != "fpir" and own and known.trainings > 1:
        found = replace(known, model=model.fingerprint)  # on the same classes, and on others beside them
    calibration = replace(calibration, verdict=found)
    given.save_calibration(calibration, depth=depth)
    if depth:
        tell(
            f"{given.name} is calibrated on pictures of {depth} bits and states input.depth={depth} from now on; its "
            f"fingerprint is {given.fingerprint}, so rebuild its galleries: firstsight gallery rebuild"
        )
    return calibration


def _strangers(
    model: Model, data: DataSet, embeddings: FloatArray, seed: int
) -> tuple[FloatArray, tuple[IntArray, IntArray]]:
    """Scores ``(p, r)`` of probes against references of other classes, NaN for their own; and the classes of both.

    Pairs of one origin count: a stranger may well come by the same camera as a reference.
    """
    rng = np.random.default_rng((seed, 8))
    probes = rng.permutation(len(data))[:_PROBES]
    references = rng.permutation(len(data))[:_REFERENCES]
    rows = model.score(embeddings[probes], embeddings[references])
    labels = data.labels
    rows[labels[probes][:, None] == labels[references][None, :]] = np.nan
    return rows, (labels[probes], labels[references])


def _shifts(model: Model, data: DataSet, embeddings: FloatArray, target: Target, seed: int) -> tuple[float, ...]:
    """How much higher strangers score against the template of 1, 2, ... references."""
    rng = np.random.default_rng((seed, 9))
    probes = rng.permutation(len(data))[:_PROBES]
    members = [np.flatnonzero(data.labels == c) for c in range(len(data.classes))]
    found: dict[int, FloatArray] = {}
    for k in range(1, MOST_REFERENCES + 1):
        able = [c for c, m in enumerate(members) if len(m) >= k]
        if len(able) < 2:
            break
        owners = np.repeat(np.arange(len(able)), k)
        others = data.labels[probes][:, None] != np.array(able)[None, :]
        several = []
        for _ in range(max(1, _TEMPLATES // len(able))):
            drawn = np.concatenate([rng.permutation(members[c])[:k] for c in able])
            templates = model.templates(embeddings[drawn], owners, len(able))
            several.append(model.score(embeddings[probes], templates)[others])
        found[k] = np.concatenate(several)
    fmr = min(0.1, max(_LEAST_FMR, target.promised_fmr() or 0.01))
    return fit_shifts(found[1], {k: s for k, s in found.items() if k > 1}, fmr)
