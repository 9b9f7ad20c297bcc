"""Evaluate and calibrate a model on a data set: read, embed, refuse what would flatter, measure."""

from __future__ import annotations

import numpy as np

from firstsight.calibration import Calibration, check_target, fit_calibration
from firstsight.datasets import open_data, refuse_overlap
from firstsight.datasets.dataset import DataSet
from firstsight.datasets.pairs import draw_pairs
from firstsight.datasets.readings import Progress, read_all
from firstsight.errors import CalibrationError, DataError, ModelError
from firstsight.evaluation.protocols import Settings, pair_scores, settle
from firstsight.model import SHIPPED, Model
from firstsight.types import Report


def evaluate(
    model: Model,
    protocol: str,
    data: str | None = None,
    *,
    settings: Settings | None = None,
    chosen: frozenset[str] = frozenset(),
    progress: Progress | None = None,
) -> Report:
    """Run a protocol.

    Raises:
        DataError: the data shares classes with what the model was trained (or its threshold chosen) on.
    """
    procedure, held, settled = settle(protocol, data, settings or Settings(), chosen)
    refuse_overlap("what the model was trained on", held, model.trained_classes, "evaluate on other classes")
    calibration = model.calibration
    notes = []
    if calibration and protocol == "verification":
        chosen_on = "what the threshold was chosen on"
        refuse_overlap(chosen_on, held, frozenset(calibration.classes), "evaluate on other classes")
        if held.pairs and held.fingerprint == calibration.data_fingerprint:
            raise DataError(f"{held.name} is {chosen_on}; evaluate on other pairs")
    elif calibration and held.class_names & frozenset(calibration.classes):
        notes.append("some of these classes chose the threshold, which this protocol does not use")
    arrays = read_all(held, model.input, progress=progress)
    outcome = procedure.measure(model, held, arrays, settled, calibration)
    return Report(
        protocol=f"{protocol}: {outcome.protocol}" if protocol not in outcome.protocol else outcome.protocol,
        data=held.name,
        model=f"{model.name} {model.fingerprint}",
        trained_on=model.spec.trained.data,
        trials=outcome.trials,
        seed=settled.seed,
        metrics=outcome.metrics,
        details=outcome.details,
        notes=(*held.notes, *outcome.notes, *notes),
    )


def calibrate(
    model: Model,
    data: str | None = None,
    *,
    fmr: float = 0.01,
    seed: int = 0,
    progress: Progress | None = None,
) -> Calibration:
    """Fit and save a probability and the threshold for a target FMR, on classes the model has not seen.

    Args:
        model: changed in place, and on disk.
        data: an address; None takes what the model's recipe holds out for it.
        fmr: target false match rate, a comparison.
        seed: of the draw of pairs.

    Raises:
        DataError: the data shares classes with the model's training data.
        CalibrationError: there is no data, or no threshold can help.
    """
    check_target(fmr, seed)
    if model.path.parent == SHIPPED:
        raise ModelError(
            f"{model.name} came with FirstSight, and galleries rely on its threshold; copy {model.path} to a folder of "
            "your own and calibrate that"
        )
    address = data or model.spec.trained.calibration_data
    if not address:
        raise CalibrationError(
            f"{model.name} holds no data out for calibration; name some: firstsight calibrate MODEL DATA"
        )
    try:
        held = open_data(address)
    except DataError as error:
        if data:
            raise
        raise DataError(f"{error}; or name other data: firstsight calibrate MODEL DATA") from None
    refuse_overlap(
        "what the model was trained on",
        held,
        model.trained_classes,
        "calibrate on other classes, or the threshold lies",
    )
    arrays = read_all(held, model.input, progress=progress)
    pairs = draw_pairs(held, seed=seed)
    scores = pair_scores(model, model.embed_arrays(arrays), pairs.left, pairs.right)
    if not np.isfinite(scores).all():
        raise CalibrationError(f"{model.name} gives scores that are not finite on {held.name}; train it again")
    calibration = fit_calibration(
        scores,
        pairs.same,
        fmr=fmr,
        data=held.name,
        classes=_class_names(held),
        seed=seed,
        model=model.fingerprint,
        data_fingerprint=held.fingerprint,
        units=None if held.pairs else (held.labels[pairs.left], held.labels[pairs.right]),
    )
    model.save_calibration(calibration)
    return calibration


def _class_names(data: DataSet) -> tuple[str, ...]:
    return tuple(sorted(data.class_names)) if not data.pairs else ()
