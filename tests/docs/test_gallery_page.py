"""docs/gallery.md says what is there: every command parses, every verb of a gallery is told, links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from firstsight.cli.commands import app, gallery_app
from firstsight.cli.galleries import create
from firstsight.gallery import bulk

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "gallery.md").read_text()
COMMANDS = [line.strip() for line in TEXT.splitlines() if line.startswith("    firstsight ")]
COMMANDS += [code for code in re.findall(r"`([^`\n]+)`", TEXT) if code.startswith("firstsight ") and ".db" in code]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_exists(line: str) -> None:
    """Each command line is one that the program reads."""
    words = shlex.split(line)[1:]
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    assert command.make_context("firstsight", words).params["gallery"]


def test_every_verb_is_told() -> None:
    """What a gallery can do is on the page."""
    told = " ".join(COMMANDS)
    module = {f"firstsight.cli.{name}" for name in ("audit", "galleries", "lifecycle")}
    here = [c for c in (*app.registered_commands, *gallery_app.registered_commands) if c.callback]
    names = {c.name or c.callback.__name__ for c in here if c.callback and c.callback.__module__ in module}
    assert create.__name__ in names
    assert names == {name for name in names if f" {name} " in told}


def test_figures_in_the_text_are_the_codes() -> None:
    """The size of a batch is the one in the code."""
    assert f"every {bulk.BATCH} are on disk together" in TEXT


def test_decisions_and_documents_are_listed() -> None:
    """The page is in the list of documents."""
    assert "(gallery.md)" in (ROOT / "docs" / "README.md").read_text()
