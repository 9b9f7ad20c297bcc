"""Names in a gallery: what deceives is refused at every door, and what an older version took can be worked with."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drawn import Cli
from firstsight import api
from firstsight.errors import FirstSightError, SpellingError, TakenError, UsageError
from firstsight.gallery import Gallery
from firstsight.types import Record

DECEIVING = ("аlice", "al\u3164ice", "ｂob", "𝐛ob")  # Cyrillic a, Hangul filler, wide and bold b
ODD = "аlice ♥ al\u3164ice"


@pytest.fixture
def place(tiny_model: Path, tmp_path: Path, picture: Path) -> Path:
    """A gallery with one identity of one reference."""
    with Gallery.create(tmp_path / "g.db", tiny_model) as gallery:
        gallery.enroll("Cope", picture)
    return tmp_path / "g.db"


@pytest.mark.parametrize("name", DECEIVING, ids=ascii)
def test_no_door_takes_what_deceives(name: str, place: Path, picture: Path, shapes: Path, tmp_path: Path) -> None:
    """Names, places, actors, metadata, keys and galleries are held to the rule, alone and in bulk."""
    folder = tmp_path / "people"
    (folder / name).mkdir(parents=True)
    (folder / name / "0.png").write_bytes(picture.read_bytes())
    with Gallery.open(place) as gallery:
        vector = gallery.model.embed([picture])
        doors: list[Callable[[], object]] = [
            lambda: gallery.enroll(name, picture),
            lambda: gallery.enroll_embeddings(name, vector, ["x"]),
            lambda: gallery.check(picture, name),
            lambda: gallery.rename("Cope", name),
            lambda: gallery.enroll("Cope", picture, metadata={name: "x"}),
            lambda: gallery.annotate("Cope", [f"team={name}"]),
            lambda: gallery.verify("Cope", picture, record=Record(place=name)),
            lambda: gallery.verify("Cope", picture, record=Record(actor=name)),
            lambda: api.enroll(place, data=str(folder)),
            lambda: api.add_key(place, name, role="read"),
            lambda: api.create(f"{place}#{name}", model=gallery.model.path),
        ]
        for door in doors:
            with pytest.raises(FirstSightError, match=r"letters|printable"):
                door()
        assert [i.identity for i in gallery.identities()] == ["Cope"]


def test_a_name_that_looks_like_an_enrolled_one_is_another(place: Path, picture: Path, tmp_path: Path) -> None:
    """Either may come first, alone or with others at once; who is enrolled already goes on being enrolled."""
    with Gallery.open(place) as gallery:
        with pytest.raises(SpellingError, match="looks like 'Cope'"):
            gallery.enroll("Соре", picture, override="all")
        gallery.enroll("Сара", picture, override="all")
        gallery.enroll("Сара", picture, override="all")
        for door in (lambda: gallery.enroll("Capa", picture), lambda: gallery.rename("Cope", "Capa")):
            with pytest.raises(SpellingError, match="u0421"):
                door()
    for name in ("Aca", "Аса"):
        (tmp_path / "people" / name).mkdir(parents=True)
        (tmp_path / "people" / name / "0.png").write_bytes(picture.read_bytes())
    with pytest.raises(SpellingError, match="looks like"):
        api.enroll(place, data=str(tmp_path / "people"), override=["all"])
    api.add_key(place, "Cope", role="read")
    with pytest.raises(TakenError, match="'Cope' already"):
        api.add_key(place, "Соре", role="read")


def test_an_older_name_can_be_worked_with(place: Path, picture: Path, shapes: Path, cli: Cli, tmp_path: Path) -> None:
    """A gallery with a name of before the rule opens, answers, lists, enrolls, annotates, renames and removes it."""
    with sqlite3.connect(place) as db:
        db.execute("UPDATE identity SET name=?, metadata=?", (ODD, json.dumps({"tеam": "al\u3164ice"})))
    db.close()
    with Gallery.open(place) as gallery:
        assert gallery.identify(picture).identity == ODD
        assert gallery.verify(ODD, picture, record=Record(place="door")).same
        assert [r.identity for r in gallery.list(identity=ODD)] == [ODD]
        assert [i.identity for i in gallery.identities(where={"tеam": "al\u3164ice"})] == [ODD]
        assert gallery.enroll(ODD, shapes / "circle" / "1.png", override="all").references == 2
        assert gallery.replace(ODD, picture).references == 1
        assert gallery.annotate(ODD, ["tеam="]).metadata == {}
        assert gallery.rename(ODD, "alice").into == "alice"
        with pytest.raises(SpellingError):
            gallery.rename("alice", ODD)
        assert gallery.remove("alice").removed == 1


def test_an_import_is_held_to_the_rule(place: Path, tiny_model: Path, tmp_path: Path) -> None:
    """A folder from elsewhere brings no name that deceives."""
    api.export_gallery(place, out=tmp_path / "export")
    lines = tmp_path / "export" / "references.jsonl"
    lines.write_text(lines.read_text().replace("Cope", "Cоpe"))
    with Gallery.create(tmp_path / "new.db", tiny_model):
        pass
    with pytest.raises(SpellingError, match="Cyrillic and Latin"):
        api.import_gallery(tmp_path / "new.db", tmp_path / "export")
    assert api.references(tmp_path / "new.db") == []


def test_enrolling_a_plain_name_asks_the_store_no_more(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that looks like no other costs no look into the store: what is enrolled often stays as fast."""
    with Gallery.open(place) as gallery:
        asked: list[str | None] = []
        was = gallery.store.references
        monkeypatch.setattr(gallery.store, "references", lambda name=None: asked.append(name) or was(name))
        gallery.enroll_embeddings("person 17", np.eye(1, gallery.model.dim, dtype=np.float32), ["x"])
    assert asked == []


def test_a_place_says_why_it_is_refused(place: Path, picture: Path) -> None:
    """The sentence shows the code points, since the letters do not."""
    with (
        Gallery.open(place) as gallery,
        pytest.raises(UsageError, match=r"place is 'd\\u043e\\u043er'.*mixes|Cyrillic"),
    ):
        gallery.verify("Cope", picture, record=Record(place="dооr"))
