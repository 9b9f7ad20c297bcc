"""A batch in parts: the same results whoever computes them, and what the parts share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from drawn import TINY
from firstsight import api
from firstsight.learn.fit import fit
from firstsight.learn.optimisers import make_optimiser
from firstsight.learn.shards import Shards, workers


def network(dropout: float = 0.0, norm: bool = True) -> nn.Module:
    """A seeded network."""
    torch.manual_seed(0)
    middle: list[nn.Module] = [nn.BatchNorm2d(6)] if norm else []
    return nn.Sequential(
        nn.Conv2d(1, 6, 3), *middle, nn.ReLU(), nn.Flatten(), nn.Dropout(dropout), nn.Linear(6 * 36, 5)
    )


def images(count: int = 40) -> Tensor:
    """Seeded noise."""
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def gradients(encoder: nn.Module) -> list[Tensor]:
    """Of all parameters."""
    return [p.grad for p in encoder.parameters() if p.grad is not None]


def learned(kind: str, threads: int, dropout: float) -> dict[str, Tensor]:
    """Weights and buffers after a few steps in three parts."""
    encoder = network(dropout)

    def batches(step: int) -> tuple[Tensor, Tensor]:
        torch.manual_seed(step)
        return images(), torch.arange(40) % 5

    def objective(embeddings: Tensor, labels: Tensor, step: int) -> Tensor:
        return nn.functional.cross_entropy(embeddings, labels)

    optimiser = make_optimiser(encoder, kind=kind, lr=0.01, weight_decay=0.1)
    with workers(threads) as run:
        steps = fit(encoder, objective, batches, optimiser, steps=8, schedule=lambda _: 0.01, parts=3, run=run)
        list(steps)
    return encoder.state_dict()


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_the_number_of_threads_changes_nothing(kind: str, dropout: float) -> None:
    """One, two or three threads: the same weights to the last bit, dropout included."""
    alone = learned(kind, 1, dropout)
    for threads in (2, 3):
        spread = learned(kind, threads, dropout)
        assert all(torch.equal(alone[name], spread[name]) for name in alone)


def test_gradients_are_those_of_the_whole_batch() -> None:
    """Without batch normalisation it does not matter how a batch is cut."""
    whole, cut = network(norm=False), network(norm=False)
    whole(images()).square().sum().backward()
    shards = Shards(cut, 3, "float32")
    embeddings = shards.forward(images())
    embeddings.square().sum().backward()
    assert embeddings.grad is not None
    shards.backward(embeddings.grad)
    for one, other in zip(gradients(whole), gradients(cut), strict=True):
        torch.testing.assert_close(one, other)


def test_a_second_step_does_not_remember_the_first() -> None:
    """Gradients of the twins are taken, not kept."""
    encoder = network()
    shards = Shards(encoder, 2, "float32")
    found = []
    for _ in range(2):
        encoder.zero_grad()
        embeddings = shards.forward(images())
        shards.backward(torch.ones_like(embeddings))
        found.append([g.clone() for g in gradients(encoder)])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_parts_share_weights_and_have_batch_statistics_of_their_own() -> None:
    """A changed weight changes every part; each part is normalised by itself."""
    encoder = network()
    shards = Shards(encoder, 2, "float32")
    alone = network().train()
    expected = torch.cat([alone(part) for part in images().chunk(2)])
    assert torch.equal(shards.forward(images()), expected)
    with torch.no_grad():
        next(iter(encoder.parameters())).mul_(-2)
    assert not torch.allclose(shards.forward(images())[20:], expected[20:], atol=1e-2)


def test_small_batches_stay_whole() -> None:
    """Fifteen examples are not cut: the statistics of seven would say little."""
    assert torch.equal(Shards(network(), 2, "float32").forward(images(15)), network().train()(images(15)))


def test_parts_are_computed_on_threads() -> None:
    """Two threads are at work at once: each waits for the other."""
    barrier = threading.Barrier(2, timeout=20)

    class Meet(nn.Module):
        """Goes on when both are here."""

        def forward(self, features: Tensor) -> Tensor:
            """The features as they are."""
            barrier.wait()
            return features

    with workers(2) as run:
        Shards(nn.Sequential(network(), Meet()), 2, "float32", run).forward(images())
    assert not barrier.broken


def test_a_model_does_not_depend_on_the_number_of_threads(shapes: Path, tmp_path: Path) -> None:
    """``training.threads`` 1 and 2 train the very same weights."""
    train: Callable[..., object] = api.train
    for threads in (1, 2):
        changes = [change for change in TINY if not change.startswith("training.threads")]
        train("folder", *changes, f"training.threads={threads}", data=str(shapes), out=tmp_path / str(threads))
    one, two = ((tmp_path / str(threads) / "encoder.safetensors").read_bytes() for threads in (1, 2))
    assert one == two
