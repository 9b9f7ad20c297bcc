"""``folder:path``: a folder a class, the images of a class anywhere below it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from firstsight.datasets.dataset import DataSet
from firstsight.errors import DataError, count
from firstsight.files import FOLDER, OTHER, expanded, state_of
from firstsight.inputs.decode import EXTENSIONS
from firstsight.types import Example


def load(path: str) -> DataSet:
    """All images below ``path``; hidden files are passed over, files that are not images are counted in a note.

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
    empty, others = [], 0
    for folder in classes:
        before = len(examples)
        for file in files_below(folder):
            if file.suffix.lower() in EXTENSIONS:
                examples.append(example(file, label=folder.name, root=root))
            else:
                others += 1
        if len(examples) == before:
            empty.append(folder.name)
    if not examples:
        folders = count(len(classes), "sub-folder", "sub-folders")
        raise DataError(f"{root} has {folders} and no image in them ({', '.join(sorted(EXTENSIONS))})")
    notes = []
    if empty:
        folders = count(len(empty), "sub-folder", "sub-folders")
        notes.append(f"left out {folders} without images ({', '.join(empty[:3])})")
    if others:
        notes.append(f"left out {count(others, 'file', 'files')} not named like an image")
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
            place = Path(parent) / name
            if not name.startswith(".") and state_of(place) != OTHER:  # a pipe would be waited for without end
                yield place
