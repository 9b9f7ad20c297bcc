"""docs/page.md says what is there: its commands parse, every view is told, its pictures exist and are small."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from firstsight.cli.commands import app
from firstsight.serve.page import PLACE

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "page.md").read_text()
README = (ROOT / "README.md").read_text()


def test_the_command_exists() -> None:
    """The command that shows the page is one that the program reads, here and in the README."""
    [line] = [line.strip() for line in TEXT.splitlines() if line.startswith("    firstsight serve")]
    assert line in README
    command = typer.main.get_command(app)
    found = command.commands["serve"].make_context("serve", shlex.split(line)[2:])  # type: ignore[attr-defined]
    assert found.params["keep_sources"]


def test_every_view_is_told() -> None:
    """The views of the page's navigation are the rows of the table, in their order."""
    views = re.findall(r'<a href="#/[a-z]+">([A-Z][a-z]+)</a></li>', (PLACE / "index.html").read_text())
    assert len(views) == 7
    assert re.findall(r"^\| \*\*(\w+)\*\*", TEXT, re.M) == views


@pytest.mark.parametrize("name", re.findall(r"\(pictures/([a-z-]+\.png)\)", TEXT))
def test_pictures_exist_and_are_small(name: str) -> None:
    """Each is under 200 KB and has words for who does not see it."""
    assert 5_000 < (ROOT / "docs" / "pictures" / name).stat().st_size < 200_000
    assert re.search(rf"!\[[^\]]{{10,}}\]\(pictures/{name}\)", TEXT)


def test_figures_in_the_text_are_the_codes() -> None:
    """Seconds of the undo and identities a page are those of the modules."""
    assert "const SECONDS = 7;" in (PLACE / "notices.js").read_text()
    assert "waits seven seconds" in TEXT
    assert "const PAGE = 60;" in (PLACE / "gallery.js").read_text()
    assert "sixty at a time" in TEXT


def test_the_page_is_listed() -> None:
    """It is in the list of documents."""
    assert "(page.md)" in (ROOT / "docs" / "README.md").read_text()
