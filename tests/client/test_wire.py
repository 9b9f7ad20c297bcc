"""The client's wire: what is asked again and what is not, errors as they were there, answers that are none."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest

from firstsight import errors
from firstsight.client import Client, wire
from firstsight.errors import BusyError, FirstSightError, MissingError, StorageError, UsageError

BUSY = {"error": {"kind": "BusyError", "message": "full", "request": "1"}}
LOST = {"error": {"kind": "StorageError", "message": "gone", "request": "1"}}
REMOVAL = {"identity": "a", "removed": 1, "into": None, "erased": True, "notes": []}


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client waited, without waiting."""
    found: list[float] = []
    monkeypatch.setattr(wire.time, "sleep", found.append)
    return found


def client(*answers: httpx2.Response | Exception, **settings: object) -> tuple[Client, list[httpx2.Request]]:
    """A client to whom this is answered, in turn; and what it asked."""
    left, asked = list(answers), []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        given = left.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    return Client("http://there", transport=httpx2.MockTransport(answer), **settings), asked  # type: ignore[arg-type]


def busy(status: int = 503, after: str = "3", content: object = BUSY) -> httpx2.Response:
    """A refusal."""
    return httpx2.Response(status, json=content, headers={"Retry-After": after})


def test_a_busy_service_is_asked_again_when_it_says(waited: list[float]) -> None:
    """429 and 503 are waited out, for as long as Retry-After says, but never for very long."""
    made, asked = client(busy(), busy(429, "7"), busy(503, "99999"), busy(503, "soon"), httpx2.Response(200, json=[]))
    assert made.identities() == []
    assert waited == [3, 7, 30, 1]
    assert len(asked) == 5


def test_it_gives_up(waited: list[float]) -> None:
    """After so many retries the service's own sentence is raised."""
    made, asked = client(*[busy()] * 3, retries=2)
    with pytest.raises(BusyError, match="full"):
        made.identities()
    assert (len(waited), len(asked)) == (2, 3)


def test_a_removal_is_not_sent_twice(waited: list[float]) -> None:
    """What may have been done is not asked for again; what was refused for want of room was not begun, and is."""
    for broken in (httpx2.ReadTimeout("late"), busy(content=LOST)):
        made, asked = client(broken, httpx2.Response(200, json=REMOVAL))
        with pytest.raises(StorageError):
            made.remove("a")
        assert len(asked) == 1
    for refused in (busy(), httpx2.ConnectError("nobody")):
        made, asked = client(refused, httpx2.Response(200, json=REMOVAL))
        assert made.remove("a").removed == 1
        assert len(asked) == 2


def test_an_enrolment_may_be_sent_twice(waited: list[float]) -> None:
    """An image is enrolled once, however often it comes, so a lost answer is asked for again."""
    receipt = {"identity": "a", "added": 0, "references": 1, "notes": ["1 of 1 enrolled already"]}
    made, asked = client(httpx2.ReadError("cut"), httpx2.Response(201, json=receipt))
    assert made.enroll("a", b"image").references == 1
    assert len(asked) == 2


@pytest.mark.parametrize("kind", [k for k in vars(errors) if k.endswith("Error")])
def test_errors_are_of_the_same_class(kind: str) -> None:
    """Every kind that a service can tell is raised as what it was."""
    made, _ = client(httpx2.Response(409, json={"error": {"kind": kind, "message": "a sentence", "request": "1"}}))
    with pytest.raises(getattr(errors, kind), match="a sentence") as raised:
        made.identities()
    assert type(raised.value).__name__ == kind


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(500, text="<html>"),
        httpx2.Response(404, json={"detail": "x"}),
        httpx2.Response(200, json={"x": 1}),
        httpx2.Response(200, text="no JSON"),
        httpx2.Response(502, json=[]),
    ],
)
def test_what_is_no_service_is_a_sentence(answer: httpx2.Response) -> None:
    """A proxy's page, or another program, is told as such."""
    made, _ = client(answer, retries=0)
    with pytest.raises(StorageError):
        made.identities()


def test_unknown_kinds_are_errors_still() -> None:
    """A kind of a newer service is a FirstSightError; names of other things in the module are no kinds."""
    for kind in ("NewError", "difflib", "__name__"):
        made, _ = client(httpx2.Response(422, json={"error": {"kind": kind, "message": "m", "request": "1"}}))
        with pytest.raises(FirstSightError, match="m"):
            made.identities()


def test_keys_names_and_pages() -> None:
    """The key goes as a bearer, a gallery's name is one part of the path, and long lists come in pages."""
    page = [{"identity": str(n), "references": 1, "metadata": {}} for n in range(1000)]
    made, asked = client(
        httpx2.Response(200, json=page), httpx2.Response(200, json=page[:3]), key="secret", gallery="a/b?c"
    )
    assert len(made.identities(search="x", where={"k": "v"})) == 1003
    assert asked[0].headers["authorization"] == "Bearer secret"
    assert asked[0].url.raw_path.startswith(b"/v1/galleries/a%2Fb%3Fc/identities?")
    assert dict(asked[1].url.params)["after"] == "999"


def test_a_list_begins_again_where_a_page_ended_with_somebody_gone() -> None:
    """Who stood at the end of a page is removed before the next is asked for; a gallery that is none is an error."""
    page = [{"identity": str(n), "references": 1, "metadata": {}} for n in range(1000)]
    gone = httpx2.Response(404, json={"error": {"kind": "MissingError", "message": "m", "request": "1"}})
    made, asked = client(httpx2.Response(200, json=page), gone, httpx2.Response(200, json=page[:-1]), gone, retries=0)
    assert [i.identity for i in made.identities()] == [str(n) for n in range(999)]
    assert "after" not in asked[2].url.params
    with pytest.raises(MissingError):
        made.identities()


def test_as_many_events_as_are_asked_for() -> None:
    """A limit beyond what the service gives at once is met page by page, and not exceeded."""
    told = dict.fromkeys(("verb", "at", "model"), "")
    told |= dict.fromkeys(("identity", "same", "score", "probability", "threshold"))
    pages = [[{"id": n, **told} for n in range(first, last)] for first, last in ((1, 1001), (1001, 1501))]
    made, asked = client(*(httpx2.Response(200, json=page) for page in pages))
    assert [e.id for e in made.events(limit=1500, after=0)] == list(range(1, 1501))
    assert [dict(r.url.params) for r in asked] == [{"after": "0", "limit": "1000"}, {"after": "1000", "limit": "500"}]


def test_no_url_is_refused() -> None:
    """A host alone is no URL."""
    with pytest.raises(UsageError, match="http://"):
        Client("localhost:8000")


def test_it_closes(waited: list[float]) -> None:
    """As a context it closes its connections."""
    made, _ = client(httpx2.Response(404, json={"error": {"kind": "MissingError", "message": "m", "request": "1"}}))
    with made, pytest.raises(MissingError):
        made.image(1)
    use: Callable[[], object] = made.identities
    with pytest.raises(RuntimeError):
        use()
