"""What receipts note."""

from __future__ import annotations


def repeated(asked: int, added: int) -> tuple[str, ...]:
    """Of references that were there before."""
    return () if added == asked else (f"{asked - added} of {asked} enrolled already",)
