"""Memory: what the data will take before it is decoded, what there is, and what was taken in the end."""

from __future__ import annotations

import math
import resource
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from firstsight.datasets import DataSet
from firstsight.errors import DataError, count

MIB = 1 << 20
CLOSE = 0.7  # of what is available; network, batches and caches want the rest


def sentence(sets: Sequence[DataSet], shape: tuple[int, int, int]) -> str:
    """What data sets will take once decoded, beside what is available where they come close to it.

    Args:
        sets: each is held once, ``(n, c, h, w)`` uint8.
        shape: of a reading, ``(c, h, w)``.

    Raises:
        DataError: more than is available.
    """
    number = sum(map(len, sets))
    need, free = number * math.prod(shape), available()
    what = f"{count(number, 'image', 'images')} of {' and '.join(data.name for data in sets)}"
    if free is None or need <= CLOSE * free:
        return f"{what} take {_size(need)} of memory"
    if need <= free:
        return f"warning: {what} take {_size(need)} of the {_size(free)} of memory available"
    raise DataError(
        f"{what} take {_size(need)} of memory as the network reads them, {_size(free)} are available; lower "
        "input.size, learn from fewer images, or use a machine with more"
    )


def available() -> int | None:
    """Bytes that this process may still take, by the system and by its control group; None where neither tells."""
    found = [_kibibytes(Path("/proc/meminfo"), "MemAvailable:"), _group(Path("/sys/fs/cgroup"))]
    return min((value for value in found if value is not None), default=None)


def peak() -> int:
    """The most bytes that this process has held at once in resident memory."""
    found = _kibibytes(Path("/proc/self/status"), "VmHWM:")
    if found is not None:
        return found
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # on Linux the starting process's, where that was larger
    return most if sys.platform == "darwin" else most * 1024


def _kibibytes(file: Path, name: str) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        return int(file.read_text().split(name)[1].split()[0]) * 1024
    return None


def _group(folder: Path) -> int | None:
    """What a control group leaves; pages of files that it could drop at once are no hindrance."""
    with suppress(OSError, ValueError, IndexError):
        limit, used = int((folder / "memory.max").read_text()), int((folder / "memory.current").read_text())
        dropped = int((folder / "memory.stat").read_text().split("inactive_file ")[1].split()[0])
        return max(0, limit - used + dropped)
    return None


def _size(amount: int) -> str:
    return f"{amount / MIB:,.1f} MiB" if amount < 1024 * MIB else f"{amount / (1024 * MIB):,.1f} GiB"
