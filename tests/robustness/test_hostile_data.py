"""Data as users bring it: too little, empty, mislabelled, copied across the split, in broken lists and archives."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drawn import STRANGERS, TINY, draw_classes
from firstsight.datasets import open_data
from firstsight.learn.events import Event

Refused = Callable[..., str]
Cli = Callable[..., Any]


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    """Training ends before its export, which takes the longest."""
    from firstsight.model import Model

    monkeypatch.setattr("firstsight.learn.run.save", lambda *_, **__: Model.load(tiny_model))


def quick(data: object, out: Path, *more: str) -> tuple[object, ...]:
    """A training command of two steps."""
    return ("train", "folder", data, *TINY, "training.steps=2", *more, "--out", out)


# --- folders


def test_a_class_with_one_image_is_announced(shapes: Path, tmp_path: Path, cli: Cli, untrained: None) -> None:
    """A class with one image takes part, and the user is told its count and name."""
    data = Path(shutil.copytree(shapes, tmp_path / "data"))
    lonely = open_data(f"folder:{data}:train").classes[0]
    for file in sorted((data / lonely).iterdir())[1:]:
        file.unlink()
    ran = cli(*quick(data, tmp_path / "out"))
    assert ran.code == 0
    assert f"1 class has one image ({lonely})" in ran.err


def test_classes_of_one_image_each_are_refused(tmp_path: Path, refused: Refused) -> None:
    """Where every class has one image nothing shows what stays the same, and that is said."""
    data = draw_classes(tmp_path / "data", STRANGERS, each=1)
    refused(2, quick(data, tmp_path / "out"), "has one image", "add images")


def test_one_class_is_refused(tmp_path: Path, refused: Refused) -> None:
    """One class cannot be told from anything: its folder is refused, whole or as a split."""
    data = draw_classes(tmp_path / "data", STRANGERS[:1])
    refused(2, quick(data, tmp_path / "out"), "1 class (", "add classes")
    refused(2, quick(data, tmp_path / "out", f"data.train=folder:{data}"))
    from firstsight import api
    from firstsight.errors import DataError

    with pytest.raises(DataError, match="has one class only"):
        api.train("folder", *TINY, f"data.train=folder:{data}", out=tmp_path / "out")


def test_empty_class_folders_are_announced(shapes: Path, tmp_path: Path, cli: Cli, untrained: None) -> None:
    """Sub-folders without images and files that are no images are left out, with their count."""
    data = Path(shutil.copytree(shapes, tmp_path / "data"))
    (data / "void").mkdir()
    (data / "circle" / "notes.txt").write_text("drawn on Monday")
    (data / "circle" / ".hidden.png").write_bytes(b"")
    ran = cli(*quick(data, tmp_path / "out"))
    assert ran.code == 0
    assert "left out 1 sub-folder without images (void)" in ran.err
    assert "1 file was passed over: 1 .txt" in ran.err


def test_folders_that_are_none_are_refused(tmp_path: Path, picture: Path, refused: Refused) -> None:
    """No folder, a file, no sub-folders and only empty sub-folders are refused by what they are."""
    (tmp_path / "empty" / "a").mkdir(parents=True)
    (tmp_path / "flat").mkdir()
    refused(2, quick(tmp_path / "nowhere", tmp_path / "out"), "nowhere does not exist")
    refused(2, quick(f"folder:{picture}", tmp_path / "out"), "is a file")
    refused(2, quick(tmp_path / "flat", tmp_path / "out"), "has no sub-folders")
    refused(2, quick(tmp_path / "empty", tmp_path / "out"), "no image in them")
    assert not (tmp_path / "out").exists()


def test_a_file_given_for_a_folder_is_not_said_to_be_missing(tmp_path: Path, picture: Path, refused: Refused) -> None:
    """A picture given as the data set is not said to "not exist": it does."""
    assert "does not exist" not in refused(2, quick(picture, tmp_path / "out"))


def test_copies_across_the_split_are_counted(shapes: Path, tmp_path: Path, cli: Cli, untrained: None) -> None:
    """Held-out images that are copies of training images are counted in a warning."""
    data = Path(shutil.copytree(shapes, tmp_path / "data"))
    train, held = (open_data(f"folder:{data}:{part}").classes for part in ("train", "validation"))
    for number in range(3):
        shutil.copy(data / train[0] / f"{number}.png", data / held[0] / f"copy{number}.png")
    ran = cli(*quick(data, tmp_path / "out"))
    assert ran.code == 0
    assert "warning: 3 held-out images are copies of training images" in ran.err
    from firstsight import api

    notes: list[str] = []

    def listen(event: Event) -> None:
        notes.append(event.message if event.kind == "note" else "")

    api.train("folder", *TINY, "training.steps=1", data=str(shapes), out=tmp_path / "clean", listen=listen)
    assert not [n for n in notes if "copies" in n]


def test_damaged_examples_are_counted_and_named(
    tiny_model: Path, strangers: Path, tmp_path: Path, refused: Refused
) -> None:
    """Images that cannot be read are all counted, the first named, and nothing is left out silently."""
    data = Path(shutil.copytree(strangers, tmp_path / "data"))
    for number in range(5):
        (data / "plus" / f"{number}.png").write_bytes(b"no picture")
    (data / "dots" / "link.png").symlink_to(tmp_path / "gone.png")
    refused(2, ("evaluate", tiny_model, "nway", data, "--ways", "3"), "6 of 37 examples", "and 3 more", "link.png")


def test_paths_with_colons_spaces_and_equals_work(tiny_model: Path, strangers: Path, tmp_path: Path, cli: Cli) -> None:
    """A folder's name may hold a colon, a space, an equals sign and letters of any language."""
    data = Path(shutil.copytree(strangers, tmp_path / "a:b c=ünï"))
    for address in (data, f"folder:{data}", f"folder:{data}:all"):
        assert cli("evaluate", tiny_model, "nway", address, "--ways", "3", "--tasks", "5").code == 0


def test_a_cache_that_is_damaged_is_made_again(
    tiny_model: Path, strangers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    """A cache that was cut or overwritten costs time, never the result."""
    monkeypatch.setenv("FIRSTSIGHT_CACHE", str(tmp_path / "cache"))
    command = ("evaluate", tiny_model, "nway", strangers, "--ways", "3", "--tasks", "20", "--json")
    first = cli(*command).json
    files = list((tmp_path / "cache" / "readings").glob("*.npy"))
    assert files
    for content in (b"", b"rubbish", files[0].read_bytes()[:300]):
        files[0].write_bytes(content)
        assert cli(*command).json == first


def test_a_cache_that_cannot_be_written_is_passed_over(
    tiny_model: Path, strangers: Path, picture: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    """A cache folder that lies below a file costs time, never the result."""
    command = ("evaluate", tiny_model, "nway", strangers, "--ways", "3", "--tasks", "20", "--json")
    expected = cli(*command).json
    monkeypatch.setenv("FIRSTSIGHT_CACHE", str(picture))
    assert cli(*command).json == expected


def test_a_relative_folder_is_found_from_everywhere(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    """A model remembers where its data lies, so that it can be calibrated from another folder."""
    from firstsight import api
    from firstsight.model import Model

    seen: list[Any] = []

    def keep(*_: Any, trained: Any, **__: Any) -> Model:
        seen.append(trained)
        return Model.load(tiny_model)

    monkeypatch.setattr("firstsight.learn.run.save", keep)
    monkeypatch.chdir(shapes.parent)
    api.train("folder", *TINY, "training.steps=1", data="./shapes", out=tmp_path / "out")
    assert seen[0].data == f"folder:{shapes}:train"
    assert seen[0].calibration_data == f"folder:{shapes}:validation"


def test_data_that_comes_twice_is_refused(shapes: Path, strangers: Path, tmp_path: Path, refused: Refused) -> None:
    """Data as an argument and as a setting contradict each other, and neither is dropped silently."""
    refused(2, quick(shapes, tmp_path / "out", f"data.train=folder:{strangers}"), shapes, strangers)
    refused(2, quick(shapes, tmp_path / "out", f"data.calibration=folder:{strangers}"), shapes, strangers)


# --- names and values


def test_unknown_names_are_refused_with_what_is_known(
    tiny_model: Path, shapes: Path, tmp_path: Path, refused: Refused
) -> None:
    """Unknown data, splits, recipes, protocols, sections, parts and keys say what exists; near ones are guessed."""
    out = tmp_path / "out"
    refused(2, ("evaluate", tiny_model, "nway", "omniglott"), "did you mean 'omniglot'?")
    refused(2, ("evaluate", tiny_model, "nway", "omniglot:trian"), "did you mean 'train'?")
    refused(2, ("evaluate", tiny_model, "nway", f"folder:{shapes}:test"), "no split 'test'", "all, train, validation")
    refused(2, ("evaluate", tiny_model, "n-way"), "did you mean 'nway'?")
    refused(2, ("train", "folders"), "did you mean 'folder'?")
    refused(2, ("train", tmp_path / "mine.toml"), "mine.toml does not exist")
    refused(2, quick(shapes, out, "trainning.steps=3"), "did you mean 'training'?")
    refused(2, quick(shapes, out, "training.stesp=3"), "did you mean 'steps'?")
    refused(
        2, quick(shapes, out, "encoder.name=resnet"), "no encoder 'resnet'", "conv4, ", "koch, ", "residual, tanh_twin"
    )
    refused(2, quick(shapes, out, "steps=3"), "section.key=value was expected")
    refused(2, quick(shapes, out, "training.start=nobody"), "no shipped model 'nobody'")
    refused(2, ("train", "folder", *TINY), "learns from your data", "firstsight train folder ./photos")
    refused(2, ("train", "folder", "one", "two"), "one data set was expected")
    refused(2, ("evaluate", tiny_model, "nway"), "needs a data set")
    assert not out.exists()


@pytest.mark.parametrize(
    "change",
    [
        "training.steps=many",
        "training.steps=2.5",
        "training.steps=true",
        "training.steps=0",
        "training.steps=-3",
        "training.turns=3",
        "training.turns=[1]",
        "training.turns=true",
        "training.turns=1.0",
        "training.seed=-1",
        "training.average=1.5",
        "training.average=-0.1",
        "training.validate_every=0",
        "training.checkpoint_every=0",
        "training.threads=-1",
        "optimiser.lr=fast",
        "optimiser.lr=nan",
        "optimiser.lr=-1",
        "optimiser.lr=0",
        "optimiser.warmup=-1",
        "optimiser.clip=0",
        "optimiser.weight_decay=-1",
        "encoder.name=[1]",
        "encoder.width=0",
        "encoder.dim=-1",
        "encoder.dim=0",
        "encoder.depth=0",
        "encoder.dropout=2",
        "encoder.head=feet",
        "input.size=7",
        "input.size=40",
        "input.channels=2",
        "input.fit=tight",
        "sampling.classes=0",
        "sampling.each=0",
        "loss.temperature=0",
        "augment.knots=0",
        "augment.degrees=inf",
        "augment.erase=7",
        "augment.erase=-1",
        "comparison.name=sampled_pairs",
        "similarity.name=euclidean",
    ],
)
def test_values_that_cannot_be_are_refused(
    change: str, shapes: Path, tmp_path: Path, refused: Refused, untrained: None
) -> None:
    """A value of the wrong type or out of range is refused before the first step, with exit code 2."""
    arguments = [c for c in quick(shapes, tmp_path / "out") if str(c).split("=")[0] != change.split("=")[0]]
    refused(2, (*arguments, change))


def test_recipes_that_are_none_are_refused(tmp_path: Path, refused: Refused) -> None:
    """A recipe file that is not TOML, not text, or lacks sections is refused in a sentence."""
    file = tmp_path / "mine.toml"
    for content, word in [
        (b"[training\n", "not a TOML recipe"),
        (b"\xff\xfe", "not a TOML recipe"),
        (b"steps = 1\n", "stands outside a section"),
        (b"[training]\nsteps = 1\n", "names no input"),
        (b"[traning]\nsteps = 1\n", "did you mean 'training'?"),
        (b"", "names no input"),
    ]:
        file.write_bytes(content)
        refused(2, ("train", file), word)


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", "nway", "--ways", "1"),
        ("evaluate", "nway", "--ways", "7"),
        ("evaluate", "nway", "--shots", "0"),
        ("evaluate", "nway", "--shots", "6"),
        ("evaluate", "nway", "--tasks", "0"),
        ("evaluate", "nway", "--across", "oceans"),
        ("evaluate", "nway", "--seed", "-1"),
        ("evaluate", "nway", "--seed", "x"),
        ("evaluate", "verification", "--seed", "-1"),
        ("evaluate", "within"),
        ("evaluate", "icons-20way"),
        ("calibrate", "--fmr", "0"),
        ("calibrate", "--fmr", "1"),
        ("calibrate", "--fmr", "nan"),
        ("calibrate", "--seed", "-1"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    arguments: tuple[str, ...], model_copy: Path, strangers: Path, refused: Refused
) -> None:
    """Ways, shots, tasks, seeds and rates that make no sense (or no sense on this data) are refused, exit code 2."""
    if arguments[0] == "evaluate":
        refused(2, ("evaluate", model_copy, arguments[1], strangers, *arguments[2:]))
    else:
        before = (model_copy / "calibration.json").read_bytes()
        refused(2, ("calibrate", model_copy, strangers, *arguments[1:]))
        assert (model_copy / "calibration.json").read_bytes() == before


# --- what would flatter


def test_trained_classes_are_refused(model_copy: Path, shapes: Path, refused: Refused) -> None:
    """Neither evaluating nor calibrating is possible on classes that the model learned."""
    for address in (shapes, f"folder:{shapes}", f"folder:{shapes}:train", f"{shapes}/"):
        refused(2, ("evaluate", model_copy, "nway", address), "what the model was trained on", "other classes")
        refused(2, ("evaluate", model_copy, "verification", address), "what the model was trained on")
        refused(2, ("calibrate", model_copy, address), "what the model was trained on", "or the threshold lies")


def test_the_calibrations_classes_are_refused_for_verification(
    model_copy: Path, shapes: Path, refused: Refused
) -> None:
    """A threshold is never tested on the classes that chose it; other protocols say so in a note."""
    held = f"folder:{shapes}:validation"
    refused(2, ("evaluate", model_copy, "verification", held), "what the threshold was chosen on", "other classes")
    from firstsight import api

    report = api.evaluate(model_copy, "nway", held, ways=2, tasks=5)
    assert any("chose the threshold" in note for note in report.notes)


def test_the_pairs_that_chose_the_threshold_do_not_test_it_unsaid(
    model_copy: Path, strangers: Path, tmp_path: Path, cli: Cli
) -> None:
    """Verification on the very pairs that the threshold was chosen on is refused, or says so in a note."""
    pairs = write_pairs(strangers, tmp_path / "pairs.csv")
    assert cli("calibrate", model_copy, pairs, "--fmr", "0.1").code == 0
    ran = cli("evaluate", model_copy, "verification", pairs, "--json")
    assert ran.code == 2 or "threshold" in " ".join(ran.json["notes"])


def test_few_classes_can_be_verified(tiny_model: Path, tmp_path: Path, cli: Cli) -> None:
    """Verification with a calibrated model works on two classes, where a resample may lack one kind of pair."""
    data = draw_classes(tmp_path / "data", STRANGERS[:2])
    metrics = cli("evaluate", tiny_model, "verification", data, "--json").json["metrics"]
    assert 0 <= metrics["fmr@threshold"]["value"] <= 1
    assert 0 <= metrics["auc"]["value"] <= 1


# --- manifests


def write_labels(root: Path, file: Path, *, split: bool = False) -> Path:
    """A manifest of a folder of class folders."""
    lines = ["path,label,split" if split else "path,label"]
    for image in sorted(root.glob("*/*.png")):
        row = [os.path.relpath(image, file.parent), f"listed {image.parent.name}"]
        lines.append(",".join(row + (["mine" if image.parent.name < "e" else "yours"] if split else [])))
    file.write_text("\n".join(lines) + "\n")
    return file


def write_pairs(root: Path, file: Path) -> Path:
    """A manifest of pairs of a folder of class folders: all within a class, and as many across."""
    images = sorted(root.glob("*/*.png"))
    lines = ["left,right,same"]
    for i, left in enumerate(images):
        for j, right in enumerate(images[:i]):
            same = left.parent == right.parent
            if same or (i * 7 + j) % 5 == 0:
                truth = ("1", "true", "YES") if same else ("0", "false", "No")
                lines.append(f"{left},{right},{truth[i % 3]}")
    file.write_text("\n".join(lines) + "\n")
    return file


def test_a_manifest_of_labels_works(tiny_model: Path, strangers: Path, tmp_path: Path, cli: Cli) -> None:
    """A CSV and a JSONL of paths and labels give the result that their folder gives."""
    table = write_labels(strangers, tmp_path / "list.csv")
    rows = [line.split(",") for line in table.read_text().splitlines()[1:]]
    lines = tmp_path / "list.jsonl"
    lines.write_text("".join(json.dumps({"path": p, "label": label, "colour": "red"}) + "\n" for p, label in rows))
    results = [
        cli("evaluate", tiny_model, "nway", address, "--ways", "4", "--tasks", "30", "--json").json
        for address in (strangers, table, f"manifest:{table}", lines)
    ]
    assert [r["metrics"]["accuracy"]["value"] for r in results] == [results[0]["metrics"]["accuracy"]["value"]] * 4
    assert "columns colour are used by enrolling only, as metadata" in results[3]["notes"]


def test_a_manifest_with_its_own_splits_works(
    tiny_model: Path, strangers: Path, tmp_path: Path, cli: Cli, refused: Refused
) -> None:
    """A split column names splits of its own, which an address may end with; others are refused with what is there."""
    table = write_labels(strangers, tmp_path / "list.csv", split=True)
    both = [cli("evaluate", tiny_model, "verification", f"{table}:{part}", "--json").json for part in ("mine", "yours")]
    assert [r["data"] for r in both] == [f"manifest:{table}:mine", f"manifest:{table}:yours"]
    assert (
        both[0]["trials"] + both[1]["trials"]
        < cli("evaluate", tiny_model, "verification", table, "--json").json["trials"]
    )
    refused(2, ("evaluate", tiny_model, "nway", f"{table}:other"), "no rows of split 'other'", "mine, yours")


def test_training_on_one_split_of_a_manifest(strangers: Path, tmp_path: Path, cli: Cli, untrained: None) -> None:
    """A manifest's own split can be learned from by its address."""
    table = write_labels(strangers, tmp_path / "list.csv", split=True)
    assert cli(*quick(f"manifest:{table}:yours", tmp_path / "out")).code == 0


def test_a_manifest_of_pairs_works_end_to_end(
    model_copy: Path, strangers: Path, tmp_path: Path, cli: Cli, refused: Refused
) -> None:
    """Pairs calibrate a model and verify it; what needs labels refuses them in a sentence."""
    for number, one in enumerate(sorted(strangers.iterdir())):
        shutil.copytree(one, tmp_path / ("first", "second")[number % 2] / one.name)
    chosen = write_pairs(tmp_path / "first", tmp_path / "chosen.csv")
    asked = write_pairs(tmp_path / "second", tmp_path / "asked.csv")
    calibrated = cli("calibrate", model_copy, chosen, "--fmr", "0.2", "--json").json
    count = len(chosen.read_text().splitlines()) - 1
    assert calibrated["genuine_pairs"] + calibrated["impostor_pairs"] == count
    report = cli("evaluate", model_copy, "verification", asked, "--json").json
    assert report["trials"] == len(asked.read_text().splitlines()) - 1
    assert "accuracy@threshold" in report["metrics"]
    refused(2, ("evaluate", model_copy, "nway", asked), "pairs")
    refused(2, quick(asked, tmp_path / "out"), "pairs")
    assert cli("gallery", "create", tmp_path / "g.db", "--model", model_copy).code == 0
    refused(2, ("enroll", tmp_path / "g.db", "--data", asked), "pairs")
    assert cli("enroll", tmp_path / "g.db", "alice", strangers / "dots" / "0.png").code == 0
    refused(2, ("identify", tmp_path / "g.db", "--data", asked), "pairs")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "lists nothing"),
        ("path,label\n", "lists nothing"),
        ("file,class\na,b\n", "has the columns class, file"),
        ("file;class\n{picture};a\n", "has the columns class, file"),
        ("path,label\nnone.png,a\n", "names 1 file that does not exist (line 2: none.png)"),
        ("path,label\n{picture},\n", "line 2 has no label"),
        ("path,label\n{picture}\n", "line 2 has no label"),
        ("path,label\n{picture},a,b,c\n", "line 2"),
        ("path,label\na\0b.png,a\n", ""),
        ("path,label\n" + "a" * 200_000 + ",b\n", ""),
        ('path,label\n"{picture},a\n', "line 2"),
        ("left,right,same\n{picture},{picture},maybe\n", "line 2: same is 'maybe'"),
        ("left,right,same\n{picture},{picture}\n", "line 2"),
        ("left,right,same\n{picture},none.png,1\n", "line 2: none.png"),
        ("left,right,same\n,{picture},1\n", "line 2"),
        ("left,right,same\n{picture},{picture},1\n", "is of one picture with itself"),
    ],
)
def test_broken_manifests_are_refused(
    text: str, word: str, tiny_model: Path, strangers: Path, tmp_path: Path, refused: Refused
) -> None:
    """A CSV with wrong columns, missing files, odd rows or a bad "same" is refused with the number of its line."""
    file = tmp_path / "list.csv"
    file.write_text(text.replace("{picture}", str(strangers / "dots" / "0.png")))
    refused(2, ("evaluate", tiny_model, "verification", file), word)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("nonsense\n", "line 1 is not JSON"),
        ('{"path": "{picture}", "label": "a"}\n[1]\n', "line 2 is list, an object was expected"),
        ('{"path": "{picture}", "label": "a"}\n{"label": "a"}\n', "line 2"),
        ('{"path": null, "label": "a"}\n', "line 1"),
        ('{"left": "{picture}", "right": "{picture}", "same": true}\n{"left": "{picture}"}\n', "line 2"),
        ('{"left": "{picture}", "right": "{picture}", "same": true}\n{"path": "{picture}", "label": "a"}\n', "line 2"),
        ("[" * 100_000 + "\n", "line 1"),
    ],
)
def test_broken_json_lines_are_refused(
    text: str, word: str, tiny_model: Path, picture: Path, tmp_path: Path, refused: Refused
) -> None:
    """A JSONL manifest whose lines are no objects, or objects of another kind, is refused with the line's number."""
    file = tmp_path / "list.jsonl"
    file.write_text(text.replace("{picture}", str(picture)))
    refused(2, ("evaluate", tiny_model, "verification", file), word)


def test_a_manifest_that_is_no_text_is_refused(tiny_model: Path, tmp_path: Path, refused: Refused) -> None:
    """A manifest that is missing, binary or a folder is refused in a sentence."""
    (tmp_path / "latin.csv").write_bytes(b"path,label\n\xe9.png,a\n")
    (tmp_path / "folder.csv").mkdir()
    refused(2, ("evaluate", tiny_model, "nway", tmp_path / "latin.csv"), "can't be read as UTF-8 text")
    refused(2, ("evaluate", tiny_model, "nway", tmp_path / "folder.csv"))
    refused(2, ("evaluate", tiny_model, "nway", tmp_path / "gone.csv"), "gone.csv does not exist")


# --- archives


def test_a_missing_archive_says_where_it_was_looked_for(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused, cli: Cli
) -> None:
    """Without Omniglot every verb names the folders that were searched and how to get it; the list goes on working."""
    places = (tmp_path / "one", tmp_path / "two")
    monkeypatch.setenv("FIRSTSIGHT_DATA", os.pathsep.join(map(str, places)))
    words = ("images_background.zip was not found", *places, "download it from https://", "FIRSTSIGHT_DATA")
    refused(2, ("train", "glyphs", "--out", tmp_path / "out"), *words)
    refused(2, ("evaluate", tiny_model, "nway", "omniglot"), *words)
    refused(2, ("evaluate", tiny_model, "omniglot-lake-20way"), "all_runs.zip was not found", *places)
    infos = {info["name"]: info for info in cli("data", "--json").json}
    assert not infos["omniglot"]["found"]
    assert str(places[0]) in infos["omniglot"]["place"]


def test_a_broken_archive_is_one_sentence(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    """An archive that is no zip, is of something else, or has a damaged member is refused, with how to mend it."""
    monkeypatch.setenv("FIRSTSIGHT_DATA", str(tmp_path))
    (tmp_path / "images_background.zip").write_bytes(b"PK not a zip")
    refused(2, ("evaluate", tiny_model, "nway", "omniglot"), "is not a readable zip archive", "fetch it again")
    with zipfile.ZipFile(tmp_path / "images_evaluation.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    refused(2, ("evaluate", tiny_model, "nway", "omniglot:evaluation"), "holds none of Omniglot's images")
    with zipfile.ZipFile(tmp_path / "all_runs.zip", "w") as archive:
        archive.writestr("run01/training/class01.png", "x")
        archive.writestr("run01/test/item01.png", "x")
    refused(2, ("evaluate", tiny_model, "omniglot-lake-20way"), "all_runs.zip")


def test_a_damaged_member_is_named(
    tiny_model: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    """A member of an archive that fails its check sum is named."""
    monkeypatch.setenv("FIRSTSIGHT_DATA", str(tmp_path))
    file = tmp_path / "images_background.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for number in range(6):
            archive.writestr(f"images_background/Greek/character01/0001_{number:02}.png", picture.read_bytes())
    data = bytearray(file.read_bytes())
    data[120:140] = bytes(20)
    file.write_bytes(data)
    refused(2, ("evaluate", tiny_model, "verification", "omniglot"), "0001_00.png", "can't be read")
