"""Every error FirstSight raises, and the exit code the command line gives it.

    FirstSightError            3  something failed
    ├── UsageError             2  the request names or combines things wrongly
    ├── InputError             2  a file or value handed in cannot be read
    ├── DataError              2  a data set is missing, broken or unfit for the task
    ├── ModelError             2  a model directory is missing, altered or unfit
    ├── CalibrationError       2  calibration is missing or cannot be made from this data
    │   └── UndecidedError     2  a score was taken for an answer; a TypeError too
    ├── GalleryError           2  a gallery or identity is missing, or belongs to another model
    │   ├── MissingError       2  there is no such gallery, identity or reference
    │   ├── TakenError         2  the name is another one's already
    │   ├── SpellingError      2  a name or metadata is not written as it must be
    │   ├── UnreadableError    2  the file is missing, damaged, of a later format, or no gallery's
    │   └── StaleError         2  the gallery was dropped, or bound to another model, since it was opened
    ├── AccessError            2  a key is missing, unknown, expired, or of too low a role
    ├── BusyError              3  a service has more to do than it takes on; ask again later
    ├── QualityError           2  the quality gate refuses images; its findings say why
    ├── TrainingError          3  training went wrong (not-a-number loss, collapse)
    └── StorageError           3  the disk refused a write; the old state is intact

A message is one sentence: what came, what was expected, what mends it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class FirstSightError(Exception):
    """The root of all errors raised on purpose."""

    exit_code = 3


class UsageError(FirstSightError):
    """The request names something unknown or combines things that do not fit."""

    exit_code = 2


class InputError(FirstSightError):
    """An image or other input cannot be read."""

    exit_code = 2


class DataError(FirstSightError):
    """A data set is missing, broken, or cannot serve the task."""

    exit_code = 2


class ModelError(FirstSightError):
    """A model directory is missing, altered, or does not fit."""

    exit_code = 2


class CalibrationError(FirstSightError):
    """A calibration is missing, or cannot be made from the data given."""

    exit_code = 2


class UndecidedError(CalibrationError, TypeError):
    """What was not decided was asked whether it is true."""


class GalleryError(FirstSightError):
    """A gallery or identity is missing, or the gallery belongs to another model."""

    exit_code = 2


class MissingError(GalleryError):
    """There is no such gallery, identity or reference."""


class TakenError(GalleryError):
    """The name belongs to another one already."""


class SpellingError(GalleryError):
    """A name, or what is said of one, is not written as it must be."""


class UnreadableError(GalleryError):
    """The file of a gallery is missing, damaged, of a later format, or no gallery's at all."""


class StaleError(GalleryError):
    """The gallery was dropped, or bound to another model, since it was opened; open it again."""


class AccessError(FirstSightError):
    """A service asks for a key that may do this: none came, or it is unknown, expired or of too low a role."""

    exit_code = 2


class BusyError(FirstSightError):
    """A service has more to do than it takes on, or is closing; nothing was done, ask again later."""


class QualityError(FirstSightError):
    """The quality gate refuses images that were to be enrolled.

    Args:
        message: one sentence.
        findings: every :class:`firstsight.types.Finding`, also those that the message leaves out.
    """

    exit_code = 2

    def __init__(self, message: str, findings: Iterable[Any] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class TrainingError(FirstSightError):
    """Training cannot go on: the loss is not a number, or the embedding has collapsed."""


class StorageError(FirstSightError):
    """A write was refused by the system; what was stored before is intact."""


def unknown(what: str, name: str, known: Iterable[str], meant: str | None = None) -> UsageError:
    """An error for a name that is not in a list, with the list and what was ``meant``, or the likeliest intention."""
    names = sorted(known)
    guess = guessed(meant or likeliest(name, names, cutoff=0.5))
    return UsageError(f"there is no {what} {name!r}{guess}; known: {', '.join(names) or 'none'}")


def likeliest(name: str, names: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The name that was probably meant, written in capitals or not; None where none is like it."""
    folded: dict[str, str] = {}
    for one in names:
        folded.setdefault(one.casefold(), one)
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=cutoff)
    return folded[close[0]] if close else None


def guessed(name: str | None) -> str:
    """What a message asks back: `` (did you mean 'alice'?)``, or nothing."""
    return "" if name is None else f" (did you mean {name!r}?)"


def count(number: int, one: str, many: str) -> str:
    """A number with its noun: ``1 class``, ``2 classes``."""
    return f"{number:,} {one if number == 1 else many}"
