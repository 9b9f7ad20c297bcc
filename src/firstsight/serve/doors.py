"""What all routes share: their parameters, and what each tells the OpenAPI of role, body, result and refusals."""

from __future__ import annotations

from typing import Annotated, Any

import python_multipart as multipart
from fastapi import Depends, Path, Query, Request, Response
from pydantic import BaseModel

from firstsight.errors import InputError, UsageError
from firstsight.inputs.decode import size_of
from firstsight.serve import bodies
from firstsight.serve.access import OPEN, needs
from firstsight.serve.answers import Refusal
from firstsight.serve.bodies import FORM, JSON, Body, Upload
from firstsight.serve.limits import Asked, body_of
from firstsight.serve.state import Service
from firstsight.types import Finding

TOGETHER = 16
"""Images of the most pixels that one request may bring: others wait as long as they are unpacked, one after another."""


class Fault(BaseModel):
    """What went wrong, in one sentence."""

    kind: str
    message: str
    request: str


class Failed(BaseModel):
    """Every answer that is not a result."""

    error: Fault


class Doubt(Fault):
    """As Fault; where the quality gate refuses, all that it found."""

    findings: list[Finding] = []


class Doubted(BaseModel):
    """What cannot be enrolled."""

    error: Doubt


_WHY = {
    400: "The body is cut off, or not what its Content-Type says.",
    401: "No key came, or it is unknown or expired.",
    403: "The key's role is too low for this.",
    404: "There is no such gallery, identity or reference.",
    408: "The body did not come in time.",
    409: "The gallery's state is in the way: a name is taken, nobody is enrolled, the model is not calibrated.",
    413: "The body, an image or the number of images is too large.",
    415: "The body is neither JSON nor a form.",
    422: "A field is missing or not what it should be, or an image can't be read.",
    429: "More requests came than the rate allows; see Retry-After.",
    503: "Too much is being done already, or the store is out of reach; see Retry-After.",
}


async def service_of(request: Request) -> Service:
    """The service that a request came to."""
    found: Service = request.app.state.service
    return found


async def received(request: Request) -> Upload:
    """The body of a request, within the limits; and a place to work on it.

    Raises:
        Refusal: see :func:`body_of`; or it is of another type (415).
    """
    service: Service = request.app.state.service
    settings = service.settings
    header = request.headers.get("content-type", "")
    kind, options = multipart.multipart.parse_options_header(header.encode("latin-1"))
    boundary = options.get(b"boundary", b"")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refusal(415, InputError("a compressed body came; send it as it is"))
    if kind.decode("latin-1") not in (JSON, FORM):
        raise Refusal(415, InputError(f"the body is neither {JSON} nor {FORM}; send it as one of them"))
    if kind.decode("latin-1") == FORM and not boundary:
        raise Refusal(400, InputError(f"{FORM} came without a boundary; name it in Content-Type"))
    data = await body_of(request, service.queue, most=settings.body_limit << 20, seconds=settings.timeout)
    service.queue.enter(request.state.asked)
    return Upload(kind.decode("latin-1"), boundary, data, settings.images + bodies.BESIDE)


async def actor_of(request: Request) -> str:
    """Name of the key that asks."""
    name: str = request.state.asked.key
    return name


async def asked_of(request: Request) -> Asked:
    """What the request has taken."""
    found: Asked = request.state.asked
    return found


async def placed(request: Request) -> None:
    """A place for a request without a body."""
    request.app.state.service.queue.enter(request.state.asked)


Number = Query(ge=0, le=2**53, description="Only those of a higher id.")
Numbered = Annotated[int, Path(ge=0, le=2**53)]
Size = Annotated[int | None, Query(ge=16, le=1024, description="Pixels of the longer side.")]
The = Annotated[Service, Depends(service_of)]
Came = Annotated[Upload, Depends(received)]
Actor = Annotated[str, Depends(actor_of)]
Taking = Annotated[Asked, Depends(asked_of)]


def door(
    result: Any,
    role: str,
    *,
    status: int = 200,
    body: type[Body] | None = None,
    also: tuple[int, ...] = (),
    gate: bool = False,
    media: str = JSON,
) -> dict[str, Any]:
    """Arguments of a route: who may, what comes, what goes back.

    Args:
        result: type of what the verb returns.
        role: read, enroll, admin; or OPEN.
        status: where all went well.
        body: of the request.
        also: other statuses than those that every route of its kind has.
        gate: whether images pass the quality gate first.
        media: type of the answer, where it is not JSON.
    """
    refusals = set(also)
    if role != OPEN:
        refusals |= {401, 403, 422, 429, 503}
    if body is not None:
        refusals |= {400, 408, 413, 415}
    dependencies = [Depends(needs(role))]
    if role != OPEN and body is None:
        dependencies.append(Depends(placed))
    extra: dict[str, Any] = {} if body is None else bodies.told(body)
    if role != OPEN:
        extra["security"] = [{"key": []}, {}]  # none is needed where none exists
    answers: dict[int | str, dict[str, Any]] = {
        code: {"model": Failed, "description": _WHY[code]} for code in sorted(refusals)
    }
    if gate:
        why = f"{_WHY[422]} Or the quality gate refuses it, and `findings` say why."
        answers[422] = {"model": Doubted, "description": why}
    if media != JSON:
        answers[status] = {"content": {media: {"schema": {"type": "string"}}}}
    return {
        "response_model": result,
        "response_class": Response,
        "status_code": status,
        "responses": answers,
        "dependencies": dependencies,
        "openapi_extra": extra,
    }


def images_of(service: Service, *images: bytes) -> list[bytes]:
    """Images, no more and no larger than the service takes.

    Raises:
        Refusal: there are too many, or one or all of them have too many pixels (413).
        UsageError: one is empty.
    """
    settings, together = service.settings, 0
    if len(images) > settings.images:
        message = f"{len(images)} images came, at most {settings.images} are taken at once; send fewer"
        raise Refusal(413, InputError(message))
    for image in images:
        if not image:
            raise UsageError("an image of 0 bytes came; send the bytes of an image file")
        width, height = size_of(image)
        if width * height > settings.pixels * 1_000_000:
            message = f"an image has {width} x {height} pixels, more than {settings.pixels} million; send a smaller one"
            raise Refusal(413, InputError(message))
        together += width * height
        if together > TOGETHER * settings.pixels * 1_000_000:
            most = TOGETHER * settings.pixels
            message = f"images of more than {most} million pixels together came; send fewer at once, or smaller ones"
            raise Refusal(413, InputError(message))
    return list(images)
