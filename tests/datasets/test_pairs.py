"""Pairs: what is called same is, and what is drawn is drawn evenly."""

import itertools

import numpy as np
import pytest

from firstsight.datasets.dataset import DataSet
from firstsight.datasets.pairs import draw_pairs
from firstsight.errors import DataError
from firstsight.types import Example


def made(rows, pairs=()):
    """A data set from ``(label, origin)`` rows."""
    examples = tuple(Example(label, lambda: b"", f"{i}", origin=origin) for i, (label, origin) in enumerate(rows))
    return DataSet("made", examples, tuple(pairs))


def some(classes=6, each=5, origins=3):
    """Classes whose examples go round the origins."""
    return made((f"c{c}", f"o{i % origins}" if origins else "") for c in range(classes) for i in range(each))


def sets(pairs):
    """The drawn pairs as (unordered pair, same)."""
    columns = (pairs.left.tolist(), pairs.right.tolist(), pairs.same.tolist())
    return {(frozenset((a, b)), s) for a, b, s in zip(*columns, strict=True)}


@pytest.mark.parametrize("cross", [True, False])
def test_all_pairs_when_there_are_few(cross):
    """Where fewer pairs exist than asked for each comes exactly once, with its true label."""
    data = some()
    pairs = draw_pairs(data, cross_origin=cross)
    origins = data.origins[1]
    expected = {
        (frozenset((a, b)), bool(data.labels[a] == data.labels[b]))
        for a, b in itertools.combinations(range(len(data)), 2)
        if not cross or origins[a] != origins[b]
    }
    assert sets(pairs) == expected
    assert len(pairs.left) == len(expected)


@pytest.mark.parametrize("origins", [0, 3])
def test_drawn_pairs_say_the_truth(origins):
    """Of many pairs a draw is taken: labels right, no example against itself, different origins where there are any."""
    data = some(classes=30, each=10, origins=origins)
    pairs = draw_pairs(data, genuine=200, impostor=500, seed=1)
    np.testing.assert_array_equal(pairs.same, data.labels[pairs.left] == data.labels[pairs.right])
    assert (pairs.left != pairs.right).all()
    assert 0 < pairs.same.sum() <= 200
    assert 0 < (~pairs.same).sum() <= 500
    if origins:
        assert (data.origins[1][pairs.left] != data.origins[1][pairs.right]).all()
    else:
        assert pairs.same.sum() == 200
        assert (~pairs.same).sum() == 500


def test_the_seed_decides_the_draw():
    """The same seed gives the same pairs, another seed others."""
    data = some(classes=30, each=10)
    one, again, other = (draw_pairs(data, genuine=200, impostor=500, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.left, again.left)
    np.testing.assert_array_equal(one.right, again.right)
    assert sets(one) != sets(other)


def test_a_draw_is_without_bias():
    """Over many seeds every same pair is drawn about equally often."""
    data = some(classes=4, each=4, origins=0)
    counts = {}
    for seed in range(300):
        for pair, same in sets(draw_pairs(data, genuine=8, seed=seed)):
            if same:
                counts[pair] = counts.get(pair, 0) + 1
    assert len(counts) == 24
    assert min(counts.values()) >= 65  # 100 expected, standard deviation 8
    assert max(counts.values()) <= 135


def test_pairs_given_are_taken_as_they_are():
    """Data that comes as pairs is neither filtered nor resampled, whatever its labels and origins say."""
    given = [(0, 1, True), (1, 0, False), (2, 2, True)]
    pairs = draw_pairs(made([("a", "x"), ("a", "x"), ("b", "x")], given), genuine=1, impostor=1)
    assert list(zip(pairs.left.tolist(), pairs.right.tolist(), pairs.same.tolist(), strict=True)) == given


@pytest.mark.parametrize(
    ("rows", "lacking"),
    [
        ([("a", ""), ("b", ""), ("c", "")], "same"),
        ([("a", ""), ("a", "")], "different"),
        ([("a", "x"), ("a", "x"), ("b", "y"), ("b", "y")], "same"),
        ([("a", "x"), ("a", "y"), ("b", "")], None),
    ],
)
def test_a_lack_of_one_kind_is_named(rows, lacking):
    """Without any same or any different pair (of different origins) there is a DataError that says which."""
    if lacking is None:
        assert len(draw_pairs(made(rows)).left) == 3
    else:
        with pytest.raises(DataError, match=f"no pair of {lacking}"):
            draw_pairs(made(rows))
