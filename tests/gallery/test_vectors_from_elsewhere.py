"""What is enrolled, imported or asked as an embedding is one, or is refused; what is damaged in a store is told."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from drawn import Cli
from firstsight.api import doctor
from firstsight.errors import GalleryError, InputError
from firstsight.gallery import Gallery
from firstsight.gallery.rebuild import rebuild
from firstsight.model import Model
from firstsight.types import Contract, Entry
from released import RELEASED

PICTURES = RELEASED / "pictures/learned"
FACTORS = {"NaN": np.nan, "infinite": np.inf, "1000 times": 1e3, "3 times": 3.0, "a thousandth": 1e-3, "zero": 0.0}
SCALED = ("dot", "half", "int8", "pair")
"""Models whose vectors have length 1; that of the others is free, to some extent."""
CASES = [(name, what) for name in SCALED for what in FACTORS]
CASES += [(name, what) for name in ("euclidean", "manhattan") for what in ("NaN", "infinite", "1000 times")]


def model_of(name: str) -> Model:
    """A model of the release."""
    return Model.load(RELEASED / "models" / name)


@pytest.fixture
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gallery]:
    """A gallery of the model that the test names (or ``dot``), with three signs."""
    name = request.node.callspec.params.get("name", "dot") if hasattr(request.node, "callspec") else "dot"
    with Gallery.create(tmp_path / "g.db", model_of(name), keep_sources=True) as gallery:
        for n in range(3):
            gallery.enroll(f"sign {n}", PICTURES / f"sign {n}/0.png", override=["all"])
        yield gallery


def damage(place: Path, identity: str, vector: bytes) -> None:
    """Put other bytes in the place of an identity's vector, as a bad disk or another program would."""
    with closing(sqlite3.connect(place)) as db, db:
        query = "UPDATE reference SET vector=? WHERE identity=(SELECT id FROM identity WHERE name=?)"
        assert db.execute(query, (vector, identity)).rowcount == 1


@pytest.mark.parametrize(("name", "what"), CASES)
def test_what_is_no_embedding_is_neither_enrolled_nor_asked(name: str, what: str, opened: Gallery) -> None:
    """A vector that is not finite, or not as long as the model's, is refused; all is as before."""
    with np.errstate(all="ignore"):
        vector = (opened.model.embed(PICTURES / "sign 3/0.png") * np.float32(FACTORS[what])).astype(np.float32)
    before = opened.identify(PICTURES / "sign 0/0.png")
    with pytest.raises(GalleryError, match="expected"):
        opened.enroll_embeddings("the boss", vector, ["elsewhere"])
    with pytest.raises(GalleryError, match="'the boss'"):
        opened.store.add(
            [Entry("good", opened.model.embed(PICTURES / "sign 3/1.png"), ["x"]), Entry("the boss", vector, ["y"])]
        )
    with pytest.raises(InputError, match="the vector of a probe"):
        opened.match_embeddings(vector)
    assert [one.identity for one in opened.identities()] == ["sign 0", "sign 1", "sign 2"]
    assert opened.identify(PICTURES / "sign 0/0.png") == before


@pytest.mark.parametrize("name", [*SCALED, "euclidean", "manhattan"])
def test_embeddings_of_the_model_are_taken(name: str, opened: Gallery) -> None:
    """What the model itself makes of pictures is enrolled and asked, in half precision and int8 too, as doubles too."""
    vectors = opened.model.embed(sorted(PICTURES.rglob("*.png")))
    opened.enroll_embeddings("all", vectors.astype(np.float64), ["x"] * len(vectors))
    assert len(opened.match_embeddings(vectors.astype(np.float64))) == len(vectors)
    np.testing.assert_array_equal(opened.store.vectors("all"), vectors)


def test_a_mean_a_thousand_times_as_long_is_nobody(opened: Gallery) -> None:
    """Who may enroll can't make somebody whom everybody is verified as."""
    vectors = opened.model.embed(sorted((RELEASED / "pictures").rglob("*.png")))
    with pytest.raises(GalleryError, match="has length .*, 1, to which the model scales its own, was expected"):
        opened.enroll_embeddings("the boss", 1000 * vectors.mean(axis=0, keepdims=True), ["elsewhere"])


@pytest.mark.parametrize("what", FACTORS)
def test_an_import_is_looked_at(what: str, opened: Gallery, cli: Cli, tmp_path: Path) -> None:
    """An export whose vectors were altered is refused as a whole, before anything is stored."""
    assert cli("gallery", "export", tmp_path / "g.db", "--out", tmp_path / "out").code == 0
    vectors = np.load(tmp_path / "out/vectors.npy")
    with np.errstate(all="ignore"):
        vectors[-1] *= np.float32(FACTORS[what])
    np.save(tmp_path / "out/vectors.npy", vectors)
    cli("gallery", "create", tmp_path / "h.db", "--model", RELEASED / "models/dot")
    ran = cli("gallery", "import", tmp_path / "h.db", tmp_path / "out")
    assert (ran.code, "vectors.npy" in ran.err) == (2, True)
    assert cli("list", tmp_path / "h.db", "--json").json == []


def test_a_rebuilt_gallery_is_looked_at_by_its_new_model(opened: Gallery) -> None:
    """Vectors that do not suit the new model are refused, and nothing is switched; what suits it is expected then."""
    before, ids = opened.store.contract, np.array([1, 2, 3])
    new = model_of("manhattan")
    contract = Contract("m", "f", new.dim, lengths=lambda: new.lengths)
    for bad in (
        np.full((3, new.dim), np.nan, np.float32),
        np.full((3, new.dim), 1e6, np.float32),
        np.ones((2, new.dim)),
    ):
        with pytest.raises(GalleryError):
            opened.store.switch(contract, ids, bad)
    assert opened.store.contract == before
    rebuild(opened.store, new)
    assert opened.store.add([Entry("long", np.full((1, new.dim), 1.5, np.float32), ["x"])]) == [(1, 1)]


@pytest.mark.parametrize("what", [*FACTORS, "short", "text"])
def test_a_damaged_vector_is_told_and_mended(what: str, opened: Gallery, tmp_path: Path) -> None:
    """Whoever reads a damaged vector is told whose it is; the doctor finds it; once it is removed all is well."""
    place = tmp_path / "g.db"
    vector = opened.store.vectors("sign 1")
    with np.errstate(all="ignore"):
        other = {"short": b"1234", "text": "words"}.get(what) or (vector * np.float32(FACTORS[what])).tobytes()
    assert [check.ok for check in doctor(place) if check.name == "vectors"] == [True]
    damage(place, "sign 1", other)  # type: ignore[arg-type]
    with Gallery.open(place, opened.model) as anew:
        for ask in (
            lambda: anew.identify(PICTURES / "sign 0/0.png"),
            lambda: anew.verify("sign 1", PICTURES / "sign 1/0.png"),
            lambda: list(anew.store.rows()),
        ):
            with pytest.raises(GalleryError, match="'sign 1'"):
                ask()
        assert anew.verify("sign 0", PICTURES / "sign 0/0.png").same is not None
        [found] = [check for check in doctor(place) if check.name == "vectors"]
        assert (found.ok, "sign 1 (reference 2)" in found.value) == (False, True)
        anew.remove("sign 1")
        assert anew.identify(PICTURES / "sign 0/0.png").candidates
    assert [check.ok for check in doctor(place) if check.name == "vectors"] == [True]


def test_a_gallery_of_the_release_opens(tmp_path: Path) -> None:
    """What release 0.1.0 enrolled, a vector from elsewhere among it, is no damage."""
    shutil.copytree(RELEASED / "galleries", tmp_path / "galleries")
    with Gallery.open(tmp_path / "galleries/staff.db", RELEASED / "models/dot") as gallery:
        assert gallery.store.damaged() == []
        assert gallery.identify(PICTURES / "sign 0/0.png").candidates
