"""docs/gallery.md says what is there: every command parses, every verb of a gallery is told, links lead somewhere."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import typer

from firstsight.cli.commands import app, gallery_app
from firstsight.cli.galleries import create
from firstsight.gallery import bulk, gate
from firstsight.gallery.asking import MOST_PROBES

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
    assert f"up to {MOST_PROBES:,} probes at once" in TEXT


def test_the_gates_figures_are_those_measured() -> None:
    """Every finding is told with its limit, and what is said of the gate is what results/gate.json holds."""
    told = re.sub(r"\s+", " ", TEXT)
    assert {f"| `{name}` |" for name in gate.NAMES} <= set(re.findall(r"\| `[a-z]+` \|", TEXT))
    limits = (gate.ORDER, gate.CONTRAST, gate.SHARPNESS_DRAWN, gate.SHARPNESS_SHOWN)
    assert limits == (0.12, 28, 12, 8)
    assert gate.ODDS == 10
    result = json.loads((ROOT / "results" / "gate.json").read_text())["result"]
    for name, row in result["pixels"].items():
        good = row["refused though good"]
        assert f"{good:.1%}".replace("%", " %") in told if "rocks" in name else good == 0
        spoiled = [share for how, share in row["refused when"].items() if "6 %" not in how]
        assert "rocks" in name or min(spoiled) == 1
    likely = result["likeness"]
    for row, digits in (("newcomers taken for another", 1), ("another's drawing found", 0)):
        cells = [f"{part[row]:.{digits}%}".replace("%", " %") for part in likely["duplicate"].values()]
        assert " | ".join(cells) in told
    assert f"{likely['outlier']['1 enrolled']['own images refused']:.1%}".replace("%", " %") in told
    assert f"({result['bulk']['noted as duplicates']} of those {result['bulk']['classes']})" in told
    assert result["copies"]["found"] == 1
    fused = result["fusing"]["omniglot:test"]
    for m in (1, 3):
        rates = [[fused[f"{k} probes, {m} references"][f"FNIR at FPIR {f} %"] for f in (1, 5)] for k in (1, 2, 3, 5)]
        assert " | ".join(f"{100 * a:.1f} / {100 * b:.1f} %" for a, b in rates) in told
    for k, m in ((1, 1), (3, 1), (3, 3)):
        rate = fused[f"{k} probes, {m} references"]["FMR at the threshold"]
        assert f"{100 * rate:.2f} %" in told


def test_decisions_and_documents_are_listed() -> None:
    """The page is in the list of documents."""
    assert "(gallery.md)" in (ROOT / "docs" / "README.md").read_text()
