"""Splits: disjoint, complete, stable."""

import pytest

from firstsight.datasets.dataset import DataSet
from firstsight.datasets.splits import duplicates, split
from firstsight.errors import DataError, UsageError
from firstsight.types import Example


def made(classes, group=lambda c: "", content=lambda c, i: f"{c}/{i}".encode()):
    """Three examples of each class."""
    return DataSet(
        "folder:made",
        tuple(
            Example(f"c{c:02}", lambda c=c, i=i: content(c, i), f"{c}/{i}", group=group(c))
            for c in classes
            for i in range(3)
        ),
    )


@pytest.mark.parametrize("count", [4, 5, 10, 37])
@pytest.mark.parametrize("seed", [0, 1])
def test_train_and_validation_share_no_class_and_miss_none(count, seed):
    """Every class is in exactly one part with all its examples, and both parts have at least two classes."""
    data = made(range(count))
    train, held = split(data, "train", seed=seed), split(data, "validation", seed=seed)
    assert not set(train.classes) & set(held.classes)
    assert set(train.classes) | set(held.classes) == set(data.classes)
    assert len(train) + len(held) == len(data)
    assert len(train.classes) >= 2
    assert len(held.classes) >= 2
    assert len(train.classes) >= len(held.classes)


def test_all_is_the_data_itself():
    """The split named all leaves nothing out."""
    data = made(range(5))
    assert split(data, "all") is data


def test_a_split_is_stable_and_seeded():
    """The order of the examples does not matter, the seed does."""
    data, turned = made(range(20)), made(reversed(range(20)))
    assert split(data, "train").classes == split(turned, "train").classes
    assert split(data, "train").classes != split(data, "train", seed=1).classes


def test_a_new_class_does_not_reorder_the_others():
    """Adding a class moves at most as many classes between the parts as the cut itself moves."""
    before, after = split(made(range(20)), "train"), split(made(range(21)), "train")
    assert len(set(before.classes) ^ set(after.classes)) <= 2


def test_groups_stay_together():
    """Where each class lies in one of at least four groups whole groups are held out."""
    data = made(range(30), group=lambda c: f"g{c % 5}")
    train, held = split(data, "train"), split(data, "validation")
    assert not set(train.groups[0]) & set(held.groups[0])
    assert set(train.groups[0]) | set(held.groups[0]) == set(data.groups[0])


def test_few_groups_do_not_bind():
    """With three groups only the cut is by class."""
    data = made(range(30), group=lambda c: f"g{c % 3}")
    assert len(split(data, "train").classes) == 21


def test_an_unknown_split_is_a_usage_error():
    """A split that does not exist is refused with those that do."""
    with pytest.raises(UsageError, match="train, validation"):
        split(made(range(8)), "test")


def test_too_few_classes_cannot_be_split():
    """Three classes cannot be cut into two parts of two."""
    with pytest.raises(DataError, match="3 classes"):
        split(made(range(3)), "train")


def test_duplicates_are_found_by_content():
    """Equal bytes under other names are found across two sets, and nothing else is."""
    one = made(range(4))
    other = made(range(10, 14), content=lambda c, i: b"1/2" if (c, i) == (12, 0) else f"{c}/{i}".encode())
    assert [(a.key, b.key) for a, b in duplicates(one, other)] == [("1/2", "12/0")]
    assert duplicates(one, made(range(10, 14))) == []
