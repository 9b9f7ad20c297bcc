"""The runtime's measures, links and exact search."""

import tracemalloc

import numpy as np
import pytest

from firstsight import similarity
from firstsight.errors import ModelError
from firstsight.similarity import Link, Similarity, measured

KINDS = {
    "dot": Similarity(),
    "scaled dot": Similarity("dot", Link(scale=3.0, bias=-1.0)),
    "euclidean": Similarity("euclidean", Link("negate")),
    "squared": Similarity("euclidean", Link("negate_square")),
    "rbf": Similarity("euclidean", Link("rbf", gamma=0.25)),
    "manhattan": Similarity("manhattan", Link("negate", scale=0.5)),
}


def vectors(rows, dim=8, seed=0):
    """Seeded normal vectors ``(rows, dim)`` float32."""
    return np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)


def by_loop(kind, left, right):
    """The score of two vectors, in float64."""
    a, b = left.astype(np.float64), right.astype(np.float64)
    distance = np.sqrt(((a - b) ** 2).sum())
    return {
        "dot": a @ b,
        "scaled dot": 3 * (a @ b) - 1,
        "euclidean": -distance,
        "squared": -(distance**2),
        "rbf": np.exp(-0.25 * distance**2),
        "manhattan": -0.5 * np.abs(a - b).sum(),
    }[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_scores_equal_a_loop(kind):
    """All-against-all and row-by-row scores are those of a loop over pairs, as float32."""
    left, right = vectors(7), vectors(5, seed=1)
    right[2] = left[3]
    expected = np.array([[by_loop(kind, a, b) for b in right] for a in left])
    found = KINDS[kind].scores(left, right)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    aligned = KINDS[kind].aligned(left[:5], right)
    assert aligned.dtype == np.float32
    np.testing.assert_allclose(aligned, np.diag(expected), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_symmetric(kind):
    """Turning the sides turns the table."""
    left, right = vectors(6, seed=2), vectors(4, seed=3)
    found, turned = KINDS[kind].scores(left, right), KINDS[kind].scores(right, left)
    np.testing.assert_allclose(found, turned.T, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", ["euclidean", "squared", "rbf", "manhattan"])
def test_identical_vectors_score_exactly_best(kind):
    """A distance from a vector to itself is exactly 0, at any length of the vector."""
    for length in (1e-3, 1.0, 1e3):
        found = vectors(6, seed=4) * np.float32(length)
        best = 1.0 if kind == "rbf" else 0.0
        np.testing.assert_array_equal(np.diag(KINDS[kind].scores(found, found)), np.full(6, best, np.float32))


def test_close_vectors_far_from_the_origin_keep_their_distance():
    """Distances that are small beside the vectors' length do not cancel away."""
    left = vectors(20, dim=32, seed=5) * 10
    right = left + 1e-3 * vectors(20, dim=32, seed=6)
    exact = np.sqrt(((left[:, None].astype(np.float64) - right[None]) ** 2).sum(-1))
    np.testing.assert_allclose(measured("euclidean", left, right), exact, rtol=2e-4)


@pytest.mark.parametrize("k", [1, 3, 30, 99])
@pytest.mark.parametrize("kind", KINDS)
def test_search_equals_sorting_everything(kind, k):
    """The k best of a gallery are the first k of a full sort, best first; more than there are gives all."""
    probes, gallery = vectors(11, seed=7), vectors(30, seed=8)
    table = KINDS[kind].scores(probes, gallery)
    order = np.argsort(-table, axis=1, kind="stable")[:, :k]
    indices, best = KINDS[kind].search(probes, gallery, k)
    assert indices.shape == best.shape == (11, min(k, 30))
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_array_equal(best, np.take_along_axis(table, order, 1))


def test_search_with_ties_gives_the_best_scores():
    """Among equal scores any may come first, but none is listed twice and no better one is passed over."""
    gallery = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    indices, best = Similarity().search(np.eye(3, dtype=np.float32), gallery, 6)
    np.testing.assert_array_equal(best, np.tile([1, 1, 1, 1, 0, 0], (3, 1)))
    assert all(len(set(row)) == 6 for row in indices.tolist())
    np.testing.assert_array_equal(np.sort(indices[:, :4], axis=1), np.arange(12).reshape(3, 4))


@pytest.mark.parametrize("kind", KINDS)
def test_of_equal_scores_the_first_is_found(kind):
    """Where more rows tie than are asked for, those of the lowest index are listed, in their order."""
    gallery = np.repeat(vectors(1), 9, axis=0)
    gallery[4] += 1
    for k in (1, 3, 8, 9):
        indices, best = KINDS[kind].search(gallery[:1], gallery, k)
        expected = sorted(range(9), key=lambda i: (-KINDS[kind].scores(gallery[:1], gallery)[0, i], i))[:k]
        assert indices[0].tolist() == expected
        assert (np.diff(best[0]) <= 0).all()


def test_search_in_an_empty_gallery_finds_nothing():
    """A gallery without rows gives tables without columns."""
    indices, best = Similarity().search(vectors(2), vectors(0), 5)
    assert indices.shape == best.shape == (2, 0)


@pytest.mark.parametrize("chunk", [1, 40, 7 * 30])
@pytest.mark.parametrize("kind", KINDS)
def test_chunks_change_nothing(kind, chunk, monkeypatch):
    """Working through the probes in small blocks gives the scores and the ranking of one block."""
    probes, gallery = vectors(23, seed=9), vectors(30, seed=10)
    table = KINDS[kind].scores(probes, gallery)
    indices, best = KINDS[kind].search(probes, gallery, 5)
    blocks = []
    real = similarity.measured
    monkeypatch.setattr(similarity, "_CHUNK", chunk)
    monkeypatch.setattr(similarity, "measured", lambda m, a, b: blocks.append(len(a)) or real(m, a, b))
    np.testing.assert_allclose(KINDS[kind].scores(probes, gallery), table, rtol=1e-5, atol=1e-5)
    assert len(blocks) > 1
    again, scores = KINDS[kind].search(probes, gallery, 5)
    np.testing.assert_array_equal(again, indices)
    np.testing.assert_allclose(scores, best, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_memory_is_bounded_by_the_chunk(kind, alike, monkeypatch):
    """Beyond the table asked for, scoring needs memory for a few blocks, even when all vectors nearly coincide."""
    monkeypatch.setattr(similarity, "_CHUNK", 1 << 14)
    found = vectors(256, dim=64) * np.float32(1e-4 if alike else 1.0) + np.float32(1.0)
    tracemalloc.start()
    KINDS[kind].scores(found, found)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 256 * 256 + 24 * 4 * (1 << 14)


@pytest.mark.parametrize(
    ("measure", "link"),
    [
        ("dot", Link("negate")),
        ("dot", Link("rbf")),
        ("euclidean", Link("identity")),
        ("euclidean", Link("angle")),
        ("manhattan", Link("angle")),
        ("manhattan", Link("identity")),
        ("euclidean", Link("negate", scale=-1.0)),
        ("dot", Link(scale=0.0)),
        ("dot", Link(scale=float("nan"))),
        ("hamming", Link("negate")),
        ("euclidean", Link("sigmoid")),
    ],
)
def test_what_would_turn_the_order_is_refused(measure, link):
    """A measure or link that does not exist, or a pair in which nearer would not score higher, is a ModelError."""
    with pytest.raises(ModelError):
        Similarity(measure, link)


@pytest.mark.parametrize("gamma", [0.0, -1.0, float("nan")])
def test_an_rbf_that_grows_with_distance_is_refused(gamma):
    """An RBF whose gamma is not positive would not score nearer vectors higher, so it is a ModelError."""
    with pytest.raises(ModelError):
        Similarity("euclidean", Link("rbf", gamma=gamma))


@pytest.mark.parametrize("kind", KINDS)
def test_links_are_monotone(kind):
    """The score rises with a dot product and falls with a distance, strictly."""
    steps = np.diff(KINDS[kind].link(np.linspace(0, 3, 50, dtype=np.float32)))
    assert (steps > 0).all() if KINDS[kind].measure == "dot" else (steps < 0).all()


@pytest.mark.parametrize("name", KINDS)
def test_a_template_of_one_reference_is_that_reference(name):
    """One reference an identity, in any order: the very vectors come back."""
    vectors = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    owners = np.array([3, 0, 5, 1, 4, 2])
    assert np.array_equal(KINDS[name].templates(vectors, owners, 6)[owners], vectors)


@pytest.mark.parametrize("name", KINDS)
def test_a_template_is_the_mean_of_its_references(name):
    """The mean of an identity's references, under dot at their mean length, wherever they stand."""
    vectors = np.random.default_rng(1).normal(size=(7, 5)).astype(np.float32)
    owners = np.array([1, 0, 1, 2, 0, 1, 2])
    made = KINDS[name].templates(vectors, owners, 3)
    for identity in range(3):
        mine = vectors[owners == identity].astype(np.float64)
        mean = mine.mean(axis=0)
        if KINDS[name].measure == "dot":
            mean *= np.linalg.norm(mine, axis=1).mean() / np.linalg.norm(mean)
        assert np.allclose(made[identity], mean, atol=1e-6)


def test_references_that_cancel_give_a_finite_template():
    """Two opposite references have no mean direction: the template is zero, not NaN."""
    made = Similarity().templates(np.array([[1, 0], [-1, 0]], np.float32), np.array([0, 0]), 1)
    assert np.array_equal(made, np.zeros((1, 2), np.float32))


ANGULAR = Similarity("dot", Link("angle", scale=2.0, bias=1.0))


def directions(rows, dim=8, seed=0):
    """Vectors of length 1."""
    found = vectors(rows, dim, seed)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_angles_equal_a_loop():
    """Angles of directions, near ones, equal ones and opposite ones among them, are those of float64, less the sign."""
    left, right = directions(40), directions(30, seed=1)
    right[2], right[3], right[4] = left[3], -left[3], left[3] + 1e-4 * left[5]
    right[4] /= np.linalg.norm(right[4])
    a, b = left.astype(np.float64), right.astype(np.float64)
    apart, along = (np.linalg.norm(a[:, None] - s * b[None], axis=2) for s in (1, -1))
    expected = 1 - 2 * 2 * np.arctan2(apart, along)
    found = ANGULAR.scores(left, right)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert found[3, 2] == 1.0
    aligned = ANGULAR.aligned(left[:30], right)
    assert aligned.dtype == np.float32
    np.testing.assert_allclose(aligned, np.diag(expected), rtol=1e-5, atol=1e-5)


def test_angles_rank_as_cosines_do():
    """The link falls strictly with the angle, so the order of a search by angle is that by cosine."""
    steps = np.diff(ANGULAR.link(np.linspace(-1, 1, 50, dtype=np.float32)))
    assert (steps > 0).all()
    probes, gallery = directions(5, seed=2), directions(300, seed=3)
    for found, expected in zip(
        ANGULAR.search(probes, gallery, 9), Similarity().search(probes, gallery, 9), strict=True
    ):
        if found.dtype == np.int64:
            np.testing.assert_array_equal(found, expected)


def test_angles_of_alike_directions_need_little_memory(monkeypatch):
    """Directions that nearly all coincide are measured one by one in blocks, and give what one block gives."""
    found = directions(1, 64) + 1e-4 * directions(256, 64, 1)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    whole = ANGULAR.scores(found, found)
    monkeypatch.setattr(similarity, "_CHUNK", 1 << 14)
    tracemalloc.start()
    again = ANGULAR.scores(found, found)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_allclose(again, whole, rtol=1e-6, atol=1e-6)
    assert peak < 4 * 256 * 256 + 24 * 4 * (1 << 14)


@pytest.mark.parametrize(
    ("left", "right", "dim"), [(1, 40_000, 64), (300, 300, 64), (2, 3, 60_000), (0, 4, 8), (4, 0, 8)]
)
def test_manhattan_needs_little_memory_in_every_shape(left, right, dim):
    """Many rows on either side, or long vectors: beyond the table there are 2 MiB of differences at most."""
    a, b = vectors(left, dim), vectors(right, dim, seed=1)
    tracemalloc.start()
    found = measured("manhattan", a, b)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.shape == (left, right)
    assert peak < 4 * left * right + (2 << 20)
    some = slice(None, None, max(1, right // 50))
    exact = np.abs(a[:, None].astype(np.float64) - b[None, some]).sum(2)
    np.testing.assert_allclose(found[:, some], exact, rtol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_shelves_are_searched_as_one_gallery(kind):
    """A gallery in three pieces, one with shifts, gives the ranking and scores of the whole table."""
    probes, gallery = vectors(5, seed=11), vectors(60, seed=12)
    shifts = np.concatenate([np.zeros(40), np.full(20, 0.1)]).astype(np.float32)
    shelves = [(gallery[:7], None), (gallery[7:40], None), (gallery[40:], shifts[40:])]
    table = KINDS[kind].scores(probes, gallery) - shifts
    order = np.argsort(-table, axis=1, kind="stable")[:, :9]
    indices, best = KINDS[kind].search_shelves(probes, shelves, 9)
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_allclose(best, np.take_along_axis(table, order, 1), rtol=1e-5, atol=1e-6)
