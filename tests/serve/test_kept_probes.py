"""Who may only ask can't fill the disk with probes that are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from fastapi.testclient import TestClient

from firstsight import api
from firstsight.inputs.decode import encode
from firstsight.serve import kept_probes
from firstsight.stores.listing import kept_in
from served import Serve

MAIN = "/v1/galleries/main"


def noise(number: int) -> bytes:
    """An image of about 270 kB that no compression makes smaller."""
    return encode(np.random.default_rng(number).integers(0, 256, (300, 300, 3), np.uint8))


def keep(client: TestClient, verb: str, image: bytes) -> Any:
    """Ask, and have the probe kept."""
    fields = {"record": "true", "keep_image": "true"} | ({"identity": "circle"} if verb == "verify" else {})
    return client.post(f"{MAIN}/{verb}", data=fields, files={"images": image})


def test_what_follows_an_image_is_not_kept(asking: TestClient, store: Path, picture: Path) -> None:
    """Megabytes behind the end of a small image do not come to the file, by any verb."""
    image = picture.read_bytes()
    for verb in ("identify", "verify"):
        assert keep(asking, verb, image + b"x" * (8 << 20)).status_code == 200
    assert kept_in(store) == 2 * len(image)
    assert sum(file.stat().st_size for file in store.parent.glob("staff.db*")) < 4 << 20
    [first, second] = api.events(store, verb="identify") + api.events(store, verb="verify")
    assert first.kept
    assert second.kept


def test_a_quota_holds_and_says_what_helps(serving: Serve, store: Path, monkeypatch: Any) -> None:
    """With the quota used up a probe is refused before anything is recorded; without keep_image the verbs go on."""
    monkeypatch.setattr(kept_probes, "_FRESH", 0.0)
    client = serving(kept=1)
    answers = [keep(client, "identify", noise(n)) for n in range(6)]
    assert [a.status_code for a in answers] == [200, 200, 200, 409, 409, 409]
    told = answers[-1].json()["error"]
    assert told["kind"] == "GalleryError"
    for word in ("1 MiB is the most", "forget", "--kept", "keep_image"):
        assert word in told["message"]
    assert keep(client, "verify", noise(9)).status_code == 409
    assert kept_in(store) < 1 << 20
    assert len(api.events(store)) == 3
    assert client.post(f"{MAIN}/identify", data={"record": "true"}, files={"images": noise(0)}).status_code == 200
    api.forget(store, "2999-01-01")
    assert keep(client, "identify", noise(0)).status_code == 200
    assert keep(serving(kept=0), "identify", noise(0)).status_code == 409
