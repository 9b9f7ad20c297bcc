"""Networks of the literature have the sizes that were published."""

import pytest
import torch

from firstsight.errors import UsageError
from firstsight.learn.encoders.koch import Koch
from firstsight.learn.encoders.tanh_twin import TanhTwin
from firstsight.learn.similarities.standardised import StandardisedEuclidean
from firstsight.learn.similarities.weighted import WeightedL1


def counted(module):
    """Numbers as Keras counts them: weights, and running means and variances."""
    return sum(v.numel() for k, v in module.state_dict().items() if "num_batches" not in k)


def test_kochs_network_has_its_39_million_weights():
    """Layer by layer as in figure 4 of the paper; with the weighted L1 it is 38,951,745."""
    network = Koch()
    shapes = [tuple(p.shape) for p in network.parameters() if p.ndim > 1]
    assert shapes == [(64, 1, 10, 10), (128, 64, 7, 7), (128, 128, 4, 4), (256, 128, 4, 4), (4096, 9216)]
    assert counted(network) + counted(WeightedL1(4096)) == 38_951_745


def test_kochs_network_begins_as_in_the_paper():
    """Convolutions 0 +- 0.01, the layer of sigmoids 0 +- 0.2, biases 0.5 +- 0.01."""
    torch.manual_seed(0)
    network = Koch(1, 105, width=32, dim=256)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            expected = 0.01 if isinstance(module, torch.nn.Conv2d) else 0.2
            assert module.weight.detach().mean().abs() < 0.1 * expected
            assert module.weight.std().item() == pytest.approx(expected, rel=0.05)
            assert module.bias.mean().item() == pytest.approx(0.5, abs=0.005)
            assert module.bias.std().item() == pytest.approx(0.01, rel=0.3)


def test_halving_before_rectifying_is_the_papers_order():
    """Pooling then ReLU gives the numbers of ReLU then pooling, to the bit."""
    maps = torch.randn(4, 8, 12, 12)
    pool = torch.nn.MaxPool2d(2)
    assert torch.equal(pool(maps).relu(), pool(maps.relu()))


def test_koch_refuses_what_is_too_small():
    """A side that four convolutions would use up is named with the paper's."""
    with pytest.raises(UsageError, match=r"input\.size is 64, the koch encoder needs at least 65 \(105 in the paper\)"):
        Koch(1, 64)
    assert Koch(1, 65, width=4, dim=8)(torch.rand(2, 1, 65, 65)).shape == (2, 8)


def test_the_reports_twin_has_120_438_numbers():
    """The coursework report's twin, 120,438, and with its layer on the distance 120,444."""
    assert counted(TanhTwin()) == 120_438
    assert counted(TanhTwin()) + counted(StandardisedEuclidean()) == 120_444
    assert TanhTwin().head.in_features == 8464


def test_a_standardised_distance_is_batch_normalisation_and_a_dense_layer():
    """In training and in use it equals torch's batch normalisation of the distance and a linear layer, negated."""
    torch.manual_seed(0)
    ours = StandardisedEuclidean()
    norm, dense = torch.nn.BatchNorm1d(1, eps=1e-3, momentum=0.01), torch.nn.Linear(1, 1)
    with torch.no_grad():
        for mine, its, value in zip(
            (ours.gain, ours.shift, ours.slope, ours.bias),
            (norm.weight, norm.bias, dense.weight, dense.bias),
            (1.3, 0.2, 0.7, -0.4),
            strict=True,
        ):
            mine.fill_(value)
            its.fill_(value)
    left, right = torch.randn(64, 5), torch.randn(64, 5)
    distance = (left - right).norm(dim=1)
    torch.testing.assert_close(ours.aligned(left, right), -dense(norm(distance[:, None]))[:, 0])
    norm.eval()
    ours.eval()
    norm.running_var.copy_(ours.variance)  # torch counts the unbiased one
    torch.testing.assert_close(ours.mean, norm.running_mean[0])
    expected = -dense(norm(distance[:, None]))[:, 0]
    torch.testing.assert_close(ours.aligned(left, right), expected)
    runtime = ours.runtime.aligned(left.numpy(), right.numpy())
    torch.testing.assert_close(torch.from_numpy(runtime), expected.detach(), rtol=1e-5, atol=1e-5)
