"""What a reproduction is, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from firstsight.types import Metric


@dataclass(frozen=True, slots=True)
class Figure:
    """A published figure.

    Attributes:
        name: what it is, in words.
        measure: which measure gives ours, a name of :data:`firstsight.reproduce.measures.MEASURES`.
        metric: of that measure.
        paper: the published value, a share of 1; None where nothing was published, for figures beside it.
        source: where in the paper, or "" .
    """

    name: str
    measure: str
    metric: str
    paper: float | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Fold:
    """A further training of a reproduction, with some classes held out.

    Attributes:
        name: of its folder below that of the reproduction.
        changes: on top of those of the reproduction, ``section.key=value``.
        asked: the address of the classes held out.
    """

    name: str
    changes: tuple[str, ...]
    asked: str


@dataclass(frozen=True, slots=True)
class Stage:
    """A training whose model another one starts from.

    Attributes:
        recipe: a shipped recipe.
        changes: to it, ``section.key=value``.
        smoke: further changes that make it end within seconds.
    """

    recipe: str
    changes: tuple[str, ...] = ()
    smoke: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A published result, and the training that should give it.

    Attributes:
        title: one line.
        paper: what is reproduced.
        recipe: a shipped recipe.
        changes: to it, ``section.key=value``.
        smoke: further changes that make it end within seconds; its figures mean nothing.
        figures: published ones and those beside them.
        differs: what is not as in the paper, and why; a sentence each.
        collapses: whether the training is expected to end in a collapse, as the published one did.
        beside: names of files of ``results``, reports of our own models by the same protocol, to stand beside.
        folds: further trainings, for measures of classes held out in turn; a smoke run does the first.
        before: a training that comes first, and whose model this one starts from.
    """

    title: str
    paper: str
    recipe: str
    changes: tuple[str, ...] = ()
    smoke: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    differs: tuple[str, ...] = ()
    collapses: bool = False
    beside: tuple[str, ...] = ()
    folds: tuple[Fold, ...] = ()
    before: Stage | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure of the paper beside ours.

    Attributes:
        name: of the figure.
        protocol: how ours was measured.
        trials: decisions behind it.
        paper: the published value; None where there is none.
        source: of the published value.
        ours: with its 95 % interval.
    """

    name: str
    protocol: str
    trials: int
    paper: float | None
    source: str
    ours: Metric


@dataclass(frozen=True, slots=True)
class Record:
    """What came of a reproduction: the content of ``NAME.json``.

    Attributes:
        name: of the reproduction.
        title, paper: as in the catalogue.
        command: that repeats it.
        seed: of the training and of the measures.
        commit: of FirstSight, with a ``+`` where files had been changed.
        date: UTC.
        machine: cores, architecture, Python.
        smoke: whether it was a smoke run, whose figures mean nothing.
        state: ``training``, ``measuring``, ``done`` or ``stopped`` (by a collapse).
        step, steps: how far training is, and how long it may be.
        cpu_minutes, wall_minutes: of training so far, all of its parts included.
        stopped: the sentence training ended with; "" when it ended well.
        curve: loss and held-out accuracy by step, thinned.
        earlier: the same of the training that came first, where one did.
        figures: published beside ours.
        details: confusion matrices, thresholds, curves.
        differs: what is not as in the paper.
        pictures: files beside this one.
    """

    name: str
    title: str
    paper: str
    command: str
    seed: int
    commit: str
    date: str
    machine: str
    smoke: bool
    state: str
    step: int = 0
    steps: int = 0
    cpu_minutes: float = 0.0
    wall_minutes: float = 0.0
    stopped: str = ""
    curve: tuple[dict[str, float], ...] = ()
    earlier: tuple[dict[str, float], ...] = ()
    figures: tuple[Measured, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    differs: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
