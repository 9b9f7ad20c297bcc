"""Evaluate a model by a protocol: read, embed, refuse what would flatter, measure, say what it means."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from firstsight.calibration import Calibration
from firstsight.datasets import DataSet, open_data, refuse_overlap
from firstsight.datasets.blanks import blanks
from firstsight.datasets.dataset import OWN, shared_classes
from firstsight.datasets.depths import guessing
from firstsight.datasets.readings import Progress, read_all
from firstsight.errors import DataError, count
from firstsight.evaluation.diagnosis import diagnose
from firstsight.evaluation.embedded import embedded, embeddings_of
from firstsight.evaluation.judging import judge
from firstsight.evaluation.openset import openset
from firstsight.evaluation.protocols import settle
from firstsight.evaluation.repeats import Once, once
from firstsight.evaluation.subject import Settings, Subject
from firstsight.learned import Met, contents_of, images_at, learned_images, notes_of, refuse_met
from firstsight.model import Model
from firstsight.spelling import spelled_classes
from firstsight.types import Report

TRAINED_ON = "what the model was trained on"


def evaluate(
    model: Model,
    protocol: str,
    data: str | Path | None = None,
    *,
    settings: Settings | None = None,
    chosen: frozenset[str] = frozenset(),
    same_names_are_different: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Run a protocol.

    What the model learned, or its threshold was chosen on, is looked for by name and by content.

    Raises:
        DataError: the data shares classes or images with what the model was trained (or its threshold chosen) on.
    """
    procedure, held, settled = settle(protocol, data, settings or Settings(), chosen)
    if procedure.unseen == "images":
        refuse_learned(model, held)
    else:
        refuse_overlap(
            TRAINED_ON,
            held,
            model.trained_classes,
            "evaluate on other classes",
            same_names_are_different=same_names_are_different,
        )
    calibration = model.calibration
    notes = []
    if calibration and procedure.decides:
        chosen_on = "what the threshold was chosen on"
        if procedure.unseen == "classes":
            refuse_overlap(
                chosen_on,
                held,
                spelled_classes(calibration.classes),
                "evaluate on other classes",
                same_names_are_different=same_names_are_different,
            )
        elif held.class_names & spelled_classes(calibration.classes):
            refuse_shared(chosen_on, held, calibration.data, "calibrate on others")
        if held.pairs and _chose(calibration, held):
            raise DataError(f"{held.name} is {chosen_on}; evaluate on other pairs")
    elif calibration and shared_classes(
        held, spelled_classes(calibration.classes), same_names_are_different=same_names_are_different
    ):
        notes.append("some of these classes chose the threshold, which this protocol does not use")
    if guesses := guessing(held, model.depth):
        notes.append(guesses)
    choice = None
    if procedure.choice:
        beside = open_data(procedure.choice)
        refuse_overlap(TRAINED_ON, beside, model.trained_classes, "use a model trained without")
        choice = Subject(model, beside, *embedded(model, beside, progress=progress), settled)
    seen = procedure.unseen == "images" and bool(shared_classes(held, model.trained_classes))
    arrays = read_all(held, model.input, progress=progress)
    met = learned_images(model, held, arrays)
    refuse_met(met, held, f"{model.spec.trained.data}, {TRAINED_ON}", "leave them out, or train on others")
    notes += notes_of(model, met, held)
    if calibration and procedure.decides and (held.kind == OWN or _is_own(calibration.data)):
        chose = images_at(calibration.data, held, arrays, model.input)
        refuse_met(chose, held, f"{calibration.data}, what the threshold was chosen on", "calibrate on others")
        if chose.unknown and _is_own(calibration.data):
            notes.append(f"copies of images that the threshold was chosen on can't be found: {chose.unknown}")
    if empty := blanks(held, arrays):
        notes.append(empty)
    single = once(held, arrays)
    vectors = embeddings_of(model, single.data, single.arrays)
    subject = Subject(model, single.data, single.arrays, vectors, settled, calibration, choice, learned=seen)
    outcome = procedure.measure(subject)
    diagnosis, details = diagnose(subject, outcome)
    found = judge(
        subject,
        learned_from=len(model.spec.trained.classes),
        model=model.fingerprint,
        identities=settled.ways if procedure.measure is openset else None,
    )
    return Report(
        protocol=f"{protocol}: {outcome.protocol}" if protocol not in outcome.protocol else outcome.protocol,
        data=held.name,
        model=f"{model.name} {model.fingerprint}",
        trained_on=model.spec.trained.data,
        trials=outcome.trials,
        seed=settled.seed,
        metrics=outcome.metrics,
        details={**outcome.details, **details, **_left_out(single)},
        notes=(*held.notes, *outcome.notes, *single.notes, *notes),
        diagnosis=diagnosis,
        verdict=found,
    )


def _left_out(single: Once) -> dict[str, object]:
    """Places of examples that took no part: all others of a report count without them."""
    return {"left_out": single.left_out.tolist()} if len(single.left_out) else {}


def _is_own(address: str) -> bool:
    return address.partition(":")[0] in ("folder", "manifest", "images")


def _chose(calibration: Calibration, held: DataSet) -> bool:
    """Whether the threshold was chosen on this very data; where its content was not recorded, its address decides."""
    recorded = calibration.data_fingerprint
    return recorded == held.fingerprint if len(recorded) == len(held.fingerprint) else calibration.data == held.name


def refuse_learned(model: Model, held: DataSet) -> None:
    """Refuse images that the model was trained on, where its classes may be in the data.

    Raises:
        DataError: some of the images were learned from, or it can't be told which were.
    """
    trained = model.spec.trained
    if not shared_classes(held, model.trained_classes):
        return
    contents = contents_of(model)
    if contents is not None and contents.whole:
        copies = contents.of_images(held.keys)
        found = Met(copies, np.zeros(len(held), bool))
        refuse_met(found, held, f"{trained.data}, {TRAINED_ON}", "train on others")
        return
    if trained.started_from:
        raise DataError(
            f"{model.name} went on from {trained.started_from}, whose images are not known one by one, so {held.name} "
            "may hold some of them; evaluate a model that was trained from the beginning"
        )
    refuse_shared(TRAINED_ON, held, trained.data, "train on others")


def refuse_shared(role: str, held: DataSet, name: str, advice: str) -> None:
    """Refuse images that are in another data set as well.

    Args:
        role: of the other data set, such as "what the model was trained on".
        held: the data to measure on.
        name: of the other data set.
        advice: what to do instead.

    Raises:
        DataError: the two share images.
    """
    shared = set(open_data(name).keys) & set(held.keys)
    if shared:
        images = count(len(shared), "image", "images")
        raise DataError(f"{held.name} shares {images} with {name}, {role}; {advice}")
