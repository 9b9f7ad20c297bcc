"""Error rates at other thresholds: they are those of the scores, and the model's own threshold is among them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from made import drawn, fitted

from firstsight.calibration import Calibration, Target
from firstsight.calibration.record import MOST_RATES
from firstsight.model import Model


@pytest.mark.parametrize(("genuine", "impostor"), [(500, 5000), (3, 3), (1, 4000)])
def test_rates_are_those_of_the_scores(genuine: int, impostor: int) -> None:
    """At each threshold looked at, FMR and FNMR are what counting gives."""
    same, different = drawn(genuine, impostor)
    found = fitted(same, different, Target("fmr", 0.25))
    assert 2 <= len(found.rate_scores) <= MOST_RATES
    for place, fmr, fnmr in zip(found.rate_scores, found.rate_fmr, found.rate_fnmr, strict=True):
        assert fmr == pytest.approx((different >= np.float32(place)).mean())
        assert fnmr == pytest.approx((same < np.float32(place)).mean())


def test_the_threshold_is_among_them() -> None:
    """Where the model's threshold stands, the rates are those of its calibration, to the last digit."""
    found = fitted(*drawn(500, 5000), Target("fmr", 0.013))
    place = found.rate_scores.index(np.float32(found.threshold))
    assert (found.rate_fmr[place], found.rate_fnmr[place]) == pytest.approx((found.fmr, found.fnmr), abs=1e-12)


def test_they_reach_from_all_to_nearly_none() -> None:
    """The lowest threshold lets nearly all pass, the highest nearly none."""
    found = fitted(*drawn(500, 5000), Target("fmr", 0.01))
    assert found.rate_fmr[0] > 0.99
    assert found.rate_fnmr[0] < 0.01
    assert found.rate_fmr[-1] < 0.001
    assert found.rate_fnmr[-1] > 0.99


def test_the_shipped_model_has_them() -> None:
    """The shipped glyphs can show what another threshold would do."""
    calibration = Model.load("glyphs").calibration
    assert calibration is not None
    assert len(calibration.rate_scores) > 100
    assert calibration.rate_fmr[calibration.rate_scores.index(np.float32(calibration.threshold))] == calibration.fmr


@pytest.mark.parametrize(
    "changed",
    [
        {"rate_scores": (0.1, 0.1)},
        {"rate_fmr": (0.1, 0.2)},
        {"rate_fnmr": (0.2, 0.1)},
        {"rate_fmr": (0.1,)},
        {"rate_fnmr": (0.2, 1.1)},
    ],
)
def test_rates_that_contradict_themselves_are_refused(changed: dict[str, tuple[float, ...]]) -> None:
    """Scores rise, FMR falls, FNMR rises, all of one length and between 0 and 1."""
    good = {"rate_scores": (0.1, 0.2), "rate_fmr": (0.2, 0.1), "rate_fnmr": (0.1, 0.2)}
    calibration: Calibration = dataclasses.replace(fitted(*drawn(), Target("fmr", 0.1)), **good)
    with pytest.raises(ValueError):
        dataclasses.replace(calibration, **changed)
