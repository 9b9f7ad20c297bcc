"""How the learning rate and the momentum go with the steps."""

from __future__ import annotations

import math

from firstsight.learn.settings import OptimiserSettings


def learning_rate_at(step: int, *, steps: int, peak: float, warmup: int, floor: float = 0.01) -> float:
    """Linear warm-up to ``peak``, then a cosine down to ``floor * peak`` (Loshchilov and Hutter, 2017)."""
    if step < warmup:
        return peak * (step + 1) / warmup
    share = (step - warmup) / max(1, steps - warmup)
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, share))))


def rate_of(settings: OptimiserSettings, step: int, steps: int) -> float:
    """The learning rate of a step, as ``optimiser.schedule`` has it; linear warm-up in any case.

    Example:
        >>> settings = OptimiserSettings(lr=1.0, warmup=0, schedule="epochs", epoch=10, decay=0.5)
        >>> [rate_of(settings, step, 100) for step in (0, 9, 10, 20)]
        [1.0, 1.0, 0.5, 0.25]
    """
    if settings.schedule == "cosine":
        return learning_rate_at(step, steps=steps, peak=settings.lr, warmup=settings.warmup)
    if step < settings.warmup:
        return settings.lr * (step + 1) / settings.warmup
    return settings.lr * (settings.decay ** (step // settings.epoch) if settings.schedule == "epochs" else 1.0)


def momentum_of(settings: OptimiserSettings, step: int) -> float:
    """The momentum of a step: from ``momentum_start``, linearly an epoch, to ``momentum`` after ``ramp`` epochs.

    Example:
        >>> settings = OptimiserSettings(momentum=0.9, momentum_start=0.5, ramp=4, epoch=10)
        >>> [round(momentum_of(settings, step), 2) for step in (0, 9, 10, 40, 100)]
        [0.5, 0.5, 0.6, 0.9, 0.9]
    """
    share = min(1.0, (step // settings.epoch) / settings.ramp) if settings.ramp else 1.0
    return settings.momentum_start + (settings.momentum - settings.momentum_start) * share
