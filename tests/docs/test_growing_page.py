"""docs/growing.md says what was measured and what there is: tables, sentences, settings, links."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from firstsight.learn.catalogue import SAMPLERS
from firstsight.learn.settings import DataSettings
from scripts import script

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "growing.md"
TEXT = PAGE.read_text()


def made() -> dict[str, str]:
    """Every table, from the files of figures alone."""
    tables: dict[str, str] = dict(script("little_data").tables())
    return {**tables, "growing": script("growing").table(), "enrolling": script("enrolling").table()}


def test_the_tables_are_what_was_measured() -> None:
    """Every table between marks is made from its file of figures, to the letter, and none is left out."""
    tables = made()
    assert set(re.findall(r"<!-- (\w+) -->", TEXT)) == set(tables)
    for mark, table in tables.items():
        assert TEXT.split(f"<!-- {mark} -->\n")[1].split(f"<!-- /{mark} -->")[0].strip() == table


def test_settings_and_samplers_named_exist() -> None:
    """What the page tells to set can be set."""
    fields = DataSettings.__dataclass_fields__
    named = set(re.findall(r"`data\.(\w+)", TEXT))
    assert {"old", "old_each", "old_validation", "groups", "classes", "origins", "each", "tail", "seed"} <= named
    assert named <= set(fields)
    assert set(re.findall(r"sampling\.name=(\w+)", TEXT)) <= set(SAMPLERS)


def test_links_and_pictures_are_there() -> None:
    """Every link leads somewhere; the picture is one, and small."""
    for target in re.findall(r"\]\(([^)#]+)", TEXT):
        assert (PAGE.parent / target).exists(), target
    picture = PAGE.parent / "pictures" / "enrolling.png"
    with Image.open(picture) as shown:
        assert shown.width > 1000
    assert picture.stat().st_size < 200_000


def test_the_page_is_found() -> None:
    """README, the index and the page on training lead here."""
    assert all(
        "growing.md" in (ROOT / place).read_text() for place in ("README.md", "docs/README.md", "docs/training.md")
    )


@pytest.mark.parametrize("name", ["little_data", "growing", "enrolling"])
def test_every_script_is_named(name: str) -> None:
    """The page names the script behind each figure, and the script says where it writes."""
    found: ModuleType = script(name)
    assert f"python results/{name}.py" in TEXT
    assert "docs/growing.md" in (found.__doc__ or "")
