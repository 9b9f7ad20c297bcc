"""docs/evaluation.md says what is there: commands, protocols, targets, pictures, links, figures."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import typer
from PIL import Image

from firstsight.calibration import TARGETS
from firstsight.cli.commands import app
from firstsight.evaluation.protocols import PROTOCOLS
from scripts import script

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "evaluation.md"
TEXT = PAGE.read_text()
BLOCKS = re.findall(r"```console\n(.*?)```", TEXT, re.S)
INLINE = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.S))
COMMANDS = [line[2:] for block in BLOCKS for line in block.splitlines() if line.startswith("$ ")]
COMMANDS += [code for code in INLINE if code.startswith("firstsight ")]
PICTURES = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", TEXT)
MOST_BYTES, MOST_LINES = 150_000, 260


def options_of(command: str) -> set[str]:
    """The options of a command."""
    group = typer.main.get_command(app)
    return {option for parameter in group.commands[command].params for option in parameter.opts}  # type: ignore[attr-defined]


def parsed(line: str) -> tuple[str, dict[str, object]]:
    """A command line as the program reads it: the command and its parameters; nothing is run."""
    words = shlex.split(line)
    assert words.pop(0) == "firstsight"
    command = typer.main.get_command(app)
    name = ""
    while hasattr(command, "commands"):
        name = words.pop(0)
        command = command.commands[name]
    return name, command.make_context(name, words).params


def test_there_are_recipes_for_three_users() -> None:
    """The page shows three blocks of commands, and each trains and measures."""
    assert len(BLOCKS) == 3
    for block in BLOCKS:
        assert "firstsight train" in block
        assert "firstsight evaluate" in block


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_exists(line: str) -> None:
    """Each command line parses, names a protocol there is, and sets only what that protocol lets a caller choose."""
    name, given = parsed(line)
    if name == "evaluate":
        protocol = PROTOCOLS[str(given["protocol"])]
        assert bool(protocol.data) != bool(given["data"]), "fixed to its data, or in need of some"
        chosen = {key for key in ("ways", "shots", "tasks", "across") if given[key] is not None}
        assert chosen <= set(protocol.takes)
    if name == "calibrate":
        assert sum(given[kind] not in (None, False) for kind in TARGETS) <= 1
        assert (given["fpir"] is None) == (given["gallery_size"] is None)
    if name == "train":
        recipe = pytest.importorskip("firstsight.learn.recipe")
        recipe.load(given["recipe"], [c for c in given["changes"] or [] if "=" in c])  # type: ignore[union-attr]


def test_every_option_in_the_text_exists() -> None:
    """Whatever is written as an option is one of calibrate, compare, evaluate or enroll."""
    known = {"--help"}.union(*(options_of(command) for command in ("calibrate", "compare", "evaluate", "enroll")))
    written = {word for code in INLINE for word in re.findall(r"--[a-z-]+", code)}
    assert len(written) >= 10
    assert written <= known


def test_every_protocol_and_target_is_told() -> None:
    """Every protocol and every target is named in the page's tables, and no other protocol is."""
    first = re.findall(r"^\|[^|\n]*?\|? *`([a-z0-9-]+)` *\|", TEXT.split("## 2.")[0], re.M)
    assert set(first) == set(PROTOCOLS)
    told = TEXT.split("## 4.")[1].split("## 5.")[0]
    for target in TARGETS:
        assert f"| `{target}` |" in told, target
        assert f"`--{target}" in told, target


def test_every_picture_is_there_and_small() -> None:
    """Pictures exist, have words for those who do not see them, an opaque light ground and few bytes."""
    for words, name in PICTURES:
        file = PAGE.parent / name
        assert len(words) > 20, name
        assert file.stat().st_size < MOST_BYTES, name
        with Image.open(file) as image:
            corner = image.convert("RGBA").getpixel((0, 0))
            assert isinstance(corner, tuple)
            assert min(corner) > 240, name


def test_no_picture_is_left_over() -> None:
    """Every picture is shown by a page."""
    shown = {
        name
        for page in PAGE.parent.glob("*.md")
        for name in re.findall(r"\]\((pictures/[^)]+\.png)\)", page.read_text())
    }
    assert {str(file.relative_to(PAGE.parent)) for file in (PAGE.parent / "pictures").rglob("*.png")} == shown


def test_every_link_resolves() -> None:
    """Links lead to files that are there, and anchors to headings that are there."""
    anchors = {
        re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", TEXT, re.M)
    }
    links = re.findall(r"(?<!!)\[[^\]]+\]\(([^)]+)\)", TEXT)
    assert len(links) > 8
    for link in links:
        place, _, anchor = link.partition("#")
        assert not place or (PAGE.parent / place).exists(), link
        assert place or anchor in anchors, link


def test_the_table_of_targets_is_what_was_measured() -> None:
    """The page's table is made from the file of figures, to the letter."""
    shown = TEXT.split("<!-- targets -->\n")[1].split("<!-- /targets -->")[0].strip()
    assert shown == script("pictures").table()


def test_the_figures_in_the_text_are_those_measured() -> None:
    """What sentences quote of the pictures is in the file of figures."""
    found = json.loads((PAGE.parent / "pictures" / "figures.json").read_text())
    sizes, several, few = found["gallery sizes"], found["references"], found["few classes"]
    loose, strict = sizes["FMR 1%"], sizes["FPIR 5% among 20"]
    place = {size: i for i, size in enumerate(loose["sizes"])}

    def percents(*values: float) -> list[str]:
        return [f"{100 * v:.1f}" for v in values]

    one, three, five = (several[k] for k in "135")
    sentences = [
        "`within` gives {} % and `nway` {} %".format(*percents(*found["one-shot"].values())),
        "lets in {} % of different pairs".format(*percents(found["det"]["EER"][0])),
        "off by {} % on average".format(*percents(found["reliability"]["ece"])),
        "for FMR 1 % p is {:.0f} %".format(100 * found["reliability"]["probability"]),
        "it is {:.0f} to {:.0f} %".format(*(100 * v for v in found["reliability"]["band"])),
        "{} % of strangers for somebody among 5, {} % among 20 and {} % among 100".format(
            *percents(*(loose["measured"][place[n]] for n in (5, 20, 100)))
        ),
        "law {} %, per probe {} %, measured {} %".format(
            *percents(*(loose[kind][place[100]] for kind in ("law", "per probe", "measured")))
        ),
        "at the lower: {}, {} and {} %".format(
            *percents(*(strict[kind][place[100]] for kind in ("law", "per probe", "measured")))
        ),
        "falls from {} % with one reference to {} % with three and {} % with five".format(
            *percents(*(k["fnir@threshold"] for k in (one, three, five)))
        ),
        "FPIR stays at {}, {} and {} %".format(*percents(*(k["fpir@threshold"] for k in (one, three, five)))),
        "Without shifts FPIR would be {} and {} %".format(
            *percents(*(k["fpir without shifts"] for k in (three, five)))
        ),
        "give {} % in the middle and {} % or more".format(*percents(*few["6"]["plain"][1:])),
        "With six it still does in {:.0f} %".format(100 * few["6"]["over 1.5 %"]["strict"]),
    ]
    plain = " ".join(TEXT.split())
    assert [s for s in sentences if s not in plain] == []


def test_the_page_is_short() -> None:
    """A page that is read in one sitting."""
    assert len(TEXT.splitlines()) <= MOST_LINES
