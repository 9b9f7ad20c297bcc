"""``images:path``: every image below a folder, each a class of its own, for learning without labels."""

from __future__ import annotations

from firstsight.datasets.dataset import DataSet
from firstsight.datasets.folder import example, files_below
from firstsight.errors import DataError
from firstsight.files import FOLDER, expanded, state_of
from firstsight.inputs.listing import EXTENSIONS, parted, passed_over


def load(path: str) -> DataSet:
    """All images below ``path``, at any depth; the label of each is its place below it.

    Hidden files are passed over, other files are told in a note.

    Raises:
        DataError: no such folder, or no image in it.
    """
    root = expanded(path)
    state = state_of(root)
    if state != FOLDER:
        raise DataError(f"{root} {state}; a folder of images was expected")
    images, others = parted(files_below(root))
    told = passed_over(others)
    if not images:
        raise DataError(f"{root} has no image in it ({', '.join(sorted(EXTENSIONS))}){'; ' if told else ''}{told}")
    notes = (told,) if told else ()
    examples = (example(file, label=file.relative_to(root).as_posix(), root=root) for file in images)
    return DataSet(f"images:{path}", tuple(examples), notes=notes)
