"""The files of release 0.1.0 (``tests/fixtures/0.1.0``): what was made then is read now, and means the same.

They were written once, by the code of that release (``tests/fixtures/make.py``), and are never written again. What is
public (names, the command line, REST, files) may gain, and may not lose or change. So answers are compared field by
field and may have more of them; sentences for people, times and figures of the machine only by their type.

What is exact and what is near. *Readings* (the arrays that pictures become) are whole numbers, hence the same bytes
everywhere. *Embeddings* are sums whose order the processor decides: of each of the thousand signs eight projections are
held, near to 2e-5; the hash of all of them stands in the file too, for whoever compares on one machine. *Losses* would
drift apart within fifty steps, so they are made by arithmetic that is alike on every processor (``released.PLAIN``).
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

import firstsight
from drawn import Cli
from firstsight.cli.commands import app
from firstsight.inputs import GlyphInput, ImageInput
from pretrained import network, written
from released import (
    BUILT,
    COMMANDS,
    EACH,
    FOLDERS,
    GALLERIES,
    RECIPES,
    RELEASED,
    SIGNS,
    STEPS,
    all_losses,
    answered,
    compared,
    content_of,
    drawn,
    held,
    kept,
    projected,
    promised,
    scrubbed,
    short,
    source,
    world,
)

MODELS = ("dot", "euclidean", "half", "int8", "manhattan", "pair")


def read(name: str) -> Any:
    """A JSON file of the release."""
    return json.loads((RELEASED / name).read_text(encoding="utf-8"))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the release's files, to be opened and altered; the working folder."""
    place = Path(shutil.copytree(RELEASED, tmp_path / "files"))
    monkeypatch.chdir(place)
    return place


def test_the_files_are_few_and_small() -> None:
    """All files of the release together have less than 1 MB."""
    assert sum(file.stat().st_size for file in RELEASED.rglob("*") if file.is_file()) < 1_000_000


def test_the_release_is_made_once() -> None:
    """The script that made the files refuses to write over them."""
    script = [sys.executable, RELEASED.parent / "make.py"]
    ran = subprocess.run(script, capture_output=True, text=True, check=False)
    assert (ran.returncode, "made once" in ran.stderr) == (1, True)


def test_pictures_are_drawn_as_they_were(files: Path) -> None:
    """The drawings of the tests are those that the files were made from."""
    for folder, names in FOLDERS.items():
        for name in names:
            for number in range(EACH):
                there = firstsight.Model.load("glyphs").input.read(files / f"pictures/{folder}/{name}/{number}.png")
                now = firstsight.Model.load("glyphs").input.read(np.asarray(drawn(name, number)))
                assert np.array_equal(there.arrays, now.arrays)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_what_it_was(name: str) -> None:
    """A model of each measure, in half precision, in int8 and with a network on pairs: fingerprint, embeddings, scores.

    An int8 copy rounds, and rounds otherwise on a processor with other instructions.
    """
    model = firstsight.Model.load(RELEASED / "models" / name)
    assert model.calibration is not None
    was, now = read("models.json")[name], compared(model, RELEASED / "pictures")
    assert now["fingerprint"] == was["fingerprint"]
    near = 0.1 if name == "int8" else 1e-3
    for part in ("embeddings", "scores"):
        np.testing.assert_allclose(now[part], was[part], rtol=near, atol=near)


@pytest.mark.parametrize("name", ["dot", "manhattan", "pair"])
def test_a_model_is_trained_further(name: str, files: Path) -> None:
    """Training begins with the weights of a model of the release."""
    steps = ("training.steps=2", "sampling.classes=4", "training.threads=1")
    made = firstsight.train(None, *steps, from_=f"./models/{name}", data="folder:pictures/late", out="further")
    assert made.spec.trained.started_from == f"{name} {read('models.json')[name]['fingerprint']}"


@pytest.mark.parametrize(("file", "name", "model"), GALLERIES)
def test_a_gallery_holds_what_it_held(file: str, name: str, model: str, files: Path) -> None:
    """Identities, references, images, metadata, vectors and events of a gallery, and its answers, are those of then."""
    place = files / "galleries" / file
    with firstsight.Gallery.open(f"{place}#{name}", f"./models/{model}" if model else None) as gallery:
        was = read("galleries.json")[f"{file}#{name}"]
        now = held(gallery) | answered(gallery, files / "pictures/others/other 0/3.png")
        assert kept(was, json.loads(json.dumps(now))) == []
        gallery.enroll("somebody new", files / "pictures/late/late 0/0.png", override=["all"])
        assert gallery.list()[-1].id > max(one["id"] for one in was["references"])


def test_what_was_removed_is_erased_at_last(files: Path) -> None:
    """Whose bytes were in the log still, since another process was reading, is in no byte once the store was opened."""
    place = files / "galleries"
    names = ("staff.db", "staff.db-wal")
    assert any(b"mallory" in (place / name).read_bytes() for name in names)
    with firstsight.Gallery.open(place / "staff.db", "./models/dot") as gallery:
        assert "mallory" not in [one.identity for one in gallery.identities()]
    assert not any(b"mallory" in file.read_bytes() for file in place.iterdir())


def test_keys_hold(files: Path, cli: Cli) -> None:
    """The keys of a store are there, and the secret of one is its secret."""
    from firstsight.stores.access import Access

    listed = cli("key", "list", files / "galleries/staff.db", "--json").json
    assert [(one["name"], one["role"]) for one in listed] == [
        ("reader", "read"),
        ("visitor", "enroll"),
        ("boss", "admin"),
    ]
    access = Access(files / "galleries/staff.db")
    known = access.known(read("galleries/keys.json")["secret"])
    access.close()
    assert known is not None
    assert known.name == "boss"


def test_an_export_is_imported(files: Path, cli: Cli) -> None:
    """An export of then gives a gallery what it was made from: all but keys and events."""
    assert cli("gallery", "create", "new.db", "--model", "./models/dot", "--keep-sources").code == 0
    assert cli("gallery", "import", "new.db", "export").code == 0
    was = read("galleries.json")["staff.db#main"]
    with firstsight.Gallery.open("new.db") as gallery:
        now = held(gallery)
        for part in ("identities", "images", "vectors"):
            assert kept(was[part], json.loads(json.dumps(now[part]))) == []
        assert [one["source"] for one in now["references"]] == [one["source"] for one in was["references"]]


@pytest.mark.parametrize("name", ["digits", "folder"])
def test_a_checkpoint_is_resumed(name: str, files: Path) -> None:
    """A run that was stopped then goes on now, with the losses that it would have had."""
    run = read(f"checkpoints/{name}.json")
    for file in (files / "pictures").rglob("*.png"):
        os.utime(file, ns=(10**18, 10**18))  # as it was when the run began
    seen: list[float] = []
    firstsight.train(
        "folder",
        *run["changes"],
        data=run["data"],
        out=files / "checkpoints" / name,
        resume=True,
        listen=lambda event: seen.append(event.values["loss"]) if event.kind == "step" and event.values else None,
    )
    assert seen == pytest.approx(run["losses"][6:], rel=1e-2)


def commands(group: Any, before: str = "") -> Iterator[str]:
    """The names of all commands that can print JSON."""
    for command in group.registered_commands:
        name = command.name or command.callback.__name__.replace("_", "-")
        if "json" in command.callback.__annotations__:
            yield f"{before}{name}"
    for inner in group.registered_groups:
        yield from commands(inner.typer_instance, f"{before}{inner.name} ")


def test_every_command_is_asked() -> None:
    """No command with --json is without an answer of then, or is gone."""
    assert isinstance(app, typer.Typer)
    asked = {command for command, _, _ in COMMANDS}
    assert asked <= set(commands(app))
    assert {line["command"] for line in read("answers.json")} == asked


def test_every_command_answers_as_it_did(
    files: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words, exit codes and JSON of every command."""
    asked = tmp_path / "asked"
    for part in ("pictures", "models"):
        shutil.copytree(files / part, asked / part)
    shutil.copytree(files / "models/dot", asked / "models/copy")
    (asked / "models/copy/calibration.json").unlink()
    monkeypatch.chdir(asked)
    wrong = []
    for (command, code, words), was in zip(COMMANDS, read("answers.json"), strict=True):
        assert (command, words) == (was["command"], was["words"])
        ran = cli(*shlex.split(words), "--json")
        assert ran.code == code, f"{words}: {ran.err}"
        found = kept(was["answer"], scrubbed(ran.json, asked), values=command not in BUILT)
        wrong += [f"{words}: {line}" for line in found]
    assert wrong == []


def test_the_openapi_has_what_it_had(files: Path) -> None:
    """Every path, parameter, field, type, limit and status of the REST interface of then is there."""
    from firstsight.serve.app import create_app
    from firstsight.serve.settings import Settings

    firstsight.Gallery.create("served.db", "glyphs").close()
    now = create_app(Settings(store="served.db")).openapi()
    assert promised(read("openapi.json"), json.loads(json.dumps(now))) == []


def test_a_thousand_signs_are_read_and_embedded_as_they_were() -> None:
    """Of each sign the readings of four inputs, byte for byte; and the embedding by the shipped glyphs, to 2e-5."""
    was, model = read("signs.json"), firstsight.Model.load("glyphs")
    readers = [ImageInput(48, 3), ImageInput(32, 1, light=True, fit="pad"), GlyphInput()]
    sources = [source(number) for number in range(SIGNS)]
    readings = [model.read(one) for one in sources]
    wrong = []
    for number, (one, reading) in enumerate(zip(sources, readings, strict=True)):
        row = [short(content_of(one)), short(reading.tobytes())]
        row += [short(reader.read(one).arrays.tobytes()) for reader in readers]
        then = was["hashes"][number].split()
        wrong += [f"{number}: {c}" for c, a, b in zip(was["columns"], then, row, strict=True) if a != b]
    assert wrong == []
    now = projected(model.embed_arrays(np.concatenate(readings)))
    np.testing.assert_allclose(now, np.load(RELEASED / "signs.npy"), rtol=0, atol=2e-5)


def test_every_recipe_learns_as_it_did(tmp_path: Path) -> None:
    """The first fifty losses of every shipped recipe are those of then; none is gone.

    Another processor rounds otherwise in the last bit, which steps multiply (``same-alphabet`` on an AMD EPYC: 6e-6 at
    the fifth, 5e-4 at the fifteenth, 0.1 at the last; all others to the last bit). A changed recipe differs at once.
    """
    was = read("losses.json")
    assert set(was) == set(RECIPES) <= {file.stem for file in Path(firstsight.__file__).parent.glob("learn/recipes/*")}
    assert all(len(losses) == STEPS for losses in was.values())
    manifest = world(tmp_path / "world")
    written(network(), manifest.parent, "network.onnx")
    now = all_losses(manifest, tmp_path / "runs")
    rounding = np.minimum(0.5, 1e-4 * 1.25 ** np.arange(STEPS))
    drift = {name: (np.abs(np.divide(now[name], losses) - 1) / rounding).max() for name, losses in was.items()}
    assert {name: most for name, most in drift.items() if most > 1} == {}
    assert sum(most > 0.01 for most in drift.values()) <= 1
