"""``images:path``: every image below a folder, each a class of its own, for learning without labels."""

from __future__ import annotations

from firstsight.datasets.dataset import DataSet
from firstsight.datasets.folder import example, files_below
from firstsight.errors import DataError, count
from firstsight.files import FOLDER, expanded, state_of
from firstsight.inputs.decode import EXTENSIONS


def load(path: str) -> DataSet:
    """All images below ``path``, at any depth; the label of each is its place below it.

    Hidden files are passed over, files that are not images are counted in a note.

    Raises:
        DataError: no such folder, or no image in it.
    """
    root = expanded(path)
    state = state_of(root)
    if state != FOLDER:
        raise DataError(f"{root} {state}; a folder of images was expected")
    files = list(files_below(root))
    images = [file for file in files if file.suffix.lower() in EXTENSIONS]
    if not images:
        raise DataError(f"{root} has no image in it ({', '.join(sorted(EXTENSIONS))})")
    others = len(files) - len(images)
    notes = (f"left out {count(others, 'file', 'files')} not named like an image",) if others else ()
    examples = (example(file, label=file.relative_to(root).as_posix()) for file in images)
    return DataSet(f"images:{path}", tuple(examples), notes=notes)
