"""The likeliest reason: the first that applies, told from the readings, the labels and the embeddings."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from firstsight.evaluation.judging import judge
from firstsight.evaluation.subject import Subject
from firstsight.types import Verdict
from worlds import alphabets, constant, knowing, noisy, subject

DATA = alphabets(10, 6, 3)


def judged(given: Subject, learned_from: int = 100) -> Verdict:
    """The verdict."""
    return judge(given, learned_from=learned_from, model="m")


def random(given: Subject) -> Subject:
    """With embeddings that tell nothing."""
    rng = np.random.default_rng(1)
    return replace(given, embeddings=rng.normal(size=given.embeddings.shape).astype(np.float32))


def black(given: Subject) -> Subject:
    """With readings without contrast."""
    return replace(random(given), arrays=np.zeros_like(given.arrays))


def contradicting(given: Subject) -> Subject:
    """With one reading in all classes."""
    arrays = given.arrays.copy()
    arrays[:] = arrays[0]
    return replace(random(given), arrays=arrays)


def collapsed(given: Subject) -> Subject:
    """With one embedding for all."""
    return replace(given, embeddings=constant(given.data))


@pytest.mark.parametrize(
    ("planted", "learned_from", "words"),
    [
        (black, 100, "read as empty or as all the same"),
        (contradicting, 100, "labels contradict each other: 1 reading is in several classes"),
        (collapsed, 100, "the embedding has collapsed"),
        (random, 5, "too few classes: it learned from 5"),
        (random, 100, "what is compared is not what differs"),
    ],
)
def test_the_likeliest_reason_is_named(planted, learned_from: int, words: str) -> None:  # type: ignore[no-untyped-def]
    """Each fault is told from the others, whatever else follows from it, and comes with a step."""
    found = judged(planted(subject(DATA, noisy(DATA, dim=32))), learned_from)
    assert found.level == "useless"
    assert re.search(words, found.reason)
    assert found.advice


def test_a_usable_model_needs_no_reason() -> None:
    """Neither reason nor advice; the figures and what was measured are in it."""
    found = judged(subject(DATA, knowing(DATA)))
    assert (found.level, found.reason, found.advice) == ("usable", "", "")
    assert (found.identities, found.fpir, found.classes, found.model) == (20, 0.05, 60, "m")
    assert found.fnir is not None
    assert set(found.baselines) == {"pixels", "hog"}


def test_learned_classes_are_named_first() -> None:
    """Figures of what was learned say so, however good they are."""
    found = judged(replace(subject(DATA, knowing(DATA)), learned=True))
    assert found.learned
    assert "were learned" in found.reason


def test_too_few_to_tell_is_not_called_bad() -> None:
    """Two classes without an error: weak, because two can't show it."""
    data = alphabets(1, 2, 6)
    found = judged(subject(data, knowing(data)))
    assert found.level == "weak"
    assert "too few classes to tell: 2 classes" in found.reason


def test_without_a_door_nothing_is_known() -> None:
    """One image a class: no verdict, and what is needed."""
    data = alphabets(1, 6, 1)
    found = judged(subject(data, noisy(data)))
    assert (found.level, found.advice) == ("unknown", "bring two images or more of each class")
