"""Memory of large pictures goes back to the system as soon as it is freed.

glibc keeps what was freed for later: after a first large picture its threads keep up to 64 MiB each, in an arena of
their own, so that pictures unpacked one after another take three times what they ever took at the same time (measured:
docs/decisions/0034-budget-of-pixels.md). Blocks from the threshold on are mapped and unmapped one by one instead.
"""

from __future__ import annotations

import contextlib
import ctypes

_MMAP_THRESHOLD = -3  # of mallopt(3); when it is set, glibc no longer raises it by itself
_LARGE = 1 << 20


def give_back() -> None:
    """Let this process give back large blocks; does nothing where the C library is not glibc."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE)
