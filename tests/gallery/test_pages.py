"""A page of a long list reads the rows of the page, and all pages together are the list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstsight.errors import MissingError
from firstsight.gallery import Gallery
from firstsight.types import Entry

MANY = 9000


@pytest.fixture(scope="module")
def place(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thousands of identities, some of which have two references; every hundredth is of a team."""
    file = tmp_path_factory.mktemp("pages") / "g.db"
    with Gallery.create(file, tiny_model) as gallery, Gallery.create(f"{file}#other", tiny_model) as other:
        dim = gallery.model.dim
        for one in (gallery, other):
            vector = np.eye(1, dim, dtype=np.float32)
            one.store.add([Entry(f"p{n}", vector, ["x"]) for n in range(MANY)])
            one.store.add([Entry(f"p{n}", vector, ["y"]) for n in range(0, MANY, 3)])
        for n in range(0, MANY, 1000):
            gallery.annotate(f"p{n}", ["team=red"])
    return file


@pytest.mark.parametrize("asked", [{}, {"search": "P12"}, {"where": ["team=red"]}, {"search": "nobody"}])
@pytest.mark.parametrize("limit", [7, 1000, 20_000])
def test_all_pages_are_the_list(asked: dict[str, Any], limit: int, place: Path) -> None:
    """Whatever is asked for, the pages one after the other hold what the list holds, in its order."""
    with Gallery.open(place) as gallery:
        people, references = gallery.identities(**asked), gallery.list(**asked)
        for whole, page, mark in (
            (people, gallery.identities_page, lambda i: i.identity),
            (references, gallery.references_page, lambda r: r.id),
        ):
            found: list[Any] = []
            for _ in range(4):
                after = {"after": mark(found[-1])} if found else {}
                found += page(limit=limit, **asked, **after)
            assert found == whole[: 4 * limit]


def test_a_page_of_one_identity(place: Path) -> None:
    """Those of one identity only; of nobody is an error, as an end that is not enrolled."""
    with Gallery.open(place) as gallery:
        assert [r.source for r in gallery.references_page(identity="p3", limit=1)] == ["x"]
        first = gallery.list(identity="p3")[0].id
        assert [r.source for r in gallery.references_page(identity="p3", limit=5, after=first)] == ["y"]
        for ask in (
            lambda: gallery.references_page(identity="nobody", limit=1),
            lambda: gallery.identities_page(after="nobody", limit=1),
        ):
            with pytest.raises(MissingError, match="not enrolled"):
                ask()


def test_a_page_reads_no_more(place: Path) -> None:
    """SQLite steps through the rows of the page: its work does not grow with the gallery."""
    with Gallery.open(place) as gallery:
        last = gallery.list()[-2].id
        steps = 0

        def step() -> int:
            nonlocal steps
            steps += 1
            return 0

        with gallery.store._file.reading() as db:
            db.set_progress_handler(step, 100)
            for ask in (
                lambda: gallery.references_page(limit=1),
                lambda: gallery.references_page(limit=1, after=last),
                lambda: gallery.references_page(limit=1, identity="p3"),
                lambda: gallery.references_page(limit=1, where=["team=red"]),
                lambda: gallery.identities_page(limit=1),
                lambda: gallery.identities_page(limit=1, after="p5000"),
            ):
                assert len(ask()) == 1
            db.set_progress_handler(None, 0)
        assert steps < 50, f"{100 * steps} steps of SQLite's machine"
