"""ONNX graphs of a model directory, opened as data: nothing outside the file, and only what is expected in and out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from firstsight.errors import ModelError
from firstsight.onnx_runtime import loaded
from firstsight.types import FloatArray

Ends = list[tuple[str, str, list[int]]]
"""Name, type and shape beyond the first dimension of each input, then of each output."""
_PAIRS, _NUMBERS = 1024, 1 << 17  # at most, of each side at once: they stay in the processor's cache


def open_graph(data: bytes, source: str, expected: Ends, of_any_number_of: str) -> Any:
    """A session of ONNX Runtime.

    Args:
        data: the file's content.
        source: its path, in messages.
        expected: what it must take and give.
        of_any_number_of: what the first dimension counts.

    Raises:
        ModelError: it refers to another file, can't be loaded, or takes or gives something else.
    """
    if b"\x0a\x08location" in data:  # the entry that points an ONNX tensor to another file
        raise ModelError(f"{source} refers to another file, which a model may not")
    onnxruntime = loaded()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = _threads()
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001  the runtime raises its own kinds
        raise ModelError(f"{source} can't be loaded ({str(error).splitlines()[0]})") from None
    takes, gives = session.get_inputs(), session.get_outputs()
    found = [(value.name, value.type, value.shape[1:]) for value in (*takes, *gives)]
    if found != expected or any(isinstance(value.shape[0], int) for value in takes):
        raise ModelError(
            f"{source} takes and gives {found}, {expected} for any number of {of_any_number_of} was expected"
        )
    return session


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
        ends: Ends = [
            ("left", "tensor(float)", [dim]),
            ("right", "tensor(float)", [dim]),
            ("scores", "tensor(float)", []),
        ]
        self.data = data
        self._session, self._source = open_graph(data, source, ends, "pairs"), source
        self._together = max(1, min(_PAIRS, _NUMBERS // dim))

    @classmethod
    def of(cls, file: Path, dim: int) -> PairGraph:
        """From a file."""
        return cls(file.read_bytes(), dim, str(file))

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
                raise ModelError(f"{self._source} can't be run ({str(error).splitlines()[0]})") from None
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
