"""Where a model that is made goes, and what must not be there yet."""

from __future__ import annotations

from pathlib import Path

from firstsight.errors import ModelError, UsageError
from firstsight.files import FILE, FOLDER, MISSING, state_of
from firstsight.model import Model, find_model


def place_of(recipe: str | None, from_: Model | str | Path | None, out: str | Path | None) -> Path:
    """The directory that ``train`` with these arguments writes to.

    Raises:
        UsageError: there is neither a recipe nor a model, or the model would replace itself.
    """
    start = None if from_ is None else from_.path if isinstance(from_, Model) else find_model(from_)
    if recipe is None and start is None:
        raise UsageError("a recipe (see firstsight recipes), or --from with a model, was expected")
    name = f"{Path(recipe).stem}-model" if recipe is not None else f"{start.resolve().name}-further" if start else ""
    place = Path(f"./{name}" if out is None else out)
    if start is not None and start.resolve() == place.resolve():
        raise UsageError(f"{place} can't be both the model to start from and the new one; choose another --out")
    return place


def free(place: Path, *, overwrite: bool = False, resume: bool = False) -> Path:
    """``place``, where nothing stands in the way of a new model.

    Raises:
        UsageError: it is no folder, or holds a run that stopped and is neither resumed nor overwritten.
        ModelError: it holds a model, which is not to be overwritten.
    """
    state = state_of(place)
    if state not in (FOLDER, MISSING):
        raise UsageError(f"--out {place} {state}; the path of a new folder was expected")
    stopped = state_of(place / "checkpoint.pt") == FILE
    if state_of(place / "model.json") == FILE and not (overwrite or (stopped and resume)):
        raise ModelError(f"{place} holds a model already; choose another --out, or --overwrite it")
    if stopped and not (resume or overwrite):
        raise UsageError(f"{place} holds a run that stopped before its end; --resume it, or --overwrite it")
    return place
