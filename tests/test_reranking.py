"""Re-ranking: a shortlist by the measure, its order by the network, everything else as a similarity does it."""

from __future__ import annotations

import numpy as np
import pytest

from firstsight import reranking
from firstsight.reranking import Reranked
from firstsight.similarity import Similarity

RNG = np.random.default_rng(0)


def unit(count: int, dim: int = 8) -> np.ndarray:
    """Vectors ``(n, d)`` of length 1."""
    found = RNG.normal(size=(count, dim)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def network(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """An opinion that is far from the cosine's."""
    return np.sin(40 * left * right).sum(axis=1).astype(np.float32)


def plain(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The network on every pair, by a loop."""
    return np.array([[network(a[None], b[None])[0] for b in right] for a in left])


def test_every_pair_is_scored_by_the_network() -> None:
    """Tables and rows are what the network says of each pair, however many blocks they take."""
    rule, left, right = Reranked(Similarity(), network, 4), unit(90), unit(70)
    np.testing.assert_allclose(rule.scores(left, right), plain(left, right), atol=1e-5)
    np.testing.assert_allclose(rule.aligned(left[:70], right), np.diag(plain(left[:70], right)), atol=1e-5)
    assert rule.scores(left[:0], right).shape == (0, 70)


@pytest.mark.parametrize("numbers", [1, 24, 1000])
def test_long_embeddings_are_laid_side_by_side_in_small_blocks(numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few numbers a block may hold, a pair at least, tables are the same."""
    monkeypatch.setattr(reranking, "_BLOCK", numbers)
    seen: list[int] = []

    def counted(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        seen.append(left.size)
        return network(left, right)

    left, right = unit(7), unit(5)
    np.testing.assert_allclose(Reranked(Similarity(), counted, 4).scores(left, right), plain(left, right), atol=1e-5)
    assert max(seen) == max(8, min(numbers // 8 * 8, 7 * 5 * 8))


@pytest.mark.parametrize(("shortlist", "k"), [(5, 3), (5, 5), (3, 10), (200, 4)])
def test_a_search_orders_the_shortlist_by_the_network(shortlist: int, k: int) -> None:
    """The best k of the nearest by the network's score, in blocks of a gallery as in one, lost points taken off."""
    rule, probes, gallery = Reranked(Similarity(), network, shortlist), unit(70), unit(50)
    lost = RNG.random(50).astype(np.float32)
    shelves = [(np.asfortranarray(gallery[:20]), lost[:20]), (np.asfortranarray(gallery[20:]), lost[20:])]
    indices, scores = rule.search_shelves(probes, shelves, k)
    table = plain(probes, gallery) - lost
    for row, (found, best) in enumerate(zip(indices, scores, strict=True)):
        near = np.argsort(-(gallery @ probes[row]), kind="stable")[: max(k, shortlist)]
        expected = near[np.argsort(-table[row, near], kind="stable")][:k]
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_allclose(best, table[row, expected], atol=1e-5)


def test_of_equal_scores_the_lower_index_comes_first() -> None:
    """A network without an opinion leaves the order of enrolment, as a similarity does."""
    rule = Reranked(Similarity(), lambda left, _: np.zeros(len(left), np.float32), 6)
    indices, scores = rule.search(unit(3), unit(6), 6)
    np.testing.assert_array_equal(indices, np.tile(np.arange(6), (3, 1)))
    assert not scores.any()


def test_evaluation_sees_what_a_search_finds() -> None:
    """Among more than a shortlist, the best by the table of an evaluation are those that a search returns."""
    rule, probes, gallery = Reranked(Similarity(), network, 7), unit(80), unit(60)
    table = rule.among(probes, gallery)
    indices, scores = rule.search(probes, gallery, 7)
    np.testing.assert_array_equal(np.argsort(-table, axis=1, kind="stable")[:, :7], indices)
    np.testing.assert_allclose(np.take_along_axis(table, indices, 1), scores, atol=1e-6)
    rest = np.argsort(-table, axis=1, kind="stable")[:, 7:]
    nearest = probes @ gallery.T
    assert (np.diff(np.take_along_axis(nearest, rest, 1), axis=1) <= 1e-6).all()


def test_an_empty_gallery_has_nothing_near() -> None:
    """Nobody enrolled: no candidates, no error."""
    rule = Reranked(Similarity(), network, 7)
    indices, scores = rule.search(unit(3), unit(0), 5)
    assert indices.shape == scores.shape == (3, 0)
