"""The catalogue of reproductions: what it names exists, and what it claims to be smoke ends soon."""

import re

import pytest

from firstsight import api
from firstsight.errors import UsageError
from firstsight.learn.recipe import load
from firstsight.learn.schedules import momentum_of, rate_of
from firstsight.reproduce.catalogue import REPRODUCTIONS, find
from firstsight.reproduce.measures import MEASURES
from firstsight.reproduce.run import _last

MOST_SMOKE_STEPS = 20


@pytest.mark.parametrize("name", REPRODUCTIONS)
def test_every_recipe_is_made_of_parts_that_fit(name):
    """Recipe, changes and smoke changes load together, every setting checked."""
    one = REPRODUCTIONS[name]
    assert load(one.recipe, _last(one.changes)).training.steps > 10 * MOST_SMOKE_STEPS
    assert load(one.recipe, _last([*one.changes, *one.smoke])).training.steps <= MOST_SMOKE_STEPS
    if one.before:
        first = one.before
        assert load(first.recipe, _last(first.changes)).training.steps > 10 * MOST_SMOKE_STEPS
        assert load(first.recipe, _last([*first.changes, *first.smoke])).training.steps <= MOST_SMOKE_STEPS


@pytest.mark.parametrize("name", [name for name, one in REPRODUCTIONS.items() if one.recipe == "koch" and one.before])
def test_kochs_rates_fall_from_where_they_were(name):
    """The last training begins at the rate and momentum at which the first one ended, and falls to a hundredth."""
    one = REPRODUCTIONS[name]
    assert one.before
    first, last = (load("koch", _last(changes)) for changes in (one.before.changes, one.changes))
    ended, steps = first.training.steps, last.training.steps
    expected = rate_of(first.optimiser, ended, ended)
    assert rate_of(last.optimiser, 0, steps) == pytest.approx(expected, rel=1e-3)
    assert rate_of(last.optimiser, steps, steps) == pytest.approx(expected / 100, rel=1e-3)
    assert momentum_of(last.optimiser, 0) == momentum_of(first.optimiser, ended) == 0.9
    assert (first.settings("augment")["share"], last.settings("augment")["share"] > 0) == (0.0, name.endswith("affine"))


@pytest.mark.parametrize("name", REPRODUCTIONS)
def test_every_figure_has_a_measure_and_a_source(name):
    """A published value says where it stands, and is a share."""
    for figure in REPRODUCTIONS[name].figures:
        assert figure.measure in MEASURES
        assert (figure.paper is None) or (0.5 < figure.paper < 1 and figure.source)


@pytest.mark.parametrize("name", REPRODUCTIONS)
def test_what_differs_is_said_in_sentences(name):
    """Every reproduction says what is not as published."""
    assert REPRODUCTIONS[name].differs
    assert all(re.fullmatch(r"[A-Z0-9].*[.]", sentence) for sentence in REPRODUCTIONS[name].differs)


def test_the_verification_figures_of_koch_are_those_of_table_1():
    """Six figures, plain and with distortions; the narrow network stands beside the first."""
    found = {name: one.figures[0].paper for name, one in REPRODUCTIONS.items() if name.startswith("koch")}
    assert found.pop("koch-30k-quarter") == found["koch-30k"]
    assert list(found.values()) == [0.9061, 0.9154, 0.9163, 0.9190, 0.9315, 0.9342]


def test_an_unknown_name_is_answered_with_a_guess():
    """A slip of the pen gets the name that was meant."""
    with pytest.raises(UsageError, match="did you mean 'koch-30k'"):
        find("koch-30")


def test_what_there_is_is_listed(cli):
    """``firstsight reproduce`` without a name lists the catalogue, as the api does."""
    assert [row["name"] for row in cli("reproduce", "--json").json] == [info.name for info in api.reproductions()]
