"""What goes wrong has its status, its kind and one sentence; the service goes on."""

from __future__ import annotations

import base64
import json
import re
import shutil
import sqlite3
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from firstsight import api, errors
from firstsight.errors import FirstSightError
from firstsight.gallery import Gallery
from firstsight.serve.answers import STATUS
from served import Serve

MAIN = "/v1/galleries/main"
KINDS = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, FirstSightError)]


def said(answer: object, status: int, kind: str, *words: str) -> str:
    """The sentence of an error that has this status and kind, and these words."""
    assert answer.status_code == status, answer.text
    told = answer.json()["error"]
    assert (told["kind"], sorted(set(told) - {"findings"})) == (kind, ["kind", "message", "request"])
    assert answer.headers["x-request-id"] == told["request"]
    for word in words:
        assert word in told["message"], told["message"]
    assert "\n" not in told["message"]
    return str(told["message"])


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_every_kind_has_its_status(kind: type[FirstSightError]) -> None:
    """Each error of FirstSight's is in the table, or one above it is that is not the root."""
    nearest = next(k for k in kind.__mro__ if k in STATUS)
    assert nearest is not FirstSightError or kind.__name__ in ("FirstSightError", "TrainingError")


def test_statuses(asking: TestClient, picture: Path) -> None:
    """Who is not enrolled, names that are taken or none, and images that are none."""
    image = {"images": picture.read_bytes()}
    said(asking.post(f"{MAIN}/verify", data={"identity": "x"}, files=image), 404, "MissingError", "'x'")
    said(asking.post("/v1/galleries/x/identify", files=image), 404, "MissingError", "no gallery 'x'")
    said(asking.get(f"{MAIN}/references/99999/image"), 404, "MissingError", "99999")
    said(asking.get(f"{MAIN}/identities?after=x"), 404, "MissingError", "'x'")
    said(asking.post(f"{MAIN}/rename", json={"identity": "ring", "to": "cross"}), 409, "TakenError", "'cross'")
    said(asking.post("/v1/galleries", json={"gallery": "main"}), 409, "TakenError", "exists already")
    said(asking.post(f"{MAIN}/merge", json={"identity": "ring", "into": "ring"}), 409, "GalleryError", "itself")
    said(asking.post(f"{MAIN}/rename", json={"identity": "ring", "to": "\u0007"}), 422, "SpellingError", "name")
    said(asking.post(f"{MAIN}/identify", files={"images": b"GIF89a"}), 422, "InputError")
    said(asking.post(f"{MAIN}/identify", files={"images": picture.read_bytes()[:-40]}), 422, "InputError", "damaged")
    said(asking.post(f"{MAIN}/identify", files={"images": b""}), 422, "UsageError", "0 bytes")
    said(asking.post(f"{MAIN}/identify", json={"top": 1}), 422, "UsageError", "images")
    said(asking.get(f"{MAIN}/identities?where=x"), 422, "SpellingError", "key=value")
    said(
        asking.post(f"{MAIN}/verify", data={"identity": "ring", "place": "x"}, files=image), 422, "UsageError", "record"
    )
    said(asking.get("/v1/nothing"), 404, "UsageError", "openapi.json")
    said(asking.delete("/v1/galleries"), 405, "UsageError", "DELETE")
    said(asking.get("/nothing"), 404, "UsageError")
    said(asking.get(f"{MAIN}/attendance?zone=Moon"), 422, "UsageError", "Moon")


def test_the_gate_refuses_with_its_findings(asking: TestClient, shapes: Path) -> None:
    """What the quality gate finds comes whole with the error, as ``check`` tells it before; nothing is stored unless
    its name is overridden."""
    files = {"images": (shapes / "circle" / "0.png").read_bytes()}
    before = asking.get(f"{MAIN}/references").json()
    for verb, name in (("enroll", "copy"), ("replace", "ring")):
        answer = asking.post(f"{MAIN}/{verb}", data={"identity": name}, files=files)
        said(answer, 422, "QualityError", "circle", "--override duplicate")
        findings = answer.json()["error"]["findings"]
        assert [(f["name"], sorted(f)) for f in findings] == [
            ("duplicate", ["limit", "message", "name", "source", "value"])
        ]
        assert asking.post(f"{MAIN}/check", data={"identity": name}, files=files).json() == findings
    assert asking.get(f"{MAIN}/references").json() == before
    said(
        asking.post(f"{MAIN}/enroll", data={"identity": "copy", "override": "duplicat"}, files=files),
        422,
        "UsageError",
        "did you mean 'duplicate'",
    )
    fields = {"identity": "copy", "override": ["blur", "duplicate"]}
    assert asking.post(f"{MAIN}/enroll", data=fields, files=files).status_code == 201
    assert asking.post(f"{MAIN}/check", data={"identity": "circle"}, files=files).json() == []


@pytest.mark.parametrize("verb", ["enroll", "replace"])
def test_the_openapi_tells_of_findings(asking: TestClient, verb: str) -> None:
    """A program that enrolls learns from the OpenAPI that a refusal may hold findings, and what each is."""
    told = asking.get("/v1/openapi.json").json()
    answer = told["paths"][f"/v1/galleries/{{gallery}}/{verb}"]["post"]["responses"]["422"]
    shown = answer["content"]["application/json"]["schema"]
    for name in ("error", "findings"):
        shown = told["components"]["schemas"][shown["$ref"].rpartition("/")[2]]["properties"][name]
    finding = told["components"]["schemas"][shown["items"]["$ref"].rpartition("/")[2]]
    assert set(finding["properties"]) == {"name", "source", "message", "value", "limit"}


def test_fused_and_one_to_one_exclude_each_other(asking: TestClient, picture: Path) -> None:
    """Several images show one thing or each another, never both."""
    fields, image = {"fused": "true", "one_to_one": "true"}, {"images": picture.read_bytes()}
    said(asking.post(f"{MAIN}/identify", data=fields, files=image), 422, "UsageError", "not both")


def test_a_gallery_without_anybody(asking: TestClient, picture: Path) -> None:
    """Nobody to compare with is a state of the gallery, and no fault of the request."""
    asking.post("/v1/galleries", json={"gallery": "empty"})
    answer = asking.post("/v1/galleries/empty/identify", files={"images": picture.read_bytes()})
    said(answer, 409, "GalleryError", "nobody is enrolled")


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"identity": NaN}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"images": "x"}', "application/json", 422),
        (b'{"images": ["\xc3\xa4"]}', "application/json", 422),
        (b'{"images": [5]}', "application/json", 422),
        (b'{"images": ["AAAA"], "top": "5"}', "application/json", 422),
        (b'{"images": ["AAAA"], "top": 1.5}', "application/json", 422),
        (b'{"images": ["AAAA"], "more": 1}', "application/json", 422),
        (b"images=x", "application/x-www-form-urlencoded", 415),
        (b"x", "text/plain", 415),
        (b"x", "", 415),
        (b"x", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=b", 400),
        (b"--b\r\n\r\n", "multipart/form-data; boundary=b", 400),
        (b'--b\r\nContent-Disposition: form-data; name="images"\r\n\r\nxx', "multipart/form-data; boundary=b", 400),
        (b"--b--\r\n", "multipart/form-data; boundary=b", 422),
    ],
)
def test_bodies_that_are_none(asking: TestClient, content: bytes, kind: str, status: int) -> None:
    """What is not JSON or a form, is cut, or holds what it may not, is told apart."""
    answer = asking.post(f"{MAIN}/identify", content=content, headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]


def test_an_upload_that_was_cut(asking: TestClient, picture: Path) -> None:
    """A form cut at any of its bytes is 400 (or 422, where what is missing is a whole part), and nothing is stored."""
    form = b'--b\r\nContent-Disposition: form-data; name="identity"\r\n\r\nalice\r\n'
    form += b'--b\r\nContent-Disposition: form-data; name="override"\r\n\r\nduplicate\r\n'
    form += b'--b\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\n' + picture.read_bytes()
    form += b"\r\n--b--"
    before = asking.get(f"{MAIN}/references").json()
    for end in range(0, len(form), 7):
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = asking.post(f"{MAIN}/enroll", content=form[:end], headers=headers)
        assert answer.status_code == 400, end
    assert asking.get(f"{MAIN}/references").json() == before
    assert asking.post(f"{MAIN}/enroll", content=form, headers=headers).status_code == 201


def test_compressed_bodies_are_refused(asking: TestClient) -> None:
    """A body that would unpack to more is not unpacked."""
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    said(asking.post(f"{MAIN}/identify", content=b"x", headers=headers), 415, "InputError", "compressed")


def test_a_store_that_vanishes_and_comes_back(asking: TestClient, store: Path, picture: Path) -> None:
    """While the file is away, what needs it is 503 with Retry-After, and no path is told; then all goes on."""
    image = {"images": picture.read_bytes()}
    fields = {"identity": "x", "override": "duplicate"}
    assert asking.post(f"{MAIN}/identify", files=image).status_code == 200
    away = store.with_suffix(".away")
    store.rename(away)
    for answer in (
        asking.get("/v1/ready"),
        asking.get("/v1/galleries"),
        asking.post(f"{MAIN}/identify", files=image),
        asking.post(f"{MAIN}/enroll", data=fields, files=image),
    ):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert str(store.parent) not in answer.text
    assert asking.get("/v1/health").status_code == 200
    away.rename(store)
    assert asking.get("/v1/ready").status_code == 200
    assert asking.post(f"{MAIN}/identify", files=image).status_code == 200
    assert asking.post(f"{MAIN}/enroll", data=fields, files=image).status_code == 201


def test_a_store_of_a_newer_version(asking: TestClient, store: Path, tmp_path: Path) -> None:
    """Another file in the store's place, which this FirstSight can't read, is 503 until it is gone."""
    newer = tmp_path / "newer.db"
    shutil.copy(store, newer)
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    kept = store.with_suffix(".kept")
    store.rename(kept)
    newer.rename(store)
    answer = asking.get(f"{MAIN}/identities")
    assert answer.status_code == 503
    assert "format 99" in answer.text
    store.unlink()
    kept.rename(store)
    assert len(asking.get(f"{MAIN}/identities").json()) == 6


def test_a_gallery_that_was_rebuilt_is_opened_again(
    asking: TestClient, store: Path, model_copy: Path, picture: Path, other_model: Path
) -> None:
    """A rebuild by another process, for another model, needs no restart."""
    assert asking.post(f"{MAIN}/identify", files={"images": picture.read_bytes()}).status_code == 200
    api.calibrate(other_model, fmr=0.1)
    api.rebuild(store, model=other_model)
    answer = asking.post(f"{MAIN}/identify", files={"images": picture.read_bytes()})
    assert answer.json()[0]["identity"] == "circle", answer.text
    [told] = asking.get("/v1/galleries").json()
    assert told["fingerprint"] == firstsight_of(other_model)


def firstsight_of(model: Path) -> str:
    """Fingerprint of a model."""
    from firstsight.model import Model

    return Model.load(model).fingerprint


def test_a_gallery_whose_model_is_gone(asking: TestClient, store: Path, model_copy: Path, picture: Path) -> None:
    """A gallery made by a model that is not there can't be served, and its neighbour is."""
    changed = json.loads((model_copy / "model.json").read_text())
    changed["input"]["settings"]["fit"] = "crop"
    (model_copy / "model.json").write_text(json.dumps(changed))
    (model_copy / "calibration.json").unlink()
    Gallery.create(f"{store}#other", model_copy).close()
    shutil.rmtree(model_copy)
    answer = asking.post("/v1/galleries/other/identify", files={"images": picture.read_bytes()})
    said(answer, 503, "StorageError", "model")
    assert asking.post(f"{MAIN}/identify", files={"images": picture.read_bytes()}).status_code == 200


def test_a_dropped_gallery_is_missed(asking: TestClient, store: Path, picture: Path) -> None:
    """A gallery that another process drops is 404 from then on; one made anew under its name begins empty."""
    asking.post("/v1/galleries", json={"gallery": "door"})
    door = "/v1/galleries/door"
    image = {"images": picture.read_bytes()}
    assert asking.post(f"{door}/enroll", data={"identity": "x"}, files=image).status_code == 201
    assert asking.post(f"{door}/identify", files=image).json()[0]["identity"] == "x"
    assert api.drop(f"{store}#door").references == 1
    said(asking.post(f"{door}/identify", files=image), 404, "MissingError", "no gallery 'door'")
    api.create(f"{store}#door", model=asking.app.state.service.galleries.model.path).close()
    said(asking.post(f"{door}/identify", files=image), 409, "GalleryError", "nobody")
    assert asking.post(f"{MAIN}/identify", files=image).json()[0]["identity"] == "circle"


def test_a_fault_shows_nothing(serving: Serve, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error nobody meant is 500 with a sentence and the request's id, and the message stays inside."""
    client = serving()

    def broken(*_: object) -> None:
        raise RuntimeError("alice has score 0.93")

    monkeypatch.setattr(client.app.state.service.galleries, "reading", broken)
    answer = client.get(f"{MAIN}/identities", headers={"X-Request-Id": "abc-1"})
    assert answer.status_code == 500
    assert answer.json()["error"]["request"] == answer.headers["x-request-id"] == "abc-1"
    assert "alice" not in answer.text


@pytest.mark.parametrize("given", ["a b", "x" * 65, "<script>", "ä"])
def test_request_ids_from_outside_are_plain(asking: TestClient, given: str) -> None:
    """An id that is not of plain characters is replaced."""
    answer = asking.get("/v1/health", headers={"X-Request-Id": given.encode()})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


def test_names_are_only_names(asking: TestClient, store: Path, picture: Path) -> None:
    """SQL, HTML and paths in a name are a name: stored as they came, and found by it."""
    names = ["'; DROP TABLE identity; --", "<script>alert(1)</script>", "../../etc/passwd", "%00", "a" * 200]
    image = base64.b64encode(picture.read_bytes()).decode()
    for name in names:
        body = {"identity": name, "images": [image], "override": ["duplicate"]}
        answer = asking.post(f"{MAIN}/enroll", json=body)
        assert answer.status_code == 201, answer.text
    assert [i["identity"] for i in asking.get(f"{MAIN}/identities").json()][6:] == names
    assert asking.get(f"{MAIN}/references", params={"identity": names[0]}).json()[0]["identity"] == names[0]
    said(asking.post(f"{MAIN}/enroll", json={"identity": "a\u0000b", "images": [image]}), 422, "SpellingError")


def test_a_service_asks_who_was_meant(asking: TestClient, picture: Path) -> None:
    """A name that nobody has is answered with the likeliest one, which who may read could list."""
    body = {"identity": "Cirle"}
    for verb, more in (("remove", {}), ("rename", {"to": "x"}), ("annotate", {"metadata": ["a=b"]})):
        answer = asking.post(f"/v1/galleries/main/{verb}", json=body | more)
        assert answer.status_code == 404
        assert "did you mean 'circle'?" in answer.json()["error"]["message"]
    found = asking.get("/v1/galleries/main/references", params={"identity": "cirlce"})
    assert "did you mean 'circle'?" in found.json()["error"]["message"]
