"""The verdict: what figures mean for use, in one rule that every door takes its words from.

A model is ``usable`` where few of the enrolled are missed at a threshold that lets few strangers in, ``useless`` where
most of them are, and ``weak`` between. Decision 0043 says why these bars.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from firstsight.errors import count
from firstsight.metrics.intervals import exact
from firstsight.types import Metric, Tally, Verdict

USABLE, USELESS = 0.15, 0.5
"""FNIR below which a model is usable, and above which it is useless."""
MOST_LET_IN = 0.2
"""FPIR of a gallery's own answers above which nothing is called usable."""
_SURE = 10  # classes measured, below which figures are rough
Level = Literal["usable", "weak", "useless", "unknown"]


@dataclass(frozen=True, slots=True)
class Door:
    """What was measured at a door, with 95 % intervals by resampling classes (or groups).

    Attributes:
        identities: enrolled, with one image each.
        fpir: share of strangers who are taken for somebody.
        fnir: of the model: enrolled ones who are missed or taken for another.
        fnmr: of the model: one claimed identity, at an FMR of 1 %.
        rank1: of the model: the right one scores best.
        baselines: FNIR of comparing pixels and of HOG, by name.
        gain: by how much FNIR is lower than that of the better baseline.
        classes: how many there were.
        learned: whether the model learned them.
        trainings: by how many it was measured, each with other classes held out.
    """

    identities: int
    fpir: float
    fnir: Metric
    fnmr: Metric
    rank1: Metric
    baselines: dict[str, Metric]
    gain: Metric
    classes: int
    learned: bool
    trainings: int = 1


def level_of(fnir: Metric) -> Level:
    """By the share of the enrolled who are missed; what may as well be useless is not called usable."""
    if fnir.value > USELESS:
        return "useless"
    return "usable" if fnir.value < USABLE and fnir.high < USELESS else "weak"


def of_door(door: Door, *, data: str, model: str, reason: str, advice: str) -> Verdict:
    """The verdict on a model.

    Args:
        door: what was measured.
        data: on which.
        model: its fingerprint.
        reason, advice: why it is no better and what would help most; a usable one needs none.
    """
    level = level_of(door.fnir)
    return Verdict(
        level,
        _sentence(level, door),
        reason,
        advice,
        data,
        door.identities,
        door.fpir,
        door.fnir,
        door.fnmr,
        door.baselines,
        door.gain,
        door.classes,
        door.learned,
        model,
        door.trainings,
    )


def _sentence(level: Level, door: Door) -> str:
    where = f"at a door with {door.identities} enrolled{' of the classes it learned' if door.learned else ''}"
    of = "learned" if door.learned else "new"
    turns = f", held out in turn by {door.trainings} trainings alike" if door.trainings > 1 else ""
    measured = (
        f"{_percent(door.fnir.value)} of them are missed [{_percent(door.fnir.low)} to "
        f"{_percent(door.fnir.high)}] where {_percent(door.fpir)} of strangers are let in, from one image each of "
        f"{count(door.classes, f'{of} class', f'{of} classes')}{turns}"
    )
    rivals = " and ".join(f"{_NAMED[n]} {_percent(m.value)}" for n, m in door.baselines.items())
    better = door.gain.low > 0
    if level == "usable":
        begins = f"usable {where}"
    elif level == "weak":
        begins = f"weak {where}"
    elif door.fnir.high >= _guessing(door):
        begins = "no better than guessing"
    elif not better:
        begins = "no better than comparing pixels"
    else:
        begins = f"not usable {where}"
    even = "" if better or begins.startswith("no better") else _EVEN[door.gain.value > 0]
    alone = f"; one claimed identity is missed {_percent(door.fnmr.value)} of the time at an FMR of 1 %"
    rough = " (rough: few classes)" if door.classes < _SURE else ""
    return f"{begins}: {measured}{rough}; {rivals}{even}{alone if door.identities > 1 else ''}"


_EVEN = (", which do as well", ", a difference within chance")
_NAMED = {"pixels": "comparing pixels misses", "hog": "HOG"}


def _guessing(door: Door) -> float:
    """FNIR of blind guessing: whoever is let in is somebody at random."""
    return 1 - door.fpir / door.identities


def of_tally(counted: Tally) -> Verdict:
    """The verdict on a gallery's own answers, at its saved threshold."""
    missed = counted.probes - counted.right
    if not counted.probes:
        return Verdict("unknown", f"not known: nobody of {counted.data} is enrolled", data=counted.data)
    fnir = Metric(missed / counted.probes, *exact(missed, counted.probes))
    let_in = counted.strangers - counted.strangers_unknown
    fpir = Metric(let_in / counted.strangers, *exact(let_in, counted.strangers)) if counted.strangers else None
    level = level_of(fnir)
    strangers = "no strangers asked" if fpir is None else f"{_percent(fpir.value)} of strangers are let in"
    if fpir is not None and fpir.value > MOST_LET_IN:
        level = "useless" if fpir.value > USELESS else "weak" if level == "usable" else level
    begins = {"usable": "usable", "weak": "weak", "useless": "not usable"}[level]
    who = count(counted.enrolled, "identity", "identities")
    sentence = (
        f"{begins} for recognition among {who}: {_percent(fnir.value)} of the enrolled are missed "
        f"[{_percent(fnir.low)} to {_percent(fnir.high)}], {strangers}"
    )
    advice = "" if level == "usable" else _mend(fnir, fpir)
    return Verdict(
        level,
        sentence,
        advice=advice,
        data=counted.data,
        identities=counted.enrolled,
        fpir=fpir.value if fpir else 0.0,
        fnir=fnir,
    )


def _mend(fnir: Metric, fpir: Metric | None) -> str:
    if fpir is not None and fpir.value > MOST_LET_IN:
        chosen = "firstsight calibrate MODEL DATA --fpir 0.05 --gallery-size N"
        return f"choose a threshold for a gallery of this size: {chosen}"
    return "enroll several images each, or train on data like this"


def _percent(share: float) -> str:
    near = min(share, 1 - share)  # a rate near 0 or 1 has a digit more
    return f"{100 * share:.{1 if 0 < near < 0.0995 else 0}f}".removesuffix(".0") + " %"
