"""Early stopping: the best look at the validation classes so far, with the weights it was taken of."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from typing import Any

from torch import nn


@dataclass(slots=True)
class Best:
    """What early stopping remembers.

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
        """Take note of a look; an equal one is no better."""
        self.looks += 1
        if accuracy > self.accuracy:
            self.step, self.accuracy, self.looks = step, accuracy, 0
            self.weights = copy.deepcopy(dict(learned.state_dict()))

    def exhausted(self, patience: int) -> bool:
        """Whether so many looks have brought nothing better."""
        return 0 < patience <= self.looks

    def restore(self, learned: nn.Module) -> None:
        """Give it the weights of the best look."""
        if self.weights is not None:
            learned.load_state_dict(self.weights)

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds; ``Best(**state)`` is it again."""
        return {**asdict(self), "weights": self.weights}
