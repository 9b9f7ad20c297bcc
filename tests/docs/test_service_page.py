"""docs/service.md says what is there: every route, every option with its default, every metric; its examples work."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import typer

from firstsight.cli.commands import app
from firstsight.serve.metrics import Metrics
from served import ROUTES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "service.md").read_text()


def test_every_route_is_told_with_its_role() -> None:
    """A row a route, with what it asks for; and no row of a route that is not there."""
    rows = re.findall(r"^\| `(GET|POST) (\S+)` \| (\w+) \|", TEXT, re.M)
    there = set()
    for route in ROUTES:
        [role] = [d.dependency.role for d in route.dependencies if hasattr(d.dependency, "role")]
        there.add((*route.methods, route.path, "none" if role == "open" else role))
    assert set(rows) == there


def test_every_option_is_told_with_its_default() -> None:
    """A row an option of firstsight serve."""
    rows = dict(re.findall(r"^\| `--([a-z-]+)` \|([^|]*)\|", TEXT, re.M))
    command = typer.main.get_command(app).commands["serve"]
    options = {p.name.replace("_", "-"): p.default for p in command.params if p.name not in ("store", "help")}
    assert set(rows) == set(options)
    for name, default in options.items():
        shown = "" if default is None else "no" if default is False else str(default).removesuffix(".0")
        assert rows[name].strip() == shown, name


def test_every_parameter_of_a_query_is_told() -> None:
    """What a list can be asked for is in its row."""
    for route in ROUTES:
        if "GET" in route.methods:
            [row] = [line for line in TEXT.splitlines() if line.startswith(f"| `GET {route.path}` |")]
            for parameter in route.dependant.query_params:
                assert f"`{parameter.alias}`" in row, (route.path, parameter.alias)


def test_every_metric_is_told() -> None:
    """Names as Prometheus sees them."""
    told = Metrics().text([]).decode()
    names = set(re.findall(r"^# TYPE (\S+) (?:counter|histogram|gauge)", told, re.M))
    names = {n.removesuffix("_created") for n in names if not n.endswith("_created")}
    assert len(names) >= 7
    assert not [n for n in names if f"`{n}`" not in TEXT]


def test_every_command_exists() -> None:
    """Each command line of the page is one that the program reads."""
    lines = [line.strip() for line in TEXT.splitlines() if line.startswith("    firstsight ")]
    lines += [code for code in re.findall(r"`(firstsight [^`\n]+)`", TEXT) if "staff.db" in code]
    assert len(lines) >= 5
    for line in lines:
        words = shlex.split(line)[1:]
        command = typer.main.get_command(app)
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        command.make_context("firstsight", words)


def test_the_page_is_listed() -> None:
    """It is in the list of documents."""
    assert "(service.md)" in (ROOT / "docs" / "README.md").read_text()
