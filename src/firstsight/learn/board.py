"""TensorBoard, for whoever wants to watch: the numbers of ``metrics.jsonl`` as curves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from firstsight.errors import UsageError

Show = Callable[[int, dict[str, float]], None]
"""Takes a step and its numbers by name."""


def writer() -> Any:
    """TensorBoard's writer, loaded only when it is asked for.

    Raises:
        UsageError: the package is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError(
            f"--tensorboard needs {error.name or 'tensorboard'}, which is not installed; "
            "pip install 'firstsight[tensorboard]'"
        ) from None
    return SummaryWriter


@contextmanager
def board(folder: Path | None, start: int) -> Iterator[Show]:
    """Write what is shown as events in a folder, each at once; without a folder, nothing.

    Args:
        start: the last step that is kept of an earlier run in this folder; what came after it is shown no more.

    Raises:
        UsageError: the package is not installed, or the folder can't be written.
    """
    if folder is None:
        yield lambda *_: None
        return
    try:
        events = writer()(str(folder), purge_step=start + 1)
    except OSError as error:
        raise UsageError(f"--tensorboard {folder} can't be written ({error.strerror}); name another folder") from None
    with events:

        def show(step: int, values: dict[str, float]) -> None:
            for name, value in values.items():
                events.add_scalar(name, value, step)
            events.flush()

        yield show
