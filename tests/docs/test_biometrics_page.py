"""docs/biometrics.md promises nothing that no test proves, and shows no command that does not exist."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
import typer

from firstsight.cli.commands import app

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "biometrics.md").read_text()
ROWS = [line for line in TEXT.split("## What is left to you")[0].splitlines() if line.startswith("| ")][1:]
COMMANDS = [line.strip() for line in TEXT.splitlines() if line.startswith("    firstsight ")]


@pytest.mark.parametrize("row", ROWS)
def test_every_promise_names_tests_that_are_there(row: str) -> None:
    """Each row of the table of promises names at least one test function, and each of them exists."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row)
    assert named
    for file, function in named:
        tree = ast.parse((ROOT / file).read_text())
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_one(line: str) -> None:
    """Each command line is one that the program reads."""
    words = shlex.split(line)[1:]
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    assert command.make_context("firstsight", words).params["gallery"]


def test_the_page_is_found() -> None:
    """It is in the list of documents and in the page on galleries; where it leads to in the project is there."""
    for page in ("README.md", "gallery.md"):
        assert "(biometrics.md)" in (ROOT / "docs" / page).read_text()
    for link in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / "docs" / link).is_file()


def test_what_must_be_said_is_said() -> None:
    """Each subject that a reader must not miss is on the page, and that it is no legal advice."""
    for word in ("not legal advice", "Art. 9", "BIPA", "AI Act", "ISO/IEC 30107-3", "does not encrypt", "consent"):
        assert word in TEXT
