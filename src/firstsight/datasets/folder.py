"""``folder:path``: a folder a class, the images of a class anywhere below it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from firstsight.datasets.dataset import DataSet
from firstsight.errors import DataError, count
from firstsight.files import FOLDER, OTHER, expanded, state_of
from firstsight.inputs.listing import EXTENSIONS, is_image, passed_over
from firstsight.spelling import shown, spelled
from firstsight.types import Example


def load(path: str) -> DataSet:
    """All images below the folders in ``path``; hidden files are passed over, other files are told in a note.

    Sub-folders whose names are spelled the same, see :mod:`firstsight.spelling`, are one class.

    Raises:
        DataError: no such folder, no class folders in it, or no images.
    """
    root = expanded(path)
    state = state_of(root)
    if state != FOLDER:
        raise DataError(f"{root} {state}; a folder with one sub-folder of images for each class was expected")
    classes = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        raise DataError(
            f"{root} has no sub-folders; one sub-folder of images for each class was expected (to learn from images "
            f"without classes: --data images:{path}, with a recipe that needs no labels, such as simclr)"
        )
    classes, up = _leading_down(root, classes)
    examples: list[Example] = []
    beside = [p for p in sorted(root.iterdir()) if not p.is_dir() and not p.name.startswith(".")]
    empty, others = [], []
    for folder in classes:
        before = len(examples)
        for file in files_below(folder):
            if is_image(file):
                examples.append(example(file, label=folder.name))
            else:
                others.append(file)
        if len(examples) == before:
            empty.append(folder.name)
    if not examples:
        folders = count(len(classes), "sub-folder", "sub-folders")
        told = passed_over(others)
        why = f"; {told}" if told else ""
        raise DataError(f"{root} has {folders} and no image in them ({', '.join(sorted(EXTENSIONS))}){why}")
    notes = _named_alike(root, classes) + up
    if empty:
        folders = count(len(empty), "sub-folder", "sub-folders")
        notes.append(f"left out {folders} without images ({', '.join(empty[:3])})")
    if others:
        notes.append(passed_over(others))
    if beside:
        notes.append(f"{passed_over(beside)}; they lie beside the sub-folders, not in one")
    return DataSet(f"folder:{path}", tuple(examples), notes=tuple(notes))


def _leading_down(root: Path, folders: list[Path]) -> tuple[list[Path], list[str]]:
    """The sub-folders without links that lead back up, in which every image would come again; and a note of these.

    Raises:
        DataError: a link leads into another sub-folder, whose images would have two labels.
    """
    here = root.resolve()
    own = {here / folder.name: folder.name for folder in folders if not folder.is_symlink()}
    up = []
    for link in (folder for folder in folders if folder.is_symlink()):
        target = link.resolve()
        if target == here or target in here.parents:
            up.append(link)
            continue
        other = next((own[place] for place in (target, *target.parents) if place in own), None)
        if other is not None:
            raise DataError(
                f"{shown(str(link))} leads to images of {shown(other)}, whose label they have; one label for each "
                "image was expected; remove the link"
            )
        own[target] = link.name
    links = count(len(up), "link that leads", "links that lead")
    notes = [f"left out {links} back up ({', '.join(shown(link.name) for link in up[:3])})"] if up else []
    return [folder for folder in folders if folder not in up], notes


def _named_alike(root: Path, folders: list[Path]) -> list[str]:
    """A note on sub-folders that are one class, such as ``é`` as a Mac writes it beside ``é`` as others do."""
    named: dict[str, list[str]] = {}
    for folder in folders:
        named.setdefault(spelled(shown(folder.name)), []).append(folder.name)
    if "" in named:
        raise DataError(f"{root} has a sub-folder {named[''][0]!r}, the name of a class was expected; rename it")
    return [
        f"{len(names)} sub-folders are one class, {label}: their names differ in blanks or in how accents are coded"
        for label, names in named.items()
        if len(names) > 1
    ]


def example(
    file: Path,
    *,
    label: str,
    group: str = "",
    origin: str = "",
    metadata: Mapping[str, str] = MappingProxyType({}),
) -> Example:
    """An example that is told by the bytes of its file."""
    return Example(label, lambda: file, "", group, origin, str(file.absolute()), metadata)


def files_below(folder: Path) -> Iterator[Path]:
    """Files at any depth, sorted; hidden ones are passed over."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            place = Path(parent) / name
            if not name.startswith(".") and state_of(place) != OTHER:  # a pipe would be waited for without end
                yield place
