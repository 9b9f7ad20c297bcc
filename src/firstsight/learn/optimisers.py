"""What turns gradients into updates: AdamW; Muon for the matrices beside AdamW for the rest; SGD layer by layer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

from firstsight.errors import UsageError
from firstsight.learn.machine import native_bfloat16
from firstsight.learn.shards import Map

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of ``a x + b x^3 + c x^5``, steepest at 0 among those that keep 0..1.2 below about 1.2 (Jordan)."""


class Muon(Optimizer):
    """Momentum whose every update has singular values of about one: no direction of a matrix outruns the others.

    Source: Jordan et al., 2024, https://kellerjordan.github.io/posts/muon; scaled as in Liu et al., 2025,
    arXiv:2502.16982, so that its learning rate and weight decay mean what AdamW's do. Convolutions are matrices of
    outputs by inputs times places. Deviation: bfloat16 only where the processor has it.

    Args:
        parameters: tensors of two or more dimensions.
        lr: learning rate.
        weight_decay: decoupled.
        momentum: of the moving average of gradients (Nesterov's form).
        iterations: of the polynomial that brings singular values near one.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        *,
        lr: float,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        iterations: int = 5,
    ) -> None:
        super().__init__(
            parameters, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "iterations": iterations}
        )
        if any(p.ndim < 2 for group in self.param_groups for p in group["params"]):
            raise UsageError("Muon updates matrices; a vector came")

    @torch.no_grad()
    def step(self, run: Map[Any] = map) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient; ``run`` applies a function to the matrices, one by one."""
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            for parameter in parameters:
                if not self.state[parameter]:
                    self.state[parameter]["momentum"] = torch.zeros_like(parameter)
            list(run(partial(self._update, group), parameters))

    @torch.no_grad()
    def _update(self, group: dict[str, Any], parameter: nn.Parameter) -> None:
        gradient = parameter.grad
        average = self.state[parameter]["momentum"].lerp_(gradient, 1 - group["momentum"])
        ahead = torch.lerp(gradient, average, group["momentum"]).flatten(1)  # type: ignore[arg-type]
        update = orthogonal(ahead, group["iterations"]).reshape(parameter.shape)
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(update, alpha=-0.2 * math.sqrt(max(ahead.shape)) * group["lr"])


def orthogonal(matrix: Tensor, iterations: int) -> Tensor:
    """``(n, m)`` with its singular vectors kept and its singular values brought near one (0.7 to 1.2)."""
    wide = matrix.shape[0] <= matrix.shape[1]
    x = (matrix if wide else matrix.T).to(torch.bfloat16 if native_bfloat16() else torch.float32)
    x = x / (torch.linalg.vector_norm(x) + 1e-7)
    a, b, c = QUINTIC
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + torch.addmm(gram, gram, gram, beta=b, alpha=c) @ x
    done: Tensor = x if wide else x.T
    return done.to(matrix.dtype)


class Together:
    """Several optimisers as one: each keeps its own parameters."""

    def __init__(self, *parts: Optimizer) -> None:
        self.parts = parts

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of all."""
        return [group for part in self.parts for group in part.param_groups]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def step(self, run: Map[Any] = map) -> None:
        """Update; ``run`` may spread the work over threads."""
        for part in self.parts:
            if isinstance(part, Muon):
                part.step(run)
            else:
                part.step()

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on."""
        return {str(k): part.state_dict() for k, part in enumerate(self.parts)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a ``state_dict``."""
        for k, part in enumerate(self.parts):
            part.load_state_dict(state[str(k)])


def make_optimiser(
    encoder: nn.Module,
    *others: nn.Module,
    lr: float,
    weight_decay: float,
    kind: str = "adamw",
    momentum: float = 0.9,
    rates: Sequence[float] = (),
    penalties: Sequence[float] = (),
) -> Together:
    """``adamw`` for all, ``muon`` for the encoder's matrices, or ``sgd`` with a rate and a penalty a layer.

    Biases and normalisation are never decayed. Proxies (in ``others``) are a table with a row a class, not a map, and
    the first layer sees pixels: both stay with AdamW beside Muon.

    Raises:
        UsageError: rates or penalties a layer, but another number of layers, or another kind than ``sgd``.
    """
    if kind == "sgd":
        groups = _layer_groups(encoder, others, rates, penalties, weight_decay)
        return Together(SGD(groups, lr=lr, momentum=momentum))
    for name, given in (("rates", rates), ("penalties", penalties)):
        if given:
            raise UsageError(f"optimiser.{name} is for kind sgd, {kind} came; leave it out")
    inner = [p for p in encoder.parameters() if p.requires_grad]
    outer = [p for other in others for p in other.parameters() if p.requires_grad]
    matrices, tables = [p for p in inner if p.ndim > 1], [p for p in outer if p.ndim > 1]
    vectors = [p for p in (*inner, *outer) if p.ndim <= 1]
    plain = [*matrices[:1], *tables] if kind == "muon" else [*matrices, *tables]
    groups = [{"params": plain, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    parts: list[Optimizer] = [AdamW([g for g in groups if g["params"]], lr=lr, fused=True)]
    if kind == "muon" and matrices[1:]:
        parts.append(Muon(matrices[1:], lr=lr, weight_decay=weight_decay))
    return Together(*parts)


def _layer_groups(
    encoder: nn.Module,
    others: Sequence[nn.Module],
    rates: Sequence[float],
    penalties: Sequence[float],
    penalty: float,
) -> list[dict[str, Any]]:
    """For each layer a group of its weights and one of its biases, which are not penalised.

    What is learned beside the encoder is a layer each: the weights of a distance and its bias live on different scales.
    """
    layers = [[p for p in module.parameters(recurse=False) if p.requires_grad] for module in encoder.modules()]
    learned = {id(p): p for other in others for p in other.parameters() if p.requires_grad}
    layers = [layer for layer in [*layers, *([parameter] for parameter in learned.values())] if layer]
    for name, given in (("rates", rates), ("penalties", penalties)):
        if given and len(given) != len(layers):
            raise UsageError(
                f"optimiser.{name} holds {len(given)} numbers, one for each of {len(layers)} layers was expected"
            )
    groups = []
    for number, layer in enumerate(layers):
        # The weights of a similarity are a vector, and weights all the same.
        heavy = [p for p in layer if p.ndim > 1 or (p.numel() > 1 and id(p) in learned)]
        light = [p for p in layer if not any(p is one for one in heavy)]
        factor, decay = rates[number] if rates else 1.0, penalties[number] if penalties else penalty
        groups += [
            {"params": some, "weight_decay": share, "factor": factor}
            for some, share in ((heavy, decay), (light, 0.0))
            if some
        ]
    return groups
