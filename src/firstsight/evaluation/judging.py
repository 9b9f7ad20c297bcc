"""Judging a model on a data set: a door is tried, and where it does badly the likeliest reason is looked for."""

from __future__ import annotations

import numpy as np

from firstsight.errors import count
from firstsight.evaluation.diagnosis import effective_dimensions, variance_shares
from firstsight.evaluation.door import FPIR, IDENTITIES, at_the_door
from firstsight.evaluation.subject import Subject
from firstsight.types import PixelArray, Verdict
from firstsight.verdict import USABLE, Door, level_of, of_door

FEW_CLASSES = 20  # learned from, below which that is the likeliest reason
_SAMPLE = 2000
_ALIGNED = 0.02  # share of the variance of pixels that their mean picture has where things stand at the same place


def judge(
    subject: Subject,
    *folds: Subject,
    learned_from: int,
    model: str = "",
    identities: int | None = None,
) -> Verdict:
    """The verdict on a model by the data it was just measured on.

    Args:
        subject: model and data.
        folds: models trained alike, each with the classes that it held out.
        learned_from: how many classes the model learned from.
        model: its fingerprint, where it is known by now.
        identities: enrolled at the door; else what the threshold was chosen for, with its FPIR, or 20 and 5 %.
    """
    target = subject.calibration.target if subject.calibration else None
    chosen = target is not None and target.kind == "fpir"
    size = identities or (target.gallery_size if target and chosen else IDENTITIES)
    fpir = target.value if target and chosen else FPIR
    name = subject.data.name
    door = None if subject.data.pairs else at_the_door(subject, *folds, identities=size, fpir=fpir)
    if door is None:
        why = "pairs without classes" if subject.data.pairs else "no two classes of which one has two images"
        return Verdict(
            "unknown",
            f"not known: {name} holds {why}, so no door could be tried",
            advice="" if subject.data.pairs else "bring two images or more of each class",
            data=name,
            model=model,
        )
    reason, advice = "", ""
    if subject.learned or level_of(door.fnir) != "usable":
        reason, advice = _reason(subject, door, learned_from)
    return of_door(door, data=name, model=model, reason=reason, advice=advice)


def _reason(subject: Subject, door: Door, learned_from: int) -> tuple[str, str]:
    """The likeliest reason, and the step that would help most; the first that applies."""
    if subject.learned:
        return "these classes were learned, so new ones will do worse", "evaluate on classes it has not seen"
    if door.fnir.value < USABLE:
        return (
            f"too few classes to tell: {count(door.classes, 'class', 'classes')} held out",
            "bring more classes: twenty held out show it, five can't",
        )
    if _is_empty(subject.arrays):
        return (
            "the images are read as empty or as all the same",
            f"look at what is read: is input {_input(subject)} right?",
        )
    if found := _mislabelled(subject):
        return found, "look through the classes and put right what is in the wrong one"
    spectrum = variance_shares(subject.embeddings[:: max(1, len(subject.embeddings) // _SAMPLE)])
    if effective_dimensions(spectrum) < min(4.0, len(spectrum) / 2):
        return (
            "the embedding has collapsed: all images look nearly alike to it",
            "train again, longer or with a gentler loss or lower learning rate",
        )
    if 0 < learned_from < FEW_CLASSES:
        return (
            f"too few classes: it learned from {learned_from}",
            "bring more classes, a few images each: they help more than more images",
        )
    if subject.arrays.shape[1] == 3 and _spread_out(subject.arrays):
        return "the things are not cropped or aligned: nothing stands at the same place", "crop the images to the thing"
    if door.gain.low <= 0:
        return (
            "what is compared is not what differs: without learning one does as well",
            "train on data like this, or longer; or stand on a pretrained network: recipe backbone",
        )
    return "", "train longer, on more classes like these; or enroll several images each"


def _input(subject: Subject) -> str:
    return str(getattr(getattr(subject.embedder, "input", None), "name", "of the model"))


def _is_empty(arrays: PixelArray) -> bool:
    """Whether half of the readings have no contrast."""
    some = arrays[:: max(1, len(arrays) // _SAMPLE)].reshape(-1, int(np.prod(arrays.shape[1:])))
    return bool(np.mean(some.max(axis=1).astype(int) - some.min(axis=1) < 8) > 0.5)


def _spread_out(arrays: PixelArray) -> bool:
    """Whether the mean picture shows nothing, as it does where things stand anywhere."""
    some = arrays[:: max(1, len(arrays) // _SAMPLE)].mean(axis=1)
    return bool(some.mean(axis=0).var() < _ALIGNED * some.var())


def _mislabelled(subject: Subject) -> str:
    """What says that labels contradict each other: one content, or nearly, in two classes."""
    data = subject.data
    flat = subject.arrays.reshape(len(subject.arrays), -1)
    _, code = np.unique(flat[:: max(1, len(flat) // _SAMPLE)], axis=0, return_inverse=True)
    labels = data.labels[:: max(1, len(flat) // _SAMPLE)]
    pairs = np.unique(np.stack([code.ravel(), labels]), axis=1)
    twice = int((np.bincount(pairs[0]) > 1).sum())
    if not twice:
        return ""
    verb = "is" if twice == 1 else "are"
    return f"labels contradict each other: {count(twice, 'reading', 'readings')} {verb} in several classes"
