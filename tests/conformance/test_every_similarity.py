"""Every similarity of the catalogue: its torch twin and what the model stores of it are one function."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from firstsight.learn.catalogue import SIMILARITIES
from firstsight.learn.similarities import Cosine, Euclidean

SEEDED = settings(derandomize=True, deadline=None, max_examples=30)
TWINS = [
    *(pytest.param(part(), id=name) for name, part in SIMILARITIES.items()),
    pytest.param(Euclidean(normalise=True), id="euclidean-normalised"),
]


def vectors(seed, rows=9, dim=16):
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
    left, right = twin.prepare(vectors(seed)), twin.prepare(vectors(seed + 1)[::2])
    both = torch.cat([left, right])
    expected = twin.cross(both, left).numpy()
    np.testing.assert_allclose(twin.runtime.scores(both.numpy(), left.numpy()), expected, rtol=1e-5, atol=1e-5)
    aligned = twin.aligned(left[:5], right).numpy()
    np.testing.assert_allclose(twin.runtime.aligned(left[:5].numpy(), right.numpy()), aligned, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("twin", TWINS)
def test_aligned_is_the_diagonal_of_cross(twin):
    """Row by row and all against all agree, in torch and in NumPy."""
    left, right = twin.prepare(vectors(1)), twin.prepare(vectors(2))
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
def test_nothing_is_more_alike_than_a_vector_and_itself(twin):
    """Among prepared vectors that are not zero the best partner of each is itself."""
    found = twin.prepare(vectors(5)[[0, 4, 5, 7, 8]])
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
    assert raw.grad is not None
    assert raw.grad.isfinite().all()


@pytest.mark.parametrize("twin", TWINS)
def test_preparing_normalises_exactly_when_it_says_so(twin):
    """Prepared vectors have length 1 where ``normalise`` is true, and are untouched where it is not."""
    found = vectors(7)[[0, 4, 7]]
    prepared = twin.prepare(found)
    if twin.normalise:
        torch.testing.assert_close(prepared.norm(dim=1), torch.ones(3))
    else:
        assert torch.equal(prepared, found)


def test_the_cosine_is_the_angles():
    """The cosine of vectors at 60 degrees, whatever their lengths, is 1/2."""
    twin = Cosine()
    left, right = twin.prepare(torch.tensor([[3.0, 0.0]])), twin.prepare(torch.tensor([[0.5, 0.75**0.5]]))
    assert twin.cross(left, right).item() == pytest.approx(0.5, abs=1e-6)
