"""Files that are no images: every verb that passes over them says how many there were and what they are called."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from drawn import TINY, Cli
from firstsight import api
from firstsight.datasets import open_data
from firstsight.gallery import Gallery
from firstsight.inputs import formats, listing


@pytest.fixture
def without_heic(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads HEIC is not installed."""
    for module in (formats, listing):
        monkeypatch.setattr(module, "has_heic", lambda: False)


@pytest.fixture
def odd_folder(strangers: Path, tmp_path: Path, without_heic: None) -> Path:
    """The strangers, with other files among those of the first class and one beside the classes."""
    place = Path(shutil.copytree(strangers, tmp_path / "odd"))
    some = sorted(p for p in place.iterdir() if p.is_dir())[0]
    for name in ("b.heic", "c.jxl", "notes.txt"):
        (some / name).write_bytes(b"x")
    (some / ".hidden").write_bytes(b"x")
    os.mkfifo(some / "pipe.png")
    (place / "list.csv").write_text("a,b")
    return place


def test_a_folder_tells_what_it_passes_over(odd_folder: Path) -> None:
    """Kinds that are nearly read come first, with what mends it; then the others; hidden files are not told."""
    inside, beside = open_data(f"folder:{odd_folder}").notes
    assert inside.startswith("3 files were passed over: 1 HEIC (b.heic; pip install 'firstsight[heic]'), 1 JPEG XL")
    assert "1 .txt (notes.txt)" in inside
    assert "pipe.png" not in inside  # a pipe is no file
    assert ".hidden" not in inside
    assert beside == "1 file was passed over: 1 .csv (list.csv); they lie beside the sub-folders, not in one"
    assert "b.heic" in open_data(f"images:{odd_folder}").notes[0]


def test_every_verb_says_so(odd_folder: Path, tiny_model: Path, model_copy: Path, tmp_path: Path, cli: Cli) -> None:
    """Train, evaluate, calibrate, quantise, enroll and identify on data, check and identify on a folder."""
    data, place = f"folder:{odd_folder}", tmp_path / "g.db"
    some = sorted(p for p in odd_folder.iterdir() if p.is_dir())[0]
    Gallery.create(place, tiny_model).close()
    (model_copy / "calibration.json").unlink()
    verbs: list[tuple[object, ...]] = [
        ("evaluate", tiny_model, "verification", data),
        ("calibrate", model_copy, data, "--fmr", 0.1),
        ("quantise", model_copy, "--data", data, "--out", tmp_path / "int8"),
        ("enroll", place, "--data", data, "--override", "all"),
        ("identify", place, "--data", data),
        ("check", place, some),
        ("identify", place, some),
    ]
    for verb in verbs:
        ran = cli(*verb)
        assert ran.code in (0, 1), (verb, ran.err)
        told = ran.out + ran.err
        assert "files were passed over: 1 HEIC (b.heic; pip install 'firstsight[heic]')" in told, verb
        assert "notes.txt" in told, verb
        assert told.count("b.heic") == 1, verb
    json = cli("identify", place, some, "--json")
    assert isinstance(json.json, list)
    assert "b.heic" in json.err
    heard: list[str] = []
    api.train(
        "folder", *TINY, data=str(odd_folder), out=tmp_path / "m", listen=lambda event: heard.append(event.message)
    )
    assert sum("b.heic" in message for message in heard) == 1


def test_a_folder_of_nothing_else_says_what_is_there(
    tmp_path: Path, without_heic: None, cli: Cli, tiny_model: Path
) -> None:
    """A folder that has only what can't be read is refused, and the files are named."""
    (tmp_path / "set" / "one").mkdir(parents=True)
    for name in ("a.heic", "b.HEIC", "c.heic", "d.heic"):
        (tmp_path / "set" / "one" / name).write_bytes(b"x")
    told = "4 files were passed over: 4 HEIC (a.heic, b.HEIC, c.heic, ...; pip install 'firstsight[heic]')"
    for address in ("folder", "images"):
        assert (
            told in cli("evaluate", tiny_model, "verification", f"{address}:{tmp_path}/set").err or address == "images"
        )
    Gallery.create(tmp_path / "g.db", tiny_model).close()
    ran = cli("check", tmp_path / "g.db", tmp_path / "set" / "one")
    assert ran.code == 2
    assert "is a folder without images" in ran.err
    assert told in ran.err


def test_names_that_are_no_utf8_are_taken(strangers: Path, tiny_model: Path, tmp_path: Path, cli: Cli) -> None:
    """Files named in Latin-1, and classes too, are listed, read, enrolled, identified and evaluated."""
    for folder in sorted(p for p in strangers.iterdir() if p.is_dir()):
        target = tmp_path / "set" / folder.name
        target.mkdir(parents=True)
        for file in sorted(folder.iterdir()):
            shutil.copyfile(file, target / os.fsdecode(b"\xe4" + os.fsencode(file.name)))
        (target / os.fsdecode(b"not\xfc.txt")).write_bytes(b"x")
    some = next((tmp_path / "set").iterdir())
    gallery, data = tmp_path / "g.db", f"folder:{tmp_path}/set"
    Gallery.create(gallery, tiny_model).close()
    for verb in (
        ("evaluate", tiny_model, "verification", data),
        ("evaluate", tiny_model, "verification", data, "--json"),
        ("enroll", gallery, "--data", data, "--override", "all"),
        ("identify", gallery, "--data", data),
        ("identify", gallery, some),
        ("identify", gallery, some, "--json"),
    ):
        ran = cli(*verb)
        assert ran.code in (0, 1), (verb, ran.err)
