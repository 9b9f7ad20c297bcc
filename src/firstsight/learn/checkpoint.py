"""Checkpoints: all that a run which was killed needs to go on as if it had not been."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import torch

from firstsight.datasets import DataSet
from firstsight.errors import UsageError
from firstsight.files import write_atomically
from firstsight.learn.recipe import Recipe

NAME = "checkpoint.pt"
_FORM = 3  # of the content; raised when a key is added or means something else


def signature(recipe: Recipe, data: DataSet, start: str) -> str:
    """Hash of all that decides the weights: recipe, training data and the fingerprint of the model started from."""
    decisive = {k: v for k, v in recipe.sections.items() if k != "export"}
    return hashlib.sha256(json.dumps([decisive, data.fingerprint, start], sort_keys=True).encode()).hexdigest()


def write(folder: Path, state: dict[str, Any]) -> None:
    """Replace the checkpoint of a folder, durably: whoever is killed here leaves the one before.

    Raises:
        StorageError: the disk refused; the one before is intact.
    """
    buffer = io.BytesIO()
    torch.save({"form": _FORM, **state}, buffer)
    write_atomically(folder / NAME, buffer.getvalue())


def read(folder: Path, signature: str) -> dict[str, Any]:
    """The checkpoint of a folder.

    Args:
        folder: where the run writes.
        signature: that the run of now has; the checkpoint's must equal it.

    Raises:
        UsageError: there is none, or it is damaged, of another FirstSight, or of another recipe or data.
    """
    file = folder / NAME
    if not file.is_file():
        raise UsageError(f"{file} does not exist, so there is nothing to resume; train without --resume")
    try:
        state: dict[str, Any] = torch.load(file, weights_only=True)
        form = state.get("form")
    except Exception as error:  # noqa: BLE001  torch raises nearly anything on a damaged file
        raise UsageError(f"{file} is damaged ({type(error).__name__}); train without --resume") from None
    if form != _FORM:
        raise UsageError(f"{file} was written by another version of FirstSight; train without --resume")
    if state["recipe"] != signature:
        raise UsageError(f"{file} was written by another recipe or other data; use those, or train without --resume")
    return state
