"""SGD layer by layer: rates, penalties, momentum."""

import pytest
import torch
from torch import nn

from firstsight.errors import UsageError
from firstsight.learn.optimisers import make_optimiser
from firstsight.learn.recipe import load
from firstsight.learn.schedules import momentum_of, rate_of
from firstsight.learn.settings import OptimiserSettings
from firstsight.learn.similarities.weighted import WeightedL1


def network():
    """Two layers, and a learned similarity of weights and a bias: four layers."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)), WeightedL1(2)


def test_each_layer_has_its_rate_and_penalty():
    """Factors go layer by layer, biases are not penalised, the similarity's weights are a layer and its bias
    another."""
    encoder, similarity = network()
    groups = make_optimiser(
        encoder,
        similarity,
        kind="sgd",
        lr=0.1,
        weight_decay=0.5,
        rates=[1.0, 0.1, 10.0, 2.0],
        penalties=[0.3, 0.2, 0.1, 0.4],
    ).param_groups
    found = [(len(g["params"][0].shape), g["factor"], g["weight_decay"]) for g in groups]
    assert found == [(2, 1.0, 0.3), (1, 1.0, 0.0), (2, 0.1, 0.2), (1, 0.1, 0.0), (1, 10.0, 0.1), (0, 2.0, 0.0)]


def test_one_rate_and_penalty_serve_all_where_none_are_given():
    """Without lists every layer has factor 1 and the one penalty."""
    encoder, similarity = network()
    groups = make_optimiser(encoder, similarity, kind="sgd", lr=0.1, weight_decay=0.5).param_groups
    assert {g["factor"] for g in groups} == {1.0}
    assert {g["weight_decay"] for g in groups} == {0.0, 0.5}


@pytest.mark.parametrize("name", ["rates", "penalties"])
def test_another_number_of_layers_is_refused(name):
    """Two numbers for four layers are refused with both counts."""
    encoder, similarity = network()
    with pytest.raises(UsageError, match=f"optimiser.{name} holds 2 numbers, one for each of 4 layers"):
        make_optimiser(encoder, similarity, kind="sgd", lr=0.1, weight_decay=0.0, **{name: [1.0, 1.0]})
    with pytest.raises(UsageError, match=f"optimiser.{name} is for kind sgd, adamw came"):
        make_optimiser(encoder, similarity, lr=0.1, weight_decay=0.0, **{name: [1.0, 1.0, 1.0]})


def test_a_step_is_the_papers_formula():
    """Weights move by momentum times the last move, less rate times (gradient + penalty times weight)."""
    layer = nn.Linear(2, 1, bias=False)
    before = layer.weight.detach().clone()
    settings = OptimiserSettings(kind="sgd", lr=0.1, warmup=0, schedule="epochs", epoch=1, decay=0.5, ramp=2)
    optimiser = make_optimiser(layer, kind="sgd", lr=0.1, weight_decay=0.01, rates=[2.0])
    images = torch.tensor([[1.0, 2.0]])
    expected, velocity = before.clone(), torch.zeros_like(before)
    for step in range(3):
        rate, momentum = rate_of(settings, step, 3), momentum_of(settings, step)
        for group in optimiser.param_groups:
            group["lr"], group["momentum"] = rate * group["factor"], momentum
        optimiser.zero_grad()
        (layer(images)).sum().backward()
        optimiser.step()
        velocity = momentum * velocity + images + 0.01 * expected
        expected = expected - 2.0 * rate * velocity
    torch.testing.assert_close(layer.weight.detach(), expected)


def test_rates_are_checked_in_the_recipe():
    """A list is read from TOML and its numbers are bounded; anything else is refused."""
    assert load("koch").optimiser.rates[-1] > 0
    assert load("folder", ["optimiser.kind=sgd", "optimiser.rates=[1, 0.5]"]).optimiser.rates == [1.0, 0.5]
    with pytest.raises(UsageError, match=r"optimiser\.rates is -1\.0, 0 or more was expected"):
        load("folder", ["optimiser.rates=[1.0, -1.0]"])
    with pytest.raises(UsageError, match=r"optimiser\.rates is 3, a list such as \[1\.0, 0\.5\] was expected"):
        load("folder", ["optimiser.rates=3"])
