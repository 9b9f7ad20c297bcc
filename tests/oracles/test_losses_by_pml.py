"""Losses against pytorch-metric-learning where the definitions agree, in float64 from the embeddings on."""

import pytest
import torch
from pytorch_metric_learning import distances, losses, miners, reducers

from firstsight.learn.comparisons import InBatch, Proxies
from firstsight.learn.losses.pairwise import contrastive, normalised_softmax
from firstsight.learn.losses.triplet import triplet
from firstsight.learn.similarities import Cosine, Euclidean

TOLERANCE = {"rtol": 0, "atol": 1e-10}


@pytest.fixture(params=[0, 1, 2])
def batch(request):
    """Twenty embeddings of five labels; gradients are compared too."""
    draw = torch.Generator().manual_seed(request.param)
    embeddings = torch.randn(20, 6, generator=draw, dtype=torch.float64, requires_grad=True)
    return embeddings, torch.arange(20) % 5


def compared(similarity, batch):
    """The comparison of every example with every other."""
    embeddings, labels = batch
    return InBatch(similarity, 6, 5)(similarity.prepare(embeddings), labels, torch.Generator())


def agree(ours, theirs, embeddings):
    """Equal in value and in gradient."""
    torch.testing.assert_close(ours, theirs, **TOLERANCE)
    mine, other = (torch.autograd.grad(x, embeddings)[0] for x in (ours, theirs))
    assert mine.abs().max() > 0
    torch.testing.assert_close(mine, other, **TOLERANCE)


def test_contrastive_agrees(batch):
    """The loss is ContrastiveLoss with the cost of every pair squared and averaged over all of them."""
    embeddings, labels = batch
    # A distance of power 2 would square before the margin is taken, so the costs are squared here.
    found = compared(Euclidean(), batch)
    reference = losses.ContrastiveLoss(
        neg_margin=2.5,
        distance=distances.LpDistance(normalize_embeddings=False),
        reducer=reducers.DoNothingReducer(),
    )(embeddings, labels)
    total = reference["pos_loss"]["losses"].square().sum() + reference["neg_loss"]["losses"].square().sum()
    ours = contrastive(found.score, found.same, found.weight, margin=2.5)
    agree(ours, total / (20 * 19), embeddings)


@pytest.mark.parametrize("normalise", [False, True])
def test_triplet_over_all_triples_agrees(batch, normalise):
    """All triples with a mean over the costly ones is TripletMarginLoss with its default AvgNonZeroReducer."""
    embeddings, labels = batch
    found = compared(Euclidean(normalise=normalise), batch)
    reference = losses.TripletMarginLoss(margin=0.3, distance=distances.LpDistance(normalize_embeddings=normalise))
    agree(triplet(*parts(found), margin=0.3), reference(embeddings, labels), embeddings)


def test_triplet_on_cosines_agrees(batch):
    """On cosines the loss is TripletMarginLoss on CosineSimilarity: higher is more alike in both."""
    embeddings, labels = batch
    found = compared(Cosine(), batch)
    reference = losses.TripletMarginLoss(margin=0.3, distance=distances.CosineSimilarity())
    agree(triplet(*parts(found), margin=0.3), reference(embeddings, labels), embeddings)


@pytest.mark.parametrize(
    ("mining", "miner"),
    [
        ("batch-hard", miners.BatchHardMiner),
        ("semi-hard", lambda distance: miners.TripletMarginMiner(0.3, "semihard", distance=distance)),
    ],
)
def test_mined_triplets_agree(batch, mining, miner):
    """Batch-hard and semi-hard mining choose the triples that BatchHardMiner and TripletMarginMiner choose."""
    embeddings, labels = batch
    distance = distances.LpDistance(normalize_embeddings=False)
    found = compared(Euclidean(), batch)
    mined = miner(distance=distance)(embeddings, labels)
    assert len(mined[0]) > 0
    reference = losses.TripletMarginLoss(margin=0.3, distance=distance)(embeddings, labels, mined)
    agree(triplet(*parts(found), margin=0.3, mining=mining), reference, embeddings)


def parts(comparison):
    """As the arguments of a loss."""
    return comparison.score, comparison.same, comparison.weight


def proxies(embeddings, labels, reference):
    """Our comparison with the proxies that a reference loss holds."""
    ours = Proxies(Cosine(), 6, 5).double()
    ours.proxies.data.copy_(reference.W.data.double().T)
    return ours(Cosine().prepare(embeddings), labels, torch.Generator())


def test_normalised_softmax_agrees(batch):
    """With proxies and no margin the loss is NormalizedSoftmaxLoss."""
    embeddings, labels = batch
    reference = losses.NormalizedSoftmaxLoss(5, 6, temperature=0.1).double()
    found = proxies(embeddings, labels, reference)
    agree(normalised_softmax(*parts(found), temperature=0.1), reference(embeddings, labels), embeddings)


def test_margin_softmax_agrees(batch):
    """With proxies and a margin the loss is CosFaceLoss at scale 1 / temperature."""
    embeddings, labels = batch
    reference = losses.CosFaceLoss(5, 6, margin=0.35, scale=16).double()
    found = proxies(embeddings, labels, reference)
    ours = normalised_softmax(*parts(found), temperature=1 / 16, margin=0.35)
    agree(ours, reference(embeddings, labels), embeddings)


def test_normalised_softmax_in_batch_agrees_with_supcon(batch):
    """In a batch, several same columns a row, the loss is SupConLoss (Khosla et al., 2020)."""
    embeddings, labels = batch
    found = compared(Cosine(), batch)
    reference = losses.SupConLoss(temperature=0.1)(embeddings, labels)
    agree(normalised_softmax(*parts(found), temperature=0.1), reference, embeddings)
