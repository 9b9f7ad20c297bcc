"""Geological images: six classes of rock by 500 pictures of 28 x 28 pixels in colour, a sample of a set of 29,998.

``label`` is the rock. Many pictures are cuts of one larger picture that overlap, and nothing says which. Those that
were found to (``results/rocks.py``) stand on one side of every split; the split of this sample is in ``rocks.txt``:

    train         300 of a class   } for choices: learn on these,
    validation    100              } choose on these
    trainval      both, to learn from once all is chosen
    test          100, looked at last

and by class, to meet two rocks that were never learned from; A and B are their names in the order of the alphabet:

    train-without-A-B, trainval-without-A-B    the four other classes
    validation-of-A-B, test-of-A-B             those two
"""

from __future__ import annotations

import re
from functools import cache, partial
from hashlib import sha256
from itertools import combinations
from pathlib import Path

from firstsight.datasets.archives import find_archive, open_archive
from firstsight.datasets.dataset import DataSet
from firstsight.errors import DataError, unknown
from firstsight.types import Example

CLASSES = ("andesite", "gneiss", "marble", "quartzite", "rhyolite", "schist")
EACH = 500
SPLITS = ("trainval", "train", "validation", "test")
HELD_OUT = tuple(combinations(CLASSES, 2))
"""The 15 pairs of classes that can be held out."""
HOW = (
    "make a zip of 500 images a class of https://www.kaggle.com/tanyadayanand/geological-image-similarity, as "
    "gneiss/NAME.jpg, put it there, or set FIRSTSIGHT_DATA to the folder that holds it; for another choice of images "
    "than that of rocks.txt, python results/rocks.py --split cuts the splits"
)
_ARCHIVE = "rocks_sample500.zip"
_MEMBER = re.compile(rf"(?:.*/)?({'|'.join(CLASSES)})/([^/]+)\.(?:jpe?g|png)", re.IGNORECASE)
_PARTS = {"train": "t", "validation": "v", "trainval": "tv", "test": "x"}
_FORMS = {"without": ("train", "trainval"), "of": ("validation", "test")}


def load(split: str = "trainval") -> DataSet:
    """One split; the default is what a model learns from.

    Raises:
        UsageError: no such split.
        DataError: the archive is missing (says where it was looked for), or holds other images.
    """
    part, classes = _asked(split)
    found = members()
    names = " ".join(e.source.rsplit("/", 1)[1] for some in found.values() for e in some)
    digest, places = _cut()
    if sha256(names.encode()).hexdigest() != digest:
        raise DataError(
            f"{find_archive(_ARCHIVE, how=HOW)} holds other images than those whose overlaps are known; {HOW}"
        )
    examples = [
        example
        for label, some in found.items()
        if label in classes
        for example, place in zip(some, places[label], strict=True)
        if place in _PARTS[part]
    ]
    return DataSet(f"rocks:{split}", tuple(examples))


def without(part: str, held_out: tuple[str, str]) -> str:
    """The address of ``train`` or ``trainval`` without two classes."""
    return f"rocks:{part}-without-{'-'.join(held_out)}"


def only(part: str, held_out: tuple[str, str]) -> str:
    """The address of two classes of ``validation`` or ``test``."""
    return f"rocks:{part}-of-{'-'.join(held_out)}"


def _asked(split: str) -> tuple[str, frozenset[str]]:
    """Which part of every class, and which classes."""
    if split in _PARTS:
        return split, frozenset(CLASSES)
    for form, parts in _FORMS.items():
        part, found, names = split.partition(f"-{form}-")
        if found and part in parts:
            pair = tuple(names.split("-"))
            if pair not in HELD_OUT:
                raise unknown("pair of rocks", names, map("-".join, HELD_OUT))
            return part, frozenset(CLASSES) - set(pair) if form == "without" else frozenset(pair)
    forms = [f"{part}-{form}-A-B" for form, parts in _FORMS.items() for part in parts]
    raise unknown("split of rocks", split, [*SPLITS, *forms])


@cache
def _cut() -> tuple[str, dict[str, str]]:
    """Hash of all names, and for every class the part of each image, in the order of their names: t, v or x."""
    digest, *lines = (Path(__file__).with_suffix(".txt")).read_text(encoding="ascii").split("\n")
    return digest, dict(line.split(" ") for line in lines if line)


def members() -> dict[str, list[Example]]:
    """The images of every class, in the order of their names.

    Raises:
        DataError: the archive is missing or does not hold 500 images of each rock.
    """
    path = find_archive(_ARCHIVE, how=HOW)
    archive = open_archive(path)
    found: dict[str, list[Example]] = {label: [] for label in CLASSES}
    for info in archive.members():
        named = _MEMBER.fullmatch(info.filename)
        if named:
            label = named[1].lower()
            found[label].append(
                Example(
                    label=label,
                    load=partial(archive.read, info.filename),
                    key=archive.key(info),
                    source=f"{path.name}/{info.filename}",
                )
            )
    for label, some in found.items():
        if len(some) != EACH:
            raise DataError(f"{path} holds {len(some)} images of {label}, {EACH} were expected; {HOW}")
    return found
