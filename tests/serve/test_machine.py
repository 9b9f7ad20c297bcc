"""Without keys only this machine is heard: every route, in every situation in which somebody else may be asking."""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from drawn import Cli
from firstsight import api
from firstsight.api.access import had_keys
from firstsight.errors import AccessError, UsageError
from firstsight.serve.access import OPEN
from firstsight.serve.answers import Refusal
from firstsight.serve.app import create_app
from firstsight.serve.limits import ASKERS
from firstsight.serve.logs import logger
from firstsight.serve.settings import Settings
from firstsight.serve.start import prepare
from firstsight.stores.access import Access
from served import ROUTES, Serve, from_here

HERE = "http://localhost"
SITUATIONS: dict[str, tuple[str, str, dict[str, str]]] = {
    "another machine asks": (HERE, "192.168.0.7", {}),
    "another machine asks by IPv6": (HERE, "2001:db8::1", {}),
    "it listens elsewhere": ("http://10.0.0.5", "127.0.0.1", {"Host": "localhost"}),
    "it listens on 127.0.0.2": ("http://127.0.0.2", "127.0.0.1", {"Host": "localhost"}),
    "it listens everywhere": ("http://0.0.0.0", "127.0.0.1", {"Host": "localhost"}),
    "a mapped address asks": (HERE, "::ffff:192.168.0.7", {}),
    "a word for an address": (HERE, "testclient", {}),
    "a page asks for an image": (HERE, "127.0.0.1", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}),
    "a neighbour's page asks": (HERE, "127.0.0.1", {"Sec-Fetch-Site": "same-site"}),
    "another Host": (HERE, "127.0.0.1", {"Host": "evil.example"}),
    "a broken Host": (HERE, "127.0.0.1", {"Host": "[::1"}),
    "another Origin": (HERE, "127.0.0.1", {"Origin": "http://evil.example"}),
    "a broken Origin": (HERE, "127.0.0.1", {"Origin": "http://[::1"}),
    **{
        f"a proxy says {name}": (HERE, "127.0.0.1", {name: value})
        for name, value in {
            "Forwarded": "for=127.0.0.1",
            "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Host": "localhost",
            "X-Forwarded-Proto": "http",
            "X-Forwarded-Anything": "",
            "X_Forwarded_For": "127.0.0.1",
            "Via": "1.1 proxy",
            "X-Real-IP": "127.0.0.1",
            "CF-Connecting-IP": "127.0.0.1",
            "True-Client-IP": "127.0.0.1",
        }.items()
    },
}


def role_of(route: APIRoute) -> str:
    """What the route asks for."""
    [role] = [d.dependency.role for d in route.dependencies if hasattr(d.dependency, "role")]
    return str(role)


def ask(client: TestClient, route: APIRoute, headers: dict[str, str]) -> int:
    """The status of a route that is asked without a key."""
    [method] = route.methods
    return client.request(method, re.sub(r"\{\w+\}", "1", route.path), headers=headers).status_code


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_route_is_shut_to_strangers(situation: str, store: Path) -> None:
    """Who may be somebody else gets no answer but that the service lives, whichever route is asked."""
    url, peer, headers = SITUATIONS[situation]
    client = from_here(create_app(Settings(str(store), rate=0)), url, peer)
    for route in ROUTES:
        assert ask(client, route, headers) == (200 if role_of(route) == OPEN else 403), route.path
    assert client.get("/page/", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("url", "peer", "headers"),
    [
        (HERE, "127.0.0.1", {}),
        ("http://127.0.0.1:8000", "127.0.0.1", {}),
        ("http://[::1]:8000", "::1", {}),
        ("http://127.0.0.1", "127.0.0.9", {}),
        ("http://[::ffff:127.0.0.1]", "::ffff:127.0.0.1", {"Host": "localhost"}),
        (HERE, "127.0.0.1", {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}),
        (HERE, "127.0.0.1", {"Sec-Fetch-Site": "none"}),
    ],
)
def test_this_machine_is_heard(url: str, peer: str, headers: dict[str, str], store: Path) -> None:
    """What is at this machine at both ends, by its name, from its own page or none, needs no key."""
    client = from_here(create_app(Settings(str(store), rate=0)), url, peer)
    assert client.get("/v1/galleries", headers=headers).status_code == 200


def test_no_key_that_is_left_opens_nothing(asking: TestClient, store: Path) -> None:
    """After the last key is revoked all routes ask for one still, now and in every service to come."""
    api.add_key(store, "only", role="admin")
    gone = api.revoke_key(store, "only")
    assert "last key" in gone.notes[0]
    again = from_here(create_app(Settings(str(store), rate=0)))
    for client in (asking, again):
        for route in ROUTES:
            assert ask(client, route, {}) == (200 if role_of(route) == OPEN else 401), route.path
    assert api.keys(store) == []


def test_a_copy_from_before_the_keys_opens_nothing(asking: TestClient, store: Path, tmp_path: Path) -> None:
    """A backup without keys that is put in place under a service that saw some is not a store without keys to it."""
    backup = shutil.copy(store, tmp_path / "backup.db")
    api.add_key(store, "only", role="admin")
    assert asking.get("/v1/galleries").status_code == 401
    for file in (f"{store}-wal", f"{store}-shm"):
        Path(file).unlink(missing_ok=True)
    backup.replace(store)
    assert not had_keys(store)
    assert asking.get("/v1/galleries").status_code == 401


def test_the_mark_outlives_what_other_versions_do(store: Path, tmp_path: Path) -> None:
    """A key deleted by a version that knows no mark, and one made by it, leave a file that had keys; so has a copy."""
    api.add_key(store, "new", role="read")
    with sqlite3.connect(store) as db:
        db.execute("DELETE FROM access")
    db.execute("VACUUM INTO ?", (str(tmp_path / "copy.db"),))
    assert db.execute("PRAGMA user_version").fetchone() == (3,)
    db.execute("DELETE FROM sqlite_sequence WHERE name='access'")
    db.execute("INSERT INTO access VALUES (1, 'old', 'admin', x'00', '2026-01-01T00:00:00Z', NULL)")
    db.commit()
    db.close()
    assert had_keys(tmp_path / "copy.db")
    prepare(Settings(str(store)))
    with sqlite3.connect(store) as db:
        db.execute("DELETE FROM access")
    db.close()
    assert had_keys(store)
    assert api.keys(store) == []


def test_revoking_the_last_key_says_what_follows(store: Path, cli: Cli, caplog: pytest.LogCaptureFixture) -> None:
    """The command line says so, as text and as JSON, and the list, the doctor and the log of a service repeat it."""
    for name in ("one", "two", "three"):
        api.add_key(store, name, role="admin")
    assert cli("key", "revoke", store, "one").out == "one: revoked\n"
    assert cli("key", "revoke", store, "two", "--json").json["notes"] == []
    assert "last key" in cli("key", "revoke", store, "three").out
    assert "nobody can ask" in cli("key", "list", store).out
    [told] = [c for c in cli("doctor", store, "--json").json if c["name"] == "keys"]
    assert (told["value"], "key add" in told["advice"]) == ("0", True)
    logger.addHandler(caplog.handler)
    create_app(Settings(str(store)))
    logger.removeHandler(caplog.handler)
    assert "no key is left" in caplog.messages


def test_elsewhere_it_does_not_begin(store: Path) -> None:
    """To listen beyond this machine a key is needed, also where there was one; an address is none that is believed."""
    for host in ("0.0.0.0", "::", "127.0.0.2", "192.168.0.7"):
        with pytest.raises(AccessError, match="no key"):
            prepare(Settings(str(store), host=host))
    api.add_key(store, "only", role="admin")
    prepare(Settings(str(store), host="0.0.0.0"))
    service = create_app(Settings(str(store), host="0.0.0.0", rate=0))
    api.revoke_key(store, "only")
    with pytest.raises(AccessError, match="no key"):
        prepare(Settings(str(store), host="0.0.0.0"))
    assert from_here(service).get("/v1/galleries").status_code == 401
    for proxies in ("localhost", "*", "10.0.0.0/33"):
        with pytest.raises(UsageError, match="--proxies"):
            Settings(str(store), proxies=proxies)


def test_an_older_file_is_as_it_was(store: Path) -> None:
    """Without keys nothing is marked, so a file that never had one is served as ever."""
    access = Access(store)
    access.remember()
    assert not access.had()
    access.close()


@pytest.mark.parametrize("path", ["/v1/galleries", "/v1/health", "/page/", "/v1/nothing", "/v1/openapi.json"])
def test_no_other_site_shows_what_is_answered(path: str, asking: TestClient) -> None:
    """Every answer says that only pages of its own origin may hold it, errors too."""
    assert asking.get(path).headers.get_list("cross-origin-resource-policy") == ["same-origin"]
    assert "access-control-allow-origin" not in asking.get(path, headers={"Origin": "http://localhost"}).headers


def test_addresses_are_counted_in_bounded_memory(serving: Serve, store: Path) -> None:
    """A line with 2^64 addresses is one asker, and thousands of askers fill no memory."""
    api.add_key(store, "door", role="read")
    app = serving(rate=3).app
    asked = [from_here(app, peer=f"2001:db8::{n:x}").get("/v1/galleries").status_code for n in range(5)]
    assert asked == [401, 401, 401, 429, 429]
    rate = app.state.service.rate
    for n in range(3 * ASKERS):
        with contextlib.suppress(Refusal):
            rate.count_address(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
    assert len(rate._storage.storage) <= ASKERS + 4
