"""The best look at the validation classes so far, with its weights, which are exported; and when to stop training."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

_STALLED = 0.5
"""Share of all steps without a look as good as the best, after which more bring nothing."""
_FEWEST = 3  # looks without one, before that is believed
NO_LOSS = 1e-6
"""A loss below which a step changes nothing worth the time."""
IDLE = 50
"""Steps in a row without a loss, after which training stops."""


@dataclass(slots=True)
class Best:
    """What is remembered of the looks.

    Attributes:
        step: of the best look; 0 before any.
        accuracy: of the best look.
        looks: since then.
        weights: of encoder and similarity then.
    """

    step: int = 0
    accuracy: float = -1.0
    looks: int = 0
    weights: dict[str, Any] | None = None

    def look(self, step: int, accuracy: float, learned: nn.Module) -> None:
        """Take note of a look. Of equal ones the latest is kept, which has learned more; patience is not renewed."""
        self.looks = 0 if accuracy > self.accuracy else self.looks + 1
        if accuracy >= self.accuracy:
            self.step, self.accuracy = step, accuracy
            self.weights = copy.deepcopy(dict(learned.state_dict()))

    def exhausted(self, patience: int) -> bool:
        """Whether so many looks have brought nothing better."""
        return 0 < patience <= self.looks

    def stalled(self, step: int, steps: int) -> bool:
        """Whether half of all ``steps`` have gone by without a look as good as the best."""
        return self.looks >= _FEWEST and 0 < self.step <= step - _STALLED * steps and step < steps

    def restore(self, learned: nn.Module) -> None:
        """Give it the weights of the best look."""
        if self.weights is not None:
            learned.load_state_dict(self.weights)

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds; ``Best(**state)`` is it again."""
        return {**asdict(self), "weights": self.weights}
