"""Every encoder of the catalogue: one network called twice, the same alone as in a batch."""

import pytest
import torch

from firstsight.errors import UsageError
from firstsight.learn.catalogue import ENCODERS
from firstsight.learn.export.readable import LabEmbedder
from firstsight.learn.similarities.fixed import Cosine, Euclidean
from pretrained import NAMES, small

SIDES = dict.fromkeys(NAMES, (48, 64)) | {"koch": (72, 80)}
"""Two sides that an encoder takes."""
LEAST = {"koch": 0.0}  # begins nearly constant, as published: kernels of 0.01 beside biases of 0.5
BOTH = [(name, side) for name, sides in SIDES.items() for side in sides]


def encoder(name, channels=1, size=None):
    """A narrow, seeded encoder whose batch statistics have moved from their beginnings."""
    size = size or SIDES[name][0]
    torch.manual_seed(0)
    network = small(name, channels, size)
    network.train()
    for _ in range(3):
        network(torch.rand(8, channels, size, size))
    return network.eval()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("name", "size"), BOTH)
def test_readings_become_embeddings(name, channels, size):
    """Grey and colour readings of both sizes give finite float32 embeddings of the asked length."""
    found = encoder(name, channels, size)(torch.rand(5, channels, size, size))
    assert found.shape == (5, 12)
    assert found.dtype == torch.float32
    assert found.isfinite().all()
    assert (found[0] - found[1]).abs().max() > LEAST.get(name, 1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_embeds_alone_as_in_a_batch(name):
    """In use, embed(batch)[i] equals embed([batch[i]]) to 1e-5, whoever else is in the batch."""
    network = encoder(name)
    batch = torch.rand(7, 1, *2 * SIDES[name][:1])
    with torch.no_grad():
        together = network(batch)
        alone = torch.cat([network(batch[i : i + 1]) for i in range(7)])
        turned = network(batch.flip(0)).flip(0)
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(together, turned, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_embedding_for_use_leaves_the_network_as_it_is(name):
    """The lab's embedder is in evaluation mode even when the network came in training, and moves no statistics."""
    network = encoder(name)
    network.train()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    lab = LabEmbedder(network, Cosine())
    readings = torch.randint(256, (6, 1, *2 * SIDES[name][:1]), dtype=torch.uint8).numpy()
    together, alone = lab.embed_arrays(readings), lab.embed_arrays(readings[2:3])
    torch.testing.assert_close(torch.from_numpy(together[2:3]), torch.from_numpy(alone), rtol=1e-5, atol=1e-5)
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())


@pytest.mark.parametrize("name", NAMES)
def test_the_twins_share_their_weights(name):
    """Both sides go through one module: sides can be exchanged, and both add to one gradient."""
    network = encoder(name)
    left, right = torch.rand(2, 3, 1, *2 * SIDES[name][:1])
    similarity = Euclidean()
    torch.testing.assert_close(
        similarity.aligned(network(left), network(right)), similarity.aligned(network(right), network(left))
    )
    weight = next(network.parameters())

    def slope(*sides):
        total = sum((network(side).square().sum() for side in sides), torch.zeros(()))
        return torch.autograd.grad(total, weight)[0]

    torch.testing.assert_close(slope(left, right), slope(left) + slope(right), rtol=1e-4, atol=1e-4)
    assert slope(right).abs().max() > 0


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_learns(name):
    """A step's gradient reaches every parameter, so that none is carried along unused."""
    torch.manual_seed(1)
    side = SIDES[name][0]
    network = small(name, 1, side).train()
    target = torch.randn(8, 12)
    (network(torch.rand(8, 1, side, side)) * target).sum().backward()
    for label, parameter in network.named_parameters():
        assert parameter.grad is not None, label
        assert parameter.grad.abs().max() > 0, label


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_makes_the_same_network(name):
    """Weights are drawn from torch's seed alone."""
    one, other = encoder(name).state_dict(), encoder(name).state_dict()
    assert all(torch.equal(value, other[key]) for key, value in one.items())


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", NAMES)
def test_the_memory_layout_does_not_matter(name, layout):
    """Channels-last readings, as in training, give the embeddings of plain ones."""
    network, batch = encoder(name, 3), torch.rand(4, 3, *2 * SIDES[name][:1])
    with torch.no_grad():
        expected = network(batch.contiguous())
        found = network.to(memory_format=layout)(batch.contiguous(memory_format=layout))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_an_unknown_head_is_refused():
    """A head that does not exist is named instead of taken for another."""
    with pytest.raises(UsageError, match=r"encoder\.head"):
        ENCODERS["residual"](1, 48, head="flaten")


@pytest.mark.parametrize(
    ("width", "growth", "expected"),
    [
        (4, 2.0, [4, 8, 16, 32]),
        (24, 2.0, [24, 48, 96, 192]),
        (36, 2.0, [36, 72, 144, 288]),
        (48, 1.6, [48, 80, 120, 200]),
        (8, 0.5, [8, 8, 8, 8]),
    ],
)
def test_the_residual_encoder_has_the_width_that_was_asked(width, growth, expected):
    """The stem is exactly as wide as asked; later stages are multiples of 8, never none."""
    network = ENCODERS["residual"](1, 48, width=width, growth=growth)
    found = [network.stem[0].out_channels, *(block.body[0].out_channels for block in network.stages)]
    assert found == expected
    assert network.eval()(torch.rand(2, 1, 48, 48)).isfinite().all()


@pytest.mark.parametrize("size", [28, 50, 105])
def test_the_residual_encoder_refuses_sizes_it_cannot_halve(size):
    """A side that is no multiple of 16 is refused by its name before any weights are made."""
    with pytest.raises(UsageError, match=r"input\.size"):
        ENCODERS["residual"](1, size)
