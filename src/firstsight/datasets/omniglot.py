"""Omniglot (Lake, Salakhutdinov, Tenenbaum, 2015, doi:10.1126/science.aab3050): 50 alphabets, 20 drawers.

``label`` is ``Alphabet/characterNN``, ``group`` the alphabet, ``origin`` the drawer. Splits are by alphabet:

    background    30 alphabets, to learn from
    train         25 of them     } for choices: learn on these,
    validation    5 of them      } choose on these
    evaluation    20 alphabets, never learned from
    calibration   10 of them, the first by name      } so that a threshold is never
    test          10 of them, the last by name       } tested where it was chosen
    runs          the 20 one-shot runs of Lake et al., 20 classes each

and as two papers split it, for a comparison with them:

    koch-train, koch-validation, koch-test    Koch et al., 2015: 30 alphabets by 12 drawers, 10 other alphabets by 4
        other drawers, the last 10 by the last 4. The paper names neither: here the 30 are those of ``background``
    vinyals-train, vinyals-test    Vinyals et al., 2016 (arXiv:1606.04080), as Snell et al. published it: 1,200
        characters to learn from, 423 to test on, where each of the four quarter turns of a character is a class
    lake-validation, lake-test    as koch-validation and koch-test, but the alphabets of the test are the ten that the
        one-shot runs are made of (their images tell), "the same ones used in Lake et al." as the paper says

For "are these two of the same alphabet?" the alphabet is the label:

    alphabets-background, alphabets-train, alphabets-validation, alphabets-evaluation
        the examples of background, train, validation and evaluation
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from io import BytesIO

from PIL import Image

from firstsight.datasets.archives import Archive, find_archive, open_archive
from firstsight.datasets.dataset import DataSet
from firstsight.errors import DataError
from firstsight.types import Example

HOW = (
    "download it from https://github.com/brendenlake/omniglot/tree/master/python, put it there, "
    "or set FIRSTSIGHT_DATA to the folder that holds it"
)
VALIDATION = ("Balinese", "Early_Aramaic", "Greek", "Korean", "Latin")
SPLITS = (
    "background",
    "train",
    "validation",
    "evaluation",
    "calibration",
    "test",
    "runs",
    "koch-train",
    "koch-validation",
    "koch-test",
    "vinyals-train",
    "vinyals-test",
    "lake-validation",
    "lake-test",
    "alphabets-background",
    "alphabets-train",
    "alphabets-validation",
    "alphabets-evaluation",
)
_LAKE = (
    "Atlantean",
    "Ge_ez",
    "Glagolitic",
    "Gurmukhi",
    "Kannada",
    "Malayalam",
    "Manipuri",
    "Old_Church_Slavonic_(Cyrillic)",
    "Tengwar",
    "Tibetan",
)
_VINYALS_CUT = "Gurmukhi/character42"  # by name, the first character of vinyals-test
_MEMBER = re.compile(r"(?:.*/)?images_(?:background|evaluation)/([^/]+)/(character\d+)/(\d+)_(\d+)\.png")
_RUN = re.compile(r"(?:.*/)?(run\d\d)/(training|test)/((?:class|item)\d\d)\.png")


def load(split: str = "background") -> DataSet:
    """One split; the default is what a model learns from.

    Raises:
        DataError: the archive is missing (says where it was looked for) or is not Omniglot's.
    """
    if split == "runs":
        return _runs()
    name = f"omniglot:{split}"
    if split.startswith("alphabets-"):
        return _by_alphabet(load(split.removeprefix("alphabets-")), name)
    if split in ("background", "koch-train", "train", "validation"):
        half = replace(_half("background"), name=name)
        if split == "koch-train":
            return half.where(lambda e: _drawer(e) <= 12, name)
        if split == "background":
            return half
        return half.where(lambda e: (e.group in VALIDATION) == (split == "validation"), name)
    half = replace(_half("evaluation"), name=name)
    if split.startswith("vinyals"):
        tested = half.where(lambda e: e.label >= _VINYALS_CUT, name)
        if split == "vinyals-test":
            return _turned(tested)
        learned = half.where(lambda e: e.label < _VINYALS_CUT, name)
        return replace(learned, examples=(*_half("background").examples, *learned.examples))
    alphabets = half.groups[0]
    first, last = alphabets[: len(alphabets) // 2], alphabets[len(alphabets) // 2 :]
    if split == "lake-validation":
        return half.where(lambda e: e.group not in _LAKE and 12 < _drawer(e) <= 16, name)
    if split == "lake-test":
        return half.where(lambda e: e.group in _LAKE and _drawer(e) > 16, name)
    if split == "koch-validation":
        return half.where(lambda e: e.group in first and 12 < _drawer(e) <= 16, name)
    if split == "koch-test":
        return half.where(lambda e: e.group in last and _drawer(e) > 16, name)
    if split in ("calibration", "test"):
        chosen = first if split == "calibration" else last
        return half.where(lambda e: e.group in chosen, name)
    return half


def _drawer(example: Example) -> int:
    return int(example.origin.rsplit(" ", 1)[1])


def _by_alphabet(data: DataSet, name: str) -> DataSet:
    """The same examples under the label of their alphabet; the characters stay known as ``also``."""
    examples = tuple(replace(e, label=e.group, group="") for e in data.examples)
    return replace(data, name=name, examples=examples, also=data.class_names)


def _turned(data: DataSet) -> DataSet:
    """Every class four times, once for each quarter turn; the classes it had stay known as ``also``."""
    examples = tuple(
        replace(
            e,
            label=f"{e.label}/{degrees}",
            load=partial(_turn, e, degrees),
            key=f"{e.key}:{degrees}",
            source=f"{e.source} turned by {degrees} degrees",
        )
        for degrees in (0, 90, 180, 270)
        for e in data.examples
    )
    return replace(data, examples=examples, also=data.class_names)


def _turn(example: Example, degrees: int) -> bytes:
    content = example.load()
    image = Image.open(BytesIO(content if isinstance(content, bytes) else content.read_bytes()))
    buffer = BytesIO()
    image.rotate(degrees, expand=True).save(buffer, "PNG")
    return buffer.getvalue()


def _half(half: str) -> DataSet:
    path = find_archive(f"images_{half}.zip", how=HOW)
    archive, examples = open_archive(path), []
    for info in archive.members():
        found = _MEMBER.fullmatch(info.filename)
        if found:
            alphabet, character, _, drawer = found.groups()
            examples.append(
                Example(
                    label=f"{alphabet}/{character}",
                    load=partial(archive.read, info.filename),
                    key=archive.key(info),
                    group=alphabet,
                    origin=f"drawer {drawer}",
                    source=f"{path.name}/{info.filename}",
                )
            )
    if not examples:
        raise DataError(f"{path} holds none of Omniglot's images (images_{half}/Alphabet/character01/...); {HOW}")
    return DataSet(f"omniglot:{half}", tuple(examples))


def _runs() -> DataSet:
    """All images of the 20 runs: label is ``runNN/classNN``, origin ``training`` or ``test``."""
    path = find_archive("all_runs.zip", how=HOW)
    archive, examples = open_archive(path), []
    truth = dict(_truth(archive))
    for info in archive.members():
        found = _RUN.fullmatch(info.filename)
        if found:
            run, side, item = found.groups()
            label = truth.get((run, item)) if side == "test" else item
            if label is None:
                raise DataError(f"{path} does not say in {run}/class_labels.txt which class {item} is of; {HOW}")
            examples.append(
                Example(
                    label=f"{run}/{label}",
                    load=partial(archive.read, info.filename),
                    key=archive.key(info),
                    group=run,
                    origin=side,
                    source=f"{path.name}/{info.filename}",
                )
            )
    if len(examples) != 800:
        raise DataError(f"{path} holds {len(examples)} of the 800 images of the 20 runs; {HOW}")
    return DataSet("omniglot:runs", tuple(examples), also=_half("evaluation").class_names)


def _truth(archive: Archive) -> list[tuple[tuple[str, str], str]]:
    """For each run and test item the class of its match, from ``class_labels.txt``."""
    pairs = []
    for member in (i.filename for i in archive.members() if i.filename.endswith("class_labels.txt")):
        for line in archive.read(member).decode().split("\n"):
            found = re.search(r"(run\d\d)/test/(item\d\d)\.png\s+run\d\d/training/(class\d\d)\.png", line)
            if found:
                pairs.append(((found[1], found[2]), found[3]))
    return pairs
