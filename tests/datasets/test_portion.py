"""Portions of a data set, and two sets as one: seeded, nested, and refused where they can't be had."""

import doctest

import numpy as np
import pytest

from firstsight.datasets import portion as module
from firstsight.datasets.portion import joined, portion, zipf_size
from firstsight.errors import DataError
from worlds import alphabets, made, uneven

DATA = alphabets(groups=6, letters=5, drawers=8)
AMOUNTS = {"groups": (2, 4), "classes": (3, 17), "origins": (2, 5), "each": (1, 6)}


def keys(data):
    """Which examples it holds."""
    return [e.key for e in data.examples]


def test_the_examples_of_the_module_run():
    """Doctests of the module hold."""
    assert doctest.testmod(module).attempted >= 8
    assert doctest.testmod(module).failed == 0


def test_nothing_asked_is_the_data_itself():
    """Without an amount nothing is left out, and the name is an address still."""
    assert portion(DATA) is DATA
    assert portion(DATA, groups=3).name == DATA.name


@pytest.mark.parametrize("what", AMOUNTS)
@pytest.mark.parametrize("seed", [0, 3])
def test_a_smaller_portion_lies_within_a_larger_one(what, seed):
    """Portions of one seed are nested and keep the order of the data; other seeds draw others."""
    few, many = AMOUNTS[what]
    one, other = (portion(DATA, **{what: n}, seed=seed) for n in (few, many))
    assert set(keys(one)) < set(keys(other)) < set(keys(DATA))
    assert keys(one) == [k for k in keys(DATA) if k in set(keys(one))]
    assert keys(one) == keys(portion(DATA, **{what: few}, seed=seed))
    assert len({tuple(keys(portion(DATA, **{what: few}, seed=s))) for s in range(10)}) > 3


def test_each_amount_counts_what_it_names():
    """Groups whole, classes whole, the same origins for every class, and so many examples a class."""
    some = portion(DATA, groups=2)
    assert (len(some.groups[0]), len(some)) == (2, 2 * 5 * 8)
    assert len(portion(DATA, groups=2, classes=7).classes) == 7
    some = portion(DATA, origins=3)
    assert (len(some.origins[0]), len(some.classes), len(some)) == (3, 30, 90)
    some = portion(DATA, each=3)
    assert (np.bincount(some.labels) == 3).all()
    assert len(some.origins[0]) == 8, "each class has its own draw"


def test_at_most_is_no_demand():
    """A class with fewer examples, or by fewer origins, gives what it has."""
    assert np.bincount(portion(uneven(), each=5).labels).tolist() == [3, 4, 5, 5, 5, 5, 5]
    assert len(portion(DATA, origins=99, each=99)) == len(DATA)


def test_a_class_that_is_added_changes_no_other():
    """What is kept of the classes there were stays the same when a class comes, but for the one that it replaces."""
    before, after = alphabets(1, 9), alphabets(1, 10)
    assert set(keys(portion(before, each=2))) < set(keys(portion(after, each=2)))
    assert len(set(portion(before, classes=4).classes) - set(portion(after, classes=4).classes)) <= 1


def test_a_tail_follows_its_law():
    """Class sizes come as often as the truncated Zipf law has it, to within one class; a steeper tail is smaller."""
    data = made((f"c{c:03}", "", "") for c in range(400) for _ in range(20))
    sizes = np.bincount(portion(data, tail=1.0).labels)
    law = 1 / np.arange(1, 21) / (1 / np.arange(1, 21)).sum()
    found = np.bincount(sizes, minlength=21)[1:] / 400
    assert np.abs(np.cumsum(found) - np.cumsum(law)).max() <= 1 / 400
    assert (sizes.min(), sizes.max()) == (1, 20)
    assert len(portion(data, tail=2.0)) < len(portion(data, tail=1.0)) < len(portion(data, tail=0.5)) < len(data)


def test_a_tail_is_of_what_is_left():
    """With at most so many examples a class the tail begins there."""
    data = made((f"c{c:03}", "", "") for c in range(200) for _ in range(20))
    sizes = np.bincount(portion(data, each=4, tail=1.0).labels)
    assert set(sizes.tolist()) == {1, 2, 3, 4}
    assert zipf_size(0.5, 1, 1.0) == 1


@pytest.mark.parametrize(
    ("data", "asked", "words"),
    [
        (DATA, {"groups": 7}, "made has 6 groups, 7 were asked for; lower data.groups"),
        (DATA, {"classes": 31}, "made has 30 classes, 31 were asked for; lower data.classes"),
        (DATA, {"groups": 1, "classes": 6}, "made has 5 classes in those groups, 6 were asked for"),
        (uneven(), {"groups": 2}, "made has no groups, 2 were asked for; use data.classes=2"),
        (uneven(), {"origins": 2}, "does not say who made what, 2 origins were asked for; use data.each"),
    ],
)
def test_what_there_is_not_is_refused(data, asked, words):
    """More groups or classes than there are, and groups or origins of data that has none, are a sentence."""
    with pytest.raises(DataError, match=words):
        portion(data, **asked)


def test_joined_sets_of_one_kind_share_classes():
    """A class that both name is one; an image that both hold under one label comes once; the name is the first's."""
    one, other = (made(rows, "folder:x") for rows in ([("a", "", ""), ("b", "", "")], [("a", "", ""), ("c", "", "")]))
    both = joined(one, other)
    assert both.classes == ("a", "b", "c"), "of equal keys under two labels none is dropped"
    assert len(both) == 3
    distinct = made([("z", "", ""), ("z", "", ""), ("c", "", "")], "manifest:x")
    both = joined(one, distinct)
    assert (both.name, len(both), both.classes) == ("folder:x", 5, ("a", "b", "c", "z"))
    assert both.class_names == {"own:a", "own:b", "own:c", "own:z"}


def test_joined_sets_of_two_kinds_keep_their_classes_apart():
    """A digit of one set and a folder of that name are two classes, each known by the kind it came from."""
    own, digits = made([("3", "", ""), ("4", "", "")], "folder:x"), made([("3", "", ""), ("3", "", "")], "mnist:train")
    both = joined(own, digits)
    assert both.classes == ("3", "4", "mnist:3")
    assert both.class_names == {"own:3", "own:4", "mnist:3"}
    assert both.fingerprint != own.fingerprint
