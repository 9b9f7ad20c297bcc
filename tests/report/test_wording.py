"""Metrics as people read them."""

from __future__ import annotations

import doctest

import pytest

from firstsight.report import wording


def test_the_examples_hold() -> None:
    """What the docstrings show is what comes out."""
    ran = doctest.testmod(wording)
    assert ran.attempted > 0
    assert ran.failed == 0


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("accuracy", 0.5, "50.00%"),
        ("fnir@fpir=0.01", 0.083, "8.30%"),
        ("fmr@threshold", 0.0, "0.00%"),
        ("fmr", 0.0001, "0.01%"),
        ("fmr", 1e-6, "0.0001%"),
        ("threshold", 0.37584, "0.3758"),
        ("min_dcf@p=0.01", 0.31, "0.3100"),
        ("trials", 12345.0, "12,345"),
        ("auc, same alphabet", 0.98765, "0.9877"),
        ("pixels map@r", 0.25, "25.00%"),
        ("rank 1", 0.9, "90.00%"),
        ("worst 5 % of draws", 0.9, "90.00%"),
        ("eer", float("nan"), "n/a"),
        ("eer", None, "n/a"),
    ],
)
def test_number(name: str, value: float | None, text: str) -> None:
    """Rates are percentages, and a rare one is not written as none."""
    assert wording.number(name, value) == text


def test_a_rare_error_is_never_written_as_none() -> None:
    """Whatever is above 0 shows a digit that is not 0."""
    for exponent in range(1, 12):
        for digit in (1, 4.4, 9.9):
            assert any(c in "123456789" for c in wording.number("fmr", digit * 10.0**-exponent))


@pytest.mark.parametrize(("text", "most"), [("", 8), ("short", 8), ("Glagolitic/character01", 12), ("a\n b\t c", 8)])
def test_short_labels_fit_in_one_line(text: str, most: int) -> None:
    """A label keeps its beginning and its end."""
    made = wording.short(text, most)
    assert len(made) <= most
    assert "\n" not in made
    assert made[-3:] == " ".join(text.split())[-3:]


def test_costs_are_known() -> None:
    """The hardest classes are those of the highest error, but of the lowest accuracy."""
    assert wording.is_cost("fnmr@threshold")
    assert wording.is_cost("eer, same alphabet")
    assert not wording.is_cost("accuracy")
