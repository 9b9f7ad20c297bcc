"""One grammar at four doors: a verb has the same name, parameters and result in Python, on the command line, over HTTP
and through the client."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from fastapi.testclient import TestClient

import firstsight
from drawn import Cli
from firstsight import api
from firstsight.cli.commands import app
from firstsight.client import Client
from firstsight.errors import FirstSightError, QualityError
from firstsight.gallery import Gallery
from firstsight.inputs.decode import encode
from firstsight.serve import bodies
from firstsight.types import Record
from served import ROUTES

VERBS = ("enroll", "replace", "verify", "identify", "rename", "merge", "remove", "annotate", "identities", "list")
VERBS += ("events", "forget", "check", "assign")
HERE = {"self", "progress", "data", "each", "model", "json", "csv", "older_than", "gallery"}
"""What a door has for itself: bulk work and files on the side of the command line."""
RECORD = {"record", "place", "direction", "keep_image"}
"""A record is one value in Python, and its fields at the other doors."""

ONE_TO_ONE = {"identify": {"one_to_one"}, "assign": {"one_to_one", "fused"}}
"""What says over HTTP and on the command line, by which ``assign`` is ``identify``, which of the two is meant."""


def parameters(function: Callable[..., Any]) -> set[str]:
    """Names of a function's parameters, with one word for images and for what makes a record."""
    names = set(inspect.signature(function).parameters) - HERE
    return {"images" if n in ("source", "sources") else n for n in names} - RECORD - {"actor"}


def body(verb: str) -> set[str]:
    """Names that a request of the verb can hold."""
    path = {"list": "references", "assign": "identify"}.get(verb, verb)
    [route] = [r for r in ROUTES if r.path == f"/v1/galleries/{{gallery}}/{path}"]
    if "GET" in route.methods:
        return {p.alias for p in route.dependant.query_params} - HERE
    names = {"enroll": "Enroll", "replace": "Enroll", "annotate": "Annotate", "rename": "Renamed", "merge": "Merged"}
    names |= {"remove": "Removed", "verify": "Verify", "identify": "Identify", "forget": "Forget", "check": "Check"}
    return set(getattr(bodies, names[path]).model_fields) - RECORD


@pytest.mark.parametrize("verb", VERBS)
def test_the_doors_have_the_same_parameters(verb: str) -> None:
    """What Python takes, the others take by the same names; lists have pages over HTTP."""
    mine = parameters(getattr(Gallery, verb))
    assert mine == parameters(getattr(Client, verb))
    paged = {"limit", "after"} if verb in ("identities", "list") else set()
    assert mine | paged | ONE_TO_ONE.get(verb, set()) == body(verb)
    commands, called = typer.main.get_command(app).commands, "identify" if verb == "assign" else verb
    command = commands.get(called) or commands["gallery"].commands[called]
    asked = {"images" if p.name in ("source", "sources") else p.name for p in command.params} - HERE - RECORD
    assert mine | ONE_TO_ONE.get(verb, set()) <= asked | {"actor"}, "the command line"


@pytest.mark.parametrize("verb", [v for v in VERBS if v not in ("identities", "list", "events", "forget", "check")])
def test_every_verb_can_be_recorded(verb: str) -> None:
    """The record is among the parameters of every verb that decides or changes, at each door."""
    assert "record" in inspect.signature(getattr(Gallery, verb)).parameters
    assert "record" in inspect.signature(getattr(Client, verb)).parameters


def test_every_route_is_a_verb_somewhere() -> None:
    """A route has the name of a function in Python, or of a verb of the client, or tells of the service itself."""
    known = set(dir(Client)) | set(dir(api)) | {"health", "ready", "metrics", "references", "image", "event_image"}
    assert {route.name for route in ROUTES} <= known


# --- the same results


@pytest.fixture
def remote(asking: TestClient) -> Client:
    """A client of the service."""
    return Client("http://localhost", transport=asking._transport, retries=0)


def plain(result: Any) -> Any:
    """As JSON has it, without the times at which things were stored."""
    content = json.loads(json.dumps(result, default=dataclasses.asdict))
    return re.sub(r'"(created|at)": "[^"]*"', r'"\1": ""', json.dumps(content))


def life(gallery: Any, shapes: Path, strangers: Path) -> list[Any]:
    """The life of a gallery, with all that can go wrong in it; results, or kind and message of errors."""

    def image(kind: str, number: int = 1) -> bytes:
        folder = shapes if (shapes / kind).exists() else strangers
        return (folder / kind / f"{number}.png").read_bytes()

    told, blank = Record(place="door-1", direction="in"), encode(np.full((60, 60), 255, np.uint8))
    several = [image("circle"), image("ring"), image("circle", 2)]
    steps: list[Callable[[], Any]] = [
        lambda: gallery.identities(),
        lambda: gallery.enroll("arrow", image("arrow", 0), metadata={"team": "red"}),
        lambda: gallery.enroll("arrow", [image("arrow", 0), image("arrow", 1)], metadata=["team=blue"]),
        lambda: gallery.verify("arrow", image("arrow", 2)),
        lambda: gallery.verify("arrow", image("circle"), record=told),
        lambda: gallery.verify("nobody", image("circle")),
        lambda: gallery.identify(image("circle"), top=3),
        lambda: gallery.identify(image("dots"), top=1, record=told),
        lambda: gallery.identify(b"no image"),
        lambda: gallery.identify(image("circle"), top=0),
        lambda: gallery.verify("circle", [image("circle"), image("circle", 2)], record=told),
        lambda: gallery.verify("circle", []),
        lambda: gallery.identify([image("circle"), image("circle", 2)], fused=True, record=told),
        lambda: gallery.identify([], fused=True),
        lambda: gallery.identify(several),
        lambda: gallery.assign(several, top=2, record=told),
        lambda: gallery.assign([]),
        lambda: gallery.check(image("circle", 0)),
        lambda: gallery.check([image("dots", 0), blank], "dots"),
        lambda: gallery.enroll("copy", [blank, image("circle", 0)]),
        lambda: gallery.enroll("copy", [blank, image("circle", 0)], override=["duplicate"]),
        lambda: gallery.enroll("copy", image("circle", 0), override="duplicate"),
        lambda: gallery.enroll("copy", blank, override=["fog"]),
        lambda: gallery.replace("copy", blank),
        lambda: gallery.replace("copy", blank, override=["all"]),
        lambda: gallery.remove("copy"),
        lambda: gallery.rename("arrow", "circle"),
        lambda: gallery.rename("arrow", "Pfeil  "),
        lambda: gallery.rename("Pfeil", "\n"),
        lambda: gallery.annotate("Pfeil", {"site": "north", "floor": "2"}),
        lambda: gallery.annotate("Pfeil", ["floor="]),
        lambda: gallery.annotate("Pfeil", ["no pair"]),
        lambda: gallery.identities(search="PFEIL", where={"site": "north"}),
        lambda: gallery.list(identity="Pfeil", where=["team=blue"]),
        lambda: gallery.list(identity="arrow"),
        lambda: gallery.replace("Pfeil", image("arrow", 3)),
        lambda: gallery.replace("nobody", image("arrow", 3)),
        lambda: gallery.merge("Pfeil", "circle"),
        lambda: gallery.merge("circle", "circle"),
        lambda: gallery.remove("circle"),
        lambda: gallery.remove("circle"),
        lambda: gallery.events(),
        lambda: gallery.events(verb="verify"),
        lambda: gallery.events(verb="sing"),
        lambda: gallery.forget("2020-01-01"),
        lambda: gallery.list(),
    ]
    found: list[Any] = []
    for step in steps:
        try:
            found.append(plain(step()))
        except QualityError as error:
            found.append(f"{plain(error.findings)} {type(error).__name__}")
        except FirstSightError as error:
            found.append(type(error).__name__)
    return found


def test_the_same_life_through_gallery_and_client(
    store: Path, remote: Client, shapes: Path, strangers: Path, tiny_model: Path, tmp_path: Path
) -> None:
    """The same steps give the same results and the same kinds of errors on both sides of the wire."""
    beside = tmp_path / "beside.db"
    with Gallery.create(beside, tiny_model, keep_sources=True) as gallery:
        for shape in sorted(shapes.iterdir()):
            gallery.enroll(shape.name, shape / "0.png")
        mine = life(gallery, shapes, strangers)
    theirs = life(remote, shapes, strangers)
    place = re.compile(r'"source": "[^"]*"')
    for number, (a, b) in enumerate(zip(mine, theirs, strict=True)):
        assert place.sub("", a) == place.sub("", b), f"step {number}"
    assert len({kind for kind in mine if kind.endswith("Error")}) >= 8
    assert sum(kind.endswith("QualityError") for kind in mine) == 3


def without_folders(result: Any) -> Any:
    """As a service tells it, which keeps its folders to itself."""
    if not isinstance(result, list):
        return result
    return [
        {k: v.rpartition("/")[2] if k in ("source", "model") and str(v).startswith("/") else v for k, v in one.items()}
        for one in result
    ]


def test_the_command_line_prints_the_body(store: Path, asking: TestClient, shapes: Path, cli: Cli) -> None:
    """``--json`` is what the service answers, to the last digit; one image of identify is one match there."""
    picture = shapes / "circle" / "2.png"
    files = {"images": picture.read_bytes()}
    at = "/v1/galleries/main"
    pairs = [
        (
            cli("verify", store, "circle", picture, "--json"),
            asking.post(f"{at}/verify", data={"identity": "circle"}, files=files),
        ),
        (
            cli("verify", store, "circle", picture, picture, "--json"),
            asking.post(f"{at}/verify", data={"identity": "circle"}, files=[*files.items(), *files.items()]),
        ),
        (
            cli("identify", store, picture, picture, "--one-to-one", "--json"),
            asking.post(f"{at}/identify", data={"one_to_one": "true"}, files=[*files.items(), *files.items()]),
        ),
        (cli("identities", store, "--json"), asking.get(f"{at}/identities")),
        (cli("list", store, "--json"), asking.get(f"{at}/references")),
        (cli("gallery", "list", store, "--json"), asking.get("/v1/galleries")),
        (
            cli("annotate", store, "circle", "a=b", "--json"),
            asking.post(f"{at}/annotate", json={"identity": "circle", "metadata": ["a=b"]}),
        ),
        (cli("gallery", "events", store, "--json"), asking.get(f"{at}/events")),
    ]
    for ran, answer in pairs:
        assert without_folders(ran.json) == answer.json()
    [match] = asking.post(f"{at}/identify", files=files).json()
    assert cli("identify", store, picture, "--json").json == match
    [match] = asking.post(f"{at}/identify", data={"fused": "true"}, files=[*files.items(), *files.items()]).json()
    assert cli("identify", store, picture, picture, "--fused", "--json").json == match
    [receipt] = cli("enroll", store, "circle", picture, "--json").json
    again = asking.post(f"{at}/enroll", data={"identity": "circle"}, files=files)
    assert (again.status_code, again.json()) == (201, {**receipt, "added": 0, "notes": ["1 of 1 enrolled already"]})


def test_attendance_has_the_same_parameters_at_every_door(store: Path, remote: Client, picture: Path) -> None:
    """What the command takes, the route and the client take; and the longest stay means the same to all of them."""
    mine = set(inspect.signature(api.attendance).parameters) - HERE
    assert mine == set(inspect.signature(Client.attendance).parameters) - HERE
    [route] = [r for r in ROUTES if r.name == "attendance"]
    assert mine | {"format"} == {p.alias for p in route.dependant.query_params}
    for direction in ("in", "out"):
        remote.identify(picture, record=Record(place="door", direction=direction))
    for longest, stayed in ((16.0, False), (1e-9, True)):
        [row] = remote.attendance(zone="UTC", longest=longest)
        assert [row] == api.attendance(store, zone="UTC", longest=longest)
        assert row.open == stayed
    with pytest.raises(FirstSightError, match="longest is 0.0 hours"):
        remote.attendance(longest=0)


def test_the_probe_of_an_event_comes_back(remote: Client, picture: Path) -> None:
    """What was kept with an event is there for the client, and where nothing was kept it says so."""
    for keep in (True, False):
        remote.identify(picture, record=Record(keep_image=keep))
    kept, not_kept = remote.events()
    assert remote.event_image(kept.id).startswith(b"\x89PNG")
    with pytest.raises(FirstSightError, match="no image is kept"):
        remote.event_image(not_kept.id)


def test_json_and_forms_say_the_same(asking: TestClient, shapes: Path) -> None:
    """A batch of images as base64 in JSON gets the answers that it gets as a form."""
    import base64

    images = [(shapes / kind / "3.png").read_bytes() for kind in ("circle", "ring")]
    encoded = [base64.b64encode(image).decode() for image in images]
    form = asking.post("/v1/galleries/main/identify", data={"top": "2"}, files=[("images", image) for image in images])
    said = asking.post("/v1/galleries/main/identify", json={"top": 2, "images": encoded})
    assert form.status_code == said.status_code == 200
    assert form.json() == said.json()
    assert [len(match["candidates"]) for match in said.json()] == [2, 2]


def test_models_and_images_through_the_client(remote: Client, store: Path, shapes: Path, tiny_model: Path) -> None:
    """Comparing, embedding and the model's description are those of the model itself."""
    model = firstsight.Model.load(tiny_model)
    left, right = shapes / "circle" / "0.png", shapes / "ring" / "0.png"
    assert remote.compare(left, right) == model.compare(left, right)
    assert remote.embed([left, right]).tolist() == model.embed([left, right]).tolist()
    told = remote.model()
    assert (told.fingerprint, told.dim, told.name) == (model.fingerprint, model.dim, model.name)
    assert told.threshold == model.calibration.threshold
    assert set(told.curve) == {"score", "probability", "fmr", "fnmr"}
    assert {len(column) for column in told.curve.values()} == {len(told.curve["score"])}
    first = remote.list()[0]
    assert remote.image(first.id).startswith(b"\x89PNG")


def test_galleries_are_made_and_dropped_through_the_client(remote: Client, store: Path, picture: Path) -> None:
    """A second gallery lives and goes; the first one is as it was."""
    before = api.references(store)
    remote.create("door", keep_sources=True)
    remote.enroll("alice", picture)
    assert [(g.gallery, g.references) for g in remote.galleries()] == [("main", 6), ("door", 1)]
    assert (remote.drop().references, len(remote.galleries())) == (1, 1)
    with pytest.raises(firstsight.FirstSightError, match="no gallery 'door'"):
        remote.identify(picture)
    assert api.references(store) == before
