"""Vectors from elsewhere: which may be compared, and how long those of a model are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstsight.errors import GalleryError, InputError
from firstsight.model import Model
from firstsight.vectors import ANY, UNIT, checked, lengths_of, odd, patterns
from released import FOLDERS, RELEASED

UNIT_MODELS = ("dot", "half", "int8", "pair")
MODELS = (*UNIT_MODELS, "euclidean", "manhattan")
ONE = np.eye(1, 4, dtype=np.float32)


@pytest.mark.parametrize("factor", [np.nan, np.inf, -np.inf, 0.0, 1e-3, 0.99, 1.01, 3.0, 1e30])
def test_what_is_odd_among_unit_vectors(factor: float) -> None:
    """Not finite, or not of length 1 to a thousandth: told of the very row; a hair's breadth is none."""
    vectors = np.concatenate([ONE, ONE, np.float32(1.0005) * ONE, np.float32(-0.9995) * ONE])
    vectors[1, 0] = factor
    assert odd(vectors, UNIT).tolist() == [1]


def test_one_number_that_is_none_is_odd() -> None:
    """Whatever the length, one NaN or infinite number among good ones is told; huge ones are finite."""
    vectors = np.ones((4, 300), np.float32)
    vectors[1, 7], vectors[2, 299], vectors[3] = np.nan, np.inf, 3e38
    assert odd(vectors, ANY).tolist() == [1, 2]
    assert odd(vectors, (0.0, 1e15)).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "given",
    [
        [[1.0, 0, 0, 0]],
        ONE.astype(complex),
        ONE.astype(bool),
        ONE.astype(object),
        ONE.astype("U4"),
        ONE[0],
        ONE[:, :3],
        np.concatenate([ONE, ONE]),
        ONE[None],
        None,
    ],
    ids=["list", "complex", "bool", "object", "text", "1-d", "short", "two", "3-d", "none"],
)
def test_what_is_no_array_of_vectors_is_refused(given: Any) -> None:
    """Another type or shape is refused with what came and what was expected."""
    with pytest.raises(InputError, match=r"came for a probe, an array of float32 of shape \(1, 4\) was expected"):
        checked(given, (1, 4), UNIT, "a probe")


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int64, ">f4"])
def test_other_real_numbers_are_taken(dtype: Any) -> None:
    """Halves, doubles, whole numbers and another order of bytes become float32; what does not fit is refused."""
    assert checked(ONE.astype(dtype), (1, 4), UNIT, "a probe").dtype == np.float32
    with pytest.raises(GalleryError, match="not finite"):
        checked(np.full((1, 4), 1e300), (1, 4), ANY, "a probe", GalleryError)


@pytest.mark.parametrize("name", MODELS)
def test_the_lengths_of_a_model_are_those_of_its_embeddings(name: str) -> None:
    """All that a model makes of real pictures has its lengths: 1 where it scales them, half precision and int8 too."""
    model = Model.load(RELEASED / "models" / name)
    assert (model.lengths == UNIT) == (name in UNIT_MODELS)
    pictures = [file for folder in FOLDERS for file in (RELEASED / "pictures" / folder).rglob("*.png")]
    vectors = model.embed(pictures)
    assert len(odd(vectors, model.lengths)) == 0
    if name not in UNIT_MODELS:
        assert len(odd(1000 * vectors, model.lengths)) == len(vectors)


def test_the_shipped_model_has_length_1() -> None:
    """The shipped glyphs scale all of 2,000 noisy readings to length 1."""
    model = Model.load("glyphs")
    assert model.lengths == UNIT
    noise = np.random.default_rng(0).integers(0, 256, (200, *model.input.shape), np.uint8)
    assert len(odd(model.embed_arrays(noise), model.lengths)) == 0


def test_a_pattern_that_gives_nothing_does_not_free_the_length() -> None:
    """Where the encoder makes 0 of one pattern, which can't be scaled, the others tell that it scales."""
    made = np.eye(5, dtype=np.float32)
    made[2] = 0
    assert lengths_of(made) == UNIT
    assert lengths_of(3 * made) == (0.0, 48.0)


def test_patterns_differ() -> None:
    """The patterns are five different readings of any shape."""
    for shape in ((1, 32, 32), (3, 8, 8)):
        assert len({one.tobytes() for one in patterns(shape)}) == 5
        assert patterns(shape).shape == (5, *shape)


def test_no_cosine_is_above_1(tmp_path: Path) -> None:
    """Of a model that scales its vectors no score exceeds 1, by whichever way it is made; nor after a template."""
    draw = np.random.default_rng(0)
    for name in ("dot", "half"):
        model = Model.load(RELEASED / "models" / name)
        vectors = draw.normal(size=(3000, model.dim)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors[::2] *= np.float32(1.0009)  # as long as a vector from elsewhere may be
        assert np.einsum("nd,nd->n", vectors, vectors).max() > 1
        assert model.aligned(vectors, vectors).max() == 1
        assert model.score(vectors, vectors).max() == 1
        assert model.among(vectors[:9], vectors).max() == 1
        _, best = model.similarity.search(vectors, vectors, 3)
        assert best.max() == 1


def test_a_plain_dot_product_is_not_a_cosine() -> None:
    """Only scores of vectors of length 1 are cut off: those of another dot product may be of any size."""
    from firstsight.similarity import Link, Similarity

    twice = 2 * ONE
    assert Similarity().scores(twice, twice).max() == 4
    assert Similarity(unit=True).scores(ONE, np.float32(1.0009) * ONE).max() == 1
    assert Similarity("dot", Link(scale=3.0, bias=-1.0), unit=True).scores(ONE, np.float32(1.0009) * ONE).max() == 2


def test_a_search_of_cut_scores_is_that_of_the_table() -> None:
    """The best of many rows that all score 1, with and without shifts: the lowest index first, as in a sort."""
    from firstsight.similarity import Similarity

    draw = np.random.default_rng(1)
    rows = draw.normal(size=(2000, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[draw.integers(0, 2000, 600)] = rows[0]
    rows *= draw.uniform(0.9991, 1.0009, (2000, 1)).astype(np.float32)
    shifts = draw.choice([0.0, 0.02], 2000).astype(np.float32)
    measure = Similarity(unit=True)
    for lost in (None, shifts):
        table = measure.scores(rows[:5], rows) - (0 if lost is None else lost)
        indices, best = measure.search_shelves(rows[:5], [(rows, lost)], 20)
        expected = np.argsort(-table, axis=1, kind="stable")[:, :20]
        np.testing.assert_allclose(best, np.take_along_axis(table, expected, 1), atol=1e-6)
        assert indices[0].tolist() == expected[0].tolist()
