"""ONNX graphs of a model directory, opened as data: looked through first, then run by ONNX Runtime."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from firstsight.errors import ModelError
from firstsight.onnx_runtime import loaded
from firstsight.types import FloatArray

if TYPE_CHECKING:
    from firstsight.graphs.screening import Given

FLOAT, UINT8 = 1, 2
_PAIRS, _NUMBERS = 1024, 1 << 17  # at most, of each side at once: they stay in the processor's cache


def open_graph(data: bytes, source: str, takes: Given, gives: Given, most: int) -> Any:
    """A session of ONNX Runtime.

    Args:
        data: the file's content, not trusted.
        source: its path, in messages.
        takes, gives: what must go in and come out, of any number of readings or pairs.
        most: how many it is given at once.

    Raises:
        ModelError: it is no network that is safe to be run, can't be loaded, or takes or gives something else.
    """
    # Here, since who only looks at a model need not wait for it.
    from firstsight.graphs.screening import UnfitError, WireError, screened

    try:
        screened(data, takes, gives, most)
    except (WireError, UnfitError) as error:
        raise ModelError(f"{source} can't be loaded ({error})") from None
    return session_of(data, source, _threads())


def session_of(data: bytes, source: str, threads: int) -> Any:
    """A session of ONNX Runtime for a graph that was looked through.

    Raises:
        ModelError: it can't be loaded.
    """
    onnxruntime = loaded()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    # Else a file that begins in a certain way is read as another format, which was not looked through.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001  the runtime raises its own kinds
        raise ModelError(f"{source} can't be loaded ({reason(error)})") from None


def reason(error: Exception) -> str:
    """Why the runtime failed, in its first words."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]


class PairGraph:
    """The pair network of a model: two embeddings to a score.

    Args:
        data: content of ``pair.onnx``: ``left, right (n, d)`` to ``scores (n,)``, float32.
        dim: d.
        source: its path, in messages.

    Raises:
        ModelError: see :func:`open_graph`.
    """

    def __init__(self, data: bytes, dim: int, source: str) -> None:
        self.data = data
        self._together = max(1, min(_PAIRS, _NUMBERS // dim))
        takes, gives = {"left": (FLOAT, (dim,)), "right": (FLOAT, (dim,))}, {"scores": (FLOAT, ())}
        self._session, self._source = open_graph(data, source, takes, gives, self._together), source

    def __call__(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Scores ``(n,)`` of ``left (n, d)`` and ``right (n, d)``, row by row.

        Raises:
            ModelError: it fails, or gives numbers that are not finite.
        """
        out = np.empty(len(left), np.float32)
        for start in range(0, len(left), self._together):
            some = slice(start, start + self._together)
            given = {"left": np.ascontiguousarray(left[some]), "right": np.ascontiguousarray(right[some])}
            try:
                made = self._session.run(None, given)[0]
            except Exception as error:  # noqa: BLE001  the runtime raises its own kinds
                raise ModelError(f"{self._source} can't be run ({reason(error)})") from None
            if made.shape != out[some].shape or not np.isfinite(made).all():
                raise ModelError(
                    f"{self._source} gives scores of shape {made.shape} or numbers that are not finite, "
                    f"{len(out[some])} finite ones were expected; train it again"
                )
            out[some] = made
        return out


def _threads() -> int:
    """Threads of a session: what ``OMP_NUM_THREADS`` says, else the processors this process may use; 0 for all."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    if said.isdecimal() and int(said):
        return int(said)
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    return allowed if allowed < (os.cpu_count() or 1) else 0
