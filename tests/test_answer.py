"""Answers in words."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from firstsight.answer import against, crowded, of_many
from firstsight.calibration import Curve, Target
from firstsight.decision import decide, match
from worlds import rule

STRICT = rule(0.5, curve=Curve("platt", (10.0, -2.7)))  # 91 % at the threshold
LAX = rule(0.5, curve=Curve("platt", (10.0, -6.5)))  # 18 %
LEVEL = rule(0.5, curve=Curve("isotonic", (), (0.1, 0.3), (0.02, 0.98)))  # level from 0.3 on
STEEP = rule(0.5, curve=Curve("platt", (2000.0, -900.0)))  # 1.0 in float64 around the threshold


def numbers(words: str) -> tuple[float, float, bool]:
    """What it has, what it needs, and whether it is said to be enough."""
    have, need = (
        float(x) for x in re.search(r"([\d.e+-]+)(?: % probable)?, (?:below|reaches) the ([\d.e+-]+)", words).groups()
    )  # type: ignore[union-attr]
    return have, need, "reaches" in words


def test_a_probability_never_stands_without_the_one_that_is_needed() -> None:
    """Not the same at 74 %, since 91 % is needed; the same at 27 %, since 18 % is."""
    below = decide(0.374, STRICT)
    assert (below.same, below.needed) == (False, pytest.approx(0.909, abs=1e-3))
    assert str(below) == below.answer == "not the same: 74 % probable, below the 91 % needed"
    assert str(decide(0.55, LAX)) == "same: 27 % probable, reaches the 18 % needed"


@pytest.mark.parametrize("calibration", [STRICT, LAX, LEVEL, STEEP])
def test_the_numbers_said_agree_with_the_answer(calibration) -> None:  # type: ignore[no-untyped-def]
    """However near the threshold a score is, and where the curve is level, what is said lies on the side decided."""
    edge = np.float32(0.5)
    near = [np.nextafter(edge, np.float32(0)), edge, np.nextafter(edge, np.float32(1))]
    for score in [*near, *np.float32(np.linspace(0, 1, 401))]:
        made = decide(float(score), calibration)
        have, need, enough = numbers(made.answer)
        assert enough is made.same
        if "less than" in made.answer or "more than" in made.answer:
            continue
        assert have >= need if made.same else have < need, made.answer


def test_the_reason_tells_a_score_from_its_threshold() -> None:
    """Beside the threshold the score has as many digits as tell the two apart, in a decision as in a match."""
    beside = float(np.nextafter(np.float32(0.5), np.float32(0)))
    made = decide(beside, STRICT)
    have, need = re.findall(r"0\.\d+", made.reason)[:2]
    assert have < need
    found = match(np.array([beside, 0.1], np.float32), ["a", "b"], STRICT)
    have, need = re.findall(r"0\.\d+", found.reason)[:2]
    assert have < need


def test_nothing_is_said_to_be_certain() -> None:
    """A probability short of one is not said as 100 %, nor one above none as 0 %."""
    assert against(9, 1 - 1e-9, 0.5, 0.9, reached=True) == "more than 99.9 % probable, reaches the 90 % needed"
    assert against(-9, 1e-9, 0.5, 0.9, reached=False) == "less than 0.1 % probable, below the 90 % needed"


def test_a_match_tells_who_reaches_what_is_needed() -> None:
    """Each candidate says whether it reaches the threshold; a second one that does is named; an unknown has its bar."""
    found = match(np.array([0.9, 0.6, 0.1], np.float32), ["house", "star", "cup"], STRICT)
    assert [one.reached for one in found.candidates] == [True, True, False]
    assert found.answer.startswith(
        "house: 99.8 % probable, reaches the 91 % needed; star reaches it too; with 3 enrolled"
    )
    alone = match(np.array([0.9, 0.1], np.float32), ["house", "star"], STRICT)
    assert "too" not in alone.answer
    nobody = match(np.array([0.39, 0.1], np.float32), ["house", "star"], STRICT)
    assert nobody.answer.startswith(
        "unknown: the nearest is house, 77 % probable, below the 91 % needed; with 2 enrolled"
    )
    tie = match(np.array([0.9, 0.9], np.float32), ["house", "star"], STRICT)
    assert tie.answer.startswith("unknown: house and star are as alike (99.8 % probable, reaches the 91 % needed)")


def test_strangers_are_counted_in_people() -> None:
    """Of a hundred, of ten thousand where there are few, and never all of them."""
    said = [of_many(share) for share in (0.5499, 0.01, 0.0004, 1e-7, 0.9999999, 1.0)]
    assert said == [
        "55 of 100",
        "1 of 100",
        "4 of 10,000",
        "fewer than 1 of 10,000",
        "more than 99 of 100",
        "100 of 100",
    ]


def test_a_gallery_too_large_for_its_threshold_says_so_with_the_remedy() -> None:
    """Above 5 % of strangers, or above the target FPIR of a smaller gallery, the command that mends it is told."""
    plain = rule(0.5)
    assert crowded(plain, 5) == crowded(None, 50) == crowded(plain, 0) == ()
    [said] = crowded(plain, 47)
    assert said.startswith("with 47 enrolled, about 38 of 100 strangers would be taken for someone; ")
    assert said.endswith("firstsight calibrate MODEL DATA --fpir 0.05 --gallery-size 47")
    chosen = replace(plain, target=Target("fpir", 0.02, 20), fpir=0.02, fpir_low=0.01, fpir_high=0.03)
    assert crowded(chosen, 20) == ()
    [said] = crowded(chosen, 40)
    assert "about 4 of 100" in said
    assert said.endswith("--fpir 0.02 --gallery-size 40")
