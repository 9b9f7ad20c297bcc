"""Comparisons: whom an example is set against."""

import pytest
import torch

from firstsight.errors import TrainingError, UsageError
from firstsight.learn.comparisons.batch import InBatch, SampledPairs, SampledTriplets, partners
from firstsight.learn.comparisons.proxies import Proxies
from firstsight.learn.similarities.fixed import Cosine, Euclidean

PLACES = torch.arange(12.0)[:, None]  # an embedding that says who it is: distances tell the partner


def generator(seed=0):
    """A seeded one."""
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("part", [InBatch, SampledPairs, SampledTriplets])
def test_a_batch_of_one_class_is_refused(part):
    """Where there is no other class there is no negative, and that is a TrainingError."""
    with pytest.raises(TrainingError, match="one class"):
        part(Euclidean(), 1, 2)(PLACES, torch.zeros(12, dtype=torch.long), generator())


@pytest.mark.parametrize("comparison", [InBatch, SampledPairs, SampledTriplets])
def test_a_label_must_come_twice(comparison):
    """A batch without any positive teaches nothing; the error says what mends it."""
    with pytest.raises(TrainingError, match=r"^no label comes twice in the batch.*sampling\.name=pk$"):
        comparison(Euclidean(), 1, 2)(PLACES, torch.arange(12), generator())


def test_in_batch_compares_all_with_all_but_themselves():
    """In a batch the table is square, says who shares a label, and leaves the diagonal out."""
    labels = torch.tensor([0, 1, 0, 2])
    found = InBatch(Euclidean(), 1, 3)(PLACES[:4], labels, generator())
    assert found.same.tolist() == [[1, 0, 1, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]]
    assert torch.equal(found.weight, 1 - torch.eye(4))
    assert torch.equal(found.score, -(PLACES[:4] - PLACES[:4].T).abs())


def test_pairs_are_half_same_and_half_different():
    """Even anchors meet their own label and odd anchors another, so that half of the pairs are same."""
    labels = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
    found = SampledPairs(Euclidean(), 1, 4)(PLACES, labels, generator())
    assert found.same.tolist() == [1, 0] * 6
    assert (found.score < 0).all()  # distance 0 would be an example against itself


def test_a_lone_even_anchor_meets_another_label():
    """An anchor without a positive becomes a different pair instead of meeting itself."""
    found = SampledPairs(Euclidean(), 1, 3)(PLACES[:4], torch.tensor([0, 1, 2, 1]), generator())
    assert found.same.tolist() == [0, 0, 0, 0]
    assert (found.score < 0).all()


def test_triplets_leave_out_anchors_without_a_positive():
    """Rows are the anchors whose label comes twice, the positive in the first column."""
    labels = torch.tensor([0, 1, 0, 2])
    found = SampledTriplets(Euclidean(), 1, 3)(PLACES[:4], labels, generator())
    assert found.same.tolist() == [[1, 0], [1, 0]]
    assert found.score[:, 0].tolist() == [-2, -2]


def test_every_partner_is_drawn_sooner_or_later():
    """Over many draws each allowed positive and each allowed negative comes, about equally often."""
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 2])
    draw = generator()
    positives, negatives = zip(*[(p[0].item(), n[0].item()) for p, n in _draws(labels, draw)], strict=True)
    for found, allowed in ((positives, {1, 2, 3}), (negatives, {4, 5, 6})):
        assert set(found) == allowed
        assert min(found.count(i) for i in allowed) > 60  # of 100 expected, five standard deviations


def _draws(labels, draw):
    return [partners(labels, draw) for _ in range(300)]


def test_proxies_refuse_distances():
    """Proxies compare by angle; another similarity is refused before the first step."""
    with pytest.raises(UsageError, match="cosine"):
        Proxies(Euclidean(), 4, 3)


def test_proxies_are_compared_by_direction():
    """A row of proxies holds the cosines to each class's proxy, the own class marked."""
    part = Proxies(Cosine(), 2, 3)
    part.proxies.data = torch.tensor([[5.0, 0.0], [0.0, 0.1], [-2.0, 0.0]])
    found = part(torch.tensor([[1.0, 0.0]]), torch.tensor([2]), generator())
    torch.testing.assert_close(found.score.detach(), torch.tensor([[1.0, 0.0, -1.0]]))
    assert found.same.tolist() == [[0, 0, 1]]
