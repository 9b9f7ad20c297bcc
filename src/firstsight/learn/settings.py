"""Settings of a run that belong to no part: the sections ``[data]``, ``[optimiser]``, ``[training]``, ``[export]``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from firstsight.learn.bounds import Amount, Bounds, Count, Positive, Share
from firstsight.learn.machine import Precision

ADDRESSES = ("train", "validation", "calibration")
"""Settings of ``[data]`` that other data replaces."""
Part: TypeAlias = Annotated[int, Bounds(0)]


@dataclass(frozen=True, slots=True)
class DataSettings:
    """Section ``[data]``: addresses of data sets, and how much of ``train`` is learned from (0: all of it).

    Args:
        train: to learn from.
        validation: disjoint classes to watch progress on; "" for none.
        calibration: what ``calibrate`` takes when it is not told; "" for none.
        groups: learn from so many groups of ``train`` (alphabets, say).
        classes: from so many classes, of those groups.
        origins: from the examples of at most so many origins a class (drawers, say).
        each: from at most so many examples a class.
        tail: from class sizes that follow a truncated Zipf law of this exponent; 1 is a usual long tail.
        seed: of the draw of that part; a smaller part lies within a larger one of the same seed.
        old: for a run that starts from a model: examples of classes that it knows, to learn again beside the new ones;
            "" for none.
        old_each: at most so many examples of each of these classes; 0 for all.
        old_validation: for such a run: what to measure on what is forgotten; "" for what the model was calibrated or
            validated on.
    """

    train: str = ""
    validation: str = ""
    calibration: str = ""
    groups: Part = 0
    classes: Part = 0
    origins: Part = 0
    each: Part = 0
    tail: Annotated[float, Bounds(0, 10)] = 0.0
    seed: Annotated[int, Bounds(0, 2**63 - 1)] = 0
    old: str = ""
    old_each: Part = 0
    old_validation: str = ""


@dataclass(frozen=True, slots=True)
class OptimiserSettings:
    """Section ``[optimiser]``.

    A layer is a module with weights, in the order of the network; after those of the encoder comes what the objective
    learns (the weights of a similarity, proxies), each of its parameters as a layer of its own.

    Args:
        kind: ``adamw``; ``muon`` for the encoder's matrices (AdamW for the rest): fewer steps, each a little dearer;
            ``sgd`` with momentum, whose ``weight_decay`` is an L2 penalty (coupled), as older papers have it.
        lr: peak learning rate.
        weight_decay: decoupled, on matrices only.
        warmup: steps of linear warm-up.
        clip: largest norm of the gradient.
        schedule: ``cosine`` down to a hundredth; ``constant``; ``epochs``: times ``decay`` after every epoch.
        epoch: steps of an epoch, for ``epochs`` and for the momentum of ``sgd``.
        decay: of the learning rate an epoch.
        momentum: of ``sgd``, reached linearly after ``ramp`` epochs.
        momentum_start: in the first epoch.
        ramp: epochs from ``momentum_start`` to ``momentum``; 0 for ``momentum`` from the first step.
        rates: factor of the learning rate, layer by layer, then of what is learned beside the encoder, one by one; none
            for one rate (``sgd`` only).
        penalties: ``weight_decay`` layer by layer; none for one (``sgd`` only).
    """

    kind: Literal["adamw", "muon", "sgd"] = "adamw"
    lr: Positive = 2e-3
    weight_decay: Amount = 0.01
    warmup: Annotated[int, Bounds(0)] = 100
    clip: Positive = 5.0
    schedule: Literal["cosine", "constant", "epochs"] = "cosine"
    epoch: Count = 100
    decay: Share = 0.99
    momentum: Share = 0.9
    momentum_start: Share = 0.5
    ramp: Annotated[int, Bounds(0)] = 0
    rates: list[Amount] = field(default_factory=list)
    penalties: list[Amount] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """Section ``[training]``.

    Args:
        steps: length of training.
        seed: of every draw.
        turns: quarter turns as classes of their own: 1, 4, or 8 with mirror images.
        composites: share of the drawings put together in pairs, as further classes.
        average: decay of the weights' moving average; 0 takes the last weights.
        validate_every: steps between looks at the validation classes.
        checkpoint_every: steps between checkpoints.
        start: a model whose weights to begin with; "" for none.
        threads: of the processor; 0 for all.
        parts: of a batch, each on one thread and with batch statistics of its own; the number of threads changes
            nothing but the time. 1 spreads every operation over the threads instead.
        precision: of the encoder's arithmetic; ``auto`` takes bfloat16 where the processor has it, else float32.
        also: weight of the second objective, ``[also_comparison]`` and ``[also_loss]``, beside the first.
        patience: looks at the validation classes without a better one after which training stops; its model is that of
            the best look. 0 trains all steps (but see ``learn.best``).
        validation_tasks: one-shot tasks of a look.
        folds: how often at most training is done again with other classes held out, for the verdict alone, where of a
            user's folder fewer than 20 are; 0 for never.
        least_dimensions: effective dimensions of a batch's embeddings below which they count as collapsed; below 1 only
            those that coincide do.
    """

    steps: Count = 2000
    seed: Annotated[int, Bounds(0, 2**63 - 1)] = 0
    turns: Literal[1, 4, 8] = 1
    composites: Share = 0.0
    average: Share = 0.995
    validate_every: Count = 500
    checkpoint_every: Count = 500
    start: str = ""
    threads: Annotated[int, Bounds(0, 1024)] = 0
    parts: Annotated[int, Bounds(1, 64)] = 2
    precision: Precision = "auto"
    also: Positive = 0.5
    patience: Annotated[int, Bounds(0)] = 0
    validation_tasks: Count = 250
    folds: Annotated[int, Bounds(0, 100)] = 2
    least_dimensions: Amount = 1.5


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """Section ``[export]``: what does not change training.

    Args:
        views: of each reading that are embedded and averaged in use: 1, or 5 (steadier, five times the work).
        half: round the weights to half precision and store them so: half the size.
    """

    views: Literal[1, 5] = 1
    half: bool = False
