"""The script that measures two checkouts in turn runs whole, at a size that takes seconds."""

from __future__ import annotations

from pathlib import Path

from scripts import script


def test_a_checkout_against_itself_does_all_of_the_work() -> None:
    """Every piece of work is timed on both sides, and the ratio is of their times."""
    found = script("against").compare(Path(__file__).parents[2], 1, 3, 4, 5, 5)
    assert set(found) == {"durable enrolment", "identify", "read a sign", "warm evaluation"}
    for figures in found.values():
        ratio = figures["before, seconds"] / figures["firstsight, seconds"]
        assert 0.9 < ratio / figures["ratio"] < 1.1
