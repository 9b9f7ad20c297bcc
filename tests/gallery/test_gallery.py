"""Galleries: bound to one model, several in a file, several references an identity, nothing but galleries opened."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drawn import SHAPES, Cli, Refused
from firstsight import api
from firstsight.errors import CalibrationError, FirstSightError, GalleryError, InputError, SpellingError
from firstsight.gallery import Gallery, names
from firstsight.model import Model
from firstsight.stores.sqlite import SqliteStore
from firstsight.types import Contract, Entry

Make = Callable[..., Path]


@pytest.fixture
def gallery(tiny_model: Path, tmp_path: Path) -> Path:
    """A new, empty gallery of the tiny model."""
    Gallery.create(tmp_path / "g.db", tiny_model).close()
    return tmp_path / "g.db"


@pytest.fixture
def full(gallery: Path, shapes: Path) -> Path:
    """A gallery with one reference of each of the six shapes."""
    api.enroll(gallery, data=str(shapes))
    return gallery


# --- the contract with the model


def test_a_gallery_refuses_another_model(full: Path, other_model: Path, picture: Path, refused: Refused) -> None:
    """Every verb refuses a model whose embeddings do not compare with those enrolled, and nothing changes."""
    before = api.references(full)
    for command in (
        ("enroll", full, "alice", picture),
        ("verify", full, "circle", picture),
        ("identify", full, picture),
        ("remove", full, "circle"),
        ("list", full),
    ):
        refused(2, (*command, "--model", other_model), "was made by model", "do not compare")
    assert api.references(full) == before


def test_a_gallery_survives_its_model_moving(
    model_copy: Path, picture: Path, tmp_path: Path, refused: Refused, cli: Cli
) -> None:
    """When the model's directory moved the gallery says so and how to tell it; with --model all goes on."""
    gallery = tmp_path / "g.db"
    assert cli("gallery", "create", gallery, "--model", model_copy).code == 0
    assert cli("enroll", gallery, "alice", picture).code == 0
    moved = model_copy.rename(tmp_path / "elsewhere")
    refused(2, ("identify", gallery, picture), model_copy, "--model")
    assert cli("identify", gallery, picture, "--model", moved).code == 0
    assert cli("enroll", gallery, "alice", picture, "--model", moved).code == 0


def test_a_gallery_is_found_from_another_folder(
    model_copy: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    """A gallery made with a relative path of a model works from any folder."""
    monkeypatch.chdir(tmp_path)
    assert cli("gallery", "create", "g.db", "--model", f"./{model_copy.name}").code == 0
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    assert cli("enroll", "../g.db", "alice", picture).code == 0


def test_calibrating_again_keeps_the_gallery(model_copy: Path, picture: Path, tmp_path: Path, strangers: Path) -> None:
    """A new threshold is another decision, not another embedding: the gallery stays usable."""
    Gallery.create(tmp_path / "g.db", model_copy).close()
    api.enroll(tmp_path / "g.db", "alice", [picture])
    api.calibrate(model_copy, str(strangers), fmr=0.3)
    assert api.verify(tmp_path / "g.db", "alice", picture).threshold == Model.load(model_copy).calibration.threshold


def test_without_a_calibration_nothing_is_decided(
    uncalibrated_model: Path, picture: Path, tmp_path: Path, refused: Refused, cli: Cli
) -> None:
    """An uncalibrated model enrolls, with a warning, and refuses to decide; compare gives a score and no answer."""
    made = cli("gallery", "create", tmp_path / "g.db", "--model", uncalibrated_model)
    assert "not calibrated" in made.out
    assert cli("enroll", tmp_path / "g.db", "alice", picture).code == 0
    refused(2, ("verify", tmp_path / "g.db", "alice", picture), "not calibrated", "firstsight calibrate")
    refused(2, ("identify", tmp_path / "g.db", picture), "not calibrated", "firstsight calibrate")
    compared = cli("compare", uncalibrated_model, picture, picture, "--json")
    assert compared.json["same"] is None
    assert compared.code == 2  # never 0: a script would take it for "same"
    with Gallery.open(tmp_path / "g.db") as opened, pytest.raises(CalibrationError):
        opened.identify(picture)


# --- references


def test_several_references_are_fused(gallery: Path, tiny_model: Path, shapes: Path) -> None:
    """The score of an identity is that of its references' mean direction less the shift, in verify and identify."""
    model = Model.load(tiny_model)
    references = [shapes / "circle" / f"{n}.png" for n in range(3)]
    api.enroll(gallery, "circle", references)
    api.enroll(gallery, "cross", [shapes / "cross" / "0.png"])
    probe = shapes / "ring" / "4.png"
    mean = model.embed(references).mean(axis=0, keepdims=True)
    assert model.calibration is not None
    expected = float(model.score(model.embed(probe), mean / np.linalg.norm(mean))[0, 0]) - model.calibration.shift(3)
    assert api.verify(gallery, "circle", probe).score == pytest.approx(expected, abs=1e-6)
    match = api.identify(gallery, [probe])[0]
    assert {c.identity: c.score for c in match.candidates}["circle"] == pytest.approx(expected, abs=1e-6)
    assert len(match.candidates) == 2


def test_one_and_many_are_enrolled_alike(gallery: Path, shapes: Path) -> None:
    """References enrolled at once or one by one are the same references, with their sources and growing counts."""
    files = [shapes / "bars" / f"{n}.png" for n in range(3)]
    once = api.enroll(gallery, "at once", files)
    singly = [api.enroll(gallery, "one by one", [file], override=["duplicate"])[0] for file in files]
    assert (once[0].added, once[0].references) == (3, 3)
    assert [(r.added, r.references) for r in singly] == [(1, 1), (1, 2), (1, 3)]
    with Gallery.open(gallery) as opened:
        [(references, vectors)] = opened.store.rows()
        assert np.array_equal(vectors[:3], vectors[3:])
        assert [r.identity for r in references] == ["at once"] * 3 + ["one by one"] * 3
        assert [r.source for r in opened.list()] == [str(f) for f in files] * 2


def test_ties_are_unknown(gallery: Path, picture: Path) -> None:
    """Two identities with the same reference cannot be told apart, so neither is the answer."""
    api.enroll(gallery, "alice", [picture])
    api.enroll(gallery, "bob", [picture], override=["duplicate"])
    match = api.identify(gallery, [picture])[0]
    assert match.identity is None
    assert "score the same" in match.reason


def test_top_limits_the_candidates(full: Path, picture: Path, refused: Refused) -> None:
    """``top`` lists that many candidates, best first, and never none."""
    for top in (1, 3, 100):
        match = api.identify(full, [picture], top=top)[0]
        assert len(match.candidates) == min(top, len(SHAPES))
        scores = [c.score for c in match.candidates]
        assert scores == sorted(scores, reverse=True)
    refused(2, ("identify", full, picture, "--top", "0"), "top is 0")


def test_one_bad_picture_enrolls_none(gallery: Path, picture: Path, tmp_path: Path, refused: Refused) -> None:
    """When one of several pictures cannot be read, none of them is enrolled."""
    (tmp_path / "bad.png").write_text("no picture")
    refused(2, ("enroll", gallery, "alice", picture, tmp_path / "bad.png", picture), "bad.png")
    assert api.references(gallery) == []


def test_one_bad_class_enrolls_none(gallery: Path, shapes: Path, tmp_path: Path, refused: Refused) -> None:
    """When one picture of a data set cannot be read, no class of it is enrolled: trying again doubles nothing."""
    data = Path(shutil.copytree(shapes, tmp_path / "data"))
    (data / "ring" / "0.png").write_text("no picture")
    refused(2, ("enroll", gallery, "--data", data), "0.png")
    assert api.references(gallery) == []


def test_removing_is_complete(full: Path, picture: Path, refused: Refused, cli: Cli) -> None:
    """A removed identity is gone from the list, from verify and from identify, and cannot be removed twice."""
    api.enroll(full, "circle", [picture])
    assert cli("remove", full, "circle").code == 0
    assert "circle" not in {r.identity for r in api.references(full)}
    refused(2, ("verify", full, "circle", picture), "'circle' is not enrolled")
    refused(2, ("remove", full, "circle"), "'circle' is not enrolled")
    assert "circle" not in {c.identity for c in api.identify(full, [picture], top=10)[0].candidates}
    assert len(api.references(full)) == len(SHAPES) - 1


def test_an_empty_gallery_says_so(gallery: Path, picture: Path, refused: Refused, cli: Cli) -> None:
    """Listing an empty gallery is fine; identifying in it is refused with what to do."""
    assert "nobody is enrolled" in cli("list", gallery).out
    assert cli("list", gallery, "--json").json == []
    refused(2, ("identify", gallery, picture), "nobody is enrolled", "firstsight enroll")


def test_enrolled_examples_are_left_out_of_the_count(full: Path, shapes: Path, strangers: Path) -> None:
    """Counting on labelled data leaves out what is enrolled, and adds up."""
    tally = api.identify_data(full, str(shapes))
    assert tally.left_out == len(SHAPES)
    assert tally.right + tally.wrong + tally.unknown == tally.probes == len(SHAPES) * 5
    assert tally.strangers == 0
    other = api.identify_data(full, str(strangers))
    assert (other.probes, other.strangers, len(other.answers)) == (0, 36, 36)


def test_counting_agrees_with_asking(full: Path, strangers: Path) -> None:
    """The answers of a count are those that each picture gets when asked by itself."""
    tally = api.identify_data(full, str(strangers))
    for source, _, identity, score in tally.answers[::7]:
        match = api.identify(full, [source])[0]
        assert match.identity == identity
        assert match.score == pytest.approx(score, abs=1e-5)


def test_enrolling_nothing_or_too_much_is_refused(
    gallery: Path, picture: Path, shapes: Path, tmp_path: Path, refused: Refused
) -> None:
    """No images, no identity, both ways at once, no examples a class and a folder for a picture are refused."""
    refused(2, ("enroll", gallery), "an identity and its images")
    refused(2, ("enroll", gallery, "alice"), "an identity and its images")
    refused(2, ("enroll", gallery, "alice", picture, "--data", shapes), "not both")
    refused(2, ("enroll", gallery, "--data", shapes, "--each", "0"), "each is 0")
    refused(2, ("enroll", gallery, "--data", tmp_path / "gone"), "does not exist")
    refused(2, ("enroll", gallery, "alice", shapes / "circle"), "is a folder")
    with Gallery.open(gallery) as opened:
        with pytest.raises(InputError):
            opened.enroll("alice", [])
        with pytest.raises(GalleryError, match="shape"):
            opened.enroll_embeddings("alice", np.ones((1, 7), np.float32), ["x"])
    assert api.references(gallery) == []


def test_more_examples_a_class_can_be_enrolled(gallery: Path, shapes: Path, cli: Cli) -> None:
    """``--each`` takes that many examples a class, the first by name, or all where there are fewer."""
    receipts = cli("enroll", gallery, "--data", shapes, "--each", "2", "--json").json
    assert [(r["identity"], r["added"]) for r in receipts] == [(name, 2) for name in SHAPES]
    assert {Path(r.source).name for r in api.references(gallery)} == {"0.png", "1.png"}
    assert cli("enroll", gallery, "--data", shapes, "--each", "99", "--json").json[0]["references"] == 6


# --- names


@pytest.mark.parametrize("name", ["zoë", "名前", "Ольга", "O'Brien; DROP TABLE x--", "a#b", "x" * 200, "-", "🦊"])
def test_any_printable_name_will_do(name: str, gallery: Path, picture: Path, cli: Cli) -> None:
    """Names of any language, with quotes or of 200 characters come back as they were given."""
    assert api.enroll(gallery, name, [picture])[0].identity == name
    assert api.verify(gallery, name, picture).same is True
    assert cli("list", gallery, "--json").json[0]["identity"] == name
    assert api.identify(gallery, [picture])[0].identity == name
    assert api.remove(gallery, name).removed == 1


@pytest.mark.parametrize("name", ["", "   ", "\t\n", "x" * 201, "a\nb", "\x1b[31mred", "a\u202eb", "\udcff", "a\0b"])
def test_what_is_no_name_is_refused(name: str, gallery: Path, picture: Path) -> None:
    """Empty, huge and unprintable names are refused and nothing is stored."""
    with pytest.raises(GalleryError, match="is not a name"):
        api.enroll(gallery, name, [picture])
    assert api.references(gallery) == []


def test_a_name_is_trimmed_everywhere(gallery: Path, picture: Path) -> None:
    """Blanks around a name do not count, whether enrolling, verifying or removing."""
    assert api.enroll(gallery, " alice ", [picture])[0].identity == "alice"
    assert api.verify(gallery, " alice ", picture).same is True
    assert api.remove(gallery, " alice ").removed == 1


def test_two_spellings_of_a_letter_are_one_name(gallery: Path, picture: Path, shapes: Path) -> None:
    """A name typed as composed or as decomposed Unicode (as some file systems give it) is one identity."""
    composed, decomposed = (unicodedata.normalize(form, "zoë") for form in ("NFC", "NFD"))
    api.enroll(gallery, decomposed, [picture])
    assert api.enroll(gallery, composed, [shapes / "circle" / "1.png"])[0].references == 2
    assert {r.identity for r in api.references(gallery, identity=decomposed)} == {composed}
    assert api.verify(gallery, decomposed, picture).score == api.verify(gallery, composed, picture).score


@pytest.mark.parametrize(
    ("name", "legal"),
    [
        ("علی\u200cرضا", True),
        ("श्री\u200cमान", False),
        ("क्\u200dष", True),
        ("क्\u200cष", True),
        ("al\u200cice", False),
        ("al\u200dice", False),
        ("alice\u200d", False),
        ("علی\u200c", False),
        ("\u202eecila", False),
        ("a\u200bb", False),
    ],
)
def test_a_name_may_hold_what_its_script_needs(name: str, legal: bool) -> None:
    """Joiners between letters that need them (Persian, Hindi) are part of a name; elsewhere nothing unseen is."""
    if legal:
        assert names.name(name) == name
    else:
        with pytest.raises(SpellingError, match="printable"):
            names.name(name)


def test_a_file_of_any_name_is_enrolled(gallery: Path, picture: Path, tmp_path: Path, cli: Cli) -> None:
    """A file whose name is no UTF-8, as old disks have them, is a file: it is enrolled, listed and exported."""
    odd = tmp_path / os.fsdecode(b"caf\xe9.png")
    shutil.copyfile(picture, odd)
    api.enroll(gallery, "alice", [odd])
    [reference] = api.references(gallery)
    assert reference.source == f"{tmp_path}/caf\\udce9.png"
    assert cli("list", gallery, "--json").json[0]["source"] == reference.source
    assert api.export_gallery(gallery, out=tmp_path / "out") == 1
    words = [sys.executable, "-m", "firstsight", "identify", gallery, odd, picture]
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    ran = subprocess.run(words, env=strict, capture_output=True, text=True, check=False)
    assert "fault" not in ran.stderr
    assert "caf\\udce9.png" in ran.stdout


def test_counting_knows_a_class_by_its_name(gallery: Path, shapes: Path, tmp_path: Path) -> None:
    """A class folder spelled in decomposed Unicode is counted as the identity that was enrolled from it."""
    data = tmp_path / "data"
    shutil.copytree(shapes / "circle", data / unicodedata.normalize("NFD", "zoë"))
    shutil.copytree(shapes / "cross", data / "cross")
    api.enroll(gallery, data=str(data))
    tally = api.identify_data(gallery, str(data))
    assert (tally.probes, tally.strangers) == (10, 0)
    assert tally.right > 0


# --- files


def test_several_galleries_share_a_file(tiny_model: Path, tmp_path: Path, shapes: Path, refused: Refused) -> None:
    """Galleries of one file do not see each other, and an unknown one is refused with those that are there."""
    file = tmp_path / "staff.db"
    for name, kind in (("", "circle"), ("#door", "cross"), ("#back door", "ring")):
        api.create(f"{file}{name}", model=tiny_model).close()
        api.enroll(f"{file}{name}", kind, [shapes / kind / "0.png"])
    assert [r.identity for r in api.references(str(file))] == ["circle"]
    assert [r.identity for r in api.references(f"{file}#main")] == ["circle"]
    assert [r.identity for r in api.references(f"{file}#door")] == ["cross"]
    assert api.identify(f"{file}#back door", [shapes / "ring" / "0.png"])[0].identity == "ring"
    refused(2, ("verify", f"{file}#door", "circle", shapes / "circle" / "0.png"), "'circle' is not enrolled")
    refused(2, ("remove", f"{file}#door", "ring"), "not enrolled")
    refused(2, ("list", f"{file}#window"), "no gallery 'window'", "back door, door, main")


def test_a_gallery_is_not_made_twice(full: Path, tiny_model: Path, other_model: Path, refused: Refused) -> None:
    """Creating a gallery that exists is refused and leaves it as it is, whatever the model."""
    before = api.references(full)
    for model in (tiny_model, other_model):
        refused(2, ("gallery", "create", full, "--model", model), "exists already")
        refused(2, ("gallery", "create", f"{full}#main", "--model", model), "exists already")
    assert api.references(full) == before


def test_what_is_no_gallery_is_refused_and_kept(
    tmp_path: Path, tiny_model: Path, picture: Path, refused: Refused
) -> None:
    """Texts, pictures and databases of others are refused by every verb, and not a byte of them changes."""
    text, other, image = tmp_path / "notes.txt", tmp_path / "other.db", tmp_path / "photo.png"
    text.write_text("my notes, which I would hate to lose\n" * 20)
    (tmp_path / "one.db").write_bytes(b"x")
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE precious (thing)")
    database.close()
    shutil.copy(picture, image)
    for file in (text, other, image, tmp_path / "one.db"):
        before = file.read_bytes()
        for command in (
            ("list", file),
            ("enroll", file, "alice", picture),
            ("gallery", "create", file, "--model", tiny_model),
            ("gallery", "create", f"{file}#door", "--model", tiny_model),
        ):
            refused(2, command, file.name, "not a gallery")
        assert file.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes.txt", "one.db", "other.db", "photo.png"]


def test_places_that_cannot_be_are_refused(tmp_path: Path, tiny_model: Path, picture: Path, refused: Refused) -> None:
    """A missing file, a missing folder, a folder, a path through a file, no path and an endless path are sentences."""
    refused(2, ("list", tmp_path / "gone.db"), "gone.db does not exist", "firstsight gallery create")
    refused(2, ("gallery", "create", tmp_path / "no" / "g.db", "--model", tiny_model), "existing folder")
    refused(2, ("gallery", "create", tmp_path, "--model", tiny_model), "can't be a gallery")
    refused(2, ("gallery", "create", picture / "g.db", "--model", tiny_model), "can't be a gallery")
    refused(2, ("gallery", "create", "", "--model", tiny_model), "can't be a gallery")
    refused(2, ("gallery", "create", tmp_path / ("x" * 300), "--model", tiny_model))
    refused(2, ("list", tmp_path / ("x" * 300)))
    refused(2, ("gallery", "create", tmp_path / "g.db", "--model", tmp_path / "none"), "none does not exist")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_not_said_to_be_missing(tmp_path: Path, refused: Refused) -> None:
    """A folder given for a gallery is not said to "not exist": it does."""
    assert "does not exist" not in refused(2, ("list", tmp_path))


def test_a_gallery_of_a_later_format_is_refused(full: Path, refused: Refused) -> None:
    """A gallery written by a later FirstSight is refused, not guessed at."""
    with sqlite3.connect(full) as database:
        database.execute("PRAGMA user_version=9")
    database.close()
    refused(2, ("list", full), "format 9")


@pytest.mark.parametrize("vector", ["x'00'", "x'0000000000'", "5", "'text'", "zeroblob(68)"])
def test_a_damaged_reference_is_refused(vector: str, full: Path, picture: Path, refused: Refused) -> None:
    """A stored vector of another length or type is refused in a sentence."""
    with sqlite3.connect(full) as database:
        ring = "(SELECT id FROM identity WHERE name='ring')"
        database.execute(f"UPDATE reference SET vector={vector} WHERE identity={ring}")
    database.close()
    refused(2, ("identify", full, picture), "g.db")


@pytest.mark.parametrize("how", ["overwritten", "cut"])
def test_a_damaged_file_is_refused(how: str, full: Path, picture: Path, refused: Refused) -> None:
    """A gallery whose file was overwritten in the middle or cut is refused in a sentence by every verb."""
    data = bytearray(full.read_bytes())
    if how == "cut":
        del data[len(data) // 2 :]
    else:
        data[4096 : 3 * 4096] = bytes(range(256)) * 32
    full.write_bytes(data)
    for command in (("list", full), ("identify", full, picture), ("enroll", full, "alice", picture)):
        refused(2, command, "damaged")


def test_galleries_made_at_once_in_one_file_all_come_to_be(tmp_path: Path) -> None:
    """Four threads that each make a gallery in one new file all succeed, and none waits in vain."""
    faults: list[str] = []
    for turn in range(5):
        file = tmp_path / f"{turn}.db"
        start = threading.Barrier(4)

        def make(name: str, file: Path = file, start: threading.Barrier = start) -> None:
            start.wait()
            try:
                store = SqliteStore(f"{file}#{name}", create=Contract("m", "f", 4))
                store.add([Entry("someone", np.ones((1, 4), np.float32), ["x"])])
                store.close()
            except FirstSightError as error:
                faults.append(str(error))

        threads = [threading.Thread(target=make, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert faults == []


def test_a_gallery_says_what_it_is(tiny_model: Path, shapes: Path, tmp_path: Path) -> None:
    """In one short line: where it lies, whose embeddings it holds, and how many of how many; closed, it says so."""
    gallery = Gallery.create(tmp_path / "g.db", tiny_model)
    assert repr(gallery) == f"<Gallery {tmp_path}/g.db: model {tiny_model.name}, 0 references of 0 identities>"
    gallery.enroll("ring", [shapes / "ring" / "0.png", shapes / "ring" / "1.png"])
    assert repr(gallery).endswith("2 references of 1 identity>")
    gallery.close()
    assert "\n" not in repr(gallery)
