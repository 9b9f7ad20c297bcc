"""A store with six shapes enrolled by the tiny model, and a service of it within the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from firstsight import api
from firstsight.gallery import Gallery
from firstsight.serve.app import create_app
from firstsight.serve.settings import Settings
from served import Serve, from_here


@pytest.fixture
def store(tiny_model: Path, shapes: Path, tmp_path: Path) -> Path:
    """A file with one gallery, in which each of the six shapes has one reference, its image kept."""
    place = tmp_path / "staff.db"
    Gallery.create(place, tiny_model, keep_sources=True).close()
    api.enroll(place, data=str(shapes))
    return place


@pytest.fixture
def serving(store: Path) -> Iterator[Serve]:
    """``serving(waiting=2, ...)``: a service of the store with these settings, asked from this machine."""
    with ExitStack() as stack:

        def begin(**settings: object) -> TestClient:
            app = create_app(Settings(**{"store": str(store), "rate": 0, **settings}))  # type: ignore[arg-type]
            return stack.enter_context(from_here(app))

        yield begin


@pytest.fixture
def asking(serving: Serve) -> TestClient:
    """A service with the settings that it has when none are given."""
    return serving()
