"""The training loop: the schedule, the refusal of a loss that is not a number, and resuming."""

import itertools
import math

import pytest
import torch
from torch import nn

from firstsight.errors import TrainingError
from firstsight.learn.fit import effective_dimensions, fit
from firstsight.learn.optimisers import Together, make_optimiser
from firstsight.learn.schedules import learning_rate_at


def tiny():
    """A seeded network with a batch normalisation, whose buffers a resumed run needs too."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))


def batches(step):
    """Images and labels of a step, a function of the step alone."""
    draw = torch.Generator().manual_seed(step)
    return torch.rand(6, 1, 8, 8, generator=draw), torch.arange(6) % 3


def objective(embeddings, labels, step):
    """Cross-entropy."""
    return nn.functional.cross_entropy(embeddings, labels)


def schedule(step):
    """Twelve steps with a warm-up of three."""
    return learning_rate_at(step, steps=12, peak=0.01, warmup=3)


def run(encoder, optimiser, *, steps, start=0):
    """All steps of a run."""
    return list(fit(encoder, objective, batches, optimiser, steps=steps, schedule=schedule, start=start))


def test_the_rate_rises_to_its_peak_and_falls_to_its_floor():
    """Linear warm-up from peak / warmup, the peak at its end, a falling cosine, and the floor at the last step."""
    rates = [learning_rate_at(s, steps=100, peak=2.0, warmup=10, floor=0.1) for s in range(101)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[4] == pytest.approx(1.0)
    assert rates[9] == rates[10] == pytest.approx(2.0)
    assert max(rates) == pytest.approx(2.0)
    assert all(a > b for a, b in itertools.pairwise(rates[10:]))
    assert rates[55] == pytest.approx(2.0 * (0.1 + 0.9 / 2))
    assert rates[100] == pytest.approx(0.2)


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (5, 0), (5, 5), (5, 50)])
def test_the_rate_is_a_number_in_short_runs(steps, warmup):
    """Without a warm-up, and with one as long as the run or longer, rates stay within 0 and the peak."""
    rates = [learning_rate_at(s, steps=steps, peak=1.0, warmup=warmup) for s in range(steps + 1)]
    assert all(0 < r <= 1 for r in rates)


def test_steps_are_counted_and_described():
    """A run yields each step once, counted from 1, with the rate used and embeddings that hold no graph."""
    encoder = tiny()
    done = run(encoder, make_optimiser(encoder, lr=1.0, weight_decay=0.0), steps=12)
    assert [s.step for s in done] == list(range(1, 13))
    assert [s.learning_rate for s in done] == [schedule(s) for s in range(12)]
    assert all(s.examples == 6 and s.embeddings.shape == (6, 3) for s in done)
    assert not any(s.embeddings.requires_grad for s in done)
    assert done[-1].loss < done[0].loss


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_a_number_stops_the_run(value):
    """A loss that is not finite is a TrainingError that names optimiser.lr and leaves the weights alone."""
    encoder = tiny()
    before = [p.clone() for p in encoder.parameters()]

    def broken(embeddings, labels, step):
        return embeddings.sum() * value

    steps = fit(
        encoder,
        broken,
        batches,
        make_optimiser(encoder, lr=0.1, weight_decay=0.0),
        steps=2,
        schedule=schedule,
    )
    with pytest.raises(TrainingError, match=r"step 1;.*optimiser\.lr"):
        next(steps)
    assert all(torch.equal(a, b) for a, b in zip(before, encoder.parameters(), strict=True))


def test_a_resumed_run_gives_the_weights_of_a_straight_one():
    """Stopping after step 5, storing and loading state, and going on ends in the very same weights and buffers."""
    straight = tiny()
    run(straight, make_optimiser(straight, lr=0.01, weight_decay=0.1), steps=12)

    first = tiny()
    optimiser = make_optimiser(first, lr=0.01, weight_decay=0.1)
    for done in fit(first, objective, batches, optimiser, steps=12, schedule=schedule):
        if done.step == 5:
            break
    second = tiny()
    second.load_state_dict(first.state_dict())
    resumed = make_optimiser(second, lr=0.01, weight_decay=0.1)
    resumed.load_state_dict(optimiser.state_dict())
    assert [s.step for s in run(second, resumed, steps=12, start=5)] == list(range(6, 13))
    for name, value in straight.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


def test_gradients_are_clipped():
    """However large the loss, one step of plain gradient descent moves the weights by at most rate * clip."""
    encoder = tiny()
    before = torch.cat([p.detach().clone().ravel() for p in encoder.parameters()])
    optimiser = Together(torch.optim.SGD(encoder.parameters(), lr=1.0))

    def huge(embeddings, labels, step):
        return 1e6 * objective(embeddings, labels, step)

    next(fit(encoder, huge, batches, optimiser, steps=1, schedule=lambda _: 0.5, clip=2.0))
    after = torch.cat([p.detach().ravel() for p in encoder.parameters()])
    assert (after - before).norm().item() == pytest.approx(1.0, rel=1e-3)


def test_only_matrices_decay():
    """Weight decay is on parameters of two dimensions and more; every parameter is in one group."""
    encoder = tiny()
    decayed, kept = make_optimiser(encoder, lr=0.1, weight_decay=0.3).param_groups
    assert decayed["weight_decay"] == 0.3
    assert kept["weight_decay"] == 0
    assert {p.ndim for p in decayed["params"]} == {2, 4}
    assert {p.ndim for p in kept["params"]} == {1}
    assert len(decayed["params"]) + len(kept["params"]) == len(list(encoder.parameters()))


def test_points_on_a_line_fill_one_dimension():
    """Embeddings of rank one fill one dimension, whichever way the line runs."""
    draw = torch.Generator().manual_seed(0)
    line = torch.randn(50, 1, generator=draw) @ torch.randn(1, 20, generator=draw) + 3
    assert effective_dimensions(line) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(("count", "dim"), [(4000, 16), (40, 4000)])
def test_points_spread_evenly_fill_all_dimensions(count, dim):
    """Isotropic embeddings fill about min(b - 1, d) dimensions."""
    points = torch.randn(count, dim, generator=torch.Generator().manual_seed(1))
    most = min(count - 1, dim)
    assert 0.95 * most < effective_dimensions(points) <= most + 1e-3


def test_points_that_coincide_fill_none():
    """When all embeddings are one point, wherever it is, nothing is filled."""
    assert effective_dimensions(torch.zeros(8, 4)) == 0
    assert effective_dimensions(torch.full((8, 4), 0.3)) == 0


def test_effective_dimensions_are_the_participation_ratio():
    """The value is (sum of the covariance's eigenvalues)^2 over the sum of their squares, at any scale."""
    points = torch.randn(60, 6, generator=torch.Generator().manual_seed(2)) * torch.arange(1, 7.0)
    values = torch.linalg.eigvalsh(torch.cov(points.double().T))
    expected = (values.sum() ** 2 / values.square().sum()).item()
    for scale in (0.01, 1.0, 100.0):
        assert effective_dimensions(points * scale) == pytest.approx(expected, rel=1e-3)


def test_bfloat16_is_the_same_training_in_coarser_steps():
    """The encoder computes in bfloat16, what it hands on and its weights stay float32, and the losses stay near."""
    losses = {}
    for precision in ("float32", "bfloat16"):
        encoder = tiny()
        optimiser = make_optimiser(encoder, lr=0.01, weight_decay=0.0)
        done = list(fit(encoder, objective, batches, optimiser, steps=12, schedule=schedule, precision=precision))
        assert {s.embeddings.dtype for s in done} == {torch.float32}
        assert {p.dtype for p in encoder.parameters()} == {torch.float32}
        losses[precision] = torch.tensor([s.loss for s in done])
    assert not torch.equal(losses["float32"], losses["bfloat16"])
    assert (losses["float32"] - losses["bfloat16"]).abs().max() < 0.03


def test_embeddings_that_all_but_coincide_fill_nothing():
    """A scatter that is lost beside the embeddings' length is a collapse, whatever directions its rest has."""
    scatter = torch.randn(32, 10, generator=torch.Generator().manual_seed(0))
    assert effective_dimensions(30 + 1e-3 * scatter) == 0
    assert effective_dimensions(1e-3 * scatter) > 5
