"""What is said of the figures: every sentence where it belongs, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstsight import api
from firstsight.calibration import Target
from firstsight.datasets import DataSet
from firstsight.evaluation.diagnosis import FEW_GROUPS, concentration, diagnose, effective_dimensions, variance_shares
from firstsight.evaluation.subject import Outcome, Subject
from firstsight.types import FloatArray, Metric
from worlds import alphabets, constant, made, measure, noisy, rule, subject

MANY = alphabets(FEW_GROUPS, 6, 3)
"""A data set with so many groups that nothing is to be said of them."""


def spread(data: DataSet = MANY) -> FloatArray:
    """Healthy embeddings."""
    return noisy(data, dim=32)


def metric(value: float, half: float = 0.0) -> Metric:
    """A value with its interval."""
    return Metric(value, value - half, value + half)


def told(given: Subject | None = None, details: dict[str, Any] | None = None, **metrics: Metric) -> tuple[str, ...]:
    """What is said of these metrics; an ``at`` in a name stands for ``@``."""
    named = {k.replace("_at_", "@").replace("_", " "): v for k, v in metrics.items()}
    outcome = Outcome("made", 100, named, details or {})
    return diagnose(given or subject(MANY, spread()), outcome)[0]


def calibrated(**changes: Any) -> Subject:
    """A healthy subject with a calibration of many classes."""
    return subject(MANY, spread(), calibration=rule(**changes), ways=20)


def test_of_good_figures_nothing_is_said() -> None:
    """A healthy embedding, far above pixels, at the promised rates: no sentence."""
    good = {"accuracy": metric(0.95, 0.01), "pixels": metric(0.5, 0.02), "fmr_at_threshold": metric(0.011, 0.003)}
    assert told(calibrated(), **good, ece=metric(0.02)) == ()


# --- collapse


@pytest.mark.parametrize("dimensions", [0, 1, 2, 3])
def test_a_collapse_is_said(dimensions: int) -> None:
    """Embeddings that lie in a point, on a line or in a few directions have collapsed, and what helps is said."""
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(len(MANY), max(1, dimensions))) @ rng.normal(size=(max(1, dimensions), 32))
    vectors = (flat if dimensions else constant(MANY)).astype(np.float32)
    (sentence,) = told(subject(MANY, vectors))
    assert "collapsed" in sentence
    assert f"of its {vectors.shape[1]} dimensions" in sentence
    assert "gentler loss" in sentence


@pytest.mark.parametrize("dim", [2, 4, 32])
def test_what_fills_its_space_has_not_collapsed(dim: int) -> None:
    """Few dimensions are no collapse where there are no more."""
    vectors = np.random.default_rng(1).normal(size=(len(MANY), dim)).astype(np.float32)
    assert told(subject(MANY, vectors)) == ()


def test_effective_dimensions_count_directions() -> None:
    """Evenly filled directions count one each, however large; a point fills none."""
    rng = np.random.default_rng(2)
    points = np.zeros((4000, 10), np.float32)
    points[:, :3] = 100 * rng.normal(size=(4000, 3)) + 7
    shares = variance_shares(points)
    assert effective_dimensions(shares) == pytest.approx(3, abs=0.05)
    assert shares.sum() == pytest.approx(1)
    assert (np.diff(shares) <= 1e-7).all()
    assert effective_dimensions(variance_shares(np.full((5, 4), 0.3, np.float32))) == 0


def test_the_spectrum_is_kept() -> None:
    """The details hold the shares of the first directions, falling."""
    _, details = diagnose(subject(MANY, spread()), Outcome("made", 1, {}))
    spectrum = details["spectrum"]
    assert isinstance(spectrum, list)
    assert len(spectrum) == 32
    assert spectrum == sorted(spectrum, reverse=True)


# --- the trivial baseline


@pytest.mark.parametrize("names", [("accuracy", "pixels"), ("map@r", "pixels map@r")])
def test_pixels_that_do_as_well_are_named(names: tuple[str, str]) -> None:
    """When the model's interval is not above that of comparing pixels, it is said that nothing was learned."""
    ours, theirs = names

    def said(value: float, pixels: float) -> tuple[str, ...]:
        outcome = Outcome("made", 9, {ours: metric(value, 0.02), theirs: metric(pixels, 0.02)})
        return diagnose(subject(MANY, spread()), outcome)[0]

    for value in (0.3, 0.5, 0.53):
        (sentence,) = said(value, 0.5)
        assert f"50.0% against {value:.1%}" in sentence
        assert "learned nothing" in sentence
    assert said(0.55, 0.5) == ()


# --- rates at the threshold


@pytest.mark.parametrize("name", ["fmr", "fpir"])
def test_rates_off_their_promise_are_said(name: str) -> None:
    """Far above what was to be expected the data is harder; far below it the threshold is too strict."""
    given = calibrated()
    assert given.calibration is not None
    expected = 0.01 if name == "fmr" else given.calibration.expected_fpir(20)
    assert name == "fmr" or expected == pytest.approx(1 - 0.99**20)
    key = f"{name}_at_threshold"
    (above,) = told(given, **{key: metric(3 * expected, 0.5 * expected)})
    assert above.startswith(f"{name.upper()} at the saved threshold is {3 * expected:.2%}, {expected:.2%}")
    assert "harder" in above
    assert "calibrate on data like this" in above
    (below,) = told(given, **{key: metric(0.3 * expected, 0.1 * expected)})
    assert "stricter than it need be" in below
    for share in (0.5, 1.0, 1.6):  # within the interval, or within half as much again
        assert told(given, **{key: metric(share * expected, 0.3 * expected)}) == ()


def test_the_expected_fpir_follows_the_gallery() -> None:
    """The same rate of strangers let in is too many among few and just right among many."""
    rate = metric(1 - 0.99**50, 0.02)
    for ways, words in ((10, "harder"), (50, None), (200, "stricter")):
        given = subject(MANY, spread(), calibration=rule(), ways=ways)
        said = told(given, fpir_at_threshold=rate)
        assert (len(said) == 1 and words in said[0]) if words else said == ()


def test_a_rate_within_its_target_is_not_called_too_high() -> None:
    """Where calibration saw no false match the target still was a hundredth, so a thousandth here keeps the word."""
    seen_none = calibrated(fmr=0.0, fmr_low=0.0, fmr_high=0.001)
    assert not any("harder" in s for s in told(seen_none, fmr_at_threshold=metric(0.001, 0.0005)))
    assert any("harder" in s for s in told(seen_none, fmr_at_threshold=metric(0.05, 0.01)))


def test_without_a_calibration_no_threshold_is_judged() -> None:
    """An uncalibrated model has promised nothing."""
    assert told(subject(MANY, spread()), fmr_at_threshold=metric(0.5), ece=metric(0.01)) == ()


def test_probabilities_that_are_off_are_said() -> None:
    """A calibration error above 5 % is said with its size."""
    (sentence,) = told(calibrated(), ece=metric(0.12))
    assert "12.0%" in sentence
    assert "calibrate on data like this" in sentence
    assert told(calibrated(), ece=metric(0.05)) == ()


# --- where the errors are


def rows(accuracies: list[float], trials: int = 100) -> list[dict[str, Any]]:
    """A table, worst first."""
    return [{"name": f"n{i}", "accuracy": a, "trials": trials} for i, a in enumerate(sorted(accuracies))]


@pytest.mark.parametrize(("by", "words"), [("group", "2 groups of 12"), ("class", "2 classes of 12")])
def test_errors_of_a_few_are_traced(by: str, words: str) -> None:
    """Where few classes or groups make most errors they are named, with what the rest would be."""
    table = rows([0.5, 0.6, *[0.98] * 10])
    (sentence,) = told(details={"table": table, "by": by})
    assert words in sentence
    assert "(n0, n1)" in sentence
    assert f"{0.9 / 1.1:.0%} of the errors" in sentence
    assert "without, 2.0% of the trials would be wrong" in sentence


@pytest.mark.parametrize(
    "table",
    [
        rows([0.9] * 12),  # even
        rows([0.5, *[0.98] * 4]),  # few rows
        rows([0.95, *[1.0] * 11]),  # five errors
        rows([0.6, 0.6, 0.6, 0.6, 0.98, 0.98, 0.98, 0.98]),  # half of them all is not a few
        [],
        [{"name": "a", "trials": 3}],
    ],
    ids=["even", "few rows", "few errors", "half of all", "none", "no accuracy"],
)
def test_errors_of_all_are_not_traced(table: list[dict[str, Any]]) -> None:
    """Even errors, few rows or few errors point nowhere."""
    assert concentration(table, "class") == []


def test_a_row_of_many_trials_is_not_blamed_for_its_size() -> None:
    """A class that makes half of the errors because half of the trials are its own is not named."""
    table = rows([0.9] * 10)
    table[0]["trials"] = 1000
    assert concentration(table, "class") == []


# --- draws


def test_draws_that_matter_are_said() -> None:
    """When which references are drawn moves a figure by 5 % or more, several references are advised."""
    values = np.linspace(0.6, 0.8, 101).tolist()
    (sentence,) = told(details={"draws": {"name": "accuracy", "values": values}})
    assert "moves accuracy from 61.0% to 79.0%" in sentence
    assert "enroll several" in sentence
    for calm in (np.linspace(0.7, 0.74, 101).tolist(), [0.1, 0.9], []):
        assert told(details={"draws": {"name": "accuracy", "values": calm}}) == ()


# --- what it rests on


def test_few_groups_or_classes_are_said() -> None:
    """Figures that rest on few alphabets, or on few classes where there are none, are rough."""
    for data, words in (
        (alphabets(FEW_GROUPS - 1, 6, 3), f"{FEW_GROUPS - 1} groups"),
        (made((f"c{c}", "", "") for c in range(4) for _ in range(20)), "4 classes"),
    ):
        (sentence,) = told(subject(data, spread(data)))
        assert f"rest on {words}" in sentence
    assert told(subject(MANY, spread())) == ()


def test_pairs_rest_on_no_classes() -> None:
    """Of data given as pairs no classes are counted: its examples have none."""
    single = made((f"c{c}", "", "") for c in range(4) for _ in range(10))
    data = DataSet("manifest:made", single.examples, ((0, 1, True), (0, 11, False)))
    assert told(subject(data, spread(data))) == ()


def test_what_the_calibration_warns_of_is_repeated() -> None:
    """Warnings of the saved threshold are told with the figures it was used for."""
    few = rule(impostor_pairs=50, classes=("own:a", "own:b"))
    said = told(subject(MANY, spread(), calibration=few))
    assert said == tuple(f"the threshold: {warning}" for warning in few.warnings())
    assert len(said) == 2


# --- all of it


def test_the_most_important_comes_first() -> None:
    """Collapse before pixels, the threshold, probabilities, classes, draws, and how far all of it can be trusted."""
    data = alphabets(3, 4, 3)
    given = subject(data, constant(data), calibration=rule(impostor_pairs=50))
    said = told(
        given,
        {
            "table": rows([0.5, *[0.99] * 11]),
            "by": "class",
            "draws": {"name": "accuracy", "values": np.linspace(0, 1, 20).tolist()},
        },
        accuracy=metric(0.4),
        pixels=metric(0.5),
        fmr_at_threshold=metric(0.5),
        ece=metric(0.3),
    )
    heads = ("the embedding", "comparing pixels", "FMR", "probabilities", "82% of", "which references", "all figures")
    assert len(said) == 8
    for sentence, head in zip(said, (*heads, "the threshold"), strict=True):
        assert sentence.startswith(head)
    assert not any("\n" in s or s.endswith(".") for s in said)


@pytest.mark.parametrize("protocol", ["verification", "openset"])
def test_a_threshold_that_lets_all_in_is_noticed_end_to_end(protocol: str) -> None:
    """The protocols hand the diagnosis what it needs: a saved threshold far too low is spoken of."""
    low = subject(MANY, spread(), calibration=rule(-1.0), tasks=5)
    said, _ = diagnose(low, measure(protocol, low))
    rate = "FMR" if protocol == "verification" else "FPIR"
    assert any(s.startswith(f"{rate} at the saved threshold is 100.00%") for s in said)
    high = replace(low, calibration=rule(0.99999))
    said, _ = diagnose(high, measure(protocol, high))
    assert not any("stricter" in s for s in said)  # who misses nearly all is not told to be glad of it


def test_the_report_carries_it(uncalibrated_model: Path, strangers: Path) -> None:
    """``evaluate`` gives the sentences and the spectrum with the metrics; six classes of drawings are few."""
    report = api.evaluate(uncalibrated_model, "nway", str(strangers), ways=4, tasks=20)
    assert any("6 classes" in sentence for sentence in report.diagnosis)
    assert len(report.details["spectrum"]) == 16


def test_a_target_fpir_is_judged_at_its_own_gallery() -> None:
    """A threshold chosen for FPIR 5 % among 20 is to be expected to reach just that there."""
    chosen = rule(
        target=Target("fpir", 0.05, gallery_size=20), fpir=0.05, fpir_low=0.04, fpir_high=0.06, fmr=0.004, fmr_low=0.003
    )
    given = subject(MANY, spread(), calibration=chosen, ways=20)
    assert told(given, fpir_at_threshold=metric(0.05, 0.005)) == ()
    assert "harder" in told(given, fpir_at_threshold=metric(0.2, 0.01))[0]
