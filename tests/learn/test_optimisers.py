"""Updates: Muon's singular values, who is updated by what, and going on from a saved state."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from firstsight.errors import UsageError
from firstsight.learn.comparisons.proxies import Proxies
from firstsight.learn.encoders.residual import Residual
from firstsight.learn.machine import keep_memory, native_bfloat16, settled
from firstsight.learn.optimisers import Muon, Together, make_optimiser, orthogonal
from firstsight.learn.similarities.fixed import Cosine


def small(seed: int = 0) -> nn.Module:
    """A small residual encoder."""
    torch.manual_seed(seed)
    return Residual(1, 16, width=8, dim=8)


def learn(encoder: nn.Module, optimiser: Together, steps: int, seed: int = 1) -> list[float]:
    """Losses of a few steps towards fixed embeddings."""
    draw = torch.Generator().manual_seed(seed)
    images, wanted = torch.rand(16, 1, 16, 16, generator=draw), torch.randn(16, 8, generator=draw)
    losses = []
    for _ in range(steps):
        loss = (encoder(images) - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("shape", [(12, 40), (40, 12), (24, 24), (1, 9)])
def test_an_update_of_muon_has_singular_values_near_one(shape: tuple[int, int]) -> None:
    """Whatever the gradient's spectrum, all directions of the update are about as long."""
    left, _ = torch.linalg.qr(torch.randn(shape[0], min(shape), generator=torch.Generator().manual_seed(0)))
    right, _ = torch.linalg.qr(torch.randn(shape[1], min(shape), generator=torch.Generator().manual_seed(1)))
    spectrum = torch.logspace(0, -1.5, min(shape))
    update = orthogonal(left @ torch.diag(spectrum) @ right.T * 1e-3, iterations=5)
    values = torch.linalg.svdvals(update)
    assert values.min() > 0.6
    assert values.max() < 1.3
    # and the directions are the gradient's own: the update is as aligned with it as a rotation can be
    assert (left.T @ update @ right).diagonal().min() > 0.55


def test_a_gradient_of_zeros_updates_nothing() -> None:
    """No division by a length of nought."""
    weight = nn.Parameter(torch.ones(3, 4))
    weight.grad = torch.zeros(3, 4)
    Muon([weight], lr=0.1).step()
    assert torch.equal(weight, torch.ones(3, 4))


def test_muon_decays_weights_as_adamw_does() -> None:
    """With a gradient of nothing the weights shrink by lr times decay."""
    weight = nn.Parameter(torch.ones(3, 4))
    weight.grad = torch.zeros(3, 4)
    Muon([weight], lr=0.1, weight_decay=0.5).step()
    assert torch.allclose(weight, torch.full((3, 4), 0.95))


def test_the_size_of_an_update_is_that_of_adamw() -> None:
    """About 0.2 times the learning rate in the root mean square, whatever the matrix's shape."""
    for shape in ((8, 8, 3, 3), (64, 16), (16, 200)):
        weight = nn.Parameter(torch.zeros(shape))
        weight.grad = torch.randn(shape, generator=torch.Generator().manual_seed(3))
        Muon([weight], lr=1.0).step()
        assert 0.12 < weight.square().mean().sqrt() < 0.3, shape


def test_muon_refuses_vectors() -> None:
    """A bias has no singular values."""
    with pytest.raises(UsageError, match="matrices"):
        Muon([nn.Parameter(torch.zeros(3))], lr=0.1)


def test_who_is_updated_by_what() -> None:
    """Muon has the inner matrices; the first layer, proxies, biases and normalisation stay with AdamW."""
    encoder, proxies = small(), Proxies(Cosine(), 8, 5)
    adamw, muon = make_optimiser(encoder, proxies, kind="muon", lr=0.1, weight_decay=0.3).parts
    inner = {id(p) for group in muon.param_groups for p in group["params"]}
    decayed, kept = ({id(p) for p in group["params"]} for group in adamw.param_groups)
    first, *rest = [p for p in encoder.parameters() if p.ndim > 1]
    assert inner == {id(p) for p in rest}
    assert decayed == {id(first), id(proxies.proxies)}
    assert kept == {id(p) for p in encoder.parameters() if p.ndim <= 1}
    assert [group["weight_decay"] for group in adamw.param_groups] == [0.3, 0.0]


def test_muon_learns() -> None:
    """The loss of a small problem falls to a small part."""
    encoder = small()
    losses = learn(encoder, make_optimiser(encoder, kind="muon", lr=0.01, weight_decay=0.0), 30)
    assert losses[-1] < 0.1 * losses[0]


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_an_optimiser_goes_on_from_its_state(kind: str) -> None:
    """Six steps, or three and three from a saved state: the same weights to the last bit."""
    whole, part = small(), small()
    learn(whole, make_optimiser(whole, kind=kind, lr=0.01, weight_decay=0.1), 6)
    first = make_optimiser(part, kind=kind, lr=0.01, weight_decay=0.1)
    learn(part, first, 3)
    second = make_optimiser(part, kind=kind, lr=0.5, weight_decay=0.9)
    second.load_state_dict(first.state_dict())
    assert [group["lr"] for group in second.param_groups] == [0.01] * len(second.param_groups)
    learn(part, second, 3)
    pairs: list[tuple[Tensor, Tensor]] = list(zip(whole.state_dict().values(), part.state_dict().values(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)


def test_auto_takes_what_is_native() -> None:
    """``auto`` settles on bfloat16 only where the processor multiplies it; what is asked for by name is taken."""
    assert settled("auto") == ("bfloat16" if native_bfloat16() else "float32")
    assert settled("float32") == "float32"
    assert settled("bfloat16") == "bfloat16"


def test_freed_memory_is_kept() -> None:
    """After the setting, filling fresh tensors again and again faults in next to no new pages."""
    import resource

    assert keep_memory()
    torch.ones(4, 1 << 20)

    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(20):
            torch.ones(1 << 20)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    faults()
    assert faults() < 1000  # mapped anew, 20 tensors of 4 MiB fault 20,480 times
