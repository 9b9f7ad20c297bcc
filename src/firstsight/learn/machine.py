"""What training asks of the machine: half-width arithmetic where it is native, memory that is kept for reuse."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal

Precision = Literal["auto", "float32", "bfloat16"]
_MMAP_THRESHOLD, _TRIM_THRESHOLD, _TOP_PAD = -3, -1, -2  # names of glibc's malloc.h


@cache
def native_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself; emulated it is slower than float32."""
    with suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text().split("flags", 1)[-1].split("\n", 1)[0].split()
        return bool({"avx512_bf16", "amx_bf16"} & set(flags))
    return False


def settled(precision: Precision) -> Literal["float32", "bfloat16"]:
    """The precision to train with: ``auto`` takes bfloat16 where it is native."""
    if precision == "auto":
        return "bfloat16" if native_bfloat16() else "float32"
    return precision


@cache
def keep_memory() -> bool:
    """Let the allocator keep what training frees, instead of asking the system for the same pages at every step.

    A step's activations are megabytes each; by default glibc maps and zeroes every one of them anew. Returns whether
    the allocator took the settings (glibc does, others have no need).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return all(
        mallopt(name, value)
        for name, value in ((_MMAP_THRESHOLD, 1 << 30), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 64 << 20))
    )
