"""Omniglot (Lake, Salakhutdinov, Tenenbaum, 2015, doi:10.1126/science.aab3050): 50 alphabets, 20 drawers.

``label`` is ``Alphabet/characterNN``, ``group`` the alphabet, ``origin`` the drawer. Splits are by alphabet:

    background    30 alphabets, to learn from
    train         25 of them     } for choices: learn on these,
    validation    5 of them      } choose on these
    evaluation    20 alphabets, never learned from
    calibration   10 of them, the first by name      } so that a threshold is never
    test          10 of them, the last by name       } tested where it was chosen
    runs          the 20 one-shot runs of Lake et al., 20 classes each
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from firstsight.datasets.archives import find_archive, open_zip, read_member
from firstsight.datasets.dataset import DataSet
from firstsight.errors import DataError
from firstsight.types import Example

HOW = (
    "download it from https://github.com/brendenlake/omniglot/tree/master/python, put it there, "
    "or set FIRSTSIGHT_DATA to the folder that holds it"
)
VALIDATION = ("Balinese", "Early_Aramaic", "Greek", "Korean", "Latin")
SPLITS = ("background", "train", "validation", "evaluation", "calibration", "test", "runs")
_MEMBER = re.compile(r"(?:.*/)?images_(?:background|evaluation)/([^/]+)/(character\d+)/(\d+)_(\d+)\.png")
_RUN = re.compile(r"(?:.*/)?(run\d\d)/(training|test)/((?:class|item)\d\d)\.png")


def load(split: str = "background") -> DataSet:
    """One split; the default is what a model learns from.

    Raises:
        DataError: the archive is missing (says where it was looked for) or is not Omniglot's.
    """
    if split == "runs":
        return _runs()
    half = "background" if split in ("background", "train", "validation") else "evaluation"
    whole = _half(half)
    name = f"omniglot:{split}"
    if split == "train":
        return whole.where(lambda e: e.group not in VALIDATION, name)
    if split == "validation":
        return whole.where(lambda e: e.group in VALIDATION, name)
    if split in ("calibration", "test"):
        alphabets = whole.groups[0]
        chosen = alphabets[: len(alphabets) // 2] if split == "calibration" else alphabets[len(alphabets) // 2 :]
        return whole.where(lambda e: e.group in chosen, name)
    return whole


def _half(half: str) -> DataSet:
    path = find_archive(f"images_{half}.zip", how=HOW)
    examples = []
    for info in sorted(open_zip(path).infolist(), key=lambda i: i.filename):
        found = _MEMBER.fullmatch(info.filename)
        if found:
            alphabet, character, _, drawer = found.groups()
            examples.append(
                Example(
                    label=f"{alphabet}/{character}",
                    load=partial(read_member, path, info.filename),
                    key=f"{info.filename}:{info.CRC:08x}",
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
    truth = dict(_truth(path))
    examples = []
    for info in sorted(open_zip(path).infolist(), key=lambda i: i.filename):
        found = _RUN.fullmatch(info.filename)
        if found:
            run, side, item = found.groups()
            label = truth.get((run, item)) if side == "test" else item
            if label is None:
                raise DataError(f"{path} does not say in {run}/class_labels.txt which class {item} is of; {HOW}")
            examples.append(
                Example(
                    label=f"{run}/{label}",
                    load=partial(read_member, path, info.filename),
                    key=f"{info.filename}:{info.CRC:08x}",
                    group=run,
                    origin=side,
                    source=f"{path.name}/{info.filename}",
                )
            )
    if len(examples) != 800:
        raise DataError(f"{path} holds {len(examples)} of the 800 images of the 20 runs; {HOW}")
    return DataSet("omniglot:runs", tuple(examples), also=_half("evaluation").class_names)


def _truth(path: Path) -> list[tuple[tuple[str, str], str]]:
    """For each run and test item the class of its match, from ``class_labels.txt``."""
    pairs = []
    for member in sorted(n for n in open_zip(path).namelist() if n.endswith("class_labels.txt")):
        for line in read_member(path, member).decode().split("\n"):
            found = re.search(r"(run\d\d)/test/(item\d\d)\.png\s+run\d\d/training/(class\d\d)\.png", line)
            if found:
                pairs.append(((found[1], found[2]), found[3]))
    return pairs
