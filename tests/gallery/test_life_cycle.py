"""The life of an identity: enrolled in bulk, replaced, renamed, merged, exported, rebuilt, removed to the byte."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawn import SHAPES, Cli, Refused, draw
from firstsight import api
from firstsight.errors import GalleryError, InputError, StorageError
from firstsight.gallery import Gallery, bulk
from firstsight.model import Model
from firstsight.types import Event, Record


@pytest.fixture
def gallery(tiny_model: Path, tmp_path: Path) -> Path:
    """A new, empty gallery of the tiny model, which keeps images."""
    Gallery.create(tmp_path / "g.db", tiny_model, keep_sources=True).close()
    return tmp_path / "g.db"


@pytest.fixture
def full(gallery: Path, shapes: Path) -> Path:
    """A gallery with one reference of each of the six shapes."""
    api.enroll(gallery, data=str(shapes))
    return gallery


def everything(gallery: Path) -> bytes:
    """The bytes of all files of a store."""
    files = [file for file in gallery.parent.iterdir() if file.name.startswith(gallery.name)]
    return b"".join(file.read_bytes() for file in files)


# --- bulk


def test_a_second_run_enrolls_nothing_and_says_so(gallery: Path, shapes: Path, cli: Cli) -> None:
    """The same bulk enrolment again adds nothing; its receipts and its words say that all was enrolled already."""
    once = api.enroll(gallery, data=str(shapes), each=2)
    assert [(r.identity, r.added, r.references) for r in once] == [(name, 2, 2) for name in SHAPES]
    before = api.references(gallery)
    again = api.enroll(gallery, data=str(shapes), each=2)
    assert [(r.added, r.references, r.notes) for r in again] == [(0, 2, ("2 of 2 enrolled already",))] * len(SHAPES)
    assert api.references(gallery) == before
    assert "nothing is new" in cli("enroll", gallery, "--data", shapes, "--each", "2").out


def test_bulk_goes_by_content_and_not_by_name(gallery: Path, shapes: Path, tmp_path: Path) -> None:
    """A renamed file is known again; a file with another picture under an old name is new."""
    data = Path(shutil.copytree(shapes, tmp_path / "data"))
    api.enroll(gallery, data=str(data))
    (data / "ring" / "0.png").rename(data / "ring" / "00.png")
    shutil.copyfile(data / "circle" / "5.png", data / "circle" / "0.png")
    added = {r.identity: r.added for r in api.enroll(gallery, data=str(data))}
    assert added == {name: int(name == "circle") for name in SHAPES}


def test_a_manifest_is_enrolled_with_what_is_said(gallery: Path, shapes: Path, tmp_path: Path) -> None:
    """A CSV of paths and labels is enrolled; metadata is on every reference and finds them again."""
    lines = ["path,label", *(f"{shapes}/{name}/1.png,person {name}" for name in SHAPES[:2])]
    (tmp_path / "people.csv").write_text("\n".join(lines))
    api.enroll(gallery, data=f"manifest:{tmp_path}/people.csv", metadata={"site": "north"})
    api.enroll(gallery, "other", [shapes / "ring" / "0.png"], metadata=["site=south"])
    assert {r.identity for r in api.references(gallery, where=["site=north"])} == {"person bars", "person circle"}


def test_further_columns_of_a_manifest_are_metadata(tiny_model: Path, shapes: Path, tmp_path: Path, cli: Cli) -> None:
    """What a row says of a picture is said of its reference, before what is said of all; empty cells say nothing."""
    rows = [
        {"path": f"{shapes}/ring/1.png", "label": "ring", "group": "g", "site": "south", "badge": "7"},
        {"path": f"{shapes}/ring/2.png", "label": "ring", "group": "g", "site": "", "badge": 8},
        {"path": f"{shapes}/bars/1.png", "label": "bars", "group": "g", "site": "a,b", "badge": None},
    ]
    lines = ["path,label,group,site,badge", *(",".join(f'"{v or ""}"' for v in row.values()) for row in rows)]
    (tmp_path / "people.csv").write_text("\n".join(lines))
    (tmp_path / "people.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for n, file in enumerate(("people.csv", "people.jsonl")):
        place = tmp_path / f"{n}.db"
        api.create(place, model=tiny_model).close()
        data = f"manifest:{tmp_path / file}"
        assert cli("enroll", place, "--data", data, "--each", "9", "--metadata", "site=north").code == 0
        assert [(r.identity, dict(r.metadata)) for r in api.references(place)] == [
            ("ring", {"site": "south", "badge": "7"}),
            ("ring", {"site": "north", "badge": "8"}),
            ("bars", {"site": "a,b"}),
        ]
        assert [r.identity for r in api.references(place, where=["badge=8"])] == ["ring"]


@pytest.mark.parametrize("row", ['"a\nb"', f'"{"x" * 1001}"'])
def test_rows_that_say_too_much_are_refused(
    row: str, gallery: Path, shapes: Path, tmp_path: Path, refused: Refused
) -> None:
    """A line break or an endless text in a further column is refused with the picture's place; nobody is enrolled."""
    lines = ["path,label,note", f"{shapes}/ring/1.png,ring,fine", f"{shapes}/bars/1.png,bars,{row}"]
    (tmp_path / "people.csv").write_text("\n".join(lines))
    refused(2, ("enroll", gallery, "--data", f"manifest:{tmp_path}/people.csv"), "bars/1.png", "nothing was enrolled")
    assert api.references(gallery) == []


def test_a_stopped_bulk_is_finished_by_the_same_call(
    gallery: Path, shapes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was on disk when it was stopped is not read into the network again, and the end is as if never stopped."""
    monkeypatch.setattr(bulk, "BATCH", 4)

    def stop(done: int, of: int) -> None:
        if of == 18 and done == 8:  # the second batch is on disk
            raise KeyboardInterrupt

    monkeypatch.setattr(bulk, "_fresh", lambda *a, real=bulk._fresh: real(*a[:-1], None))
    with pytest.raises(KeyboardInterrupt):
        api.enroll(gallery, data=str(shapes), each=3, progress=stop)
    assert len(api.references(gallery)) == 8
    told: list[int] = []
    receipts = api.enroll(gallery, data=str(shapes), each=3, progress=lambda done, of: told.append(of))
    assert told[-1] == 10
    assert sum(r.added for r in receipts) == 10
    assert [r.references for r in receipts] == [3] * len(SHAPES)


def test_one_image_twice_is_one_reference(gallery: Path, picture: Path, shapes: Path) -> None:
    """As a file, as bytes or in one call with itself, an image adds one reference to an identity."""
    receipt = api.enroll(gallery, "alice", [picture, picture])[0]
    assert (receipt.added, receipt.references, receipt.notes[0]) == (1, 1, "1 of 2 enrolled already")
    assert api.enroll(gallery, "alice", [picture.read_bytes()])[0].added == 0
    pixels = np.asarray(Image.open(shapes / "ring" / "0.png"))
    assert [api.enroll(gallery, "alice", [pixels])[0].added for _ in range(2)] == [1, 0]
    assert api.enroll(gallery, "bob", [picture], override=["duplicate"])[0].added == 1


# --- one identity


def test_replacing_is_whole(full: Path, shapes: Path, picture: Path, tmp_path: Path, refused: Refused) -> None:
    """All references make way for the new ones; a bad image leaves the old ones."""
    (tmp_path / "bad.png").write_text("no picture")
    before = api.references(full)
    refused(2, ("replace", full, "ring", picture, tmp_path / "bad.png"), "bad.png")
    assert api.references(full) == before
    receipt = api.replace(full, "ring", [shapes / "ring" / "4.png", shapes / "ring" / "5.png"])
    assert (receipt.added, receipt.references) == (2, 2)
    assert [Path(r.source).name for r in api.references(full, identity="ring")] == ["4.png", "5.png"]


def test_names_move(full: Path, shapes: Path, cli: Cli, refused: Refused) -> None:
    """After a renaming and a merge, verify and identify answer by the new names only."""
    probe = shapes / "ring" / "0.png"
    renamed = cli("rename", full, "ring", "Zoë", "--json").json
    assert renamed == {"identity": "ring", "removed": 1, "into": "Zoë", "erased": True, "notes": []}
    assert api.identify(full, [probe])[0].identity == "Zoë"
    refused(2, ("verify", full, "ring", probe), "not enrolled")
    refused(2, ("rename", full, "Zoë", "bars"), "merge")
    refused(2, ("rename", full, "Zoë", " "), "is not a name")
    refused(2, ("rename", full, "Zoë", "Zoë "), "is its name already")
    assert "1 reference, now of bars" in cli("merge", full, "Zoë", "bars").out
    assert [r.identity for r in api.references(full, identity="bars")] == ["bars", "bars"]


def test_an_open_gallery_follows_every_step(full: Path, shapes: Path) -> None:
    """Matches of a gallery that stays open are those of one that is opened anew, to the last bit of the score."""
    model = Model.load(Gallery.open(full).store.contract.model)
    probes = model.embed([shapes / name / "3.png" for name in SHAPES])
    with Gallery.open(full) as follower:
        follower.match_embeddings(probes)
        for step in (
            lambda: api.enroll(full, "circle", [shapes / "circle" / "1.png"]),
            lambda: api.rename(full, "bars", "stripes"),
            lambda: api.replace(full, "ring", [shapes / "ring" / "2.png"]),
            lambda: api.merge(full, "cross", "square"),
            lambda: api.enroll(full, "cross", [shapes / "cross" / "1.png"]),
            lambda: api.remove(full, "triangle"),
        ):
            step()
            with Gallery.open(full) as anew:
                assert follower.match_embeddings(probes, top=9) == anew.match_embeddings(probes, top=9)


def test_searching_and_filtering(full: Path, cli: Cli, refused: Refused) -> None:
    """Names are found by a part of them, and what is said of an identity or a reference is found by it."""
    assert cli("annotate", full, "ring", "team=red", "floor=2", "--json").json == {
        "identity": "ring",
        "references": 1,
        "metadata": {"team": "red", "floor": "2"},
    }
    cli("annotate", full, "bars", "team=red")
    assert [i["identity"] for i in cli("identities", full, "--where", "team=red", "--json").json] == ["bars", "ring"]
    assert [i.identity for i in api.identities(full, where={"team": "red", "floor": "2"})] == ["ring"]
    assert [i.identity for i in api.identities(full, search="AR")] == ["bars", "square"]
    assert [r.identity for r in api.references(full, where={"floor": "2"})] == ["ring"]
    assert [r.identity for r in api.references(full, search="cir")] == ["circle"]
    assert "team=red" in cli("identities", full).out
    cli("annotate", full, "ring", "team=")
    assert dict(api.identities(full, search="ring")[0].metadata) == {"floor": "2"}
    assert "nobody is enrolled like that" in cli("list", full, "--where", "team=green").out
    for bad in ("team", "=red", "a\nb=c", f"k={'x' * 1001}", "k" * 101 + "=v"):
        refused(2, ("annotate", full, "ring", bad), "is no metadata")


def test_unknown_identities_are_refused_by_every_verb(full: Path, picture: Path, refused: Refused) -> None:
    """Each verb that names an identity says that it is not enrolled, and changes nothing."""
    before = api.references(full)
    for command in (
        ("verify", full, "nobody", picture),
        ("replace", full, "nobody", picture),
        ("rename", full, "nobody", "x"),
        ("merge", full, "nobody", "ring"),
        ("merge", full, "ring", "nobody"),
        ("remove", full, "nobody"),
        ("annotate", full, "nobody", "a=b"),
        ("list", full, "--identity", "nobody"),
    ):
        refused(2, command, "'nobody' is not enrolled")
    assert api.references(full) == before


def test_who_is_enrolled_can_be_removed_without_the_model(
    model_copy: Path, picture: Path, tmp_path: Path, cli: Cli
) -> None:
    """Listing, renaming and removing need no model, so nobody stays because a directory is gone."""
    api.create(tmp_path / "g.db", model=model_copy).close()
    api.enroll(tmp_path / "g.db", "alice", [picture])
    shutil.rmtree(model_copy)
    assert cli("rename", tmp_path / "g.db", "alice", "bob").code == 0
    assert cli("identities", tmp_path / "g.db", "--json").json[0]["identity"] == "bob"
    assert cli("remove", tmp_path / "g.db", "bob").code == 0


# --- removal, to the byte


KEPT = Record(place="her-own-door", direction="in", keep_image=True)


@pytest.mark.parametrize("verb", ["remove", "replace", "rename", "merge"])
def test_what_is_gone_is_in_no_file(verb: str, full: Path, shapes: Path, tmp_path: Path) -> None:
    """After a removal neither name, embedding, image, path, metadata nor event is in any file, opened or not."""
    picture = Path(shutil.copy(shapes / "ring" / "5.png", tmp_path / "path-of-wilhelmina.png"))
    draw("ring", 77).save(tmp_path / "probe.png")
    with Gallery.open(full) as opened, Gallery.open(full) as other:
        opened.enroll("wilhelmina", picture, metadata={"secret": "of-the-picture"})
        opened.annotate("wilhelmina", {"secret": "of-the-person"})
        for n in range(1, 5):  # the log is long, with her in all of it
            opened.enroll("wilhelmina", shapes / "ring" / f"{n}.png")
            opened.enroll("somebody", shapes / "cross" / f"{n}.png")
            for probe, record in ((tmp_path / "probe.png", KEPT), (shapes / "bars" / "1.png", Record())):
                opened.verify("wilhelmina", probe, record=record)
                opened.verify("somebody", shapes / "cross" / "0.png", record=Record(place="door", keep_image=True))
            opened.annotate("wilhelmina", {"n": str(n)}, record=Record(place="her-own-door"))
        probe = (tmp_path / "probe.png").read_bytes()
        other.match_embeddings(other.model.embed(picture))
        vector = opened.store.vectors("wilhelmina")[0].tobytes()
        person, image = [b"wilhelmina", b"of-the-person"], picture.read_bytes()
        reference = [vector, vector[:24], image, image[-40:], b"path-of-wilhelmina", b"of-the-picture"]
        gone = {
            "remove": [*person, *reference, b"her-own-door", probe, probe[-60:]],
            "replace": reference,
            "rename": [],
            "merge": [],
        }[verb]
        assert all(part in everything(full) for part in [*person, *reference, b"her-own-door", probe])
        if verb == "remove":
            assert opened.remove("wilhelmina", record=Record(actor="the-clerk")).erased
            assert [(e.identity, e.actor) for e in opened.events(verb="remove")] == [(None, "the-clerk")]
        elif verb == "replace":
            assert opened.replace("wilhelmina", shapes / "bars" / "3.png").notes == ()
        else:
            receipt = opened.rename("wilhelmina", "x") if verb == "rename" else opened.merge("wilhelmina", "bars")
            assert receipt.erased
            (name,) = [r for r in opened.list() if "path-of" in r.source]
            assert name.identity == receipt.into
            opened.replace(name.identity, shapes / "bars" / "4.png")
            gone = [b"wilhelmina", *reference]
        now = everything(full)
        assert [part for part in gone if part in now] == []
        assert len(opened.events(identity="somebody")) == 8
    assert [part for part in gone if part in everything(full)] == []


def test_many_removals_leave_nothing(tiny_model: Path, tmp_path: Path) -> None:
    """Of hundreds that come and go and are seen, amid pages that split and join, nothing of those removed is left."""
    place, rng = tmp_path / "many.db", np.random.default_rng(0)
    with Gallery.create(place, tiny_model) as gallery:
        dim, vectors, alive, gone = gallery.model.dim, {}, [], []
        for n in range(500):
            name = f"person-{n:04d}-{rng.integers(1 << 40):x}"
            drawn = rng.normal(size=(1 + n % 3, dim)).astype(np.float32)
            vectors[name] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
            gallery.enroll_embeddings(name, vectors[name], [f"/photos/{name}"] * len(vectors[name]))
            alive.append(name)
            seen = [alive[int(rng.integers(len(alive)))] for _ in range(4)]
            events = [Event(0, "identify", "", who, True, 1.0, 1.0, 0.5, "f", f"door of {who}") for who in seen]
            gallery.store.record(events, [f"image of {who} ".encode() * 300 for who in seen])
            if n > 200 and n % 2:
                gone.append(alive.pop(int(rng.integers(len(alive)))))
                assert gallery.remove(gone[-1]).erased
        assert gallery.store._file.db.execute("PRAGMA foreign_key_check").fetchall() == []  # type: ignore[attr-defined]
        now = everything(place)
        assert all(name.encode() in now and vectors[name].tobytes()[:32] in now for name in alive)
        assert [n for n in gone if n.encode() in now or any(v.tobytes()[:32] in now for v in vectors[n])] == []


def test_a_reader_in_the_way_is_told_and_made_up_for(full: Path, shapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another connection reads, the receipt says that bytes are left; the next write erases them."""
    monkeypatch.setattr("firstsight.stores.database._MOMENT", 0.05)
    with Gallery.open(full) as opened, Gallery.open(full) as other, closing(sqlite3.connect(full)) as reader:
        opened.enroll("wilhelmina", shapes / "ring" / "5.png")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM reference").fetchone()
        receipt = opened.remove("wilhelmina")
        assert (receipt.removed, receipt.erased) == (1, False)
        assert "next write" in receipt.notes[0]
        assert b"wilhelmina" in everything(full)
        reader.rollback()
        other.annotate("ring", {"a": "b"})
        assert b"wilhelmina" not in everything(full)
        assert opened.store.erase()


def test_files_are_the_owners_alone(full: Path) -> None:
    """The file, its log and its index can be read and written by the owner and by nobody else."""
    with Gallery.open(full) as opened:
        opened.annotate("ring", {"a": "b"})
        modes = {f.name: stat.S_IMODE(f.stat().st_mode) for f in full.parent.iterdir() if f.name.startswith("g.db")}
        assert modes == {"g.db": 0o600, "g.db-wal": 0o600, "g.db-shm": 0o600}


# --- out and in


def test_an_export_comes_back_whole(full: Path, tiny_model: Path, tmp_path: Path, shapes: Path, cli: Cli) -> None:
    """Export and import give the same people, vectors, images and words; importing again adds nothing."""
    api.enroll(full, "ring", [shapes / "ring" / "1.png"], metadata={"site": "north"})
    api.annotate(full, "ring", {"team": "red"})
    with Gallery.open(full) as opened:
        opened.enroll_embeddings("given", np.eye(1, opened.model.dim, dtype=np.float32), ["by hand"])
    assert cli("gallery", "export", full, "--out", tmp_path / "out", "--json").json["references"] == 8
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    other = tmp_path / "other.db"
    api.create(other, model=tiny_model, keep_sources=True).close()
    receipts = cli("gallery", "import", other, tmp_path / "out", "--json").json
    assert sum(r["added"] for r in receipts) == 8
    assert all(r.added == 0 for r in api.import_gallery(other, tmp_path / "out"))
    assert api.identities(other) == api.identities(full)
    with Gallery.open(full) as a, Gallery.open(other) as b:
        (left, left_vectors), (right, right_vectors) = next(a.store.rows()), next(b.store.rows())
        assert np.array_equal(left_vectors, right_vectors)
        told = [[(r.identity, r.source, r.metadata, r.created) for r in some] for some in (left, right)]
        assert told[0] == told[1]
        assert [a.store.image(r.id) for r in left] == [b.store.image(r.id) for r in right]


def test_exports_that_do_not_fit_are_refused(
    full: Path, tiny_model: Path, other_model: Path, tmp_path: Path, refused: Refused
) -> None:
    """Another model's export, a damaged or a missing one, and an export onto something change nothing."""
    out = tmp_path / "out"
    api.export_gallery(full, out=out)
    refused(2, ("gallery", "export", full, "--out", out), "a new folder")
    refused(2, ("gallery", "import", full, tmp_path / "none"), "is not an export")
    api.create(tmp_path / "o.db", model=other_model).close()
    refused(2, ("gallery", "import", tmp_path / "o.db", out), "do not compare")
    api.create(tmp_path / "e.db", model=tiny_model, keep_sources=True).close()
    lines = (out / "references.jsonl").read_text().splitlines()
    vectors = np.load(out / "vectors.npy")
    for file, content in (
        ("references.jsonl", "\n".join(lines[:-1])),
        ("references.jsonl", "\n".join([*lines, lines[0]])),
        ("references.jsonl", "[1]\n" * len(lines)),
        ("references.jsonl", "{not json"),
        ("references.jsonl", "\n".join([json.dumps({**json.loads(lines[0]), "identity": 5}), *lines[1:]])),
        ("references.jsonl", "\n".join([json.dumps({**json.loads(lines[0]), "identity": "a\nb"}), *lines[1:]])),
        ("identities.jsonl", '{"identity": 3}'),
        ("gallery.json", "{}"),
        ("vectors.npy", "no array"),
        ("vectors.npy", vectors[:, :-1]),
        ("vectors.npy", vectors * np.float32(np.nan)),
    ):
        good = (out / file).read_bytes()
        if isinstance(content, str):
            (out / file).write_text(content)
        else:
            np.save(out / file, content)
        refused(2, ("gallery", "import", tmp_path / "e.db", out))
        (out / file).write_bytes(good)
    assert api.references(tmp_path / "e.db") == []
    (out / "images" / "2").unlink()
    refused(2, ("gallery", "import", tmp_path / "e.db", out), "images/2")


# --- two connections, another model


def test_a_gallery_beside_another_shares_its_templates(full: Path, shapes: Path, picture: Path) -> None:
    """What one connection writes the other knows; templates are held once, and each can be closed for itself."""
    with Gallery.open(full) as reader:
        with reader.beside() as writer:
            for number, connection in enumerate((writer, reader)):
                connection.enroll(f"late {number}", shapes / "ring" / f"{number + 2}.png", override="all")
                assert writer._asked() is reader._asked()
                assert reader.identify(shapes / "ring" / f"{number + 2}.png").candidates[0].identity == f"late {number}"
            writer.remove("late 0")
            assert {str(name) for block in writer._asked() for name in block.names} == {*SHAPES, "late 1"}
            assert writer._enrolled._held is None
        assert reader.identify(picture).identity == "circle"


def test_a_gallery_beside_one_that_was_rebuilt_says_so(full: Path, other_model: Path) -> None:
    """A connection made after the gallery got another model is refused."""
    with Gallery.open(full) as opened:
        assert opened.model
        api.rebuild(full, model=other_model)
        with pytest.raises(GalleryError, match="was made by model"):
            opened.beside()


def test_rebuilding_from_kept_images(full: Path, other_model: Path, tmp_path: Path, shapes: Path, cli: Cli) -> None:
    """With its images kept a gallery is switched to another model, as if all had been enrolled with it."""
    assert cli("gallery", "rebuild", full, "--model", other_model, "--json").json["references"] == len(SHAPES)
    with Gallery.open(full) as opened:
        assert opened.store.contract.fingerprint == Model.load(other_model).fingerprint
        expected = Model.load(other_model).embed([shapes / name / "0.png" for name in SHAPES])
        [(references, vectors)] = opened.store.rows()
        assert [r.identity for r in references] == list(SHAPES)
        np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_rebuilding_for_a_model_that_cannot_decide_is_told(
    full: Path, other_model: Path, uncalibrated_model: Path, tiny_model: Path, cli: Cli
) -> None:
    """As when a gallery is made: a model without a calibration is named, with what mends it; one that has it is not."""
    ran = cli("gallery", "rebuild", full, "--model", other_model)
    assert "warning: not calibrated" in ran.out
    assert f"firstsight calibrate {other_model}" in ran.out
    assert cli("gallery", "rebuild", full, "--model", uncalibrated_model, "--json").json["calibrated"] is False
    assert "warning" not in cli("gallery", "rebuild", full, "--model", tiny_model).out
    assert cli("gallery", "rebuild", full, "--model", tiny_model, "--json").json["calibrated"] is True


def test_rebuilding_from_files(
    tiny_model: Path, other_model: Path, tmp_path: Path, shapes: Path, refused: Refused
) -> None:
    """Without kept images the files are read again; one that is gone or another now stops it beforehand."""
    data, place = Path(shutil.copytree(shapes, tmp_path / "data")), tmp_path / "g.db"
    api.create(place, model=tiny_model).close()
    api.enroll(place, data=str(data))
    before = api.references(place)
    shutil.copyfile(data / "ring" / "1.png", data / "ring" / "0.png")
    (data / "bars" / "0.png").rename(data / "gone.png")
    refused(
        2, ("gallery", "rebuild", place, "--model", other_model), "2 references of 6", "bars", "nothing has changed"
    )
    assert api.references(place, model=tiny_model) == before
    shutil.copyfile(shapes / "ring" / "0.png", data / "ring" / "0.png")
    shutil.copyfile(shapes / "bars" / "0.png", data / "bars" / "0.png")
    assert api.rebuild(place, model=other_model) == len(SHAPES)
    refused(2, ("list", place, "--model", tiny_model), "was made by model")


def test_an_open_gallery_says_that_it_was_rebuilt(full: Path, other_model: Path, picture: Path) -> None:
    """Who had the gallery open with the old model is refused, and told to open it again."""
    with Gallery.open(full) as opened:
        opened.identify(picture)
        api.rebuild(full, model=other_model)
        for act in (lambda: opened.identify(picture), lambda: opened.enroll("x", picture, override="duplicate")):
            with pytest.raises(GalleryError, match="open it again"):
                act()


def test_rebuilding_waits_for_who_enrolls_meanwhile(full: Path, other_model: Path, shapes: Path) -> None:
    """An enrolment made while a gallery is rebuilt is in the rebuilt one."""
    late: list[int] = []

    def meanwhile(done: int, of: int) -> None:
        if not late:
            late.append(api.enroll(full, "late", [shapes / "ring" / "3.png"])[0].added)

    assert api.rebuild(full, model=other_model, progress=meanwhile) == len(SHAPES) + 1
    assert [i.identity for i in api.identities(full)] == [*SHAPES, "late"]


def test_errors_are_of_their_kind(full: Path, tmp_path: Path) -> None:
    """A bulk enrolment of pictures that can't be read is an InputError; an export to a full place is a StorageError."""
    (tmp_path / "bad" / "one").mkdir(parents=True)
    (tmp_path / "bad" / "one" / "x.png").write_text("no picture")
    with pytest.raises(InputError, match="nothing was enrolled"):
        api.enroll(full, data=str(tmp_path / "bad"))
    with pytest.raises((GalleryError, StorageError)):
        api.export_gallery(full, out=tmp_path / "no" / "where")
