"""What a request may hold: fields that there are, images in each of their spellings, and not thousands of parts."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from served import Serve

MAIN = "/v1/galleries/main"


def refused(answer: Any, status: int, *words: str) -> None:
    """It has this status, and these words."""
    assert answer.status_code == status, answer.text
    for word in words:
        assert word in answer.json()["error"]["message"]


def test_a_wrong_field_says_which_there_are(asking: TestClient, picture: Path) -> None:
    """In a form and in JSON, also where it holds an image: what it is called, what was meant, and what there is."""
    image, text = picture.read_bytes(), base64.b64encode(picture.read_bytes()).decode()
    meant = ("'image'", "did you mean 'images'", "fused", "one_to_one", "top")
    refused(asking.post(f"{MAIN}/identify", files={"image": image}), 422, *meant)
    refused(asking.post(f"{MAIN}/identify", json={"image": text}), 422, *meant)
    refused(asking.post(f"{MAIN}/identify", json={"images": [text], "image": 1}), 422, *meant)
    refused(
        asking.post(f"{MAIN}/enroll", data={"name": "x"}, files={"images": image}),
        422,
        "'name'",
        "identity",
        "override",
    )
    refused(asking.post("/v1/compare", files={"a": image, "b": image}), 422, "'a'", "left, right")
    refused(asking.post(f"{MAIN}/identify", files={"x" * 500: image}), 422, "known: direction, fused")


@pytest.mark.parametrize("head", ["data:image/png;base64,", "DATA:;base64,", "data:image/png;charset=x;Base64 ,"])
def test_a_data_url_is_an_image(head: str, asking: TestClient, picture: Path) -> None:
    """What a canvas of a browser gives is taken as the base64 in it, in JSON and in a form, with %2B for + too."""
    text = base64.b64encode(picture.read_bytes()).decode()
    plain = asking.post(f"{MAIN}/identify", json={"images": [text]})
    assert plain.status_code == 200
    for sent in (head + text, head + text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")):
        assert asking.post(f"{MAIN}/identify", json={"images": [sent]}).json() == plain.json()
        assert asking.post(f"{MAIN}/identify", files={"images": sent.encode()}).json() == plain.json()


@pytest.mark.parametrize(
    "sent", ["data:image/png,%89PNG", "data:", "data:image/png;base64", "data:image/svg+xml;utf8,<svg>"]
)
def test_another_data_url_is_refused_in_a_sentence(sent: str, asking: TestClient) -> None:
    """One that is not base64 says how it is to be."""
    refused(asking.post(f"{MAIN}/identify", json={"images": [sent]}), 422, "without base64", "data:image/png;base64,")
    refused(asking.post(f"{MAIN}/identify", files={"images": sent.encode()}), 422, "without base64")


def test_some_dozens_of_parts_are_taken(asking: TestClient, serving: Serve, picture: Path) -> None:
    """Fifty words of metadata beside the images pass; hundreds of parts are refused before they are looked at."""
    said = {f"metadata{n}": n for n in range(50)}
    files = [("images", picture.read_bytes())]
    fields = {"identity": "circle", "override": "all", "metadata": [f"k{n}=v" for n in said]}
    assert asking.post(f"{MAIN}/enroll", data=fields, files=files).status_code == 201
    refused(asking.post(f"{MAIN}/identify", files=files * 33), 413, "33 images", "at most 32")
    refused(asking.post(f"{MAIN}/identify", files=files * 97), 413, "more than 96 parts")
    text = base64.b64encode(picture.read_bytes()).decode()
    refused(asking.post(f"{MAIN}/identify", json={"images": [text] * 97}), 413, "97 images")
    assert serving(images=200).post(f"{MAIN}/identify", files=files * 150).status_code == 200


def test_a_million_tiny_parts_take_no_time(asking: TestClient) -> None:
    """A body of the largest size, of nothing but parts or strings, is refused within two seconds."""
    part = b'--b\r\nContent-Disposition: form-data; name="images"\r\n\r\nx\r\n'
    bodies = [
        (part * ((16 << 20) // len(part)) + b"--b--\r\n", "multipart/form-data; boundary=b"),
        (b'{"images":[' + b'"",' * (5 << 20) + b'""]}', "application/json"),
    ]
    for body, kind in bodies:
        began = time.process_time()
        answer = asking.post(f"{MAIN}/identify", content=body, headers={"Content-Type": kind})
        assert answer.status_code == 413
        assert time.process_time() - began < 2
