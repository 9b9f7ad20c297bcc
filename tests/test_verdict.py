"""The verdict's rule and its words: they depend on what was measured, and on nothing else."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from firstsight.types import Metric, Tally, Verdict
from firstsight.verdict import Door, level_of, of_door, of_tally


def metric(value: float, low: float | None = None, high: float | None = None) -> Metric:
    """A value with its interval."""
    return Metric(value, value if low is None else low, value if high is None else high)


DOOR = Door(
    20, 0.05, metric(0.1, 0.08, 0.13), metric(0.03), metric(0.98), {"pixels": metric(0.8), "hog": metric(0.6)},
    metric(0.5, 0.4, 0.6), 100, learned=False,
)  # fmt: skip


def told(door: Door) -> Verdict:
    """The verdict on it."""
    return of_door(door, data="folder:x", model="m", reason="", advice="")


@pytest.mark.parametrize(
    ("fnir", "level"),
    [
        (metric(0.0), "usable"),
        (metric(0.149, 0.1, 0.2), "usable"),
        (metric(0.15), "weak"),
        (metric(0.0, 0.0, 0.84), "weak"),
        (metric(0.5), "weak"),
        (metric(0.51), "useless"),
        (metric(1.0), "useless"),
    ],
)
def test_the_level_follows_the_misses(fnir: Metric, level: str) -> None:
    """Below 15 % usable, above 50 % useless; what may as well be useless is not called usable."""
    assert level_of(fnir) == level
    assert told(replace(DOOR, fnir=fnir)).level == level


def test_the_sentence_says_all_of_it() -> None:
    """For what, at which rates, how sure, against what, and what one claimed identity fares."""
    said = told(DOOR).sentence
    for part in ("usable at a door with 20 enrolled", "10 % of them are missed [8 % to 13 %]", "5 % of strangers"):
        assert part in said
    assert "100 new classes" in said
    assert "comparing pixels misses 80 % and HOG 60 %" in said
    assert "missed 3 % of the time at an FMR of 1 %" in said


@pytest.mark.parametrize(
    ("door", "words"),
    [
        (replace(DOOR, fnir=metric(0.99, 0.98, 0.999)), "no better than guessing:"),
        (replace(DOOR, fnir=metric(0.7, 0.6, 0.8), gain=metric(0.0, -0.1, 0.1)), "no better than comparing pixels:"),
        (replace(DOOR, fnir=metric(0.7, 0.6, 0.8)), "not usable at a door with 20 enrolled:"),
        (replace(DOOR, fnir=metric(0.3)), "weak at a door with 20 enrolled:"),
    ],
)
def test_a_failure_is_called_by_its_name(door: Door, words: str) -> None:
    """Guessing, comparing pixels, or merely not good enough."""
    assert told(door).sentence.startswith(words)


def test_baselines_that_do_as_well_are_named_even_of_a_usable_one() -> None:
    """A model that learned nothing on easy data is usable, and the user learns that pixels are too."""
    assert "which do as well" in told(replace(DOOR, gain=metric(-0.01, -0.1, 0.1))).sentence
    assert "a difference within chance" in told(replace(DOOR, gain=metric(0.05, -0.1, 0.2))).sentence


def test_learned_and_few_classes_are_named() -> None:
    """In the headline: figures of learned classes, and rough ones."""
    assert "enrolled of the classes it learned" in told(replace(DOOR, learned=True)).sentence
    assert "(rough: few classes)" in told(replace(DOOR, classes=5)).sentence


def tally(**counts: int) -> Tally:
    """Answers of a gallery."""
    whole = {"enrolled": 6, "probes": 100, "right": 95, "wrong": 0, "unknown": 5, "best_is_right": 95}
    whole |= {"strangers": 100, "strangers_unknown": 97, "left_out": 0}
    return Tally(data="folder:x", answers=(), **(whole | counts))


@pytest.mark.parametrize(
    ("counts", "level"),
    [
        ({}, "usable"),
        ({"right": 60, "unknown": 40}, "weak"),
        ({"right": 40, "unknown": 60}, "useless"),
        ({"strangers_unknown": 70}, "weak"),
        ({"strangers_unknown": 0}, "useless"),
        ({"probes": 0, "right": 0, "unknown": 0}, "unknown"),
    ],
)
def test_answers_are_judged_too(counts: dict[str, int], level: str) -> None:
    """Misses and strangers let in both count: who lets everybody in misses nobody."""
    found = of_tally(tally(**counts))
    assert found.level == level
    assert bool(found.advice) == (level in ("weak", "useless"))


def test_figures_that_are_none_are_refused() -> None:
    """A verdict read from a file holds rates."""
    with pytest.raises(ValueError, match="not between 0 and 1"):
        Verdict("usable", "fine", fnir=metric(float("nan")))
    with pytest.raises(ValueError, match="not between 0 and 1"):
        Verdict("usable", "fine", fpir=2.0)


def test_rates_near_an_end_have_a_digit_more() -> None:
    """0.4 % and 99.6 % do not read 0 and 100."""
    said = told(replace(DOOR, fnir=metric(0.004, 0.0, 0.996))).sentence
    assert re.search(r"0\\.4 % .*\\[0 % to 99\\.6 %\\]".replace("\\\\", "\\"), said)
