"""Paths of the server reach nobody: not by answers, not by errors, whatever has gone wrong there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from firstsight import api
from firstsight.gallery import Gallery
from firstsight.serve.app import create_app
from firstsight.serve.places import last_part, told_elsewhere
from firstsight.serve.settings import Settings
from served import ROUTES, from_here


@pytest.fixture
def secret(tiny_model: Path, shapes: Path, tmp_path: Path) -> Path:
    """A folder, with a blank in its name, that holds all there is: photographs, models and a store of two galleries."""
    folder = tmp_path / "secret place"
    folder.mkdir()
    shutil.copytree(tiny_model, folder / "model a")
    shutil.copytree(tiny_model, folder / "model-b")
    shutil.copytree(shapes, folder / "photos")
    for name, model in (("main", "model a"), ("other", "model-b")):
        Gallery.create(f"{folder}/staff.db#{name}", folder / model, keep_sources=True).close()
        api.enroll(f"{folder}/staff.db#{name}", data=str(folder / "photos"))
    return folder


def everything(client: TestClient, picture: Path) -> list[str]:
    """What all routes answer to good and to bad requests, heads and bodies."""
    image, said = {"images": picture.read_bytes()}, []
    for route in ROUTES:
        [method] = route.methods
        for gallery in ("main", "other", "none", "..%2F..%2Fetc"):
            path = route.path.replace("{gallery}", gallery)
            if path.endswith("drop"):
                continue
            path = re.sub(r"\{\w+\}", "1", path)
            asked = [
                {"data": {"identity": "circle"}, "files": image},
                {"json": {"identity": "/etc/passwd"}},
                {"json": []},
            ]
            for given in asked if method == "POST" else [{}, {"params": {"limit": "x", "after": "zzz"}}]:
                answer = client.request(method, path, **given)
                said.append(f"{path} {answer.status_code} {answer.headers} {answer.text}")
    both = {"left": picture.read_bytes(), "right": b"GIF89a"}
    said.append(client.post("/v1/compare", files=both).text)
    return said


@pytest.mark.parametrize(
    "broken", ["", "model gone", "model altered", "other model gone", "store gone", "store damaged", "images gone"]
)
def test_no_answer_holds_a_path(broken: str, secret: Path, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the folder's name nor what is above it is in any head or body, in good times and in bad."""
    monkeypatch.chdir(secret.parent)
    client = from_here(create_app(Settings(f"{secret.name}/staff.db", rate=0)))
    if broken == "model gone":
        shutil.rmtree(secret / "model a")
    elif broken == "model altered":
        (secret / "model a" / "encoder.onnx").write_bytes(b"x")
    elif broken == "other model gone":
        shutil.rmtree(secret / "model-b")
    elif broken == "store gone":
        (secret / "staff.db").rename(secret / "away.db")
    elif broken == "store damaged":
        for file in secret.glob("staff.db*"):
            file.unlink()
        (secret / "staff.db").write_bytes(b"no database" * 100)
    elif broken == "images gone":
        shutil.rmtree(secret / "photos")
    told = everything(client, picture)
    assert len(told) > 100
    leaks = [one[:600] for one in told if "secret" in one or str(secret.parent) in one or "/tmp/" in one]
    assert leaks == []
    if not broken:
        listed = client.get("/v1/galleries/main/references").json()
        assert {r["source"] for r in listed} >= {"0.png"}
        assert [g["model"] for g in client.get("/v1/galleries").json()] == ["model a", "model-b"]
        model = client.get("/v1/model").json()
        assert model["trained"]["data"].startswith("folder:") or "/" not in model["trained"]["data"]
        assert str(picture.parents[1].parent) not in model["card"]


def test_what_is_a_path_is_cut_and_nothing_else() -> None:
    """Addresses of the service, fractions, names in quotes and shipped models stay as they are."""
    for text in (
        "see /v1/openapi.json for what there is",
        "'/etc/passwd' is not enrolled",
        "3/4 of multipart/form-data, application/json and http://localhost:8000/page/",
        "an image of 12 bytes",
        "glyphs",
    ):
        assert told_elsewhere(text) == text
    assert told_elsewhere("/srv/a/b.onnx can't be read (folder:/srv/x)") == "b.onnx can't be read (folder:x)"
    assert last_part("folder:/srv/my photos/people:train") == "folder:people:train"
    assert last_part("/srv/my photos/a.png") == "a.png"
    assert last_part("~/x/model") == "model"
    assert last_part("a/b") == "a/b"
