"""Pairs and triplets drawn once: true to their labels, even over groups, equal for equal seeds."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstsight.datasets.drawing import drawn_pairs, drawn_triplets, trails
from firstsight.errors import DataError

SEEDED = settings(derandomize=True, deadline=None, max_examples=60)
ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=4, max_size=40)
"""Class and group of every example; a class may be in several groups, as two of a data set may share a name."""


def columns(rows):
    """Labels and groups."""
    labels, groups = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return labels, groups


@given(rows=ROWS, seed=st.integers(0, 1000), apart=st.sampled_from(["anywhere", "group"]))
@SEEDED
def test_every_draw_is_what_it_says(rows, seed, apart):
    """Whatever the classes: same is same and never itself, different is different, and in its group where asked."""
    labels, groups = columns(rows)
    try:
        pairs, triplets = (draw(labels, groups, 50, seed, apart=apart) for draw in (drawn_pairs, drawn_triplets))
    except DataError:
        return
    left, right = pairs.T
    even = np.arange(50) % 2 == 0
    assert ((labels[left] == labels[right]) == even).all()
    assert (left != right).all()
    anchor, near, far = triplets.T
    assert (labels[anchor] == labels[near]).all()
    assert (labels[anchor] != labels[far]).all()
    assert (anchor != near).all()
    if apart == "group":
        assert (groups[left] == groups[right]).all()
        assert (groups[anchor] == groups[far]).all()


def test_every_group_is_asked_alike_often():
    """Groups of very different size give the same number of anchors, of either kind of pair."""
    labels = np.repeat(np.arange(30), 4)
    groups = np.repeat([0, 1, 2], [8, 40, 72])
    pairs = drawn_pairs(labels, groups, 600, 0)
    for half in (pairs[0::2], pairs[1::2]):
        assert np.bincount(groups[half[:, 0]]).tolist() == [100, 100, 100]


def test_every_class_is_asked_alike_often_where_there_are_no_groups():
    """Without groups it is the classes that are balanced."""
    labels = np.repeat([0, 1, 2], [4, 40, 76])
    pairs = drawn_pairs(labels, np.zeros_like(labels), 300, 0)
    assert np.bincount(labels[pairs[:, 0]]).tolist() == [100, 100, 100]


def test_partners_are_drawn_evenly():
    """Every other example of the class, and every one of another, comes as a partner alike often, within noise."""
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    pairs = drawn_pairs(labels, np.zeros_like(labels), 60_000, 3)
    mine = pairs[pairs[:, 0] == 1]
    same = np.bincount(mine[labels[mine[:, 1]] == 0, 1], minlength=10)
    different = np.bincount(mine[labels[mine[:, 1]] != 0, 1], minlength=10)
    assert same[[0, 2, 3]].min() > 0.9 * same[[0, 2, 3]].max()
    assert different[4:].min() > 0.85 * different[4:].max()
    assert same.sum() == same[[0, 2, 3]].sum()


def test_the_seed_decides():
    """Equal seeds draw equal pairs, other seeds others."""
    labels = np.repeat(np.arange(10), 5)
    draws = [drawn_pairs(labels, labels * 0, 100, seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_what_gives_no_pair_is_refused(labels):
    """One class only, or no class twice, is said in a sentence."""
    labels = np.array(labels)
    with pytest.raises(DataError, match="at least two classes with two examples each"):
        drawn_pairs(labels, labels * 0, 4, 0)


@given(
    rows=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=60),
    longest=st.integers(1, 9),
    seed=st.integers(0, 1000),
)
@SEEDED
def test_trails_are_trails(rows, longest, seed):
    """Whatever the pairs, doubled ones and loops too: each once, a piece no longer than asked, neighbours joined."""
    pairs = np.array(rows)
    pieces = trails(pairs, longest, np.random.default_rng(seed))
    assert sorted(np.concatenate(pieces).tolist()) == list(range(len(pairs)))
    for piece in pieces:
        assert 1 <= len(piece) <= longest
        assert any(walked(pairs[piece], start) for start in pairs[piece[0]])


def walked(pairs, start):
    """Whether the pairs, from ``start`` on, lead from one to the next."""
    for left, right in pairs.tolist():
        if start not in (left, right):
            return False
        start = right if start == left else left
    return True


def test_trails_join_what_can_be_joined():
    """A ring is one trail, and pairs apart are as many."""
    ring = np.stack([np.arange(7), np.roll(np.arange(7), 1)], 1)
    assert [len(piece) for piece in trails(ring, 9, np.random.default_rng(0))] == [7]
    way = np.stack([np.arange(7), np.arange(1, 8)], 1)  # begins where an odd number of pairs meet, whatever the seed
    assert all(len(trails(way, 9, np.random.default_rng(seed))) == 1 for seed in range(20))
    assert [len(piece) for piece in trails(np.arange(8).reshape(4, 2), 9, np.random.default_rng(0))] == [1] * 4


def test_pieces_of_one_trail_lie_apart():
    """A long trail is cut, and its pieces are not in its own order."""
    ring = np.stack([np.arange(600), np.roll(np.arange(600), 1)], 1)
    pieces = trails(ring, 6, np.random.default_rng(0))
    assert [len(piece) for piece in pieces] == [6] * 100
    joined = [len(np.intersect1d(ring[one], ring[other])) for one, other in pairwise(pieces)]
    assert sum(map(bool, joined)) < 10
