"""What a protocol is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args

from firstsight.calibration import Calibration
from firstsight.datasets import DataSet
from firstsight.errors import UsageError
from firstsight.evaluation.oneshot import Across
from firstsight.types import Embedder, FloatArray, Metric, PixelArray


@dataclass(frozen=True, slots=True)
class Settings:
    """What a caller may choose; protocols with fixed rules refuse other values.

    Attributes:
        ways: N, classes in a task or identities in a gallery.
        shots: K, references a class.
        tasks: tasks, or galleries, drawn.
        across: what sets both sides of a comparison apart, where the data has origins: ``origins``; ``styles`` (one
            origin, another drawing; N-way tasks only); or ``examples`` (merely different ones).
        seed: of every draw.
    """

    ways: int = 20
    shots: int = 1
    tasks: int = 1000
    across: Across = "origins"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("ways", 2), ("shots", 1), ("tasks", 1)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}, at least {least} was expected")
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}, 0 or more was expected")
        if self.across not in get_args(Across):
            raise UsageError(f"across is {self.across!r}, one of {', '.join(get_args(Across))} was expected")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is evaluated: a data set as an embedder sees it, under settings.

    Attributes:
        embedder: makes embeddings and scores.
        data: the examples.
        arrays: ``(n, c, h, w)`` their readings.
        embeddings: ``(n, d)``.
        settings: ways, shots, tasks and seed.
        calibration: the saved threshold and probability, if there are any.
        choice: other data, on which a protocol of its own chooses thresholds; disjoint classes.
        learned: whether the classes were learned and only the images are new. The question then is about these very
            classes, so intervals resample images, not classes.
    """

    embedder: Embedder
    data: DataSet
    arrays: PixelArray
    embeddings: FloatArray
    settings: Settings
    calibration: Calibration | None = None
    choice: Subject | None = None
    learned: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a protocol measured; the verb ``evaluate`` wraps it into a Report."""

    protocol: str
    trials: int
    metrics: dict[str, Metric]
    details: dict[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Protocol:
    """A procedure and the data it is for.

    Attributes:
        about: one line.
        measure: the procedure.
        data: the address it is fixed to; "" when the caller names any data.
        choice: the address of the data on which it chooses thresholds; "" where it needs none.
        fixed: settings that are part of the protocol.
        takes: settings that a caller may choose, beside the seed.
        defaults: settings that differ from the usual ones unless the caller chooses.
        decides: whether the saved threshold is measured, so that the classes it was chosen on are refused.
        unseen: what a model must not have been trained on: the ``classes`` of the data, or merely its ``images``.
    """

    about: str
    measure: Callable[[Subject], Outcome]
    data: str = ""
    choice: str = ""
    fixed: tuple[tuple[str, int | str], ...] = ()
    takes: tuple[str, ...] = ()
    defaults: tuple[tuple[str, int | str], ...] = ()
    decides: bool = False
    unseen: Literal["classes", "images"] = "classes"
