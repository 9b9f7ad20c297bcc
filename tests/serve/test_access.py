"""Keys: every route asks for one of its role, whatever else is asked; without keys only this machine is heard."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from firstsight import api
from firstsight.errors import TakenError, UsageError
from firstsight.serve.access import OPEN
from firstsight.stores.access import ROLES
from served import ROUTES, Serve


def role_of(route: APIRoute) -> str:
    """What the route asks for; a route without any role fails."""
    [role] = [d.dependency.role for d in route.dependencies if hasattr(d.dependency, "role")]
    return str(role)


def ask(client: TestClient, route: APIRoute, secret: str | None) -> object:
    """Ask a route with a key, and nothing else that it wants."""
    [method] = route.methods
    headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
    return client.request(method, re.sub(r"\{\w+\}", "1", route.path), headers=headers)


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: f"{r.methods} {r.path}")
def test_every_route_asks_for_its_key(route: APIRoute, asking: TestClient, store: Path) -> None:
    """No key, nobody's, an expired one: 401; one of too low a role: 403; one of its role: neither."""
    secrets = {role: api.add_key(store, role, role=role) for role in ROLES}
    late = api.add_key(store, "late", role="admin", expires="1h")
    with sqlite3.connect(store) as db:
        db.execute("UPDATE access SET expires='2020-01-01T00:00:00Z' WHERE name='late'")
    db.close()
    role = role_of(route)
    for secret in (None, "fsk_" + "x" * 43, late):
        answer = ask(asking, route, secret)
        if role == OPEN:
            assert answer.status_code == 200
            continue
        assert answer.status_code == 401, secret
        assert answer.json()["error"]["kind"] == "AccessError"
        assert answer.headers["www-authenticate"] == "Bearer"
    if role != OPEN:
        for lower in ROLES[: ROLES.index(role)]:
            answer = ask(asking, route, secrets[lower])
            assert answer.status_code == 403
            assert f"{role} is needed" in answer.json()["error"]["message"]
        for enough in ROLES[ROLES.index(role) :]:
            assert ask(asking, route, secrets[enough]).status_code not in (401, 403)


def test_only_health_and_readiness_are_open() -> None:
    """A route that is added without a thought for its role is found here."""
    assert {route.path for route in ROUTES if role_of(route) == OPEN} == {"/v1/health", "/v1/ready"}


def test_what_changes_anything_is_not_for_readers() -> None:
    """Who may only read can't enroll, and who may enroll can't make or drop galleries."""
    role = {route.path.rpartition("/")[2]: role_of(route) for route in ROUTES if "POST" in route.methods}
    reading = {"embed", "compare", "verify", "identify", "check"}
    assert {name for name, needed in role.items() if needed == "read"} <= reading
    assert {name for name, needed in role.items() if needed == "admin"} == {"galleries", "drop", "forget"} & set(role)


def test_a_key_holds_and_ends_at_once(asking: TestClient, store: Path) -> None:
    """What another process adds or revokes counts from the next request on."""
    assert asking.get("/v1/galleries").status_code == 200
    secret = api.add_key(store, "door", role="read")
    assert asking.get("/v1/galleries").status_code == 401
    mine = {"Authorization": f"bearer {secret}"}
    assert asking.get("/v1/galleries", headers=mine).status_code == 200
    assert api.revoke_key(store, "door").role == "read"
    api.add_key(store, "other", role="read")
    assert asking.get("/v1/galleries", headers=mine).status_code == 401


def test_no_secret_is_stored(store: Path) -> None:
    """The file holds the SHA-256 of a secret and nothing of the secret itself; 32 bytes are drawn."""
    secret = api.add_key(store, "door", role="read", expires="90d")
    with sqlite3.connect(store) as db:
        [(name, role, hashed)] = db.execute("SELECT name, role, hash FROM access")
    db.close()
    assert (name, role, hashed) == ("door", "read", hashlib.sha256(secret.encode()).digest())
    assert len(secret) >= 43
    assert not [f for f in store.parent.iterdir() if secret.removeprefix("fsk_").encode() in f.read_bytes()]


def test_keys_are_listed_without_secrets(store: Path, cli, refused) -> None:
    """The command line makes, lists and revokes; a second of the name, another role or time is a sentence."""
    secret = cli("key", "add", store, "door", "--role", "enroll", "--expires", "2w").out.strip()
    [listed] = cli("key", "list", store, "--json").json
    assert (listed["name"], listed["role"], sorted(listed)) == (
        "door",
        "enroll",
        ["created", "expires", "name", "role"],
    )
    assert secret not in cli("key", "list", store).out
    refused(2, ("key", "add", store, "door", "--role", "read"), "'door' already", "revoke")
    refused(2, ("key", "add", store, "x", "--role", "king"), "'king'", "read, enroll, admin")
    refused(2, ("key", "add", store, "x", "--role", "read", "--expires", "soon"), "'soon'", "90d")
    refused(2, ("key", "add", store.parent / "none.db", "x", "--role", "read"), "does not exist", "gallery create")
    assert "revoked" in cli("key", "revoke", store, "door").out
    refused(2, ("key", "revoke", store, "door"), "no key 'door'")


@pytest.mark.parametrize("secret", ["short", "x" * 31, "ä" * 40, " " * 40])
def test_a_given_secret_must_be_long(store: Path, secret: str) -> None:
    """A secret that somebody chose is not a word."""
    from firstsight.stores.access import Access

    access = Access(store)
    with pytest.raises(UsageError, match="at least 32"):
        access.add("door", "read", secret=secret)
    access.add("door", "read", secret="y" * 32)
    with pytest.raises(TakenError):
        access.add("door", "read")
    access.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost.evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "null"},
    ],
)
def test_without_keys_no_other_site_is_heard(asking: TestClient, headers: dict[str, str], store: Path) -> None:
    """A page of another site that is open in a browser here, or a name that leads here, changes and learns nothing."""
    answer = asking.post("/v1/galleries/main/remove", json={"identity": "circle"}, headers=headers)
    assert answer.status_code == 403
    assert asking.get("/v1/galleries", headers=headers).status_code == 403
    assert len(api.identities(store)) == 6


def test_the_own_page_is_heard(asking: TestClient) -> None:
    """What comes from the page that this service shows has its own origin."""
    assert asking.get("/v1/galleries", headers={"Origin": "http://localhost"}).status_code == 200
    assert asking.get("/v1/galleries", headers={"Host": "127.0.0.1:8000"}).status_code == 200


def test_wrong_keys_are_counted(serving: Serve, store: Path) -> None:
    """Who tries many keys is told to wait, as anybody who asks too often."""
    api.add_key(store, "door", role="read")
    client = serving(rate=3)
    answers = [client.get("/v1/galleries", headers={"Authorization": "Bearer x"}) for _ in range(8)]
    assert [a.status_code for a in answers[:3]] == [401, 401, 401]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
