"""docs/images.md says what is there: endings, guesses, settings; it is listed, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

from firstsight.inputs import GlyphInput, ImageInput
from firstsight.inputs.decode import FORMATS, GRAIN
from firstsight.inputs.depth import GUESSES

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "images.md").read_text()


def test_what_is_read_is_on_the_page() -> None:
    """Every format, the depths that are guessed, the least contrast and the setting are told as they are."""
    assert all(name.lower() in TEXT.lower() for name in (*FORMATS, "AVIF", "HEIC"))
    assert f"smallest of {', '.join(map(str, GUESSES[:-1]))} and {GUESSES[-1]} bits" in TEXT
    assert f"less than {GRAIN} grey levels" in TEXT
    assert "`input.depth=12`" in TEXT
    assert ImageInput(depth=12).depth == GlyphInput(depth=12).depth == 12


def test_the_page_is_found() -> None:
    """docs/README.md lists it, the README names it, and what it links to is there."""
    assert "images.md" in (DOCS / "README.md").read_text()
    assert "docs/images.md" in (DOCS.parent / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)", TEXT):
        assert (DOCS / target).exists(), target
