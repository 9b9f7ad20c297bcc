"""Losses against slow loops written from the formulas of the papers, in float64."""

import math

import pytest
import torch

from firstsight.learn.comparisons.batch import InBatch
from firstsight.learn.comparisons.predicted import PredictedViews
from firstsight.learn.losses.multi_similarity import multi_similarity
from firstsight.learn.losses.pairwise import contrastive, cross_entropy, negative_cosine
from firstsight.learn.losses.softmax import arcface, normalised_softmax, supcon
from firstsight.learn.losses.triplet import triplet
from firstsight.learn.similarities.fixed import Cosine

SEEDS = range(5)


def distances(seed, rows=7, columns=7):
    """Negated distances, labels against labels, and weights of 0 and 1."""
    draw = torch.Generator().manual_seed(seed)
    score = -2 * torch.rand(rows, columns, generator=draw, dtype=torch.float64)
    same = (torch.rand(rows, columns, generator=draw) < 0.4).double()
    weight = (torch.rand(rows, columns, generator=draw) < 0.8).double()
    return score, same, weight


def triples(score, same, weight):
    """Every (anchor, positive, negative) that counts."""
    rows, columns = score.shape
    for a in range(rows):
        for p in range(columns):
            for n in range(columns):
                if weight[a, p] > 0 and weight[a, n] > 0 and same[a, p] > 0.5 and same[a, n] <= 0.5:
                    yield a, p, n


def mean_of_costly(costs):
    """Mean over the triples that still cost something."""
    costly = [c for c in costs if c > 0]
    return sum(costly) / len(costly) if costly else 0.0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("margin", [0.3, 1.0])
def test_contrastive_equals_hadsell(seed, margin):
    """The contrastive loss is the weighted mean of D^2 for same and max(m - D, 0)^2 for different pairs."""
    score, same, weight = (t.ravel() for t in distances(seed))
    weight = weight * torch.linspace(0.1, 2, len(weight), dtype=torch.float64)
    total = counted = 0.0
    for s, y, w in zip(score.tolist(), same.tolist(), weight.tolist(), strict=True):
        total += w * ((-s) ** 2 if y == 1 else max(margin + s, 0) ** 2)
        counted += w
    assert contrastive(score, same, weight, margin=margin).item() == pytest.approx(total / counted, abs=1e-12)


def test_contrastive_takes_graded_pairs():
    """A pair that is same by 0.25 costs a quarter of a same pair and three quarters of a different one."""
    score, one = torch.tensor([-0.4], dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    assert contrastive(score, 0.25 * one, one).item() == pytest.approx(0.25 * 0.16 + 0.75 * 0.36, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_cross_entropy_equals_koch(seed):
    """The weighted mean of -(y log p + (1 - y) log(1 - p)) with p the logistic function of the score, y graded too."""
    score, same, weight = (t.ravel() for t in distances(seed))
    score, same = 3 * score + 2, same * torch.linspace(0.5, 1, len(same), dtype=torch.float64)
    weight = weight * torch.linspace(0.1, 2, len(weight), dtype=torch.float64)
    total = counted = 0.0
    for s, y, w in zip(score.tolist(), same.tolist(), weight.tolist(), strict=True):
        p = 1 / (1 + math.exp(-s))
        total -= w * (y * math.log(p) + (1 - y) * math.log(1 - p))
        counted += w
    assert cross_entropy(score, same, weight).item() == pytest.approx(total / counted, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mining", ["all", "semi-hard"])
def test_triplet_equals_facenet(seed, mining):
    """The triplet loss is the mean of the costly max(0, d(a,p) - d(a,n) + m) over all, or the semi-hard, triples."""
    score, same, weight = distances(seed)
    margin, costs = 0.35, []
    for a, p, n in triples(score, same, weight):
        near, far = -score[a, p].item(), -score[a, n].item()
        if mining == "all" or near < far < near + margin:
            costs.append(max(0.0, near - far + margin))
    expected = mean_of_costly(costs)
    assert expected > 0
    assert triplet(score, same, weight, margin=margin, mining=mining).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_batch_hard_equals_hermans(seed):
    """Batch-hard takes the farthest positive and the nearest negative of each anchor that has both."""
    score, same, weight = distances(seed)
    same[2] = 0  # an anchor without a positive
    same[3] = 1  # and one without a negative
    margin, by_anchor = 0.35, {}
    for a, p, n in triples(score, same, weight):
        cost = -score[a, p].item() + score[a, n].item() + margin
        by_anchor[a] = max(by_anchor.get(a, -math.inf), cost)
    assert 2 not in by_anchor
    assert 3 not in by_anchor
    expected = mean_of_costly(by_anchor.values())
    found = triplet(score, same, weight, margin=margin, mining="batch-hard").item()
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("margin", [0.0, 0.35])
def test_normalised_softmax_equals_am_softmax(seed, margin):
    """With one same column a row the loss is -log of the margin softmax over the columns that count."""
    draw = torch.Generator().manual_seed(seed)
    score = torch.rand(6, 9, generator=draw, dtype=torch.float64) * 2 - 1
    right = torch.randint(9, (6,), generator=draw)
    same = torch.nn.functional.one_hot(right, 9).double()
    weight = ((torch.rand(6, 9, generator=draw) < 0.7) | (same > 0)).double()
    scale, costs = 1 / 0.1, []
    for a in range(6):
        top = math.exp(scale * (score[a, right[a]].item() - margin))
        rest = sum(math.exp(scale * score[a, j].item()) for j in range(9) if j != right[a] and weight[a, j] > 0)
        costs.append(-math.log(top / (top + rest)))
    found = normalised_softmax(score, same, weight, temperature=0.1, margin=margin).item()
    assert found == pytest.approx(sum(costs) / 6, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_normalised_softmax_shares_the_target_among_same_columns(seed):
    """With several same columns the loss is the mean of their cross-entropies, and rows without any are left out."""
    draw = torch.Generator().manual_seed(100 + seed)
    score = torch.rand(6, 8, generator=draw, dtype=torch.float64) * 2 - 1
    same = (torch.rand(6, 8, generator=draw) < 0.4).double()
    same[1] = 0
    weight = 1 - torch.eye(6, 8, dtype=torch.float64)
    costs = []
    for a in range(6):
        counted = [j for j in range(8) if weight[a, j] > 0]
        right = [j for j in counted if same[a, j] == 1]
        total = math.log(sum(math.exp(score[a, j].item() / 0.2) for j in counted))
        if right:
            costs.append(sum(total - score[a, j].item() / 0.2 for j in right) / len(right))
    assert len(costs) < 6
    found = normalised_softmax(score, same, weight, temperature=0.2).item()
    assert found == pytest.approx(sum(costs) / len(costs), abs=1e-12)


def cosines(seed, rows=7, columns=9):
    """Cosines, truth and weights; row 0 a far positive, row 1 nothing same, row 2 nothing else."""
    draw = torch.Generator().manual_seed(seed)
    score = torch.rand(rows, columns, generator=draw, dtype=torch.float64) * 2 - 1
    same = (torch.rand(rows, columns, generator=draw) < 0.4).double()
    same[1], same[2] = 0, 1
    weight = (torch.rand(rows, columns, generator=draw) < 0.8).double()
    score[0, 0], same[0, 0], weight[0, 0] = -0.95, 1, 1
    return score, same, weight


def split(score, same, weight):
    """Of every anchor, the scores of its positives and of its negatives that count."""
    for values, kinds, counts in zip(score.tolist(), same.tolist(), weight.tolist(), strict=True):
        counted = [(s, y) for s, y, w in zip(values, kinds, counts, strict=True) if w > 0]
        yield [s for s, y in counted if y == 1], [s for s, y in counted if y == 0]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("margin", [0.0, 0.5, 1.5])
def test_arcface_equals_deng(seed, margin):
    """ArcFace is -log of the softmax at cos(angle + m), or cos(angle) - m sin(m) past pi, averaged over an anchor."""
    score, same, weight = cosines(seed)
    costs, tails = [], 0
    for positives, negatives in split(score, same, weight):
        own = []
        for s in positives:
            angle = math.acos(s)
            turned = math.cos(angle + margin) if angle + margin < math.pi else s - margin * math.sin(margin)
            tails += angle + margin >= math.pi
            top = math.exp(turned / 0.25)
            own.append(-math.log(top / (top + sum(math.exp(n / 0.25) for n in negatives))))
        if own:
            costs.append(sum(own) / len(own))
    assert len(costs) < 7
    assert (tails > 0) == (margin > 0)
    found = arcface(score, same, weight, temperature=0.25, margin=margin).item()
    assert found == pytest.approx(sum(costs) / len(costs), abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_supcon_equals_khosla(seed):
    """SupCon is the mean over anchors of -1/|P| times the sum over P of log(exp(s_p / t) / sum over all exp(s / t))."""
    score, same, weight = cosines(seed)
    costs = []
    for positives, negatives in split(score, same, weight):
        total = sum(math.exp(s / 0.3) for s in positives + negatives)
        if positives:
            costs.append(-sum(math.log(math.exp(p / 0.3) / total) for p in positives) / len(positives))
    assert len(costs) < 7
    found = supcon(score, same, weight, temperature=0.3).item()
    assert found == pytest.approx(sum(costs) / len(costs), abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mining", ["hard", "all"])
def test_multi_similarity_equals_wang(seed, mining):
    """Multi-similarity is the mean over anchors of both soft sums, over the pairs that the epsilon mining keeps."""
    score, same, weight = cosines(seed)
    weight[5] = 0  # a row that does not count is no anchor
    alpha, beta, base, epsilon, costs, kept = 2.5, 12.0, 0.3, 0.15, [], 0
    for positives, negatives in split(score, same, weight):
        if mining == "hard":
            positives, negatives = (
                [p for p in positives if p - epsilon < max(negatives, default=-math.inf)],
                [n for n in negatives if n + epsilon > min(positives, default=math.inf)],
            )
        pull = math.log(1 + sum(math.exp(-alpha * (p - base)) for p in positives)) / alpha
        push = math.log(1 + sum(math.exp(beta * (n - base)) for n in negatives)) / beta
        costs.append(pull + push)
        kept += len(positives) + len(negatives)
    assert (kept < weight.sum()) == (mining == "hard")
    settings = {"alpha": alpha, "beta": beta, "base": base, "epsilon": epsilon, "mining": mining}
    assert multi_similarity(score, same, weight, **settings).item() == pytest.approx(sum(costs) / 6, abs=1e-12)


def cosine(u, v):
    """Of two vectors."""
    return (torch.dot(u, v) / (u.norm() * v.norm())).item()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_supcon_on_views_is_nt_xent(seed, temperature):
    """SimCLR's algorithm 1, loop by loop: every view against all others, its own image's other view the right one."""
    z = torch.randn(10, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    s = [[cosine(a, b) for b in z] for a in z]

    def ell(i, j):
        return -math.log(
            math.exp(s[i][j] / temperature) / sum(math.exp(s[i][k] / temperature) for k in range(10) if k != i)
        )

    paper = sum(ell(2 * k, 2 * k + 1) + ell(2 * k + 1, 2 * k) for k in range(5)) / 10
    views = torch.arange(10) // 2
    found = InBatch(Cosine(), 6, 5)(Cosine().prepare(z), views, torch.Generator())
    ours = supcon(found.score, found.same, found.weight, temperature=temperature)
    assert ours.item() == pytest.approx(paper, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_negative_cosine_of_predicted_views_is_simsiam(seed):
    """SimSiam's algorithm 1: L = D(p1, z2) / 2 + D(p2, z1) / 2 with z held still, and gradients by finite steps."""
    torch.manual_seed(seed)
    part = PredictedViews(Cosine(), 6, 0, hidden=4).double()
    x = torch.randn(10, 6, dtype=torch.float64, requires_grad=True)

    def paper(moved, still):
        p = part.predictor(moved / moved.norm(dim=1, keepdim=True))
        half = [-sum(cosine(p[2 * k + a], still[2 * k + 1 - a]) for k in range(5)) / 5 for a in (0, 1)]
        return half[0] / 2 + half[1] / 2

    found = part(Cosine().prepare(x), torch.arange(10) // 2, torch.Generator())
    loss = negative_cosine(found.score, found.same, found.weight)
    with torch.no_grad():
        assert loss.item() == pytest.approx(1 + paper(x, x), abs=1e-12)
        (slope,) = torch.autograd.grad(loss, x)
        for row, column in ((0, 0), (3, 5), (8, 2)):
            step = torch.zeros_like(x)
            step[row, column] = 1e-6
            by_steps = (paper(x + step, x) - paper(x - step, x)) / 2e-6
            assert slope[row, column].item() == pytest.approx(by_steps, abs=1e-7)
