"""The verbs on published systems: which can be reproduced, and doing it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from firstsight.types import Info

if TYPE_CHECKING:
    from firstsight.learn.events import Event
    from firstsight.reproduce.record import Record


def reproduce(
    name: str,
    *changes: str,
    smoke: bool = False,
    seed: int = 0,
    out: str | Path | None = None,
    so_far: bool = False,
    listen: Callable[[Event], None] | None = None,
) -> Record:
    """Train as a paper did, measure by its protocol, and write ``results/reproduce/NAME.json``.

    The file is written while training too; a run that was stopped goes on where it stopped.

    Args:
        name: of :func:`reproductions`.
        changes: ``section.key=value`` to the recipe; they are part of the command that the file holds.
        smoke: the smallest size, within seconds; its figures mean nothing and are written beside the model.
        seed: of the training and of the measures.
        out: folder of the training; default ``build/reproduce/NAME``.
        so_far: learn no further: measure what a stopped run has learned; the same call without it goes on.
        listen: called with what happens.

    Raises:
        UsageError, DataError, TrainingError, StorageError: see each.

    Example:
        >>> reproduce("koch-30k", smoke=True).figures[0].paper  # doctest: +SKIP
        0.9061
    """
    from firstsight.api import train
    from firstsight.reproduce.run import reproduce as run_it

    place = None if out is None else Path(out)
    return run_it(
        name,
        changes,
        train=train,
        smoke=smoke,
        seed=seed,
        out=place,
        so_far=so_far,
        listen=listen or (lambda _: None),
    )


def reproductions() -> list[Info]:
    """What can be reproduced, a line each."""
    from firstsight.reproduce import catalogue

    return catalogue.reproductions()
