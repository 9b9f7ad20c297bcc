"""Episodes: how tasks are drawn, and that a scorer that knows nothing gets exactly chance."""

import numpy as np
import pytest

from firstsight.datasets.dataset import DataSet
from firstsight.errors import DataError
from firstsight.evaluation.oneshot import any_classes, query_credits, within_group
from firstsight.similarity import Link, Similarity
from firstsight.types import Example


def made(rows):
    """A data set from ``(label, group, origin)`` rows."""
    return DataSet(
        "made",
        tuple(
            Example(label, lambda: b"", f"{i}", group=group, origin=origin)
            for i, (label, group, origin) in enumerate(rows)
        ),
    )


def alphabets(groups=3, classes=6, drawers=5):
    """Every letter of every alphabet drawn once by each drawer."""
    return made(
        (f"{g}/{c}", f"{g}", f"drawer{d}") for g in range(groups) for c in range(classes) for d in range(drawers)
    )


class Constant:
    """An embedder to whom all inputs are one."""

    name = "constant"

    def __init__(self, similarity=Similarity()):  # noqa: B008  frozen
        self.similarity = similarity

    def embed_arrays(self, arrays):
        """One vector for all."""
        vector = np.random.default_rng(0).normal(size=64).astype(np.float32)
        return np.tile(vector / np.linalg.norm(vector), (len(arrays), 1))

    def score(self, left, right):
        """Scores of the real kernels."""
        return self.similarity.scores(left, right)

    def templates(self, vectors, owners, identities):
        """Fused by the real kernels."""
        return self.similarity.templates(vectors, owners, identities)


class Oracle:
    """An embedder that knows the class."""

    name = "oracle"

    def __init__(self, labels):
        self.table = np.eye(labels.max() + 1, dtype=np.float32)[labels]

    def score(self, left, right):
        """1 for the same class."""
        return left @ right.T

    def templates(self, vectors, owners, identities):
        """Fused by the real kernels."""
        return Similarity().templates(vectors, owners, identities)


def check(episodes, data):
    """What holds for episodes of any kind."""
    tasks, ways, shots = episodes.support.shape
    support, query, target = episodes.support, episodes.query, episodes.target
    assert query.shape == target.shape == (tasks, ways)
    for t in range(tasks):
        assert not set(support[t].ravel().tolist()) & set(query[t].tolist())
        assert len(set(support[t].ravel().tolist())) == ways * shots
        classes = data.labels[support[t]]
        assert (classes == classes[:, :1]).all()
        assert len(set(classes[:, 0].tolist())) == ways
        np.testing.assert_array_equal(data.labels[query[t]], classes[target[t], 0])
        assert sorted(target[t].tolist()) == list(range(ways))


def test_within_group_tasks_have_one_group_and_two_drawers():
    """Each task lies in one group, its references by one origin and its queries by one other."""
    data = alphabets()
    episodes, left_out = within_group(data, ways=4, tasks=60, seed=1)
    check(episodes, data)
    assert left_out == []
    groups, origins = data.groups[1], data.origins[1]
    for support, query in zip(episodes.support[:, :, 0], episodes.query, strict=True):
        assert len(set(groups[support].tolist()) | set(groups[query].tolist())) == 1
        one, other = set(origins[support].tolist()), set(origins[query].tolist())
        assert len(one) == len(other) == 1
        assert one != other


def test_groups_count_alike():
    """Tasks go round the groups, however many classes each has."""
    rows = [(f"a{c}", "a", f"{d}") for c in range(4) for d in range(2)]
    rows += [(f"b{c}", "b", f"{d}") for c in range(40) for d in range(2)]
    data = made(rows)
    episodes, _ = within_group(data, ways=4, tasks=10, seed=0)
    assert np.bincount(data.groups[1][episodes.query[:, 0]]).tolist() == [5, 5]


def test_small_groups_are_left_out_by_name():
    """A group with fewer classes than ways, or with one origin only, is named instead of shrinking the task."""
    rows = [(f"a{c}", "large", f"{d}") for c in range(5) for d in range(2)]
    rows += [(f"b{c}", "few", f"{d}") for c in range(3) for d in range(2)]
    rows += [(f"c{c}", "lonely", "0") for c in range(5)]
    data = made(rows)
    episodes, left_out = within_group(data, ways=4, tasks=6, seed=0)
    assert sorted(left_out) == ["few", "lonely"]
    names, groups = data.groups
    assert {names[g] for g in groups[episodes.query].ravel()} == {"large"}


def test_holes_in_a_group_are_stepped_round():
    """Classes that one of the two drawers did not draw are not asked of them."""
    data = made([(f"a{c}", "a", f"{d}") for c in range(8) for d in range(4) if (c + d) % 4 != 0])
    check(within_group(data, ways=4, tasks=40, seed=0)[0], data)


@pytest.mark.timeout(5)
def test_drawers_who_share_too_few_classes_are_refused():
    """A group in which no two origins drew enough classes in common cannot serve, and says so instead of searching."""
    data = made([(f"a{c}", "a", f"{c // 4}") for c in range(8)])
    with pytest.raises(DataError, match="two origins"):
        within_group(data, ways=4, tasks=1, seed=0)


def test_within_group_refuses_too_few_classes():
    """More ways than any group has classes is a DataError that points to another protocol."""
    with pytest.raises(DataError, match="nway"):
        within_group(alphabets(), ways=7, tasks=5, seed=0)


@pytest.mark.parametrize("shots", [1, 3])
def test_any_classes_across_origins_never_stay_with_one_origin(shots):
    """Across origins no reference of a class has the origin of its query."""
    data = made((f"c{c}", "", f"o{(c + i) % 3}") for c in range(9) for i in range(6))
    episodes = any_classes(data, ways=5, shots=shots, tasks=50, seed=2)
    check(episodes, data)
    origins = data.origins[1]
    asked = origins[episodes.query]
    references = np.take_along_axis(origins[episodes.support], episodes.target[:, :, None], 1)
    assert (references != asked[:, :, None]).all()


@pytest.mark.parametrize("across", ["origins", "styles", "examples"])
def test_data_without_origins_serves_by_examples(across):
    """Where the data has no origins, or they are not asked for, query and references are merely different examples."""
    data = made((f"c{c}", "", "") for c in range(6) for _ in range(4))
    check(any_classes(data, ways=6, shots=3, tasks=20, seed=0, across=across), data)
    one = made((f"c{c}", "", f"{i}") for c in range(6) for i in range(2))
    check(any_classes(one, ways=6, shots=1, tasks=20, seed=0, across="examples"), one)


def test_across_styles_stays_with_one_origin():
    """Across styles the references of a class have the origin of its query and are other examples of it."""
    data = made((f"c{c}", "", f"o{i % 3}") for c in range(9) for i in range(9))
    episodes = any_classes(data, ways=5, shots=2, tasks=50, seed=2, across="styles")
    check(episodes, data)
    origins = data.origins[1]
    references = np.take_along_axis(origins[episodes.support], episodes.target[:, :, None], 1)
    assert (references == origins[episodes.query][:, :, None]).all()


def test_across_examples_any_origin_may_face_any():
    """Across examples references come both from the query's origin and from others."""
    data = made((f"c{c}", "", f"o{i % 2}") for c in range(6) for i in range(6))
    episodes = any_classes(data, ways=6, shots=1, tasks=30, seed=0, across="examples")
    check(episodes, data)
    origins = data.origins[1]
    references = np.take_along_axis(origins[episodes.support], episodes.target[:, :, None], 1)[:, :, 0]
    assert 0.2 < (references == origins[episodes.query]).mean() < 0.6  # 2 of 5 expected


def test_references_spread_over_origins():
    """With as many other origins as shots, each reference of a class has its own."""
    data = made((f"c{c}", "", f"o{i // 3}") for c in range(4) for i in range(12))
    episodes = any_classes(data, ways=4, shots=3, tasks=20, seed=0)
    origins = data.origins[1][episodes.support]
    assert all(len(set(row)) == 3 for row in origins.reshape(-1, 3).tolist())


def test_a_class_that_cannot_serve_is_never_asked():
    """Classes with too few examples, or of one origin only, stay out of every task."""
    rows = [(f"c{c}", "", f"{i}") for c in range(5) for i in range(2)]
    data = made([*rows, ("single", "", "0"), ("lonely", "", "0"), ("lonely", "", "0")])
    episodes = any_classes(data, ways=5, shots=1, tasks=40, seed=0)
    used = {data.classes[c] for c in data.labels[episodes.support].ravel()}
    assert used == {f"c{c}" for c in range(5)}


LACKING = [(7, 1, "origins"), (6, 5, "origins"), (7, 1, "examples"), (6, 5, "examples"), (2, 1, "styles")]


@pytest.mark.parametrize(("ways", "shots", "across"), LACKING)
def test_any_classes_refuses_what_the_data_lacks(ways, shots, across):
    """More ways than usable classes, or more shots than other examples, is a DataError with the counts."""
    data = made((f"c{c}", "", f"{i}") for c in range(6) for i in range(5))
    with pytest.raises(DataError, match=f"{ways}-way {shots}-shot"):
        any_classes(data, ways=ways, shots=shots, tasks=1, seed=0, across=across)


DRAWS = {
    "within": lambda data, seed: within_group(data, ways=4, tasks=30, seed=seed)[0],
    "nway": lambda data, seed: any_classes(data, ways=4, shots=2, tasks=30, seed=seed),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS.keys())
def test_the_seed_decides_the_draw(draw):
    """The same seed gives the same tasks, another seed others."""
    one, again, other = (draw(alphabets(), seed) for seed in (5, 5, 6))
    for field in ("support", "query", "target"):
        np.testing.assert_array_equal(getattr(one, field), getattr(again, field))
    assert (one.support != other.support).any()
    assert (one.target != other.target).any()


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS.keys())
def test_the_target_stands_everywhere(draw):
    """The right class stands at every place about equally often, so that no fixed answer wins."""
    target = draw(alphabets(), 0).target
    for column in range(4):
        assert (np.bincount(target[:, column], minlength=4) > 1).all()


@pytest.mark.parametrize("similarity", [Similarity(), Similarity("euclidean", Link("negate"))], ids=str)
@pytest.mark.parametrize(("ways", "shots"), [(2, 1), (5, 3), (20, 1), (20, 3)])
def test_a_constant_scorer_gets_exactly_chance(ways, shots, similarity):
    """An embedder to whom all is one has credit 1 / ways for every query, to the last bit."""
    data = made((f"c{c}", "", "") for c in range(25) for _ in range(4))
    episodes = any_classes(data, ways=ways, shots=shots, tasks=15, seed=0)
    scorer = Constant(similarity)
    credit = query_credits(scorer, scorer.embed_arrays(np.zeros((len(data), 1, 8, 8), np.uint8)), episodes)
    assert credit.shape == (15, ways)
    assert (credit == 1 / ways).all()


@pytest.mark.parametrize("shots", [1, 3])
def test_an_embedder_that_knows_is_always_right(shots):
    """When scores tell the class every credit is 1; with classes confused two by two it is 1/2 or 1."""
    data = made((f"c{c}", "", "") for c in range(10) for _ in range(5))
    episodes = any_classes(data, ways=10, shots=shots, tasks=15, seed=0)
    knows, confuses = Oracle(data.labels), Oracle(data.labels // 2)
    assert (query_credits(knows, knows.table, episodes) == 1).all()
    assert (query_credits(confuses, confuses.table, episodes) == 0.5).all()


def test_references_are_fused_to_their_mean_embedding():
    """A class wins by its template, which two references that agree lift over one that fits and one that does not."""
    data = made((f"c{c}", "", "") for c in range(2) for _ in range(3))
    episodes = any_classes(data, ways=2, shots=2, tasks=1, seed=0)
    first, second = episodes.support[0]
    table = np.zeros((6, 2), np.float32)
    table[first] = [[1.0, 0.0], [-0.8, 0.6]]  # template (0.32, 0.95)
    table[second] = [[0.8, 0.6], [0.8, 0.6]]  # template (0.8, 0.6)
    table[episodes.query[0]] = [1.0, 0.0]
    credit = query_credits(Constant(), table, episodes)
    assert credit[0].tolist() == [float(t == 1) for t in episodes.target[0].tolist()]


def test_tasks_name_the_examples_they_need():
    """Tasks among those that take part ask about the same examples, and none takes part for nothing."""
    tasks = any_classes(alphabets(), ways=4, shots=2, tasks=3, seed=0)
    used, among = tasks.needed()
    assert (used[among.support] == tasks.support).all()
    assert (used[among.query] == tasks.query).all()
    assert (among.target == tasks.target).all()
    assert set(used) == {*tasks.support.ravel(), *tasks.query.ravel()}
    assert len(used) < len(alphabets())
