"""Pictures of a data set that show nothing to recognise: to a model all of them are one."""

from __future__ import annotations

import numpy as np

from firstsight.datasets.dataset import DataSet
from firstsight.errors import count
from firstsight.files import spelled_out
from firstsight.inputs.decode import GRAIN
from firstsight.types import PixelArray

_NAMED = 3  # that a sentence has room for


def blanks(data: DataSet, arrays: PixelArray) -> str:
    """What a person should know of pictures without ink or contrast among readings ``(n, c, h, w)``; "" of none."""
    flat = arrays.reshape(*arrays.shape[:2], -1)
    found = np.flatnonzero((flat.max(axis=2) - flat.min(axis=2)).max(axis=1, initial=0) < GRAIN)
    if not found.size:
        return ""
    named = ", ".join(spelled_out(data.examples[n].source) for n in found[:_NAMED])
    more = ", ..." if found.size > _NAMED else ""
    show = "shows" if found.size == 1 else "show"
    return f"{count(found.size, 'picture', 'pictures')} {show} nothing to recognise (no ink or contrast): {named}{more}"
