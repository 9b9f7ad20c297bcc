"""Checkpoints: all that a run which was killed needs to go on as if it had not been."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch

from firstsight.datasets import DataSet
from firstsight.errors import UsageError
from firstsight.files import open_file, write_atomically
from firstsight.learn.recipe import Recipe

NAME = "checkpoint.pt"
_FORM = 5  # of the content; raised when a key is added or means something else
_BY_NAMES = 4  # the form before, whose examples are told by names, sizes and times
_EXAMPLES, _HELD, _START = "examples", "held-out examples", "begun with"
_CONTENT = {
    "data.train": _EXAMPLES,
    "data.old": _EXAMPLES,
    "data.validation": _HELD,
    "data.calibration": _EXAMPLES,  # decides no weights, and moves along
    "data.old_validation": _EXAMPLES,
    "training.start": _START,
}
"""Settings that say where something lies, and what tells its content: moved, it is still the same."""


def decisive(recipe: Recipe, data: DataSet, held: DataSet | None, start: str) -> dict[str, Any]:
    """All that decides the weights, by name: settings, the content of the examples that are learned from and watched
    on, and the model started from."""
    settings = {
        f"{section}.{key}": value
        for section, content in recipe.sections.items()
        if section != "export"
        for key, value in content.items()
        if (section, key) != ("training", "folds")
    }
    return {**settings, _EXAMPLES: data.fingerprint, _HELD: held.fingerprint if held else "", _START: start}


def changes(before: Mapping[str, Any], now: Mapping[str, Any], *, named: bool = False) -> list[str]:
    """What differs between two runs that :func:`decisive` describes, key by key, in words.

    Args:
        before, now: the two.
        named: whether data and models that lie elsewhere now are others, since nothing says what they hold.

    Example:
        >>> changes({"encoder.width": 8, "loss.margin": 0.2}, {"encoder.width": 16})
        ['encoder.width was 8 and is 16', 'loss.margin was 0.2 and is not set']
    """
    differ = [key for key in sorted({**before, **now}) if before.get(key, ...) != now.get(key, ...)]
    if not named:
        differ = [key for key in differ if _CONTENT.get(key, key) in differ]
    worded = []
    for key in differ:
        if key == _EXAMPLES:
            if "data.train" not in differ:
                worded.append(f"the examples of {now.get('data.train')} have changed")
        elif key == _HELD:
            if "data.validation" not in differ and _EXAMPLES not in differ:
                worded.append(f"the examples of {now.get('data.validation')} have changed")
        elif key == _START:
            if "training.start" not in differ:
                worded.append(f"the model begun with was {before[key] or 'none'} and is {now[key] or 'none'}")
        else:
            was, is_ = (repr(side[key]) if key in side else "not set" for side in (before, now))
            worded.append(f"{key} was {was} and is {is_}")
    return worded


def write(folder: Path, state: dict[str, Any]) -> None:
    """Replace the checkpoint of a folder, durably: whoever is killed here leaves the one before.

    Raises:
        StorageError: the disk refused; the one before is intact.
    """
    buffer = io.BytesIO()
    torch.save({"form": _FORM, **state}, buffer)
    write_atomically(folder / NAME, buffer.getvalue())


def read(folder: Path, now: Mapping[str, Any]) -> dict[str, Any]:
    """The checkpoint of a folder.

    Args:
        folder: where the run writes.
        now: what :func:`decisive` says of the run that goes on; the checkpoint's must equal it.

    Raises:
        UsageError: there is none, or it is damaged, of another FirstSight, or of another recipe or data.
    """
    file = folder / NAME
    if not file.is_file():
        raise UsageError(f"{file} does not exist, so there is nothing to resume; train without --resume")
    try:
        with open_file(file, UsageError, "train without --resume", inside=folder) as opened:
            _plain(opened)
            state: dict[str, Any] = torch.load(opened, weights_only=True)
        form = state.get("form")
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001  torch raises nearly anything on a damaged file
        raise UsageError(f"{file} is damaged ({type(error).__name__}); train without --resume") from None
    if form not in (_FORM, _BY_NAMES):
        raise UsageError(f"{file} was written by another version of FirstSight; train without --resume")
    before = state["decisive"]
    if form == _BY_NAMES:  # of a touched copy nothing can be told, so that the address is the same must do
        before = {**before, _EXAMPLES: now[_EXAMPLES], _HELD: now[_HELD]}
    if differ := changes(before, now, named=form == _BY_NAMES):
        raise UsageError(
            f"{file} was written by another recipe or other data: {', '.join(differ)}; resume with what was, or train "
            "without --resume"
        )
    return state


def _plain(file: BinaryIO) -> None:
    """Refuse an archive that unpacks to more than it is, or a file that is none; tensors are stored as they are.

    Raises:
        ValueError: it is one.
    """
    with zipfile.ZipFile(file) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise ValueError("packed")
    file.seek(0)
