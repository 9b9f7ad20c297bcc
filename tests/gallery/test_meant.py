"""Who was probably meant, where nobody is called so."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drawn import Refused
from firstsight import api
from firstsight.errors import MissingError
from firstsight.gallery import Gallery
from firstsight.types import Entry

MANY = 40_000


@pytest.fixture
def gallery(tiny_model: Path, shapes: Path, tmp_path: Path) -> Path:
    """Alice Liddell, Bob and Carol."""
    with api.create(tmp_path / "g.db", model=tiny_model) as made:
        for name, shape in (("Alice Liddell", "circle"), ("Bob", "cross"), ("Carol", "ring")):
            made.enroll(name, shapes / shape / "0.png", override="all")
    return tmp_path / "g.db"


VERBS: dict[str, Callable[[Gallery, Path], object]] = {
    "verify": lambda g, picture: g.verify("alice lidell", picture),
    "replace": lambda g, picture: g.replace("alice lidell", picture),
    "remove": lambda g, _: g.remove("alice lidell"),
    "rename": lambda g, _: g.rename("alice lidell", "x"),
    "merge": lambda g, _: g.merge("alice lidell", "Bob"),
    "merge into": lambda g, _: g.merge("Bob", "alice lidell"),
    "annotate": lambda g, _: g.annotate("alice lidell", {"a": "b"}),
    "list": lambda g, _: g.list(identity="alice lidell"),
    "events": lambda g, _: g.events(identity="alice lidell"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_asks_who_was_meant(verb: str, gallery: Path, picture: Path) -> None:
    """A name that nobody has is answered with the likeliest one, in capitals or not."""
    with Gallery.open(gallery) as opened, pytest.raises(MissingError, match=r"did you mean 'Alice Liddell'\?"):
        VERBS[verb](opened, picture)


def test_the_command_line_asks_too(gallery: Path, picture: Path, tmp_path: Path, refused: Refused) -> None:
    """On the command line, where a name like none is asked back nothing."""
    for command in (
        ("verify", gallery, "bbo", picture),
        ("remove", gallery, "BOB"),
        ("attendance", gallery, "--identity", "Bop"),
    ):
        refused(2, command, "did you mean 'Bob'?")
    refused(2, ("gallery", "export-subject", gallery, "Karol", "--out", tmp_path / "x"), "did you mean 'Carol'?")
    assert "did you mean" not in refused(2, ("remove", gallery, "zzz"), "is not enrolled")
    assert "did you mean" not in refused(2, ("remove", gallery, "Bob" * 100), "is not enrolled")


def test_who_was_meant_among_many_is_found_at_once(gallery: Path) -> None:
    """Among tens of thousands those are compared that begin alike, in no more time than among some thousands."""
    with Gallery.open(gallery) as opened:
        store = opened.store
        vectors = np.eye(1, store.contract.dim, dtype=np.float32)
        for start in range(0, MANY, 10_000):
            store.add([Entry(f"person {n:06d}", vectors, [""]) for n in range(start, start + 10_000)])
        store.add([Entry("Zoë Zimmermann", vectors, [""])])
        began = time.perf_counter()
        assert store.nearest("Person 031234x") == "person 031234"
        assert store.nearest("zoë zimmerman") == "Zoë Zimmermann"
        store.nearest("é" * 60)
        assert time.perf_counter() - began < 5
        with pytest.raises(MissingError, match="did you mean 'Zoë Zimmermann'"):
            opened.remove("Zoe Zimmermann")
