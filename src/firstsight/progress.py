"""Progress of training as lines of text, for logs and notebooks."""

from __future__ import annotations

import builtins
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from firstsight.learn.events import Event

NOTEBOOK = 3.0
"""Seconds between two lines in a notebook, where somebody waits."""


class Lines:
    """One line every so many seconds and at every validation.

    Args:
        out: where to; None is standard output, whichever it is then.
        every: seconds.
    """

    def __init__(self, out: TextIO | None = None, *, every: float = 10.0) -> None:
        self.out, self.every = out, every
        self.last = 0.0
        self.began: tuple[float, int] | None = None  # when the first step was heard of, and which one it was
        self.seen: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        """Tell of an event, if it is time to."""
        if event.kind == "note":
            self._tell(event.message)
            return
        now = time.monotonic()
        self.seen.update(event.values or {})
        if event.kind == "reading":
            if now - self.last > self.every or event.step == event.steps:
                self.last = now
                self._tell(f"reading {event.message}: {event.step:,} of {event.steps:,}")
            return
        if self.began is None or event.step <= self.began[1]:  # the first, or one of another training
            self.began = (now, event.step)
        if event.step == event.steps or now - self.last > self.every or "validation_accuracy" in (event.values or {}):
            self.last = now
            then, first = self.began
            left = ""
            if event.step > first:  # a resumed run has not done the steps before in this time
                minutes = (now - then) / (event.step - first) * (event.steps - event.step) / 60
                left = f"  left {minutes:.1f} min"
            name = f"{event.message}: " if event.message else ""
            self._tell(f"{name}step {event.step:,} of {event.steps:,}  {figures(self.seen)}{left}")

    def _tell(self, line: str) -> None:
        print(line, file=self.out or sys.stdout, flush=True)


def figures(values: dict[str, float]) -> str:
    """The numbers of a step in words."""
    parts = [f"loss {values['loss']:.3f}", f"{values['examples_per_second']:,.0f} images/s"]
    if "validation_accuracy" in values:
        parts.append(f"held-out accuracy {values['validation_accuracy']:.1%}")
    return "  ".join(parts)


def listener() -> Callable[[Event], None]:
    """Who listens where nobody was named: a notebook is shown lines, a program nothing."""
    return Lines(every=NOTEBOOK) if in_notebook() else lambda _: None


def in_notebook() -> bool:
    """Whether IPython runs this, as in Jupyter and Colab: it puts ``get_ipython`` among the built-in names."""
    ask = getattr(builtins, "get_ipython", None) or getattr(sys.modules.get("IPython"), "get_ipython", None)
    return ask is not None and ask() is not None
