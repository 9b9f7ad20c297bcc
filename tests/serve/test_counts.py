"""What is counted and logged: requests, times, batches, decisions, who is enrolled; and nobody by name."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from firstsight.serve import logs
from firstsight.serve.rim import fault
from served import Serve


def value(text: str, pattern: str) -> float:
    """One figure of the metrics."""
    [found] = re.findall(rf"^{pattern} (\S+)$", text, re.M)
    return float(found)


def test_everything_is_counted(asking: TestClient, picture: Path, strangers: Path) -> None:
    """Requests by route and status, decisions by outcome, readings together, identities and references."""
    at = "/v1/galleries/main"
    for _ in range(3):
        asking.post(f"{at}/identify", files={"images": picture.read_bytes()})
    asking.post(f"{at}/verify", data={"identity": "ring"}, files={"images": picture.read_bytes()})
    asking.post(f"{at}/verify", data={"identity": "nobody"}, files={"images": picture.read_bytes()})
    asking.get("/v1/galleries/secret-name/identities")
    asking.get("/somewhere/secret-name")
    text = asking.get("/v1/metrics").text
    route = r'firstsight_requests_total\{method="POST",route="/v1/galleries/\{gallery\}'
    assert value(text, rf'{route}/identify",status="200"\}}') == 3
    assert value(text, rf'{route}/verify",status="404"\}}') == 1
    assert value(text, r'firstsight_decisions_total\{outcome="yes",verb="identify"\}') == 3
    assert value(text, r'firstsight_decisions_total\{outcome="no",verb="verify"\}') == 1
    assert value(text, "firstsight_batch_readings_sum") == 4
    assert value(text, r'firstsight_request_seconds_count\{route="/v1/galleries/\{gallery\}/identify"\}') == 3
    assert value(text, r'firstsight_identities\{gallery="main"\}') == 6
    assert value(text, r'firstsight_references\{gallery="main"\}') == 6
    assert value(text, "firstsight_working") == 1  # who asks for this
    assert "secret-name" not in text
    assert "circle" not in text


def test_two_services_count_for_themselves(serving: Serve) -> None:
    """Nothing is global: a second service of the same process begins at nothing."""
    first, second = serving(), serving()
    first.get("/v1/health")
    route = r'firstsight_requests_total\{method="GET",route="/v1/health",status="200"\}'
    assert value(first.get("/v1/metrics").text, route) == 1
    assert not re.findall(route, second.get("/v1/metrics").text)


def test_the_log_names_nobody(asking: TestClient, picture: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One line a request, with the route's pattern: no query, no name, no score, whatever happened."""
    caplog.set_level(logging.INFO, "firstsight.serve")
    at = "/v1/galleries/main"
    asking.get(f"{at}/identities?search=circle", headers={"X-Request-Id": "mine"})
    asking.post(f"{at}/identify", files={"images": picture.read_bytes()})
    asking.post(f"{at}/remove", json={"identity": "Nobody Here"})
    lines = [json.loads(logs.Lines().format(record)) for record in caplog.records if record.name == "firstsight.serve"]
    assert [line["status"] for line in lines] == [200, 200, 404]
    assert (lines[0]["request"], lines[0]["route"]) == ("mine", "/v1/galleries/{gallery}/identities")
    told = json.dumps(lines)
    for word in ("circle", "Nobody", "score"):
        assert word not in told


def test_a_fault_is_logged_by_its_places() -> None:
    """What is logged of an error nobody meant is its kind and the lines it passed."""
    try:
        raise ValueError("alice has score 0.93")
    except ValueError as error:
        told = fault("id", error)
    assert (told["request"], told["error"]) == ("id", "ValueError")
    assert "test_counts.py" in str(told["places"])
    assert "alice" not in str(told)


def test_headers_that_always_come(asking: TestClient) -> None:
    """No answer is cached, guessed at, or told to others."""
    headers = asking.get("/v1/galleries").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
