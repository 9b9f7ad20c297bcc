"""``fit``: the training loop as a generator. Whoever iterates it decides what to log, save, and when to stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from firstsight.errors import TrainingError
from firstsight.learn.optimisers import Together
from firstsight.learn.shards import Map, Shards

Batches = Callable[[int], tuple[Tensor, Tensor]]
"""From the number of a step to images ``(b, c, h, w)`` and labels ``(b,)``."""
Objective = Callable[[Tensor, Tensor, int], Tensor]
"""From embeddings as the encoder gives them ``(b, d)``, labels ``(b,)`` and the step to a scalar loss."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did.

    Attributes:
        step: counted from 1.
        loss: of the batch, before the update.
        learning_rate: used for the update.
        embeddings: ``(b, d)``, detached.
        examples: in the batch.
    """

    step: int
    loss: float
    learning_rate: float
    embeddings: Tensor
    examples: int


def fit(
    encoder: nn.Module,
    objective: Objective,
    batches: Batches,
    optimiser: Together,
    *,
    steps: int,
    schedule: Callable[[int], float],
    momentum: Callable[[int], float] | None = None,
    start: int = 0,
    clip: float = 5.0,
    precision: Literal["float32", "bfloat16"] = "float32",
    parts: int = 1,
    run: Map[Any] = map,
) -> Iterator[Step]:
    """Train ``encoder`` (and what else ``optimiser`` holds), yielding after every step.

    Args:
        start: steps already done, when a run is resumed.
        schedule: step -> learning rate, times a group's own ``factor``.
        momentum: step -> momentum; None leaves it to the optimiser.
        clip: largest norm of the gradient.
        precision, parts, run: as in :class:`~firstsight.learn.shards.Shards`.

    Raises:
        TrainingError: the loss is not a finite number.
    """
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    shards = Shards(encoder, parts, precision, run)
    for step in range(start, steps):
        rate = schedule(step)
        for group in optimiser.param_groups:
            group["lr"] = rate * group.get("factor", 1.0)
            if momentum is not None and "momentum" in group:
                group["momentum"] = momentum(step)
        images, labels = batches(step)
        embeddings = shards.forward(images)
        loss = objective(embeddings, labels, step)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss became {value} at step {step + 1}; lower optimiser.lr (now {rate:.2g}) or lengthen "
                "optimiser.warmup"
            )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if embeddings.grad is not None:
            shards.backward(embeddings.grad)
        nn.utils.clip_grad_norm_(parameters, clip)
        optimiser.step(run)
        yield Step(step + 1, value, rate, embeddings.detach(), len(images))


def effective_dimensions(embeddings: Tensor, *, alike: float = 0.0) -> float:
    """Participation ratio of the covariance's spectrum: about how many dimensions ``(b, d)`` embeddings fill.

    1 when all lie on a line, up to ``min(b - 1, d)`` when spread evenly; 0 when they coincide.

    Args:
        embeddings: ``(b, d)``.
        alike: share of their squared length; embeddings that differ by less count as coinciding.
    """
    centred = embeddings - embeddings.mean(0)
    gram = centred @ centred.T if len(centred) < centred.shape[1] else centred.T @ centred
    trace = gram.diagonal().sum().item()
    square = gram.square().sum().item()
    least = max(alike, 1e-8) * embeddings.square().sum().item()  # float32 tells no less apart
    return trace * trace / square if square > 1e-20 and trace > least else 0.0
