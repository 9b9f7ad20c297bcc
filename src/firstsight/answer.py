"""Answers in words: a decision or a match with the probability it has and the one that is needed, for every door.

The probability takes same and different as equally likely; a target may ask for more than one half of it, or for less.
So it never stands alone: docs/decisions/0041-answers-in-words.md.
"""

from __future__ import annotations

import numpy as np

from firstsight.calibration import Calibration

MOST_STRANGERS = 0.05
"""Share of strangers taken for someone, above which a gallery is too large for a threshold of single comparisons."""
_DIGITS = 6  # after which two probabilities are as good as equal


def against(score: float, probability: float, threshold: float, needed: float, *, reached: bool) -> str:
    """How sure it is, and how sure it must be: ``74 % probable, below the 91 % needed``.

    As many digits as show on which side it lies; the scores, where no digits do (a curve is level at its ends).
    """
    side = "reaches" if reached else "below"
    for digits in range(_DIGITS):
        (have, told), (need, wanted) = _percent(probability, digits), _percent(needed, digits)
        if have > need if reached else have < need:
            return f"{told} probable, {side} the {wanted} needed"
        if reached and have == need and told == wanted:
            return f"{told} probable, {side} the {wanted} needed"
    have_told, need_told = scores(score, threshold)
    return f"score {have_told}, {side} the {need_told} needed"


def scores(score: float, threshold: float) -> tuple[str, str]:
    """A score and the one that is needed, in three decimals, or in as many as tell one from the other."""
    have, need = float(np.float32(score)), float(np.float32(threshold))  # as they were compared
    places = next((n for n in range(3, 9) if f"{have:.{n}f}" != f"{need:.{n}f}"), 3)
    return f"{have:.{places}f}", f"{need:.{places}f}"


def _percent(share: float, digits: int) -> tuple[float, str]:
    """As shown, as a number and in words; near 0 and 1 with a digit more, and never as certain as 0 % or 100 %."""
    places = digits + (not 0.0995 <= share <= 0.9905)
    shown = round(100 * share, places)
    if shown >= 100 and share < 1:
        return 100.0, f"more than {100 - 10.0**-places:.{places}f} %"
    if shown <= 0 < share:
        return 0.0, f"less than {10.0**-places:.{places}f} %"
    return shown, f"{shown:.{places}f} %"


def likely(probability: float) -> str:
    """A probability in percent, never as certain as 0 % or 100 %: ``more than 99.9 %``."""
    return _percent(probability, 0)[1]


def of_many(share: float) -> str:
    """A share of strangers in whole people: ``55 of 100``."""
    for among in (100, 10_000):
        if round(share * among) >= 1:
            some = round(share * among)
            return f"{some:,} of {among:,}" if some < among or share == 1 else f"more than {among - 1:,} of {among:,}"
    return "fewer than 1 of 10,000"


def strangers(enrolled: int, share: float) -> str:
    """What a gallery of a size lets in: ``with 47 enrolled, about 55 of 100 strangers would be taken for someone``."""
    told = of_many(share)
    about = "about " if told[0].isdigit() else ""
    return f"with {enrolled:,} enrolled, {about}{told} strangers would be taken for someone"


def crowded(calibration: Calibration | None, enrolled: int) -> tuple[str, ...]:
    """What is said where a gallery lets in more strangers than its threshold was chosen for, with what mends it.

    A target FPIR says how many those are; any other one speaks of single comparisons, and :data:`MOST_STRANGERS` holds.
    """
    if calibration is None or not enrolled:
        return ()
    target = calibration.target
    most = target.value if target.kind == "fpir" else MOST_STRANGERS
    share = calibration.expected_fpir(enrolled)
    if (target.kind == "fpir" and enrolled <= target.gallery_size) or share <= most:
        return ()
    return (
        f"{strangers(enrolled, share)}; for a threshold of this size: firstsight calibrate MODEL DATA "
        f"--fpir {most:g} --gallery-size {enrolled}",
    )
