"""Losses against pytorch-metric-learning where the definitions agree, in float64 from the embeddings on."""

import math

import pytest
import torch
from pytorch_metric_learning import distances, losses, miners, reducers

from firstsight.learn.comparisons.batch import InBatch
from firstsight.learn.comparisons.proxies import Proxies
from firstsight.learn.losses.multi_similarity import multi_similarity
from firstsight.learn.losses.pairwise import contrastive
from firstsight.learn.losses.softmax import arcface, normalised_softmax, supcon
from firstsight.learn.losses.triplet import triplet
from firstsight.learn.similarities.fixed import Cosine, Euclidean

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


@pytest.mark.parametrize("margin", [0.0, 0.5, 1.4])
def test_arcface_agrees(batch, margin):
    """With proxies the loss is ArcFaceLoss at scale 1 / temperature and its margin in degrees, tail included."""
    embeddings, labels = batch
    torch.manual_seed(0)  # the reference draws its proxies
    reference = losses.ArcFaceLoss(5, 6, margin=math.degrees(margin), scale=16).double()
    found = proxies(embeddings, labels, reference)
    beyond = (found.score < -math.cos(margin)) & (found.same == 1)
    assert beyond.any() == (margin == 1.4)
    agree(arcface(*parts(found), temperature=1 / 16, margin=margin), reference(embeddings, labels), embeddings)


def test_supcon_agrees(batch):
    """In a batch, several same columns a row, the loss is SupConLoss, and so is the softmax without a margin."""
    embeddings, labels = batch
    for loss in (supcon, normalised_softmax):
        found = compared(Cosine(), batch)
        agree(loss(*parts(found), temperature=0.1), losses.SupConLoss(temperature=0.1)(embeddings, labels), embeddings)


def test_supcon_leaves_out_a_lone_anchor(batch):
    """An example whose label comes once is no anchor: SupConLoss's reducer leaves out its cost of 0."""
    embeddings, labels = batch
    labels = labels.clone()
    labels[3] = 9
    found = compared(Cosine(), (embeddings, labels))
    reference = losses.SupConLoss(temperature=0.1)(embeddings, labels)
    agree(supcon(*parts(found), temperature=0.1), reference, embeddings)


def test_supcon_of_one_positive_agrees_with_nt_xent(batch):
    """Where every label comes twice, two views of ten examples, the loss is NTXentLoss."""
    embeddings, _ = batch
    labels = torch.arange(20) % 10
    found = compared(Cosine(), (embeddings, labels))
    reference = losses.NTXentLoss(temperature=0.2)(embeddings, labels)
    agree(supcon(*parts(found), temperature=0.2), reference, embeddings)


def test_arcface_in_batch_agrees_with_nt_xent(batch):
    """Without a margin and with equally many positives an anchor, each against the negatives, it is NTXentLoss."""
    embeddings, labels = batch
    found = compared(Cosine(), batch)
    reference = losses.NTXentLoss(temperature=0.2)(embeddings, labels)
    agree(arcface(*parts(found), temperature=0.2, margin=0.0), reference, embeddings)


def test_multi_similarity_agrees(batch):
    """Over all pairs the loss is MultiSimilarityLoss, whose mean is over all anchors."""
    embeddings, labels = batch
    found = compared(Cosine(), batch)
    reference = losses.MultiSimilarityLoss(alpha=3, beta=20, base=0.4)(embeddings, labels)
    agree(multi_similarity(*parts(found), alpha=3, beta=20, base=0.4, mining="all"), reference, embeddings)


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.3])
def test_mined_multi_similarity_agrees(batch, epsilon):
    """With hard mining the loss is MultiSimilarityLoss on the pairs of MultiSimilarityMiner; a label may come once."""
    embeddings, labels = batch
    labels = labels.clone()
    labels[3] = 9
    gathered = embeddings + 4 * torch.eye(10, 6, dtype=torch.float64)[labels]  # or all pairs would be hard
    found = compared(Cosine(), (gathered, labels))
    mined = miners.MultiSimilarityMiner(epsilon)(gathered, labels)
    assert 0 < len(mined[0]) < (found.same * found.weight).sum()
    assert 0 < len(mined[2]) < ((1 - found.same) * found.weight).sum()
    reference = losses.MultiSimilarityLoss()(gathered, labels, mined)
    agree(multi_similarity(*parts(found), epsilon=epsilon), reference, embeddings)
