"""What a request may hold: one model a verb, the same from JSON and from a form, strict, and told in the OpenAPI."""

from __future__ import annotations

import base64
import binascii
import json
import threading
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import unquote_to_bytes

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from firstsight.errors import InputError, UsageError, unknown
from firstsight.gallery.gate import NAMES
from firstsight.serve.answers import Refusal
from firstsight.serve.forms import parts_of
from firstsight.types import Record

JSON, FORM = "application/json", "multipart/form-data"
BESIDE = 64  # values of a request beside its images: the fifty keys of metadata, and what else it may say

Name = Annotated[str, Field(min_length=1, max_length=1000, description="An identity.")]
Image = Annotated[bytes, Field(description="The bytes of an image file.")]
Said = Annotated[
    list[Annotated[str, Field(max_length=2000)]], Field(max_length=100, description="`key=value`, each said of it.")
]

Despite = Annotated[
    list[Annotated[str, Field(json_schema_extra={"enum": [*NAMES, "all"]})]],
    Field(max_length=20, description="Findings of the quality gate that are not to count."),
]


class Body(BaseModel):
    """Nothing but the fields that are named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Images(Body):
    """One or more images."""

    images: list[Image] = Field(min_length=1)


class Pair(Body):
    """Two images."""

    left: Image
    right: Image
    why: bool = Field(False, description="Say also which places matched.")


class Recorded(Body):
    """Whether what is done leaves an event, and what the event says."""

    record: bool = Field(False, description="Leave an event.")
    place: str = Field("", max_length=200, description="Which door or counter.")
    direction: Literal["in", "out"] | None = Field(None, description="For attendance.")


class Probed(Recorded):
    """As Recorded, for a probe, which can be kept with the event."""

    keep_image: bool = Field(False, description="Keep the probe with the event.")


class Created(Body):
    """A new gallery."""

    gallery: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$", description="Its name.")
    keep_sources: bool = Field(False, description="Keep the image of each reference.")


class Forget(Body):
    """Until when events are to go."""

    before: str = Field(min_length=1, max_length=40, description="A day, such as 2026-11-23, or a moment.")


class Enroll(Images, Recorded):
    """New references of an identity."""

    identity: Name
    metadata: Said = []
    override: Despite = []


class Check(Images):
    """Images, and whose they are to be; without, of nobody who is enrolled."""

    identity: Name | None = None


class Annotate(Recorded):
    """More that is said of an identity."""

    identity: Name
    metadata: Said = Field(min_length=1, description="`key=value`; `key=` takes a key away.")


class Renamed(Recorded):
    """An identity and its next name."""

    identity: Name
    to: Name


class Merged(Recorded):
    """An identity and the one that gets its references."""

    identity: Name
    into: Name


class Removed(Recorded):
    """An identity that is to go."""

    identity: Name


class Verify(Images, Probed):
    """An identity and its probe, or several of one thing, which are fused."""

    identity: Name


class Identify(Images, Probed):
    """Probes."""

    top: int = Field(5, ge=1, le=1000, description="How many candidates to list.")
    fused: bool = Field(False, description="All images show one thing: there is one match.")
    one_to_one: bool = Field(False, description="Each shows another thing: no identity is the answer twice.")


@dataclass(slots=True)
class Upload:
    """A body as it came.

    Attributes:
        kind: JSON or FORM.
        boundary: between the parts of a form.
        data: the bytes, until they are parsed.
        most: parts of a form, or images in JSON; more are refused before they are looked at.
    """

    kind: str
    boundary: bytes
    data: bytes
    most: int


B = TypeVar("B", bound=Body)
_PARSING = threading.Lock()
"""Parsing makes up to three copies of a body, on the way: of one body at a time. The interpreter does one at a time."""


def parse(body: type[B], upload: Upload) -> B:
    """The fields of a request.

    Raises:
        Refusal: it is cut off or no JSON or form (400), or of too many parts (413).
        UsageError: a field is missing, unknown or not of its type.
    """
    images = {name for name, field in body.model_fields.items() if _of_images(field.annotation)}
    with _PARSING:
        given = _json(upload, images) if upload.kind == JSON else _form(upload, body)
        upload.data = b""  # what is in it was copied; both would be held as long as the request is
    try:
        return body.model_validate(given, strict=upload.kind == JSON)
    except ValidationError as error:
        found = error.errors()
        odd = next((str(one["loc"][0]) for one in found if one["type"] == "extra_forbidden"), None)
        raise _no_field(body, odd) if odd is not None else UsageError(sentence(found)) from None


def record_of(body: Recorded, actor: str) -> Record | None:
    """The record that a request asks for, by the key that asks.

    Raises:
        UsageError: it says what the event is to say, and does not ask for one.
    """
    keep = isinstance(body, Probed) and body.keep_image
    if body.record:
        return Record(body.place, body.direction, actor, keep)
    if body.place or body.direction or keep:
        raise UsageError("place, direction or keep_image came without record; send record too, as true")
    return None


def sentence(errors: Any) -> str:
    """What is wrong with the first field, without what came in it."""
    one = errors[0]
    place = ".".join(str(p) for p in one["loc"] if p not in ("query", "path", "body")) or "the body"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{place[:100]}: {one['msg'][:1].lower()}{one['msg'][1:]}{more}; see /v1/openapi.json for what is expected"


def _no_field(body: type[Body], name: str) -> UsageError:
    return unknown("field", name[:100], body.model_fields)


def told(body: type[Body]) -> dict[str, Any]:
    """The body in the words of OpenAPI, as JSON and as a form."""
    content = {}
    for kind in (JSON, FORM):
        schema = body.model_json_schema()
        schema.pop("title", None)
        for name, field in body.model_fields.items():
            if _of_images(field.annotation):
                one: dict[str, Any] = {"type": "string", "description": "The bytes of an image file."}
                one |= {"contentEncoding": "base64", "minLength": 4} if kind == JSON else {"format": "binary"}
                several = field.annotation is not bytes
                schema["properties"][name] = {"type": "array", "items": one, "minItems": 1} if several else one
        content[kind] = {"schema": schema}
    return {"requestBody": {"required": True, "content": content}}


def _of_images(annotation: Any) -> bool:
    return annotation is bytes or "bytes" in str(annotation)


def _json(upload: Upload, images: set[str]) -> dict[str, Any]:
    try:
        given = json.loads(upload.data, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, json.JSONDecodeError) else "it nests too deep or is not UTF-8"
        raise Refusal(400, InputError(f"the body is not JSON ({reason}); send a JSON object")) from None
    if not isinstance(given, dict):
        raise UsageError(f"the body is a {type(given).__name__}, a JSON object was expected")
    for name in images & set(given):
        several = isinstance(given[name], list)
        if several and len(given[name]) > upload.most:
            raise Refusal(413, InputError(f"{len(given[name])} {name} came at once; send fewer"))
        decoded = [_decoded(name, one) for one in (given[name] if several else [given[name]])]
        given[name] = decoded if several else decoded[0]
    return given


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _decoded(name: str, text: object) -> bytes:
    """The bytes of an image in base64, alone or as a ``data:`` URL, as a canvas and a file reader of a browser give it.

    Raises:
        UsageError: it is neither.
    """
    try:
        if isinstance(text, str):
            data = text.encode("ascii")
            if data[:5].lower() == b"data:":
                head, comma, rest = data.partition(b",")
                if not comma or not head.lower().rstrip().endswith(b";base64"):
                    raise UsageError(
                        f"{name} holds a data: URL without base64; send data:image/png;base64,... or the base64 alone"
                    )
                data = unquote_to_bytes(rest)
            return base64.b64decode(data, validate=True)
    except (binascii.Error, UnicodeEncodeError):
        pass
    raise UsageError(
        f"{name} holds what is not base64; send the bytes of an image file, encoded in base64, or a data: URL of them"
    )


def _form(upload: Upload, body: type[Body]) -> dict[str, Any]:
    """Parts by their names; a field of many values is a list."""
    given: dict[str, Any] = {}
    for name, value in parts_of(upload.data, upload.boundary, most=upload.most):
        field = body.model_fields.get(name)
        if field is None:
            raise _no_field(body, name)
        image = _of_images(field.annotation)
        if image and value[:5].lower() == b"data:":
            value = _decoded(name, value.decode("latin-1"))
        if not image:
            try:
                text = value.decode("utf-8")
            except UnicodeDecodeError:
                raise UsageError(f"{name[:100]} is not UTF-8; send text as UTF-8") from None
        made = value if image else text
        if "list[" in str(field.annotation):
            given.setdefault(name, []).append(made)
        elif name in given:
            raise UsageError(f"{name[:100]} came twice; send it once")
        else:
            given[name] = made
    return given
