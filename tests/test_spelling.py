"""Names of classes and of files, however a machine codes them."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

import firstsight
from drawn import STRANGERS, TINY, Cli, Refused, draw_classes
from firstsight import api
from firstsight.datasets import open_data
from firstsight.datasets.dataset import DataSet
from firstsight.errors import DataError
from firstsight.model import Model
from firstsight.spelling import shown, spelled, unshown
from firstsight.types import Example

E, MAC = "Jos\u00e9", unicodedata.normalize("NFD", "Jos\u00e9")


def undecodable(root: Path) -> Path:
    """A folder of class folders, each of whose names has a byte that is not UTF-8."""
    drawn = draw_classes(root / "plain", STRANGERS)
    made = root / os.fsdecode(b"caf\xe9")
    for folder in sorted(drawn.iterdir()):
        there = made / (os.fsdecode(b"cl\xe9 ") + folder.name)
        there.mkdir(parents=True)
        for file in folder.iterdir():
            shutil.copy(file, there / (os.fsdecode(b"\xff") + file.name))
    return made


def test_a_name_has_one_spelling() -> None:
    """Composed and decomposed accents, with blanks around or not, are one name; what is not UTF-8 is spelled out."""
    assert spelled(f" {MAC} ") == spelled(E) == E
    assert spelled(" plain\t") == "plain"
    strange = os.fsdecode(b"caf\xe9.png")
    assert shown(strange) == "caf\\udce9.png"
    assert unshown(shown(strange)) == strange
    assert shown(E) == E


def test_names_of_examples_are_spelled_as_identities_are() -> None:
    """Label, group and origin of every data set have one spelling, and nothing of an example or a data set is more
    than can be written."""
    strange = os.fsdecode(b"\xff")
    made = Example(f" {MAC}", lambda: b"", strange, group=f"{MAC} ", origin=f"\t{MAC}", source=strange)
    assert (made.label, made.group, made.origin) == (E, E, E)
    assert (made.key, made.source) == ("\\udcff", "\\udcff")
    assert dataclasses.replace(made, label=f"{MAC}2").label == f"{E}2"
    data = DataSet(f"folder:{strange}", (made, Example(E, lambda: b"", "2")))
    assert data.classes == (E,)
    assert data.name == "folder:\\udcff"
    assert data.fingerprint


def test_two_folders_of_one_name_are_one_class(shapes: Path, tmp_path: Path) -> None:
    """A folder as a Mac writes it, one as others do and one a blank behind it are one class, and a note says so."""
    for name, source in ((MAC, "circle"), (E, "cross"), (f"{E} ", "ring"), ("other", "square")):
        shutil.copytree(shapes / source, tmp_path / "people" / name)
    data = open_data(f"folder:{tmp_path}/people")
    assert data.classes == (E, "other")
    assert len(data) == 24
    assert [n for n in data.notes if n.startswith(f"3 sub-folders are one class, {E}")]


def test_a_folder_without_a_name_is_no_class(shapes: Path, tmp_path: Path) -> None:
    """A sub-folder whose name is blank is refused."""
    for name in ("\u3000", "ring"):
        shutil.copytree(shapes / "ring", tmp_path / name)
    with pytest.raises(DataError, match="the name of a class was expected"):
        open_data(f"folder:{tmp_path}")


def test_a_mac_folder_and_a_list_by_others_name_one_class(
    tiny_model: Path, strangers: Path, tmp_path: Path, cli: Cli
) -> None:
    """Who is enrolled from a folder of a Mac is recognised from a CSV in the other form, whose paths lead to the
    folder's files; and its classes are those of the folder."""
    for name in STRANGERS:
        shutil.copytree(strangers / name, tmp_path / f"{MAC} {name}")
    lines = [f"{E} {name}/{n}.png,{E} {name}" for name in STRANGERS for n in range(6)]
    (tmp_path / "list.csv").write_text("path,label\n" + "\n".join(lines), encoding="utf-8")
    folder, listed = open_data(f"folder:{tmp_path}"), open_data(f"manifest:{tmp_path}/list.csv")
    assert folder.classes == listed.classes == tuple(f"{E} {name}" for name in STRANGERS)
    assert folder.class_names == listed.class_names
    gallery = tmp_path / "g.db"
    api.create(gallery, model=tiny_model).close()
    api.enroll(gallery, data=f"folder:{tmp_path}", override="all")
    assert api.identify_data(gallery, f"manifest:{tmp_path}/list.csv").strangers == 0


def test_a_model_knows_its_classes_in_the_spelling_of_today(model_copy: Path) -> None:
    """Classes that 0.1.0 recorded as a Mac wrote them are refused in an evaluation all the same."""
    spec = json.loads((model_copy / "model.json").read_text())
    spec["trained"]["classes"] = [f"own:{MAC}", "own: ring "]
    (model_copy / "model.json").write_text(json.dumps(spec))
    assert Model.load(model_copy).trained_classes == {f"own:{E}", "own:ring"}


def test_files_whose_names_are_not_utf_8(tmp_path: Path, cli: Cli, refused: Refused) -> None:
    """Such a folder is learned from, calibrated and measured on, reported, enrolled, listed, identified and rebuilt
    from, and a model made of it finds it again."""
    root = undecodable(tmp_path)
    model, gallery = tmp_path / os.fsdecode(b"mod\xe9l"), tmp_path / os.fsdecode(b"g\xe9.db")
    steps = ("training.steps=6", "training.validate_every=6")
    assert cli("train", "folder", *TINY, *steps, "--data", f"folder:{root}", "--out", model).code == 0
    assert cli("calibrate", model, "--fmr", "0.3").code == 0  # on what it holds out, by the path it recorded
    test = draw_classes(tmp_path / "test", ("circle", "ring", "cross"))
    for folder in test.iterdir():
        folder.rename(test / (os.fsdecode(b"\xe9 ") + folder.name))
    page = tmp_path / os.fsdecode(b"p\xe9.html")
    assert cli("evaluate", model, "verification", f"folder:{test}", "--report", page).code == 0
    assert b"\\udce9 circle" in page.read_bytes()
    assert cli("gallery", "create", gallery, "--model", model).code == 0
    enrolled = cli("enroll", gallery, "--data", f"folder:{test}", "--override", "all", "--json").json
    assert [receipt["identity"] for receipt in enrolled] == [f"\\udce9 {name}" for name in ("circle", "cross", "ring")]
    one = next(iter(sorted(test.glob("*/*.png"))))
    assert cli("enroll", gallery, "alice", one, "--override", "all", "--json").code == 0
    assert shown(str(one)) in [r["source"] for r in cli("list", gallery, "--json").json]
    tally = cli("identify", gallery, "--data", f"folder:{test}", "--json").json
    assert tally["probes"] + tally["left_out"] == 18
    assert cli("check", gallery, one, "--json").code in (0, 1)
    assert cli("gallery", "rebuild", gallery, "--model", model).code == 0
    for verb in (("verify",), ("remove",), ("rename",), ("gallery", "export-subject")):
        more = {"verify": (one,), "rename": ("x",), "export-subject": ("--out", tmp_path / "copy")}.get(verb[-1], ())
        refused(2, (*verb, gallery, os.fsdecode(b"al\xe9"), *more), "is not enrolled")


def test_a_list_may_name_files_that_are_not_utf_8(shapes: Path, tmp_path: Path) -> None:
    """As ``ls`` writes it, byte by byte, or as JSON spells it; only a label must be text."""
    name = b"caf\xe9.png"
    shutil.copy(shapes / "ring" / "0.png", tmp_path / os.fsdecode(name))
    (tmp_path / "list.csv").write_bytes(b"path,label\n" + name + b",ring\n")
    (tmp_path / "list.jsonl").write_text(json.dumps({"path": os.fsdecode(name), "label": "ring"}))
    for file in ("list.csv", "list.jsonl"):
        [example] = open_data(tmp_path / file).examples
        assert example.load() == tmp_path / os.fsdecode(name)
        assert example.source == f"{tmp_path}/caf\\udce9.png"
    (tmp_path / "list.csv").write_bytes(b"path,label\n" + name + b",r\xefng\n")
    with pytest.raises(DataError, match=r"line 2 has 'r.udcefng' \(in Windows-1252.* it would be 'r\u00efng'\)"):
        firstsight.open_data(tmp_path / "list.csv")


def test_json_is_json_on_every_terminal(tiny_model: Path, shapes: Path, tmp_path: Path) -> None:
    """Where a terminal can't show a letter, ``--json`` spells it as JSON does."""
    api.create(tmp_path / "g.db", model=tiny_model).close()
    api.enroll(tmp_path / "g.db", E, [shapes / "ring" / "0.png"])
    ran = subprocess.run(
        [sys.executable, "-m", "firstsight", "identities", str(tmp_path / "g.db"), "--json"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        check=True,
    )
    assert json.loads(ran.stdout)[0]["identity"] == E
