"""The best look at the validation classes so far, with its weights, which are exported; and when to stop training.

Of looks that differ by less than their standard error the latest is kept, which has learned more: the rule of one
standard error (Breiman et al., Classification and Regression Trees, 1984, 3.4.3).
"""

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
        step: of the look that is kept; 0 before any.
        accuracy: of that look.
        looks: since the highest.
        weights: of encoder and similarity at the look that is kept.
        highest: accuracy of all looks.
    """

    step: int = 0
    accuracy: float = -1.0
    looks: int = 0
    weights: dict[str, Any] | None = None
    highest: float = -1.0

    def look(self, step: int, accuracy: float, learned: nn.Module, error: float = 0.0) -> None:
        """Take note of a look; a look as good as the highest renews no patience.

        Args:
            step: after which it was taken.
            accuracy: of the averaged weights.
            learned: these weights, copied where they are kept.
            error: by how much a look may be lower than the highest and yet be as good: its standard error.
        """
        self.looks = 0 if accuracy > self.highest else self.looks + 1
        self.highest = max(self.highest, accuracy)
        if accuracy >= self.highest - error:
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
