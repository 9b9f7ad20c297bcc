"""Identities and references of a gallery as they are listed, and those whose vector is damaged."""

from __future__ import annotations

import sqlite3

import numpy as np

from firstsight.stores import rows
from firstsight.types import Lengths, Reference
from firstsight.vectors import odd

_BLOCK = 4096  # rows that are read at a time


def damaged(db: sqlite3.Connection, gallery: int, dim: int, lengths: Lengths) -> list[Reference]:
    """See :meth:`Store.damaged`."""
    cursor = db.execute(rows.REFERENCE.format(more=", r.vector", tables=rows.ALL, where=""), (gallery,))
    found: list[Reference] = []
    while some := cursor.fetchmany(_BLOCK):
        whole = [row for row in some if isinstance(row[7], bytes) and len(row[7]) == 4 * dim]
        vectors = np.frombuffer(b"".join(row[7] for row in whole), "<f4").reshape(len(whole), dim)
        bad = {row[0] for row in some} - {row[0] for row in whole} | {whole[n][0] for n in odd(vectors, lengths)}
        found += [rows.reference(row[:7]) for row in some if row[0] in bad]
    return found
