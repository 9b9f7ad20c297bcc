"""What the README shows is what happens."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from firstsight.cli import main
from scripts import script

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SMALL = "input.size=32 encoder.width=8 encoder.dim=16 training.steps=30 training.validate_every=30 sampling.classes=4"


def photos(folder: Path, first: int, count: int) -> None:
    """A folder a class: each class a line of its own slope."""
    for c in range(first, first + count):
        (folder / f"person{c}").mkdir(parents=True)
        for i in range(5):
            image = Image.new("RGB", (48, 48), "white")
            ImageDraw.Draw(image).line([(4 + c, 4 + i), (44 - i, 40 - 3 * c)], fill=(10 * c, 0, 90), width=3 + c % 4)
            image.save(folder / f"person{c}" / f"{i}.png")


def test_the_loop_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of the README's loop runs, in its order (training shortened), and exits as documented."""
    monkeypatch.chdir(tmp_path)
    photos(tmp_path / "photos", 0, 8)
    photos(tmp_path / "more-photos", 8, 4)
    shutil.copy(tmp_path / "more-photos/person8/0.png", tmp_path / "alice.jpg")
    shutil.copy(tmp_path / "more-photos/person8/1.png", tmp_path / "door.jpg")
    block = re.search(r"```console\n(.*?)```", README, re.S)
    assert block is not None
    commands = [line[2:] for line in block[1].splitlines() if line.startswith("$ ")]
    assert len(commands) == 7
    for command in commands:
        words = shlex.split(command)
        assert words[0] == "firstsight"
        if words[1] == "train":
            words += SMALL.split()
        code = main(words[1:])
        assert code in ((0, 1) if words[1] in ("verify", "identify") else (0,)), command
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_the_loop_in_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The README's Python runs as it stands and recognises the digits it says it does."""
    monkeypatch.chdir(tmp_path)
    block = re.search(r"```python\n(.*?)```", README, re.S)
    assert block is not None
    exec(compile(block[1], "README.md", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("same: ")
    assert float(said[1]) > 0.5
    assert said[2] == "six"


def test_the_figures_come_from_the_results() -> None:
    """The README's table is what the results files say, to the letter."""
    table = script("table").table()
    shown = README.split("<!-- results -->\n")[1].split("<!-- /results -->")[0].strip()
    assert shown == table
    assert shown.count("\n") >= 8


def test_the_file_tree_names_every_room() -> None:
    """Each folder and module at the top of the package is in the README's tree."""
    tree = README.split("## The house")[1]
    for place in (ROOT / "src" / "firstsight").iterdir():
        if place.name in ("__pycache__", "__init__.py", "__main__.py", "py.typed", "models"):
            continue
        assert re.search(rf"\b{re.escape(place.name)}{'/' if place.is_dir() else ''}", tree), place.name


def test_make_help_explains_every_target() -> None:
    """Each target of the Makefile that a person may call has a line in make help."""
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.M)
    assert phony is not None
    explained = re.findall(r"^([a-z-]+):.*## ", makefile, re.M)
    assert sorted(phony[1].split()) == sorted(explained)
    assert sys.version_info >= (3, 11)
