"""Every similarity of the catalogue: its torch twin and what the model stores of it are one function."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from firstsight.learn.catalogue import LOSSES, SIMILARITIES
from firstsight.learn.similarities.fixed import RBF, Cosine, Euclidean, Manhattan, SquaredEuclidean
from firstsight.learn.similarities.pair_network import PairNetwork
from firstsight.learn.similarities.weighted import WeightedL1, sized
from firstsight.reranking import Reranked
from firstsight.similarity import Link, Similarity

SEEDED = settings(derandomize=True, deadline=None, max_examples=30)
DIM = 16


def weighed(low=0.2):
    """A weighted L1 whose weights differ and whose bias is not 0, as after training."""
    made = WeightedL1(DIM)
    with torch.no_grad():
        made.weights.copy_(torch.linspace(low, 2.0, DIM))
        made.bias.fill_(1.5)
    return made


def plain(name):
    """A similarity as it is made, as it is used: not in training."""
    made = sized(SIMILARITIES[name], DIM, {})
    return made.eval() if isinstance(made, torch.nn.Module) else made


def paired():
    """A pair network that has learned something: its layers are not 0."""
    torch.manual_seed(0)
    made = PairNetwork(DIM, hidden=8)
    torch.nn.init.normal_(made.last.weight, std=0.3)
    return made.eval()


TWINS = [
    *(pytest.param(plain(name), id=name) for name in SIMILARITIES),
    pytest.param(Euclidean(normalise=True), id="euclidean-normalised"),
    pytest.param(SquaredEuclidean(normalise=True), id="squared_euclidean-normalised"),
    pytest.param(Manhattan(normalise=True), id="manhattan-normalised"),
    pytest.param(RBF(gamma=0.02, normalise=False), id="rbf-wide"),
    pytest.param(weighed(), id="weighted_l1-learned"),
    pytest.param(paired(), id="pair_network-learned"),
]
SELF_IS_BEST = [twin for twin in TWINS if twin.id not in ("dot", "pair_network-learned")]
"""Neither a dot product nor a network on pairs promises that nothing scores higher than a vector and itself."""


def vectors(seed, rows=9, dim=DIM):
    """Prepared-to-be vectors with twins, near twins, opposites and a zero among them."""
    draw = torch.Generator().manual_seed(seed)
    found = torch.randn(rows, dim, generator=draw)
    found[1] = found[0]
    found[2] = found[0] * (1 + 1e-4)
    found[3] = found[0] + 1e-4 * found[4]
    found[5] = -found[0]
    found[6] = 0
    return found


@pytest.mark.parametrize("twin", TWINS)
@given(seed=st.integers(0, 10**6))
@SEEDED
def test_the_torch_twin_equals_the_runtime(twin, seed):
    """Torch and NumPy give the same scores to 1e-5, identical and nearly identical vectors included."""
    left, right = twin.prepare(vectors(seed)).detach(), twin.prepare(vectors(seed + 1)[::2]).detach()
    both = torch.cat([left, right])
    expected = twin.cross(both, left).detach().numpy()
    np.testing.assert_allclose(twin.runtime.scores(both.numpy(), left.numpy()), expected, rtol=1e-5, atol=1e-5)
    aligned = twin.aligned(left[:5], right).detach().numpy()
    np.testing.assert_allclose(twin.runtime.aligned(left[:5].numpy(), right.numpy()), aligned, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("twin", TWINS)
def test_aligned_is_the_diagonal_of_cross(twin):
    """Row by row and all against all agree, in torch and in NumPy."""
    left, right = twin.prepare(vectors(1)).detach(), twin.prepare(vectors(2)).detach()
    torch.testing.assert_close(twin.aligned(left, right), twin.cross(left, right).diagonal())
    runtime, a, b = twin.runtime, left.numpy(), right.numpy()
    np.testing.assert_allclose(runtime.aligned(a, b), np.diag(runtime.scores(a, b)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("twin", TWINS)
def test_a_similarity_is_symmetric(twin):
    """Comparing left with right is comparing right with left."""
    left, right = twin.prepare(vectors(3)), twin.prepare(vectors(4))
    torch.testing.assert_close(twin.cross(left, right), twin.cross(right, left).T)
    torch.testing.assert_close(twin.aligned(left, right), twin.aligned(right, left))


@pytest.mark.parametrize("twin", TWINS)
def test_identical_vectors_are_scored_alike(twin):
    """A vector against itself, its twin and its near twin: torch and NumPy agree to 1e-6 of the score."""
    found = twin.prepare(vectors(8)[[0, 1, 2, 6]]).detach()
    expected = twin.aligned(found[[0, 0, 0, 3]], found).detach().numpy()
    runtime = twin.runtime
    np.testing.assert_allclose(runtime.aligned(found[[0, 0, 0, 3]].numpy(), found.numpy()), expected, 1e-6, 1e-6)
    table = runtime.scores(found.numpy(), found.numpy())
    np.testing.assert_allclose(table[0, :3], expected[:3], 1e-6, 1e-6)
    best = {"negated distance": 0.0, "negated squared distance": 0.0, "kernel": 1.0}.get(twin.domain)
    if best is not None:
        assert (table[0, :2] == best).all()
        assert (twin.cross(found, found).detach()[0, :2] == best).all()


@pytest.mark.parametrize("twin", TWINS)
def test_search_finds_what_the_twin_ranks_first(twin):
    """The runtime's exact search gives the order of the torch twin's scores."""
    probes, gallery = twin.prepare(vectors(11)[3:6]).detach(), twin.prepare(torch.randn(40, DIM)).detach()
    gallery[17] = probes[0]
    expected = twin.cross(probes, gallery).detach().sort(dim=1, descending=True)
    indices, best = twin.runtime.search(probes.numpy(), gallery.numpy(), 3)
    np.testing.assert_array_equal(indices, expected.indices[:, :3].numpy())
    np.testing.assert_allclose(best, expected.values[:, :3].numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("twin", SELF_IS_BEST)
def test_nothing_is_more_alike_than_a_vector_and_itself(twin):
    """Among prepared vectors that are not zero the best partner of each is itself (dot products promise none)."""
    found = twin.prepare(vectors(5)[[0, 4, 5, 7, 8]]).detach()
    scores = twin.cross(found, found)
    assert (scores.argmax(1) == torch.arange(len(found))).all()
    np.testing.assert_array_equal(twin.runtime.scores(found.numpy(), found.numpy()).argmax(1), np.arange(len(found)))


@pytest.mark.parametrize("form", ["cross", "aligned"])
@pytest.mark.parametrize("twin", TWINS)
def test_gradients_are_finite_where_vectors_coincide(twin, form):
    """At distance 0, at cosine 1 and -1, and at a zero vector no gradient is infinite or not a number."""
    raw = vectors(6).requires_grad_()
    prepared = twin.prepare(raw)
    if form == "cross":
        scores = twin.cross(prepared, prepared)
    else:
        scores = twin.aligned(prepared, prepared[[1, 0, 0, 2, 4, 0, 6, 7, 8]])
    scores.sum().backward()
    assert scores.isfinite().all()
    assert raw.grad is not None
    assert raw.grad.isfinite().all()


@pytest.mark.parametrize("twin", TWINS)
def test_preparing_normalises_exactly_when_it_says_so(twin):
    """Prepared vectors have length 1 where ``normalise`` is true, and are untouched where it is not."""
    found = vectors(7)[[0, 4, 7]]
    prepared = twin.prepare(found)
    if twin.normalise:
        torch.testing.assert_close(prepared.norm(dim=1), torch.ones(3))
    elif isinstance(twin, WeightedL1):
        torch.testing.assert_close(prepared, found * twin.weights.detach() / DIM)
    else:
        assert torch.equal(prepared, found)


@pytest.mark.parametrize("twin", TWINS)
def test_gradients_reach_near_and_far_pairs(twin):
    """A pair 1e-3 apart and a pair far apart both have a gradient, and a finite one."""
    left = torch.randn(2, DIM, generator=torch.Generator().manual_seed(9))
    right = torch.stack([left[0] + 1e-3, -0.5 * left[1].roll(1)]).requires_grad_()
    twin.aligned(twin.prepare(left), twin.prepare(right)).sum().backward()
    assert right.grad is not None
    assert right.grad.isfinite().all()
    assert (right.grad.abs().sum(1) > 0).all()


@pytest.mark.parametrize("name", SIMILARITIES)
def test_every_similarity_has_a_loss(name):
    """For every kind of score there is a loss on rows, and none is left that no loss takes."""
    assert any(SIMILARITIES[name].domain in loss.domains for loss in LOSSES.values())


def test_angles_are_exact_where_the_cosine_is_not():
    """Angles of 1e-6 from 0 and from pi, which a float32 cosine rounds to 0 and pi, come out in torch and NumPy."""
    twin = SIMILARITIES["angular"]()
    turned = torch.tensor([[1.0, 1e-6], [-1.0, 1e-6], [0.0, 1.0], [1.0, 0.0]])
    expected = -np.array([1e-6, np.pi - 1e-6, np.pi / 2, 0.0])
    base = torch.tensor([[1.0, 0.0]])
    np.testing.assert_allclose(twin.cross(base, turned)[0].numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(twin.runtime.scores(base.numpy(), turned.numpy())[0], expected, rtol=1e-5)


def test_free_weights_below_0_are_a_graph_on_pairs():
    """A weight below 0 makes two alike by differing, in learning and in use; without any it is a distance."""
    twin = WeightedL1(2, weights="free", shortlist=7)
    with torch.no_grad():
        twin.weights.copy_(torch.tensor([2.0, -1.0]))
    left, right = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 3.0]])
    made = twin.prepare(left), twin.prepare(right)
    for score in (twin.cross(*made).item(), twin.aligned(*made).item()):
        assert score == pytest.approx(-(2 * 1 - 1 * 3) / 2)
    runtime = twin.runtime
    assert isinstance(runtime, Reranked)
    assert runtime.nearest == Similarity("manhattan", Link("negate"))
    assert runtime.shortlist == 7
    sides = made[0].detach().numpy(), made[1].detach().numpy()
    for found in (runtime.aligned(*sides)[0], runtime.scores(*sides)[0, 0]):
        assert found == pytest.approx(-(2 * 1 - 1 * 3) / 2)
    with torch.no_grad():
        twin.weights.copy_(torch.tensor([2.0, 0.0]))
    assert twin.runtime == Similarity("manhattan", Link("negate"))


def test_folding_weights_count_by_their_size():
    """Where weights fold, one that slid below 0 is the distance of its size, and the runtime agrees."""
    twin = weighed(low=-1.0)
    left, right = (twin.prepare(vectors(seed)).detach() for seed in (1, 2))
    raw = (vectors(1) - vectors(2)).abs() * twin.weights.detach().abs()
    expected = (1.5 - raw.mean(1)).numpy()
    np.testing.assert_allclose(twin.aligned(left, right).detach().numpy(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(twin.runtime.aligned(left.numpy(), right.numpy()), expected, rtol=1e-5, atol=1e-6)


def test_the_cosine_is_the_angles():
    """The cosine of vectors at 60 degrees, whatever their lengths, is 1/2."""
    twin = Cosine()
    left, right = twin.prepare(torch.tensor([[3.0, 0.0]])), twin.prepare(torch.tensor([[0.5, 0.75**0.5]]))
    assert twin.cross(left, right).item() == pytest.approx(0.5, abs=1e-6)
