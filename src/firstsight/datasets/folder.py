"""``folder:path``: a folder a class, the images of a class anywhere below it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from firstsight.datasets.dataset import DataSet
from firstsight.errors import DataError, count
from firstsight.files import FOLDER, expanded, state_of
from firstsight.inputs.listing import EXTENSIONS, is_image, passed_over
from firstsight.types import Example


def load(path: str) -> DataSet:
    """All images below the folders in ``path``; hidden files are passed over, other files are told in a note.

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
    examples: list[Example] = []
    beside = [p for p in sorted(root.iterdir()) if not p.is_dir() and not p.name.startswith(".")]
    empty, others = [], []
    for folder in classes:
        before = len(examples)
        for file in files_below(folder):
            if is_image(file):
                examples.append(example(file, label=folder.name, root=root))
            else:
                others.append(file)
        if len(examples) == before:
            empty.append(folder.name)
    if not examples:
        folders = count(len(classes), "sub-folder", "sub-folders")
        told = passed_over(others)
        why = f"; {told}" if told else ""
        raise DataError(f"{root} has {folders} and no image in them ({', '.join(sorted(EXTENSIONS))}){why}")
    notes = []
    if empty:
        folders = count(len(empty), "sub-folder", "sub-folders")
        notes.append(f"left out {folders} without images ({', '.join(empty[:3])})")
    if others:
        notes.append(passed_over(others))
    if beside:
        notes.append(f"{passed_over(beside)}; they lie beside the sub-folders, not in one")
    return DataSet(f"folder:{path}", tuple(examples), notes=tuple(notes))


def example(
    file: Path,
    *,
    label: str,
    root: Path,
    group: str = "",
    origin: str = "",
    metadata: Mapping[str, str] = MappingProxyType({}),
) -> Example:
    """An example whose key follows the file's place, size and time of change."""
    try:
        state = file.stat()
        key = f"{os.path.relpath(file, root)}:{state.st_size}:{state.st_mtime_ns}"
    except OSError:  # a dangling link, say: reading it will name the fault
        key = f"{file}:unreadable"
    return Example(label, lambda: file, key, group, origin, str(file.absolute()), metadata)


def files_below(folder: Path) -> Iterator[Path]:
    """Files at any depth, sorted; hidden ones are passed over."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(parent) / name
