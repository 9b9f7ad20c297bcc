"""One batch in several parts, each on a thread of its own: the same sums in the same order, whoever computes them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

T = TypeVar("T")
Map = Callable[..., Iterable[T]]
SMALLEST = 8  # examples of a part: batch statistics of fewer say little


class Shards:
    """An encoder and its twins, which share its weights and take a part of the batch each.

    Parts do not wait for each other within a step, as threads inside every operation do. Each part is computed by one
    thread, so how many threads there are changes the time only: the results are equal to the last bit. Batch
    normalisation sees one part at a time ("ghost" batches, Hoffer et al., 2017, arXiv:1705.08741); its running
    statistics are those of the first part.

    Args:
        encoder: the network; an optimiser that changes its weights in place changes its twins'.
        parts: a batch is cut into.
        precision: of the arithmetic; weights, normalisation and what comes after the encoder stay float32.
        run: applies a function to the parts, in their order; ``map`` or that of a pool of threads.
    """

    def __init__(
        self, encoder: nn.Module, parts: int, precision: Literal["float32", "bfloat16"], run: Map[Any] = map
    ) -> None:
        self.encoders = [encoder, *(copy.deepcopy(encoder) for _ in range(parts - 1))]
        for twin in self.encoders[1:]:
            for mine, its in zip(encoder.parameters(), twin.parameters(), strict=True):
                its.data = mine.data
        self.precision, self.run = precision, run
        # Dropout draws from one generator for all threads: drawn in turn, its masks do not depend on who comes first.
        drops = any(isinstance(module, nn.Dropout) and module.p > 0 for module in encoder.modules())
        self.embed_by: Map[Tensor] = map if drops else run
        self._outputs: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings ``(b, d)`` of ``images (b, c, h, w)``, cut from the graph; ``backward`` takes it up again."""
        parts = images.chunk(max(1, min(len(self.encoders), len(images) // SMALLEST)))
        self._outputs = list(self.embed_by(self._embed, self.encoders[: len(parts)], parts))
        return torch.cat([output.detach() for output in self._outputs]).requires_grad_()

    def backward(self, gradient: Tensor) -> None:
        """Add the weights' gradients, from that of the embeddings ``(b, d)``."""
        parts = torch.split(gradient, [len(output) for output in self._outputs])
        list(self.run(torch.autograd.backward, self._outputs, parts))
        self._outputs = []
        first, *twins = [list(encoder.parameters()) for encoder in self.encoders]
        for twin in twins:
            for mine, its in zip(first, twin, strict=True):
                if its.grad is not None:
                    mine.grad = its.grad if mine.grad is None else mine.grad.add_(its.grad)
                    its.grad = None

    def _embed(self, encoder: nn.Module, images: Tensor) -> Tensor:
        encoder.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bfloat16"):
            layout = torch.channels_last if images.dim() == 4 else torch.contiguous_format
            embeddings: Tensor = encoder(images.contiguous(memory_format=layout))
        return embeddings.to(torch.float32) if self.precision == "bfloat16" else embeddings


@contextmanager
def workers(count: int) -> Iterator[Map[Any]]:
    """``map`` on so many threads, each of which computes alone; the plain one for a single thread."""
    if count == 1:
        yield map
        return
    with ThreadPoolExecutor(count, "firstsight-part", torch.set_num_threads, (1,)) as pool:
        yield pool.map
