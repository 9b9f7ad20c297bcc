"""What runs in the process that is to die: training, and SIGKILL at the moment asked for."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Literal

from firstsight import api, files
from firstsight.learn.events import Event

Moment = Literal["after a step", "in mid-write", "before the rename", "from outside", "never"]


def train(changes: tuple[str, ...], data: Path, out: Path, moment: Moment, step: int) -> None:
    """Train, resuming where there is a checkpoint, and be killed.

    Args:
        moment: ``after a step``, before its checkpoint; ``in mid-write``, when half of a checkpoint is on disk;
            ``before the rename``, when all of it is and the one before is still in its place.
        step: from which on; a checkpoint is the first one after it.
    """
    write, reached = files._write, 0

    def torn(path: Path, content: bytes, mode: int) -> None:
        due = path.name == "checkpoint.pt" and reached >= step
        if due and moment == "in mid-write":
            path.write_bytes(content[: len(content) // 2])
            die()
        write(path, content, mode)
        if due and moment == "before the rename":
            die()

    def listen(event: Event) -> None:
        nonlocal reached
        if event.kind == "step":
            reached = event.step
            if moment == "after a step" and reached >= step:
                die()

    files._write = torn
    resume = (out / "checkpoint.pt").exists()
    api.train("folder", *changes, data=str(data), out=out, resume=resume, listen=listen)


def die() -> None:
    """As ``kill -9`` does it: nothing is flushed, closed or cleaned."""
    os.kill(os.getpid(), signal.SIGKILL)
