"""Same or different on pairs drawn once: equal for all, honest about thresholds and ties."""

import numpy as np
import pytest

from firstsight.errors import UsageError
from firstsight.evaluation.baseline import Pixels
from firstsight.evaluation.sameness import PAIRS, asked, chosen_threshold, judged
from worlds import alphabets, constant, knowing, measure, noisy, subject

DATA = alphabets(1, 5, 12)
"""Five classes in one group, so that the classes are balanced."""


def test_the_pairs_are_the_same_for_every_embedding():
    """Two models are asked the very same pairs, half of them same, every class alike often."""
    one, other = (asked(Pixels(), DATA, noisy(DATA, seed=seed), count=400) for seed in (0, 1))
    np.testing.assert_array_equal(one.same, other.same)
    np.testing.assert_array_equal(one.unit, other.unit)
    assert one.same.mean() == 0.5
    assert np.ptp(np.bincount(one.unit)) <= 2
    assert (one.score != other.score).any()


def test_who_knows_the_class_is_right_and_who_does_not_is_at_chance():
    """Embeddings that tell the class reach 1 by both figures; equal ones 0.5, ties and all."""
    right = judged(asked(Pixels(), DATA, knowing(DATA), count=400), 0.5)[0]
    assert {name: metric.value for name, metric in right.items()} == {"accuracy": 1.0, "triplets in order": 1.0}
    none = judged(asked(Pixels(), DATA, constant(DATA), count=400), 0.5)[0]
    assert {name: metric.value for name, metric in none.items()} == {"accuracy": 0.5, "triplets in order": 0.5}


def test_the_confusion_matrix_adds_up():
    """Its four numbers are the pairs, and give the accuracy."""
    metrics, details = judged(asked(Pixels(), DATA, noisy(DATA), count=400), 0.3)
    table = details["confusion"]
    assert sum(table.values()) == 400
    right = table["same, called same"] + table["different, called different"]
    assert metrics["accuracy"].value == pytest.approx(right / 400)
    assert metrics["accuracy"].low < metrics["accuracy"].value < metrics["accuracy"].high


def test_the_threshold_is_the_one_of_the_data_to_choose_on():
    """The protocol takes its threshold from the other alphabets, and refuses to do without them."""
    other = alphabets(1, 6, 12, name="other")
    choice = subject(other, noisy(other, seed=3))
    found = measure("omniglot-same-alphabet", subject_with(choice))
    expected = chosen_threshold(asked(choice.embedder, other, choice.embeddings))
    assert found.details["threshold"] == pytest.approx(expected)
    assert found.trials == PAIRS
    with pytest.raises(UsageError, match="chosen on other alphabets"):
        measure("omniglot-same-alphabet", subject(DATA, noisy(DATA)))


def subject_with(choice):
    """The data, with other data to choose on."""
    from dataclasses import replace

    return replace(subject(DATA, noisy(DATA)), choice=choice)
