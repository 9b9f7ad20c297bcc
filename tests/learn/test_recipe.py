"""Recipes: what is refused before the first step, each in one sentence that mends it."""

import pytest

from firstsight.errors import UsageError
from firstsight.learn.catalogue import ALSO_KNOWN_AS, LOSSES, SIMILARITIES
from firstsight.learn.recipe import load

ROWS = "needs a row of scores an anchor, comparison 'sampled_pairs' gives single pairs"


def refusal(*changes):
    """The sentence in which the recipe ``folder`` with these changes is refused."""
    with pytest.raises(UsageError) as caught:
        load("folder", changes)
    assert "\n" not in str(caught.value)
    return str(caught.value)


VIEWS = "sampling.name=views"


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_makes_a_recipe(name):
    """Each loss of the catalogue can be named beside a similarity of its domain and a comparison with rows."""
    similarity = next(n for n, part in SIMILARITIES.items() if part.domain in LOSSES[name].domains)
    fitting = ["comparison.name=in_batch"] if LOSSES[name].apart else ["comparison.name=predicted_views", VIEWS]
    recipe = load("folder", (f"loss.name={name}", f"similarity.name={similarity}", *fitting))
    assert recipe.part("loss") is LOSSES[name]


@pytest.mark.parametrize("name", [n for n, loss in LOSSES.items() if loss.rows])
def test_a_loss_on_rows_refuses_pairs(name):
    """A loss that needs rows says so when the comparison gives single pairs, and what to take instead."""
    sentence = refusal(f"loss.name={name}", "comparison.name=sampled_pairs")
    assert sentence.startswith(f"loss {name!r} {ROWS}; set comparison.name to ")


@pytest.mark.parametrize("name", [n for n, loss in LOSSES.items() if loss.apart and loss.domains == ("cosine",)])
def test_a_loss_on_cosines_refuses_distances(name):
    """A loss of angles says so when the similarity gives a distance."""
    sentence = refusal(f"loss.name={name}", "similarity.name=euclidean", "comparison.name=in_batch")
    assert sentence == (
        f"loss {name!r} is defined on a cosine of normalised embeddings, similarity 'euclidean' gives a negated "
        "distance; set similarity.name to cosine, or set loss.name to contrastive or triplet"
    )


@pytest.mark.parametrize(
    ("typed", "meant"), [*ALSO_KNOWN_AS.items(), ("arc_face", "arcface"), ("multisimilarity", "multi_similarity")]
)
def test_a_name_from_elsewhere_is_answered_with_ours(typed, meant):
    """A loss's name in other libraries, or a slip of the pen, is refused with the name it has here."""
    assert meant in LOSSES
    assert f"there is no loss {typed!r} (did you mean {meant!r}?); known: " in refusal(f"loss.name={typed}")


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("margin=2.0", "loss.margin is 2.0, 0 to 1.5 was expected"),
        ("temperature=0", "loss.temperature is 0.0, more than 0 was expected"),
        ("marign=0.3", "there is no setting of loss 'marign' (did you mean 'margin'?); known: margin, temperature"),
    ],
)
def test_settings_are_checked_against_the_loss(setting, expected):
    """A setting out of its bounds, or unknown to this loss, is refused before the first step."""
    assert refusal("loss.name=arcface", f"loss.{setting}") == expected


def test_a_part_is_named_before_its_settings():
    """A new part's settings hold wherever its name stands among the changes."""
    changes = ("loss.temperature=0.5", "loss.name=supcon", "comparison.name=in_batch")
    assert load("folder", changes).sections["loss"] == {"name": "supcon", "temperature": 0.5}
    assert load("folder", changes[::-1]).sections["loss"] == {"name": "supcon", "temperature": 0.5}
