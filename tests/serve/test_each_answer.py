"""Over HTTP each of several images has its own answer, in the order in which they came."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from firstsight import Client
from firstsight.errors import BatchError, InputError
from firstsight.types import Failure, Match, Record

MAIN = "/v1/galleries/main"


def batch(picture: Path) -> list[tuple[str, bytes]]:
    """A good one between three that are none."""
    images = [b"", picture.read_bytes(), b"GIF89a", picture.read_bytes()[:80]]
    return [("images", image) for image in images]


@pytest.mark.parametrize("fields", [{}, {"one_to_one": "true"}])
def test_each_probe_has_its_own_answer(fields: dict[str, str], asking: TestClient, picture: Path) -> None:
    """An error in its place, and no event; a batch in JSON is the same."""
    before = len(asking.get(f"{MAIN}/events").json())
    answer = asking.post(f"{MAIN}/identify", files=batch(picture), data={"record": "true", **fields})
    assert answer.status_code == 200
    found = answer.json()
    assert ["error" in one for one in found] == [True, False, True, True]
    assert [one["error"]["source"] for one in found if "error" in one] == ["image 1", "image 3", "image 4"]
    assert {one["error"]["kind"] for one in found if "error" in one} == {"InputError"}
    [alone] = asking.post(f"{MAIN}/identify", files={"images": picture.read_bytes()}).json()
    assert found[1]["candidates"] == alone["candidates"]
    assert len(asking.get(f"{MAIN}/events").json()) == before + 1
    coded = [base64.b64encode(image).decode() for _, image in batch(picture)]
    assert (
        asking.post(f"{MAIN}/identify", json={"images": coded[1:], **dict.fromkeys(fields, True)}).json()[0] == found[1]
    )


def test_all_bad_have_their_answers_too(asking: TestClient) -> None:
    """Several that are none are several answers; one alone is an error of the request."""
    several = asking.post(f"{MAIN}/identify", files=[("images", b"GIF89a"), ("images", b"BM")])
    assert several.status_code == 200
    assert all("error" in one for one in several.json())
    assert asking.post(f"{MAIN}/identify", files={"images": b"GIF89a"}).status_code == 422


def test_one_question_is_refused_whole(asking: TestClient, picture: Path) -> None:
    """Fused probes, and the pictures of one enrolment, are one question; the sentence says which are bad."""
    good, bad = ("images", picture.read_bytes()), ("images", b"GIF89a")
    for verb, fields in (
        ("identify", {"fused": "true"}),
        ("verify", {"identity": "ring"}),
        ("enroll", {"identity": "x"}),
    ):
        answer = asking.post(f"{MAIN}/{verb}", files=[good, bad], data=fields)
        assert answer.status_code == 422
        told = answer.json()["error"]
        assert told["kind"] == "InputError"
        assert "1 of 2 images can't be read: image 2" in told["message"]


def test_embeddings_and_findings_of_the_others(asking: TestClient, picture: Path) -> None:
    """A vector or an error a place; what the gate can't look at is a finding."""
    made = asking.post("/v1/embed", files=batch(picture)).json()["embeddings"]
    assert [isinstance(one, dict) for one in made] == [True, False, True, True]
    found = asking.post(f"{MAIN}/check", files=batch(picture)).json()
    assert [one["source"] for one in found if one["name"] == "unreadable"] == ["image 1", "image 3", "image 4"]


def test_the_client_raises_with_the_answers(asking: TestClient, picture: Path, tmp_path: Path) -> None:
    """As a gallery does, wherever the reading failed: there, or here where the file is missing."""
    client = Client("http://localhost", transport=asking._transport, retries=0)
    sources = [picture, b"GIF89a", tmp_path / "gone.png"]
    with pytest.raises(BatchError, match="2 of 3 images can't be read") as caught:
        client.assign(sources, record=Record())
    first, bad, gone = caught.value.answers
    assert isinstance(first, Match)
    assert isinstance(bad, Failure)
    assert isinstance(gone, Failure)
    assert "gone.png does not exist" in gone.error.message
    assert [e.verb for e in client.events()] == ["identify"]
    with pytest.raises(BatchError) as vectors:
        client.embed(sources)
    assert np.allclose(vectors.value.answers[0], client.embed(picture)[0], atol=1e-6)
    assert sorted(f.source for f in client.check(sources) if f.name == "unreadable") == [str(sources[2]), "image 2"]
    with pytest.raises(InputError):
        client.assign([b"GIF89a"])
    with pytest.raises(InputError):
        client.assign([tmp_path / "gone.png"])
