"""The convolution among frequencies is the plain one."""

import pytest
import torch
from torch import nn

from firstsight.errors import UsageError
from firstsight.learn.encoders import koch
from firstsight.learn.encoders.koch import Koch
from firstsight.learn.encoders.spectral import SpectralConv2d


def both(inner, outer, kernel):
    """The convolution, and a plain one of the same weights."""
    torch.manual_seed(0)
    spectral, plain = SpectralConv2d(inner, outer, kernel), nn.Conv2d(inner, outer, kernel)
    plain.load_state_dict(spectral.state_dict())
    return spectral, plain


@pytest.mark.parametrize(
    ("inner", "outer", "kernel", "size"),
    [(3, 5, 3, 9), (4, 3, 7, 12), (2, 3, 4, 11), (1, 1, 1, 1), (2, 2, 6, 6)],
)
def test_it_is_the_plain_convolution_and_so_are_its_gradients(inner, outer, kernel, size):
    """Odd and even sides, kernels of one pixel and of the whole image."""
    images = torch.randn(3, inner, size, size)
    found = []
    for network in both(inner, outer, kernel):
        given = images.clone().requires_grad_()
        maps = network(given)
        maps.backward(torch.linspace(-1, 1, maps.numel()).view(maps.shape))
        found.append([maps.detach(), given.grad, *(p.grad for p in network.parameters())])
    for mine, plain in zip(*found, strict=True):
        assert mine.shape == plain.shape
        torch.testing.assert_close(mine, plain, rtol=1e-4, atol=1e-5)


def test_only_squares_are_taken():
    """A picture that is wider than high would get another convolution than in use, and is refused."""
    with pytest.raises(UsageError, match=r"\(12, 9\) came, a convolution among frequencies takes squares"):
        SpectralConv2d(2, 3, 4)(torch.randn(2, 2, 12, 9))


def test_learning_goes_by_frequencies():
    """In training the plain convolution is not called."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.functional, "conv2d", lambda *_: pytest.fail("the plain convolution was called"))
        assert SpectralConv2d(2, 3, 4)(torch.randn(2, 2, 9, 9)).shape == (2, 3, 6, 6)


def test_half_precision_goes_in_and_comes_out():
    """Amid bfloat16 it takes and gives bfloat16, is float32 inside, and its weights' gradients are float32."""
    spectral, plain = both(2, 3, 7)
    images = torch.randn(2, 2, 12, 12).to(torch.bfloat16).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        maps = spectral(images)
        maps.sum().backward()
    assert maps.dtype == images.grad.dtype == torch.bfloat16
    assert spectral.weight.grad.dtype == torch.float32
    torch.testing.assert_close(maps, plain(images.float()).to(torch.bfloat16))


def test_in_use_it_is_the_plain_one_to_the_bit():
    """Evaluation, and so validation and export, take no other way than they took before."""
    spectral, plain = both(2, 3, 7)
    images = torch.randn(2, 2, 12, 12)
    assert torch.equal(spectral.eval()(images), plain(images))


def test_it_keeps_a_weight_under_the_same_name():
    """What was learned with the one is loaded into the other."""
    spectral, plain = both(2, 3, 7)
    assert list(spectral.state_dict()) == list(plain.state_dict())


def test_koch_learns_among_frequencies_where_it_has_many_channels(monkeypatch):
    """The network of the paper does, a narrow one does not; both draw the weights they drew."""
    assert [isinstance(m, SpectralConv2d) for m in Koch().body[::3]][:2] == [False, True]
    torch.manual_seed(0)
    narrow = Koch(1, 65, width=4, dim=8)
    assert not any(isinstance(m, SpectralConv2d) for m in narrow.modules())
    monkeypatch.setattr(koch, "SPECTRAL", 4)
    torch.manual_seed(0)
    wide = Koch(1, 65, width=4, dim=8)
    assert any(isinstance(m, SpectralConv2d) for m in wide.modules())
    images = torch.rand(3, 1, 65, 65)
    torch.testing.assert_close(wide(images), narrow(images), rtol=1e-4, atol=1e-6)
