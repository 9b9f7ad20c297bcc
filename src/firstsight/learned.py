"""What a model learned, looked for in data: its classes by their names, its images by their content."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firstsight.datasets import DataSet, open_data
from firstsight.datasets.copies import Contents
from firstsight.datasets.dataset import OWN, qualified, shared_classes
from firstsight.datasets.readings import read_all
from firstsight.errors import DataError, FirstSightError, count
from firstsight.inputs import Input
from firstsight.model import Model
from firstsight.spec import LEARNED
from firstsight.types import BoolArray, PixelArray


@dataclass(frozen=True, slots=True)
class Met:
    """Which examples of a data set a model, or a threshold, has met before.

    Attributes:
        copies: ``(n,)`` the very images, byte for byte or re-encoded without loss.
        alike: ``(n,)`` others that nearly look like one.
        unknown: why it can't be told which images were met; "" where it can.
    """

    copies: BoolArray
    alike: BoolArray
    unknown: str = ""


def contents_of(model: Model) -> Contents | None:
    """The record of what it learned from; None in models of earlier versions.

    Raises:
        ModelError: its file is gone, or another one.
        DataError: it is no record.
    """
    return Contents.read(model.content(LEARNED)) if LEARNED in model.spec.files else None


def learned_images(model: Model, held: DataSet, arrays: PixelArray) -> Met:
    """Which examples of ``held`` the model learned from, whatever they are called now.

    A model without a record is asked for its data by the address it tells. Sets that FirstSight knows by name are told
    apart by their published splits, and nothing is looked for.

    Args:
        model: may record what it learned.
        held: the data, whose own images may be copies of anything.
        arrays: ``(n, c, h, w)`` its readings by the model's input.
    """
    trained = model.spec.trained
    if held.kind != OWN and all(not name.startswith(f"{OWN}:") for name in trained.classes):
        return _nothing(held)
    if (contents := contents_of(model)) is not None:
        return _met(contents, held, arrays)
    found = images_at(trained.data, held, arrays, model.input, model.trained_classes)
    if trained.started_from and not found.unknown:
        return Met(found.copies, found.alike, f"it went on from {trained.started_from}, whose images are not recorded")
    return found


def images_at(
    address: str, held: DataSet, arrays: PixelArray, reader: Input, classes: frozenset[str] = frozenset()
) -> Met:
    """Which examples of ``held`` are among the data at an address, as far as it can be opened.

    Args:
        address: of data that was learned from, or chose a threshold.
        held, arrays: as in :func:`learned_images`.
        reader: of both.
        classes: of the data that count; all, where there are none.
    """
    try:
        contents = _contents_at(address, reader, classes)
    except FirstSightError as error:
        return Met(*(np.zeros(len(held), bool),) * 2, unknown=str(error))
    return _met(contents, held, arrays)


def refuse_met(met: Met, held: DataSet, what: str, remedy: str) -> None:
    """Refuse images that were met before.

    Args:
        met: which they are.
        held: the data to measure on.
        what: met them, such as "what the model was trained on".
        remedy: what to do instead.

    Raises:
        DataError: there are some.
    """
    if met.copies.any():
        images = count(int(met.copies.sum()), "image", "images")
        raise DataError(f"{held.name} shares {images} with {what} ({sources(held, met.copies)}); {remedy}")


def sources(held: DataSet, which: BoolArray) -> str:
    """The first two of some examples, by the ends of their places."""
    places = [held.examples[n].source for n in np.flatnonzero(which)]
    named = ", ".join("/".join(place.rsplit("/", 2)[-2:]) for place in places[:2])
    return named + (", ..." if len(places) > 2 else "")


def notes_of(model: Model, met: Met, held: DataSet) -> list[str]:
    """What a reader must know where images may have been learned, and it can't be told for certain."""
    notes = []
    if met.alike.any():
        images = count(int(met.alike.sum()), "image nearly equals", "images nearly equal")
        notes.append(
            f"{images} one that the model learned ({sources(held, met.alike)}): where they are copies of it, the "
            "figures flatter; leave them out"
        )
    if met.unknown:
        notes.append(
            f"copies of images that {model.name} learned can't be found: it has no record of them, and {met.unknown}; "
            "train it again to have one"
        )
    return notes


def of_learned(model: Model, held: DataSet, met: Met, among: frozenset[str]) -> str:
    """A sentence where identities are classes that the model learned, or have images that it learned; else "".

    Args:
        model: of the gallery.
        held: data whose classes are enrolled, or asked for.
        met: which of its images were learned.
        among: labels that count.
    """
    names = shared_classes(held, model.trained_classes)
    known = {e.label for e, copy in zip(held.examples, met.copies, strict=True) if copy or qualified(held, e) in names}
    return learned_sentence(len(known & among), len(among))


def learned_sentence(learned: int, among: int) -> str:
    """That so many of some identities were learned; "" where none was."""
    if not learned:
        return ""
    were = "was" if learned == 1 else "were"
    return (
        f"{learned} of {count(among, 'identity', 'identities')} {were} learned by the model: the figures are of "
        "learned classes, new ones will do worse"
    )


def _met(contents: Contents, held: DataSet, arrays: PixelArray) -> Met:
    copies = contents.of_images(held.keys) | contents.of_readings(arrays)
    unknown = "" if contents.whole else "it went on from a model whose images are not recorded"
    return Met(copies, contents.alike(arrays) & ~copies, unknown)


def _nothing(held: DataSet) -> Met:
    return Met(np.zeros(len(held), bool), np.zeros(len(held), bool))


def _contents_at(address: str, reader: Input, classes: frozenset[str]) -> Contents:
    data = open_data(address)
    if classes:
        data = data.where(lambda e: qualified(data, e) in classes, data.name)
    if not len(data):
        raise DataError(f"{address} has none of the classes it learned")
    return Contents.of(data.keys, read_all(data, reader))
