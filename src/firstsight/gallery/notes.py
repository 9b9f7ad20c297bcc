"""What receipts note."""

from __future__ import annotations

from firstsight.stores.listing import LATER


def repeated(asked: int, added: int) -> tuple[str, ...]:
    """Of references that were there before."""
    return () if added == asked else (f"{asked - added} of {asked} enrolled already",)


def waiting(erased: bool) -> tuple[str, ...]:
    """Of what is gone, and not yet out of every file of the store."""
    return () if erased else (LATER,)
